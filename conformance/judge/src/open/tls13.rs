//! TLS 1.3 (RFC 8446): record keys from the key log, records opened.

pub(super) mod protection;

use crate::dissect::{
    Flow, Stream,
    tls::{self, ClientHello, Messages, Record, ServerHello, TlsReading},
};

use super::{
    keylog::KeyLog,
    opened::{Anatomy, OpenError, OpenedSide, Side},
};
use protection::{Inner, Keys, Suite};

/// end_of_early_data.
const END_OF_EARLY_DATA: u8 = 5;
/// Label of the secret of 0-RTT data.
const EARLY: &str = "CLIENT_EARLY_TRAFFIC_SECRET";
/// finished.
const FINISHED: u8 = 20;
/// key_update.
const KEY_UPDATE: u8 = 24;

/// Opens both sides of a connection. 0-RTT data are opened too, and belong to
/// what the client said if the server took them.
pub fn open(
    flow: &Flow,
    reading: &TlsReading,
    (client, server): (&ClientHello, &ServerHello),
    keys: &KeyLog,
) -> Result<(OpenedSide, OpenedSide), OpenError> {
    let suite = Suite::from_number(server.cipher_suite)?;
    // 0-RTT data are protected by the suite of the session that is resumed.
    let early = client.early_data.then(|| {
        let secret = keys.secret(EARLY, &client.random).unwrap_or_default();
        let suites = Suite::ALL.iter();
        suites.filter_map(|s| Keys::new(*s, secret)).collect()
    });
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
        a.side.open(|opened| a.records(&keys, early, opened)),
        b.side.open(|opened| b.records(&keys, None, opened)),
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
    /// Those of 0-RTT data: any of these, until it is known which.
    Early(Vec<Keys>),
    Handshake(Keys),
    Application(Keys),
}

impl Phase {
    /// Whether keys of the handshake or later are in use.
    fn protects(&self) -> bool {
        matches!(self, Self::Handshake(_) | Self::Application(_))
    }

    /// Opens the next record as 0-RTT data, if it is that: whatever opens it
    /// opens the others.
    fn open_early(&mut self, header: &[u8], fragment: &[u8]) -> Option<Inner> {
        let Self::Early(candidates) = self else {
            return None;
        };
        let opens = |keys: &mut Keys| keys.open(header, fragment);
        let found = candidates.iter_mut().enumerate();
        let (which, inner) = found
            .filter_map(|(i, keys)| Some((i, opens(keys)?)))
            .next()?;
        let keys = candidates.swap_remove(which);
        *candidates = vec![keys];
        Some(inner)
    }
}

impl Sender<'_> {
    /// `early`: what may protect 0-RTT data, if they were announced.
    fn records(
        &self,
        keys: &dyn Fn(&'static str) -> Result<Keys, OpenError>,
        early: Option<Vec<Keys>>,
        opened: &mut OpenedSide,
    ) -> Result<(), OpenError> {
        let mut phase = match early {
            Some(candidates) => Phase::Early(candidates),
            None => Phase::Hello,
        };
        let mut messages = Messages::default();
        let mut early_data = Stream::default();
        let side = &self.side;
        for (index, record) in side.records.iter().enumerate() {
            let bad = || side.bad(index, record);
            if record.content_type != tls::APPLICATION_DATA {
                if self.in_clear(record, &phase, &mut messages) {
                    continue;
                }
                return Err(bad());
            }
            if !phase.protects() && !messages.is_empty() {
                return Err(bad());
            }
            let (header, fragment) = (record.header(side.stream), record.fragment(side.stream));
            let early = phase.open_early(header, fragment);
            let inner = match early {
                Some(inner) => inner,
                None => {
                    // Without its secret, 0-RTT data can be told from nothing.
                    let unknown = matches!(&phase, Phase::Early(keys) if keys.is_empty());
                    if !phase.protects() {
                        phase = Phase::Handshake(keys(self.handshake)?);
                    }
                    let (Phase::Handshake(current) | Phase::Application(current)) = &mut phase
                    else {
                        return Err(bad());
                    };
                    match current.open(header, fragment) {
                        Some(inner) => inner,
                        None if unknown => return Err(OpenError::MissingSecret(EARLY)),
                        None => return Err(bad()),
                    }
                }
            };
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
                tls::APPLICATION_DATA => {
                    let data = match phase {
                        Phase::Early(_) => &mut early_data,
                        _ => &mut opened.data,
                    };
                    side.push(record, 0, &inner.content, data);
                }
                tls::HANDSHAKE => {
                    for message in messages.push(record.at, &inner.content) {
                        match (message.kind, &mut phase) {
                            (FINISHED, Phase::Handshake(_)) => {
                                phase = Phase::Application(keys(self.application)?);
                            }
                            (KEY_UPDATE, Phase::Application(current)) => {
                                *current = current.updated().ok_or_else(bad)?;
                            }
                            (END_OF_EARLY_DATA, Phase::Early(_)) => {
                                phase = Phase::Handshake(keys(self.handshake)?);
                                opened.data = std::mem::take(&mut early_data);
                            }
                            _ => {}
                        }
                        opened.handshake.push(message);
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
            (tls::CHANGE_CIPHER_SPEC, Phase::Application(_)) => false,
            (tls::CHANGE_CIPHER_SPEC, _) => fragment == [1],
            (tls::HANDSHAKE, Phase::Hello | Phase::Early(_)) => messages
                .push(record.at, fragment)
                .iter()
                .all(|message| message.kind == self.hello),
            (tls::ALERT, Phase::Hello | Phase::Early(_)) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
