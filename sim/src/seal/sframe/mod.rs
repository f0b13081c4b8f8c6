//! The engine of SFrame (RFC 9605): whole frames, sealed end to end.
//!
//! A [`Sender`] seals with a base key of its own, a [`Receiver`] opens. The unit
//! of work is a batch of frames in one buffer ([`Frames`]), sealed in place:
//! nothing moves, and nothing is allocated once the buffer has its size. Key
//! schedules and HMAC states are made once per base key. No counter is used
//! twice, not even after a loss of power: [`Counters`] keep them before they
//! are used.
//!
//! A frame that can't be sealed or opened is empty afterwards: there is nothing
//! left that could pass for a frame.
//!
//! ```
//! use lightleak_sim::seal::{
//!     keys::SFrameBaseKey,
//!     sframe::{Frames, KeyId, Opened, Receiver, Sender, Suite, VolatileCounters},
//! };
//!
//! let key = SFrameBaseKey::new(Suite::Aes128Gcm, KeyId::new(7), &[1; 16])?;
//! let mut receiver = Receiver::new(&key.opening())?;
//! let mut sender = Sender::new(key, VolatileCounters::default())?;
//!
//! let mut frames = Frames::new();
//! frames.push(b"frame", b"metadata");
//! sender.seal(&mut frames)?;
//! assert_eq!(receiver.open(&mut frames), [Ok(Opened { kid: 7, ctr: 0 })]);
//! assert!(frames.iter().eq([b"frame"]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod counters;
mod error;
mod frames;
mod galois;
mod header;
mod key_id;
pub mod nal;
mod receiver;
mod sealer;
mod sender;
mod session;
mod suite;
mod window;

pub use counters::{CounterError, Counters, DiskCounters, RESERVED, VolatileCounters};
pub use error::SFrameError;
pub use frames::Frames;
pub use galois::Library;
pub use header::{Encoded, Header, LONGEST_HEADER};
pub use key_id::{KeyId, MOST_RATCHET_BITS};
pub use receiver::{Opened, Receiver};
pub use sealer::FrameSealer;
pub use sender::{Sender, seal_all};
pub use suite::{Suite, UnknownSuite};
