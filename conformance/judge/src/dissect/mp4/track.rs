//! `moov`: the tracks, and the samples that its tables describe (ISO/IEC
//! 14496-12 8.3 to 8.7).

use std::{collections::VecDeque, iter};

use super::{
    BoxSpan, Dissection, Flaw, Found, FourCc, Track,
    boxes::{Fields, Head},
    fragment::Defaults,
};

/// Octets of a sample entry of video before its boxes (12.1.3.2).
const VISUAL: usize = 78;

impl Dissection<'_> {
    /// Reads the tracks.
    pub fn moov(&mut self, moov: &BoxSpan) {
        for child in self.children(moov) {
            match &child.kind.0 {
                b"trak" => self.trak(&child),
                b"mvex" => {
                    for trex in self.children(&child) {
                        let defaults = Defaults::read(self.fields(&trex));
                        match (&trex.kind.0 == b"trex", defaults) {
                            (true, Some(defaults)) => self.defaults.push(defaults),
                            (true, None) => self.fault(trex.at, Flaw::Short),
                            (false, _) => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn trak(&mut self, trak: &BoxSpan) {
        let mut track = Track::default();
        let mut tables = Tables::default();
        // Level by level, so that the handler is read before the sample entry.
        let mut boxes = VecDeque::from(self.children(trak));
        while let Some(span) = boxes.pop_front() {
            let fields = self.fields(&span);
            let read = match &span.kind.0 {
                b"mdia" | b"minf" | b"stbl" => {
                    boxes.extend(self.children(&span));
                    Some(())
                }
                b"tkhd" => track_id(fields).map(|id| track.id = id),
                b"mdhd" => timescale(fields).map(|ticks| track.timescale = ticks),
                b"hdlr" => handler(fields).map(|kind| track.handler = kind),
                b"stsd" => self.sample_entry(&span, &mut track),
                b"stts" => runs(fields).map(|runs| tables.durations = runs),
                b"stsc" => chunks(fields).map(|groups| tables.chunks = groups),
                b"stsz" => sizes(fields).map(|sizes| tables.sizes = sizes),
                b"stco" => offsets(fields, 4).map(|offsets| tables.offsets = offsets),
                b"co64" => offsets(fields, 8).map(|offsets| tables.offsets = offsets),
                _ => Some(()),
            };
            if read.is_none() {
                self.fault(span.at, Flaw::Short);
            }
        }
        if track.is_h264() && track.length_size.is_none() {
            self.fault(trak.at, Flaw::Configuration);
        }
        let index = self.movie.tracks.len();
        self.samples(index, &track.handler, &tables);
        self.movie.tracks.push(track);
    }

    /// The first sample entry of `stsd`.
    fn sample_entry(&mut self, stsd: &BoxSpan, track: &mut Track) -> Option<()> {
        let mut fields = self.fields(stsd);
        fields.version()?;
        if fields.u32()? == 0 {
            return Some(());
        }
        let at = stsd.payload.end - fields.0.len();
        let size = usize::try_from(fields.u32()?).ok()?;
        track.codec = FourCc(fields.array()?);
        let entry = at
            .checked_add(size)
            .and_then(|end| self.file.get(at..end))?;
        let mut entry = Fields(entry);
        entry.skip(8)?;
        if &track.handler.0 == b"soun" {
            // 12.2.3.2: the rate has 16 bits of fraction.
            entry.skip(16)?;
            let channels = entry.u16()?;
            entry.skip(6)?;
            track.sound = Some((channels, entry.u32()? >> 16));
        }
        if track.is_h264() {
            entry.skip(VISUAL)?;
            let end = at + size;
            let mut next = end - entry.0.len();
            while next < end
                && let Head::Box(inner, _) = self.head(next..end, stsd.depth + 2)
            {
                next = inner.payload.end;
                // Without one the track is at fault.
                if &inner.kind.0 == b"avcC" {
                    configuration(&inner, self.file, track);
                }
            }
        }
        Some(())
    }

    /// Finds the samples of the tables.
    fn samples(&mut self, track: usize, handler: &FourCc, tables: &Tables) {
        let durations = tables.durations.iter();
        let mut durations = durations.flat_map(|(n, ticks)| iter::repeat_n(*ticks, *n as usize));
        let (mut time, mut next) = (0_u64, 0_usize);
        let mut groups = tables.chunks.iter().peekable();
        let mut per_chunk = 0;
        let together = &handler.0 == b"soun" && tables.sizes.is_uniform();
        for (chunk, offset) in (1..).zip(&tables.offsets) {
            while let Some((_, n)) = groups.next_if(|(first, _)| *first <= chunk) {
                per_chunk = *n;
            }
            let mut at = *offset;
            let mut run = Found {
                track,
                at,
                size: 0,
                time,
                duration: 0,
            };
            for _ in 0..per_chunk {
                let Some(size) = tables.sizes.get(next, self.file.len()) else {
                    break;
                };
                next += 1;
                let duration = u64::from(durations.next().unwrap_or(0));
                run.size += size;
                run.duration += duration;
                let found = Found {
                    track,
                    at,
                    size,
                    time,
                    duration,
                };
                if !together && !self.find(found) {
                    return;
                }
                at = at.saturating_add(size);
                time = time.saturating_add(duration);
            }
            if together && !self.find(run) {
                return;
            }
        }
    }

    /// Keeps a sample; false if there are too many.
    pub fn find(&mut self, found: Found) -> bool {
        let at = usize::try_from(found.at).unwrap_or(usize::MAX);
        if !self.afford(at.min(self.file.len())) {
            return false;
        }
        // What is empty lies nowhere.
        if found.size > 0 {
            self.found.push(found);
        }
        true
    }
}

/// The tables of a track.
#[derive(Default)]
struct Tables {
    /// Runs of samples of one duration.
    durations: Vec<(u32, u32)>,
    /// The first chunk (counted from 1) of those with so many samples.
    chunks: Vec<(u32, u32)>,
    /// Where the chunks lie in the file.
    offsets: Vec<u64>,
    sizes: Sizes,
}

/// Sizes of samples: one for all of so many, or each its own.
enum Sizes {
    Uniform(u32, u32),
    Each(Vec<u32>),
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl Sizes {
    fn is_uniform(&self) -> bool {
        matches!(self, Self::Uniform(..))
    }

    /// The size of a sample, if there may be so many in a file of that length.
    fn get(&self, index: usize, length: usize) -> Option<u64> {
        match self {
            Self::Uniform(size, count) => {
                let most = (*count as usize).min(length / *size as usize);
                (index < most).then_some((*size).into())
            }
            Self::Each(sizes) => sizes.get(index).map(|size| (*size).into()),
        }
    }
}

/// tkhd: track_ID.
fn track_id(mut fields: Fields<'_>) -> Option<u32> {
    let (version, _) = fields.version()?;
    fields.wide(version)?;
    fields.wide(version)?;
    fields.u32()
}

/// mdhd: timescale.
fn timescale(fields: Fields<'_>) -> Option<u32> {
    // It lies where tkhd has its track_ID.
    track_id(fields)
}

/// hdlr: handler_type.
fn handler(mut fields: Fields<'_>) -> Option<FourCc> {
    fields.skip(8)?;
    fields.array().map(FourCc)
}

/// stts: sample_count and sample_delta.
fn runs(mut fields: Fields<'_>) -> Option<Vec<(u32, u32)>> {
    fields.version()?;
    let count = fields.u32()? as usize;
    let octets = fields.take(count.checked_mul(8)?)?;
    let (entries, _) = octets.as_chunks::<8>();
    let entry = |entry: &[u8; 8]| {
        let mut fields = Fields(entry);
        Some((fields.u32()?, fields.u32()?))
    };
    entries.iter().map(entry).collect()
}

/// stsc: first_chunk and samples_per_chunk.
fn chunks(mut fields: Fields<'_>) -> Option<Vec<(u32, u32)>> {
    fields.version()?;
    let count = fields.u32()? as usize;
    let octets = fields.take(count.checked_mul(12)?)?;
    let (entries, _) = octets.as_chunks::<12>();
    let entry = |entry: &[u8; 12]| {
        let mut fields = Fields(entry);
        Some((fields.u32()?, fields.u32()?))
    };
    entries.iter().map(entry).collect()
}

/// stco (32 bits) and co64: chunk_offset.
fn offsets(mut fields: Fields<'_>, octets: usize) -> Option<Vec<u64>> {
    fields.version()?;
    let count = fields.u32()? as usize;
    let table = fields.take(count.checked_mul(octets)?)?;
    let number = |entry: &[u8]| entry.iter().fold(0, |n, octet| n << 8 | u64::from(*octet));
    Some(table.chunks_exact(octets).map(number).collect())
}

/// stsz.
fn sizes(mut fields: Fields<'_>) -> Option<Sizes> {
    fields.version()?;
    let (size, count) = (fields.u32()?, fields.u32()?);
    if size > 0 {
        return Some(Sizes::Uniform(size, count));
    }
    let table = fields.take((count as usize).checked_mul(4)?)?;
    let (sizes, _) = table.as_chunks::<4>();
    Some(Sizes::Each(
        sizes.iter().map(|s| u32::from_be_bytes(*s)).collect(),
    ))
}

/// avcC (ISO/IEC 14496-15 5.3.3.1): lengthSizeMinusOne and the parameter sets.
fn configuration(avcc: &BoxSpan, file: &[u8], track: &mut Track) -> Option<()> {
    let mut fields = Fields(&file[avcc.payload.clone()]);
    if fields.u8()? != 1 {
        return None;
    }
    fields.skip(3)?;
    let length_size = usize::from(fields.u8()? & 3) + 1;
    let mut sets = Vec::new();
    for mask in [0x1f, 0xff] {
        for _ in 0..fields.u8()? & mask {
            let length = fields.u16()?.into();
            let start = avcc.payload.end - fields.0.len();
            fields.skip(length)?;
            sets.push(start..start + length);
        }
    }
    (length_size != 3).then_some(())?;
    track.length_size = Some(length_size);
    track.parameter_sets = sets;
    Some(())
}
