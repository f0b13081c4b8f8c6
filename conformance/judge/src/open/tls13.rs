//! TLS 1.3 (RFC 8446): record keys from the key log, records opened.

mod protection;

use crate::dissect::{
    Flow,
    tls::{self, ClientHello, Messages, Record, ServerHello, TlsReading},
};

use super::{
    keylog::KeyLog,
    opened::{Anatomy, OpenError, OpenedSide, Side},
};
use protection::{Keys, Suite};

/// finished.
const FINISHED: u8 = 20;
/// key_update.
const KEY_UPDATE: u8 = 24;

/// Opens both sides of a connection. 0-RTT data are not opened.
pub fn open(
    flow: &Flow,
    reading: &TlsReading,
    (client, server): (&ClientHello, &ServerHello),
    keys: &KeyLog,
) -> Result<(OpenedSide, OpenedSide), OpenError> {
    let suite = Suite::from_number(server.cipher_suite)
        .ok_or(OpenError::UnknownSuite(server.cipher_suite))?;
    let keys = |label| {
        let secret = keys.secret(label, &client.random);
        secret
            .and_then(|secret| Keys::new(suite, secret))
            .ok_or(OpenError::MissingSecret(label))
    };
    let a = Sender {
        side: Side {
            name: "client",
            stream: &flow.from_a,
            records: &reading.from_a,
        },
        hello: tls::CLIENT_HELLO,
        handshake: "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        application: "CLIENT_TRAFFIC_SECRET_0",
    };
    let b = Sender {
        side: Side {
            name: "server",
            stream: &flow.from_b,
            records: &reading.from_b,
        },
        hello: tls::SERVER_HELLO,
        handshake: "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        application: "SERVER_TRAFFIC_SECRET_0",
    };
    Ok((
        a.side.open(|opened| a.records(&keys, opened)),
        b.side.open(|opened| b.records(&keys, opened)),
    ))
}

/// A side of the connection, and what is its own in the handshake.
struct Sender<'a> {
    side: Side<'a>,
    /// The only handshake message that it may send in clear.
    hello: u8,
    /// Label of its first secret.
    handshake: &'static str,
    /// Label of the secret after its Finished.
    application: &'static str,
}

/// Which keys protect what a side sends.
enum Phase {
    /// None: no protected record was sent yet.
    Hello,
    Handshake(Keys),
    Application(Keys),
}

impl Sender<'_> {
    fn records(
        &self,
        keys: &dyn Fn(&'static str) -> Result<Keys, OpenError>,
        opened: &mut OpenedSide,
    ) -> Result<(), OpenError> {
        let mut phase = Phase::Hello;
        let mut messages = Messages::default();
        let side = &self.side;
        for (index, record) in side.records.iter().enumerate() {
            let bad = || side.bad(index, record);
            if record.content_type != tls::APPLICATION_DATA {
                if self.in_clear(record, &phase, &mut messages) {
                    continue;
                }
                return Err(bad());
            }
            if matches!(phase, Phase::Hello) {
                if !messages.is_empty() {
                    return Err(bad());
                }
                phase = Phase::Handshake(keys(self.handshake)?);
            }
            let (Phase::Handshake(current) | Phase::Application(current)) = &mut phase else {
                return Err(bad());
            };
            let inner = current
                .open(record.header(side.stream), record.fragment(side.stream))
                .ok_or_else(bad)?;
            opened.records += 1;
            opened.ciphertext_bytes += inner.ciphertext as u64;
            opened.anatomy.push(Anatomy {
                at: record.at,
                content_type: inner.content_type,
                nonce: 0,
                content: inner.content.len(),
                inside: (1, inner.ciphertext.saturating_sub(inner.content.len() + 1)),
                tag: record.length.saturating_sub(inner.ciphertext),
            });
            match inner.content_type {
                tls::APPLICATION_DATA => side.push(record, 0, &inner.content, &mut opened.data),
                tls::HANDSHAKE => {
                    for message in messages.push(record.at, &inner.content) {
                        match (message.kind, &mut phase) {
                            (FINISHED, Phase::Handshake(_)) => {
                                phase = Phase::Application(keys(self.application)?);
                            }
                            (KEY_UPDATE, Phase::Application(current)) => {
                                *current = current.updated().ok_or_else(bad)?;
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a side may send that record in clear: hellos and alerts as long
    /// as it has no keys, and change_cipher_spec up to its Finished
    /// (RFC 8446 5, D.4).
    fn in_clear(&self, record: &Record, phase: &Phase, messages: &mut Messages) -> bool {
        let fragment = record.fragment(self.side.stream);
        match (record.content_type, phase) {
            (tls::CHANGE_CIPHER_SPEC, Phase::Hello | Phase::Handshake(_)) => fragment == [1],
            (tls::HANDSHAKE, Phase::Hello) => messages
                .push(record.at, fragment)
                .iter()
                .all(|message| message.kind == self.hello),
            (tls::ALERT, Phase::Hello) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
