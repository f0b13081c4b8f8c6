//! The engine of SRTP and SRTCP: RFC 3711, with the suites of RFC 4568,
//! RFC 6188 and RFC 7714 (erratum 4938 included), and Cryptex (RFC 9335).
//!
//! A [`Sender`] seals, a [`Receiver`] opens, both for any number of streams
//! (SSRCs) under one master key at a time, or several that an [`Mki`] tells
//! apart. The unit of work is a batch of packets in one buffer
//! ([`Packets`](crate::rtp::Packets)), sealed in place: nothing moves, and
//! nothing is allocated once a stream has begun. Key schedules and HMAC states
//! are made once per master key; the key derivation rate is 0 (RFC 3711
//! 4.3.1).
//!
//! A sender that can't seal a packet leaves it empty, and a receiver that
//! can't open one does so too: there is nothing left that could pass for a
//! packet.
//!
//! ```
//! use lightleak_sim::{
//!     rtp::Packets,
//!     seal::{
//!         keys::SrtpMasterKey,
//!         srtp::{Receiver, ReceiverOptions, Sender, SenderOptions, Suite},
//!     },
//! };
//!
//! let key = SrtpMasterKey::new(Suite::AeadAes128Gcm, &[1; 16], &[2; 12])?;
//! let mut sender = Sender::new(&key, SenderOptions::default())?;
//! let mut receiver = Receiver::new(&key, ReceiverOptions::default())?;
//!
//! let packet = [&[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7][..], b"payload"].concat();
//! let mut packets = Packets::with_room(sender.overhead());
//! packets.push(&packet);
//! sender.seal(&mut packets)?;
//! assert_eq!(receiver.open(&mut packets), [Ok(1)]);
//! assert!(packets.iter().eq([&packet[..]]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod begin;
mod error;
mod header;
mod kdf;
mod mki;
mod opener;
mod primitive;
mod protection;
mod receiver;
mod sealer;
mod sender;
mod suite;
#[cfg(test)]
mod tests;
mod window;

pub use begin::Begin;
pub use error::SrtpError;
pub(crate) use header::{RTCP_HEADER, short};
pub use kdf::{Kdf, Label};
pub use mki::Mki;
pub use opener::RtcpOpener;
pub(crate) use primitive::number;
pub use primitive::{AuthenticationKey, CounterMode, GaloisCounterMode};
pub use receiver::{Receiver, ReceiverOptions};
pub use sealer::RtpSealer;
pub use sender::{Counters, Sender, SenderOptions, seal_all};
pub use suite::{Suite, UnknownSuite};

/// How many packets of a stream one master key may secure. What exceeds the
/// default is taken for the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// SRTP packets, 2^48 at most.
    pub srtp: u64,
    /// SRTCP packets, 2^31 at most.
    pub srtcp: u64,
}

impl Lifetime {
    /// What no key may exceed (RFC 3711 9.2, RFC 7714 8.4 and 9.4).
    pub const MOST: Self = Self {
        srtp: 1 << 48,
        srtcp: 1 << 31,
    };

    fn limited(self) -> Self {
        Self {
            srtp: self.srtp.min(Self::MOST.srtp),
            srtcp: self.srtcp.min(Self::MOST.srtcp),
        }
    }
}

impl Default for Lifetime {
    fn default() -> Self {
        Self::MOST
    }
}
