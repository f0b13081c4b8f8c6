//! SRTP of a session: over UDP, and interleaved in RTSP; opened with the keys
//! that were escrowed, with those that signalling told, and with those that
//! handshakes of DTLS gave. Which key a packet is under is found by trial,
//! whatever anybody says.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    ops::Range,
};

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{
        Flow, Span, Stream, Traffic, dtls, key_attribute, rtp,
        rtsp::{Message, transport::Transport},
    },
    open::{
        escrow::Escrow,
        srtp::{self, Found, KeyRing, MasterKey, Streams},
    },
    seen::Connection,
    webrtc::Agreed,
};

/// Streams of which packets are tried, of one direction of a flow.
const MOST_PACKETS: usize = 1 << 20;

/// What of a session is SRTP.
#[derive(Default)]
pub struct Secured {
    /// The keys that were tried.
    pub ring: KeyRing,
    /// What carries SRTP, or was to carry it.
    pub carriers: Vec<Carrier>,
    /// What was set up, as far as it could be read inside TLS.
    pub setups: Vec<Setup>,
    /// What handshakes of DTLS gave.
    pub agreed: Vec<Agreed>,
    /// Keys that were told: on the connection of which flow, and which.
    told: Vec<(usize, MasterKey)>,
}

/// One direction of a UDP conversation, or of an interleaved channel.
#[derive(Debug)]
pub struct Carrier {
    /// Index of the flow.
    pub flow: usize,
    /// Whether `a` of the flow sends.
    pub from_a: bool,
    /// The channel, if it is interleaved.
    pub channel: Option<u8>,
    /// Who sends.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// Whether SRTP was set up for it.
    pub negotiated: bool,
    /// RTP and RTCP, in the order in which they were captured.
    pub packets: Vec<Packet>,
}

/// A packet of RTP or RTCP by form.
#[derive(Debug)]
pub struct Packet {
    /// Where it lies in its stream: of the flow, or of what was opened of it.
    pub range: Range<usize>,
    /// Where it begins in the capture.
    pub span: Span,
    /// Whether it is RTCP (RFC 5761 4).
    pub is_rtcp: bool,
    /// SSRC of who sends.
    pub ssrc: u32,
    /// Sequence number of RTP.
    pub sequence: u16,
    /// What it holds, if a key opened it.
    pub found: Option<Found>,
}

/// A SETUP that was answered, inside TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Index of the flow of the RTSP connection.
    pub flow: usize,
    /// Address of the device, and port at which it was asked.
    pub device: SocketAddr,
    /// Address of the client.
    pub client: IpAddr,
    /// What the device chose.
    pub transport: Transport,
}

impl Setup {
    /// Whether datagrams between those two, either of them the device, are what
    /// was set up.
    fn is_between(&self, a: SocketAddr, b: SocketAddr) -> bool {
        self.is_from_to(a, b) || self.is_from_to(b, a)
    }

    fn is_from_to(&self, device: SocketAddr, client: SocketAddr) -> bool {
        let is =
            |ports: Option<(u16, u16)>, port| ports.is_some_and(|(a, b)| [a, b].contains(&port));
        let transport = &self.transport;
        device.ip() == transport.source.unwrap_or(self.device.ip())
            && client.ip() == transport.destination.unwrap_or(self.client)
            && is(transport.client_port, client.port())
            && transport
                .server_port
                .is_none_or(|ports| is(Some(ports), device.port()))
    }
}

impl Carrier {
    /// Packets that were opened, and how.
    pub fn opened(&self) -> impl Iterator<Item = (&Packet, &Found)> {
        let packets = self.packets.iter();
        packets.filter_map(|packet| Some((packet, packet.found.as_ref()?)))
    }

    /// Whether it carries SRTP, or was to.
    pub fn is_srtp(&self) -> bool {
        self.negotiated || self.packets.iter().any(|p| p.found.is_some())
    }

    /// RTP of each source that was opened, in the order of its indices, each
    /// packet once.
    pub fn sources(&self) -> Vec<Vec<(&Packet, &Found)>> {
        let mut sources: BTreeMap<u32, BTreeMap<u64, _>> = BTreeMap::new();
        for (packet, found) in self.opened().filter(|(packet, _)| !packet.is_rtcp) {
            let source = sources.entry(packet.ssrc).or_default();
            source.entry(found.index).or_insert((packet, found));
        }
        let in_order = |source: BTreeMap<u64, _>| source.into_values().collect();
        sources.into_values().map(in_order).collect()
    }
}

impl Secured {
    /// Looks for it.
    pub fn of(
        traffic: &Traffic,
        connections: &[Connection],
        escrow: &Escrow,
        is_device: &dyn Fn(IpAddr) -> bool,
    ) -> Self {
        let flows = || traffic.flows.iter().zip(connections).enumerate();
        let (mut told, mut expected) = (Vec::new(), Vec::new());
        for (index, (_, connection)) in flows() {
            let mut keys = Vec::new();
            let messages = connection.dialogue.iter().flat_map(|d| d.messages());
            messages.for_each(|message| signalled(message, &mut keys, &mut expected));
            told.extend(keys.into_iter().map(|key| (index, key)));
        }
        let agreed: Vec<_> = flows()
            .filter_map(|(index, (_, connection))| Agreed::of(index, connection))
            .collect();
        for Agreed { flow, keys, .. } in &agreed {
            told.extend([&keys.client, &keys.server].map(|key| (*flow, key.clone())));
        }
        let keys = told.iter().map(|(_, key): &(usize, MasterKey)| key.clone());
        let keys = escrow.srtp.iter().cloned().chain(keys);
        let mut ring = KeyRing::new(keys);
        expected
            .into_iter()
            .for_each(|(ssrc, roll_over)| ring.expect(ssrc, roll_over));
        let setups: Vec<_> = flows()
            .filter(|(_, (_, connection))| connection.opened().is_some())
            .flat_map(|(index, (flow, connection))| setups(index, flow, connection))
            .collect();
        let mut carriers = Vec::new();
        for (index, (flow, connection)) in flows() {
            match flow.transport {
                TransportProtocol::Udp if is_device(flow.a.ip()) || is_device(flow.b.ip()) => {
                    let mut between = setups.iter().filter(|s| s.is_between(flow.a, flow.b));
                    let by_dtls = connection.dtls.as_ref().is_some_and(offers_srtp);
                    let negotiated = by_dtls || between.any(|s| s.transport.is_secure());
                    for (from_a, stream) in [(true, &flow.from_a), (false, &flow.from_b)] {
                        let mut carrier = Carrier::new(index, flow, from_a, negotiated);
                        let datagrams = stream.parts();
                        carrier.read(
                            &ring,
                            stream,
                            datagrams.map(|(piece, d)| piece.at..piece.at + d.len()),
                        );
                        carriers.push(carrier);
                    }
                }
                _ => carriers.extend(interleaved(&ring, index, flow, connection, &setups)),
            }
        }
        // Without a key and without a word of SRTP it is RTP like any other.
        carriers.retain(|c| !c.packets.is_empty() && (c.negotiated || !ring.is_empty()));
        Self {
            ring,
            carriers,
            setups,
            agreed,
            told,
        }
    }

    /// Whether a carrier is to be under a key for which that holds: one that was
    /// told where it was set up, or where none was told there, any.
    pub fn promises(&self, carrier: &Carrier, is_meant: &dyn Fn(&MasterKey) -> bool) -> bool {
        let agreed = self.agreed.iter().any(|agreed| agreed.flow == carrier.flow);
        let flow = match carrier.channel {
            _ if agreed => Some(carrier.flow),
            Some(_) => Some(carrier.flow),
            None => self.setup(carrier.from, carrier.to).map(|setup| setup.flow),
        };
        let told = self.told.iter().filter(|(of, _)| Some(*of) == flow);
        let mut told = told.map(|(_, key)| key).peekable();
        match told.peek() {
            Some(_) => told.any(is_meant),
            None => self.ring.keys().any(is_meant),
        }
    }

    /// The key that a handshake gave to who sends there.
    pub fn agreed(&self, carrier: &Carrier) -> Option<&MasterKey> {
        let mut agreed = self.agreed.iter().rev();
        let agreed = agreed.find(|agreed| agreed.flow == carrier.flow)?;
        Some(match agreed.client_is_a == carrier.from_a {
            true => &agreed.keys.client,
            false => &agreed.keys.server,
        })
    }

    /// A key that was told on two connections, if there is one.
    pub fn told_twice(&self) -> Option<&MasterKey> {
        let again = |of: usize, key: &MasterKey| {
            let mut told = self.told.iter();
            told.any(|(flow, other)| *flow != of && other.octets() == key.octets())
        };
        let mut told = self.told.iter();
        told.find(|(of, key)| again(*of, key)).map(|(_, key)| key)
    }

    /// The carrier of a direction of a UDP flow, if it carries SRTP.
    pub fn datagrams(&self, flow: usize, from_a: bool) -> Option<&Carrier> {
        let mut carriers = self.carriers.iter();
        carriers
            .find(|c| c.flow == flow && c.from_a == from_a && c.channel.is_none() && c.is_srtp())
    }

    /// What `b` sends on an interleaved channel of a flow, if that is SRTP.
    pub fn channel(&self, flow: usize, channel: u8) -> Option<&Carrier> {
        let mut carriers = self.carriers.iter();
        carriers.find(|c| c.flow == flow && !c.from_a && c.channel == Some(channel) && c.is_srtp())
    }

    /// The SETUP that a UDP flow between those two belongs to, in whichever
    /// direction.
    pub fn setup(&self, a: SocketAddr, b: SocketAddr) -> Option<&Setup> {
        let mut setups = self.setups.iter();
        setups.find(|setup| setup.is_between(a, b))
    }
}

impl std::fmt::Debug for Secured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secured")
            .field("keys", &self.ring.keys().collect::<Vec<_>>())
            .field("carriers", &self.carriers)
            .finish_non_exhaustive()
    }
}

impl Carrier {
    fn new(index: usize, flow: &Flow, from_a: bool, negotiated: bool) -> Self {
        let (from, to) = match from_a {
            true => (flow.a, flow.b),
            false => (flow.b, flow.a),
        };
        Self {
            flow: index,
            from_a,
            channel: None,
            from,
            to,
            negotiated,
            packets: Vec::new(),
        }
    }

    /// Opens what lies there in the stream, as far as it is RTP or RTCP by form.
    fn read(
        &mut self,
        ring: &KeyRing,
        stream: &Stream,
        ranges: impl Iterator<Item = Range<usize>>,
    ) {
        let mut streams = Streams::new(ring);
        for range in ranges.take(MOST_PACKETS) {
            let Some(octets) = stream.bytes.get(range.clone()) else {
                continue;
            };
            let Some((is_rtcp, ssrc, sequence)) = form(octets) else {
                continue;
            };
            let Some(span) = stream.span(range.start, range.len()) else {
                continue;
            };
            let found = match is_rtcp {
                true => streams.rtcp(octets),
                false => streams.rtp(octets),
            };
            self.packets.push(Packet {
                range,
                span,
                is_rtcp,
                ssrc,
                sequence,
                found,
            });
        }
    }
}

/// Whether its client asks for SRTP (RFC 5764 4.1.1).
fn offers_srtp(reading: &dtls::Reading) -> bool {
    let hello = reading.client_hello.as_ref();
    hello.is_some_and(|hello| hello.srtp.is_some())
}

/// Whether a packet is RTCP, its SSRC and its sequence number; `None` if it is
/// neither RTP nor RTCP by form.
fn form(octets: &[u8]) -> Option<(bool, u32, u16)> {
    let &[first, second, s0, s1, a, b, c, d] = octets.first_chunk::<8>()?;
    if first >> 6 != 2 {
        return None;
    }
    if rtp::is_rtcp_type(second) {
        return Some((true, u32::from_be_bytes([a, b, c, d]), 0));
    }
    let ssrc = octets.get(8..)?.first_chunk::<4>()?;
    Some((
        false,
        u32::from_be_bytes(*ssrc),
        u16::from_be_bytes([s0, s1]),
    ))
}

/// Adds the keys and roll-over counters that a message tells.
fn signalled(message: &Message, keys: &mut Vec<MasterKey>, expected: &mut Vec<(u32, u32)>) {
    for mikey in key_attribute::mikeys(message) {
        keys.extend(srtp::of_mikey(&mikey));
        expected.extend(mikey.sessions.iter().map(|s| (s.ssrc, s.roll_over)));
    }
    let cryptos = key_attribute::cryptos(message);
    keys.extend(cryptos.iter().flat_map(srtp::of_crypto));
}

fn setups<'a>(
    index: usize,
    flow: &'a Flow,
    connection: &'a Connection,
) -> impl Iterator<Item = Setup> + 'a {
    let exchanges = connection.dialogue.iter().flat_map(|d| &d.exchanges);
    let setups = exchanges.filter(|e| e.request.method == "SETUP");
    let answers = setups.filter_map(|e| e.response.as_ref());
    let chosen = answers.filter(|r| (200..300).contains(&r.status));
    chosen.filter_map(move |response| {
        let transport = Transport::parse(response.header("transport")?);
        Some(Setup {
            flow: index,
            device: flow.b,
            client: flow.a.ip(),
            transport: transport.into_iter().next()?,
        })
    })
}

/// The channels of a dialogue, in both directions.
fn interleaved(
    ring: &KeyRing,
    index: usize,
    flow: &Flow,
    connection: &Connection,
    setups: &[Setup],
) -> Vec<Carrier> {
    let Some(dialogue) = &connection.dialogue else {
        return Vec::new();
    };
    let sides = [(true, &dialogue.frames_a), (false, &dialogue.frames_b)];
    let mut carriers = Vec::new();
    for (from_a, frames) in sides {
        let stream = connection.said(flow, from_a);
        let channels: BTreeSet<u8> = frames.iter().map(|f| f.channel).collect();
        for channel in channels {
            let negotiated = setups.iter().any(|s| {
                let pair = s.transport.interleaved;
                let is = pair.is_some_and(|(rtp, rtcp)| [rtp, rtcp].contains(&channel));
                s.flow == index && s.transport.is_secure() && is
            });
            let mut carrier = Carrier::new(index, flow, from_a, negotiated);
            carrier.channel = Some(channel);
            let frames = frames.iter().filter(|f| f.channel == channel);
            carrier.read(ring, stream, frames.map(|f| f.payload.clone()));
            carriers.push(carrier);
        }
    }
    carriers
}
