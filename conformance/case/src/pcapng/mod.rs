//! Captures: pcapng (draft-ietf-opsawg-pcapng), written and read; and classic pcap
//! read, compressed or not.

mod blocks;
mod classic;
mod clock;
mod compressed;
mod octets;
mod parts;
mod writer;

pub use blocks::CaptureError;
pub use octets::Octets;
pub use parts::CaptureParts;
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
    /// What the file holds to decrypt its packets with (Decryption Secrets Blocks),
    /// in order: the type of each and its octets.
    pub secrets: Vec<(SecretsType, Octets)>,
}

impl Capture {
    /// Its packets, so many at a time, as captures with the same interfaces; and of each
    /// whether it is the last.
    pub fn parts(&self, packets: usize) -> impl Iterator<Item = (Self, bool)> + '_ {
        let parts = self.packets.chunks(packets);
        let last = parts.len().saturating_sub(1);
        parts.enumerate().map(move |(index, packets)| {
            let part = Self {
                interfaces: self.interfaces.clone(),
                packets: packets.to_vec(),
                ..Self::default()
            };
            (part, index == last)
        })
    }
}

/// The type of secrets in a pcapng file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretsType(pub u32);

impl SecretsType {
    /// Lines of an NSS key log, of TLS, DTLS and QUIC.
    pub const TLS_KEY_LOG: Self = Self(0x544c_534b);
    /// Lines of a WireGuard key log.
    pub const WIREGUARD_KEY_LOG: Self = Self(0x5747_4b4c);
    /// Lines of an SSH key log.
    pub const SSH_KEY_LOG: Self = Self(0x5353_484b);
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
    pub data: Octets,
    /// Its length on the network; more than `data` has if it was cut.
    pub original_length: u32,
}
