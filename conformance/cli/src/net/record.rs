//! The tap: turns what flows into packets with real Ethernet, IP, UDP and TCP
//! headers and writes them as pcapng. The framing is synthesised, and the
//! interface description says so.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use etherparse::{
    EtherType, Ethernet2Header, IpHeaders, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header,
    PacketBuilder, PacketBuilderStep, TcpHeader, TcpOptionElement,
};
use lightleak_case::PcapngWriter;
use lightleak_sim::world::Clock;

/// EtherType of the heartbeat: IEEE 802 local experimental 1.
const HEARTBEAT: u16 = 0x88b5;

/// Octets of TCP payload per segment (RFC 6691 on Ethernet).
const SEGMENT_SIZE: usize = 1460;

/// How much every step takes on the simulated link.
const STEP: Duration = Duration::from_micros(1);

/// A tap on one network. Clones write to the same capture.
#[derive(Clone, Debug)]
pub struct Tap(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// `None` after [`Tap::finish`]: what comes later is not recorded.
    writer: Option<PcapngWriter<Vec<u8>>>,
    clock: Arc<dyn Clock>,
    last: Duration,
    /// Segments that overtake one another, if the network is rough.
    rough: Option<Rough>,
}

impl Tap {
    /// Begins the capture with a heartbeat.
    pub fn start(clock: Arc<dyn Clock>, rough: bool) -> Self {
        const DESCRIPTION: &str =
            "user-space tap at the socket; Ethernet, IP, UDP and TCP framing synthesised";
        let writer = PcapngWriter::new(Vec::new(), "wire", DESCRIPTION)
            .expect("writing to memory does not fail");
        let last = clock.unix();
        let rough = rough.then(Rough::default);
        let tap = Self(Arc::new(Mutex::new(State {
            writer: Some(writer),
            clock,
            last,
            rough,
        })));
        tap.state().heartbeat("start");
        tap
    }

    /// Ends the capture with a heartbeat and the counters of the tap, and
    /// hands out the file.
    pub fn finish(&self) -> Vec<u8> {
        let mut state = self.state();
        state.release_all();
        state.heartbeat("end");
        let end = nanoseconds(state.last);
        match state.writer.take() {
            // This tap sits in the sender's call, so it can't miss a packet.
            Some(writer) => writer
                .finish(end, 0)
                .expect("writing to memory does not fail"),
            None => Vec::new(),
        }
    }

    /// A connection that was opened.
    pub fn tcp(&self, client: SocketAddr, server: SocketAddr) -> TcpFlow {
        let mut flow = TcpFlow {
            tap: self.clone(),
            ends: [End::new(client, 1), End::new(server, 2)],
        };
        flow.segment(Side::Client, &[], |t| t.syn = true);
        flow.segment(Side::Server, &[], |t| t.syn = true);
        flow.segment(Side::Client, &[], |_| {});
        flow
    }

    /// A connection that was refused.
    pub fn tcp_refused(&self, client: SocketAddr, server: SocketAddr) {
        let mut flow = TcpFlow {
            tap: self.clone(),
            ends: [End::new(client, 1), End::new(server, 2)],
        };
        flow.segment(Side::Client, &[], |t| t.syn = true);
        // RFC 9293 3.10.7.1: a reset of a port that is closed has sequence number 0.
        flow.ends[1].next = 0;
        flow.segment(Side::Server, &[], |t| t.rst = true);
        flow.ends.iter_mut().for_each(|end| end.finished = true);
    }

    /// A datagram.
    pub fn udp(&self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let mut frame = Vec::with_capacity(payload.len() + 62);
        link_and_ip(from.ip(), to.ip())
            .udp(from.port(), to.port())
            .write(&mut frame, payload)
            .expect("a datagram fits its length fields");
        self.state().frame(frame);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who opened it.
    Client,
    /// Who accepted it.
    Server,
}

/// The segments of one connection (RFC 9293).
#[derive(Debug)]
pub struct TcpFlow {
    tap: Tap,
    ends: [End; 2],
}

#[derive(Debug)]
struct End {
    address: SocketAddr,
    /// Sequence number of its next octet.
    next: u32,
    finished: bool,
}

impl End {
    /// Initial sequence numbers differ between flows, so that a port that is
    /// used again is another connection.
    fn new(address: SocketAddr, salt: u32) -> Self {
        let next = u32::from(address.port())
            .wrapping_mul(0x9e37_79b9)
            .wrapping_add(salt << 20);
        Self {
            address,
            next,
            finished: false,
        }
    }
}

impl TcpFlow {
    /// Octets that one side sent, and the acknowledgement of the other.
    pub fn data(&mut self, from: Side, octets: &[u8]) {
        for segment in octets.chunks(SEGMENT_SIZE) {
            self.segment(from, segment, |t| t.psh = true);
        }
        self.segment(from.other(), &[], |_| {});
    }

    /// One side has nothing more to say.
    pub fn finish(&mut self, from: Side) {
        if self.ends[from as usize].finished {
            return;
        }
        self.ends[from as usize].finished = true;
        self.tap.state().release_all();
        self.segment(from, &[], |t| t.fin = true);
        self.segment(from.other(), &[], |_| {});
    }

    fn segment(&mut self, from: Side, payload: &[u8], flags: impl FnOnce(&mut TcpHeader)) {
        let (own, other) = (&self.ends[from as usize], &self.ends[from.other() as usize]);
        let mut tcp = TcpHeader::new(own.address.port(), other.address.port(), own.next, 65_535);
        flags(&mut tcp);
        // The first SYN has nothing to acknowledge.
        tcp.ack = !(tcp.syn && from == Side::Client);
        if tcp.ack {
            tcp.acknowledgment_number = other.next;
        }
        if tcp.syn {
            let options = [
                TcpOptionElement::MaximumSegmentSize(SEGMENT_SIZE as u16),
                TcpOptionElement::WindowScale(7),
            ];
            tcp.set_options(&options).expect("two short options fit");
        }
        let step = payload.len() as u32 + u32::from(tcp.syn) + u32::from(tcp.fin);
        let (from_address, to_address) = (own.address, other.address);
        self.ends[from as usize].next = self.ends[from as usize].next.wrapping_add(step);

        let mut frame = Vec::with_capacity(payload.len() + 90);
        link_and_ip(from_address.ip(), to_address.ip())
            .tcp_header(tcp)
            .write(&mut frame, payload)
            .expect("a segment fits its length fields");
        let mut state = self.tap.state();
        if payload.is_empty() {
            state.frame(frame)
        } else {
            state.data_frame(frame)
        }
    }
}

impl Drop for TcpFlow {
    fn drop(&mut self) {
        self.finish(Side::Client);
        self.finish(Side::Server);
    }
}

impl Side {
    /// The other end.
    pub fn other(self) -> Self {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

impl State {
    fn frame(&mut self, frame: Vec<u8>) {
        self.last = self.clock.unix().max(self.last + STEP);
        if let Some(writer) = &mut self.writer {
            writer
                .packet(nanoseconds(self.last), &frame)
                .expect("writing to memory does not fail");
        }
    }

    /// A segment with payload: on a rough network it may come twice or late.
    fn data_frame(&mut self, frame: Vec<u8>) {
        let Some(rough) = &mut self.rough else {
            return self.frame(frame);
        };
        for frame in rough.pass(frame) {
            self.frame(frame);
        }
    }

    fn release_all(&mut self) {
        let held = self
            .rough
            .as_mut()
            .map(|r| std::mem::take(&mut r.held))
            .unwrap_or_default();
        for (_, frame) in held {
            self.frame(frame);
        }
    }

    fn heartbeat(&mut self, what: &str) {
        let mut frame = Vec::new();
        let header = Ethernet2Header {
            source: [2, 0, 0, 0, 0, 0],
            destination: [0xff; 6],
            ether_type: EtherType(HEARTBEAT),
        };
        header
            .write(&mut frame)
            .expect("writing to memory does not fail");
        frame.extend_from_slice(format!("lightleak tap {what}").as_bytes());
        frame.resize(60, 0);
        self.frame(frame);
    }
}

/// What a tap sees of a network that loses and reorders: a segment that was
/// lost behind the tap comes again, one that was lost before it comes late.
#[derive(Debug, Default)]
struct Rough {
    seen: u32,
    /// After how many further segments, and what.
    held: Vec<(u32, Vec<u8>)>,
}

impl Rough {
    fn pass(&mut self, frame: Vec<u8>) -> Vec<Vec<u8>> {
        self.seen += 1;
        let mut out = Vec::new();
        match self.seen % 16 {
            5 => self.held.push((2, frame.clone())),
            9 => self.held.push((4, frame.clone())),
            13 => {
                out.push(frame.clone());
                self.held.push((3, frame));
            }
            _ => out.push(frame),
        }
        for (left, _) in &mut self.held {
            *left -= 1;
        }
        let due;
        (due, self.held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|(l, _)| *l == 0);
        out.extend(due.into_iter().map(|(_, frame)| frame));
        out
    }
}

/// Ethernet and IP headers between two hosts.
fn link_and_ip(from: IpAddr, to: IpAddr) -> PacketBuilderStep<IpHeaders> {
    let link = PacketBuilder::ethernet2(hardware_address(from), hardware_address(to));
    let ip = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut ip = Ipv4Header::new(0, 64, IpNumber::TCP, from.octets(), to.octets())
                .expect("an empty payload fits");
            ip.dont_fragment = true;
            IpHeaders::Ipv4(ip, Default::default())
        }
        (from, to) => {
            let octets = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            IpHeaders::Ipv6(
                Ipv6Header {
                    traffic_class: 0,
                    flow_label: Ipv6FlowLabel::ZERO,
                    payload_length: 0,
                    next_header: IpNumber::TCP,
                    hop_limit: 64,
                    source: octets(from),
                    destination: octets(to),
                },
                Default::default(),
            )
        }
    };
    link.ip(ip)
}

/// A locally administered address, made from the IP address.
fn hardware_address(ip: IpAddr) -> [u8; 6] {
    let octets = match ip {
        IpAddr::V4(ip) => ip.octets(),
        IpAddr::V6(ip) => {
            let o = ip.octets();
            [o[12], o[13], o[14], o[15]]
        }
    };
    [2, 0, octets[0], octets[1], octets[2], octets[3]]
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
