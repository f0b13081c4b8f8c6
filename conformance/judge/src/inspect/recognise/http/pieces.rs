//! Media that come in pieces over several requests and flows: byte ranges of one
//! file (RFC 9110 14), and segments whose description came before them
//! (ISO/IEC 23009-1, RFC 8216 3.3). Every flow that brought a piece leaks.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::clear_key::Keys;
use crate::{
    decoder::Elementary,
    dissect::{
        Place,
        container::{self, File, Surety},
        http::transfer::{self, Transfer},
    },
    inspect::{Claim, Scene, recognise::findings::is_package},
};

/// Files that are joined, and octets of one.
const MOST_FILES: usize = 256;
const MOST_OCTETS: usize = 32 << 20;
/// No file is longer, in octets.
const LONGEST_FILE: usize = 1 << 40;
/// Flows that each play a file that nothing else proves.
const MOST_PLAYS: usize = 4;
/// Descriptions that are tried for a segment, and segments that are joined to one.
const MOST_INITS: usize = 8;
const MOST_SEGMENTS: usize = 32;

/// A message and where it was.
pub(super) struct Seen<'a> {
    pub(super) flow: usize,
    pub(super) transfer: Transfer<'a>,
    /// What was asked for, if the request was captured.
    pub(super) target: Option<String>,
    pub(super) place: Option<Place>,
    pub(super) ends: [IpAddr; 2],
}

/// All messages with content in all flows.
pub(super) fn everything<'a>(scene: &Scene<'a>) -> Vec<Seen<'a>> {
    let mut seen = Vec::new();
    for (index, flow) in scene.traffic.flows.iter().enumerate() {
        if !super::may_be(flow) {
            continue;
        }
        let [from_a, from_b] = [&flow.from_a, &flow.from_b].map(transfer::transfers);
        let asked = |transfers: &[Transfer<'_>]| -> Vec<String> {
            let requests = transfers.iter().filter(|t| t.head.status == 0);
            requests.map(|t| t.head.target.clone()).collect()
        };
        let targets = [asked(&from_b), asked(&from_a)];
        let both = [(from_a, &flow.from_a), (from_b, &flow.from_b)];
        for ((transfers, stream), targets) in both.into_iter().zip(targets) {
            let mut targets = targets.into_iter();
            for transfer in transfers {
                let target = match transfer.head.status {
                    0 => Some(transfer.head.target.clone()),
                    200.. => targets.next(),
                    _ => None,
                };
                if transfer.raw.is_empty() {
                    continue;
                }
                let place = stream.place(transfer.at);
                seen.push(Seen {
                    flow: index,
                    transfer,
                    target,
                    place,
                    ends: [flow.a.ip(), flow.b.ip()],
                });
            }
        }
    }
    seen
}

pub(super) fn claims(seen: &[Seen<'_>], keys: &Keys) -> Vec<(usize, Claim)> {
    let mut claims = ranges(seen, keys);
    claims.extend(segments(seen, keys));
    claims
}

/// Where a piece lies in its file, and how long that is if that is told.
fn content_range(value: &str) -> Option<(usize, usize, Option<usize>)> {
    let value = value.trim().strip_prefix("bytes")?.trim_start();
    let (range, total) = value.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = total.trim().parse().ok();
    (first <= last && last < LONGEST_FILE).then_some((first, last, total))
}

/// A file of which pieces came: what it is called, its length, and its version.
type Name = (Option<String>, Option<usize>, Option<String>, Vec<IpAddr>);

/// Byte ranges of one file, joined.
fn ranges(seen: &[Seen<'_>], keys: &Keys) -> Vec<(usize, Claim)> {
    let mut files: BTreeMap<Name, BTreeMap<usize, &Seen<'_>>> = BTreeMap::new();
    for message in seen {
        let head = &message.transfer.head;
        let Some((first, _, total)) = head.value("content-range").and_then(content_range) else {
            continue;
        };
        let version = head.value("etag").or_else(|| head.value("last-modified"));
        let mut ends = message.ends.to_vec();
        ends.sort();
        // Without a request, length and version have to be enough.
        let target = message.target.clone();
        let name = (target, total, version.map(str::to_owned), ends);
        if files.len() == MOST_FILES && !files.contains_key(&name) {
            continue;
        }
        let pieces = files.entry(name).or_default();
        let longer = pieces
            .get(&first)
            .is_none_or(|known| known.transfer.raw.len() < message.transfer.raw.len());
        if longer {
            pieces.insert(first, message);
        }
    }
    let joined = files.into_values().filter(|pieces| pieces.len() > 1);
    joined.flat_map(|pieces| join(&pieces, keys)).collect()
}

fn join(pieces: &BTreeMap<usize, &Seen<'_>>, keys: &Keys) -> Vec<(usize, Claim)> {
    let mut claims = Vec::new();
    let mut run: Vec<&Seen<'_>> = Vec::new();
    let mut octets: Vec<u8> = Vec::new();
    let mut begin = 0;
    let mut all: Vec<(usize, &&Seen<'_>)> = pieces.iter().map(|(at, seen)| (*at, seen)).collect();
    all.sort_by_key(|(at, _)| *at);
    for (at, seen) in all {
        let end = begin + octets.len();
        if at > end || run.is_empty() {
            claims.extend(told(&run, &octets, keys));
            (run, octets, begin) = (Vec::new(), Vec::new(), at);
        }
        let known = (begin + octets.len()).saturating_sub(at);
        let raw = &seen.transfer.raw;
        if let Some(new) = raw.get(known..)
            && octets.len() + new.len() <= MOST_OCTETS
        {
            octets.extend_from_slice(new);
            run.push(seen);
        }
    }
    claims.extend(told(&run, &octets, keys));
    claims
}

/// What is claimed of the flows that brought the pieces of a file.
fn told(run: &[&Seen<'_>], octets: &[u8], keys: &Keys) -> Vec<(usize, Claim)> {
    if run.len() < 2 || is_package(octets) {
        return Vec::new();
    }
    let file = keys.open(octets).or_else(|| container::at_start(octets));
    let file = file.or_else(|| {
        container::within(octets, 4)
            .into_iter()
            .find(|f| f.surety == Surety::Shown)
    });
    let Some(file) = file else {
        return Vec::new();
    };
    one_each(run, "http-range", &file, &file.elementary(octets))
}

/// One claim for each flow; the first has the file.
fn one_each(
    run: &[&Seen<'_>],
    carriage: &str,
    file: &File,
    media: &Elementary,
) -> Vec<(usize, Claim)> {
    let flows: BTreeSet<usize> = run.iter().map(|seen| seen.flow).collect();
    let mut claims = Vec::new();
    for (number, flow) in flows.iter().enumerate() {
        let mine: Vec<_> = run.iter().filter(|seen| seen.flow == *flow).collect();
        let kind = format!("{carriage}/{}", file.name);
        let reason = format!(
            "{} of {} pieces of {}, that {} flows carry",
            mine.len(),
            run.len(),
            file.what,
            flows.len()
        );
        // What only playing proves, every flow has to play.
        let media = match (number, file.surety) {
            (0, _) => vec![media.clone()],
            (..MOST_PLAYS, Surety::Possible) => vec![media.clone()],
            _ => Vec::new(),
        };
        let place = mine.first().and_then(|seen| seen.place);
        let claim = match file.surety {
            Surety::Shown => Claim::clear(kind, media, reason),
            Surety::Possible => Claim::playable(kind, media, reason),
            Surety::Encrypted => Claim::sealed(kind, reason),
        };
        claims.push((*flow, claim.at(place)));
    }
    claims
}

/// Segments of fragmented MP4 joined to a description that the same host gave.
fn segments(seen: &[Seen<'_>], keys: &Keys) -> Vec<(usize, Claim)> {
    let is = |content: &[u8], kind: &[u8]| {
        content
            .get(4..8)
            .is_some_and(|k| FIRST.iter().any(|first| k == *first))
            && memchr::memmem::find(&content[..content.len().min(4096)], kind).is_some()
    };
    let contents: Vec<(&Seen<'_>, Cow<'_, [u8]>)> = seen
        .iter()
        .filter(|seen| {
            let kind = seen.transfer.raw.get(4..8);
            kind.is_some_and(|k| FIRST.iter().any(|first| k == *first))
        })
        .map(|seen| (seen, seen.transfer.content()))
        .collect();
    let inits = contents.iter().filter(|(_, content)| {
        is(content, b"moov")
            && memchr::memmem::find(content, b"moof").is_none()
            && memchr::memmem::find(content, b"mvex").is_some()
    });
    let inits: Vec<_> = inits.take(MOST_INITS * 4).collect();
    let mut joined: BTreeMap<usize, (Vec<u8>, Vec<&Seen<'_>>)> = BTreeMap::new();
    for (segment, content) in &contents {
        if !is(content, b"moof") || is(content, b"moov") {
            continue;
        }
        let near = |seen: &Seen<'_>| {
            seen.ends
                .iter()
                .filter(|e| segment.ends.contains(e))
                .count()
        };
        let mut candidates: Vec<_> = inits
            .iter()
            .enumerate()
            .filter(|(_, (init, described))| near(init) > 0 && same_track(described, content))
            .collect();
        // The same two hosts, and the name most alike.
        let alike = |init: &Seen<'_>| match (&init.target, &segment.target) {
            (Some(a), Some(b)) => a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count(),
            _ => 0,
        };
        candidates.sort_by_key(|(_, (init, _))| std::cmp::Reverse((near(init), alike(init))));
        if let Some((index, (init, described))) = candidates.into_iter().next() {
            let (file, run) = joined
                .entry(index)
                .or_insert_with(|| (described.to_vec(), vec![*init]));
            if run.len() < MOST_SEGMENTS && file.len() + content.len() <= MOST_OCTETS {
                file.extend_from_slice(content);
            }
            run.push(segment);
        }
    }
    let joined = joined.into_values();
    joined
        .flat_map(|(octets, run)| {
            match keys.open(&octets).or_else(|| container::at_start(&octets)) {
                Some(file) => one_each(&run, "http-segments", &file, &file.elementary(&octets)),
                None => Vec::new(),
            }
        })
        .collect()
}

/// Boxes that segments begin with.
const FIRST: [&[u8; 4]; 6] = [b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"emsg"];

/// Whether a fragment is of a track that is described (track_ID of tfhd and tkhd).
fn same_track(described: &[u8], content: &[u8]) -> bool {
    let id = |octets: &[u8], kind: &[u8], behind: fn(u8) -> usize| {
        let at = memchr::memmem::find(octets, kind)? + 4;
        let from = at + behind(*octets.get(at)?);
        octets.get(from..from + 4).map(<[u8]>::to_vec)
    };
    let of = id(content, b"tfhd", |_| 4);
    of.is_some() && of == id(described, b"trex", |_| 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(content_range("bytes 0-99/200"), Some((0, 99, Some(200))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, 9, None)));
        for wrong in ["bytes */200", "bytes 9-5/10", "items 1-2/3", ""] {
            assert_eq!(content_range(wrong), None, "{wrong}");
        }
    }
}

#[cfg(test)]
mod joined {
    use super::super::across;
    use crate::{
        dissect::{Traffic, jpeg::scan::made},
        inspect::{Label, Scene, recognise::talk::tcp_between},
    };

    fn piece(octets: &[u8], first: usize, last: usize, total: usize) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{}/{total}\r\nContent-Length: {}\r\n\r\n",
            last - 1,
            last - first
        );
        [head.as_bytes(), &octets[first..last]].concat()
    }

    #[test]
    fn every_flow_that_brings_a_piece_leaks() {
        let jpeg = made::jpeg(640, 480);
        let asked = b"GET /p HTTP/1.1\r\nRange: bytes=0-1\r\n\r\n";
        let cuts = [0, 500, 900, jpeg.len()];
        let flow = |at: usize| {
            tcp_between(
                &[asked],
                &[&piece(&jpeg, cuts[at], cuts[at + 1], jpeg.len())],
            )
        };
        let traffic = Traffic {
            flows: vec![
                flow(2),
                flow(0),
                tcp_between(&[b"HTTP/1.1 200 OK\r\n\r\nno piece"], &[]),
                flow(1),
            ],
            ..Traffic::default()
        };
        let claims = across(&Scene::new(&traffic));
        let told: Vec<_> = claims
            .iter()
            .map(|(flow, c)| (*flow, c.kind.as_str(), c.label()))
            .collect();
        let leak = |flow| (flow, "http-range/jpeg", Label::Leak);
        assert_eq!(told, [leak(0), leak(1), leak(3)]);
    }
}
