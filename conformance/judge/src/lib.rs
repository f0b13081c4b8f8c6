//! The judge: a case in, a report out. It knows nothing of the simulator.

#![forbid(unsafe_code)]

pub mod adversary;
pub mod attribution;
pub mod decoder;
pub mod deliveries;
pub mod dissect;
pub mod inspect;
pub mod logins;
pub mod mark;
pub mod open;
mod parallel;
pub mod picture;
pub mod presence;
pub mod probe;
pub mod proof;
pub mod report;
pub mod requirement;
pub mod sealed;
pub mod secured;
pub mod seen;
pub mod sframed;
pub mod stored;
pub mod tone;
mod upkeep;
pub mod verdict;
pub mod webrtc;

pub use sealed::{Outgoing, assert_sealed};
