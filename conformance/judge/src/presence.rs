//! Presence before absence: nothing that was not looked for with open eyes
//! passes. The tap was alive and missed nothing, and what an honest client
//! could see was seen by the judge itself.

use lightleak_case::{Capture, TransportProtocol};

use crate::{decoder::Decoder, dissect::FlowState, mark::Mark, seen::Seen};

/// What was there to be seen.
#[derive(Clone, Debug)]
pub struct Presence {
    /// The tap recorded from beginning to end and lost nothing, or why not.
    pub tap: Result<(), String>,
    /// The device did what it does under this stimulus, or why that is not known.
    pub device: Result<(), String>,
    /// There is plaintext to look for, or why not.
    pub ledger: Result<(), String>,
    /// Marks that the judge read in what the escrowed keys opened.
    pub marks: Vec<Mark>,
}

impl Default for Presence {
    fn default() -> Self {
        let unknown = || Err("nobody looked".to_owned());
        Self {
            tap: unknown(),
            device: unknown(),
            ledger: unknown(),
            marks: Vec::new(),
        }
    }
}

/// Something without which a pass would mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A tap that was alive and missed nothing.
    Tap,
    /// A device that did its part in the session.
    Device,
    /// Plaintext to look for.
    Ledger,
}

impl Presence {
    /// Looks for it.
    pub fn of(seen: &Seen<'_>, capture: Option<&Capture>, decoder: &dyn Decoder) -> Self {
        let mut presence = Self {
            tap: tap(seen, capture),
            ledger: ledger(seen),
            ..Self::default()
        };
        presence.device = match seen.session.record.stimulus.as_str() {
            "no-credentials" | "wrong-credentials" | "udp-setup" => dialogue(seen),
            "tls10-offer" => old_offer(seen),
            "port-sweep" => sweep(seen),
            // Whatever else was done, an honest client gets to see the mark.
            _ => seen
                .opened_marks(decoder)
                .map_err(|e| e.to_string())
                .and_then(|marks| {
                    presence.marks = marks;
                    recognise(seen, &presence.marks)
                }),
        };
        presence
    }

    /// What of the needs is not met.
    pub fn lacks(&self, needs: &[Need]) -> Option<&str> {
        needs.iter().find_map(|need| {
            match need {
                Need::Tap => &self.tap,
                Need::Device => &self.device,
                Need::Ledger => &self.ledger,
            }
            .as_ref()
            .err()
            .map(String::as_str)
        })
    }
}

fn tap(seen: &Seen<'_>, capture: Option<&Capture>) -> Result<(), String> {
    let file = seen.vantage.file();
    let capture = capture.ok_or(format!("there is no {file}"))?;
    let traffic = &seen.traffic;
    let first = capture.packets.first().map(|p| p.time_ns);
    let last = capture.packets.last().map(|p| p.time_ns);
    let alive = traffic.heartbeats.len() >= 2
        && traffic.heartbeats.first().copied() == first
        && traffic.heartbeats.last().copied() == last;
    let dropped = capture
        .interfaces
        .iter()
        .map(|i| i.dropped)
        .sum::<Option<u64>>();
    let gap = traffic
        .flows
        .iter()
        .find(|f| !f.from_a.gaps.is_empty() || !f.from_b.gaps.is_empty());
    match dropped {
        _ if capture.truncated => Err(format!("{file} ends in the middle of a block")),
        _ if !alive => Err(format!(
            "{file} lacks the tap's heartbeat at its start or end"
        )),
        None => Err(format!(
            "{file} does not say how many packets the tap dropped"
        )),
        Some(n) if n > 0 => Err(format!("the tap dropped {n} packets")),
        Some(_) if traffic.cut > 0 => Err(format!("{} packets were cut", traffic.cut)),
        Some(_) => match gap {
            Some(flow) => Err(format!(
                "octets between {} and {} are missing",
                flow.a, flow.b
            )),
            None => Ok(()),
        },
    }
}

fn ledger(seen: &Seen<'_>) -> Result<(), String> {
    if seen.ledger_bytes > 0 {
        Ok(())
    } else {
        Err("the ledger is empty".into())
    }
}

/// The judge read the device's own mark.
fn recognise(seen: &Seen<'_>, marks: &[Mark]) -> Result<(), String> {
    let unit = seen.declaration.device.unit;
    let produced: Vec<_> = seen
        .session
        .ledger
        .tracks
        .values()
        .flat_map(|t| &t.units)
        .map(|u| u.number)
        .collect();
    match marks.iter().find(|m| m.unit == unit) {
        Some(mark) if produced.is_empty() || produced.contains(&mark.frame) => Ok(()),
        Some(mark) => Err(format!(
            "frame {} was read and is not in the ledger",
            mark.frame
        )),
        None => {
            let why = seen.served().find_map(|(_, c)| match &c.opened {
                Some(Err(error)) => Some(format!(": {error}")),
                _ => None,
            });
            let why = why.unwrap_or_default();
            Err(format!(
                "no mark of unit {unit} was read from what the escrowed keys open{why}"
            ))
        }
    }
}

/// The judge read an RTSP dialogue with the device inside TLS.
fn dialogue(seen: &Seen<'_>) -> Result<(), String> {
    match seen.opened_exchanges().any(|(e, _)| e.response.is_some()) {
        true => Ok(()),
        false => {
            Err("no RTSP response of the device was read from what the escrowed keys open".into())
        }
    }
}

/// A handshake of today succeeded, and offers of old versions were made.
fn old_offer(seen: &Seen<'_>) -> Result<(), String> {
    let hellos = || seen.served().filter_map(|(_, c)| c.tls.as_ref());
    if !hellos().any(|t| t.server_hello.is_some_and(|h| h.version >= 0x0303)) {
        return Err("no handshake of TLS 1.2 or later was seen".into());
    }
    for (version, name) in [(0x0301, "TLS 1.0"), (0x0302, "TLS 1.1")] {
        let offered = |t: &&crate::dissect::tls::TlsReading| {
            t.client_hello
                .as_ref()
                .is_some_and(|h| h.highest_version() == version)
        };
        if !hellos().any(|t| offered(&t)) {
            return Err(format!("no offer of {name} was seen"));
        }
    }
    Ok(())
}

/// Every port was dialled, and the declared ones answered.
fn sweep(seen: &Seen<'_>) -> Result<(), String> {
    let mut dialled = vec![false; 1 << 16];
    for (flow, _) in seen.flows() {
        if flow.transport == TransportProtocol::Tcp && seen.is_device(flow.b.ip()) {
            dialled[usize::from(flow.b.port())] = flow.state != FlowState::Unanswered;
        }
    }
    let answered = dialled.iter().filter(|d| **d).count();
    if answered < usize::from(u16::MAX) {
        return Err(format!(
            "{answered} of 65535 TCP ports answered a dial, by accepting or refusing"
        ));
    }
    for endpoint in &seen.declaration.endpoints {
        if endpoint.transport == TransportProtocol::Tcp
            && !seen.served().any(|(f, _)| f.b.port() == endpoint.port)
        {
            return Err(format!(
                "the declared port {} did not answer",
                endpoint.port
            ));
        }
    }
    Ok(())
}
