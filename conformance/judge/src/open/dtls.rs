//! DTLS 1.2 and 1.3, opened record by record with the key log, and the keys of
//! SRTP that a handshake agrees on (RFC 5764 4.2).

mod dtls12;
mod dtls13;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod tests;

use super::{
    keylog::KeyLog,
    opened::{Anatomy, OpenError},
    srtp::{MasterKey, Suite},
};
use crate::dissect::{
    Flow, Stream,
    dtls::{self, Message, Reading, Record, UseSrtp},
    tls,
};

/// The exporter's label (RFC 5764 4.2).
const LABEL: &str = "EXTRACTOR-dtls_srtp";

/// A handshake and what is protected by it, opened.
#[derive(Debug, Default)]
pub struct OpenedDtls {
    /// What the client sent.
    pub client: OpenedEnd,
    /// What the server sent.
    pub server: OpenedEnd,
    /// What the server chose for SRTP, if it says so where it can be read.
    pub srtp: Option<UseSrtp>,
    /// The keys that both derive, if it chose a profile that has some.
    pub exported: Option<Exported>,
}

/// What of one end was opened.
#[derive(Debug, Default)]
pub struct OpenedEnd {
    /// How the records that were opened are made up, in their order.
    pub records: Vec<Anatomy>,
    /// Handshake messages that were protected, with where their first record
    /// begins in the stream.
    pub handshake: Vec<Message>,
    /// Application data, record for record a datagram.
    pub data: Stream,
    /// Where protected records begin that no known key opens.
    pub refused: Vec<usize>,
}

impl OpenedEnd {
    /// Takes what a record of that type holds.
    fn take(&mut self, stream: &Stream, record: &Record, content_type: u8, content: &[u8]) {
        if content_type == tls::APPLICATION_DATA
            && let Some(piece) = stream.piece(record.at)
        {
            let offset = piece.offset + (record.at + record.header - piece.at);
            self.data.push(content, piece.packet, offset, piece.time_ns);
        }
    }
}

/// Master keys of SRTP, as both ends of a handshake derive them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Of what the client sends.
    pub client: MasterKey,
    /// Of what the server sends.
    pub server: MasterKey,
}

/// Opens what a handshake protects. An error if nothing of it could be opened.
pub fn open(flow: &Flow, reading: &Reading, keys: &KeyLog) -> Result<OpenedDtls, OpenError> {
    let (Some(client), Some(server)) = (&reading.client_hello, &reading.server_hello) else {
        return Err(OpenError::NoHello);
    };
    match server.version {
        dtls::DTLS12 => dtls12::open(flow, reading, (client, server), keys),
        dtls::DTLS13 => dtls13::open(flow, reading, (client, server), keys),
        other => Err(OpenError::OtherVersion(other)),
    }
}

/// The suite of an SRTP protection profile (RFC 5764 4.1.2, RFC 7714 14.2);
/// `None` for those that do not encrypt, and for unknown ones.
fn suite(profile: u16) -> Option<&'static Suite> {
    Suite::find(match profile {
        1 => "AES_CM_128_HMAC_SHA1_80",
        2 => "AES_CM_128_HMAC_SHA1_32",
        7 => "AEAD_AES_128_GCM",
        8 => "AEAD_AES_256_GCM",
        _ => return None,
    })
}

/// The keys of the profile that was chosen. `export`: so many octets of the
/// exporter, without a context.
fn exported(
    srtp: Option<&UseSrtp>,
    export: impl FnOnce(usize) -> Option<Vec<u8>>,
) -> Option<Exported> {
    let srtp = srtp?;
    let &[profile] = &srtp.profiles[..] else {
        return None;
    };
    let suite = suite(profile)?;
    let octets = export(2 * (suite.key + suite.salt))?;
    // RFC 5764 4.2: client key, server key, client salt, server salt.
    let (keys, salts) = octets.split_at_checked(2 * suite.key)?;
    let (client_key, server_key) = keys.split_at_checked(suite.key)?;
    let (client_salt, server_salt) = salts.split_at_checked(suite.salt)?;
    Some(Exported {
        client: MasterKey::new(suite, &srtp.mki, client_key, client_salt)?,
        server: MasterKey::new(suite, &srtp.mki, server_key, server_salt)?,
    })
}
