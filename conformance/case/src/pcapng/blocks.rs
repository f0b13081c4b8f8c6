//! Reads pcapng. The file is hostile: lengths are checked against the input before
//! anything is taken or reserved.

use pcap_parser::{
    Block, CB_MAGIC, DCB_MAGIC, DSB_MAGIC, EPB_MAGIC, IDB_MAGIC, ISB_MAGIC, PcapError,
    PcapNGOption, SHB_MAGIC, SJE_MAGIC, SPB_MAGIC, nom, parse_block_be, parse_block_le,
    traits::PcapNGPacketBlock,
};

use super::{Capture, Interface, Octets, Packet, SecretsType, clock::Clock};

/// Where and why a capture cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (block {block}, at octet {offset})")]
pub struct CaptureError {
    /// Which block of the file, from 0; in a classic pcap 0 is the file header
    /// and the records follow.
    pub block: usize,
    /// Where it begins, in octets from the beginning of the file.
    pub offset: usize,
    /// What is wrong, and what to do about it if that is known.
    pub what: String,
}

/// Obsolete packet block (draft-ietf-opsawg-pcapng, appendix A).
const PB_MAGIC: u32 = 2;

const TOO_SHORT: &str = "enhanced packet block is too short for what it says it holds";

/// Interfaces that a capture may have.
const MOST_INTERFACES: usize = 1 << 14;

const END_OF_OPTIONS: u16 = 0;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const EPB_DROPCOUNT: u16 = 4;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;

/// Whether a file that begins so is pcapng.
pub(super) fn begins(magic: [u8; 4]) -> bool {
    u32::from_le_bytes(magic) == SHB_MAGIC
}

/// State of reading a pcapng file, part by part.
#[derive(Debug, Default)]
pub(super) struct Pcapng {
    /// Octets of the file that are at hand, and where they begin in it.
    part: Octets,
    begins: usize,
    /// Where the current block begins in them, and which it is in the file.
    at: usize,
    block: usize,
    big_endian: bool,
    /// Frames so far, as Wireshark counts them.
    frames: u64,
    /// Index of the section's first interface in the capture.
    section: usize,
    /// Per interface of the capture.
    clocks: Vec<Clock>,
    /// Interfaces so far; packets and secrets of the part at hand.
    capture: Capture,
    /// The first block that could not be read.
    damage: Option<CaptureError>,
    /// Whether nobody knows where the next block begins.
    adrift: bool,
}

impl Pcapng {
    /// Reads the blocks that are whole in the next part of the file, and says how many
    /// octets they are. Of the last part all is read.
    pub(super) fn read(&mut self, part: &Octets, last: bool) -> (Capture, usize) {
        self.part = part.clone();
        self.at = 0;
        while self.at < part.len() && !self.adrift {
            let (block_type, block) = match self.frame(part) {
                Ok(Some(block)) => block,
                Ok(None) => {
                    self.capture.truncated |= last;
                    break;
                }
                Err(error) => {
                    self.damage.get_or_insert(error);
                    self.adrift = true;
                    break;
                }
            };
            if let Err(error) = self.content(block_type, block) {
                self.damage.get_or_insert(error);
            }
            self.at += block.len();
            self.block += 1;
        }
        self.part = Octets::default();
        self.begins += self.at;
        let of_part = Capture {
            interfaces: self.capture.interfaces.clone(),
            packets: std::mem::take(&mut self.capture.packets),
            truncated: self.capture.truncated,
            secrets: std::mem::take(&mut self.capture.secrets),
        };
        (of_part, self.at)
    }

    /// The first block that could not be read.
    pub(super) fn damage(&self) -> Option<&CaptureError> {
        self.damage.as_ref()
    }

    /// Whether what follows can't be read.
    pub(super) fn is_adrift(&self) -> bool {
        self.adrift
    }

    /// Type and octets of the block here; none if the file ends within it.
    /// A section header sets the byte order.
    fn frame<'a>(&mut self, part: &'a [u8]) -> Result<Option<(u32, &'a [u8])>, CaptureError> {
        let rest = part.get(self.at..).unwrap_or_default();
        let (Some(block_type), Some(length)) = (word(rest, 0), word(rest, 4)) else {
            return Ok(None);
        };
        // The type of a section header reads the same in both byte orders.
        if u32::from_le_bytes(block_type) == SHB_MAGIC {
            let Some(magic) = word(rest, 8) else {
                return Ok(None);
            };
            self.big_endian = match magic {
                [0x4D, 0x3C, 0x2B, 0x1A] => false,
                [0x1A, 0x2B, 0x3C, 0x4D] => true,
                other => {
                    return Err(self.error(format!(
                        "section header with byte-order magic {}",
                        hex(&other)
                    )));
                }
            };
        }
        let length = self.u32(length);
        if length < 12 || !length.is_multiple_of(4) {
            return Err(self.error(format!(
                "block length {length}, which must be a multiple of 4 and at least 12"
            )));
        }
        let Some(block) = usize::try_from(length)
            .ok()
            .and_then(|length| rest.get(..length))
        else {
            return Ok(None);
        };
        let trailer = word(block, block.len() - 4).map(|w| self.u32(w));
        if trailer != Some(length) {
            return Err(self.error(format!(
                "block length {length} at its beginning and {} at its end",
                trailer.unwrap_or_default()
            )));
        }
        Ok(Some((self.u32(block_type), block)))
    }

    fn content(&mut self, block_type: u32, block: &[u8]) -> Result<(), CaptureError> {
        match block_type {
            EPB_MAGIC => self.enhanced_packet(block),
            DSB_MAGIC => self.secrets(block),
            SHB_MAGIC | IDB_MAGIC | SPB_MAGIC | ISB_MAGIC => {
                let parse = match self.big_endian {
                    true => parse_block_be,
                    false => parse_block_le,
                };
                let (_, parsed) =
                    parse(block).map_err(|e| self.error(malformed(block_type, &e)))?;
                self.known(parsed)
            }
            PB_MAGIC => self.packet_block(block),
            // Wireshark gives these a frame number too.
            SJE_MAGIC | CB_MAGIC | DCB_MAGIC => {
                self.frames += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn known(&mut self, block: Block) -> Result<(), CaptureError> {
        match block {
            Block::SectionHeader(header) => {
                if header.major_version != 1 {
                    return Err(self.error(format!(
                        "pcapng version {}.{}, of which only 1.x is known",
                        header.major_version, header.minor_version
                    )));
                }
                self.section = self.capture.interfaces.len();
            }
            Block::InterfaceDescription(_) if self.clocks.len() >= MOST_INTERFACES => {
                return Err(self.error(format!("more than {MOST_INTERFACES} interfaces")));
            }
            Block::InterfaceDescription(description) => {
                let options = &description.options;
                self.clocks.push(Clock {
                    resolution: match option(options, IF_TSRESOL) {
                        Some(&[resolution]) => resolution,
                        Some(other) => {
                            return Err(self.error(format!(
                                "if_tsresol of {} octets, which must have 1",
                                other.len()
                            )));
                        }
                        None => Clock::MICROSECONDS,
                    },
                    offset: self
                        .u64_option(options, IF_TSOFFSET)?
                        .map_or(0, u64::cast_signed),
                });
                self.capture.interfaces.push(Interface {
                    // The parser took it from 16 bits.
                    link_type: description.linktype.0 as u16,
                    name: text(options, IF_NAME),
                    description: text(options, IF_DESCRIPTION),
                    snap_length: description.snaplen,
                    received: None,
                    dropped: None,
                });
            }
            Block::SimplePacket(packet) => {
                let interface = self.interface(0)?;
                let mut data = packet.packet_data();
                let snap_length = self.capture.interfaces[interface].snap_length as usize;
                if snap_length > 0 {
                    data = &data[..data.len().min(snap_length)];
                }
                self.push(interface, 0, data, packet.origlen);
            }
            Block::InterfaceStatistics(statistics) => {
                let interface = self.interface(statistics.if_id)?;
                let options = &statistics.options;
                let received = self.u64_option(options, ISB_IFRECV)?;
                let by_interface = self.u64_option(options, ISB_IFDROP)?;
                let by_system = self.u64_option(options, ISB_OSDROP)?;
                let entry = &mut self.capture.interfaces[interface];
                entry.received = received.or(entry.received);
                if by_interface.is_some() || by_system.is_some() {
                    let lost = by_interface
                        .unwrap_or(0)
                        .saturating_add(by_system.unwrap_or(0));
                    // Each counts from the beginning of the capture.
                    entry.dropped = Some(lost.max(entry.dropped.unwrap_or(0)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The block that nearly all are: its header is read in place.
    fn enhanced_packet(&mut self, block: &[u8]) -> Result<(), CaptureError> {
        let body = block.get(8..block.len() - 4).unwrap_or_default();
        let field = |at| word(body, at).map(|w| self.u32(w));
        let fields = (field(0), field(4), field(8), field(12), field(16));
        let (Some(id), Some(high), Some(low), Some(captured), Some(original)) = fields else {
            return Err(self.error(TOO_SHORT.into()));
        };
        let content = body.get(20..).unwrap_or_default();
        let captured = usize::try_from(captured).unwrap_or(usize::MAX);
        let Some(data) = content.get(..captured) else {
            return Err(self.error(TOO_SHORT.into()));
        };
        let interface = self.interface(id)?;
        self.packet(interface, (high, low), data, original);
        let options = content.get(captured.next_multiple_of(4)..);
        match self.find_option(options.unwrap_or_default(), EPB_DROPCOUNT) {
            None => {}
            Some(value) => {
                let lost = self.u64_value(value, EPB_DROPCOUNT)?;
                self.lost(interface, lost);
            }
        }
        Ok(())
    }

    /// A Decryption Secrets Block.
    fn secrets(&mut self, block: &[u8]) -> Result<(), CaptureError> {
        let body = block.get(8..block.len() - 4).unwrap_or_default();
        let (Some(kind), Some(length)) = (word(body, 0), word(body, 4)) else {
            return Err(self.error("decryption secrets block is too short".into()));
        };
        let (kind, length) = (self.u32(kind), self.u32(length));
        let octets = usize::try_from(length).ok();
        let Some(octets) = octets.and_then(|length| body.get(8..)?.get(..length)) else {
            return Err(self.error(format!(
                "{length} octets of secrets in a block of {} octets",
                block.len()
            )));
        };
        let octets = self.shared(octets);
        self.capture.secrets.push((SecretsType(kind), octets));
        Ok(())
    }

    /// Those octets, which are in the part of the file at hand.
    fn shared(&self, octets: &[u8]) -> Octets {
        let at = octets
            .as_ptr()
            .addr()
            .wrapping_sub(self.part.as_ptr().addr());
        self.part.part(at..at.saturating_add(octets.len()))
    }

    /// Value of the first option of that code, in octets that options begin.
    fn find_option<'b>(&self, mut options: &'b [u8], wanted: u16) -> Option<&'b [u8]> {
        while let Some(&[a, b, c, d]) = options.first_chunk() {
            let both = [[a, b], [c, d]].map(|field| match self.big_endian {
                true => u16::from_be_bytes(field),
                false => u16::from_le_bytes(field),
            });
            let [code, length] = both;
            let value = options.get(4..)?.get(..usize::from(length))?;
            match code {
                END_OF_OPTIONS => return None,
                code if code == wanted => return Some(value),
                _ => options = options.get(4 + value.len().next_multiple_of(4)..)?,
            }
        }
        None
    }

    /// The obsolete packet block.
    fn packet_block(&mut self, block: &[u8]) -> Result<(), CaptureError> {
        let short = |r: &Self| r.error(format!("packet block of only {} octets", block.len()));
        let body = block.get(8..block.len() - 4).unwrap_or_default();
        let field = |at| {
            word(body, at)
                .map(|w| self.u32(w))
                .ok_or_else(|| short(self))
        };
        let (first, high, low) = (field(0)?, field(4)?, field(8)?);
        let (captured, original) = (field(12)?, field(16)?);
        // Two 16-bit fields, read as one of 32 bits.
        let (interface, drops) = match self.big_endian {
            true => (first >> 16, first & 0xFFFF),
            false => (first & 0xFFFF, first >> 16),
        };
        let data = usize::try_from(captured)
            .ok()
            .and_then(|captured| body[20..].get(..captured))
            .ok_or_else(|| {
                self.error(format!(
                    "packet of {captured} octets in a block of {} octets",
                    block.len()
                ))
            })?;
        let interface = self.interface(interface)?;
        // 0xFFFF is "not known".
        if drops != 0xFFFF {
            self.lost(interface, drops.into());
        }
        self.packet(interface, (high, low), data, original);
        Ok(())
    }

    fn packet(&mut self, interface: usize, time: (u32, u32), data: &[u8], original: u32) {
        let ticks = u64::from(time.0) << 32 | u64::from(time.1);
        let time_ns = self.clocks[interface].nanoseconds(ticks);
        self.push(interface, time_ns, data, original);
    }

    fn push(&mut self, interface: usize, time_ns: u64, data: &[u8], original_length: u32) {
        self.frames += 1;
        self.capture.packets.push(Packet {
            number: self.frames,
            interface,
            time_ns,
            data: self.shared(data),
            original_length,
        });
    }

    /// Adds to the packets that were lost before one.
    fn lost(&mut self, interface: usize, count: u64) {
        let dropped = &mut self.capture.interfaces[interface].dropped;
        *dropped = Some(dropped.unwrap_or(0).saturating_add(count));
    }

    /// Index in the capture of an interface of this section.
    fn interface(&self, id: u32) -> Result<usize, CaptureError> {
        let count = self.capture.interfaces.len() - self.section;
        match usize::try_from(id) {
            Ok(id) if id < count => Ok(self.section + id),
            _ => Err(self.error(format!(
                "interface {id} is named, and the section has described {count}"
            ))),
        }
    }

    /// A 64-bit option in the section's byte order.
    fn u64_option(&self, options: &[PcapNGOption], code: u16) -> Result<Option<u64>, CaptureError> {
        let Some(value) = option(options, code) else {
            return Ok(None);
        };
        self.u64_value(value, code).map(Some)
    }

    fn u64_value(&self, value: &[u8], code: u16) -> Result<u64, CaptureError> {
        let value = <[u8; 8]>::try_from(value).map_err(|_| {
            self.error(format!(
                "option {code} of {} octets, which must have 8",
                value.len()
            ))
        })?;
        Ok(match self.big_endian {
            true => u64::from_be_bytes(value),
            false => u64::from_le_bytes(value),
        })
    }

    fn u32(&self, word: [u8; 4]) -> u32 {
        match self.big_endian {
            true => u32::from_be_bytes(word),
            false => u32::from_le_bytes(word),
        }
    }

    fn error(&self, what: String) -> CaptureError {
        CaptureError {
            block: self.block,
            offset: self.begins + self.at,
            what,
        }
    }
}

/// Value of the first option of that code.
fn option<'a>(options: &'a [PcapNGOption], code: u16) -> Option<&'a [u8]> {
    options
        .iter()
        .take_while(|o| o.code.0 != END_OF_OPTIONS)
        .find(|o| o.code.0 == code)
        .and_then(|o| o.as_bytes().ok())
}

fn text(options: &[PcapNGOption], code: u16) -> String {
    String::from_utf8_lossy(option(options, code).unwrap_or_default()).into_owned()
}

fn malformed(block_type: u32, error: &nom::Err<PcapError<&[u8]>>) -> String {
    let name = match block_type {
        SHB_MAGIC => "section header",
        IDB_MAGIC => "interface description",
        SPB_MAGIC => "simple packet",
        _ => "interface statistics",
    };
    match error {
        nom::Err::Incomplete(_) => format!("{name} block is too short for what it says it holds"),
        _ => format!("{name} block is malformed"),
    }
}

fn word(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Octets as people write them.
pub(super) fn hex(bytes: &[u8]) -> String {
    let octets: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    octets.join(" ")
}
