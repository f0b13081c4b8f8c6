//! For unit tests of somebody's own pipeline: what was put in must not come out.

use std::fmt::{self, Write as _};

use lightleak_case::{Ledger, Track};

use crate::adversary::{carver, known_plaintext::Index};

/// Leaks that are told of.
const MOST: usize = 8;

/// Octets of a leak that are shown.
const SHOWN: usize = 32;

/// Octets as they leave a pipeline.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Outgoing<'a> {
    /// Datagrams, in the order in which they are sent.
    Packets(&'a [Vec<u8>]),
    /// What is written to a connection.
    Stream(&'a [u8]),
    /// What is stored.
    File(&'a [u8]),
}

/// Something of the plain frames, or media in clear, in what leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Packet, from 0; none in a stream or file.
    pub packet: Option<usize>,
    /// Offset in the packet, stream or file, in octets.
    pub offset: usize,
    /// How many octets show it.
    pub length: usize,
    /// What it is: which frame and how it was hidden, or which structure of media.
    pub what: String,
    /// The first octets of it.
    pub octets: Vec<u8>,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(packet) = self.packet {
            write!(f, "packet {packet}, ")?;
        }
        let mut hex = String::new();
        for octet in &self.octets {
            let _ = write!(hex, "{octet:02x}");
        }
        let more = if self.length > self.octets.len() {
            "..."
        } else {
            ""
        };
        write!(
            f,
            "offset {}, {} octets: {}: {hex}{more}",
            self.offset, self.length, self.what
        )
    }
}

/// Why nothing can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotTell {
    /// Who has no frames has tested nothing.
    #[error("look for frames: none were given; hand in what went into the pipeline")]
    NoFrames,
    /// Who sends nothing leaks nothing, and has tested nothing.
    #[error("look into what leaves: it is empty; hand in what came out of the pipeline")]
    NothingLeaves,
    /// The frames would not be recognised if they stood there in clear.
    #[error(
        "recognise the frames: not even in clear would they be; hand in some of 24 octets or \
         more that are neither fill nor a short pattern"
    )]
    Unrecognisable,
}

/// What leaks of `frames`, the plain octets that went into a pipeline, in what leaves it:
/// at most eight leaks, by where they are.
///
/// The judge's adversaries look: for runs of 24 octets of any frame, as they are or
/// through what people mistake for encryption (see [`Index`]), and for video and
/// pictures in clear by their structure, whatever the frames are. They have no keys:
/// that nothing is found shows no more than that. Whether what leaves is encrypted
/// *well*, a case and its judge tell.
pub fn leaks(frames: &[impl AsRef<[u8]>], outgoing: Outgoing<'_>) -> Result<Vec<Leak>, CannotTell> {
    let ledger = ledger(frames);
    let plain = ledger.tracks.values().next();
    let plain = plain.filter(|track| !track.bytes.is_empty());
    let plain = plain.ok_or(CannotTell::NoFrames)?;
    let (octets, starts) = joined(outgoing);
    if octets.is_empty() {
        return Err(CannotTell::NothingLeaves);
    }
    let index = Index::new(&ledger, &Ledger::default());
    if index.search(&plain.bytes, 1).is_empty() {
        return Err(CannotTell::Unrecognisable);
    }

    let place = |at: usize, length: usize, what: String| {
        let packet = starts.partition_point(|start| *start <= at).checked_sub(1);
        let start = packet.map_or(0, |packet| starts[packet]);
        Leak {
            packet,
            offset: at - start,
            length,
            what,
            octets: octets[at..at + length.min(SHOWN)].to_vec(),
        }
    };
    let frame = |offset: usize| {
        let units = &plain.units;
        units.partition_point(|unit| unit.offset <= offset) - 1
    };
    let hits = index.search(&octets, MOST).into_iter().map(|hit| {
        let number = frame(hit.ledger_offset);
        let what = format!(
            "{} octets of frame {number} from offset {} on, {}",
            hit.matched,
            hit.ledger_offset - plain.units[number].offset,
            hit.disguise
        );
        place(hit.at, hit.length, what)
    });
    let media = carver::carve(&octets).into_iter();
    let media = media.map(|media| place(media.range.start, media.range.len(), media.what));
    let mut leaks: Vec<_> = hits.chain(media).collect();
    leaks.sort_by_key(|leak| (leak.packet, leak.offset));
    leaks.truncate(MOST);
    Ok(leaks)
}

/// Panics if something of `frames` or any media are to be read in what leaves, with
/// what, where, and the octets; and if it can't be told. See [`leaks`].
///
/// ```
/// use lightleak_judge::{Outgoing, assert_sealed};
///
/// let frame: Vec<u8> = (0..100_u32).map(|n| (n * n % 251) as u8).collect();
/// // What your pipeline makes of it; here, digits of pi.
/// let sent = vec![b"3.14159265358979323846264338327950288419716939937510".to_vec()];
/// assert_sealed(&[frame], Outgoing::Packets(&sent));
/// ```
#[track_caller]
pub fn assert_sealed(frames: &[impl AsRef<[u8]>], outgoing: Outgoing<'_>) {
    match leaks(frames, outgoing) {
        Ok(leaks) if leaks.is_empty() => {}
        Ok(leaks) => {
            let lines: Vec<_> = leaks.iter().map(ToString::to_string).collect();
            panic!("what leaves is not sealed:\n{}", lines.join("\n"));
        }
        Err(why) => panic!("failed to {why}"),
    }
}

fn ledger(frames: &[impl AsRef<[u8]>]) -> Ledger {
    let mut track = Track::default();
    for (frame, number) in frames.iter().zip(0..) {
        track.push_octets(frame.as_ref(), number, 0);
    }
    Ledger {
        tracks: [("frames".to_owned(), track)].into(),
    }
}

/// All octets in a row, and where packets begin.
fn joined(outgoing: Outgoing<'_>) -> (Vec<u8>, Vec<usize>) {
    match outgoing {
        Outgoing::Stream(octets) | Outgoing::File(octets) => (octets.to_vec(), Vec::new()),
        Outgoing::Packets(packets) => {
            let mut starts = Vec::new();
            let mut octets = Vec::new();
            for packet in packets {
                starts.push(octets.len());
                octets.extend(packet);
            }
            (octets, starts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::media_player::fixture::random;

    fn frames() -> Vec<Vec<u8>> {
        (1..4).map(|seed| random(seed, 400)).collect()
    }

    #[test]
    fn what_is_sealed_passes() {
        let sealed: Vec<_> = (10..14).map(|seed| random(seed, 400)).collect();
        assert_sealed(&frames(), Outgoing::Packets(&sealed));
        assert_sealed(&frames(), Outgoing::Stream(&sealed.concat()));
        assert_sealed(&frames(), Outgoing::File(&sealed.concat()));
    }

    #[test]
    fn a_leak_is_named_by_packet_offset_frame_and_octets() {
        let frames = frames();
        let mut packets: Vec<_> = (10..14).map(|seed| random(seed, 400)).collect();
        packets[2][100..150].copy_from_slice(&frames[1][30..80]);
        let leaks = leaks(&frames, Outgoing::Packets(&packets)).unwrap();
        assert_eq!(leaks.len(), 1, "{leaks:?}");
        let leak = &leaks[0];
        assert_eq!((leak.packet, leak.offset, leak.length), (Some(2), 100, 50));
        let text = leak.to_string();
        assert!(
            text.contains("frame 1 from offset 30 on, as it is"),
            "{text}"
        );
        assert!(
            text.contains(&format!("{:02x}{:02x}", frames[1][30], frames[1][31])),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_encryption_is_none() {
        let frames = frames();
        let veiled: Vec<u8> = frames[0].iter().map(|octet| octet ^ 0x5a).collect();
        let leaks = leaks(&frames, Outgoing::Stream(&veiled)).unwrap();
        assert!(leaks[0].what.contains("under XOR"), "{leaks:?}");
    }

    #[test]
    fn media_of_anybody_are_leaks() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/captures");
        let capture = std::fs::read(format!("{folder}/h264-tcp.pcap")).unwrap();
        let leaks = leaks(&frames(), Outgoing::File(&capture)).unwrap();
        assert!(!leaks.is_empty());
    }

    #[test]
    fn who_tested_nothing_is_told_so() {
        let none: [&[u8]; 0] = [];
        let sealed = random(9, 100);
        let told = |frames: &[&[u8]], octets| leaks(frames, Outgoing::File(octets)).unwrap_err();
        assert_eq!(told(&none, &sealed), CannotTell::NoFrames);
        assert_eq!(told(&[&sealed], &[]), CannotTell::NothingLeaves);
        assert_eq!(told(&[&[0; 100]], &sealed), CannotTell::Unrecognisable);
    }
}
