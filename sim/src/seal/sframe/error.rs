//! What can keep a frame from being sealed or opened.

use super::CounterError;

/// Why SFrame could not be set up, or a frame not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SFrameError {
    /// More bits of a KID for ratchet steps than an application may set.
    #[error("ratchet step has {0} bits, not at most {most}", most = super::MOST_RATCHET_BITS)]
    RatchetBits(u8),
    /// A key with another number of bits for ratchet steps than those before,
    /// which a KID could not tell apart.
    #[error("ratchet step has {bits} bits, not {expected} as before")]
    RatchetChanged {
        /// Of the new key.
        bits: u8,
        /// Of the others.
        expected: u8,
    },
    /// A key generation that leaves no bits for ratchet steps.
    #[error("key generation {0} does not fit the kid")]
    Generation(u64),
    /// A ratchet where no bits of the KID count steps.
    #[error("kid {0:#x} has no bits for ratchet steps")]
    NoRatchet(u64),
    /// There is no counter to seal with.
    #[error("{0}")]
    Counter(#[from] CounterError),
    /// A counter that a frame was sealed with, or may have been (RFC 9605 7.4).
    #[error("counter is {ctr}, not at least {least}")]
    CounterUsed {
        /// The counter.
        ctr: u64,
        /// One above the last one.
        least: u64,
    },
    /// A frame ends before something that it must have.
    #[error("frame is {length} octets long, not at least {least}")]
    Short {
        /// Octets of the frame.
        length: usize,
        /// What it must have.
        least: usize,
    },
    /// A frame without the room around it that it was pushed with, because it
    /// is sealed already.
    #[error("frame is sealed already")]
    Sealed,
    /// A header with a field in more octets than it takes (RFC 9605 4.3).
    #[error("{0} is not in as few octets as it takes")]
    NotMinimal(&'static str),
    /// Another key has the KID.
    #[error("key generation {0} has a key already")]
    KidTaken(u64),
    /// No key has the KID of the frame.
    #[error("kid {0:#x} is of no key")]
    UnknownKid(u64),
    /// The key generation is over.
    #[error("key generation {generation} has ended: the oldest is {oldest}")]
    EpochEnded {
        /// Of the frame or the key.
        generation: u64,
        /// The oldest one that has not ended.
        oldest: u64,
    },
    /// More keys than a receiver keeps.
    #[error("keys are {0} already")]
    Keys(usize),
    /// A frame with this counter was there before, or it is too old to tell
    /// (RFC 9605 9.3).
    #[error("counter {0} is replayed or older than the replay window")]
    Replayed(u64),
    /// The tag is not that of header, metadata and frame.
    #[error("authentication tag does not fit the frame")]
    Authentication,
    /// The cryptographic library refused what it should not.
    #[error("cryptographic library refused a call")]
    Library,
}
