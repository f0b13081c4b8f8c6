//! A network, frame by frame.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpHeaders, IpNumber, PacketBuilder, PacketBuilderStep, TcpHeader};
use lightleak_case::{Capture, Interface, Packet};

/// What a tap recorded.
#[derive(Clone, Debug)]
pub struct Wire {
    pub frames: Vec<Vec<u8>>,
}

impl Wire {
    /// Begins with the tap's heartbeat.
    pub fn new() -> Self {
        Self {
            frames: vec![heartbeat("start")],
        }
    }

    /// The capture, ended with the tap's heartbeat.
    pub fn capture(mut self) -> Capture {
        self.frames.push(heartbeat("end"));
        let packet = |(number, data): (u64, Vec<u8>)| Packet {
            number,
            interface: 0,
            time_ns: number * 1_000,
            original_length: data.len() as u32,
            data: data.into(),
        };
        Capture {
            interfaces: vec![Interface {
                link_type: 1,
                name: "wire".into(),
                description: String::new(),
                snap_length: 0,
                received: None,
                dropped: Some(0),
            }],
            packets: (1..).zip(self.frames).map(packet).collect(),
            ..Capture::default()
        }
    }

    pub fn udp(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let mut frame = Vec::new();
        let step = ip(from.ip(), to.ip()).udp(from.port(), to.port());
        step.write(&mut frame, payload).unwrap();
        self.frames.push(frame);
    }

    /// A packet of another IP protocol.
    pub fn protocol(&mut self, from: SocketAddr, to: SocketAddr, number: u8, payload: &[u8]) {
        self.udp(from, to, payload);
        let frame = self.frames.last_mut().unwrap();
        // Protocol, or Next Header.
        let at = if frame[14] >> 4 == 4 { 23 } else { 20 };
        frame[at] = number;
    }

    /// A packet with that payload alone; the ports mean nothing.
    pub fn ip(&mut self, from: SocketAddr, to: SocketAddr, number: u8, payload: &[u8]) {
        let mut frame = Vec::new();
        let step = ip(from.ip(), to.ip());
        step.write(&mut frame, IpNumber(number), payload).unwrap();
        self.frames.push(frame);
    }

    /// A connection, established.
    pub fn connect(&mut self, client: SocketAddr, server: SocketAddr) -> Tcp {
        let mut tcp = Tcp::new(client, server);
        tcp.segment(self, false, b"", |t| t.syn = true);
        tcp.segment(self, true, b"", |t| t.syn = true);
        tcp.segment(self, false, b"", |_| {});
        tcp
    }

    /// A connection that is refused.
    pub fn refuse(&mut self, client: SocketAddr, server: SocketAddr) {
        let mut tcp = Tcp::new(client, server);
        tcp.segment(self, false, b"", |t| t.syn = true);
        tcp.next[1] = 0;
        tcp.segment(self, true, b"", |t| t.rst = true);
    }
}

/// A TCP connection.
#[derive(Clone, Debug)]
pub struct Tcp {
    ends: [SocketAddr; 2],
    /// Sequence number of the next octet of client and server.
    pub next: [u32; 2],
}

impl Tcp {
    /// One of which nothing was captured yet.
    pub fn new(client: SocketAddr, server: SocketAddr) -> Self {
        let isn = |end: SocketAddr, salt| u32::from(end.port()).wrapping_mul(0x9e37_79b9) ^ salt;
        Self {
            ends: [client, server],
            next: [isn(client, 1), isn(client, 0x5000_0000)],
        }
    }

    /// What one side says, in segments.
    pub fn say(&mut self, wire: &mut Wire, server: bool, octets: &[u8]) {
        for part in octets.chunks(1000) {
            self.segment(wire, server, part, |t| t.psh = true);
        }
        self.segment(wire, !server, b"", |_| {});
    }

    pub fn close(&mut self, wire: &mut Wire) {
        for server in [false, true] {
            self.segment(wire, server, b"", |t| t.fin = true);
            self.segment(wire, !server, b"", |_| {});
        }
    }

    pub fn segment(
        &mut self,
        wire: &mut Wire,
        server: bool,
        payload: &[u8],
        flags: impl FnOnce(&mut TcpHeader),
    ) {
        let (own, other) = (usize::from(server), usize::from(!server));
        let (from, to) = (self.ends[own], self.ends[other]);
        let mut header = TcpHeader::new(from.port(), to.port(), self.next[own], 65_535);
        flags(&mut header);
        header.ack = !header.syn || server;
        if header.ack {
            header.acknowledgment_number = self.next[other];
        }
        let step = payload.len() as u32 + u32::from(header.syn) + u32::from(header.fin);
        self.next[own] = self.next[own].wrapping_add(step);
        let mut frame = Vec::new();
        let step = ip(from.ip(), to.ip()).tcp_header(header);
        step.write(&mut frame, payload).unwrap();
        wire.frames.push(frame);
    }
}

fn ip(from: IpAddr, to: IpAddr) -> PacketBuilderStep<IpHeaders> {
    let link = PacketBuilder::ethernet2([2; 6], [4; 6]);
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => link.ipv4(from.octets(), to.octets(), 64),
        (IpAddr::V6(from), IpAddr::V6(to)) => link.ipv6(from.octets(), to.octets(), 64),
        mixed => panic!("{mixed:?}"),
    }
}

fn heartbeat(what: &str) -> Vec<u8> {
    let mut frame = [[0xff; 6], [2, 0, 0, 0, 0, 0]].concat();
    frame.extend([0x88, 0xb5]);
    frame.extend(format!("lightleak tap {what}").bytes());
    frame.resize(60, 0);
    frame
}
