//! TLS 1.2 (RFC 5246): record keys from the master secret in the key log,
//! records opened.

pub(super) mod protection;

use crate::dissect::{
    Flow,
    tls::{self, ClientHello, Messages, Record, ServerHello, TlsReading},
};

use super::{
    keylog::KeyLog,
    opened::{Anatomy, OpenError, OpenedSide, Side},
};
use protection::{KeyBlock, Keys, Suite};

/// Label of the master secret in a key log.
const MASTER_SECRET: &str = "CLIENT_RANDOM";
/// hello_request.
const HELLO_REQUEST: u8 = 0;
/// finished.
const FINISHED: u8 = 20;
/// Octets of verify_data of every suite (RFC 5246 7.4.9).
const VERIFY_DATA: usize = 12;
/// Handshake messages that a client sends in clear: client_hello, certificate,
/// client_key_exchange, certificate_verify.
const FROM_CLIENT: &[u8] = &[1, 11, 16, 15];
/// Handshake messages that a server sends in clear: hello_request, server_hello,
/// new_session_ticket (RFC 5077), certificate, server_key_exchange,
/// certificate_request, server_hello_done, certificate_status (RFC 6066).
const FROM_SERVER: &[u8] = &[HELLO_REQUEST, 2, 4, 11, 12, 13, 14, 22];

/// Opens both sides of a connection.
pub fn open(
    flow: &Flow,
    reading: &TlsReading,
    (client, server): (&ClientHello, &ServerHello),
    keys: &KeyLog,
) -> Result<(OpenedSide, OpenedSide), OpenError> {
    let suite = Suite::from_number(server.cipher_suite)?;
    let block = keys
        .secret(MASTER_SECRET, &client.random)
        .and_then(|secret| KeyBlock::new(suite, secret, &client.random, &server.random))
        .ok_or(OpenError::MissingSecret(MASTER_SECRET))?;
    let a = Side {
        name: "client",
        stream: &flow.from_a,
        records: &reading.from_a,
    };
    let b = Side {
        name: "server",
        stream: &flow.from_b,
        records: &reading.from_b,
    };
    Ok((
        a.open(|opened| records(&a, FROM_CLIENT, block.client, opened)),
        b.open(|opened| records(&b, FROM_SERVER, block.server, opened)),
    ))
}

/// How far a side is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before its change_cipher_spec: nothing is protected.
    Clear,
    /// Its Finished is next.
    Changed,
    /// After its Finished.
    Finished,
}

/// Opens the records of a side, which may send handshake messages of those
/// kinds in clear.
fn records(
    side: &Side<'_>,
    in_clear: &[u8],
    mut keys: Keys,
    opened: &mut OpenedSide,
) -> Result<(), OpenError> {
    let mut phase = Phase::Clear;
    let mut messages = Messages::default();
    for (index, record) in side.records.iter().enumerate() {
        let bad = || side.bad(index, record);
        if phase == Phase::Clear {
            let fragment = record.fragment(side.stream);
            match record.content_type {
                tls::HANDSHAKE => {
                    let complete = messages.push(record.at, fragment);
                    if complete.iter().any(|m| !in_clear.contains(&m.kind)) {
                        return Err(bad());
                    }
                }
                tls::CHANGE_CIPHER_SPEC if fragment == [1] && messages.is_empty() => {
                    phase = Phase::Changed;
                }
                tls::ALERT if fragment.len() == 2 => {}
                _ => return Err(bad()),
            }
            continue;
        }
        let content = keys
            .open(record, record.fragment(side.stream))
            .ok_or_else(bad)?;
        opened.records += 1;
        opened.ciphertext_bytes += content.len() as u64;
        opened.anatomy.push(Anatomy {
            at: record.at,
            content_type: record.content_type,
            nonce: keys.explicit_nonce(),
            content: content.len(),
            inside: (0, 0),
            tag: record
                .length
                .saturating_sub(keys.explicit_nonce() + content.len()),
        });
        match (record.content_type, phase) {
            (tls::HANDSHAKE, _) => {
                for message in messages.push(record.at, &content) {
                    let verifies = message.body.len() == VERIFY_DATA;
                    match (message.kind, phase) {
                        (FINISHED, Phase::Changed) if verifies => phase = Phase::Finished,
                        // A client may leave it unanswered.
                        (HELLO_REQUEST, Phase::Finished) => {}
                        (_, Phase::Finished) => return Err(renegotiation(side, record)),
                        _ => return Err(bad()),
                    }
                    opened.handshake.push(message);
                }
            }
            (tls::CHANGE_CIPHER_SPEC, Phase::Finished) => {
                return Err(renegotiation(side, record));
            }
            (tls::ALERT, _) => {}
            (_, Phase::Changed) => return Err(bad()),
            (tls::APPLICATION_DATA, _) => {
                side.push(record, keys.explicit_nonce(), &content, &mut opened.data);
            }
            _ => {}
        }
    }
    Ok(())
}

fn renegotiation(side: &Side<'_>, record: &Record) -> OpenError {
    OpenError::Renegotiation {
        side: side.name,
        packet: side.packet(record),
    }
}

#[cfg(test)]
mod tests;
