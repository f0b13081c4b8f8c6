//! Independent opening with escrowed keys: the positive proof. Every cipher
//! in here is RustCrypto, none of what the cameras use.

pub mod keylog;
pub mod tls13;
