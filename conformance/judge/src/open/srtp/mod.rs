//! SRTP and SRTCP (RFC 3711, RFC 6188, RFC 7714 with erratum 4938), Cryptex
//! included (RFC 9335), opened with RustCrypto.

mod generated;
mod key;
mod packet;
mod session;
mod signalled;
mod stream;
mod suite;
#[cfg(test)]
mod tests;

pub use key::MasterKey;
pub use packet::{Layout, Part, Tail};
pub use session::{Opened, Session};
pub use signalled::{of_crypto, of_generating_mikey, of_mikey, of_mikey_in_clear, suite};
pub use stream::{Found, KeyRing, Streams};
pub use suite::{Mode, SUITES, Suite};
