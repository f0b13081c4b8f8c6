//! Access units in, RTP packets out (RFC 6184, packetization-mode 1), and what
//! RTCP says about them (RFC 3550). No keys.

mod feedback;
mod packets;

use std::time::Duration;

use bytes::Bytes;

use crate::h264::AccessUnit;

pub use feedback::Feedback;
pub use packets::Packets;

/// Octets of the RTP header that every packet has (RFC 3550 5.1).
pub const HEADER_LENGTH: usize = 12;
/// The smallest size that packets can be limited to: a header, a fragment's
/// two octets, and room for a content that is worth it.
pub const SMALLEST_PACKET: usize = 64;

/// What the packets of one track have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketizerConfig {
    /// Payload type, 7 bits.
    pub payload_type: u8,
    /// Synchronization source.
    pub ssrc: u32,
    /// Sequence number of the first packet.
    pub first_sequence: u16,
    /// Ticks of the RTP clock per second.
    pub clock_rate: u32,
    /// What is added, modulo 2^32, to the time stamps of the track.
    pub time_offset: u32,
    /// The largest RTP packet in octets, header included and not less than
    /// [`SMALLEST_PACKET`]. Whoever protects packets leaves room for what that
    /// adds here, and in the buffer ([`Packets::with_room`]).
    pub max_packet: usize,
}

/// Why there is no packetizer or no RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// The payload type has more than 7 bits.
    #[error("payload_type is {0}, not from 0 to 127")]
    PayloadType(u8),
    /// Packets would be too small to fragment into.
    #[error("max_packet is {0}, not at least {SMALLEST_PACKET}")]
    MaxPacket(usize),
    /// The CNAME does not fit its octet of length (RFC 3550 6.5.1).
    #[error("cname is {0} octets long, not from 1 to 255")]
    CnameLength(usize),
}

/// Packetizes the access units of one track.
#[derive(Clone, Debug)]
pub struct Packetizer {
    config: PacketizerConfig,
    sequence: u16,
    packet_count: u32,
    octet_count: u32,
}

impl Packetizer {
    /// A packetizer that has sent nothing.
    ///
    /// # Errors
    ///
    /// [`RtpError`] names the field of `config` that is outside its limits.
    pub fn new(config: PacketizerConfig) -> Result<Self, RtpError> {
        if config.payload_type > 127 {
            return Err(RtpError::PayloadType(config.payload_type));
        }
        if config.max_packet < SMALLEST_PACKET {
            return Err(RtpError::MaxPacket(config.max_packet));
        }
        Ok(Self {
            config,
            sequence: config.first_sequence,
            packet_count: 0,
            octet_count: 0,
        })
    }

    /// Replaces the content of `packets` by the packets of `unit`: a single NAL
    /// unit packet (RFC 6184 5.6) for each NAL unit that fits one, FU-As
    /// (RFC 6184 5.8) for the others; the marker bit is on the last packet.
    /// Neighbours that are no slices (parameter sets, SEI) share a STAP-A
    /// (RFC 6184 5.7.1) where two or more fit one: they are small, and whoever
    /// reads packetization-mode 1 reads it.
    pub fn packetize(&mut self, unit: &AccessUnit, packets: &mut Packets) {
        packets.clear();
        self.append(unit, packets);
    }

    /// Adds the packets of `unit` to those that are there, as
    /// [`packetize`](Self::packetize) makes them.
    pub fn append(&mut self, unit: &AccessUnit, packets: &mut Packets) {
        let before = packets.len();
        let time = unit.rtp_time.wrapping_add(self.config.time_offset);
        let room = self.config.max_packet - HEADER_LENGTH;
        let mut rest = &unit.nal_units[..];
        while let Some((first, behind)) = rest.split_first() {
            let shared = aggregable(rest, room);
            if shared > 1 {
                self.push_aggregate(packets, time, &rest[..shared]);
                rest = &rest[shared..];
                continue;
            }
            match first.split_first() {
                None => {}
                Some(_) if first.len() <= room => self.push(packets, time, &[], first),
                Some((&header, content)) => self.push_fragments(packets, time, header, content),
            }
            rest = behind;
        }
        if let Some(last) = packets.slots[before..].last() {
            packets.bytes[last.start + 1] |= MARKER;
        }
    }

    /// The sequence number that the next packet will have.
    pub fn next_sequence(&self) -> u16 {
        self.sequence
    }

    /// Replaces the content of `packets` by one packet with this payload (RFC
    /// 3551), no longer than fits, for the time stamp `rtp_time` of the track.
    pub fn packetize_octets(&mut self, payload: &[u8], rtp_time: u32, packets: &mut Packets) {
        packets.clear();
        let time = rtp_time.wrapping_add(self.config.time_offset);
        let room = self.config.max_packet - HEADER_LENGTH;
        self.push(packets, time, &[], &payload[..payload.len().min(room)]);
    }

    /// What a sender report sent at `now` since 1970 says, where the time
    /// stamp `rtp_time` of the track is for the moment `taken`.
    pub fn sender_report(&self, now: Duration, taken: Duration, rtp_time: u32) -> SenderReport {
        let rate = u128::from(self.config.clock_rate);
        let ticks = |time: Duration| time.as_nanos() * rate / 1_000_000_000;
        // Both clocks count modulo 2^32, so the truncation is the point.
        let since = (ticks(now) as u32).wrapping_sub(ticks(taken) as u32);
        SenderReport {
            ssrc: self.config.ssrc,
            ntp_time: ntp_time(now),
            rtp_time: rtp_time
                .wrapping_add(self.config.time_offset)
                .wrapping_add(since),
            packet_count: self.packet_count,
            octet_count: self.octet_count,
        }
    }

    fn push_aggregate(&mut self, packets: &mut Packets, time: u32, nal_units: &[Bytes]) {
        // None has the F bit; the highest NRI is that of the packet.
        let importance = nal_units.iter().map(|nal| nal[0] & 0x60).max();
        let mut payload = vec![importance.unwrap_or(0) | STAP_A];
        for nal in nal_units {
            // Checked to fit 16 bits.
            payload.extend_from_slice(&(nal.len() as u16).to_be_bytes());
            payload.extend_from_slice(nal);
        }
        self.push(packets, time, &[], &payload);
    }

    fn push_fragments(&mut self, packets: &mut Packets, time: u32, header: u8, rest: &[u8]) {
        // F and NRI of the NAL unit with the type of the fragment.
        let indicator = header & 0xe0 | FU_A;
        let room = self.config.max_packet - HEADER_LENGTH - 2;
        let last = rest.len().div_ceil(room) - 1;
        for (index, fragment) in rest.chunks(room).enumerate() {
            let start = if index == 0 { FU_START } else { 0 };
            let end = if index == last { FU_END } else { 0 };
            let fu_header = start | end | header & 0x1f;
            self.push(packets, time, &[indicator, fu_header], fragment);
        }
    }

    fn push(&mut self, packets: &mut Packets, time: u32, prefix: &[u8], payload: &[u8]) {
        let mut header = [0; HEADER_LENGTH];
        header[..2].copy_from_slice(&[VERSION, self.config.payload_type]);
        header[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        header[4..8].copy_from_slice(&time.to_be_bytes());
        header[8..].copy_from_slice(&self.config.ssrc.to_be_bytes());
        packets.push_parts(&[&header, prefix, payload]);

        self.sequence = self.sequence.wrapping_add(1);
        self.packet_count = self.packet_count.wrapping_add(1);
        // A packet is far shorter than 4 GiB.
        let octets = (prefix.len() + payload.len()) as u32;
        self.octet_count = self.octet_count.wrapping_add(octets);
    }
}

/// How many of the first NAL units share a STAP-A of at most `room` octets.
fn aggregable(nal_units: &[Bytes], room: usize) -> usize {
    let mut length = 1;
    let shares = |nal: &&Bytes| {
        length += 2 + nal.len();
        let fits = length <= room && nal.len() <= usize::from(u16::MAX);
        fits && nal
            .first()
            .is_some_and(|h| h & 0x80 == 0 && !(1..=5).contains(&(h & 0x1f)))
    };
    nal_units.iter().take_while(shares).count()
}

/// The content of an RTCP sender report without report blocks (RFC 3550 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// Synchronization source of the sender.
    pub ssrc: u32,
    /// When it was sent; see [`ntp_time`].
    pub ntp_time: u64,
    /// The same moment on the RTP clock of the track, its offset included.
    pub rtp_time: u32,
    /// RTP packets sent so far, modulo 2^32.
    pub packet_count: u32,
    /// Octets of payload sent so far, modulo 2^32.
    pub octet_count: u32,
}

impl SenderReport {
    /// Replaces the content of `out` by the compound RTCP packet: this report
    /// and a source description with the CNAME (RFC 3550 6.1, 6.5).
    ///
    /// # Errors
    ///
    /// [`RtpError::CnameLength`] if `cname` is empty or longer than 255 octets.
    pub fn write(&self, cname: &str, out: &mut Vec<u8>) -> Result<(), RtpError> {
        let length = match u8::try_from(cname.len()) {
            Ok(length) if length > 0 => length,
            _ => return Err(RtpError::CnameLength(cname.len())),
        };
        out.clear();
        // A length counts the 32-bit words behind the first.
        out.extend_from_slice(&[VERSION, SENDER_REPORT, 0, 6]);
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&self.ntp_time.to_be_bytes());
        out.extend_from_slice(&self.rtp_time.to_be_bytes());
        out.extend_from_slice(&self.packet_count.to_be_bytes());
        out.extend_from_slice(&self.octet_count.to_be_bytes());

        // One chunk: the source, one item, and 1 to 4 null octets that end the
        // list and fill the word.
        let padding = 4 - (2 + usize::from(length)) % 4;
        let words = (4 + 2 + usize::from(length) + padding) / 4;
        // At most 66.
        out.extend_from_slice(&[VERSION | 1, SOURCE_DESCRIPTION, 0, words as u8]);
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&[CNAME, length]);
        out.extend_from_slice(cname.as_bytes());
        out.extend_from_slice(&[0; 4][..padding]);
        Ok(())
    }
}

/// A time since 1970 as an NTP time stamp (RFC 3550 4): seconds since 1900,
/// modulo 2^32, and a fraction of 32 bits.
pub fn ntp_time(unix: Duration) -> u64 {
    let seconds = unix.as_secs().wrapping_add(2_208_988_800);
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    seconds << 32 | fraction
}

/// Version 2 and nothing else in the first octet of RTP and RTCP.
const VERSION: u8 = 2 << 6;
const MARKER: u8 = 0x80;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;
const SENDER_REPORT: u8 = 200;
const SOURCE_DESCRIPTION: u8 = 202;
const CNAME: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> PacketizerConfig {
        PacketizerConfig {
            payload_type: 96,
            ssrc: 0x0102_0304,
            first_sequence: 0xffff,
            clock_rate: 90_000,
            time_offset: 0xffff_ff00,
            max_packet: 64,
        }
    }

    fn unit(lengths: &[usize]) -> AccessUnit {
        let nal = |&length: &usize| {
            let mut octets = vec![0xab; length];
            if let Some(header) = octets.first_mut() {
                *header = 0x65;
            }
            octets.into()
        };
        AccessUnit {
            nal_units: lengths.iter().map(nal).collect(),
            number: 1,
            taken: Duration::from_secs(1_000),
            rtp_time: 0x200,
            key_frame: true,
        }
    }

    #[test]
    fn a_nal_unit_is_fragmented_only_when_it_must() {
        let mut packetizer = Packetizer::new(config()).expect("valid");
        let mut packets = Packets::new();
        packetizer.packetize(&unit(&[52, 53]), &mut packets);
        let packets: Vec<&[u8]> = packets.iter().collect();
        assert_eq!(
            packets.iter().map(|p| p.len()).collect::<Vec<_>>(),
            [64, 64, 16]
        );
        let header = [0x80, 96, 0xff, 0xff, 0, 0, 1, 0, 1, 2, 3, 4];
        assert_eq!(packets[0][..12], header);
        assert_eq!(packets[0][12..14], [0x65, 0xab]);
        assert_eq!(packets[1][1..4], [96, 0, 0]);
        assert_eq!(packets[1][12..15], [0x7c, 0x85, 0xab]);
        assert_eq!(packets[2][1..4], [96 | 0x80, 0, 1]);
        assert_eq!(packets[2][12..], [0x7c, 0x45, 0xab, 0xab]);
    }

    #[test]
    fn neighbours_that_are_no_slices_share_a_packet_while_they_fit() {
        let nal = |header: u8, length: usize| Bytes::from(vec![header; length]);
        let mut unit = unit(&[]);
        unit.nal_units = vec![
            nal(0x67, 10),
            nal(0x68, 4),
            nal(0x06, 31),
            nal(0x06, 1),
            nal(0x65, 3),
            nal(0x06, 3),
        ];
        let mut packetizer = Packetizer::new(config()).expect("valid");
        let mut packets = Packets::new();
        packetizer.packetize(&unit, &mut packets);
        let packets: Vec<&[u8]> = packets.iter().map(|p| &p[12..]).collect();
        assert_eq!(packets.len(), 4);
        // 1 + 2 + 10 + 2 + 4 + 2 + 31 octets are just as many as fit.
        assert_eq!(packets[0].len(), 52);
        assert_eq!(packets[0][..4], [0x60 | 24, 0, 10, 0x67]);
        assert_eq!(packets[0][13..16], [0, 4, 0x68]);
        assert_eq!(packets[0][19..22], [0, 31, 0x06]);
        assert_eq!(packets[1], [0x06]);
        assert_eq!(packets[2], [0x65; 3]);
        assert_eq!(packets[3], [0x06; 3]);
    }

    #[test]
    fn the_buffer_is_used_again() {
        let mut packetizer = Packetizer::new(config()).expect("valid");
        let mut packets = Packets::new();
        packetizer.packetize(&unit(&[10, 20_000]), &mut packets);
        let before = (packets.bytes.as_ptr(), packets.slots.as_ptr());
        packetizer.packetize(&unit(&[20_000, 10]), &mut packets);
        assert_eq!((packets.bytes.as_ptr(), packets.slots.as_ptr()), before);
        packetizer.packetize(&unit(&[0]), &mut packets);
        assert!(packets.is_empty());
    }

    #[test]
    fn the_sender_report_counts_and_keeps_the_clocks_together() {
        let mut packetizer = Packetizer::new(config()).expect("valid");
        let unit = unit(&[52, 53]);
        packetizer.packetize(&unit, &mut Packets::new());
        let now = unit.taken + Duration::from_millis(1500);
        let report = packetizer.sender_report(now, unit.taken, unit.rtp_time);
        assert_eq!(report.ntp_time, (2_208_988_800 + 1_001) << 32 | 1 << 31);
        assert_eq!(report.rtp_time, 0x100 + 135_000);
        assert_eq!((report.packet_count, report.octet_count), (3, 52 + 52 + 4));

        let mut out = vec![9; 3];
        report.write("cam", &mut out).expect("short enough");
        assert_eq!(out.len(), 28 + 16);
        assert_eq!(out[..8], [0x80, 200, 0, 6, 1, 2, 3, 4]);
        assert_eq!(out[28..36], [0x81, 202, 0, 3, 1, 2, 3, 4]);
        assert_eq!(out[36..], *b"\x01\x03cam\0\0\0");
    }

    #[test]
    fn a_source_description_ends_in_a_null_octet_on_a_word() {
        let report = Packetizer::new(config()).expect("valid").sender_report(
            Duration::ZERO,
            Duration::ZERO,
            0,
        );
        let mut out = Vec::new();
        for length in 1..=255 {
            report
                .write(&"n".repeat(length), &mut out)
                .expect("short enough");
            let sdes = &out[28..];
            assert_eq!((usize::from(sdes[3]) + 1) * 4, sdes.len());
            assert_eq!(sdes.last(), Some(&0));
            assert!(sdes.len() - (10 + length) <= 4);
        }
        for length in [0, 256] {
            let error = report.write(&"n".repeat(length), &mut out);
            assert_eq!(error, Err(RtpError::CnameLength(length)));
        }
    }

    #[test]
    fn ntp_time_wraps_in_2036() {
        let wrap = Duration::from_secs((1 << 32) - 2_208_988_800);
        assert_eq!(
            ntp_time(wrap - Duration::from_nanos(1)),
            0xffff_ffff_ffff_fffb
        );
        assert_eq!(ntp_time(wrap), 0);
    }

    #[test]
    fn a_configuration_outside_its_limits_is_refused() {
        let config = |payload_type, max_packet| PacketizerConfig {
            payload_type,
            max_packet,
            ..config()
        };
        assert_eq!(
            Packetizer::new(config(128, 64)).err(),
            Some(RtpError::PayloadType(128))
        );
        assert_eq!(
            Packetizer::new(config(96, 63)).err(),
            Some(RtpError::MaxPacket(63))
        );
    }
}
