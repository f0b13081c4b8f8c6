//! Deflated octets (RFC 1951) behind the headers of gzip (RFC 1952), zlib (RFC
//! 1950) or an entry of a ZIP archive.
//!
//! A stream is inflated as far as it goes: who began to listen early may have
//! missed its end. One that expands more than media ever does is left alone from
//! there on, and so is everything once much was inflated in all.

use flate2::{Decompress, FlushDecompress, Status};
use memchr::{memchr_iter, memmem};

use super::{Pieces, Search};
use crate::adversary::known_plaintext::{Disguise, RUN};

/// Octets that are inflated at a time: a hit is located so well.
const STEP: usize = 512;

/// Octets that one may become.
const EXPANSION: usize = 32;

/// Octets that may be read and written, for each octet of the haystack.
const EFFORT: usize = 8;

/// Octets that any stream may have in any case.
const ALLOWANCE: usize = 1 << 16;

/// Octets of the largest stream.
const LARGEST: usize = 1 << 28;

pub(super) fn lift(haystack: &[u8], search: &mut Search<'_>) {
    let gzip = memmem::find_iter(haystack, b"\x1F\x8B\x08").filter_map(|at| gzip(haystack, at));
    let zip = memmem::find_iter(haystack, b"PK\x03\x04").filter_map(|at| zip_entry(haystack, at));
    // Smaller windows than the largest are not in use, dictionaries neither.
    let zlib = memchr_iter(0x78, haystack)
        .filter(|at| matches!(haystack.get(at + 1), Some(0x01 | 0x5E | 0x9C | 0xDA)))
        .map(|at| at + 2);

    let mut effort = ALLOWANCE + EFFORT * haystack.len();
    let mut free = 0;
    let mut starts: Vec<usize> = gzip.chain(zip).chain(zlib).collect();
    if starts.is_empty() {
        return;
    }
    starts.sort_unstable();
    // Large: not for every packet of a capture.
    let mut inflate = Decompress::new(false);
    for start in starts {
        if start < free {
            continue;
        }
        inflate.reset(false);
        let stream = Stream::inflate(&mut inflate, haystack, start, effort);
        effort = effort.saturating_sub(stream.octets.len() + stream.end - start);
        if stream.octets.len() >= RUN {
            search.show_deep(&stream.octets, Disguise::Deflate, |run| stream.range(run));
            if !search.settle() {
                return;
            }
        }
        if stream.is_whole {
            free = stream.end;
        }
        if effort == 0 {
            return;
        }
    }
}

struct Stream {
    octets: Vec<u8>,
    /// For each step the first octet it made.
    steps: Pieces,
    /// What was read of the haystack.
    end: usize,
    is_whole: bool,
}

impl Stream {
    fn inflate(inflate: &mut Decompress, haystack: &[u8], start: usize, effort: usize) -> Self {
        let mut stream = Self {
            octets: Vec::new(),
            steps: Pieces::default(),
            end: start,
            is_whole: false,
        };
        let mut made = [0; 1 << 14];
        loop {
            let read = stream.end - start;
            let most = (ALLOWANCE + EXPANSION * read).min(LARGEST);
            if stream.octets.len() > most || stream.octets.len() + read > effort {
                return stream;
            }
            let input = &haystack[stream.end..haystack.len().min(stream.end + STEP)];
            let (consumed, produced) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(input, &mut made, FlushDecompress::None);
            let consumed = (inflate.total_in() - consumed) as usize;
            let produced = (inflate.total_out() - produced) as usize;
            if produced > 0 {
                stream.steps.push(stream.octets.len(), stream.end);
                stream.octets.extend_from_slice(&made[..produced]);
            }
            stream.end += consumed;
            stream.is_whole = matches!(status, Ok(Status::StreamEnd));
            if stream.is_whole || status.is_err() || consumed == 0 && produced == 0 {
                return stream;
            }
        }
    }

    /// What was read for `run`, or a little more.
    fn range(&self, run: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let steps = &self.steps.starts;
        let first = steps.partition_point(|step| step.0 <= run.start).max(1) - 1;
        let after = steps.partition_point(|step| step.0 < run.end);
        let start = steps.get(first).map_or(self.end, |step| step.1);
        let end = steps.get(after).map_or(self.end, |step| step.1);
        // A step may make octets of what was read before.
        start.min(self.end - 1)..end.max(start + 1).min(self.end)
    }
}

/// Where the stream begins whose gzip header is at `at` (RFC 1952 2.3).
fn gzip(haystack: &[u8], at: usize) -> Option<usize> {
    let flags = *haystack.get(at + 3)?;
    if flags & 0xE0 != 0 {
        return None;
    }
    let mut start = at + 10;
    if flags & 4 != 0 {
        let length = haystack.get(start..)?.first_chunk()?;
        start += 2 + usize::from(u16::from_le_bytes(*length));
    }
    // Name and comment, each with a zero behind.
    for flag in [8, 16] {
        if flags & flag != 0 {
            start += 1 + memchr::memchr(0, haystack.get(start..)?.get(..1 << 10)?)?;
        }
    }
    if flags & 2 != 0 {
        start += 2;
    }
    (start < haystack.len()).then_some(start)
}

/// Where the stream begins whose local file header is at `at` (ISO/IEC 21320-1,
/// APPNOTE 4.3.7).
fn zip_entry(haystack: &[u8], at: usize) -> Option<usize> {
    let header: &[u8; 30] = haystack[at..].first_chunk()?;
    let [.., name, more_name, extra, more_extra] = *header;
    let method = u16::from_le_bytes([header[8], header[9]]);
    let start = at
        + header.len()
        + usize::from(u16::from_le_bytes([name, more_name]))
        + usize::from(u16::from_le_bytes([extra, more_extra]));
    (method == 8 && start < haystack.len()).then_some(start)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use crate::adversary::known_plaintext::Disguise;
    use crate::adversary::known_plaintext::testing::{base64, index, random, video};

    fn gzip(octets: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(octets).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(octets: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(octets).unwrap();
        encoder.finish().unwrap()
    }

    fn zip(octets: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(octets).unwrap();
        let header =
            b"PK\x03\x04\x14\x00\x00\x00\x08\x00------------\x00\x00\x00\x00\x04\x00\x02\x00a.mp!!";
        [&header[..], &encoder.finish().unwrap()].concat()
    }

    /// Video that deflate makes smaller, as text around it would be.
    fn compressible(seed: u64) -> Vec<u8> {
        let octets = video(seed, 6000);
        octets
            .chunks(60)
            .flat_map(|chunk| [&b"                                        "[..], chunk].concat())
            .collect()
    }

    #[test]
    fn what_gzip_zlib_and_zip_hide_is_found() {
        let octets = compressible(1);
        let index = index(&octets, &[]);
        let streams = [
            gzip(&octets),
            zlib(&octets, 1),
            zlib(&octets, 6),
            zlib(&octets, 9),
            zip(&octets),
        ];
        for (number, stream) in streams.iter().enumerate() {
            let haystack = [&random(5, 777), &stream[..], &random(6, 100)].concat();
            let hits = index.search(&haystack, 1000);
            assert!(hits.len() < 200);
            let deflated = hits.iter().filter(|hit| hit.disguise == Disguise::Deflate);
            let matched: usize = deflated.map(|hit| hit.matched).sum();
            // Literals in a row show as other disguises do: raw comes first.
            assert!(matched > 9000, "{number} {matched}");
        }
    }

    #[test]
    fn a_stream_without_its_end_is_found() {
        let octets = compressible(1);
        let stream = gzip(&octets);
        let index = index(&octets, &[]);
        for cut in 1..20 {
            let hits = index.search(&stream[..stream.len() - cut * 100], 1000);
            assert!(hits.iter().any(|hit| hit.disguise == Disguise::Deflate));
        }
    }

    #[test]
    fn names_and_extra_fields_of_gzip_are_passed_over() {
        let octets = compressible(1);
        let index = index(&octets, &[]);
        for flags in [2, 4, 8, 16, 31] {
            let mut header = gzip(&octets)[..10].to_vec();
            header[3] = flags;
            for (flag, field) in [
                (4, &b"\x03\x00abc"[..]),
                (8, b"a.mp4\0"),
                (16, b"!\0"),
                (2, b"xx"),
            ] {
                if flags & flag != 0 {
                    header.extend(field);
                }
            }
            let stream = [&header, &gzip(&octets)[10..]].concat();
            let hits = index.search(&stream, 1000);
            assert!(
                hits.iter().any(|hit| hit.disguise == Disguise::Deflate),
                "{flags}"
            );
        }
    }

    #[test]
    fn base64_in_gzip_is_found() {
        let octets = random(1, 6000);
        let stream = gzip(base64(&octets).as_bytes());
        let hits = index(&octets, &[]).search(&stream, 10);
        assert_eq!(hits.len(), 1, "{hits:?}");
        assert_eq!(hits[0].matched, 6000);
    }

    #[test]
    fn a_bomb_is_left_alone() {
        let octets = random(1, 6000);
        let bomb = gzip(&[vec![b' '; 50_000_000], octets.clone()].concat());
        assert_eq!(index(&octets, &[]).search(&bomb, 10), []);
        let many = zlib(&vec![0; 1_000_000], 9).repeat(200);
        assert_eq!(index(&octets, &[]).search(&many, 10), []);
    }
}
