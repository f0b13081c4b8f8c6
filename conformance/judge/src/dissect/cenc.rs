//! Common encryption in ISO base media files (ISO/IEC 23001-7): which keys samples are
//! under, and the file as it was before it was encrypted.

use std::ops::Range;

use aes::{
    Aes128,
    cipher::{BlockCipherDecrypt, KeyInit, KeyIvInit, StreamCipher},
};

use super::mp4;

/// Octets of a key, of its identifier, and of a block.
const KEY: usize = 16;
/// Octets of a sample entry before its boxes, of video and of sound (ISO/IEC 14496-12
/// 12.1.3, 12.2.3).
const VISUAL: usize = 86;
const SOUND: usize = 36;
/// Samples, and parts of one.
const MOST_SAMPLES: usize = 1 << 18;
const MOST_PARTS: usize = 1 << 10;
/// Boxes that say how samples are encrypted, of which none is left.
const AUXILIARY: [&[u8; 4]; 3] = [b"senc", b"saiz", b"saio"];

/// An identifier of a key (KID), or a key.
pub type Block = [u8; KEY];

/// The identifiers of the keys that samples of a file are under.
pub fn kids(file: &[u8]) -> Vec<Block> {
    let movie = mp4::dissect(file);
    let tracks = protected(file, &movie).into_iter();
    tracks.map(|track| track.kid).collect()
}

/// A file whose samples of at least one track were opened, with the keys that `key` has;
/// `None` if there is no such. What says that they are encrypted is left out.
pub fn open(file: &[u8], key: impl Fn(&Block) -> Option<Block>) -> Option<Vec<u8>> {
    let movie = mp4::dissect(file);
    let mut opened = file.to_vec();
    let mut count = 0;
    for track in protected(file, &movie) {
        let Some(key) = key(&track.kid) else {
            continue;
        };
        let samples = movie.tracks.iter().find(|t| t.id == track.id);
        let samples = samples.map(|t| &t.samples[..]).unwrap_or_default();
        let mut said = track.said.iter();
        let unsaid = Said {
            vector: track.constant.clone(),
            parts: Vec::new(),
        };
        for sample in samples {
            let said = match (said.next(), track.said.is_empty()) {
                (Some(said), _) => said,
                // One vector for all, and nothing more to say (9.2 of the 3rd edition).
                (None, true) if !track.constant.is_empty() => &unsaid,
                _ => break,
            };
            if let Some(octets) = opened.get_mut(sample.range.clone()) {
                track.open(octets, said, &key);
                count += 1;
            }
        }
        put(&mut opened, track.entry, &track.format);
        put(&mut opened, track.information, b"free");
    }
    for span in &movie.boxes {
        if AUXILIARY.iter().any(|kind| span.kind.0 == **kind) {
            put(&mut opened, span.at + 4, b"free");
        }
    }
    (count > 0).then_some(opened)
}

fn put(file: &mut [u8], at: usize, kind: &[u8; 4]) {
    if let Some(there) = file.get_mut(at..at + 4) {
        there.copy_from_slice(kind);
    }
}

/// A track whose samples are encrypted.
struct Protected {
    id: u32,
    /// Where the type of its sample entry lies, and what it was (frma).
    entry: usize,
    format: [u8; 4],
    /// Where the type of sinf lies.
    information: usize,
    scheme: [u8; 4],
    /// Blocks that are encrypted, and that are left out after them.
    pattern: (usize, usize),
    vector: usize,
    kid: Block,
    /// The vector of samples that have none of their own.
    constant: Vec<u8>,
    /// Of each sample.
    said: Vec<Said>,
}

/// What is said of a sample (senc, 7.2).
struct Said {
    vector: Vec<u8>,
    /// Octets in clear, and octets that are encrypted behind them.
    parts: Vec<(usize, usize)>,
}

/// The tracks that are encrypted.
fn protected(file: &[u8], movie: &mp4::Movie) -> Vec<Protected> {
    let mut tracks: Vec<Protected> = Vec::new();
    let mut id = 0;
    let mut budget = MOST_SAMPLES;
    for span in &movie.boxes {
        let payload = file.get(span.payload.clone()).unwrap_or_default();
        match &span.kind.0 {
            // track_ID, behind two times.
            b"tkhd" => id = number(payload, if payload.first() == Some(&1) { 20 } else { 12 }),
            b"tfhd" => id = number(payload, 4),
            b"stsd" => tracks.extend(entry(file, span.payload.clone(), id)),
            b"senc" => {
                if let Some(track) = tracks.iter_mut().find(|track| track.id == id) {
                    auxiliary(payload, track, &mut budget);
                }
            }
            _ => {}
        }
    }
    tracks
}

/// The first sample entry, if it is of encrypted samples.
fn entry(file: &[u8], stsd: Range<usize>, id: u32) -> Option<Protected> {
    let at = stsd.start + 8;
    let size = number(file, at) as usize;
    let end = at.checked_add(size).filter(|end| *end <= stsd.end)?;
    let kind: [u8; 4] = *file.get(at + 4..)?.first_chunk()?;
    let before = match &kind {
        b"encv" => VISUAL,
        b"enca" => SOUND,
        _ => return None,
    };
    let inner = boxes(file, at + before..end);
    let (_, sinf) = inner.into_iter().find(|(kind, _)| kind == b"sinf")?;
    let of_sinf = boxes(file, sinf.clone());
    let find = |boxes: &[([u8; 4], Range<usize>)], kind: &[u8; 4]| {
        let found = boxes.iter().find(|(k, _)| k == kind);
        found.map(|(_, range)| range.clone())
    };
    let format = *file.get(find(&of_sinf, b"frma")?)?.first_chunk()?;
    let scheme = *file
        .get(find(&of_sinf, b"schm")?)?
        .get(4..)?
        .first_chunk()?;
    let schi = boxes(file, find(&of_sinf, b"schi")?);
    let tenc = file.get(find(&schi, b"tenc")?)?;
    // 8.2: version and flags, a reserved octet, pattern, isProtected, size, KID.
    let &[version, _, _, _, _, pattern, is_protected, vector] = tenc.first_chunk()?;
    let kid = *tenc.get(8..)?.first_chunk()?;
    let constant = match (vector, tenc.get(24..)) {
        (0, Some([size, rest @ ..])) => rest.get(..usize::from(*size))?.to_vec(),
        _ => Vec::new(),
    };
    let pattern = if version == 0 { 0 } else { pattern };
    (is_protected == 1).then_some(Protected {
        id,
        entry: at + 4,
        format,
        information: sinf.start - 4,
        scheme,
        pattern: (usize::from(pattern >> 4), usize::from(pattern & 15)),
        vector: vector.into(),
        kid,
        constant,
        said: Vec::new(),
    })
}

/// Adds what senc says of the next samples.
fn auxiliary(senc: &[u8], track: &mut Protected, budget: &mut usize) -> Option<()> {
    let has_parts = senc.get(3)? & 2 != 0;
    let count = number(senc, 4) as usize;
    let mut rest = senc.get(8..)?;
    for _ in 0..count {
        *budget = budget.checked_sub(1)?;
        let (vector, behind) = rest.split_at_checked(track.vector)?;
        rest = behind;
        let mut parts = Vec::new();
        if has_parts {
            let (count, behind) = rest.split_first_chunk::<2>()?;
            rest = behind;
            for _ in 0..usize::from(u16::from_be_bytes(*count)).min(MOST_PARTS) {
                let (&[c0, c1, p0, p1, p2, p3], behind) = rest.split_first_chunk::<6>()?;
                rest = behind;
                let clear = u16::from_be_bytes([c0, c1]);
                let protected = u32::from_be_bytes([p0, p1, p2, p3]);
                parts.push((clear.into(), protected as usize));
            }
        }
        let vector = match vector.is_empty() {
            true => track.constant.clone(),
            false => vector.to_vec(),
        };
        track.said.push(Said { vector, parts });
    }
    Some(())
}

impl Protected {
    /// Opens a sample.
    fn open(&self, sample: &mut [u8], said: &Said, key: &Block) {
        let mut vector = [0; KEY];
        for (octet, said) in vector.iter_mut().zip(&said.vector) {
            *octet = *said;
        }
        let whole = [(0, sample.len())];
        let parts = match said.parts.is_empty() {
            true => &whole[..],
            false => &said.parts,
        };
        let mut ranges = Vec::new();
        let mut at = 0_usize;
        for (clear, protected) in parts {
            let start = at.saturating_add(*clear);
            at = start.saturating_add(*protected);
            ranges.push(start..at);
        }
        match &self.scheme {
            b"cenc" => {
                let mut cipher = ctr::Ctr128BE::<Aes128>::new(key.into(), &vector.into());
                for range in ranges {
                    if let Some(octets) = sample.get_mut(range) {
                        cipher.apply_keystream(octets);
                    }
                }
            }
            b"cbcs" => {
                let cipher = Aes128::new(key.into());
                for range in ranges {
                    if let Some(octets) = sample.get_mut(range) {
                        self.chain(&cipher, vector, octets);
                    }
                }
            }
            _ => {}
        }
    }

    /// CBC of the blocks that the pattern has (10.4); what is left of a block is clear.
    fn chain(&self, cipher: &Aes128, mut before: Block, octets: &mut [u8]) {
        let (sealed, skipped) = match self.pattern {
            (0, _) | (_, 0) => (1, 0),
            pattern => pattern,
        };
        let (blocks, _) = octets.as_chunks_mut::<KEY>();
        for (number, block) in blocks.iter_mut().enumerate() {
            if number % (sealed + skipped) >= sealed {
                continue;
            }
            let was = *block;
            let mut plain = was.into();
            cipher.decrypt_block(&mut plain);
            for ((octet, plain), before) in block.iter_mut().zip(plain).zip(before) {
                *octet = plain ^ before;
            }
            before = was;
        }
    }
}

/// Boxes one after the other: kind and payload.
fn boxes(file: &[u8], within: Range<usize>) -> Vec<([u8; 4], Range<usize>)> {
    let mut found = Vec::new();
    let mut at = within.start;
    while let Some(head) = file.get(at..within.end).and_then(<[u8]>::first_chunk::<8>) {
        let [_, _, _, _, kind @ ..] = *head;
        let size = number(file, at) as usize;
        let end = at.saturating_add(size);
        if size < 8 || end > within.end {
            break;
        }
        found.push((kind, at + 8..end));
        at = end;
    }
    found
}

fn number(octets: &[u8], at: usize) -> u32 {
    let four = octets.get(at..).and_then(<[u8]>::first_chunk);
    four.map_or(0, |four| u32::from_be_bytes(*four))
}

/// An encrypted movie, made by hand.
#[cfg(test)]
pub(crate) mod made {
    use super::*;

    fn with(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let size = (payload.len() as u32 + 8).to_be_bytes();
        [&size[..], kind, payload].concat()
    }

    /// Identifier of the key, and the key.
    pub const KID: Block = [0x4b; KEY];
    pub const SECRET: Block = [0x5e; KEY];
    /// The sample: 9 octets in clear, 40 that are encrypted.
    pub const SAMPLE: &[u8] = b"123456789 forty octets of a sample of sound...... ";

    /// A file of one track of sound with a sample, which was encrypted with aes by
    /// hand: `sealed` does that.
    pub fn movie(scheme: &[u8; 4], pattern: u8, sealed: &[u8]) -> Vec<u8> {
        let version = u8::from(pattern > 0);
        let mut tenc = vec![version, 0, 0, 0, 0, pattern, 1, 8];
        tenc.extend(KID);
        let sinf = [
            with(b"frma", b"mp4a"),
            with(b"schm", &[&[0; 4][..], scheme, &[0, 1, 0, 0]].concat()),
            with(b"schi", &with(b"tenc", &tenc)),
        ];
        let entry = [&[0; 28][..], &with(b"sinf", &sinf.concat())].concat();
        let stsd = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &with(b"enca", &entry)].concat();
        let senc = [
            0, 0, 0, 2, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 9, 0, 0, 0, 40,
        ];
        let tables = |offset: u32| {
            let mut stsz = vec![0; 8];
            stsz.extend([0, 0, 0, 1]);
            stsz.extend((sealed.len() as u32).to_be_bytes());
            let stbl = [
                with(b"stsd", &stsd),
                with(b"stts", &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9]),
                with(
                    b"stsc",
                    &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1],
                ),
                with(b"stsz", &stsz),
                with(
                    b"stco",
                    &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &offset.to_be_bytes()].concat(),
                ),
                with(b"senc", &senc),
            ];
            let hdlr = with(b"hdlr", &[&[0; 8][..], b"soun", &[0; 13]].concat());
            let minf = with(b"minf", &with(b"stbl", &stbl.concat()));
            let mdia = with(b"mdia", &[hdlr, minf].concat());
            let mut tkhd = vec![0; 84];
            tkhd[15] = 7;
            let trak = with(b"trak", &[with(b"tkhd", &tkhd), mdia].concat());
            [with(b"ftyp", b"isom\0\0\0\0"), with(b"moov", &trak)].concat()
        };
        let before = tables(0).len() as u32 + 8;
        [tables(before), with(b"mdat", sealed)].concat()
    }

    /// The sample, encrypted in counter mode.
    pub fn counter(text: &[u8]) -> Vec<u8> {
        let mut sealed = text.to_vec();
        let vector = [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut cipher = ctr::Ctr128BE::<Aes128>::new(&SECRET.into(), &vector.into());
        cipher.apply_keystream(&mut sealed[9..49]);
        sealed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{made::*, *};

    #[test]
    fn a_sample_opens_with_its_key() {
        let file = movie(b"cenc", 0, &counter(SAMPLE));
        assert_eq!(kids(&file), [KID]);
        let opened = open(&file, |kid| (*kid == KID).then_some(SECRET)).unwrap();
        assert!(opened.ends_with(SAMPLE));
        assert_eq!(mp4::dissect(&opened).tracks[0].codec.0, *b"mp4a");
        let has = |word: &[u8]| memchr::memmem::find(&opened, word).is_some();
        assert!(!has(b"enca") && !has(b"sinf") && !has(b"senc"));
        assert_eq!(open(&file, |_| None), None);
        assert_eq!(open(b"", |_| Some(SECRET)), None);
    }

    #[test]
    fn a_pattern_leaves_blocks_out() {
        use aes::cipher::BlockCipherEncrypt;
        // One of two blocks is encrypted, and the last octets are no block.
        let mut sealed = SAMPLE.to_vec();
        let mut block = [0; KEY];
        let vector = [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        for ((octet, plain), vector) in block.iter_mut().zip(&SAMPLE[9..]).zip(vector) {
            *octet = plain ^ vector;
        }
        let mut block = block.into();
        Aes128::new(&SECRET.into()).encrypt_block(&mut block);
        sealed[9..25].copy_from_slice(&block);
        let file = movie(b"cbcs", 0x11, &sealed);
        let opened = open(&file, |_| Some(SECRET)).unwrap();
        assert!(opened.ends_with(SAMPLE));
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(at in 0..700_usize, octets in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut file = movie(b"cenc", 0, SAMPLE);
            for (there, octet) in file.iter_mut().skip(at).zip(&octets) {
                *there = *octet;
            }
            let _ = (open(&file, |_| Some(SECRET)), open(&octets, |_| Some(SECRET)));
        }
    }
}
