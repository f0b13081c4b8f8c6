//! Files that were found in a flow, and what is claimed of them.

use std::collections::BTreeMap;

use crate::{
    decoder::{Elementary, Format},
    dissect::{
        Place, base64,
        container::{self, File, Surety},
    },
    inspect::Claim,
};

use super::partial;

/// Files of a kind that a player gets, and their octets.
const MOST_MEDIA: usize = 24;
const MOST_OCTETS: usize = 48 << 20;
/// Characters of base64 that a picture has at least, and that are read of one.
const LEAST_TEXT: usize = 400;
const MOST_TEXT: usize = 8 << 20;
/// Texts that are read of one content.
const MOST_TEXTS: usize = 32;

/// What was found in a flow that carries it in some way.
pub(super) struct Findings {
    carriage: String,
    /// By name and surety.
    found: BTreeMap<(&'static str, Surety), Found>,
    octets: usize,
}

struct Found {
    count: usize,
    first: String,
    place: Option<Place>,
    media: Vec<Elementary>,
}

impl Findings {
    /// Nothing yet; claims will be of kind `carriage/name`.
    pub(super) fn new(carriage: impl Into<String>) -> Self {
        Self {
            carriage: carriage.into(),
            found: BTreeMap::new(),
            octets: 0,
        }
    }

    /// Adds a file that lies in `octets`.
    pub(super) fn add(&mut self, file: File, octets: &[u8], place: Option<Place>) {
        let found = self.found.entry((file.name, file.surety));
        let found = found.or_insert_with(|| Found {
            count: 0,
            first: file.what.clone(),
            place,
            media: Vec::new(),
        });
        found.count += 1;
        if found.media.len() < MOST_MEDIA && self.octets < MOST_OCTETS {
            let media = file.elementary(octets);
            self.octets += media.octets.len();
            found.media.push(media);
        }
    }

    /// Whether something was found that is media for sure.
    pub(super) fn is_sure(&self) -> bool {
        self.found
            .keys()
            .any(|(_, surety)| *surety == Surety::Shown)
    }

    /// Whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// What they come to, the surest first.
    pub(super) fn claims(self) -> Vec<Claim> {
        let carriage = self.carriage;
        let mut found: Vec<_> = self.found.into_iter().collect();
        found.sort_by_key(|((_, surety), _)| std::cmp::Reverse(*surety));
        // What is left of them, last.
        let rest = found.iter().find_map(|((name, surety), found)| {
            let stream = found.media.first().filter(|_| *name == "h264")?;
            let is_possible = *surety == Surety::Possible;
            partial::between_key_frames(&stream.octets, found.place).filter(|_| is_possible)
        });
        let claims = found.into_iter().map(|((name, surety), found)| {
            let kind = format!("{carriage}/{name}");
            let of = match found.count {
                1 => String::new(),
                count => format!("; {count} such in the flow"),
            };
            let place = found
                .place
                .map_or(String::new(), |p| format!(" in packet {}", p.packet));
            let reason = format!("{}, from an octet{place} on{of}", found.first);
            match surety {
                Surety::Shown => Claim::clear(kind, found.media, reason),
                Surety::Possible => Claim::playable(kind, found.media, reason),
                Surety::Encrypted => Claim::sealed(kind, reason),
            }
            .at(found.place)
        });
        claims.chain(rest).collect()
    }
}

/// Whether some octets begin as archives, programs, documents and fonts do: what lies
/// in them is no picture that somebody sends.
pub(super) fn is_package(octets: &[u8]) -> bool {
    const PACKAGES: [&[u8]; 31] = [
        b"PK\x03\x04",
        b"MZ",
        b"%PDF-",
        b"\x7fELF",
        b"\x1f\x8b\x08",
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\x07",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"MSCF",
        b"Cr24",
        b"\xfd7zXZ\0",
        b"BZh",
        b"\x28\xb5\x2f\xfd",
        b"wOFF",
        b"wOF2",
        b"OTTO",
        b"FWS",
        b"CWS",
        b"ZWS",
        b"\xca\xfe\xba\xbe",
        b"dex\n",
        b"!<arch>\n",
        b"\xed\xab\xee\xdb",
        b"hsqs",
        b"\x27\x05\x19\x56",
        b"\x04\x22\x4d\x18",
        b"\x5d\0\0",
        b"SQLite format 3",
        b"\xfe\xed\xfa",
        b"\xcf\xfa\xed\xfe",
        b"MPQ\x1a",
    ];
    let is_tar = octets.get(257..262) == Some(b"ustar");
    // ICONDIR: few pictures follow.
    let is_icon = matches!(octets, [0, 0, 1, 0, 1..=64, 0, ..]);
    is_tar || is_icon || PACKAGES.iter().any(|package| octets.starts_with(package))
}

/// Whether a picture or a sound that lies within other octets is one that programs and
/// archives bring; `amid` where their beginning is not known.
pub(super) fn is_resource(file: &File, octets: &[u8], amid: bool) -> bool {
    const FAR: usize = 1024;
    let before = octets.get(..file.range.start).unwrap_or_default();
    let is_little = matches!(file.format, Format::Png | Format::WebP | Format::Wav);
    let bring = [
        &b"MZ"[..],
        b"\x7fELF",
        b"PK\x03\x04",
        b"%PDF-",
        b"!<arch>\n",
    ];
    let is_brought = |mark: &&[u8]| memchr::memmem::find(before, mark).is_some();
    is_little && (amid || before.len() > FAR || bring.iter().any(is_brought))
}

/// How base64 of pictures begins: JPEG, PNG, WebP.
const BEGINNINGS: [&[u8]; 4] = [b"/9j/", b"/9j\\/", b"iVBORw0KGgo", b"UklGR"];

/// The same of a form (application/x-www-form-urlencoded), whose characters may be
/// escaped.
pub(super) fn in_form(text: &[u8], place: Option<Place>, findings: &mut Findings) {
    let digit = |octet: Option<&u8>| char::from(*octet?).to_digit(16);
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&octet) = text.get(at) {
        let escaped = match (octet, digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
            _ => None,
        };
        plain.push(escaped.unwrap_or(octet));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    in_text(&plain, place, findings);
}

/// Adds pictures that some text holds in base64 (RFC 4648 4), in lines or not.
pub(super) fn in_text(text: &[u8], place: Option<Place>, findings: &mut Findings) {
    let mut texts = 0;
    for beginning in BEGINNINGS {
        let mut from = 0;
        while let Some(at) = text
            .get(from..)
            .and_then(|t| memchr::memmem::find(t, beginning))
        {
            let start = from + at;
            let rest = text.get(start..).unwrap_or_default();
            let (characters, taken) = characters(&rest[..rest.len().min(MOST_TEXT)]);
            from = start + taken.max(beginning.len());
            if characters.len() < LEAST_TEXT {
                continue;
            }
            texts += 1;
            if texts > MOST_TEXTS {
                return;
            }
            let decoded = base64::decode(&characters).map(|(octets, ..)| octets);
            if let Some(octets) = decoded
                && let Some(file) = container::at_start(&octets)
            {
                findings.add(file, &octets, place);
            }
        }
    }
}

/// Characters of base64 without what breaks lines or escapes a slash in JSON, and
/// how far they go.
fn characters(text: &[u8]) -> (Vec<u8>, usize) {
    let mut characters = Vec::new();
    let mut at = 0;
    while let Some(&octet) = text.get(at) {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => characters.push(octet),
            b'\r' | b'\n' => {}
            b'\\' if text.get(at + 1) == Some(&b'/') => {}
            b'\\' if matches!(text.get(at + 1), Some(b'n' | b'r')) => at += 1,
            _ => break,
        }
        at += 1;
    }
    (characters, at)
}
