//! TLS 1.3 (RFC 8446): record keys from the key log, records opened.

mod protection;

use crate::dissect::{
    Flow, Stream,
    tls::{self, Messages, Record, TlsReading},
};

use super::keylog::KeyLog;
use protection::{Keys, Suite};

/// finished.
const FINISHED: u8 = 20;
/// key_update.
const KEY_UPDATE: u8 = 24;

/// A connection, opened.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// Application data of `a`, a piece per record and packet: where its
    /// ciphertext lies, and when the packet that completed the record was
    /// captured.
    pub from_a: Stream,
    /// Application data of `b`.
    pub from_b: Stream,
    /// Records that were opened, of any inner type.
    pub records: u64,
    /// Octets of ciphertext, tags excluded, that were opened.
    pub ciphertext_bytes: u64,
    /// Why not every record of the connection was opened, if so; of two sides
    /// that stopped, the client.
    pub stopped: Option<OpenError>,
}

/// Why a connection could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The capture does not hold both hellos.
    #[error("the capture does not hold both hellos of the connection")]
    NoHello,
    /// It is another version than TLS 1.3.
    #[error("the connection is not TLS 1.3")]
    OtherVersion,
    /// The suite is none that we know.
    #[error("unknown cipher suite 0x{0:04x}")]
    UnknownSuite(u16),
    /// The key log has no such secret.
    #[error("the key log has no {0} for this connection")]
    MissingSecret(&'static str),
    /// A record did not authenticate, or is in clear where it must not be.
    #[error("record {index} of the {side} does not open with the escrowed key (packet {packet})")]
    BadRecord {
        /// Index of the record in its direction.
        index: usize,
        /// `client` or `server`.
        side: &'static str,
        /// Packet that holds the beginning of the record.
        packet: u64,
    },
    /// The capture misses octets of the connection.
    #[error("octets of the {side} are missing from the capture before packet {packet}")]
    Gap {
        /// `client` or `server`.
        side: &'static str,
        /// The packet after the gap, else the last one.
        packet: u64,
    },
}

/// Opens a TLS 1.3 connection with the key log. An error if nothing of it could
/// be opened; if only a part could, [`Opened::stopped`] says why. 0-RTT data
/// are not opened.
pub fn open(flow: &Flow, reading: &TlsReading, keys: &KeyLog) -> Result<Opened, OpenError> {
    let (Some(client), Some(server)) = (&reading.client_hello, &reading.server_hello) else {
        return Err(OpenError::NoHello);
    };
    if server.version != tls::TLS13 {
        return Err(OpenError::OtherVersion);
    }
    let suite = Suite::from_number(server.cipher_suite)
        .ok_or(OpenError::UnknownSuite(server.cipher_suite))?;
    let keys = |label| {
        let secret = keys.secret(label, &client.random);
        secret
            .and_then(|secret| Keys::new(suite, secret))
            .ok_or(OpenError::MissingSecret(label))
    };
    let a = Side {
        name: "client",
        stream: &flow.from_a,
        records: &reading.from_a,
        hello: tls::CLIENT_HELLO,
        handshake: "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        application: "CLIENT_TRAFFIC_SECRET_0",
    };
    let b = Side {
        name: "server",
        stream: &flow.from_b,
        records: &reading.from_b,
        hello: tls::SERVER_HELLO,
        handshake: "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        application: "SERVER_TRAFFIC_SECRET_0",
    };
    let (a, b) = (a.open(&keys), b.open(&keys));
    let opened = Opened {
        from_a: a.data,
        from_b: b.data,
        records: a.records + b.records,
        ciphertext_bytes: a.ciphertext_bytes + b.ciphertext_bytes,
        stopped: a.stopped.or(b.stopped),
    };
    match opened.stopped {
        Some(error) if opened.records == 0 => Err(error),
        _ => Ok(opened),
    }
}

/// What one side sent, to be opened.
struct Side<'a> {
    name: &'static str,
    stream: &'a Stream,
    records: &'a [Record],
    /// The only handshake message that it may send in clear.
    hello: u8,
    /// Label of its first secret.
    handshake: &'static str,
    /// Label of the secret after its Finished.
    application: &'static str,
}

/// What of one side could be opened.
#[derive(Default)]
struct OpenedSide {
    data: Stream,
    records: u64,
    ciphertext_bytes: u64,
    stopped: Option<OpenError>,
}

/// Which keys protect what a side sends.
enum Phase {
    /// None: no protected record was sent yet.
    Hello,
    Handshake(Keys),
    Application(Keys),
}

impl Side<'_> {
    fn open(&self, keys: &dyn Fn(&'static str) -> Result<Keys, OpenError>) -> OpenedSide {
        let mut opened = OpenedSide::default();
        opened.stopped = self.records(keys, &mut opened).err();
        if opened.stopped.is_none()
            && let Some(&gap) = self.stream.gaps.first()
        {
            let after = self.stream.piece(gap).or(self.stream.pieces.last());
            opened.stopped = Some(OpenError::Gap {
                side: self.name,
                packet: after.map_or(0, |piece| piece.packet),
            });
        }
        opened
    }

    fn records(
        &self,
        keys: &dyn Fn(&'static str) -> Result<Keys, OpenError>,
        opened: &mut OpenedSide,
    ) -> Result<(), OpenError> {
        let mut phase = Phase::Hello;
        let mut messages = Messages::default();
        for (index, record) in self.records.iter().enumerate() {
            let bad = || OpenError::BadRecord {
                index,
                side: self.name,
                packet: self.stream.place(record.at).map_or(0, |p| p.packet),
            };
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
                .open(record.header(self.stream), record.fragment(self.stream))
                .ok_or_else(bad)?;
            opened.records += 1;
            opened.ciphertext_bytes += inner.ciphertext as u64;
            match inner.content_type {
                tls::APPLICATION_DATA => self.push(record, &inner.content, &mut opened.data),
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
        let fragment = record.fragment(self.stream);
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

    /// Appends application data that a record brought. Every suite seals octet
    /// by octet, so each has its place in the ciphertext.
    fn push(&self, record: &Record, mut data: &[u8], to: &mut Stream) {
        let mut at = record.at + tls::HEADER;
        let Some(last) = self.stream.piece(at + record.length - 1) else {
            return;
        };
        while let Some(span) = self.stream.span(at, data.len()).filter(|s| s.length > 0) {
            let (here, rest) = data.split_at(span.length);
            to.push(here, span.packet, span.offset, last.time_ns);
            at += span.length;
            data = rest;
        }
    }
}

#[cfg(test)]
mod tests;
