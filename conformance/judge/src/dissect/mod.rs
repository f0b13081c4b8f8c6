//! From link to application: bytes to flows to readings. No opinions.
//!
//! Nothing here panics, loops or grows without bound on hostile input.

pub(crate) mod base64;
pub(crate) mod bits;
pub mod cenc;
pub mod clip_list;
pub mod container;
pub mod datagram;
pub mod demux;
pub mod dtls;
pub mod flv;
pub mod h264;
pub mod hevc;
pub mod http;
pub mod ike;
pub mod infrastructure;
pub mod ip;
pub mod jpeg;
pub mod key_attribute;
pub mod link;
pub mod mikey;
pub mod mp4;
pub mod openvpn;
pub mod other;
pub mod pcmu;
pub mod quic;
pub mod records;
pub mod relay;
pub mod rtmp;
pub mod rtp;
pub mod rtsp;
pub mod sctp;
pub mod sdp;
pub mod stream;
pub mod stun;
pub mod tcp;
pub mod tls;
pub mod transport;
mod tunnel;
pub mod tuya;
pub mod udp;
pub mod websocket;
pub mod x509;
pub mod zrtp;

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    ops::Range,
};

pub use other::OtherProtocol;
pub use stream::{Piece, Place, Span, Stream};
pub use udp::Tunnel;

use lightleak_case::{Capture, Packet, TransportProtocol};

use datagram::{Chunk, Datagram};

/// Everything that was seen in one capture.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// TCP connections, UDP conversations and SCTP associations, those inside of
    /// tunnels too, in order of their first packet.
    pub flows: Vec<Flow>,
    /// Times of the tap's heartbeats at the beginning and the end, nanoseconds
    /// since 1970.
    pub heartbeats: Vec<u64>,
    /// Packets that belong to no flow and keep the network running, and what
    /// they say.
    pub infrastructure: Vec<(u64, infrastructure::Message)>,
    /// What could not be dissected, in order of the packets.
    pub undissected: Vec<Undissected>,
    /// Packets of which only a part was captured.
    pub cut: u64,
    /// What each packet carries for TCP, UDP or SCTP, by its number less one; none
    /// where it carries something else. Of a tunnel, what the packet inside carries.
    pub carried: Vec<Option<Carried>>,
    /// UDP conversations that are tunnels; [`Traffic::tunnel`] finds one.
    pub tunnels: Vec<Tunnel>,
    /// What hosts send each other in other IP protocols, in order of the first packet.
    pub other_protocols: Vec<OtherProtocol>,
}

impl Traffic {
    /// The tunnel that a flow is, or was for a part of its datagrams.
    pub fn tunnel(&self, flow: &Flow) -> Option<&Tunnel> {
        if flow.transport != TransportProtocol::Udp {
            return None;
        }
        let pair = (flow.a.min(flow.b), flow.a.max(flow.b));
        let at = self
            .tunnels
            .binary_search_by_key(&pair, Tunnel::pair)
            .ok()?;
        self.tunnels.get(at)
    }
}

/// What a packet carries for TCP, UDP or SCTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Its sender.
    pub from: SocketAddr,
    /// Its receiver.
    pub to: SocketAddr,
    /// Octets of payload in this packet.
    pub payload: usize,
    /// Where the IP packet ends in it; padding of the link may follow.
    pub end: usize,
}

/// A packet, or octets of one, that could not be dissected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undissected {
    /// Number of the packet.
    pub packet: u64,
    /// Why.
    pub reason: String,
    /// Who sent it, if it is an IP packet.
    pub from: Option<IpAddr>,
    /// Its IP protocol, if it is one of no flow.
    pub protocol: Option<u8>,
}

/// A TCP connection, a UDP conversation or an SCTP association.
#[derive(Clone, Debug)]
pub struct Flow {
    /// TCP, UDP or SCTP.
    pub transport: TransportProtocol,
    /// Who opened it: the sender of the SYN, else of the first packet.
    pub a: SocketAddr,
    /// The other end.
    pub b: SocketAddr,
    /// How far the connection or association came; UDP is always
    /// [`FlowState::Open`].
    pub state: FlowState,
    /// What `a` sent.
    pub from_a: Stream,
    /// What `b` sent.
    pub from_b: Stream,
    /// Number of its first packet.
    pub first_packet: u64,
    /// How many packets it has.
    pub packets: u64,
}

impl Flow {
    /// One of which nothing is known but who began it, and in which packet.
    fn new(
        transport: TransportProtocol,
        a: SocketAddr,
        b: SocketAddr,
        state: FlowState,
        first_packet: u64,
    ) -> Self {
        Self {
            transport,
            a,
            b,
            state,
            from_a: Stream::default(),
            from_b: Stream::default(),
            first_packet,
            packets: 0,
        }
    }

    /// The parts of both directions, those of `a` first.
    pub fn parts(&self) -> impl Iterator<Item = (&Piece, &[u8])> {
        let streams = [&self.from_a, &self.from_b];
        streams.into_iter().flat_map(Stream::parts)
    }

    /// Octets of payload that are kept of it.
    pub fn kept(&self) -> usize {
        self.from_a.bytes.len() + self.from_b.bytes.len()
    }

    /// Octets of memory that its streams take.
    pub fn weight(&self) -> usize {
        self.from_a.weight() + self.from_b.weight()
    }

    /// Octets of payload that were captured, each once.
    pub fn octets(&self) -> u64 {
        self.kept() as u64 + self.from_a.left_out + self.from_b.left_out
    }

    /// The same between the same two, with other octets: those inside a protection.
    pub fn carrying(&self, from_a: Stream, from_b: Stream) -> Self {
        let Self {
            transport,
            a,
            b,
            state,
            first_packet,
            packets,
            ..
        } = *self;
        Self {
            transport,
            a,
            b,
            state,
            from_a,
            from_b,
            first_packet,
            packets,
        }
    }
}

/// How far a TCP connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowState {
    /// A SYN that nobody answered.
    Unanswered,
    /// A SYN that was answered with RST: nothing listens there.
    Refused,
    /// Established, or data was seen.
    Open,
    /// No SYN was captured: the connection began before, and who opened it is
    /// not known.
    Joined,
}

/// Dissects a capture. Every packet ends in a flow, as infrastructure, as a
/// heartbeat, or in [`Traffic::undissected`]; of a packet in a flow, parts that
/// have no place in its stream are named there too. A heartbeat is the first
/// packet or the last: anybody can send frames that look like it.
pub fn dissect(capture: &Capture) -> Traffic {
    let mut dissector = Dissector::default();
    dissector.traffic.carried = vec![None; capture.packets.len()];
    dissector.add(capture, true);
    let mut traffic = dissector.traffic;
    traffic.flows.sort_by_key(|flow| flow.first_packet);
    traffic
}

/// Packets of each kind that wait for others at the end of a part.
const MOST_WAITING: usize = 8192;

/// Dissects a capture part by part.
#[derive(Default)]
pub struct Dissector {
    traffic: Traffic,
    connections: tcp::Connections<'static>,
    conversations: udp::Conversations,
    associations: sctp::Associations<'static>,
    others: other::Others,
    control: infrastructure::Control,
    /// Packets of parts before that wait for others.
    waiting: [Vec<Packet>; 2],
}

impl Dissector {
    /// Adds the next part, and what is there of everything if it is the `last`.
    pub fn add(&mut self, part: &Capture, last: bool) {
        let waiting = std::mem::take(&mut self.waiting);
        let mut dissection = Dissection {
            traffic: std::mem::take(&mut self.traffic),
            fragments: ip::Fragments::default(),
            connections: std::mem::take(&mut self.connections),
            conversations: std::mem::take(&mut self.conversations),
            associations: std::mem::take(&mut self.associations),
            others: std::mem::take(&mut self.others),
            control: std::mem::take(&mut self.control),
            looks_for: Some(Again::Fragments),
            link: 0,
            time_ns: 0,
        };
        let link_type = |packet: &Packet| {
            let interface = part.interfaces.get(packet.interface);
            interface.map(|i| i.link_type)
        };
        let [fragments, segments] = &waiting;
        for packet in fragments {
            dissection.packet(packet, link_type(packet), false);
        }
        dissection.looks_for = Some(Again::Segments);
        for packet in segments {
            dissection.packet(packet, link_type(packet), false);
        }
        dissection.looks_for = None;
        let end = part.packets.len().saturating_sub(1);
        for (index, packet) in part.packets.iter().enumerate() {
            let outermost = index == 0 || index == end;
            dissection.packet(packet, link_type(packet), last && outermost);
        }

        let mut incomplete = [Vec::new(), Vec::new()];
        if !last {
            let now = dissection.time_ns;
            incomplete[0] = dissection.fragments.waiting(now, MOST_WAITING);
        }
        dissection.cut_datagrams();
        let flows = &mut dissection.traffic.flows;
        incomplete[1] = dissection.connections.deliver(flows, last, MOST_WAITING);
        self.waiting = incomplete.map(|mut numbers| {
            numbers.sort_unstable();
            numbers.dedup();
            let [fragments, segments] = &waiting;
            let all = || fragments.iter().chain(segments).chain(&part.packets);
            let waits = |packet: &&Packet| numbers.binary_search(&packet.number).is_ok();
            let copied = |packet: &Packet| Packet {
                // Not the whole part has to wait.
                data: packet.data.to_vec().into(),
                ..*packet
            };
            match numbers.is_empty() {
                true => Vec::new(),
                false => all().filter(waits).map(copied).collect(),
            }
        });
        self.associations = dissection.associations.deliver(flows);
        self.connections = dissection.connections.emptied();
        self.conversations = dissection.conversations;
        self.others = dissection.others;
        self.control = dissection.control;
        self.traffic = dissection.traffic;
        self.traffic.tunnels = self.conversations.tunnels();
        if last {
            let traffic = &mut self.traffic;
            traffic.undissected.sort_by_key(|u| u.packet);
            traffic.other_protocols = std::mem::take(&mut self.others).finish();
        }
    }

    /// What was seen so far; flows are in order of when they were found.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The flows, of whose streams octets may be left out ([`Stream::leave_out`]).
    pub fn flows_mut(&mut self) -> &mut [Flow] {
        &mut self.traffic.flows
    }

    /// Forgets what was noted of packets that are in no flow.
    pub fn forget_notes(&mut self) {
        self.traffic.undissected.clear();
        self.traffic.infrastructure.clear();
    }
}

/// A part of a capture, half dissected.
struct Dissection<'a> {
    traffic: Traffic,
    fragments: ip::Fragments<'a>,
    connections: tcp::Connections<'a>,
    conversations: udp::Conversations,
    associations: sctp::Associations<'a>,
    others: other::Others,
    control: infrastructure::Control,
    /// Only what it is looked for counts: the packet was dissected before.
    looks_for: Option<Again>,
    /// The interface of the packet at hand and what lies before its IP packet, in
    /// short.
    link: u64,
    /// When it was captured.
    time_ns: u64,
}

/// What is dissected once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// IP fragments.
    Fragments,
    /// TCP segments that were counted.
    Segments,
}

/// What ESP that does not encrypt carries from end to end: its protocol, and where.
fn in_transport_mode(datagram: &Datagram<'_>) -> Option<(u8, Range<usize>)> {
    if datagram.protocol != tunnel::ESP || datagram.missing > 0 {
        return None;
    }
    let ends = (datagram.source, datagram.destination);
    tunnel::esp::transport(&joined(&datagram.chunks), ends)
}

/// What lies around a UDP datagram.
#[derive(Clone, Copy)]
struct Around {
    /// Source and Destination Address.
    network: (IpAddr, IpAddr),
    identification: u16,
    /// In how many tunnels it lies.
    depth: usize,
}

impl<'a> Dissection<'a> {
    /// `outermost`: whether it is the first or the last of the capture.
    fn packet(&mut self, packet: &'a Packet, link_type: Option<u16>, outermost: bool) {
        if u64::from(packet.original_length) > packet.data.len() as u64 && self.looks_for.is_none()
        {
            self.traffic.cut += 1;
        }
        let chunk = Chunk {
            data: &packet.data,
            packet: packet.number,
            offset: 0,
            time_ns: packet.time_ns,
        };
        self.time_ns = packet.time_ns;
        let Some(link_type) = link_type else {
            let why = format!("no interface {}", packet.interface);
            return self.note(packet.number, why, None, None);
        };
        self.frame(link::read(chunk, link_type), packet, outermost);
    }

    fn frame(&mut self, frame: link::Frame<'a>, captured: &'a Packet, outermost: bool) {
        let number = captured.number;
        match frame {
            link::Frame::Ip(chunk) => {
                let before = captured.data.get(..chunk.offset).unwrap_or_default();
                self.link = in_short(captured.interface, before);
                match ip::read(chunk) {
                    Ok(packet) => self.ip(packet, 0),
                    Err(why) => self.note(number, why, ip::source(chunk), None),
                }
            }
            link::Frame::Arp(chunk) => self.arp(chunk.data, number),
            link::Frame::Heartbeat if outermost => {
                self.traffic.heartbeats.push(captured.time_ns);
            }
            link::Frame::Heartbeat => {
                let why = "a heartbeat amid the capture".to_owned();
                self.note(number, why, None, None);
            }
            link::Frame::Several(frames) => {
                for frame in frames {
                    self.frame(frame, captured, false);
                }
            }
            link::Frame::Undissected(why) => self.note(number, why, None, None),
        }
    }

    fn arp(&mut self, octets: &[u8], number: u64) {
        match infrastructure::arp(octets) {
            Some(message) => self.infrastructure(number, message),
            None => self.note(number, "ARP that does not parse".into(), None, None),
        }
    }

    /// `depth`: in how many tunnels it lies.
    fn ip(&mut self, packet: ip::Packet<'a>, depth: usize) {
        match packet {
            ip::Packet::Whole(datagram) => self.datagram(datagram, depth),
            ip::Packet::Fragment(fragment) if fragment.content.chunks.len() > 1 => {
                let content = fragment.content;
                let why = "an IP fragment inside of fragments".to_owned();
                self.note(content.packet, why, Some(content.source), None);
            }
            ip::Packet::Fragment(_) if self.looks_for == Some(Again::Segments) => {}
            ip::Packet::Fragment(fragment) => {
                let (whole, odd) = self.fragments.add(&fragment);
                self.traffic.undissected.extend(odd);
                if let Some(datagram) = whole {
                    let looks_for = self.looks_for.take();
                    self.datagram(datagram, depth);
                    self.looks_for = looks_for;
                }
            }
        }
    }

    fn datagram(&mut self, mut datagram: Datagram<'a>, depth: usize) {
        let (number, from) = (datagram.packet, Some(datagram.source));
        if datagram.protocol == other::AH && self.looks_for.is_none() {
            self.others.add(other::AH, &datagram, None);
        }
        if let Err(why) = ip::pass_extensions(&mut datagram) {
            return self.note(number, why, from, None);
        }
        let protocol = datagram.protocol;
        let ends = |c: &Chunk<'_>| (c.packet, c.offset + c.data.len());
        let ends: Vec<_> = datagram.chunks.iter().map(ends).collect();
        match protocol {
            transport::TCP => match transport::tcp(datagram) {
                Ok(_) if self.looks_for == Some(Again::Fragments) => {}
                Ok((mut packet, segment)) => {
                    self.carries(&packet, &ends);
                    if self.looks_for.is_some() {
                        packet.packets = 0;
                    }
                    let flows = &mut self.traffic.flows;
                    if let Some(why) = self.connections.segment(flows, &packet, segment) {
                        self.note(number, why.to_owned(), from, None);
                    }
                }
                Err(why) => self.note(number, why, from, Some(protocol)),
            },
            transport::UDP => {
                let around = Around {
                    network: (datagram.source, datagram.destination),
                    identification: datagram.identification,
                    depth,
                };
                match transport::udp(datagram) {
                    Ok(packet) => self.udp(packet, around, &ends),
                    Err(why) => self.note(number, why, from, Some(protocol)),
                }
            }
            sctp::SCTP => match sctp::read(datagram) {
                Ok(_) if self.looks_for.is_some() => {}
                Ok((transport, packet)) => {
                    self.carries(&transport, &ends);
                    let flows = &mut self.traffic.flows;
                    if let Some(why) = self.associations.packet(flows, &transport, packet) {
                        self.note(number, why.to_owned(), from, None);
                    }
                }
                Err(why) => self.note(number, why, from, Some(protocol)),
            },
            _ => self.other(datagram, depth),
        }
    }

    fn udp(&mut self, packet: transport::Transport<'a>, around: Around, ends: &[(u64, usize)]) {
        self.carries(&packet, ends);
        let (source, destination) = around.network;
        let found = match around.depth < tunnel::DEEPEST {
            true => tunnel::in_datagram(&joined(&packet.payload), packet.missing),
            false => None,
        };
        if let Some(why) = &packet.odd {
            self.note(packet.packet, why.clone(), Some(source), None);
        }
        let flows = &mut self.traffic.flows;
        let Some(inside) = found else {
            if self.looks_for.is_some() {
                return;
            }
            let sighting = udp::Sighting {
                link: self.link,
                identification: around.identification,
                time_ns: self.time_ns,
            };
            return self.conversations.datagram(flows, &packet, sighting);
        };
        if self.looks_for.is_none() {
            self.conversations.tunnelled(flows, &packet, inside.name);
        }
        let payload = Datagram {
            source,
            destination,
            protocol: transport::UDP,
            chunks: packet.payload,
            missing: packet.missing,
            open: false,
            identification: around.identification,
            packet: packet.packet,
            packets: packet.packets,
        };
        self.inside(inside, payload, around.depth);
    }

    /// A packet of another IP protocol: the network's control, or a tunnel, or what
    /// nobody looks into.
    fn other(&mut self, mut datagram: Datagram<'a>, depth: usize) {
        let (number, from, protocol) = (datagram.packet, Some(datagram.source), datagram.protocol);
        let found = match depth < tunnel::DEEPEST {
            true => tunnel::in_packet(protocol, &joined(&datagram.chunks), datagram.missing),
            false => None,
        };
        if let Some(inside) = found {
            if self.looks_for.is_none() {
                self.others.add(protocol, &datagram, Some(inside.name));
            }
            return self.inside(inside, datagram, depth);
        }
        if let Some((next, at)) = in_transport_mode(&datagram).filter(|_| depth < tunnel::DEEPEST) {
            if self.looks_for.is_none() {
                self.others.add(protocol, &datagram, Some("esp-null"));
            }
            datagram.protocol = next;
            datagram.truncate(at.end);
            datagram.skip(at.start);
            return self.datagram(datagram, depth + 1);
        }
        if self.looks_for.is_some() {
            return;
        }
        match self.control.read(&datagram) {
            Some(message) => self.infrastructure(number, message),
            None => {
                self.others.add(protocol, &datagram, None);
                let why = format!("IP protocol {protocol}");
                self.note(number, why, from, Some(protocol));
            }
        }
    }

    /// What a tunnel has inside, which lies in that payload.
    fn inside(&mut self, inside: tunnel::Inside, mut payload: Datagram<'a>, depth: usize) {
        let (number, from) = (payload.packet, Some(payload.source));
        match inside.content {
            link::Content::Ip(at) => {
                payload.truncate(at.end);
                payload.skip(at.start);
                match ip::read_inside(payload) {
                    Ok(packet) => self.ip(packet, depth + 1),
                    Err(why) => self.note(number, why, from, None),
                }
            }
            link::Content::Arp(at) => {
                payload.truncate(at.end);
                payload.skip(at.start);
                self.arp(&joined(&payload.chunks), number);
            }
            _ => {}
        }
    }

    /// `ends`: of the packets that brought it, where the IP packet ends in each.
    fn carries(&mut self, packet: &transport::Transport<'_>, ends: &[(u64, usize)]) {
        let place = |number: u64| usize::try_from(number).unwrap_or(0).wrapping_sub(1);
        for &(number, end) in ends {
            if let Some(carried) = self.traffic.carried.get_mut(place(number)) {
                *carried = Some(Carried {
                    from: packet.from,
                    to: packet.to,
                    payload: 0,
                    end,
                });
            }
        }
        for chunk in &packet.payload {
            if let Some(Some(carried)) = self.traffic.carried.get_mut(place(chunk.packet)) {
                carried.payload += chunk.data.len();
            }
        }
    }

    fn infrastructure(&mut self, packet: u64, message: infrastructure::Message) {
        if self.looks_for.is_none() {
            self.traffic.infrastructure.push((packet, message));
        }
    }

    fn note(&mut self, packet: u64, reason: String, from: Option<IpAddr>, protocol: Option<u8>) {
        if self.looks_for.is_some() {
            return;
        }
        self.traffic.undissected.push(Undissected {
            packet,
            reason,
            from,
            protocol,
        });
    }

    /// Datagrams of which fragments are missing, as far as they go.
    fn cut_datagrams(&mut self) {
        let (incomplete, odd) = std::mem::take(&mut self.fragments).finish();
        for datagram in incomplete {
            // Cut as it is, nothing inside of it holds together.
            self.datagram(datagram, tunnel::DEEPEST);
        }
        self.traffic.undissected.extend(odd);
    }
}

/// The octets of chunks, one behind the other.
fn joined<'a>(chunks: &[Chunk<'a>]) -> Cow<'a, [u8]> {
    match chunks {
        [] => Cow::Borrowed(&[]),
        [only] => Cow::Borrowed(only.data),
        several => Cow::Owned(
            several
                .iter()
                .flat_map(|chunk| chunk.data)
                .copied()
                .collect(),
        ),
    }
}

/// An interface and the headers of a link, in short (FNV-1a).
fn in_short(interface: usize, headers: &[u8]) -> u64 {
    const PRIME: u64 = 0x0100_0000_01b3;
    let seed = 0xcbf2_9ce4_8422_2325 ^ interface as u64;
    let step = |hash: u64, octet: &u8| (hash ^ u64::from(*octet)).wrapping_mul(PRIME);
    headers.iter().fold(seed, step)
}
