//! Captures to time the eavesdropper on: many flows of SRTP and of TLS, side by side.

use lightleak_case::PcapngWriter;

use crate::random;

/// Octets of payload of a packet of RTP, and of a TCP segment.
const RTP: usize = 1164;
const SEGMENT: usize = 1400;
/// Octets of a record of TLS.
const RECORD: usize = 16 << 10;

/// A capture (pcapng) of about so many octets in so many flows: every second one SRTP
/// over UDP whose keys nobody sees, the others TLS 1.3 over TCP.
pub fn capture(octets: usize, flows: u16) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::with_capacity(octets + octets / 8), "tap", "")
        .expect("memory takes it");
    let mut ends: Vec<_> = (0..flows).map(End::new).collect();
    let (mut written, mut time) = (0, 1_700_000_000_000_000_000);
    let mut packet = |octets: &[u8]| {
        time += 1000;
        written += octets.len() + 32;
        writer.packet(time, octets).expect("memory takes it");
        written
    };
    for end in &ends {
        if end.is_tls() {
            for octets in end.handshake() {
                packet(&octets);
            }
        }
    }
    'all: loop {
        for end in &mut ends {
            if packet(&end.next()) >= octets {
                break 'all;
            }
        }
    }
    writer.finish(time, 0).expect("memory takes it")
}

/// Who sends in a flow.
struct End {
    flow: u16,
    packets: u32,
    /// Octets of TLS records that were sent.
    sent: usize,
}

/// Octets of the ServerHello with its record.
const ANSWERED: u32 = 5 + 4 + 34 + 4 + 2 + 6;

impl End {
    fn new(flow: u16) -> Self {
        Self {
            flow,
            packets: 0,
            sent: 0,
        }
    }

    fn is_tls(&self) -> bool {
        self.flow % 2 == 1
    }

    /// SYN, SYN-ACK, ClientHello and ServerHello (RFC 8446 4.1).
    fn handshake(&self) -> Vec<Vec<u8>> {
        let random = random(u64::from(self.flow) + 1, 64);
        let versions = [0, 43, 0, 3, 2, 3, 4];
        let hello = [
            &[22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3][..],
            &random[..32],
            &[0, 0, 2, 0x13, 1, 1, 0],
        ];
        let hello = with_extension(hello.concat(), &versions);
        let answer = [
            &[22, 3, 3, 0, 0, 2, 0, 0, 0, 3, 3][..],
            &random[32..],
            &[0, 0x13, 1, 0],
        ];
        let answer = with_extension(answer.concat(), &[0, 43, 0, 2, 3, 4]);
        vec![
            self.tcp(true, 0xFFFF_FFFF, 2, &[]),
            self.tcp(false, 0xFFFF_FFFF, 0x12, &[]),
            self.tcp(true, 0, 0x18, &hello),
            self.tcp(false, 0, 0x18, &answer),
        ]
    }

    fn next(&mut self) -> Vec<u8> {
        self.packets += 1;
        // Nothing is there twice: ciphers do not repeat themselves.
        let seed = u64::from(self.packets) << 16 | u64::from(self.flow);
        if self.is_tls() {
            let mut octets = random(seed, SEGMENT);
            let before = self.sent;
            self.sent += octets.len();
            let first = before.next_multiple_of(RECORD);
            let [high, low] = ((RECORD - 5) as u16).to_be_bytes();
            for start in [first, before - before % RECORD] {
                for (place, octet) in (start..).zip([23, 3, 3, high, low]) {
                    if (before..self.sent).contains(&place) {
                        octets[place - before] = octet;
                    }
                }
            }
            return self.tcp(false, ANSWERED + before as u32, 0x10, &octets);
        }
        let header = [
            &[0x80, 96][..],
            &(self.packets as u16).to_be_bytes(),
            &(self.packets / 8 * 3000).to_be_bytes(),
            &(0x1000 + u32::from(self.flow)).to_be_bytes(),
        ];
        self.udp(&[header.concat(), random(seed, RTP)].concat())
    }

    fn udp(&self, payload: &[u8]) -> Vec<u8> {
        let length = (8 + payload.len()) as u16;
        let header = [
            (40_000 + self.flow).to_be_bytes(),
            5004_u16.to_be_bytes(),
            length.to_be_bytes(),
            [0, 0],
        ];
        self.ip(17, false, &[&header.concat(), payload].concat())
    }

    fn tcp(&self, from_client: bool, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
        let (client, server) = ((40_000 + self.flow).to_be_bytes(), [1, 187]);
        let (from, to) = match from_client {
            true => (client, server),
            false => (server, client),
        };
        let header = [
            &from[..],
            &to,
            &sequence.to_be_bytes(),
            &[0; 4],
            &[0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0],
        ];
        self.ip(6, !from_client, &[&header.concat(), payload].concat())
    }

    fn ip(&self, protocol: u8, back: bool, payload: &[u8]) -> Vec<u8> {
        let [high, low] = self.flow.to_be_bytes();
        let (here, there) = ([10, 1, high, low], [192, 0, 2, 9]);
        let (from, to) = if back { (there, here) } else { (here, there) };
        let length = (20 + payload.len()) as u16;
        let header = [
            &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..],
            &[0x45, 0],
            &length.to_be_bytes(),
            &[0, 0, 0x40, 0, 64, protocol, 0, 0],
            &from,
            &to,
        ];
        [&header.concat(), payload].concat()
    }
}

/// Puts an extension behind a hello, and the lengths right.
fn with_extension(mut hello: Vec<u8>, extension: &[u8]) -> Vec<u8> {
    hello.extend((extension.len() as u16).to_be_bytes());
    hello.extend(extension);
    let length = (hello.len() - 5) as u16;
    hello[3..5].copy_from_slice(&length.to_be_bytes());
    hello[7..9].copy_from_slice(&(length - 4).to_be_bytes());
    hello
}
