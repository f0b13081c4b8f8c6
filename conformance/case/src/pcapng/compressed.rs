//! Captures inside gzip (RFC 1952) and Zstandard (RFC 8878).

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

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
const MOST_TIMES: u64 = 256;
/// Octets that may be unpacked of any file.
const ALWAYS: u64 = 64 << 20;
/// Octets that are unpacked at most, of a file that is read in parts.
const MOST: u64 = 1 << 40;

/// Octets that are unpacked before it is asked again whether they are too many.
const STEP: u64 = 16 << 20;
/// Octets of Zstandard that are unpacked at a time, however many are wanted: those that
/// come just before damage are lost with it, and the same ones each time.
const WINDOW: usize = 4 << 10;

/// A file of which the octets are read in order, unpacked if they are compressed.
pub(super) struct Unpacked<'r> {
    source: Source<'r>,
    given: u64,
    most: u64,
    broken: Option<String>,
}

enum Source<'r> {
    Plain(Input<'r>),
    Gzip(MultiGzDecoder<BufReader<Input<'r>>>),
    Zstd(BufReader<Zstd<'r>>),
}

impl<'r> Unpacked<'r> {
    /// Looks at the first octets.
    pub(super) fn new(file: impl Read + Send + 'r) -> Self {
        let mut input = Input {
            ahead: Vec::new(),
            file: Box::new(file),
            read: 0,
        };
        let mut broken = None;
        let mut first = Vec::new();
        if let Err(e) = input.by_ref().take(4).read_to_end(&mut first) {
            broken = Some(unreadable(0, &e));
        }
        input.ahead.clone_from(&first);
        let source = if first.starts_with(&GZIP) {
            Source::Gzip(MultiGzDecoder::new(BufReader::new(input)))
        } else if first.starts_with(&ZSTD) || skippable(&first) {
            let file = Zstd {
                state: Some(State::Between(input)),
            };
            Source::Zstd(BufReader::with_capacity(WINDOW, file))
        } else {
            Source::Plain(input)
        };
        Self {
            source,
            given: 0,
            most: MOST,
            broken,
        }
    }

    /// Adds the next octets, as many as are wanted unless there are no more.
    pub(super) fn fill(&mut self, octets: &mut Vec<u8>, wanted: usize) {
        let mut missing = wanted as u64;
        while missing > 0 && self.broken.is_none() {
            let room = self.room();
            let step = missing.min(room).min(STEP);
            let before = octets.len();
            let done = match &mut self.source {
                Source::Plain(file) => file.take(step).read_to_end(octets).map(drop),
                Source::Gzip(file) => file.take(step).read_to_end(octets).map(drop),
                Source::Zstd(file) => append(file, step, octets),
            };
            // What was read before an error stays.
            let length = (octets.len() - before) as u64;
            self.given += length;
            missing -= length;
            self.broken = match (done, &self.source) {
                (Err(e), Source::Plain(_)) => Some(unreadable(self.given, &e)),
                (Err(e), _) => Some(format!(
                    "the compression is damaged or cut after {} octets: {e}",
                    self.given
                )),
                (Ok(()), _) if room == 0 => Some(format!(
                    "more than {} octets in {} that are compressed; unpack it first",
                    self.given,
                    self.packed()
                )),
                (Ok(()), _) if length < step => return,
                (Ok(()), _) => None,
            };
        }
    }

    /// Finds out whether the rest can be unpacked, without keeping it.
    pub(super) fn check_rest(&mut self) {
        if let Source::Plain(_) = self.source {
            return;
        }
        let mut octets = Vec::new();
        while self.broken.is_none() {
            octets.clear();
            self.fill(&mut octets, 1 << 20);
            if octets.is_empty() {
                return;
            }
        }
    }

    /// Why not all can be read, as far as is known.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// How many octets may still be unpacked.
    fn room(&self) -> u64 {
        if let Source::Plain(_) = self.source {
            return u64::MAX;
        }
        let allowed = self.packed().saturating_mul(MOST_TIMES) + ALWAYS;
        allowed.min(self.most).saturating_sub(self.given)
    }

    /// Octets of the file that were read.
    fn packed(&self) -> u64 {
        match &self.source {
            Source::Plain(file) => file.read,
            Source::Gzip(file) => file.get_ref().get_ref().read,
            Source::Zstd(file) => match &file.get_ref().state {
                Some(State::Between(file)) => file.read,
                Some(State::Frame(frame)) => frame.get_ref().read,
                None => u64::MAX,
            },
        }
    }
}

/// Adds so many octets of a file, window by window: `read_to_end` would ask for other
/// lengths.
fn append(file: &mut impl BufRead, wanted: u64, octets: &mut Vec<u8>) -> io::Result<()> {
    let mut missing = usize::try_from(wanted).unwrap_or(usize::MAX);
    while missing > 0 {
        let window = file.fill_buf()?;
        if window.is_empty() {
            break;
        }
        let length = window.len().min(missing);
        octets.extend_from_slice(&window[..length]);
        file.consume(length);
        missing -= length;
    }
    Ok(())
}

fn unreadable(octets: u64, error: &io::Error) -> String {
    format!("it can't be read on after {octets} octets: {error}")
}

/// A file of which some octets were looked at.
struct Input<'r> {
    /// Octets that come before the rest of the file.
    ahead: Vec<u8>,
    file: Box<dyn Read + Send + 'r>,
    read: u64,
}

impl Read for Input<'_> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        if !self.ahead.is_empty() {
            let length = self.ahead.as_slice().read(octets)?;
            self.ahead.drain(..length);
            return Ok(length);
        }
        let length = self.file.read(octets)?;
        self.read += length as u64;
        Ok(length)
    }
}

/// Frames of Zstandard one behind the other.
struct Zstd<'r> {
    state: Option<State<'r>>,
}

enum State<'r> {
    Between(Input<'r>),
    Frame(Box<StreamingDecoder<Input<'r>, FrameDecoder>>),
}

impl Read for Zstd<'_> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        loop {
            self.state = match self.state.take() {
                None => return Ok(0),
                Some(State::Frame(mut frame)) => {
                    let length = frame.read(octets)?;
                    if length > 0 {
                        self.state = Some(State::Frame(frame));
                        return Ok(length);
                    }
                    Some(State::Between(frame.into_inner()))
                }
                Some(State::Between(file)) => next_frame(file)?,
            };
        }
    }
}

fn next_frame(mut file: Input<'_>) -> io::Result<Option<State<'_>>> {
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic)?;
    if magic == ZSTD {
        file.ahead = magic;
        let frame = StreamingDecoder::new(file).map_err(io::Error::other)?;
        return Ok(Some(State::Frame(Box::new(frame))));
    }
    if skippable(&magic) {
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        let length = u64::from(u32::from_le_bytes(length));
        io::copy(&mut file.by_ref().take(length), &mut io::sink())?;
        return Ok(Some(State::Between(file)));
    }
    match magic.is_empty() {
        true => Ok(None),
        false => Err(io::Error::other("no frame of Zstandard")),
    }
}

/// Whether a skippable frame begins so (RFC 8878 3.1.2).
fn skippable(magic: &[u8]) -> bool {
    matches!(magic, [0x50..=0x5F, 0x2A, 0x4D, 0x18])
}

/// What else the octets are compressed with, in words.
pub(super) fn other(bytes: &[u8]) -> Option<&'static str> {
    let known = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic));
    known.map(|(_, name)| *name)
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

    fn unpack(bytes: &[u8], most: u64) -> (Vec<u8>, Option<String>) {
        let mut unpacked = Unpacked::new(bytes);
        unpacked.most = most;
        let mut octets = Vec::new();
        unpacked.fill(&mut octets, usize::MAX);
        (octets, unpacked.broken)
    }

    fn all(bytes: &[u8]) -> Vec<u8> {
        let (octets, broken) = unpack(bytes, MOST);
        assert_eq!(broken, None);
        octets
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
        assert_eq!(all(b"\x1F\x8B\x07"), b"\x1F\x8B\x07");
        assert_eq!(
            other(b"\x1F\x8B\x07"),
            Some("gzip data of an unknown method")
        );
    }

    #[test]
    fn what_is_wanted_comes_in_parts() {
        let noise: Vec<u8> = (0..99_999u32)
            .map(|n| (n.wrapping_mul(n) >> 7) as u8)
            .collect();
        let packed = gzip(&noise);
        for file in [&packed[..], &noise] {
            let mut unpacked = Unpacked::new(file);
            let (mut whole, mut parts) = (Vec::new(), 0);
            loop {
                let mut part = Vec::new();
                unpacked.fill(&mut part, 30_000);
                if part.is_empty() {
                    break;
                }
                parts += 1;
                whole.extend(part);
            }
            assert!(whole == noise && parts == 4 && unpacked.broken.is_none());
        }
    }

    #[test]
    fn damage_is_met_at_the_same_octet_however_many_are_wanted() {
        let text: Vec<u8> = (0..99_999u32)
            .map(|n| (n.wrapping_mul(n) >> 13) as u8 % 21)
            .collect();
        let mut gzip = gzip(&text);
        let middle = gzip.len() / 2;
        gzip[middle..][..40].fill(0xFF);
        // Raw blocks of 200 octets, then one of a reserved type.
        let block = [&(200u32 << 3).to_le_bytes()[..3], &[7; 200]].concat();
        let zstd = [&ZSTD[..], &[0, 0], &block.repeat(40), &[6, 0, 0]].concat();
        for file in [&gzip[..], &zstd] {
            let (whole, broken) = unpack(file, MOST);
            assert!(!whole.is_empty() && broken.is_some());
            for wanted in [1, 100, 5000] {
                let mut unpacked = Unpacked::new(file);
                let mut octets = Vec::new();
                while unpacked.broken.is_none() {
                    unpacked.fill(&mut octets, wanted);
                }
                assert!(octets == whole && unpacked.broken == broken, "{wanted}");
            }
        }
    }

    #[test]
    fn what_came_before_a_cut_stays() {
        let noise: Vec<u8> = (0..9999u32).map(|n| ((n * n) >> 7) as u8).collect();
        let whole = gzip(&noise);
        let (cut, broken) = unpack(&whole[..whole.len() / 2], MOST);
        assert!(cut.len() > 1000 && noise.starts_with(&cut));
        assert!(broken.unwrap().contains("damaged or cut"));
        let (cut, broken) = unpack(&[zstd(b"one"), zstd(b"two")[..8].to_vec()].concat(), MOST);
        assert!(cut.starts_with(b"one") && broken.is_some());
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let (octets, broken) = unpack(&gzip(&vec![0; 1 << 20]), 1000);
        assert_eq!(octets.len(), 1000);
        assert!(broken.unwrap().starts_with("more than 1000 octets"));
        let (octets, broken) = unpack(&zstd(&[7; 200]), 10);
        assert!(octets == [7; 10] && broken.is_some());
        // Nothing that a capture holds is compressed so well.
        let (octets, broken) = unpack(&gzip(&vec![0; 100 << 20]), MOST);
        assert!(octets.len() < 100 << 20 && broken.is_some());
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            gzipped in any::<bool>(),
            octets in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let magic = if gzipped { &GZIP[..] } else { &ZSTD };
            let _ = unpack(&[magic, &octets].concat(), 1 << 20);
        }
    }
}
