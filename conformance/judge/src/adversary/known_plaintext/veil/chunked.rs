//! Octets cut up by the chunked transfer coding of HTTP (RFC 9112 7.1).

use std::ops::Range;

use memchr::memmem;

use super::{Pieces, Search};
use crate::adversary::known_plaintext::Disguise;

/// Octets of the longest line before a chunk: size and extensions.
const LONGEST_LINE: usize = 256;

/// Bodies of at least two chunks in a row, put together.
pub(super) fn lift(haystack: &[u8], search: &mut Search<'_>) {
    let mut free = 0;
    for end in memmem::find_iter(haystack, b"\r\n") {
        if end < free {
            continue;
        }
        let Some(size) = size(&haystack[free.max(end.saturating_sub(LONGEST_LINE))..end]) else {
            continue;
        };
        let first = chunk(haystack, end, size);
        let chunks: Vec<_> =
            std::iter::successors(first, |chunk| following(haystack, chunk.end)).collect();
        let [_, .., last] = &chunks[..] else { continue };
        free = last.end;
        let mut body = Vec::new();
        let mut pieces = Pieces::default();
        for chunk in chunks {
            pieces.push(body.len(), chunk.start);
            body.extend_from_slice(&haystack[chunk]);
        }
        search.show_deep(&body, Disguise::Chunked, |run| pieces.range(run));
        if !search.settle() {
            return;
        }
    }
}

/// The chunk whose line ends at `end`, as far as it was seen.
fn chunk(haystack: &[u8], end: usize, size: usize) -> Option<Range<usize>> {
    let start = end + 2;
    let chunk = start..start.saturating_add(size).min(haystack.len());
    (!chunk.is_empty()).then_some(chunk)
}

/// The chunk after the one that ends at `end`.
fn following(haystack: &[u8], end: usize) -> Option<Range<usize>> {
    let rest = haystack[end..].strip_prefix(b"\r\n")?;
    let line = &rest[..rest.len().min(LONGEST_LINE)];
    let length = memmem::find(line, b"\r\n")?;
    let digits = line[..length].iter().take_while(|o| o.is_ascii_hexdigit());
    // The whole line up to an extension is the size.
    let (digits, rest) = line[..length].split_at(digits.count());
    let whole = rest.trim_ascii_start();
    if !(whole.is_empty() || whole.starts_with(b";")) {
        return None;
    }
    chunk(haystack, end + 2 + length, number(digits)?)
}

/// The size at the end of what is before the end of a line: who began to listen
/// late sees no beginning.
fn size(before: &[u8]) -> Option<usize> {
    let line = memmem::rfind(before, b"\n").map_or(before, |at| &before[at + 1..]);
    let line = line.split(|octet| *octet == b';').next()?.trim_ascii_end();
    let digits = line.iter().rev().take_while(|o| o.is_ascii_hexdigit());
    number(&line[line.len() - digits.count().min(8)..])
}

fn number(digits: &[u8]) -> Option<usize> {
    let digits = std::str::from_utf8(digits).ok()?;
    usize::from_str_radix(digits, 16)
        .ok()
        .filter(|_| digits.len() <= 8)
}

#[cfg(test)]
mod tests {
    use crate::adversary::known_plaintext::Disguise;
    use crate::adversary::known_plaintext::testing::{index, random, video};

    fn chunked(octets: &[u8], size: usize, extension: &str) -> Vec<u8> {
        let mut body = Vec::new();
        for chunk in octets.chunks(size) {
            body.extend(format!("{:X}{extension}\r\n", chunk.len()).as_bytes());
            body.extend([chunk, b"\r\n"].concat());
        }
        body.extend(b"0\r\n\r\n");
        body
    }

    #[test]
    fn pieces_that_are_too_short_by_themselves_are_put_together() {
        let octets = video(1, 4000);
        let index = index(&octets, &[]);
        for size in [1, 7, 16, 23] {
            for extension in ["", ";a=b", " ;a=\"b\""] {
                let header = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                let body = chunked(&octets[500..900], size, extension);
                let haystack = [&header[..], &body].concat();
                let hits = index.search(&haystack, 10);
                let [hit] = &hits[..] else {
                    panic!("{size} {extension} {hits:?}")
                };
                assert_eq!(hit.disguise, Disguise::Chunked);
                assert_eq!((hit.ledger_offset, hit.matched), (500, 400));
                assert_eq!(haystack[hit.at], octets[500]);
                assert_eq!(haystack[hit.at + hit.length - 1], octets[899]);
            }
        }
    }

    #[test]
    fn a_body_is_found_from_its_middle_and_to_where_the_capture_ends() {
        let octets = video(1, 4000);
        let index = index(&octets, &[]);
        let body = chunked(&octets[500..1900], 20, "");
        for cut in 0..40 {
            let hits = index.search(&body[cut..body.len() - 300 - cut], 10);
            assert_eq!(hits.len(), 1, "{cut}");
            assert!(hits[0].matched > 900, "{cut} {hits:?}");
        }
    }

    #[test]
    fn base64_in_short_chunks_is_found() {
        let octets = random(1, 4000);
        let text = crate::adversary::known_plaintext::testing::base64(&octets[100..400]);
        let haystack = [&b"\r\n\r\n"[..], &chunked(text.as_bytes(), 20, "")].concat();
        let hits = index(&octets, &[]).search(&haystack, 10);
        assert_eq!(hits.len(), 1, "{hits:?}");
        assert_eq!(hits[0].matched, 300);
        assert_eq!(
            hits[0].disguise,
            Disguise::Nested {
                outer: Box::new(Disguise::Chunked),
                inner: Box::new(Disguise::Base64)
            }
        );
    }

    #[test]
    fn sizes_that_lie_are_no_danger() {
        let index = index(&random(1, 4000), &[]);
        for text in [
            "ffffffff\r\nabc",
            "\r\nffffffffffffffffffffff\r\n",
            "0\r\n0\r\n0\r\n",
            "1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            "3\r\na",
            "\r\n;\r\n",
            "5;\r\n\r\n5;\r\n\r\n",
        ] {
            for times in [1, 2, 1000] {
                assert_eq!(index.search(text.repeat(times).as_bytes(), 10), []);
            }
        }
    }
}
