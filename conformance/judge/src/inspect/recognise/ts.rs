//! MPEG transport streams (ISO/IEC 13818-1, ITU-T H.222.0), in datagrams, behind
//! headers of constant length, or as a byte stream.

use std::collections::BTreeMap;

use lightleak_case::TransportProtocol;

use crate::{
    decoder::{Elementary, Format},
    dissect::{Flow, Stream},
    inspect::{Claim, Scene},
};

/// Octets of a transport packet (2.4.3.2), and of one with a time or with check
/// octets.
const PACKET: usize = 188;
const STRIDES: [usize; 3] = [PACKET, 192, 204];
/// sync_byte.
const SYNC: u8 = 0x47;
/// Transport packets that have to be seen.
const MIN_PACKETS: usize = 20;
/// Of fewer than these nothing need begin.
const FEW: usize = 200;
/// Octets of unknown headers in each datagram.
const MAX_PREFIX: usize = 64;
/// Octets that are looked at.
const MOST_OCTETS: usize = 24 << 20;

/// stream_type of elementary streams that SAMPLE-AES enciphers (Apple, MPEG-2 Stream
/// Encryption Format for HTTP Live Streaming), and that of metadata (2.4.4.9).
const SAMPLE_AES: [u8; 4] = [0xdb, 0xcf, 0xc1, 0xc2];
const METADATA: u8 = 0x15;

/// What the packets of a transport stream say.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    packets: usize,
    /// Packets whose counter continues that of the one before, of those that can.
    continued: usize,
    counted: usize,
    scrambled: usize,
    /// Beginnings of PES packets of video and of sound, in clear, where most of the
    /// stream that they are of is.
    video: usize,
    audio: usize,
    /// stream_type of elementary streams (2.4.4.9).
    types: Vec<u8>,
    has_pat: bool,
    /// Packets of elementary streams that say that they are not scrambled.
    plain: usize,
    /// Beginnings in them of what is no PES packet.
    foreign: usize,
}

/// What the packets of one PID are.
#[derive(Clone, Debug, Default)]
struct OfPid {
    clear: usize,
    scrambled: usize,
    video: usize,
    audio: usize,
}

/// Reads packets that lie one behind the other.
pub(super) fn survey(octets: &[u8]) -> Survey {
    let mut survey = Survey::default();
    let mut counters: BTreeMap<u16, u8> = BTreeMap::new();
    let mut maps: Vec<u16> = Vec::new();
    let mut pids: BTreeMap<u16, OfPid> = BTreeMap::new();
    for packet in octets.chunks_exact(PACKET) {
        let &[SYNC, b1, b2, b3] = packet.first_chunk().unwrap_or(&[0; 4]) else {
            continue;
        };
        survey.packets += 1;
        let pid = u16::from(b1 & 0x1f) << 8 | u16::from(b2);
        if pid == 0x1fff || b1 & 0x80 != 0 {
            continue;
        }
        let (adaptation, payload) = (b3 & 0x20 != 0, b3 & 0x10 != 0);
        if payload && let Some(last) = counters.insert(pid, b3 & 15) {
            survey.counted += 1;
            let next = (last + 1) & 15;
            survey.continued += usize::from(b3 & 15 == next || b3 & 15 == last);
        }
        let of_pid = pids.entry(pid).or_default();
        if b3 & 0xc0 != 0 {
            survey.scrambled += 1;
            of_pid.scrambled += 1;
            continue;
        }
        of_pid.clear += usize::from(payload);
        // Below are tables of the network.
        let is_elementary = pid >= 0x20 && !maps.contains(&pid);
        survey.plain += usize::from(payload && is_elementary);
        let skip = match adaptation {
            true => 5 + usize::from(packet.get(4).copied().unwrap_or(0)),
            false => 4,
        };
        let Some(body) = packet.get(skip..).filter(|_| payload && b1 & 0x40 != 0) else {
            continue;
        };
        match body {
            // extended_stream_id: mostly video of other codecs.
            [0, 0, 1, 0xe0..=0xef | 0xfd, ..] => of_pid.video += 1,
            [0, 0, 1, 0xc0..=0xdf, ..] => of_pid.audio += 1,
            // private_stream_1: AC-3 begins so, teletext and metadata don't.
            [0, 0, 1, 0xbd, _, _, _, _, skip, rest @ ..]
                if rest.get(usize::from(*skip)..).is_some_and(is_ac3) =>
            {
                of_pid.audio += 1;
            }
            _ if pid == 0 => {
                if let Some(found) = section(body, 0).map(programs) {
                    survey.has_pat = true;
                    maps.extend(found);
                    maps.truncate(64);
                }
            }
            _ if maps.contains(&pid) => {
                for kind in section(body, 2).map(stream_types).unwrap_or_default() {
                    if survey.types.len() < 32 && !survey.types.contains(&kind) {
                        survey.types.push(kind);
                    }
                }
            }
            _ => survey.foreign += usize::from(is_elementary && !body.starts_with(&[0, 0, 1])),
        }
    }
    for of_pid in pids.values().filter(|of| of.scrambled * 8 < of.clear) {
        survey.video += of_pid.video;
        survey.audio += of_pid.audio;
    }
    survey
}

/// syncword of AC-3 and E-AC-3 (ETSI TS 102 366 4.3.1, E.1.2.1).
fn is_ac3(octets: &[u8]) -> bool {
    octets.starts_with(&[0x0b, 0x77])
}

/// The body of a section with that table_id, without its CRC (2.4.4).
fn section(body: &[u8], table: u8) -> Option<&[u8]> {
    let pointer = usize::from(*body.first()?);
    let section = body.get(1 + pointer..)?;
    let &[id, high, low] = section.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high & 0x0f, low]));
    let end = (3 + length).min(section.len()).checked_sub(4)?;
    (id == table && high & 0xc0 == 0x80).then(|| section.get(8..end))?
}

/// program_map_PID of each program (2.4.4.3).
fn programs(body: &[u8]) -> Vec<u16> {
    let (entries, _) = body.as_chunks::<4>();
    let program = entries.iter().filter(|[h, l, ..]| (*h, *l) != (0, 0));
    program
        .map(|[.., h, l]| u16::from_be_bytes([h & 0x1f, *l]))
        .collect()
}

/// stream_type of each elementary stream (2.4.4.8).
fn stream_types(body: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    let length = |h: u8, l: u8| usize::from(u16::from_be_bytes([h & 0x0f, l]));
    let mut rest = match body {
        [_, _, h, l, rest @ ..] => rest.get(length(*h, *l)..).unwrap_or_default(),
        _ => &[],
    };
    while let [kind, _, _, h, l, after @ ..] = rest {
        types.push(*kind);
        rest = after.get(length(*h, *l)..).unwrap_or_default();
    }
    types
}

impl Survey {
    /// Whether it is a transport stream: the sync octet alone would not show it.
    fn is_one(&self) -> bool {
        let continued = self.counted >= 4 && self.continued * 10 >= self.counted * 8;
        self.packets >= 4 && (continued || self.has_pat)
    }

    /// What shows that media in it are in clear.
    pub(super) fn media_in_clear(&self) -> Option<String> {
        let media = self.video + self.audio;
        let is_sampled = |kind: &u8| SAMPLE_AES.contains(kind);
        // Beside them metadata may be told of.
        let is_protected = self.types.iter().any(is_sampled)
            && self
                .types
                .iter()
                .all(|kind| is_sampled(kind) || *kind == METADATA);
        (self.is_one() && media >= 2 && !is_protected).then(|| {
            format!(
                "a transport stream of {} packets, {} of {} in sequence, in which {} packets of video and {} of sound begin in clear",
                self.packets, self.continued, self.counted, self.video, self.audio
            )
        })
    }

    /// What shows that a part of elementary streams, too short for one of them to
    /// begin in it, is in clear: all that is seen says so.
    fn cut_short(&self) -> Option<String> {
        let all_continue = self.counted >= 4 && self.continued == self.counted;
        let is_part = self.packets < FEW && self.plain > 4 && self.foreign == 0;
        (all_continue && is_part && self.scrambled == 0 && self.types.is_empty()).then(|| {
            format!(
                "{} packets of a transport stream, {} of {} in sequence, all of which say that they are not scrambled; too few for one of video or sound to begin in them",
                self.packets, self.continued, self.counted
            )
        })
    }

    /// The codec of its video, or of its sound.
    pub(super) fn codec(&self) -> &'static str {
        let known = [
            (0x1b, "ts/h264"),
            (0x24, "ts/h265"),
            (0x33, "ts/h266"),
            (0x02, "ts/mpv"),
            (0x01, "ts/mpv"),
            (0x10, "ts/mpeg4"),
            (0x0f, "ts/aac"),
            (0x11, "ts/aac"),
            (0x03, "ts/mpa"),
            (0x04, "ts/mpa"),
        ];
        let found = known.iter().find(|(kind, _)| self.types.contains(kind));
        found.map_or("ts", |(_, kind)| kind)
    }

    /// What it comes to; `kind` if not that of its codec.
    pub(super) fn claim(&self, kind: Option<&str>, octets: Vec<u8>, head: &str) -> Option<Claim> {
        if !self.is_one() {
            return None;
        }
        if let Some(reason) = self.media_in_clear().or_else(|| self.cut_short()) {
            let media = vec![Elementary {
                format: Format::MpegTs,
                octets,
            }];
            let kind = kind.unwrap_or_else(|| self.codec());
            return Some(Claim::clear(kind, media, format!("{head}{reason}")));
        }
        if self.scrambled * 2 > self.packets {
            let reason = format!(
                "{head}a transport stream, {} of {} packets of which say that they are scrambled; nobody can tell how well",
                self.scrambled, self.packets
            );
            return Some(Claim::unknown("ts/scrambled", reason));
        }
        let reason = format!(
            "{head}a transport stream of {} packets in which no media begin",
            self.packets
        );
        Some(Claim::unknown("ts", reason))
    }
}

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let streams = [&flow.from_a, &flow.from_b];
    let claims = streams.into_iter().filter_map(|stream| {
        let claim = match flow.transport {
            TransportProtocol::Udp | TransportProtocol::Sctp => in_datagrams(stream),
            TransportProtocol::Tcp => in_bytes(stream),
        };
        claim.map(|claim| claim.at(stream.place(0)))
    });
    claims.collect()
}

/// Whole packets in each datagram, behind a header of constant length.
fn in_datagrams(stream: &Stream) -> Option<Claim> {
    let prefix = {
        let (_, first) = stream.parts().find(|(_, octets)| whole(octets).is_some())?;
        whole(first)?
    };
    let mut octets = Vec::new();
    let (mut read, mut all) = (0, 0);
    for (_, datagram) in stream.parts() {
        all += 1;
        if all == 32 && read * 2 < all {
            return None;
        }
        if whole(datagram) == Some(prefix) && octets.len() < MOST_OCTETS {
            read += 1;
            octets.extend_from_slice(datagram.get(prefix..)?);
        }
    }
    let enough = read >= 3 && octets.len() >= MIN_PACKETS * PACKET / 2;
    let few = prefix == 0 && read == all && octets.len() >= 7 * PACKET;
    if !enough && !few {
        return None;
    }
    let head = match prefix {
        0 => String::new(),
        _ => format!("behind {prefix} octets of each datagram, "),
    };
    survey(&octets).claim(None, octets, &head)
}

/// Before whole packets to the end of a datagram, so many octets.
pub(super) fn whole(datagram: &[u8]) -> Option<usize> {
    let prefix = datagram.len() % PACKET;
    let packets = datagram.get(prefix..)?;
    let synchronised = packets.chunks(PACKET).all(|p| p.first() == Some(&SYNC));
    (prefix <= MAX_PREFIX && !packets.is_empty() && synchronised).then_some(prefix)
}

/// Packets at equal distances in a byte stream, from anywhere near its beginning.
fn in_bytes(stream: &Stream) -> Option<Claim> {
    let bytes = &stream.bytes;
    let searched = bytes.get(..bytes.len().min(4096))?;
    let (start, stride) = memchr::memchr_iter(SYNC, searched).find_map(|at| {
        let stride = STRIDES
            .into_iter()
            .find(|stride| (0..MIN_PACKETS).all(|n| bytes.get(at + n * stride) == Some(&SYNC)));
        Some((at, stride?))
    })?;
    let mut octets = Vec::new();
    let mut at = start;
    while let Some(packet) = bytes.get(at..at + PACKET) {
        if packet.first() == Some(&SYNC) {
            octets.extend_from_slice(packet);
            at += stride;
        } else {
            // Something was lost, or lies between.
            let rest = bytes.get(at..).unwrap_or_default();
            let next = memchr::memchr_iter(SYNC, rest)
                .take(4 * stride)
                .find(|next| (0..3).all(|n| rest.get(next + n * stride) == Some(&SYNC)));
            match next {
                Some(next) => at += next.max(1),
                None => break,
            }
        }
        if octets.len() > MOST_OCTETS {
            break;
        }
    }
    survey(&octets).claim(None, octets, "as a byte stream, ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A program with a stream of that type, then packets of it.
    fn packets(stream_type: u8, scrambled: bool) -> Vec<Vec<u8>> {
        let packet = |pid: u16, flags: u8, counter: u8, body: &[u8]| {
            let mut packet = vec![SYNC, 0x40 | (pid >> 8) as u8, pid as u8, flags | counter];
            packet.extend_from_slice(body);
            packet.resize(PACKET, 0xaa);
            packet
        };
        let pat = [0, 0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe1, 0, 0, 0, 0, 0];
        let pmt = [
            0,
            2,
            0xb0,
            18,
            0,
            1,
            0xc1,
            0,
            0,
            0xe1,
            1,
            0xf0,
            0,
            stream_type,
            0xe1,
            1,
            0xf0,
            0,
            0,
            0,
            0,
            0,
        ];
        let mut found = vec![packet(0, 0x10, 0, &pat), packet(256, 0x10, 0, &pmt)];
        let flags = if scrambled { 0xd0 } else { 0x10 };
        found.extend((0..40).map(|n| packet(257, flags, n & 15, &[0, 0, 1, 0xe0, 0, 0])));
        found
    }

    fn datagrams(packets: &[Vec<u8>], prefix: &[u8]) -> Stream {
        let mut stream = Stream::default();
        for (chunk, n) in packets.chunks(7).zip(1..) {
            stream.push(&[prefix, &chunk.concat()].concat(), n, 42, n);
        }
        stream
    }

    #[test]
    fn media_are_found_in_datagrams_and_in_bytes() {
        for (prefix, kind) in [(&[][..], "ts/h264"), (&[1, 2, 3, 4], "ts/h264")] {
            let claim = in_datagrams(&datagrams(&packets(0x1b, false), prefix)).unwrap();
            assert_eq!((claim.kind.as_str(), claim.label().name()), (kind, "leak"));
        }
        let mut stream = Stream::default();
        let octets = [vec![9; 77], packets(0x24, false).concat()].concat();
        stream.push(&octets, 1, 0, 0);
        assert_eq!(in_bytes(&stream).unwrap().kind, "ts/h265");
    }

    #[test]
    fn a_scrambled_stream_is_undetermined() {
        let claim = in_datagrams(&datagrams(&packets(0x1b, true), &[])).unwrap();
        assert_eq!(claim.kind, "ts/scrambled");
        assert_eq!(claim.label().name(), "undetermined");
    }

    #[test]
    fn one_datagram_is_enough_if_all_of_it_agrees() {
        let part = packets(0x1b, false).split_off(3);
        let one = |packets: &[Vec<u8>]| {
            let claim = in_datagrams(&datagrams(packets, &[]));
            claim.map(|claim| claim.label().name())
        };
        let mut plain = part[..7].to_vec();
        for (packet, counter) in plain.iter_mut().zip(3..) {
            packet[1] = 1;
            packet[2] = 1;
            packet[3] = 0x10 | counter;
        }
        assert_eq!(one(&plain), Some("leak"));
        assert_eq!(one(&plain[..6]), None);
        let null = [&[SYNC, 0x1f, 0xff, 0x10][..], &[0xff; 184]].concat();
        let padded = [&plain[..5], &[null.clone(), null.clone()]].concat();
        assert_eq!(one(&padded), Some("leak"));
        assert_ne!(
            one(&[&plain[..4], &[null.clone(), null.clone(), null]].concat()),
            Some("leak")
        );
        let mut lost = plain.clone();
        lost[4][3] = 0x1d;
        assert_ne!(one(&lost), Some("leak"));
        let mut scrambled = plain;
        scrambled[6][3] |= 0x80;
        assert_ne!(one(&scrambled), Some("leak"));
    }

    #[test]
    fn sync_octets_before_noise_are_no_stream() {
        let noisy: Vec<_> = (0..70_u64)
            .map(|n| {
                let mut packet = crate::inspect::recognise::rtp::testing_noise(n, PACKET);
                packet[0] = SYNC;
                packet
            })
            .collect();
        assert!(in_datagrams(&datagrams(&noisy, &[])).is_none());
    }

    proptest! {
        #[test]
        fn anything_is_surveyed_without_panic(
            octets in prop::collection::vec(prop_oneof![Just(SYNC), Just(0), any::<u8>()], 0..1200),
            at in 0..180_usize,
        ) {
            let mut packets = packets(0x1b, false).concat();
            let end = packets.len().min(at + octets.len());
            packets.splice(at..end, octets.iter().copied());
            let _ = survey(&packets);
            let mut stream = Stream::default();
            stream.push(&octets, 1, 0, 0);
            let _ = (in_datagrams(&stream), in_bytes(&stream));
        }
    }
}
