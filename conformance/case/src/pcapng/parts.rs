//! Reads captures: a whole one that is in memory, or one of any size, part by part.

use std::io::Read;

use super::{
    Capture, CaptureError, Octets,
    blocks::{self, Pcapng},
    classic::{self, Classic},
    compressed::{self, Unpacked},
};

/// Octets of a block, at most, if the file is read in parts: what is longer is none.
const LONGEST_BLOCK: usize = 64 << 20;

impl Capture {
    /// Reads pcapng (either byte order, any number of sections and interfaces)
    /// or classic pcap (microseconds or nanoseconds, either byte order), inside
    /// gzip or Zstandard or not.
    ///
    /// A file that ends in the middle of a block gives what came before and
    /// [`Capture::truncated`]. The memory used is at most a small multiple of
    /// the input's length, or of what is unpacked from it, which is bounded.
    pub fn read(bytes: &[u8]) -> Result<Self, CaptureError> {
        match Self::salvage(bytes)? {
            (capture, None) => Ok(capture),
            (_, Some(damage)) => Err(damage),
        }
    }

    /// Reads the same as far as it can be read: blocks that are damaged are left
    /// out, and the first of them is named beside. An error is that there is
    /// nothing to read.
    pub fn salvage(file: &[u8]) -> Result<(Self, Option<CaptureError>), CaptureError> {
        let mut parts = CaptureParts::new(file)?;
        let capture = parts.part(usize::MAX).unwrap_or_default();
        Ok((capture, parts.damage()))
    }
}

/// Packets of a capture of any size, part by part, in bounded memory.
///
/// Each part is a [`Capture`] of the next packets, with their numbers in the whole file,
/// all interfaces so far, and the secrets between them. The last one says whether the
/// file is truncated.
pub struct CaptureParts<'r> {
    file: Unpacked<'r>,
    format: Format,
    /// Octets that were read and belong to a block that is not whole.
    rest: Vec<u8>,
    ended: bool,
}

#[derive(Debug)]
enum Format {
    Pcapng(Pcapng),
    Classic(Classic),
}

impl<'r> CaptureParts<'r> {
    /// Looks at how the file begins. An error is that there is nothing to read.
    pub fn new(file: impl Read + Send + 'r) -> Result<Self, CaptureError> {
        let mut file = Unpacked::new(file);
        let mut rest = Vec::new();
        file.fill(&mut rest, 4);
        let nothing = |what: String| CaptureError {
            block: 0,
            offset: 0,
            what,
        };
        let format = match rest.first_chunk::<4>() {
            None if rest.is_empty() => {
                let why = file.broken().unwrap_or("the file is empty");
                return Err(nothing(why.to_owned()));
            }
            Some(magic) if blocks::begins(*magic) => Format::Pcapng(Pcapng::default()),
            magic => match magic.and_then(|magic| classic::kind(*magic)) {
                Some(kind) => {
                    file.fill(&mut rest, classic::HEAD - 4);
                    Format::Classic(Classic::new(kind, &rest))
                }
                None => {
                    // So much tells other compressions.
                    file.fill(&mut rest, 4);
                    return Err(nothing(unknown(&rest)));
                }
            },
        };
        Ok(Self {
            file,
            format,
            rest,
            ended: false,
        })
    }

    /// The packets of the next `octets` of the file, at least one block of it. None
    /// if there is nothing more.
    pub fn part(&mut self, octets: usize) -> Option<Capture> {
        if self.ended {
            return None;
        }
        let mut wanted = octets;
        loop {
            let missing = wanted.saturating_sub(self.rest.len());
            self.file.fill(&mut self.rest, missing);
            let last = self.rest.len() < wanted || self.rest.len() > LONGEST_BLOCK.max(octets);
            let part = Octets::from(std::mem::take(&mut self.rest));
            let (mut capture, read, adrift) = match &mut self.format {
                Format::Pcapng(state) => {
                    let (capture, read) = state.read(&part, last);
                    (capture, read, state.is_adrift())
                }
                Format::Classic(state) => {
                    let (capture, read) = state.read(&part, last);
                    (capture, read, false)
                }
            };
            self.ended = last || adrift;
            if adrift {
                self.file.check_rest();
            }
            if self.ended {
                capture.truncated |= self.file.broken().is_some();
                return Some(capture);
            }
            self.rest = part.get(read..).unwrap_or_default().to_vec();
            if read > 0 {
                return Some(capture);
            }
            wanted = wanted.saturating_mul(2);
        }
    }

    /// Whether the last part was given.
    pub fn is_at_end(&self) -> bool {
        self.ended
    }

    /// What could not be read so far: why the file can't be unpacked, else the first
    /// block that is damaged.
    pub fn damage(&self) -> Option<CaptureError> {
        let broken = self.file.broken().map(|why| CaptureError {
            block: 0,
            offset: 0,
            what: why.to_owned(),
        });
        broken.or(match &self.format {
            Format::Pcapng(state) => state.damage().cloned(),
            Format::Classic(_) => None,
        })
    }
}

fn unknown(file: &[u8]) -> String {
    match compressed::other(file) {
        Some(name) => format!("expected pcapng or pcap, found {name}; decompress it first"),
        None => format!(
            "expected pcapng or pcap, found a file that begins with {}; \
             editcap -F pcapng converts other capture formats",
            blocks::hex(&file[..file.len().min(4)])
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;
    use crate::PcapngWriter;

    fn file(packets: u64) -> Vec<u8> {
        let mut writer = PcapngWriter::new(Vec::new(), "tap", "").unwrap();
        for number in 0..packets {
            let octets = vec![number as u8; 100 + (number as usize * 37) % 900];
            writer.packet(number, &octets).unwrap();
        }
        writer.finish(packets, 0).unwrap()
    }

    #[test]
    fn parts_together_are_the_whole() {
        let file = file(300);
        let whole = Capture::read(&file).unwrap();
        for octets in [1, 100, 5000, 1 << 20] {
            let mut parts = CaptureParts::new(&file[..]).unwrap();
            let mut together = Capture::default();
            while let Some(part) = parts.part(octets) {
                together.packets.extend(part.packets);
                together.interfaces = part.interfaces;
                together.truncated = part.truncated;
            }
            assert!(together == whole, "{octets}");
        }
        let mut parts = CaptureParts::new(&file[..file.len() - 1]).unwrap();
        let last = std::iter::from_fn(|| parts.part(5000)).last().unwrap();
        assert!(last.truncated);
    }

    #[test]
    fn layout_is_told_by_the_same_records_however_many_are_read_at_once() {
        // Two records of the standard layout whose next has a fraction of 2 s.
        let header = [&[0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0][..], &[0; 16]].concat();
        let record = |fraction: u32| {
            let words = [1, fraction, 60, 60].map(u32::to_le_bytes);
            [words.as_flattened(), &[7; 60]].concat()
        };
        let file = [&header[..], &record(5), &record(6), &record(2_000_000)].concat();
        let whole = Capture::read(&file).unwrap();
        for octets in [1, 100, 200] {
            let mut parts = CaptureParts::new(&file[..]).unwrap();
            let packets: Vec<_> = std::iter::from_fn(|| parts.part(octets))
                .flat_map(|part| part.packets)
                .collect();
            assert!(packets == whole.packets, "{octets}");
        }
    }

    #[test]
    fn damaged_compression_is_named_however_much_is_read_at_once() {
        let mut file = file(300);
        // From the second packet on nothing tells where blocks begin.
        file[300..1500].fill(0xFF);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&file).unwrap();
        let packed = encoder.finish().unwrap();
        let cut = &packed[..packed.len() - 1];
        let (capture, damage) = Capture::salvage(cut).unwrap();
        assert!(damage.as_ref().unwrap().what.contains("damaged or cut"));
        let mut parts = CaptureParts::new(cut).unwrap();
        let packets: Vec<_> = std::iter::from_fn(|| parts.part(100))
            .flat_map(|part| part.packets)
            .collect();
        assert!(packets == capture.packets && parts.damage() == damage);
    }
}
