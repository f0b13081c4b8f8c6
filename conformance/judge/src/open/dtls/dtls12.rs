//! DTLS 1.2 (RFC 6347): records opened with keys from the master secret.

use super::{LABEL, OpenedDtls, OpenedEnd, exported};
use crate::{
    dissect::{
        Flow, Stream,
        dtls::{ClientHello, Fragments, Reading, Record, ServerHello},
        tls,
    },
    open::{
        keylog::KeyLog,
        opened::{Anatomy, OpenError},
        tls12::protection::{KeyBlock, Keys, Suite, prf},
    },
};

/// Label of the master secret in a key log.
const MASTER_SECRET: &str = "CLIENT_RANDOM";

pub fn open(
    flow: &Flow,
    reading: &Reading,
    (client, server): (&ClientHello, &ServerHello),
    keys: &KeyLog,
) -> Result<OpenedDtls, OpenError> {
    let suite = Suite::from_number(server.cipher_suite)?;
    let missing = OpenError::MissingSecret(MASTER_SECRET);
    let master = keys.secret(MASTER_SECRET, &client.random);
    let master = master.ok_or_else(|| missing.clone())?;
    let block = KeyBlock::new(suite, master, &client.random, &server.random).ok_or(missing)?;
    let export = |octets| {
        let seed = [client.random, server.random].concat();
        prf(suite.hash, master, LABEL, &seed, octets)
    };
    Ok(OpenedDtls {
        client: end(
            reading.from_client(flow),
            &reading.client.records,
            &block.client,
        ),
        server: end(
            reading.from_server(flow),
            &reading.server.records,
            &block.server,
        ),
        exported: exported(server.srtp.as_ref(), export),
        srtp: server.srtp.clone(),
    })
}

/// Only the first epoch that is protected is opened: who renegotiates has
/// other keys.
fn end(stream: &Stream, records: &[Record], keys: &Keys) -> OpenedEnd {
    let mut opened = OpenedEnd::default();
    let mut fragments = Fragments::default();
    for record in records.iter().filter(|record| record.epoch > 0) {
        let number = u64::from(record.epoch) << 48 | record.sequence;
        let kind = (record.content_type, record.version);
        let content = match record.epoch {
            1 => keys.open_at(number, kind, record.fragment(stream)),
            _ => None,
        };
        let Some(content) = content else {
            opened.refused.push(record.at);
            continue;
        };
        let nonce = keys.explicit_nonce();
        opened.records.push(Anatomy {
            at: record.at,
            content_type: record.content_type,
            nonce,
            content: content.len(),
            inside: (0, 0),
            tag: record.length.saturating_sub(nonce + content.len()),
        });
        opened.take(stream, record, record.content_type, &content);
        if record.content_type == tls::HANDSHAKE {
            opened.handshake.extend(fragments.push(record.at, &content));
        }
    }
    opened
}
