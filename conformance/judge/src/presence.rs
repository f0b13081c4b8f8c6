//! Presence before absence: nothing that was not looked for with open eyes
//! passes. The tap was alive and missed nothing, and what an honest client
//! could see was seen by the judge itself.

use std::{collections::HashSet, net::SocketAddr};

use lightleak_case::{Capture, Carriage, TransportProtocol, Vantage};

use crate::{
    adversary::known_plaintext::Index,
    decoder::{Decoder, DecoderError},
    dissect::{
        FlowState,
        rtp::{self, FoundUnit},
    },
    mark::{self, Mark},
    probe,
    seen::{DOCUMENT_TRACKS, SOUND_TRACK, Seen},
    tone,
};

/// What was there to be seen.
#[derive(Clone, Debug)]
pub struct Presence {
    /// The tap recorded from beginning to end and lost nothing, or why not.
    pub tap: Result<(), String>,
    /// The device did what it does under this stimulus, or why that is not known.
    pub device: Result<(), String>,
    /// There is plaintext to look for, and it is the device's, or why not.
    pub ledger: Result<(), String>,
    /// What the client says that it received is what the wire shows, where the
    /// judge can look, or how they differ.
    pub claims: Result<(), String>,
    /// Marks that the judge read in what the escrowed keys opened, or why it
    /// could not look.
    pub marks: Result<Vec<Mark>, DecoderError>,
}

/// Octets of an access unit that has to be in the ledger; a shorter one may
/// hold no needle.
const TELLING: usize = 256;

/// Samples that hold a whole tone mark wherever they begin: two seconds.
const SOUND_SAMPLES: usize = 2 * 8000;

impl Default for Presence {
    fn default() -> Self {
        let unknown = || Err("nobody looked".to_owned());
        Self {
            tap: unknown(),
            device: unknown(),
            ledger: unknown(),
            claims: Ok(()),
            marks: Ok(Vec::new()),
        }
    }
}

/// Something without which a pass would mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A tap that was alive and missed nothing; of what was stored or logged,
    /// that there is something.
    Tap,
    /// A device that did its part in the session.
    Device,
    /// Plaintext to look for.
    Ledger,
}

impl Presence {
    /// Looks for it. `index` is over the session's ledger.
    pub fn of(
        seen: &Seen<'_>,
        capture: Option<&Capture>,
        index: &Index,
        decoder: &dyn Decoder,
    ) -> Self {
        let mut presence = Self {
            tap: tap(seen, capture),
            ledger: match seen.ledger_bytes {
                0 => Err("the ledger is empty".into()),
                _ => Ok(()),
            },
            claims: claims(seen),
            ..Self::default()
        };
        presence.device = match seen.session.record.stimulus.as_str() {
            _ if seen.is_recording() => {
                let matched = seen.accounts.get(&Vantage::Rest);
                let matched = matched.map_or(0, |a| a.proof.ledger_bytes_matched);
                if matched == 0 && presence.ledger.is_ok() {
                    presence.ledger = Err(
                        "nothing that the escrowed identities open on the card is in the ledger"
                            .into(),
                    );
                }
                presence.marks = recorded_marks(seen, decoder);
                recognised(seen, &presence.marks)
            }
            "no-credentials" | "wrong-credentials" | "expired-token" | "udp-setup"
            | "null-cipher" | "srtp-over-rtsp" | "wrong-fingerprint" | "weak-fingerprint"
            | "avpf-offer" | "sdes-offer" | "dtls-offers" | "unenrolled-viewer"
            | "legacy-requests" => dialogue(seen),
            "tls10-offer" => old_offer(seen),
            "weak-suites" => dialogue(seen).and_then(|()| probe::offered(seen)),
            "early-data" => dialogue(seen).and_then(|()| probe::resumed(seen)),
            "port-sweep" => sweep(seen),
            "guessable-credentials" => probe::guessed(seen),
            "blocked-tls" => probe::blocked(seen),
            // Whatever else was done, an honest client gets to see the mark.
            _ => {
                let media = seen.opened_media();
                presence.ledger = presence.ledger.and_then(|()| sealed(&media, index));
                presence.marks = Seen::marks(&media, decoder);
                recognised(seen, &presence.marks)
            }
        };
        presence
    }

    /// What of the needs is not met.
    pub fn lacks(&self, needs: &[Need], vantage: Vantage) -> Option<&str> {
        needs.iter().find_map(|need| {
            match need {
                // What is held, stored or logged is there, or nobody looks at it.
                Need::Tap if vantage != Vantage::Wire => &Ok(()),
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
    let file = Vantage::Wire.file();
    let capture = capture.ok_or(format!("there is no {file}"))?;
    let traffic = &seen.traffic;
    let alive = traffic.heartbeats.len() == 2;
    let dropped = capture.interfaces.iter().try_fold(0, |sum: u64, i| {
        i.dropped.map(|dropped| sum.saturating_add(dropped))
    });
    let gap = traffic
        .flows
        .iter()
        .find(|f| !f.from_a.gaps.is_empty() || !f.from_b.gaps.is_empty());
    let joined = traffic.flows.iter().find(|f| {
        f.state == FlowState::Joined
            && !(f.from_a.bytes.is_empty() && f.from_b.bytes.is_empty())
            && (seen.is_device(f.a.ip()) || seen.is_device(f.b.ip()))
    });
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
        Some(_) => match (gap, joined) {
            (Some(flow), _) => Err(format!(
                "octets between {} and {} are missing",
                flow.a, flow.b
            )),
            (None, Some(flow)) => Err(format!(
                "the beginning of the connection between {} and {} was not captured",
                flow.a, flow.b
            )),
            (None, None) => Ok(()),
        },
    }
}

/// How much more than its client noticed may be on the wire, in octets: what
/// was on its way when it closed.
const IN_FLIGHT: u64 = 1 << 20;

/// Pictures of a clip that are decoded to find the mark.
const RECORDED_PICTURES: usize = 60;

/// Marks in the clips that the device vouches for.
fn recorded_marks(seen: &Seen<'_>, decoder: &dyn Decoder) -> Result<Vec<Mark>, DecoderError> {
    let mut marks = Vec::new();
    for (_, clip) in seen.clips() {
        for track in clip.movie.tracks.iter().filter(|t| t.is_h264()) {
            let video = track.annex_b(&clip.file.plaintext);
            let pictures = decoder.decode(&video, RECORDED_PICTURES)?;
            marks.extend(pictures.iter().filter_map(mark::read));
        }
    }
    Ok(marks)
}

/// The client's word against the wire's, or the card's.
fn claims(seen: &Seen<'_>) -> Result<(), String> {
    let experience = &seen.session.record.experience;
    if seen.is_recording() {
        let tracks = seen.clips().flat_map(|(_, clip)| &clip.movie.tracks);
        let samples = tracks
            .filter(|t| t.is_h264())
            .map(|t| t.samples.len() as u64);
        let units: u64 = samples.sum();
        return match experience.access_units > units {
            true => Err(format!(
                "the owner says that the card holds {} access units, and {units} are in clips that are vouched for and open",
                experience.access_units
            )),
            false => Ok(()),
        };
    }
    let mut dialogues = seen.dialogues().peekable();
    let sealed = seen
        .served()
        .any(|(_, c)| c.tls.is_some() && c.opened().is_none());
    // What could not be opened, or came beside, may be what it speaks of.
    let datagrams = seen.flows().any(|(flow, _)| {
        let udp = flow.transport == TransportProtocol::Udp;
        udp && (seen.is_device(flow.a.ip()) || seen.is_device(flow.b.ip()))
    });
    if datagrams || sealed && (dialogues.peek().is_none() || experience.media_bytes > 0) {
        return Ok(());
    }
    let (mut units, mut octets) = (0, 0);
    for served in dialogues {
        for frame in &served.dialogue.frames_b {
            let packet = served.stream.bytes.get(frame.payload.clone());
            let packet = packet.unwrap_or_default();
            octets += packet.len() as u64;
            units += u64::from(rtp::Header::parse(packet).is_some_and(|h| h.marker));
        }
    }
    let says = (experience.access_units, experience.media_bytes);
    if says.0 > units || says.1 > octets {
        return Err(format!(
            "the client says that it received {} access units in {} octets, and {units} in {octets} were on the wire",
            says.0, says.1
        ));
    }
    match octets - says.1 > IN_FLIGHT {
        true => Err(format!(
            "the client says that it received {} octets of media, and {octets} were on the wire",
            says.1
        )),
        false => Ok(()),
    }
}

/// What the device sealed is what the ledger says that it produced: to look
/// for something else would find nothing.
fn sealed(media: &[Vec<FoundUnit>], index: &Index) -> Result<(), String> {
    let units = media.iter().flatten();
    let telling: Vec<_> = units.filter(|u| u.annex_b.len() >= TELLING).collect();
    // Parameter sets recur, so one hit may be of another access unit.
    let foreign = |u: &&&FoundUnit| {
        let hits = index.search_raw(&u.annex_b, usize::MAX);
        hits.iter().map(|h| h.matched).sum::<usize>() * 2 < u.annex_b.len()
    };
    match telling.iter().filter(foreign).count() {
        _ if telling.is_empty() => {
            Err("the escrowed keys open no media to compare with the ledger".into())
        }
        0 => Ok(()),
        foreign => Err(format!(
            "{foreign} of {} access units that the escrowed keys open are not in the ledger",
            telling.len()
        )),
    }
}

/// The judge read the device's own marks, of pictures and of sound.
fn recognised(seen: &Seen<'_>, marks: &Result<Vec<Mark>, DecoderError>) -> Result<(), String> {
    let marks = marks.as_ref().map_err(ToString::to_string)?;
    recognise(seen, marks).and_then(|()| recognise_sound(seen))
}

/// The judge read the device's own mark.
fn recognise(seen: &Seen<'_>, marks: &[Mark]) -> Result<(), String> {
    let unit = seen.declaration.device.unit;
    let produced: Vec<_> = seen
        .session
        .ledger
        .tracks
        .iter()
        .filter(|(name, _)| *name != SOUND_TRACK && !DOCUMENT_TRACKS.contains(&&***name))
        .flat_map(|(_, t)| &t.units)
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

/// The judge read the device's own tone mark, if it sent enough sound to hold
/// one and says in the ledger that it made some.
fn recognise_sound(seen: &Seen<'_>) -> Result<(), String> {
    let unit = seen.declaration.device.unit;
    let sound = match seen.is_recording() {
        true => seen.recorded_sound(),
        false => seen.opened_sound(),
    };
    let ledger = &seen.session.ledger.tracks;
    if !ledger.contains_key(SOUND_TRACK) || sound.iter().all(|s| s.len() < SOUND_SAMPLES) {
        return Ok(());
    }
    let mut marks = sound.iter().flat_map(|samples| tone::read(samples));
    match marks.any(|mark| mark.unit == unit) {
        true => Ok(()),
        false => Err(format!(
            "no tone mark of unit {unit} was read from the sound that the escrowed keys open"
        )),
    }
}

/// The judge read a dialogue with the device inside TLS: RTSP, or signalling.
fn dialogue(seen: &Seen<'_>) -> Result<(), String> {
    let mut opened = seen.dialogues().filter(|d| d.opened);
    if opened.any(|d| d.answered().next().is_some()) || seen.signalled().next().is_some() {
        return Ok(());
    }
    let path = seen.declaration.path(&seen.session.record.path);
    let what = match path.map(|path| path.carriage) {
        Some(Carriage::Webrtc) => "HTTP",
        _ => "RTSP",
    };
    Err(format!(
        "no {what} response of the device was read from what the escrowed keys open"
    ))
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

/// Every port of every address was dialled, and the declared ones answered.
fn sweep(seen: &Seen<'_>) -> Result<(), String> {
    let (mut answered, mut open) = (HashSet::new(), HashSet::new());
    for (flow, _) in seen.flows() {
        let tcp = flow.transport == TransportProtocol::Tcp;
        if tcp && flow.state == FlowState::Open {
            open.insert(flow.b);
        }
        if tcp && matches!(flow.state, FlowState::Open | FlowState::Refused) {
            answered.insert(flow.b);
        }
    }
    let addresses = seen.declaration.servers(&seen.session.record.path);
    for address in &addresses {
        let ports = answered
            .iter()
            .filter(|to| to.ip() == *address && to.port() != 0);
        let ports = ports.count();
        if ports < usize::from(u16::MAX) {
            return Err(format!(
                "{ports} of 65535 TCP ports of {address} answered a dial, by accepting or refusing"
            ));
        }
    }
    let endpoints = seen.declaration.endpoints.iter();
    for endpoint in endpoints.filter(|e| addresses.contains(&e.address)) {
        let at = SocketAddr::new(endpoint.address, endpoint.port);
        if endpoint.transport == TransportProtocol::Tcp && !open.contains(&at) {
            return Err(format!("the declared port {at} did not answer"));
        }
    }
    Ok(())
}
