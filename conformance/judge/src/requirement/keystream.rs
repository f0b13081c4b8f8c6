//! XC-04: no keystream seals two different messages.

use std::collections::HashMap;

use lightleak_case::Vantage;

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence_at};
use crate::{
    adversary::cryptanalyst::keystream::{self, Reuse},
    dissect::{Span, Stream, tls},
    open::{Anatomy, age, srtp::Part},
    presence::Need,
    seen::Seen,
    stored::Content,
    verdict::{Assurance, Evidence, Outcome},
};

pub(super) const ROWS: &[Requirement] = &[Requirement {
    id: "XC-04",
    level: Level::Must,
    standard: Level::Must,
    title: "no two different messages are sealed with one keystream (two-time pad)",
    source: Quote {
        document: "RFC 3711",
        clause: "9.1",
        text: "Any fixed keystream output, generated from the same key and index MUST only be used to encrypt once.",
        read: Reading::InText,
    },
    expects: |_| true,
    vantages: &[Vantage::Wire, Vantage::Rest],
    needs: &[Need::Tap, Need::Device],
    stimuli: Stimuli::All,
    indispensable: &["honest"],
    check: no_reuse,
}];

/// Octets of keystream that must agree: chance has no part in it.
const AGREE: usize = 32;

/// Ciphertext of one call of the cipher.
struct Message<'a> {
    file: Option<&'a str>,
    at: Span,
    ciphertext: &'a [u8],
    /// What it holds, where it was opened.
    plaintext: Option<&'a [u8]>,
}

fn no_reuse(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let mut messages = match vantage {
        Vantage::Wire => on_the_wire(seen),
        _ => at_rest(seen),
    };
    let sealed: Vec<_> = messages.extract_if(.., |m| m.plaintext.is_none()).collect();
    let opened = messages;
    let mut found = with_plaintext(seen, vantage, &opened);
    found.extend(with_ledger(seen, vantage, &sealed));
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    match (opened.len(), sealed.len()) {
        (0, 0) => Outcome::Pass(Assurance::Absence, "no ciphertext was seen".into()),
        (opened, 0) => Outcome::Pass(
            Assurance::Opened,
            format!("{opened} messages were opened, each under a keystream of its own"),
        ),
        (_, sealed) => Outcome::Pass(
            Assurance::Absence,
            format!("{sealed} messages that were not opened show no common keystream"),
        ),
    }
}

/// Ciphertext and plaintext together are the keystream.
fn with_plaintext(seen: &Seen<'_>, vantage: Vantage, opened: &[Message<'_>]) -> Vec<Evidence> {
    let mut known: HashMap<[u8; AGREE], &Message<'_>> = HashMap::new();
    let mut found = Vec::new();
    for message in opened {
        let plaintext = message.plaintext.unwrap_or_default();
        let (Some(sealed), Some(plain)) = (
            message.ciphertext.first_chunk::<AGREE>(),
            plaintext.first_chunk::<AGREE>(),
        ) else {
            continue;
        };
        let stream = std::array::from_fn(|i| sealed[i] ^ plain[i]);
        let first = *known.entry(stream).or_insert(message);
        if first.ciphertext != message.ciphertext {
            found.push(reuse(seen, vantage, first, message));
        }
    }
    found
}

/// What nobody opened, with what may be in it.
fn with_ledger(seen: &Seen<'_>, vantage: Vantage, sealed: &[Message<'_>]) -> Vec<Evidence> {
    if sealed.len() < 2 {
        return Vec::new();
    }
    let ciphertexts: Vec<&[u8]> = sealed.iter().map(|m| m.ciphertext).collect();
    let tracks = seen.session.ledger.tracks.values();
    let plaintexts: Vec<&[u8]> = tracks
        .flat_map(|track| {
            let units = track.units.iter();
            units.filter_map(|u| track.bytes.get(u.offset..u.offset + u.length))
        })
        .collect();
    let reuses = keystream::with_ledger(&ciphertexts, &plaintexts);
    let pair = |reuse_: &Reuse| {
        let (a, b) = reuse_.messages;
        Some(reuse(seen, vantage, sealed.get(a)?, sealed.get(b)?))
    };
    reuses.iter().filter_map(pair).collect()
}

fn reuse(seen: &Seen<'_>, vantage: Vantage, a: &Message<'_>, b: &Message<'_>) -> Evidence {
    let name = |m: &Message<'_>| match m.file {
        Some(file) => format!("offset {} of {file}", m.at.offset),
        None => format!("packet {}", m.at.packet),
    };
    let why = format!(
        "the messages at {} and {} are sealed with one keystream and differ",
        name(a),
        name(b)
    );
    evidence_at(seen, (vantage, b.file, b.at), why)
}

/// Records of TLS that were opened; other flows message by message.
fn on_the_wire<'a>(seen: &'a Seen<'_>) -> Vec<Message<'a>> {
    let mut messages = Vec::new();
    for (flow, connection) in seen.flows() {
        let Some(opened) = connection.opened() else {
            continue;
        };
        for (stream, data, records) in [
            (&flow.from_a, &opened.from_a, &opened.records_a),
            (&flow.from_b, &opened.from_b, &opened.records_b),
        ] {
            messages.extend(records_of(stream, data, records));
        }
    }
    messages.extend(packets(seen));
    messages
}

/// Packets of SRTP and SRTCP that were opened, without the CSRCs of Cryptex.
fn packets<'a>(seen: &'a Seen<'_>) -> impl Iterator<Item = Message<'a>> {
    let carriers = seen.secured.carriers.iter();
    let carried = carriers.filter_map(|carrier| Some((carrier, seen.carried(carrier)?)));
    carried.flat_map(|(carrier, stream)| {
        let opened = carrier.opened();
        opened.filter_map(move |(packet, found)| {
            let parts = found.opened.layout.parts.iter();
            let (range, _) = parts.rev().find(|(_, part)| *part == Part::Sealed)?;
            let at = packet.range.start + range.start;
            let plaintext = &found.opened.plaintext;
            Some(Message {
                file: None,
                at: stream.span(at, range.len())?,
                ciphertext: stream.bytes.get(at..at + range.len())?,
                plaintext: plaintext.get(plaintext.len().checked_sub(range.len())?..),
            })
        })
    })
}

fn records_of<'a>(
    stream: &'a Stream,
    data: &'a Stream,
    records: &'a [Anatomy],
) -> impl Iterator<Item = Message<'a>> {
    let mut from = 0;
    let records = records
        .iter()
        .filter(|r| r.content_type == tls::APPLICATION_DATA);
    records.filter_map(move |record| {
        let plaintext = data.bytes.get(from..from + record.content);
        from += record.content;
        let at = record.at + tls::HEADER + record.nonce;
        Some(Message {
            file: None,
            at: stream.span(at, record.content)?,
            ciphertext: stream.bytes.get(at..at + record.content)?,
            plaintext: Some(plaintext?),
        })
    })
}

/// Chunks of age files; of files that nobody opened, their payload in chunks of
/// the same size.
fn at_rest<'a>(seen: &'a Seen<'_>) -> Vec<Message<'a>> {
    let mut messages = Vec::new();
    for file in &seen.stored {
        let at = |range: &std::ops::Range<usize>| Span {
            packet: 0,
            offset: range.start,
            length: range.len(),
        };
        match (&file.content, file.clip()) {
            (_, Some(clip)) => {
                for chunk in &clip.file.chunks {
                    let plaintext = clip.file.plaintext.get(chunk.plaintext.clone());
                    messages.extend(file.octets.get(chunk.sealed.clone()).map(|ciphertext| {
                        Message {
                            file: Some(file.name),
                            at: at(&chunk.sealed),
                            ciphertext,
                            plaintext,
                        }
                    }));
                }
            }
            (Content::Sealed(_) | Content::Envelope(Err(_)) | Content::Unknown, None) => {
                let chunks = file.octets.chunks(age::CHUNK + age::TAG).enumerate();
                messages.extend(chunks.map(|(index, ciphertext)| {
                    let start = index * (age::CHUNK + age::TAG);
                    Message {
                        file: Some(file.name),
                        at: at(&(start..start + ciphertext.len())),
                        ciphertext,
                        plaintext: None,
                    }
                }));
            }
            _ => {}
        }
    }
    messages
}
