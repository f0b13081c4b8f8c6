//! Captures: pcapng (draft-ietf-opsawg-pcapng), written and read.

use std::io::{self, Write};

/// A capture in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    /// The taps.
    pub interfaces: Vec<Interface>,
    /// Packets in the order of the file.
    pub packets: Vec<Packet>,
    /// Whether the file ends in the middle of a block.
    pub truncated: bool,
}

/// One tap: an interface description and, if the file has it, its statistics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// LINKTYPE value; 1 is Ethernet.
    pub link_type: u16,
    /// `if_name`.
    pub name: String,
    /// `if_description`; says whether framing was synthesised.
    pub description: String,
    /// Snap length; 0 is none.
    pub snap_length: u32,
    /// Packets received, from the interface statistics (`isb_ifrecv`).
    pub received: Option<u64>,
    /// Packets dropped, from the interface statistics (`isb_ifdrop`).
    pub dropped: Option<u64>,
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Number of the frame as Wireshark shows it: from 1, over the whole file.
    pub number: u64,
    /// Index into [`Capture::interfaces`].
    pub interface: usize,
    /// When it was captured, nanoseconds since 1970.
    pub time_ns: u64,
    /// What was captured, from the link layer on.
    pub data: Vec<u8>,
    /// Its length on the network; more than `data` has if it was cut.
    pub original_length: u32,
}

/// Writes a pcapng file of one Ethernet interface with nanosecond times.
#[derive(Debug)]
pub struct PcapngWriter<W: Write> {
    out: W,
    written: u64,
}

impl<W: Write> PcapngWriter<W> {
    /// Begins the file: section header and interface description.
    pub fn new(out: W, name: &str, description: &str) -> io::Result<Self> {
        let _ = (name, description);
        Ok(Self { out, written: 0 })
    }

    /// Writes one packet (enhanced packet block).
    pub fn packet(&mut self, time_ns: u64, data: &[u8]) -> io::Result<()> {
        let _ = (time_ns, data);
        self.written += 1;
        Ok(())
    }

    /// Ends the file with the interface statistics.
    pub fn finish(self, time_ns: u64, dropped: u64) -> io::Result<W> {
        let _ = (time_ns, dropped);
        Ok(self.out)
    }
}
