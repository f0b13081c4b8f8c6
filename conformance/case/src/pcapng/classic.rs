//! Reads classic pcap (draft-ietf-opsawg-pcap) and its relatives.

use super::{Capture, Interface, Octets, Packet};

/// Octets of the file header.
const FILE_HEADER: usize = 24;
/// Longer than any packet that a tool would write: twice Wireshark's greatest limit.
const LONGEST_PACKET: u32 = 1 << 28;
/// How many records have to fit a layout that the magic number does not tell.
const TRIED: usize = 20;
/// Octets of a file that tell how the rest is to be read.
pub(super) const HEAD: usize = 64 << 10;

/// What the magic number tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    big_endian: bool,
    nanoseconds: bool,
    layout: Layout,
    /// Octets between the file header and the first record.
    gap: usize,
}

/// Octets of a record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Time, captured and original length.
    Standard = 16,
    /// Of Nokia: 4 octets behind them.
    Nokia = 20,
    /// "Modified", of Kuznetzov's patch: interface index, protocol and packet type
    /// behind them.
    Modified = 24,
}

/// What the file's first octets say: micro- and nanoseconds in both byte orders,
/// the "modified" kind with longer record headers, and IXIA's with a total length
/// behind the file header.
pub(super) fn kind(magic: [u8; 4]) -> Option<Kind> {
    let of = |magic: u32, big_endian: bool| {
        let (nanoseconds, layout, gap) = match magic {
            0xA1B2_C3D4 => (false, Layout::Standard, 0),
            0xA1B2_3C4D => (true, Layout::Standard, 0),
            0xA1B2_CD34 => (false, Layout::Modified, 0),
            0x1C00_01AC | 0x1C00_01AB => (true, Layout::Standard, 4),
            _ => return None,
        };
        Some(Kind {
            big_endian,
            nanoseconds,
            layout,
            gap,
        })
    };
    of(u32::from_le_bytes(magic), false).or_else(|| of(u32::from_be_bytes(magic), true))
}

/// State of reading a classic pcap, part by part. Its records hold nothing that could
/// be checked but lengths, so that the only fault it can have is to be cut short.
#[derive(Debug)]
pub(super) struct Classic {
    kind: Kind,
    /// What the file header and the first records told; none if the file ends before.
    header: Option<Header>,
    /// Octets before the first record that are still to be read.
    before: usize,
    /// Packets so far.
    packets: u64,
}

#[derive(Debug)]
struct Header {
    interface: Interface,
    minor_version: u16,
    layout: Layout,
}

impl Classic {
    /// From the first [`HEAD`] octets of the file, or all if it has fewer.
    pub(super) fn new(kind: Kind, head: &[u8]) -> Self {
        let file = head.get(..HEAD).unwrap_or(head);
        Self {
            kind,
            header: Reader { file, kind }.header(),
            before: FILE_HEADER + kind.gap,
            packets: 0,
        }
    }

    /// Reads the records that are whole in the next part of the file, and says how many
    /// octets they are. Of the last part all is read.
    pub(super) fn read(&mut self, file: &Octets, last: bool) -> (Capture, usize) {
        let mut capture = Capture::default();
        let reader = Reader {
            file,
            kind: self.kind,
        };
        let Some(header) = &self.header else {
            capture.truncated = last;
            return (capture, 0);
        };
        let mut at = std::mem::take(&mut self.before);
        capture.interfaces.push(header.interface.clone());
        let unit = if self.kind.nanoseconds { 1 } else { 1000 };
        while at < file.len() {
            let Some(record) = reader.record(at, header.layout) else {
                capture.truncated = last;
                break;
            };
            // Up to 2.3 some wrote the two lengths the other way round.
            let swapped = header.minor_version <= 3 && record.captured > record.original;
            let (captured, original) = match swapped {
                true => (record.original, record.captured),
                false => (record.captured, record.original),
            };
            let begins = at + header.layout as usize;
            let Some(ends) = end(begins, captured).filter(|end| *end <= file.len()) else {
                capture.truncated = last;
                break;
            };
            self.packets += 1;
            let fraction = u64::from(record.fraction) * unit;
            capture.packets.push(Packet {
                number: self.packets,
                interface: 0,
                time_ns: u64::from(record.seconds) * 1_000_000_000 + fraction,
                data: file.part(begins..ends),
                original_length: original,
            });
            at = ends;
        }
        (capture, at)
    }
}

struct Reader<'a> {
    file: &'a [u8],
    kind: Kind,
}

struct Record {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

impl Reader<'_> {
    fn header(&self) -> Option<Header> {
        let (minor_version, snap_length) = (self.u16(6)?, self.u32(16)?);
        // The upper bits tell of the frame check sequence.
        let link_type = (self.u32(20)? & 0xFFFF) as u16;
        Some(Header {
            interface: Interface {
                link_type,
                snap_length,
                ..Interface::default()
            },
            minor_version,
            layout: self.layout(FILE_HEADER + self.kind.gap),
        })
    }

    /// The layout that the magic number tells, if the first records have it;
    /// else the one that they have: patched tools kept the old number.
    fn layout(&self, first: usize) -> Layout {
        let others = [Layout::Standard, Layout::Modified, Layout::Nokia];
        let mut layouts = std::iter::once(self.kind.layout).chain(others);
        let fitting = layouts.find(|layout| self.fits(first, *layout));
        fitting.unwrap_or(self.kind.layout)
    }

    /// Whether the first records, as far as they are there, make sense so.
    fn fits(&self, first: usize, layout: Layout) -> bool {
        let mut at = first;
        for _ in 0..TRIED {
            let Some(record) = self.record(at, layout) else {
                return true;
            };
            let fraction = if self.kind.nanoseconds {
                1_000_000_000
            } else {
                1_000_000
            };
            let sound = record.fraction < fraction
                && record.captured <= record.original
                && record.original <= LONGEST_PACKET
                && (record.captured > 0 || record.original > 0);
            let Some(next) = end(at + layout as usize, record.captured).filter(|_| sound) else {
                return false;
            };
            at = next;
        }
        true
    }

    fn record(&self, at: usize, layout: Layout) -> Option<Record> {
        self.file.get(at..at.checked_add(layout as usize)?)?;
        Some(Record {
            seconds: self.u32(at)?,
            fraction: self.u32(at + 4)?,
            captured: self.u32(at + 8)?,
            original: self.u32(at + 12)?,
        })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let octets = *self.file.get(at..)?.first_chunk()?;
        Some(match self.kind.big_endian {
            true => u16::from_be_bytes(octets),
            false => u16::from_le_bytes(octets),
        })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let octets = *self.file.get(at..)?.first_chunk()?;
        Some(match self.kind.big_endian {
            true => u32::from_be_bytes(octets),
            false => u32::from_le_bytes(octets),
        })
    }
}

fn end(begins: usize, captured: u32) -> Option<usize> {
    begins.checked_add(usize::try_from(captured).ok()?)
}
