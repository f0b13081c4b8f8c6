//! Captures: pcapng (draft-ietf-opsawg-pcapng), written and read.

mod classic;
mod clock;
mod reader;
mod writer;

pub use reader::CaptureError;
pub use writer::PcapngWriter;

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
    /// Packets received, dropped ones included, from the interface statistics
    /// (`isb_ifrecv`).
    pub received: Option<u64>,
    /// Packets lost before they reached the file: `isb_ifdrop` and
    /// `isb_osdrop` of the interface statistics, or the drop counts of the
    /// packet blocks if they say more.
    pub dropped: Option<u64>,
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Number of the frame as Wireshark shows it: from 1, over the whole file.
    pub number: u64,
    /// Index into [`Capture::interfaces`].
    pub interface: usize,
    /// When it was captured, nanoseconds since 1970; 0 if the block has no time.
    pub time_ns: u64,
    /// What was captured, from the link layer on.
    pub data: Vec<u8>,
    /// Its length on the network; more than `data` has if it was cut.
    pub original_length: u32,
}
