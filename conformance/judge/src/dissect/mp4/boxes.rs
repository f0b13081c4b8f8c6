//! Boxes (ISO/IEC 14496-12 4.2): where they begin and end.

use std::{fmt, ops::Range};

use super::{BoxSpan, Class, Dissection, Flaw};

/// Boxes that hold others, by the one that they are in.
const CONTAINERS: &[(&[u8; 4], &[u8; 4])] = &[
    (b"moov", b"trak"),
    (b"moov", b"mvex"),
    (b"trak", b"mdia"),
    (b"mdia", b"minf"),
    (b"minf", b"stbl"),
    (b"moof", b"traf"),
];

/// Boxes that describe, and hold nothing of what was filmed.
const DESCRIBING: &[&[u8; 4]] = &[
    b"co64", b"cslg", b"ctts", b"dinf", b"edts", b"elst", b"ftyp", b"hdlr", b"mdhd", b"mehd",
    b"mfhd", b"mfra", b"mvhd", b"nmhd", b"prft", b"saio", b"saiz", b"sbgp", b"sdtp", b"sgpd",
    b"sidx", b"smhd", b"ssix", b"stco", b"sthd", b"stsc", b"stsd", b"stss", b"stsz", b"stts",
    b"styp", b"stz2", b"subs", b"tfdt", b"tfhd", b"tkhd", b"tref", b"trex", b"trun", b"vmhd",
];

/// A type of four characters.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FourCc(pub [u8; 4]);

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl<'a> Dissection<'a> {
    /// Reads the boxes of the file.
    pub fn top_level(&mut self) {
        let mut at = 0;
        while at < self.file.len() {
            let Head::Box(span, end) = self.head(at..self.file.len(), 0) else {
                return;
            };
            let next = span.payload.end;
            match &span.kind.0 {
                b"mdat" => {
                    self.claim(at..span.payload.start, Class::Structure);
                    self.data.push((span.payload.clone(), end));
                }
                b"moov" if span.whole => self.moov(&span),
                b"moof" if span.whole => self.moof(&span),
                _ => self.leaf(&span),
            }
            if span.whole {
                self.movie.whole = next;
            }
            self.movie.boxes.push(span);
            at = next;
        }
    }

    /// The boxes in a whole box. Those that are no containers are done with:
    /// what is in them has its class.
    pub fn children(&mut self, parent: &BoxSpan) -> Vec<BoxSpan> {
        self.claim(parent.at..parent.payload.start, Class::Structure);
        let mut children = Vec::new();
        let mut at = parent.payload.start;
        while at < parent.payload.end {
            let Head::Box(span, _) = self.head(at..parent.payload.end, parent.depth + 1) else {
                break;
            };
            at = span.payload.end;
            if !CONTAINERS.contains(&(&parent.kind.0, &span.kind.0)) {
                self.leaf(&span);
            }
            self.movie.boxes.push(span.clone());
            children.push(span);
        }
        children
    }

    /// The fields of a box.
    pub fn fields(&self, span: &BoxSpan) -> Fields<'a> {
        Fields(&self.file[span.payload.clone()])
    }

    fn leaf(&mut self, span: &BoxSpan) {
        let all = span.at..span.payload.end;
        let is_top = matches!(&span.kind.0, b"moov" | b"moof");
        let describes = is_top || DESCRIBING.contains(&&span.kind.0);
        match &span.kind.0 {
            b"free" | b"skip" => {
                let zeros = self.fields(span).0.iter().all(|octet| *octet == 0);
                let class = if zeros {
                    Class::Padding
                } else {
                    Class::Unknown
                };
                self.claim(span.at..span.payload.start, Class::Structure);
                self.claim(span.payload.clone(), class);
            }
            _ if describes && span.whole => self.claim(all, Class::Structure),
            _ if describes => self.claim(all, Class::Cut),
            _ if span.whole => self.claim(span.at..span.payload.start, Class::Structure),
            // Anything looks like the head of a large box.
            _ => {}
        }
    }

    /// The head of the box that `within` begins with.
    pub fn head(&mut self, within: Range<usize>, depth: usize) -> Head {
        let at = within.start;
        let octets = &self.file[within.clone()];
        let mut fields = Fields(octets);
        let (Some(size), Some(kind)) = (fields.u32(), fields.array()) else {
            return self.no_box(within, depth);
        };
        let size = match size {
            0 if depth == 0 => Some(octets.len() as u64),
            1 => fields.u64(),
            size => Some(size.into()),
        };
        let user = (&kind != b"uuid").then_some(()).or_else(|| fields.skip(16));
        let (Some(size), Some(())) = (size, user) else {
            return self.no_box(within, depth);
        };
        let head = octets.len() - fields.0.len();
        let whole = size <= octets.len() as u64;
        if size < head as u64 || (!whole && depth > 0) {
            self.fault(at, Flaw::Size);
            return Head::None;
        }
        let length = if whole { size as usize } else { octets.len() };
        let span = BoxSpan {
            kind: FourCc(kind),
            at,
            payload: at + head..at + length,
            whole,
            depth,
        };
        Head::Box(span, (at as u64).saturating_add(size))
    }

    /// Fewer octets are left than a head has.
    fn no_box(&mut self, within: Range<usize>, depth: usize) -> Head {
        match depth {
            0 => self.claim(within, Class::Cut),
            _ => self.fault(within.start, Flaw::Size),
        }
        Head::None
    }
}

/// What is at the beginning of a box.
pub enum Head {
    /// A box, and where it ends by its own account.
    Box(BoxSpan, u64),
    /// None that can be read.
    None,
}

/// Fields of a box, from the first on.
#[derive(Clone, Copy)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// The next octets.
    pub fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(octets)?;
        self.0 = rest;
        Some(taken)
    }

    /// Passes over octets.
    pub fn skip(&mut self, octets: usize) -> Option<()> {
        self.take(octets).map(|_| ())
    }

    /// The next octets, as many as the array has.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// The next octet.
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// The next 2 octets.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next 4 octets.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next 8 octets.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// The next 4 octets, or 8 in a box of version 1.
    pub fn wide(&mut self, version: u8) -> Option<u64> {
        match version {
            1 => self.u64(),
            _ => self.u32().map(u64::from),
        }
    }

    /// Version and flags.
    pub fn version(&mut self) -> Option<(u8, u32)> {
        let both = self.u32()?;
        Some(((both >> 24) as u8, both & 0x00ff_ffff))
    }
}
