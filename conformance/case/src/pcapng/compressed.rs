//! Captures inside gzip (RFC 1952) and Zstandard (RFC 8878).

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

const GZIP: [u8; 3] = [0x1F, 0x8B, 8];
/// Of a Zstandard frame (RFC 8878 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Other compressions, by how their files begin.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x1F\x8B", "gzip data of an unknown method"),
    (b"\xFD7zXZ", "xz data"),
    (b"BZh", "bzip2 data"),
    (b"\x04\x22\x4D\x18", "LZ4 data"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"7z\xBC\xAF", "a 7z archive"),
];

/// No capture is compressed better: each packet has a time of its own.
const MOST_TIMES: usize = 256;
/// Octets that may be unpacked of any file.
const ALWAYS: usize = 64 << 20;
/// Octets that are unpacked at most.
const MOST: usize = 8 << 30;

/// What was unpacked, and why it is not all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unpacked {
    pub(super) octets: Vec<u8>,
    pub(super) broken: Option<String>,
}

/// Unpacks what is compressed; `None` if the octets are not.
pub(super) fn unpack(bytes: &[u8]) -> Option<Unpacked> {
    unpack_at_most(
        bytes,
        bytes
            .len()
            .saturating_mul(MOST_TIMES)
            .saturating_add(ALWAYS)
            .min(MOST),
    )
}

/// What else the octets are compressed with, in words.
pub(super) fn other(bytes: &[u8]) -> Option<&'static str> {
    let known = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic));
    known.map(|(_, name)| *name)
}

fn unpack_at_most(bytes: &[u8], most: usize) -> Option<Unpacked> {
    let mut octets = Vec::new();
    let done = if bytes.starts_with(&GZIP) {
        fill(&mut MultiGzDecoder::new(bytes), &mut octets, most)
    } else if zstd_frame(bytes).is_some() {
        zstd(bytes, &mut octets, most)
    } else {
        return None;
    };
    let broken = match done {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "more than {most} octets in {} that are compressed; unpack it first",
            bytes.len()
        )),
        Err(e) => Some(format!(
            "the compression is damaged or cut after {} octets: {e}",
            octets.len()
        )),
    };
    Some(Unpacked { octets, broken })
}

/// Frames one behind the other. False if there are more octets than may be.
fn zstd(mut bytes: &[u8], octets: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    while !bytes.is_empty() {
        match zstd_frame(bytes) {
            Some(Frame::Content) => {
                let mut decoder = StreamingDecoder::new(&mut bytes).map_err(io::Error::other)?;
                if !fill(&mut decoder, octets, most)? {
                    return Ok(false);
                }
            }
            Some(Frame::Skipped(length)) => bytes = bytes.get(length..).unwrap_or_default(),
            None => return Err(io::Error::other("no frame of Zstandard")),
        }
    }
    Ok(true)
}

enum Frame {
    Content,
    /// A skippable frame of so many octets (RFC 8878 3.1.2).
    Skipped(usize),
}

fn zstd_frame(bytes: &[u8]) -> Option<Frame> {
    if bytes.starts_with(&ZSTD) {
        return Some(Frame::Content);
    }
    let &[0x50..=0x5F, 0x2A, 0x4D, 0x18, a, b, c, d] = bytes.first_chunk()? else {
        return None;
    };
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
    Some(Frame::Skipped(length.saturating_add(8)))
}

/// What was read before an error stays.
fn fill(from: &mut impl Read, octets: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    let room = most.saturating_sub(octets.len());
    let limit = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit).read_to_end(octets)?;
    let fits = octets.len() <= most;
    octets.truncate(most);
    Ok(fits)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(octets: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(octets).unwrap();
        encoder.finish().unwrap()
    }

    /// A frame of one raw block, without a checksum, of single segment.
    fn zstd(octets: &[u8]) -> Vec<u8> {
        let length = u8::try_from(octets.len()).unwrap();
        let block = (u32::from(length) << 3 | 1).to_le_bytes();
        [&ZSTD[..], &[0x20, length], &block[..3], octets].concat()
    }

    fn all(bytes: &[u8]) -> Vec<u8> {
        let unpacked = unpack(bytes).unwrap();
        assert_eq!(unpacked.broken, None);
        unpacked.octets
    }

    #[test]
    fn members_one_behind_the_other_are_unpacked() {
        assert_eq!(
            all(&[gzip(b"one "), gzip(b""), gzip(b"two")].concat()),
            b"one two"
        );
        let skipped = [&[0x53, 0x2A, 0x4D, 0x18, 2, 0, 0, 0][..], b"xx"].concat();
        let frames = [&skipped[..], &zstd(b"one "), &skipped, &zstd(b"two")].concat();
        assert_eq!(all(&frames), b"one two");
        assert_eq!(unpack(b"\x1F\x8B\x07"), None);
        assert_eq!(
            other(b"\x1F\x8B\x07"),
            Some("gzip data of an unknown method")
        );
    }

    #[test]
    fn what_came_before_a_cut_stays() {
        let noise: Vec<u8> = (0..9999u32).map(|n| ((n * n) >> 7) as u8).collect();
        let whole = gzip(&noise);
        let cut = unpack(&whole[..whole.len() / 2]).unwrap();
        assert!(cut.octets.len() > 1000 && noise.starts_with(&cut.octets));
        assert!(cut.broken.unwrap().contains("damaged or cut"));
        let cut = unpack(&[zstd(b"one"), zstd(b"two")[..8].to_vec()].concat()).unwrap();
        assert!(cut.octets.starts_with(b"one") && cut.broken.is_some());
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = gzip(&vec![0; 1 << 20]);
        let unpacked = unpack_at_most(&bomb, 1000).unwrap();
        assert_eq!(unpacked.octets.len(), 1000);
        assert!(
            unpacked
                .broken
                .unwrap()
                .starts_with("more than 1000 octets")
        );
        let unpacked = unpack_at_most(&zstd(&[7; 200]), 10).unwrap();
        assert!(unpacked.octets == [7; 10] && unpacked.broken.is_some());
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            gzipped in any::<bool>(),
            octets in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let magic = if gzipped { &GZIP[..] } else { &ZSTD };
            let _ = unpack_at_most(&[magic, &octets].concat(), 1 << 20);
        }
    }
}
