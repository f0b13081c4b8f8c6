//! Captures inside gzip (RFC 1952) and Zstandard (RFC 8878).

use std::io::{self, BufReader, Read};

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

/// Octets that are unpacked at a time, however many are wanted: those that come just
/// before damage are lost with it, and the same ones each time.
const WINDOW: usize = 4 << 10;

/// A file of which the octets are read in order, unpacked if they are compressed.
pub(super) struct Unpacked<'r> {
    source: Source<'r>,
    /// Octets that are unpacked and not given yet.
    window: Window,
    /// Octets that were read, or unpacked.
    octets: u64,
    most: u64,
    broken: Option<String>,
}

enum Source<'r> {
    Plain(Input<'r>),
    Gzip(MultiGzDecoder<BufReader<Input<'r>>>),
    Zstd(Zstd<'r>),
}

struct Window {
    octets: Box<[u8; WINDOW]>,
    given: usize,
    end: usize,
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
            Source::Zstd(Zstd {
                state: State::Between(input),
            })
        } else {
            Source::Plain(input)
        };
        Self {
            source,
            window: Window {
                octets: Box::new([0; WINDOW]),
                given: 0,
                end: 0,
            },
            octets: 0,
            most: MOST,
            broken,
        }
    }

    /// Adds the next octets, as many as are wanted unless there are no more.
    pub(super) fn fill(&mut self, octets: &mut Vec<u8>, wanted: usize) {
        if let Source::Plain(file) = &mut self.source {
            if self.broken.is_none() {
                let before = octets.len();
                let done = file.take(wanted as u64).read_to_end(octets);
                // What was read before an error stays.
                self.octets += (octets.len() - before) as u64;
                self.broken = done.err().map(|e| unreadable(self.octets, &e));
            }
            return;
        }
        let mut missing = wanted;
        while missing > 0 {
            if self.window.rest().is_empty() {
                self.unpack();
            }
            let rest = self.window.rest();
            if rest.is_empty() {
                return;
            }
            let length = rest.len().min(missing);
            octets.extend_from_slice(&rest[..length]);
            self.window.given += length;
            missing -= length;
        }
    }

    /// Fills the window anew, unless there is no more that can be.
    fn unpack(&mut self) {
        let window = &mut self.window;
        (window.given, window.end) = (0, 0);
        while window.end < WINDOW && self.broken.is_none() {
            let read = self.source.read(&mut window.octets[window.end..]);
            let room = (self.source.packed().saturating_mul(MOST_TIMES))
                .saturating_add(ALWAYS)
                .min(self.most)
                .saturating_sub(self.octets);
            let length = match read {
                Ok(0) => return,
                Ok(length) => usize::try_from(room).map_or(length, |room| room.min(length)),
                Err(ref e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            window.end += length;
            self.octets += length as u64;
            self.broken = match read {
                Ok(read) if read > length => Some(format!(
                    "more than {} octets in {} that are compressed; unpack it first",
                    self.octets,
                    self.source.packed()
                )),
                Ok(_) => None,
                Err(e) => Some(format!(
                    "the compression is damaged or cut after {} octets: {e}",
                    self.octets
                )),
            };
        }
    }

    /// Finds out whether the rest can be unpacked, without keeping it.
    pub(super) fn check_rest(&mut self) {
        if let Source::Plain(_) = self.source {
            return;
        }
        while self.broken.is_none() {
            self.unpack();
            if self.window.rest().is_empty() {
                return;
            }
        }
    }

    /// Why not all can be read, as far as is known.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }
}

impl Window {
    fn rest(&self) -> &[u8] {
        self.octets.get(self.given..self.end).unwrap_or_default()
    }
}

impl Source<'_> {
    /// Octets of the file that were read.
    fn packed(&self) -> u64 {
        match self {
            Source::Plain(file) => file.read,
            Source::Gzip(file) => file.get_ref().get_ref().read,
            Source::Zstd(file) => match &file.state {
                State::Between(file) => file.read,
                State::Frame(frame) => frame.get_ref().read,
                State::Ended(read) => *read,
            },
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Plain(file) => file.read(octets),
            Source::Gzip(file) => file.read(octets),
            Source::Zstd(file) => file.read(octets),
        }
    }
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
    state: State<'r>,
}

enum State<'r> {
    Between(Input<'r>),
    Frame(Box<StreamingDecoder<Input<'r>, FrameDecoder>>),
    /// With the octets of the file that were read.
    Ended(u64),
}

impl Read for Zstd<'_> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        loop {
            self.state = match std::mem::replace(&mut self.state, State::Ended(0)) {
                State::Ended(read) => {
                    self.state = State::Ended(read);
                    return Ok(0);
                }
                State::Frame(mut frame) => match frame.read(octets) {
                    Ok(0) => State::Between(frame.into_inner()),
                    read => {
                        self.state = State::Frame(frame);
                        return read;
                    }
                },
                State::Between(file) => next_frame(file)?,
            };
        }
    }
}

fn next_frame(mut file: Input<'_>) -> io::Result<State<'_>> {
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic)?;
    if magic == ZSTD {
        file.ahead = magic;
        let frame = StreamingDecoder::new(file).map_err(io::Error::other)?;
        return Ok(State::Frame(Box::new(frame)));
    }
    if skippable(&magic) {
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        let length = u64::from(u32::from_le_bytes(length));
        io::copy(&mut file.by_ref().take(length), &mut io::sink())?;
        return Ok(State::Between(file));
    }
    match magic.is_empty() {
        true => Ok(State::Ended(file.read)),
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
                let mut before = usize::MAX;
                while octets.len() != before {
                    before = octets.len();
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
