//! The first scan of a picture (ITU-T T.81 F.2, G.2), read code by code: how many
//! blocks of it are there. Noise behind headers breaks off after a few.

use super::typical;

/// Samples of a block's side.
const SIDE: usize = 8;
/// Coefficients of a block.
const COEFFICIENTS: usize = 64;
/// DC coefficients of 8-bit samples are within 1024 (F.1.1.4); encoders that round
/// get somewhat beyond.
const MOST_DC: i64 = 2048;

/// How far a scan could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Blocks whose codes were read.
    pub blocks: usize,
    /// Blocks that the frame header announces.
    pub of: usize,
    /// Blocks that noise lasts with the same tables, on average.
    pub noise: usize,
    /// How it ended.
    pub end: End,
}

/// How a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All blocks are there, and the scan ends with the last.
    Exact,
    /// All blocks are there, and more octets before the next marker.
    Early,
    /// The octets end.
    Cut,
    /// A code that is none, or a coefficient that can't be.
    Broken,
}

/// How much longer than noise a scan has to last that breaks off: by chance one does
/// in e^24 times. Of one that the end of the octets cuts, all that is there was read.
const BEYOND_NOISE: usize = 24;
const BEYOND_CUT: usize = 8;
/// Blocks of a scan that ends where it has to.
const EXACT_BLOCKS: usize = 3;
/// Scans of noise that are read for comparison, blocks of each, and octets of noise.
const TRIALS: usize = 64;
const TRIED_BLOCKS: usize = 4096;
const NOISE: usize = 1 << 14;

impl Scan {
    /// Whether it is a picture's, far beyond chance.
    pub fn is_shown(&self) -> bool {
        match self.end {
            End::Exact => self.blocks >= EXACT_BLOCKS,
            End::Cut => self.blocks >= BEYOND_CUT * self.noise.max(2),
            _ => self.blocks >= BEYOND_NOISE * self.noise.max(2),
        }
    }
}

/// Reads the first scan of the picture that some octets begin with; `None` if it is
/// not sequential or progressive with Huffman codes, or some of its tables are missing.
/// Where all are, in the baseline process, the typical ones are meant.
pub fn first(octets: &[u8]) -> Option<Scan> {
    let mut headers = Headers::default();
    let mut at = 2;
    loop {
        let mut marker = *octets.get(at + 1)?;
        (*octets.get(at)? == 0xff).then_some(())?;
        while marker == 0xff {
            at += 1;
            marker = *octets.get(at + 1)?;
        }
        let length = usize::from(u16::from_be_bytes(*octets.get(at + 2..)?.first_chunk()?));
        let segment = octets.get(at + 4..at + 2 + length.max(2))?;
        at += 2 + length.max(2);
        match marker {
            0xdb => headers.quantization(segment),
            0xc4 => headers.huffman(segment)?,
            0xc0..=0xc2 => headers.frame(marker, segment)?,
            0xdd => headers.restart = u16::from_be_bytes(*segment.first_chunk()?).into(),
            0xda => {
                if headers.is_bare() {
                    for table in typical::definitions() {
                        headers.huffman(&table)?;
                    }
                }
                return headers.scan(segment, octets.get(at..)?);
            }
            0xc3..=0xcf | 0xd8 | 0xd9 => return None,
            _ => {}
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Component {
    id: u8,
    across: usize,
    down: usize,
    quantizer: u8,
}

#[derive(Default)]
struct Headers {
    /// The first value of each quantization table.
    quantizers: [u16; 4],
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    components: Vec<Component>,
    width: usize,
    height: usize,
    baseline: bool,
    progressive: bool,
    restart: usize,
}

/// A component of a scan, and its tables.
struct Part<'a> {
    blocks: usize,
    dc: &'a Table,
    ac: Option<&'a Table>,
    scale: i64,
    predicted: i64,
}

impl Headers {
    /// Whether nobody defined a table of codes.
    fn is_bare(&self) -> bool {
        self.baseline && self.dc.iter().chain(&self.ac).all(Option::is_none)
    }

    fn quantization(&mut self, mut segment: &[u8]) {
        while let Some((&first, rest)) = segment.split_first() {
            let wide = first >> 4 == 1;
            let value = match (wide, rest) {
                (true, [high, low, ..]) => u16::from_be_bytes([*high, *low]),
                (false, [value, ..]) => u16::from(*value),
                _ => return,
            };
            if let Some(quantizer) = self.quantizers.get_mut(usize::from(first & 15)) {
                *quantizer = value;
            }
            segment = rest
                .get(COEFFICIENTS << u8::from(wide)..)
                .unwrap_or_default();
        }
    }

    fn huffman(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&first, rest)) = segment.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let values = counts.iter().map(|count| usize::from(*count)).sum();
            let (values, rest) = rest.split_at_checked(values)?;
            let tables = match first >> 4 {
                0 => &mut self.dc,
                _ => &mut self.ac,
            };
            *tables.get_mut(usize::from(first & 15))? = Some(Table::new(counts, values));
            segment = rest;
        }
        Some(())
    }

    fn frame(&mut self, marker: u8, segment: &[u8]) -> Option<()> {
        let [8, h1, h0, w1, w0, _, rest @ ..] = segment else {
            return None;
        };
        self.baseline = marker == 0xc0;
        self.progressive = marker == 0xc2;
        self.height = u16::from_be_bytes([*h1, *h0]).into();
        self.width = u16::from_be_bytes([*w1, *w0]).into();
        self.components = rest
            .chunks_exact(3)
            .filter_map(|component| match *component {
                [id, factors, quantizer] => Some(Component {
                    id,
                    across: usize::from(factors >> 4),
                    down: usize::from(factors & 15),
                    quantizer,
                }),
                _ => None,
            })
            .collect();
        let fits = |c: &Component| (1..=4).contains(&c.across) && (1..=4).contains(&c.down);
        self.components.iter().all(fits).then_some(())
    }

    fn scan(&self, header: &[u8], data: &[u8]) -> Option<Scan> {
        let (&count, rest) = header.split_first()?;
        let (selected, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let [from, to, approximation, ..] = *rest else {
            return None;
        };
        let shift = approximation & 15;
        if self.progressive && (from != 0 || to != 0 || approximation >> 4 != 0 || shift > 13) {
            return None;
        }
        let widest = self.components.iter().map(|c| c.across).max()?;
        let highest = self.components.iter().map(|c| c.down).max()?;
        let mut parts = Vec::new();
        let mut alone = None;
        for selection in selected.chunks_exact(2) {
            let [id, tables] = *selection else {
                return None;
            };
            let component = self.components.iter().find(|c| c.id == id)?;
            alone = Some(component);
            let quantizer = self.quantizers.get(usize::from(component.quantizer))?;
            let ac = match self.progressive {
                true => None,
                false => Some(self.ac.get(usize::from(tables & 15))?.as_ref()?),
            };
            parts.push(Part {
                blocks: component.across * component.down,
                dc: self.dc.get(usize::from(tables >> 4))?.as_ref()?,
                ac,
                scale: i64::from((*quantizer).max(1)) << if self.progressive { shift } else { 0 },
                predicted: 0,
            });
        }
        // A.2: one component alone is not interleaved.
        let units = match (alone, parts.as_mut_slice()) {
            (Some(component), [part]) => {
                part.blocks = 1;
                let columns = (self.width * component.across).div_ceil(SIDE * widest);
                let rows = (self.height * component.down).div_ceil(SIDE * highest);
                columns * rows
            }
            _ => self.width.div_ceil(SIDE * widest) * self.height.div_ceil(SIDE * highest),
        };
        Some(self.read(parts, units, data))
    }

    fn read(&self, mut parts: Vec<Part<'_>>, units: usize, data: &[u8]) -> Scan {
        let per_unit: usize = parts.iter().map(|part| part.blocks).sum();
        let mut bits = Bits::new(data);
        // With 0 rows, DNL tells how many there are (B.2.5).
        let most = match self.height {
            0 => usize::MAX,
            _ => units,
        };
        let (blocks, whole) = read_units(&mut parts, &mut bits, most, self.restart);
        let end = match whole {
            false if bits.cut => End::Cut,
            false => End::Broken,
            true if bits.is_at_end() => End::Exact,
            true => End::Early,
        };
        Scan {
            blocks,
            of: units * per_unit,
            noise: match end {
                End::Exact => 0,
                // What is shown is longer than noise: more of that need not be read.
                _ => noise(&mut parts, (blocks / per_unit.max(1) + 1).min(TRIED_BLOCKS)),
            },
            end,
        }
    }
}

/// Reads units of blocks: how many blocks, and whether that is all.
fn read_units(
    parts: &mut [Part<'_>],
    bits: &mut Bits<'_>,
    units: usize,
    restart: usize,
) -> (usize, bool) {
    let mut blocks = 0;
    parts.iter_mut().for_each(|part| part.predicted = 0);
    for unit in 0..units {
        if restart > 0 && unit > 0 && unit % restart == 0 {
            let number = (unit / restart - 1) % 8;
            if !bits.restart(number as u8) {
                return (blocks, false);
            }
            parts.iter_mut().for_each(|part| part.predicted = 0);
        }
        for part in &mut *parts {
            for _ in 0..part.blocks {
                if block(part, bits).is_none() {
                    return (blocks, false);
                }
                blocks += 1;
            }
        }
    }
    (blocks, true)
}

/// How many blocks noise lasts, on average, of so many units at most.
fn noise(parts: &mut [Part<'_>], units: usize) -> usize {
    // Marsaglia's xorshift: any noise does.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let octets = std::iter::from_fn(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some((state >> 32) as u8)
    });
    let octets: Vec<u8> = octets.filter(|octet| *octet != 0xff).take(NOISE).collect();
    let mut total = 0;
    for trial in 0..TRIALS {
        let mut bits = Bits::new(
            octets
                .get(trial * (NOISE / 2 / TRIALS)..)
                .unwrap_or_default(),
        );
        total += read_units(parts, &mut bits, units, 0).0;
    }
    total.div_ceil(TRIALS)
}

/// Reads a block (F.2.2); `None` if it is none.
fn block(part: &mut Part<'_>, bits: &mut Bits<'_>) -> Option<()> {
    let category = part.dc.decode(bits)?;
    (category <= 11).then_some(())?;
    part.predicted += bits.extended(category)?;
    (part.predicted.abs() * part.scale <= MOST_DC + part.scale).then_some(())?;
    let Some(ac) = part.ac else {
        return Some(());
    };
    let mut k = 1;
    while k < COEFFICIENTS {
        let symbol = ac.decode(bits)?;
        match (symbol >> 4, symbol & 15) {
            (0, 0) => break,
            (15, 0) => k += 16,
            (_, 0) => return None,
            (run, category) => {
                k += usize::from(run);
                (k < COEFFICIENTS && category <= 10).then_some(())?;
                bits.take(category)?;
                k += 1;
            }
        }
    }
    (k <= COEFFICIENTS).then_some(())
}

/// A table of Huffman codes (C.2, F.2.2.3).
struct Table {
    /// For each length, the first code, how many there are, and where their values
    /// begin.
    lengths: [(u32, u32, usize); 16],
    values: Vec<u8>,
}

impl Table {
    fn new(counts: &[u8; 16], values: &[u8]) -> Self {
        let (mut code, mut at) = (0, 0);
        let lengths = counts.map(|count| {
            let length = (code, u32::from(count), at);
            code = (code + u32::from(count)) << 1;
            at += usize::from(count);
            length
        });
        Self {
            lengths,
            values: values.to_vec(),
        }
    }

    fn decode(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let mut code = 0_u32;
        for (first, count, at) in self.lengths {
            code = code << 1 | bits.bit()?;
            if let Some(index) = code.checked_sub(first).filter(|index| *index < count) {
                return self.values.get(at + index as usize).copied();
            }
        }
        None
    }
}

/// Bits of entropy-coded data (F.1.2.3).
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    octet: u8,
    left: u8,
    cut: bool,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            octet: 0,
            left: 0,
            cut: false,
        }
    }

    fn bit(&mut self) -> Option<u32> {
        if self.left == 0 {
            let Some(&octet) = self.data.get(self.at) else {
                self.cut = true;
                return None;
            };
            if octet == 0xff {
                match self.data.get(self.at + 1) {
                    Some(0) => self.at += 1,
                    other => {
                        self.cut = other.is_none();
                        return None;
                    }
                }
            }
            self.at += 1;
            (self.octet, self.left) = (octet, 8);
        }
        self.left -= 1;
        Some(u32::from(self.octet >> self.left & 1))
    }

    fn take(&mut self, count: u8) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | self.bit()?))
    }

    /// F.2.2.1: RECEIVE and EXTEND.
    fn extended(&mut self, category: u8) -> Option<i64> {
        let value = i64::from(self.take(category)?);
        let half = 1_i64 << category >> 1;
        Some(match value < half {
            true => value - (1 << category) + 1,
            false => value,
        })
    }

    fn restart(&mut self, number: u8) -> bool {
        self.left = 0;
        let found = self.data.get(self.at..self.at + 2);
        self.cut = found.is_none();
        let is_it = found == Some(&[0xff, 0xd0 + number]);
        self.at += if is_it { 2 } else { 0 };
        is_it
    }

    /// Whether a marker comes next, or nothing.
    fn is_at_end(&self) -> bool {
        match self.data.get(self.at..) {
            Some([0xff, marker, ..]) => *marker != 0,
            Some([]) => true,
            _ => false,
        }
    }
}

/// Pictures for tests, made without a codec.
#[cfg(test)]
pub mod made {
    /// Everything before the scan of a grey picture.
    pub fn headers(width: u16, height: u16) -> Vec<u8> {
        let mut octets = vec![0xff, 0xd8, 0xff, 0xe0, 0, 16];
        octets.extend(b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
        octets.extend([0xff, 0xdb, 0, 67, 0]);
        octets.extend([16; 64]);
        octets.extend([0xff, 0xc0, 0, 11, 8]);
        octets.extend(height.to_be_bytes());
        octets.extend(width.to_be_bytes());
        octets.extend([1, 1, 0x11, 0]);
        octets.extend(super::typical::segments());
        octets.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
        octets
    }

    /// A picture whose tables of codes are left out, as Motion JPEG has them.
    pub fn without_tables(jpeg: &[u8]) -> Vec<u8> {
        let tables = super::typical::segments();
        let at = memchr::memmem::find(jpeg, &tables).unwrap();
        [&jpeg[..at], &jpeg[at + tables.len()..]].concat()
    }

    /// A grey picture; each block differs from the one before by one, up and down,
    /// and has a coefficient.
    pub fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
        let mut bits = String::new();
        for block in 0..blocks {
            // DC of category 1 (010), AC of run 0 and size 1 (00), end (1010).
            let up = block / 16 % 2 == 0;
            bits.push_str(if up { "0101" } else { "0100" });
            bits.push_str(if block % 3 == 0 { "001" } else { "000" });
            bits.push_str("1010");
        }
        while !bits.len().is_multiple_of(8) {
            bits.push('1');
        }
        let mut octets = headers(width, height);
        for octet in bits.as_bytes().chunks(8) {
            let octet = u8::from_str_radix(std::str::from_utf8(octet).unwrap(), 2).unwrap();
            octets.push(octet);
            if octet == 0xff {
                octets.push(0);
            }
        }
        octets.extend([0xff, 0xd9]);
        octets
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::adversary::media_player::fixture::random;

    #[test]
    fn a_picture_is_read_to_its_end() {
        let scan = first(&made::jpeg(200, 100)).unwrap();
        let whole = Scan {
            blocks: 25 * 13,
            of: 25 * 13,
            noise: 0,
            end: End::Exact,
        };
        assert_eq!(scan, whole);
        assert!(scan.is_shown());
        let jpeg = made::jpeg(640, 480);
        let cut = first(&jpeg[..jpeg.len() - 100]).unwrap();
        assert_eq!(cut.end, End::Cut);
        assert!(cut.is_shown(), "{cut:?}");
    }

    #[test]
    fn a_picture_without_tables_is_read_with_the_typical_ones() {
        let bare = made::without_tables(&made::jpeg(200, 100));
        let scan = first(&bare).unwrap();
        assert_eq!((scan.blocks, scan.end), (25 * 13, End::Exact));
        // Not if it defines some and not others.
        let some = [&bare[..2], &[0xff, 0xc4, 0, 20, 3, 1], &[0; 16], &bare[2..]].concat();
        assert_eq!(first(&some), None);
    }

    #[test]
    fn noise_behind_headers_is_none() {
        for seed in 0..200 {
            let noise = random(seed, 2000);
            let mut octets = match seed % 2 {
                0 => made::headers(640, 480),
                _ => made::without_tables(&made::headers(640, 480)),
            };
            // Escaped, as an encoder would have it.
            for octet in noise {
                octets.push(octet);
                if octet == 0xff {
                    octets.push(0);
                }
            }
            octets.extend([0xff, 0xd9]);
            let scan = first(&octets).unwrap();
            assert!(!scan.is_shown(), "{scan:?}");
        }
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(any::<u8>(), 0..300),
            cut in 0..300_usize,
        ) {
            let headers = made::headers(64, 64);
            let octets = [&headers[..cut.min(headers.len())], &octets].concat();
            let _ = first(&octets);
        }
    }
}
