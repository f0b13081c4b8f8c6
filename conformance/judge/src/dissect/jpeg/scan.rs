//! The first scan of a picture (ITU-T T.81 F.2, G.2), read code by code: how many
//! blocks of it are there. Noise behind headers breaks off after a few.

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

/// Blocks in a row that noise never makes up: of a million scans of noise none got
/// to half of them.
const SHOWN_BLOCKS: usize = 64;
/// Blocks of a scan that ends where it has to.
const EXACT_BLOCKS: usize = 3;

impl Scan {
    /// Whether it is a picture's, far beyond chance.
    pub fn is_shown(&self) -> bool {
        self.blocks >= SHOWN_BLOCKS || (self.end == End::Exact && self.blocks >= EXACT_BLOCKS)
    }
}

/// Reads the first scan of the picture that some octets begin with; `None` if it is
/// not sequential or progressive with Huffman codes, or its tables are missing.
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
            0xda => return headers.scan(segment, octets.get(at..)?),
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
        let mut scan = Scan {
            blocks: 0,
            of: units * per_unit,
            end: End::Exact,
        };
        // With 0 rows, DNL tells how many there are (B.2.5).
        let most = match self.height {
            0 => usize::MAX,
            _ => units,
        };
        let mut unit = 0;
        while unit < most {
            if self.restart > 0 && unit > 0 && unit % self.restart == 0 {
                let number = (unit / self.restart - 1) % 8;
                if !bits.restart(number as u8) {
                    scan.end = bits.why();
                    return scan;
                }
                parts.iter_mut().for_each(|part| part.predicted = 0);
            }
            for part in &mut parts {
                for _ in 0..part.blocks {
                    if block(part, &mut bits).is_none() {
                        scan.end = bits.why();
                        return scan;
                    }
                    scan.blocks += 1;
                }
            }
            unit += 1;
        }
        if !bits.is_at_end() {
            scan.end = End::Early;
        }
        scan
    }
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

    fn why(&self) -> End {
        match self.cut {
            true => End::Cut,
            false => End::Broken,
        }
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
