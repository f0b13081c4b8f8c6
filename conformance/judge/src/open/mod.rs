//! Independent opening with escrowed keys: the positive proof. What the cameras
//! seal with aws-lc-rs or ring is opened with RustCrypto, what they seal with
//! RustCrypto (age, HPKE) with aws-lc-rs.

mod aead;
pub mod age;
pub mod dtls;
pub mod escrow;
pub mod hpke;
pub mod keylog;
mod opened;
pub mod sframe;
pub mod srtp;
mod tls12;
mod tls13;

pub use opened::{Anatomy, OpenError, Opened};

use crate::dissect::{
    Flow,
    tls::{self, TlsReading},
};
use keylog::KeyLog;

/// Opens a TLS 1.2 or 1.3 connection with the key log. An error if nothing of
/// it could be opened; if only a part could, [`Opened::stopped`] says why.
/// What follows a renegotiation is not opened.
pub fn open(flow: &Flow, reading: &TlsReading, keys: &KeyLog) -> Result<Opened, OpenError> {
    let (Some(client), Some(server)) = (&reading.client_hello, &reading.server_hello) else {
        return Err(OpenError::NoHello);
    };
    let (a, b) = match server.version {
        tls::TLS12 => tls12::open(flow, reading, (client, server), keys)?,
        tls::TLS13 => tls13::open(flow, reading, (client, server), keys)?,
        other => return Err(OpenError::OtherVersion(other)),
    };
    let opened = Opened {
        from_a: a.data,
        from_b: b.data,
        handshake_b: b.handshake,
        records: a.records + b.records,
        ciphertext_bytes: a.ciphertext_bytes + b.ciphertext_bytes,
        records_a: a.anatomy,
        records_b: b.anatomy,
        stopped: a.stopped.or(b.stopped),
    };
    match opened.stopped {
        Some(error) if opened.records == 0 => Err(error),
        _ => Ok(opened),
    }
}

#[cfg(test)]
mod testing;
