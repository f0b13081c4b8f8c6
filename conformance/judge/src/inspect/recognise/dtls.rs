//! DTLS (RFC 6347, RFC 9147) and the SRTP that it makes keys for (RFC 5764), over
//! UDP, and relayed by TURN over UDP or TCP.

mod inside;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{
        Flow, Stream,
        demux::Kind,
        dtls::{
            ClientHello, DTLS12, DTLS13, Fragments, ServerHello,
            loose::{self, BEFORE_RFC, DTLS10},
        },
        relay::{self, By, Relayed},
        rtp,
        tls::{
            self,
            suite::{is_null, weakness},
        },
    },
    inspect::{Claim, Scene},
};
pub(super) use inside::{exported, inside};

/// Profiles of SRTP that do not encrypt (RFC 5764 4.1.2), and octets of their tags.
const NULL_PROFILES: [(u16, usize); 2] = [(0x0005, 10), (0x0006, 4)];
/// How far a sequence number may be from the one before.
const NEAR: u64 = 4096;
/// Octets at the beginning of a record that are looked at for text.
const TEXT: usize = 24;
/// SSRCs that are remembered of a flow.
const MOST_SSRCS: usize = 64;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let sides = [
        Side::read(flow, &flow.from_a),
        Side::read(flow, &flow.from_b),
    ];
    claim(&sides).into_iter().collect()
}

/// Octets of the tags of packets whose profile of SRTP does not encrypt, if a handshake
/// in the flow chose such a one.
pub(super) fn null_tag(flow: &Flow) -> Option<usize> {
    if !may_shake(flow) {
        return None;
    }
    let streams = [&flow.from_a, &flow.from_b].into_iter();
    let mut hellos = streams.filter_map(|stream| Side::read(flow, stream).server);
    hellos.find_map(|hello| tag_of(&hello))
}

fn tag_of(hello: &ServerHello) -> Option<usize> {
    let chosen = hello.srtp.as_ref()?.profiles.first()?;
    let found = NULL_PROFILES.iter().find(|(profile, _)| profile == chosen);
    found.map(|(_, tag)| *tag)
}

/// Media whose keys were made in another flow of the same end, which changed its
/// path (RFC 8445 12): the same SSRC goes on.
pub(super) fn moved(scene: &Scene<'_>) -> Vec<(usize, Claim)> {
    let flows = &scene.traffic.flows;
    let read = |flow: &Flow| {
        [
            Side::read(flow, &flow.from_a),
            Side::read(flow, &flow.from_b),
        ]
    };
    let mut keyed = BTreeMap::new();
    for flow in flows.iter().filter(|flow| may_shake(flow)) {
        let sides = read(flow);
        let srtp = claim(&sides).is_some_and(|claim| claim.kind == "dtls-srtp");
        if srtp && sides.iter().any(|s| s.shook) {
            for ssrc in sides.iter().flat_map(|side| &side.ssrcs) {
                for end in [flow.a, flow.b] {
                    keyed.entry((end, *ssrc)).or_insert(flow.first_packet);
                }
            }
        }
    }
    let mut ends: BTreeSet<_> = keyed.keys().map(|(end, _)| *end).collect();
    ends.retain(|end| {
        flows
            .iter()
            .filter(|f| f.a == *end || f.b == *end)
            .nth(1)
            .is_some()
    });
    let open = flows.iter().enumerate().filter(|(_, flow)| {
        flow.transport == TransportProtocol::Udp
            && (ends.contains(&flow.a) || ends.contains(&flow.b))
    });
    let open = open.filter_map(|(index, flow)| {
        let sides = read(flow);
        let ssrcs: Vec<_> = sides.iter().flat_map(|side| &side.ssrcs).copied().collect();
        claim(&sides).is_none().then_some((index, flow, ssrcs))
    });
    let moved = open.filter_map(|(index, flow, ssrcs)| {
        let mut known = ssrcs.iter().flat_map(|ssrc| {
            let keyed = &keyed;
            [flow.a, flow.b].into_iter().filter_map(move |end| keyed.get(&(end, *ssrc)))
        });
        let first = known.next()?;
        let reason = format!(
            "an SSRC goes on that one of its ends had in a flow with a handshake of DTLS for SRTP, from packet {first} on"
        );
        Some((index, Claim::sealed("dtls-srtp", reason)))
    });
    moved.collect()
}

/// Whether a handshake may be among the first datagrams of a flow.
fn may_shake(flow: &Flow) -> bool {
    const FIRST: usize = 256;
    flow.transport == TransportProtocol::Udp
        && [&flow.from_a, &flow.from_b].into_iter().any(|stream| {
            let mut first = stream.parts().take(FIRST).map(|(_, octets)| octets);
            first.any(has_handshake)
        })
}

/// Whether the beginning of a record with a handshake in clear is somewhere: type,
/// version, epoch 0 and a low number.
fn has_handshake(octets: &[u8]) -> bool {
    memchr::memmem::find_iter(octets, &[tls::HANDSHAKE, 0xfe]).any(|at| {
        let behind = octets.get(at + 2..at + 9);
        matches!(behind, Some([0xfd | 0xff, 0, 0, 0, 0, 0, 0]))
    })
}

/// What one end sent.
#[derive(Debug, Default)]
struct Side {
    /// Whether it said something of a handshake in clear.
    shook: bool,
    client: Option<ClientHello>,
    server: Option<ServerHello>,
    /// Whether a ClientHello or a ServerHello was said, be it whole or not.
    said: BTreeSet<u8>,
    datagrams: usize,
    records: usize,
    protected: usize,
    /// How often the sequence number of a protected record is near the last one.
    near: usize,
    /// Records whose header is unified: DTLS 1.3.
    unified: usize,
    versions: BTreeSet<u16>,
    /// Records that should be protected and begin with text.
    text: usize,
    /// Versions of protected records: hellos may say an older one.
    spoken: BTreeSet<u16>,
    epochs: BTreeSet<u16>,
    first: Option<crate::dissect::Place>,
    media: usize,
    stun: usize,
    rest: usize,
    relayed: bool,
    /// Datagrams of DTLS of which only the beginning was captured.
    cut: usize,
    ssrcs: BTreeSet<u32>,
}

impl Side {
    fn read(flow: &Flow, stream: &Stream) -> Self {
        let mut side = Self::default();
        let datagrams = relay::datagrams(flow, stream);
        let cid = loose::connection_id(datagrams.iter().map(|d| d.octets)).unwrap_or(0);
        let mut fragments = Fragments::default();
        let mut last = None;
        for datagram in &datagrams {
            side.relayed |= !matches!(datagram.by, By::Udp | By::Tcp);
            match Kind::of(datagram.octets) {
                Kind::Dtls if side.dtls(stream, datagram, cid, &mut fragments, &mut last) => {
                    side.datagrams += 1;
                }
                Kind::Dtls if matches!(datagram.octets, [32..=63, _, _, ..]) => side.unified += 1,
                Kind::Stun if relay::is_stun(datagram.octets) => side.stun += 1,
                Kind::Rtp if rtp::is_rtcp(datagram.octets) => side.media += 1,
                Kind::Rtp => match rtp::Header::parse(datagram.octets) {
                    Some(header) => {
                        side.media += 1;
                        if side.ssrcs.len() < MOST_SSRCS {
                            side.ssrcs.insert(header.ssrc);
                        }
                    }
                    None => side.rest += 1,
                },
                _ => side.rest += 1,
            }
        }
        side
    }

    /// Takes a datagram; whether it is DTLS.
    fn dtls(
        &mut self,
        stream: &Stream,
        datagram: &Relayed<'_>,
        cid: usize,
        fragments: &mut Fragments,
        last: &mut Option<(u16, u64)>,
    ) -> bool {
        let records = match datagram.cut {
            false => loose::records(datagram.octets, cid),
            true => loose::cut_records(datagram.octets, cid),
        };
        let Some(records) = records else {
            return false;
        };
        for record in records {
            let fragment = datagram.octets.get(record.fragment.clone());
            let fragment = fragment.unwrap_or_default();
            // What is protected has a MAC or a tag.
            if record.epoch > 0 && fragment.len() < 8 && !datagram.cut {
                return false;
            }
            if record.epoch == 0 {
                if record.content_type == tls::HANDSHAKE
                    && loose::is_handshake(fragment, datagram.cut)
                {
                    self.shook = true;
                    self.said.extend(fragment.first());
                    let at = datagram.at + record.fragment.start;
                    for message in fragments.push(at, fragment) {
                        self.client = self.client.take().or_else(|| ClientHello::parse(&message));
                        let hello = ServerHello::parse(&message);
                        let hello = hello.filter(|h| h.random != tls::HELLO_RETRY_REQUEST);
                        self.server = self.server.take().or(hello);
                    }
                }
            } else {
                self.protected += 1;
                self.epochs.insert(record.epoch);
                self.spoken.insert(record.version);
                let text = |o: &u8| matches!(o, 9 | 10 | 13 | 32..=126);
                let begins = fragment.get(..TEXT);
                self.text += usize::from(begins.is_some_and(|o| o.iter().all(text)));
                let near = last.is_some_and(|(epoch, sequence)| {
                    epoch == record.epoch && sequence.abs_diff(record.sequence) <= NEAR
                });
                self.near += usize::from(near);
                *last = Some((record.epoch, record.sequence));
            }
            self.records += 1;
            self.cut += usize::from(datagram.cut);
            self.versions.insert(record.version);
        }
        if self.first.is_none() {
            self.first = stream.place(datagram.at);
        }
        true
    }

    fn is_silent(&self) -> bool {
        self.datagrams + self.rest + self.unified + self.media == 0
    }
}

fn claim(sides: &[Side; 2]) -> Option<Claim> {
    let sum = |of: fn(&Side) -> usize| sides.iter().map(of).sum::<usize>();
    let records = sum(|s| s.records);
    if records == 0 {
        return None;
    }
    let place = sides
        .iter()
        .filter_map(|s| s.first)
        .min_by_key(|p| p.packet);
    let shook = sides.iter().any(|s| s.shook);
    let server = sides.iter().find_map(|s| s.server.as_ref());
    let client = sides.iter().find_map(|s| s.client.as_ref());
    let thirteen = server.is_some_and(|hello| hello.version == DTLS13)
        || (server.is_none() && shook && sum(|s| s.unified) > 0);
    let unified = sum(|s| s.unified);
    let rest = sum(|s| s.rest) + if thirteen { 0 } else { unified };
    let (media, datagrams) = (sum(|s| s.media), sum(|s| s.datagrams));
    if !shook && !went_on(sides) {
        return None;
    }
    let version = server.map(|hello| hello.version).or_else(|| {
        let mut protected = sides.iter().flat_map(|s| &s.spoken).copied();
        protected.next()
    });
    let mut reason = match shook {
        true => handshake(sides).to_owned(),
        false => format!(
            "joined after the handshake: {records} records of DTLS whose lengths fill {datagrams} datagrams"
        ),
    };
    if shook {
        let count = records + if thirteen { unified } else { 0 };
        reason = format!("{reason}; {count} records of DTLS");
    }
    if sides.iter().any(|s| s.relayed) {
        reason = format!("{reason}, relayed by TURN or in TCP");
    }
    if media > 0 {
        reason = format!("{reason}, and {media} packets in the form of SRTP");
    }
    if let Some(hello) = server {
        reason = format!("{reason}; suite 0x{:04x}", hello.cipher_suite);
        if tag_of(hello).is_some() {
            let reason = format!("{reason}; the profile of SRTP does not encrypt");
            return Some(Claim::unknown("dtls-srtp-null", reason).at(place));
        }
        if is_null(hello.cipher_suite) && hello.cipher_suite != 0 {
            let reason = format!("{reason}, which does not encrypt");
            return Some(Claim::unknown("dtls-null", reason).at(place));
        }
    }
    let text = sum(|s| s.text);
    if text > 0 {
        let reason = format!("{reason}; {text} of them begin with text in clear");
        return Some(Claim::unknown("dtls-null", reason).at(place));
    }
    if rest > 2 * (datagrams + media + if thirteen { unified } else { 0 }) {
        let reason = format!("{reason}; {rest} datagrams are neither");
        return Some(Claim::unknown("dtls?", reason).at(place));
    }
    if rest > 0 {
        reason = format!("{reason}; {rest} datagrams are neither");
    }
    let agreed = server.is_some_and(|hello| hello.srtp.is_some());
    // A later version says it where nobody reads it.
    if media > 0 && !agreed && server.is_some_and(|hello| hello.version != DTLS13) {
        let reason = format!("{reason}; the handshake agreed on no keys for them");
        return Some(Claim::unknown("srtp?", reason).at(place));
    }
    let offered = client.is_some_and(|hello| hello.srtp.is_some());
    let unheard = server.is_none_or(|hello| hello.version == DTLS13);
    let kind = match (agreed || offered && unheard || media > 0, version) {
        (true, _) => "dtls-srtp",
        (false, Some(DTLS10 | BEFORE_RFC)) => "dtls1.0",
        (false, Some(DTLS12)) => "dtls1.2",
        (false, Some(DTLS13)) => "dtls1.3",
        _ => "dtls",
    };
    let old = matches!(version, Some(DTLS10 | BEFORE_RFC));
    let old = old.then_some("DTLS 1.0 (RFC 8996 forbids it)");
    let suite = server.and_then(|hello| weakness(hello.cipher_suite));
    let why: Vec<_> = old.into_iter().chain(suite).collect();
    let weak = (!why.is_empty()).then(|| why.join("; "));
    Some(Claim::sealed(kind, reason).weak(weak).at(place))
}

fn handshake(sides: &[Side; 2]) -> &'static str {
    let said = |kind: u8| sides.iter().any(|s| s.said.contains(&kind));
    match (said(tls::CLIENT_HELLO), said(tls::SERVER_HELLO)) {
        (true, true) => "ClientHello and ServerHello",
        (true, false) => "a ClientHello",
        (false, true) => "a ServerHello",
        (false, false) => "a handshake",
    }
}

/// Whether what was sent is the middle of a session: datagrams that are records
/// and nothing else, of one version, in an epoch that is not the first, whose
/// numbers go on.
fn went_on(sides: &[Side; 2]) -> bool {
    let protected: usize = sides.iter().map(|s| s.protected).sum();
    // The length of one that was cut proves nothing.
    let cut: usize = sides.iter().map(|s| s.cut).sum();
    // Nor does one of a version whose octets are as common as 1.0.
    let old = sides.iter().any(|s| s.versions.contains(&BEFORE_RFC));
    if (cut > 0 || old) && protected < 4 {
        return false;
    }
    let steady = sides.iter().filter(|s| !s.is_silent()).all(|side| {
        let low = side.epochs.iter().all(|epoch| *epoch <= 64);
        let near = side.near + 1 + side.epochs.len() >= side.protected;
        let one = side.versions.len() <= 1;
        low && near && one && side.rest + side.unified <= side.datagrams / 16
    });
    protected > 0 && steady
}
