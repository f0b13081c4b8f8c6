//! Writes pcapng: one section of one interface, little-endian.

use std::io::{self, Write};

use pcap_parser::{BOM_MAGIC, EPB_MAGIC, IDB_MAGIC, ISB_MAGIC, SHB_MAGIC};

/// Writes a pcapng file of one Ethernet interface with nanosecond times.
#[derive(Debug)]
pub struct PcapngWriter<W: Write> {
    out: W,
    written: u64,
    first_time_ns: Option<u64>,
}

impl<W: Write> PcapngWriter<W> {
    /// Begins the file: section header and interface description (`if_name`,
    /// `if_description`). An option longer than 65535 octets is
    /// [`io::ErrorKind::InvalidInput`].
    pub fn new(mut out: W, name: &str, description: &str) -> io::Result<Self> {
        let mut section = Vec::new();
        section.extend(BOM_MAGIC.to_le_bytes());
        section.extend(1u16.to_le_bytes());
        section.extend(0u16.to_le_bytes());
        section.extend(LENGTH_UNKNOWN.to_le_bytes());
        option(&mut section, SHB_USERAPPL, b"lightleak")?;
        end_of_options(&mut section);
        block(&mut out, SHB_MAGIC, &section)?;

        let mut interface = Vec::new();
        interface.extend(LINKTYPE_ETHERNET.to_le_bytes());
        interface.extend(0u16.to_le_bytes());
        interface.extend(NO_SNAP_LENGTH.to_le_bytes());
        option(&mut interface, IF_NAME, name.as_bytes())?;
        option(&mut interface, IF_DESCRIPTION, description.as_bytes())?;
        option(&mut interface, IF_TSRESOL, &[NANOSECONDS])?;
        end_of_options(&mut interface);
        block(&mut out, IDB_MAGIC, &interface)?;

        Ok(Self {
            out,
            written: 0,
            first_time_ns: None,
        })
    }

    /// Writes one packet (enhanced packet block).
    pub fn packet(&mut self, time_ns: u64, data: &[u8]) -> io::Result<()> {
        let length = u32::try_from(data.len()).map_err(|_| too_long("packet", data.len()))?;
        let mut body = Vec::with_capacity(20 + data.len());
        body.extend(INTERFACE.to_le_bytes());
        body.extend(time(time_ns));
        body.extend(length.to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(data);
        block(&mut self.out, EPB_MAGIC, &body)?;
        self.first_time_ns.get_or_insert(time_ns);
        self.written += 1;
        Ok(())
    }

    /// Ends the file with the interface statistics: from the time of the first
    /// packet, if there was one, until `time_ns`; what was written and what was
    /// `dropped` make up what was received.
    pub fn finish(mut self, time_ns: u64, dropped: u64) -> io::Result<W> {
        let received = self.written.saturating_add(dropped);
        let mut body = Vec::new();
        body.extend(INTERFACE.to_le_bytes());
        body.extend(time(time_ns));
        if let Some(first) = self.first_time_ns {
            option(&mut body, ISB_STARTTIME, &time(first))?;
        }
        option(&mut body, ISB_ENDTIME, &time(time_ns))?;
        option(&mut body, ISB_IFRECV, &received.to_le_bytes())?;
        option(&mut body, ISB_IFDROP, &dropped.to_le_bytes())?;
        end_of_options(&mut body);
        block(&mut self.out, ISB_MAGIC, &body)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

const LINKTYPE_ETHERNET: u16 = 1;
const LENGTH_UNKNOWN: i64 = -1;
const NO_SNAP_LENGTH: u32 = 0;
const INTERFACE: u32 = 0;
/// `if_tsresol`: 10^-9 seconds.
const NANOSECONDS: u8 = 9;

const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const ISB_STARTTIME: u16 = 2;
const ISB_ENDTIME: u16 = 3;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;

/// A time stamp: the upper 32 bits first, whatever the byte order.
fn time(time_ns: u64) -> [u8; 8] {
    time_ns.rotate_left(32).to_le_bytes()
}

/// Appends one option, padded to 32 bits.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) -> io::Result<()> {
    let length = u16::try_from(value.len()).map_err(|_| too_long("option", value.len()))?;
    body.extend(code.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
    Ok(())
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

/// Writes one block in one piece, so that a file cut by a crash ends in at most
/// one incomplete block.
fn block(out: &mut impl Write, block_type: u32, body: &[u8]) -> io::Result<()> {
    let padded = body.len().next_multiple_of(4);
    let length = u32::try_from(padded + 12).map_err(|_| too_long("block", body.len()))?;
    let mut bytes = Vec::with_capacity(padded + 12);
    bytes.extend(block_type.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(body);
    bytes.resize(8 + padded, 0);
    bytes.extend(length.to_le_bytes());
    out.write_all(&bytes)
}

fn too_long(what: &str, length: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{what} of {length} octets is too long for pcapng"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Capture, Interface, Packet};

    proptest! {
        #[test]
        fn what_is_written_is_read(
            name in ".{0,20}",
            description in ".{0,40}",
            packets in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<u8>(), 0..50)), 0..8),
            end in any::<u64>(),
            dropped in 0u64..1_000_000,
        ) {
            let mut writer = PcapngWriter::new(Vec::new(), &name, &description).unwrap();
            for (time_ns, data) in &packets {
                writer.packet(*time_ns, data).unwrap();
            }
            let bytes = writer.finish(end, dropped).unwrap();
            let expected = Capture {
                interfaces: vec![Interface {
                    link_type: 1,
                    name,
                    description,
                    snap_length: 0,
                    received: Some(packets.len() as u64 + dropped),
                    dropped: Some(dropped),
                }],
                packets: packets
                    .into_iter()
                    .zip(1..)
                    .map(|((time_ns, data), number)| Packet {
                        number,
                        interface: 0,
                        time_ns,
                        original_length: data.len() as u32,
                        data: data.into(),
                    })
                    .collect(),
                ..Capture::default()
            };
            prop_assert_eq!(Capture::read(&bytes), Ok(expected));
        }
    }

    #[test]
    fn option_that_pcapng_cannot_hold_is_refused() {
        let error = PcapngWriter::new(Vec::new(), &"n".repeat(65536), "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "option of 65536 octets is too long for pcapng"
        );
    }
}
