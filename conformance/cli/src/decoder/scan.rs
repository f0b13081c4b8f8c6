//! How much of a JPEG picture its data really hold (ITU-T T.81). Decoders conceal
//! what is missing and make grey or noise of it; this walks the Huffman codes of the
//! first scan and stops where no encoder could have gone on.

/// What the first scan of a picture holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Rows of the picture that all data are there of.
    pub(super) rows: usize,
    /// Where in the file the scan ends, or stops to be one.
    pub(super) end: usize,
    /// Whether nothing is missing of the first scan.
    pub(super) whole: bool,
}

/// Blocks that a part of a picture needs to be one. Of random octets behind a header
/// one block in ten stops to be one, so that they last for 200 once in a thousand
/// million pictures; for a whole picture they must also end with its last block.
const FEWEST_BLOCKS: usize = 200;

/// The largest coefficient times its quantisation, in either direction: 1024 is
/// the bound for samples of 8 bits (A.3.1), and encoders round.
const LARGEST_COEFFICIENT: i64 = 2048;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const DHT: u8 = 0xc4;
const DQT: u8 = 0xdb;
const DRI: u8 = 0xdd;
const SOS: u8 = 0xda;

/// What a picture with its first scan holds; nothing if it is none, or if so little
/// of it is there that it may be chance.
pub(super) fn extent(file: &[u8]) -> Option<Extent> {
    let mut tables = Tables::default();
    let mut frame = None;
    let mut at = 2;
    if file.get(..2)? != [0xff, SOI] {
        return None;
    }
    loop {
        while file.get(at..at + 2)? == [0xff, 0xff] {
            at += 1;
        }
        let [0xff, marker] = *file.get(at..at + 2)? else {
            return None;
        };
        at += 2;
        let length = usize::from(u16::from_be_bytes(*file.get(at..)?.first_chunk()?));
        let segment = file.get(at + 2..at + length)?;
        at += length;
        match marker {
            DQT => tables.quantisations(segment)?,
            DHT => tables.codes(segment)?,
            DRI => tables.restart = usize::from(u16::from_be_bytes(*segment.first_chunk()?)),
            SOS => return walk(&tables, &frame?, segment, file, at),
            // Sequential and progressive, with Huffman codes.
            0xc0..=0xc2 => frame = Some(Frame::read(segment)?),
            // Other frames: differential, lossless, arithmetic.
            0xc3..=0xcf | 0x00..=0x01 | 0xd0..=0xd9 => return None,
            _ => {}
        }
    }
}

#[derive(Debug)]
struct Frame {
    width: usize,
    height: usize,
    components: Vec<Component>,
}

#[derive(Clone, Copy, Debug)]
struct Component {
    id: u8,
    across: usize,
    down: usize,
    quantisation: usize,
}

impl Frame {
    fn read(segment: &[u8]) -> Option<Self> {
        let [8, h1, h0, w1, w0, number, rest @ ..] = segment else {
            return None;
        };
        let components = rest.chunks_exact(3).map(|c| {
            let (across, down) = (usize::from(c[1] >> 4), usize::from(c[1] & 15));
            let fits = (1..=4).contains(&across) && (1..=4).contains(&down) && c[2] < 4;
            fits.then_some(Component {
                id: c[0],
                across,
                down,
                quantisation: usize::from(c[2]),
            })
        });
        let frame = Self {
            width: usize::from(u16::from_be_bytes([*w1, *w0])),
            height: usize::from(u16::from_be_bytes([*h1, *h0])),
            components: components.collect::<Option<_>>()?,
        };
        let fits = (1..=4).contains(&frame.components.len())
            && frame.components.len() == usize::from(*number)
            && frame.width > 0
            && frame.height > 0;
        fits.then_some(frame)
    }
}

#[derive(Debug, Default)]
struct Tables {
    quantisation: [Option<[u16; 64]>; 4],
    dc: [Option<Code>; 4],
    ac: [Option<Code>; 4],
    restart: usize,
}

impl Tables {
    fn quantisations(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [which, rest @ ..] = segment {
            let octets = 1 + usize::from(which >> 4);
            let steps = rest.get(..64 * octets)?;
            let mut table = [0; 64];
            for (step, octets) in table.iter_mut().zip(steps.chunks(octets)) {
                *step = octets.iter().fold(0, |n, o| n << 8 | u16::from(*o));
            }
            *self.quantisation.get_mut(usize::from(which & 15))? = Some(table);
            segment = rest.get(64 * octets..)?;
        }
        Some(())
    }

    fn codes(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [which, rest @ ..] = segment {
            let lengths: &[u8; 16] = rest.first_chunk()?;
            let number: usize = lengths.iter().map(|n| usize::from(*n)).sum();
            let symbols = rest.get(16..16 + number)?.to_vec();
            let class = match which >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return None,
            };
            *class.get_mut(usize::from(which & 15))? = Some(Code {
                lengths: *lengths,
                symbols,
            });
            segment = rest.get(16 + number..)?;
        }
        Some(())
    }
}

/// A Huffman code (C.2).
#[derive(Debug)]
struct Code {
    lengths: [u8; 16],
    symbols: Vec<u8>,
}

impl Code {
    /// The next symbol; nothing if no code is that or the data end.
    fn symbol(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for number in self.lengths {
            let number = usize::from(number);
            code = code << 1 | usize::from(bits.bit()?);
            if code < first + number {
                return self.symbols.get(index + code.checked_sub(first)?).copied();
            }
            index += number;
            first = (first + number) << 1;
        }
        None
    }
}

/// The bits of a scan (F.2.2.5).
struct Bits<'a> {
    file: &'a [u8],
    at: usize,
    octet: u8,
    left: u8,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<u8> {
        if self.left == 0 {
            self.octet = *self.file.get(self.at)?;
            self.at += 1;
            if self.octet == 0xff {
                if self.file.get(self.at) != Some(&0) {
                    self.at -= 1;
                    return None;
                }
                self.at += 1;
            }
            self.left = 8;
        }
        self.left -= 1;
        Some(self.octet >> self.left & 1)
    }

    /// A number of so many bits, extended (F.2.2.1).
    fn number(&mut self, size: u8) -> Option<i64> {
        let mut value = 0;
        for _ in 0..size {
            value = value << 1 | i64::from(self.bit()?);
        }
        let is_negative = size > 0 && value < 1 << (size - 1);
        Some(if is_negative {
            value - (1 << size) + 1
        } else {
            value
        })
    }

    /// The marker behind the octet that was begun, if it is one.
    fn marker(&mut self) -> Option<u8> {
        self.left = 0;
        while self.file.get(self.at..self.at + 2)? == [0xff, 0xff] {
            self.at += 1;
        }
        match self.file.get(self.at..self.at + 2)? {
            [0xff, marker] if *marker != 0 => Some(*marker),
            _ => None,
        }
    }
}

/// One of the components of a scan.
struct Part<'a> {
    blocks: usize,
    steps: &'a [u16; 64],
    dc: &'a Code,
    ac: Option<&'a Code>,
    predicted: i64,
}

fn walk(
    tables: &Tables,
    frame: &Frame,
    header: &[u8],
    file: &[u8],
    begin: usize,
) -> Option<Extent> {
    let number = usize::from(*header.first()?);
    let [from, to, approximation] = *header.get(1 + 2 * number..)? else {
        return None;
    };
    if from != 0 {
        return None;
    }
    let components = header.get(1..1 + 2 * number)?.chunks_exact(2);
    let components = components.map(|c| {
        let component = frame.components.iter().find(|it| it.id == c[0])?;
        let ac = tables.ac.get(usize::from(c[1] & 15))?.as_ref();
        let part = Part {
            blocks: component.across * component.down,
            steps: tables.quantisation[component.quantisation].as_ref()?,
            dc: tables.dc.get(usize::from(c[1] >> 4))?.as_ref()?,
            ac: if to > 0 { Some(ac?) } else { None },
            predicted: 0,
        };
        Some((*component, part))
    });
    let (components, mut parts): (Vec<_>, Vec<_>) =
        components.collect::<Option<Vec<_>>>()?.into_iter().unzip();
    let most = |of: fn(&Component) -> usize| frame.components.iter().map(of).max();
    let (across, down) = (most(|c| c.across)?, most(|c| c.down)?);
    let (unit_width, unit_height) = match components[..] {
        // One component alone has one block in each unit (A.2.2).
        [alone] => {
            parts[0].blocks = 1;
            (8 * across / alone.across, 8 * down / alone.down)
        }
        _ => (8 * across, 8 * down),
    };
    let columns = frame.width.div_ceil(unit_width);
    let units = columns * frame.height.div_ceil(unit_height);
    let mut bits = Bits {
        file,
        at: begin,
        octet: 0,
        left: 0,
    };
    let mut whole = 0;
    for unit in 0..units {
        if tables.restart > 0 && unit > 0 && unit % tables.restart == 0 {
            let expected = 0xd0 + (unit / tables.restart - 1) as u8 % 8;
            if bits.marker() != Some(expected) {
                break;
            }
            bits.at += 2;
            parts.iter_mut().for_each(|part| part.predicted = 0);
        }
        let mut blocks = parts.iter_mut().map(|part| {
            let mut blocks = 0..part.blocks;
            blocks.try_for_each(|_| part.block(&mut bits, approximation & 15))
        });
        if blocks.any(|block| block.is_none()) {
            break;
        }
        whole += 1;
    }
    let is_whole = whole == units && matches!(bits.marker(), Some(EOI | DHT | SOS));
    let blocks: usize = whole * parts.iter().map(|part| part.blocks).sum::<usize>();
    let rows = (whole / columns * unit_height).min(frame.height);
    (is_whole || blocks >= FEWEST_BLOCKS && rows > 0).then_some(Extent {
        rows,
        end: bits.at.min(file.len()),
        whole: is_whole,
    })
}

impl Part<'_> {
    /// Walks over a block (F.2.2); nothing if no encoder makes such a one.
    fn block(&mut self, bits: &mut Bits<'_>, shift: u8) -> Option<()> {
        let fits = |value: i64, step: u16| value.abs() * i64::from(step) <= LARGEST_COEFFICIENT;
        let size = self.dc.symbol(bits)?;
        self.predicted += bits.number((size <= 11).then_some(size)?)?;
        fits(self.predicted << shift, self.steps[0]).then_some(())?;
        let Some(ac) = self.ac else {
            return Some(());
        };
        let mut at = 1;
        while at < 64 {
            let symbol = ac.symbol(bits)?;
            match (usize::from(symbol >> 4), symbol & 15) {
                (0, 0) => break,
                (15, 0) => at += 16,
                (_, 0) => return None,
                (run, size) => {
                    let step = *self.steps.get(at + run)?;
                    let value = bits.number((size <= 10).then_some(size)?)?;
                    // Coefficients that large are of low frequencies; a rounded one of a
                    // coarse step exceeds the bound by half of it.
                    (value.abs() <= 1 || fits(value, step)).then_some(())?;
                    at += run + 1;
                }
            }
        }
        (at <= 64).then_some(())
    }
}
