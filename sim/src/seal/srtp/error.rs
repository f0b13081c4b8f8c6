//! What can keep a packet from being sealed or opened.

use super::Suite;

/// Why SRTP could not be set up, or a packet not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SrtpError {
    /// An MKI of this many octets.
    #[error("mki is {0} octets long, not from 1 to 128")]
    MkiLength(usize),
    /// A key with another MKI length than the others, or with one where they
    /// have none, which a packet could not tell apart.
    #[error("mki is {length} octets long, not {expected} as those before")]
    MkiChanged {
        /// Octets of the new one; 0 for none.
        length: usize,
        /// Octets of the others; 0 for none.
        expected: usize,
    },
    /// Another key has the same MKI.
    #[error("mki is that of another master key")]
    MkiTaken,
    /// No master key has the MKI of the packet.
    #[error("mki is of no master key")]
    UnknownMki,
    /// A key of another suite than those before.
    #[error("suite is {suite}, not {expected} as before")]
    SuiteChanged {
        /// Of the new key.
        suite: Suite,
        /// Of the others.
        expected: Suite,
    },
    /// A key of a length that AES does not have in this mode.
    #[error("aes key is {0} octets long, which the mode does not have")]
    KeyLength(usize),
    /// Counters are set for a stream that has sent or received already.
    #[error("ssrc {0:#010x} has begun already")]
    Begun(u32),
    /// An SRTCP index has 31 bits.
    #[error("srtcp index is {0}, not below 2^31")]
    RtcpIndex(u32),
    /// The version of RTP or RTCP.
    #[error("version is {0}, not 2")]
    Version(u8),
    /// A packet ends before something that it must have.
    #[error("packet is {length} octets long, not at least {least}")]
    Short {
        /// Octets of the packet.
        length: usize,
        /// What it must have.
        least: usize,
    },
    /// A packet is longer than counter mode may encrypt with one IV (RFC 3711
    /// 4.1.1).
    #[error("packet is {length} octets long, not at most {most}")]
    Long {
        /// Octets of the packet.
        length: usize,
        /// What it may have.
        most: usize,
    },
    /// What a sealed packet adds does not fit the room behind it.
    #[error("room behind the packet is {room} octets, not at least {needed}")]
    Room {
        /// Octets of room.
        room: usize,
        /// What sealing adds.
        needed: usize,
    },
    /// A sequence number that is not above the last one of its stream: its IV
    /// could have been used before.
    #[error("sequence number {sequence} of ssrc {ssrc:#010x} is not above {last}")]
    Sequence {
        /// The stream.
        ssrc: u32,
        /// Of the packet.
        sequence: u16,
        /// Of the packet before.
        last: u16,
    },
    /// The lifetime of the master key is over (RFC 3711 9.2): re-key first.
    #[error("{field} has secured its {limit} packets: re-key")]
    KeyExpired {
        /// `srtp` or `srtcp`.
        field: &'static str,
        /// How many packets of a stream one master key may secure.
        limit: u64,
    },
    /// The packet, or one with its index, was there before, or it is too old
    /// to tell (RFC 3711 3.3.2).
    #[error("packet index {0} is replayed or older than the replay window")]
    Replayed(u64),
    /// An SRTCP packet whose E flag is 0.
    #[error("e flag is 0, and the packet not encrypted")]
    Unencrypted,
    /// The tag is not that of the packet.
    #[error("authentication tag does not fit the packet")]
    Authentication,
    /// There are header extensions or CSRCs in clear (RFC 9335 5.2).
    #[error("header extensions or csrcs are not encrypted by cryptex")]
    NotCryptex,
    /// Header extensions of a profile that Cryptex has no word for, or whose
    /// profile is a word of Cryptex before anything is sealed (RFC 9335 5.1).
    #[error("header extension profile {0:#06x} can not be sealed")]
    Profile(u16),
    /// More streams than a receiver keeps.
    #[error("streams are {0} already")]
    Streams(usize),
    /// The cryptographic library refused what it should not.
    #[error("cryptographic library refused a call")]
    Library,
}
