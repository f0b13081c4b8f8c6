//! TLS 1.3 (RFC 8446): record keys from the key log, records opened.

use crate::dissect::{Flow, Stream, tls::TlsReading};

use super::keylog::KeyLog;

/// A connection, opened.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// Application data of `a`; pieces point at the packet and offset of the
    /// record's ciphertext, one piece per record.
    pub from_a: Stream,
    /// Application data of `b`.
    pub from_b: Stream,
    /// Records that were opened, of any inner type.
    pub records: u64,
    /// Octets of ciphertext, tags excluded, that were opened.
    pub ciphertext_bytes: u64,
}

/// Why a connection could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is another version than TLS 1.3.
    #[error("the connection is not TLS 1.3")]
    OtherVersion,
    /// The suite is none that we know.
    #[error("unknown cipher suite 0x{0:04x}")]
    UnknownSuite(u16),
    /// The key log has no such secret.
    #[error("the key log has no {0} for this connection")]
    MissingSecret(&'static str),
    /// A record did not authenticate.
    #[error("record {index} of the {side} does not open with the escrowed key (packet {packet})")]
    BadRecord {
        /// Index of the record in its direction.
        index: usize,
        /// `client` or `server`.
        side: &'static str,
        /// Packet that holds the beginning of the record.
        packet: u64,
    },
    /// The capture misses octets in the middle of the connection.
    #[error("octets of the {side} are missing from the capture before packet {packet}")]
    Gap {
        /// `client` or `server`.
        side: &'static str,
        /// The packet after the gap.
        packet: u64,
    },
}

/// Opens a TLS 1.3 connection with the key log.
pub fn open(flow: &Flow, reading: &TlsReading, keys: &KeyLog) -> Result<Opened, OpenError> {
    let _ = (flow, reading, keys);
    Err(OpenError::OtherVersion)
}
