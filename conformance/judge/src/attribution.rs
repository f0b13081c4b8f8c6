//! Attribution: what every captured and stored octet is. What stays unexplained is a
//! finding: to call octets "clear by design" wins nothing, since the octets of
//! the ledger have to be among those that were opened ([`crate::proof`]).

mod canvas;
mod datagrams;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    ops::{AddAssign, Range},
};

use lightleak_case::{Capture, TransportProtocol, Vantage};
use serde::Serialize;

use crate::{
    dissect::{
        Flow, Span, Stream, Traffic, clip_list, mp4,
        tls::{self, Record},
    },
    open::{
        Anatomy,
        age::AgeError,
        srtp::{Found, Part},
    },
    seen::Seen,
    stored::{Clip, Content, Stored},
};

pub use canvas::{Painting, paint_file};

use canvas::Canvas;
use datagrams::{datagram_parts, held_parts};

/// How many places of unexplained octets are kept.
const MOST_PLACES: usize = 16;

/// What octets can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Clear by design: headers of link, network, transport and record, with
    /// explicit nonces and inner content types; of RTP and RTCP in SRTP, with
    /// index and MKI.
    Header,
    /// A handshake, an alert, or a change_cipher_spec.
    Handshake,
    /// What keeps the network running, parsed; the tap's heartbeats.
    Infrastructure,
    /// Ciphertext that the escrowed keys opened.
    Opened,
    /// Ciphertext by its record structure; nothing was opened.
    Identified,
    /// What authenticates ciphertext.
    Tag,
    /// Padding of records, and zeros behind a short frame.
    Padding,
    /// None of these.
    Unexplained,
    /// Neither sent nor stored by the device: what its peers say in clear, and
    /// other hosts of the network.
    Foreign,
}

impl Class {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Class::Header,
        Class::Handshake,
        Class::Infrastructure,
        Class::Opened,
        Class::Identified,
        Class::Tag,
        Class::Padding,
        Class::Foreign,
        Class::Unexplained,
    ];

    /// Its name, as in reports.
    pub fn name(self) -> &'static str {
        match self {
            Class::Header => "header",
            Class::Handshake => "handshake",
            Class::Infrastructure => "infrastructure",
            Class::Opened => "opened",
            Class::Identified => "identified",
            Class::Tag => "tag",
            Class::Padding => "padding",
            Class::Unexplained => "unexplained",
            Class::Foreign => "foreign",
        }
    }
}

/// Octets by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Octets {
    /// [`Class::Header`].
    pub header: u64,
    /// [`Class::Handshake`].
    pub handshake: u64,
    /// [`Class::Infrastructure`].
    pub infrastructure: u64,
    /// [`Class::Opened`].
    pub opened: u64,
    /// [`Class::Identified`].
    pub identified: u64,
    /// [`Class::Tag`].
    pub tag: u64,
    /// [`Class::Padding`].
    pub padding: u64,
    /// [`Class::Unexplained`].
    pub unexplained: u64,
    /// [`Class::Foreign`].
    pub foreign: u64,
}

impl AddAssign for Octets {
    fn add_assign(&mut self, more: Self) {
        for class in Class::ALL {
            *self.count(class) += more.of(class);
        }
    }
}

impl Octets {
    /// How many are of that class.
    pub fn of(mut self, class: Class) -> u64 {
        *self.count(class)
    }

    /// All of them.
    pub fn total(self) -> u64 {
        Class::ALL.into_iter().map(|class| self.of(class)).sum()
    }

    fn count(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Header => &mut self.header,
            Class::Handshake => &mut self.handshake,
            Class::Infrastructure => &mut self.infrastructure,
            Class::Opened => &mut self.opened,
            Class::Identified => &mut self.identified,
            Class::Tag => &mut self.tag,
            Class::Padding => &mut self.padding,
            Class::Unexplained => &mut self.unexplained,
            Class::Foreign => &mut self.foreign,
        }
    }
}

/// What the octets of a session at one vantage are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// Octets by class; together all there are.
    pub octets: Octets,
    /// Octets among the identified ones of sealed chunks that end with their
    /// file: power was cut there, and nobody can open them.
    pub cut: u64,
    /// Where the first unexplained ones are.
    pub unexplained: Vec<Unexplained>,
    canvas: Canvas,
}

/// Octets that nothing explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unexplained {
    /// Name of the stored file that they are in, if they are.
    pub file: Option<String>,
    /// Where; in a file the packet is 0.
    pub span: Span,
    /// What they are not.
    pub why: String,
}

impl Attribution {
    /// Of everything that was captured on the wire.
    pub fn of_wire(seen: &Seen<'_>) -> Self {
        Self::default().wire(seen)
    }

    fn wire(mut self, seen: &Seen<'_>) -> Self {
        if let Some(capture) = seen.session.captures.get(&Vantage::Wire) {
            self.packets(seen, &seen.traffic, capture);
            self.flows(seen);
        }
        self
    }

    /// Of what is held between two protections: RTP in clear, in framing that was
    /// synthesised.
    pub fn of_held(
        seen: &Seen<'_>,
        vantage: Vantage,
        traffic: &Traffic,
        capture: &Capture,
    ) -> Self {
        Self::default().held(seen, vantage, traffic, capture)
    }

    fn held(
        mut self,
        seen: &Seen<'_>,
        vantage: Vantage,
        traffic: &Traffic,
        capture: &Capture,
    ) -> Self {
        self.packets(seen, traffic, capture);
        for (index, flow) in traffic.flows.iter().enumerate() {
            let sides = [(true, flow.a, &flow.from_a), (false, flow.b, &flow.from_b)];
            for (from_a, from, stream) in sides {
                let rest = match seen.is_device(from.ip()) {
                    true => Class::Unexplained,
                    false => Class::Foreign,
                };
                let parts = held_parts(seen, (vantage, index, from_a), stream, rest);
                self.stream(flow, from, stream, &parts);
            }
        }
        self
    }

    /// What each octet of those packets of that capture is.
    pub fn paint(seen: &Seen<'_>, vantage: Vantage, packets: BTreeSet<u64>) -> Painting {
        let blank = Self {
            canvas: Canvas::of(packets),
            ..Self::default()
        };
        let capture = seen.session.captures.get(&vantage);
        let painted = match (vantage, seen.held.get(&vantage), capture) {
            (Vantage::Wire, ..) => blank.wire(seen),
            (_, Some(traffic), Some(capture)) => blank.held(seen, vantage, traffic, capture),
            _ => blank,
        };
        painted.canvas.finish()
    }

    /// Of everything that was stored.
    pub fn of_rest(stored: &[Stored<'_>]) -> Self {
        let mut attribution = Self::default();
        for file in stored {
            attribution.file(file);
        }
        attribution
    }

    fn file(&mut self, file: &Stored<'_>) {
        let length = file.octets.len();
        match &file.content {
            Content::Factory => self.add(Class::Foreign, length),
            Content::Sealed(opened) => match &**opened {
                Ok(clip) => self.clip(file, clip),
                // Its header can be read; what it seals, others may open.
                Err(AgeError::NoMatch { .. }) => self.add(Class::Identified, length),
                Err(error) if error.is_cut() => self.add(Class::Header, length),
                Err(error) => self.miss_in(file, 0..length, &error.to_string()),
            },
            Content::Envelope(Ok(opened)) => {
                self.add(Class::Header, opened.header.len());
                self.add(Class::Opened, opened.sealed.len());
                self.add(Class::Tag, opened.tag.len());
            }
            Content::Envelope(Err(error)) if error.is_cut() => {
                self.add(Class::Identified, length);
                self.cut += length as u64;
            }
            // To call it sealed proves nothing.
            Content::Envelope(Err(error)) => self.miss_in(file, 0..length, &error.to_string()),
            Content::List(Ok(list)) => match &list.end {
                clip_list::End::Wrong(wrong) => {
                    self.add(Class::Header, list.signed);
                    self.miss_in(file, list.signed..length, &wrong.to_string());
                }
                _ => self.add(Class::Header, length),
            },
            Content::List(Err(error)) => self.miss_in(file, 0..length, &error.to_string()),
            Content::Counters | Content::ViewerKeys => self.add(Class::Header, length),
            Content::Unknown if length == 0 => {}
            Content::Unknown => {
                self.miss_in(file, 0..length, "nothing that was declared looks so");
            }
        }
    }

    /// Header, nonce, chunks and what follows them.
    fn clip(&mut self, file: &Stored<'_>, clip: &Clip) {
        let opened = &clip.file;
        self.add(Class::Header, opened.header.len() + opened.nonce.len());
        self.add(Class::Tag, opened.chunks.iter().map(|c| c.tag.len()).sum());
        for piece in &clip.movie.pieces {
            match piece.class {
                mp4::Class::Padding => self.add(Class::Padding, piece.range.len()),
                mp4::Class::Unknown => {
                    let at = opened.place(piece.range.start).unwrap_or(0);
                    let range = at..at + piece.range.len();
                    self.miss_in(file, range, "sealed, and no part of an MP4 file inside");
                }
                _ => self.add(Class::Opened, piece.range.len()),
            }
        }
        let chunks = opened.chunks.iter();
        let end = chunks.map(|c| c.tag.end).max().unwrap_or(opened.nonce.end);
        let left = end..file.octets.len();
        match &opened.stopped {
            _ if left.is_empty() => {}
            Some(error) if error.is_cut() => {
                self.add(Class::Identified, left.len());
                self.cut += left.len() as u64;
            }
            Some(error) => self.miss_in(file, left, &error.to_string()),
            None => self.miss_in(file, left, "octets behind the final chunk"),
        }
    }

    fn miss_in(&mut self, file: &Stored<'_>, range: Range<usize>, why: &str) {
        let span = Span {
            packet: 0,
            offset: range.start,
            length: range.len(),
        };
        let at = Some((Some(file.name), span)).filter(|_| !range.is_empty());
        self.note(range.len(), at, format!("{}: {why}", file.name));
    }

    /// Everything but the payload of TCP and UDP.
    fn packets(&mut self, seen: &Seen<'_>, traffic: &Traffic, capture: &Capture) {
        let kept: BTreeSet<u64> = traffic.infrastructure.iter().map(|m| m.0).collect();
        let odd: BTreeMap<u64, _> = traffic.undissected.iter().map(|u| (u.packet, u)).collect();
        let last = capture.packets.len().saturating_sub(1);
        for (index, packet) in capture.packets.iter().enumerate() {
            let octets = packet.data.len();
            let whole = Span {
                packet: packet.number,
                offset: 0,
                length: octets,
            };
            if let Some(carried) = traffic.carried.get(index).copied().flatten() {
                let ours = [carried.from, carried.to].map(|end| seen.is_device(end.ip()));
                let (header, padding) = match ours {
                    [false, false] => (Class::Foreign, Class::Foreign),
                    _ => (Class::Header, Class::Padding),
                };
                let trailer = packet.data.get(carried.end..).unwrap_or_default();
                let beside = trailer.len() + carried.payload;
                self.add(header, octets.saturating_sub(beside));
                let start = carried.end.saturating_sub(carried.payload);
                self.canvas.paint(packet.number, 0..start, header);
                let behind = match trailer.iter().all(|octet| *octet == 0) {
                    true => padding,
                    false if ours[0] => Class::Unexplained,
                    false => Class::Foreign,
                };
                let end = carried.end.min(octets)..octets;
                self.canvas.paint(packet.number, end, behind);
                match behind {
                    Class::Unexplained => self.miss(
                        trailer.len(),
                        Some(Span {
                            offset: carried.end,
                            length: trailer.len(),
                            ..whole
                        }),
                        "octets behind the IP packet",
                    ),
                    class => self.add(class, trailer.len()),
                }
            } else if kept.contains(&packet.number) {
                self.add(Class::Infrastructure, octets);
                self.canvas
                    .paint(packet.number, 0..octets, Class::Infrastructure);
            } else if let Some(odd) = odd.get(&packet.number) {
                match odd.from.is_none_or(|from| seen.is_device(from)) {
                    true => self.miss(octets, Some(whole), &odd.reason),
                    false => self.add(Class::Foreign, octets),
                }
            } else if index == 0 || index == last {
                // What else it could be, it would have been.
                self.add(Class::Infrastructure, octets);
            } else {
                self.miss(octets, Some(whole), "part of no whole datagram");
            }
        }
    }

    /// The payload of TCP and UDP.
    fn flows(&mut self, seen: &Seen<'_>) {
        let mut placed: HashMap<(SocketAddr, SocketAddr), usize> = HashMap::new();
        for (index, (flow, connection)) in seen.flows().enumerate() {
            if flow.from_a.bytes.is_empty() && flow.from_b.bytes.is_empty() {
                continue;
            }
            let tls = connection.tls.as_ref();
            let opened = connection.opened();
            let sides = [
                (
                    (flow.a, flow.b),
                    &flow.from_a,
                    tls.filter(|t| t.client_hello.is_some())
                        .map(|t| (&t.from_a, t.residue_a)),
                    opened.map(|o| &o.records_a),
                ),
                (
                    (flow.b, flow.a),
                    &flow.from_b,
                    tls.filter(|t| t.server_hello.is_some())
                        .map(|t| (&t.from_b, t.residue_b)),
                    opened.map(|o| &o.records_b),
                ),
            ];
            let own = seen.carries_own(index);
            for (from_a, ((from, to), stream, records, anatomy)) in
                [true, false].into_iter().zip(sides)
            {
                let ours = seen.is_device(from.ip());
                // What only the device can have produced, and none of its
                // addresses sent, is no less unexplained.
                let rest = match ours || own && !seen.is_device(to.ip()) {
                    true => Class::Unexplained,
                    false => Class::Foreign,
                };
                let all = 0..stream.bytes.len();
                let parts = if !ours && !own && !seen.is_device(to.ip()) {
                    vec![(all, Class::Foreign)]
                } else if seen.upkeep.keeps(index) {
                    vec![(all, Class::Infrastructure)]
                } else if tls::is_refusal(stream) {
                    vec![(all, Class::Handshake)]
                } else if seen.is_webrtc(flow, connection) {
                    let carrier = seen.secured.datagrams(index, from_a);
                    datagram_parts(seen, connection, carrier, (stream, from_a), rest)
                } else if let Some(carrier) = seen.secured.datagrams(index, from_a) {
                    let opened = carrier.opened().map(|(p, found)| (p.range.start, found));
                    packet_parts(stream, opened, rest)
                } else {
                    match records {
                        Some((records, residue)) => {
                            let anatomy = anatomy.map_or(&[][..], |a| &a[..]);
                            record_parts(stream, records, residue, anatomy, rest)
                        }
                        None => vec![(all, rest)],
                    }
                };
                let octets: usize = stream.again.iter().map(|r| r.len()).sum();
                *placed.entry((from, to)).or_default() += stream.bytes.len() + octets;
                self.stream(flow, from, stream, &parts);
            }
        }
        // Octets of segments that have no place in a stream.
        let mut carried: BTreeMap<(SocketAddr, SocketAddr), usize> = BTreeMap::new();
        let carrying = seen.traffic.carried.iter().flatten();
        for packet in carrying.filter(|packet| packet.payload > 0) {
            *carried.entry((packet.from, packet.to)).or_default() += packet.payload;
        }
        for ((from, to), octets) in carried {
            let left = octets.saturating_sub(placed.get(&(from, to)).copied().unwrap_or(0));
            match seen.is_device(from.ip()) {
                _ if left == 0 => {}
                true => {
                    let odd = seen.undissected().find(|u| u.from == Some(from.ip()));
                    let span = odd.map(|u| Span {
                        packet: u.packet,
                        offset: 0,
                        length: 0,
                    });
                    self.miss(left, span, "octets that have no place in their stream");
                }
                false => self.add(Class::Foreign, left),
            }
        }
    }

    /// Counts the parts of a stream, and what of them was sent again.
    fn stream(
        &mut self,
        flow: &Flow,
        from: SocketAddr,
        stream: &Stream,
        parts: &[(Range<usize>, Class)],
    ) {
        for (range, class) in parts.iter().filter(|(range, _)| !range.is_empty()) {
            self.canvas.paint_stream(stream, range, *class);
            match class {
                Class::Unexplained => {
                    let span = stream.span(range.start, range.len());
                    let tcp = flow.transport == TransportProtocol::Tcp;
                    let what = if tcp { "a connection" } else { "datagrams" };
                    let why = format!("{from} says something unknown in {what}");
                    self.miss(range.len(), span, &why);
                }
                class => self.add(*class, range.len()),
            }
        }
        for again in &stream.again {
            let first = parts.partition_point(|(range, _)| range.end <= again.start);
            let over = parts[first..]
                .iter()
                .take_while(|(range, _)| range.start < again.end);
            for (range, class) in over {
                let low = range.start.max(again.start);
                self.add(*class, range.end.min(again.end).saturating_sub(low));
            }
        }
    }

    fn add(&mut self, class: Class, octets: usize) {
        *self.octets.count(class) += octets as u64;
    }

    fn miss(&mut self, octets: usize, at: Option<Span>, why: &str) {
        self.note(octets, at.map(|span| (None, span)), why.to_owned());
    }

    /// Counts unexplained octets and keeps their place, if it is known.
    fn note(&mut self, octets: usize, at: Option<(Option<&str>, Span)>, why: String) {
        self.add(Class::Unexplained, octets);
        if let Some((file, span)) = at
            && self.unexplained.len() < MOST_PLACES
        {
            self.unexplained.push(Unexplained {
                file: file.map(str::to_owned),
                span,
                why,
            });
        }
    }
}

/// The parts of a side of a TLS connection, in order and without gap. `rest` is
/// what is in no record.
fn record_parts(
    stream: &Stream,
    records: &[Record],
    residue: Option<usize>,
    anatomy: &[Anatomy],
    rest: Class,
) -> Vec<(Range<usize>, Class)> {
    let mut parts = Parts::default();
    let mut opened = anatomy.iter().peekable();
    let mut protected = false;
    for record in records {
        parts.put(record.at + tls::HEADER, Class::Header);
        if let Some(anatomy) = opened.next_if(|anatomy| anatomy.at == record.at) {
            parts.put_opened(anatomy);
            protected = true;
            continue;
        }
        let class = match record.content_type {
            tls::APPLICATION_DATA => Class::Identified,
            tls::CHANGE_CIPHER_SPEC => Class::Handshake,
            // After the keys are in use, it is one or is called so: Finished of
            // TLS 1.2 is, and nobody opened it.
            _ if !protected => Class::Handshake,
            _ => Class::Identified,
        };
        protected |= record.content_type == tls::APPLICATION_DATA;
        parts.put(record.at + tls::HEADER + record.length, class);
    }
    let end = stream.bytes.len();
    match residue {
        Some(at) => {
            parts.put(at, Class::Identified);
            parts.put(end, rest);
        }
        // A record that the end of the capture cuts short.
        None => parts.put(end, Class::Identified),
    }
    for part in &mut parts.parts {
        part.0.end = part.0.end.min(end);
        part.0.start = part.0.start.min(part.0.end);
    }
    parts.parts
}

/// The parts of datagrams, of which those that begin there were opened as SRTP.
/// `rest` is what is in no other.
fn packet_parts<'a>(
    stream: &Stream,
    opened: impl Iterator<Item = (usize, &'a Found)>,
    rest: Class,
) -> Vec<(Range<usize>, Class)> {
    let mut parts = Parts::default();
    for (at, found) in opened {
        parts.put(at, rest);
        parts.put_packet(at, found, None);
    }
    parts.put(stream.bytes.len(), rest);
    parts.parts
}

/// Parts one behind the other.
#[derive(Default)]
struct Parts {
    parts: Vec<(Range<usize>, Class)>,
    end: usize,
}

impl Parts {
    /// The next part ends there.
    fn put(&mut self, end: usize, class: Class) {
        if end > self.end {
            self.parts.push((self.end..end, class));
            self.end = end;
        }
    }

    /// What is behind the header of a record of TLS or DTLS that was opened.
    fn put_opened(&mut self, record: &Anatomy) {
        let content = match record.content_type {
            tls::APPLICATION_DATA => Class::Opened,
            _ => Class::Handshake,
        };
        for (octets, class) in [
            (record.nonce, Class::Header),
            (record.content, content),
            (record.inside.0, Class::Header),
            (record.inside.1, Class::Padding),
            (record.tag, Class::Tag),
        ] {
            self.put(self.end + octets, class);
        }
    }

    /// An SRTP packet that begins there; `inside` is what is in its ciphertext, if
    /// that is known.
    fn put_packet(&mut self, at: usize, found: &Found, inside: Option<&[(Range<usize>, Class)]>) {
        for (range, part) in &found.opened.layout.parts {
            let class = match part {
                Part::Header | Part::Index | Part::Mki => Class::Header,
                Part::Sealed => Class::Opened,
                Part::Tag => Class::Tag,
            };
            let sealed = inside.filter(|_| *part == Part::Sealed);
            let within = sealed.into_iter().flatten();
            for (within, class) in within.filter(|(r, _)| r.end > range.start) {
                self.put(at + within.end.min(range.end), *class);
            }
            self.put(at + range.end, class);
        }
    }
}
