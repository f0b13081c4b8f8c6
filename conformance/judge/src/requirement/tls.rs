//! TLS: TLS everywhere.

use lightleak_case::{Hop, Vantage};

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence};
use crate::{
    dissect::tls::{HEADER, is_refusal},
    presence::Need,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

pub(super) const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;
/// Octets of a record with a hello up to its version.
const HELLO_WITH_VERSION: usize = 11;

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "TLS-01",
        level: Level::Must,
        standard: Level::Must,
        title: "SSL 2, SSL 3, TLS 1.0 and TLS 1.1 are not negotiated",
        source: Quote {
            document: "RFC 9325",
            clause: "3.1.1",
            text: "Implementations MUST NOT negotiate TLS version 1.0 [RFC2246].",
            read: Reading::InText,
        },
        expects: |path| path.hop == Hop::Tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["tls10-offer"]),
        indispensable: &["tls10-offer"],
        check: no_old_version,
    },
    Requirement {
        id: "TLS-12",
        level: Level::Must,
        standard: Level::Must,
        title: "after the handshake every octet of a TLS 1.3 connection is in a record of type application_data and version 0x0303",
        source: Quote {
            document: "RFC 8446",
            clause: "5.2",
            text: "The outer opaque_type field of a TLSCiphertext record is always set to the value 23 (application_data) for outward compatibility with middleboxes accustomed to parsing previous versions of TLS.",
            read: Reading::InText,
        },
        expects: |path| path.hop == Hop::Tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["honest", "no-credentials", "wrong-credentials", "udp-setup"]),
        indispensable: &["honest"],
        check: only_records,
    },
];

fn no_old_version(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut unclear = Vec::new();
    let mut refused = 0;
    for (flow, connection) in seen.served() {
        let Some(tls) = &connection.tls else { continue };
        if let Some(hello) = tls.server_hello.filter(|h| h.version < TLS12)
            && let Some(span) = flow.from_b.span(hello.at, HELLO_WITH_VERSION)
        {
            let why = format!("a ServerHello of {}", version(hello.version));
            found.push(evidence(seen, span, why));
            continue;
        }
        let Some(offer) = &tls.client_hello else {
            continue;
        };
        if offer.highest_version() >= TLS12 {
            continue;
        }
        let closed = flow.from_b.bytes.is_empty() && flow.from_b.ended;
        if closed || is_refusal(&flow.from_b) {
            refused += 1;
        } else {
            unclear.push(format!(
                "the offer of {} in packet {} was answered by something that is neither ServerHello nor alert, or not at all",
                version(offer.highest_version()),
                flow.first_packet
            ));
        }
    }
    match (found.first(), unclear.into_iter().next()) {
        (Some(first), _) => Outcome::Fail(format!("{} was sent", first.why), found),
        (None, Some(why)) => Outcome::Inconclusive(why),
        (None, None) => Outcome::Pass(
            Assurance::Identified,
            format!("{refused} offers of old versions were refused"),
        ),
    }
}

fn only_records(seen: &Seen<'_>, _: Vantage) -> Outcome {
    const CHANGE_CIPHER_SPEC: u8 = 20;
    const APPLICATION_DATA: u8 = 23;
    let mut found = Vec::new();
    let (mut records, mut others) = (0, 0);
    for (flow, connection) in seen.served() {
        let Some(tls) = &connection.tls else { continue };
        if let Some(at) = tls.residue_b {
            let length = flow.from_b.bytes.len() - at;
            if let Some(span) = flow.from_b.span(at, length) {
                let why = format!("{length} octets on the connection that are in no record");
                found.push(evidence(seen, span, why));
            }
        }
        let Some(hello) = tls.server_hello.filter(|h| h.version == TLS13) else {
            others += usize::from(tls.server_hello.is_some());
            continue;
        };
        for record in tls.from_b.iter().filter(|r| r.at > hello.at) {
            // RFC 8446 appendix D.4: a change_cipher_spec for middleboxes.
            let compatibility =
                record.content_type == CHANGE_CIPHER_SPEC && record.fragment(&flow.from_b) == [1];
            let ciphertext = record.content_type == APPLICATION_DATA && record.version == TLS12;
            records += usize::from(ciphertext);
            let span = flow.from_b.span(record.at, HEADER + record.length);
            if let (false, Some(span)) = (compatibility || ciphertext, span) {
                let why = format!(
                    "a record of type {} and version 0x{:04x} after the handshake",
                    record.content_type, record.version
                );
                found.push(evidence(seen, span, why));
            }
        }
    }
    match found.first() {
        Some(first) => Outcome::Fail(first.why.clone(), found),
        None if records > 0 => Outcome::Pass(
            Assurance::Identified,
            format!("{records} records of the device, and nothing else"),
        ),
        None if others > 0 => Outcome::NotApplicable(
            "the device chose another version than TLS 1.3 on every connection".into(),
        ),
        None => Outcome::Inconclusive("no TLS connection with the device was seen".into()),
    }
}

/// The name of a version.
pub(super) fn version(version: u16) -> String {
    match version {
        0x0002 => "SSL 2".into(),
        0x0300 => "SSL 3".into(),
        0x0301 => "TLS 1.0".into(),
        0x0302 => "TLS 1.1".into(),
        other => format!("version 0x{other:04x}"),
    }
}
