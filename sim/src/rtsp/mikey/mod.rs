//! MIKEY (RFC 3830), as ONVIF Streaming 8.2 uses it: the pre-shared key
//! method in one message, whose KEMAC payload nothing encrypts or
//! authenticates but the TLS connection around it.

mod error;
mod policy;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use error::MikeyError;
pub use policy::Policy;
pub(crate) use policy::parameter;

use crate::seal::keys::KeyData;

/// A message: one key, and the streams that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Identifies the crypto session bundle (RFC 3830 6.1).
    pub csb_id: u32,
    /// The streams, by crypto session: 255 at most.
    pub sessions: Vec<CryptoSession>,
    /// When it was made, as an NTP time stamp (RFC 3830 6.6).
    pub timestamp: u64,
    /// Random octets, 255 at most; a re-key may leave them out (RFC 3830
    /// 4.5), and then there are none.
    pub rand: Vec<u8>,
    /// How the streams are protected; a re-key may leave it out.
    pub policy: Option<Policy>,
    /// The key.
    pub key: KeyData,
}

/// A stream of SRTP in the map of crypto sessions (`SRTP-ID`, RFC 3830 6.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CryptoSession {
    /// Number of its policy.
    pub policy: u8,
    /// Synchronization source; 0 where the initiator does not know it.
    pub ssrc: u32,
    /// Its roll-over counter.
    pub roc: u32,
}

/// Version of the protocol.
const VERSION: u8 = 1;
/// Data type of the initiator's message of the pre-shared key method.
const PRE_SHARED: u8 = 0;
/// Type of a map of SRTP streams.
const SRTP_ID: u8 = 0;
/// Security protocol SRTP (RFC 3830 6.10).
const SRTP: u8 = 0;
/// No encryption, no authentication (RFC 3830 6.2).
const NULL: u8 = 0;
/// NTP time stamps in UTC, and without leap seconds (RFC 3830 6.6).
const NTP_UTC: u8 = 0;
const NTP: u8 = 1;
/// Key types (RFC 3830 6.13).
const TEK: u8 = 2;
const TEK_WITH_SALT: u8 = 3;
/// Key validity data (RFC 3830 6.14).
const NO_VALIDITY: u8 = 0;
const SPI: u8 = 1;

/// Payload types (RFC 3830 6.1).
mod payload {
    pub(super) const LAST: u8 = 0;
    pub(super) const KEMAC: u8 = 1;
    pub(super) const T: u8 = 5;
    pub(super) const ID: u8 = 6;
    pub(super) const SP: u8 = 10;
    pub(super) const RAND: u8 = 11;
    pub(super) const GENERAL_EXTENSION: u8 = 21;
}
