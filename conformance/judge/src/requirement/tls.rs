//! TLS: TLS everywhere.

mod certificate;
mod early_data;
mod portal;
mod records;
mod suites;
mod version;

use lightleak_case::{TransportPath, Vantage};

use super::{Level, Quote, Reading, Requirement, Stimuli};
use crate::{
    dissect::{
        Flow, Span,
        tls::{ServerHello, TLS12, is_refusal},
    },
    presence::Need,
    seen::{Connection, Seen},
};

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
        expects: is_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["tls10-offer"]),
        indispensable: &["tls10-offer"],
        check: version::no_old_one,
    },
    Requirement {
        id: "TLS-03",
        level: Level::Must,
        standard: Level::Must,
        title: "no suite without encryption is negotiated, of TLS 1.2 or of TLS 1.3",
        source: Quote {
            document: "RFC 9325",
            clause: "4.1",
            text: "Implementations MUST NOT negotiate the cipher suites with NULL encryption.",
            read: Reading::InText,
        },
        expects: is_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["honest", "tls10-offer", "weak-suites"]),
        indispensable: &["weak-suites"],
        check: suites::encrypts,
    },
    Requirement {
        id: "TLS-05",
        level: Level::Must,
        standard: Level::Must,
        title: "no key exchange by static RSA or by Diffie-Hellman over a finite field in TLS 1.2",
        source: Quote {
            document: "RFC 10015",
            clause: "4",
            text: "Clients MUST NOT offer and servers MUST NOT select RSA cipher suites in (D)TLS 1.2 connections.",
            read: Reading::SecondHand,
        },
        expects: is_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["honest", "weak-suites"]),
        indispensable: &["weak-suites"],
        check: suites::no_obsolete_exchange,
    },
    Requirement {
        id: "TLS-06",
        level: Level::Must,
        standard: Level::Must,
        title: "suites with forward secrecy are supported and preferred",
        source: Quote {
            document: "RFC 9325",
            clause: "4.1",
            text: "Implementations MUST support and prefer to negotiate cipher suites offering forward secrecy.",
            read: Reading::InText,
        },
        expects: is_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["honest", "weak-suites"]),
        indispensable: &["weak-suites"],
        check: suites::forward_secrecy,
    },
    Requirement {
        id: "TLS-07",
        level: Level::Must,
        standard: Level::Must,
        title: "RSA keys have 2048 bits or more and curves 224, and nothing is signed with SHA-1 or MD5",
        source: Quote {
            document: "RFC 9325",
            clause: "4.5",
            text: "When using RSA, servers MUST authenticate using certificates with at least a 2048-bit modulus for the public key.",
            read: Reading::InText,
        },
        expects: is_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["honest", "weak-suites"]),
        indispensable: &["honest", "weak-suites"],
        check: certificate::is_strong,
    },
    Requirement {
        id: "TLS-10",
        level: Level::Must,
        standard: Level::Should,
        title: "port 80 and every other port that speaks HTTP in clear leads to https and gives nothing else",
        source: Quote {
            document: "RFC 9325",
            clause: "3.2",
            text: "Combining unprotected and TLS-protected communication opens the way to SSL Stripping and similar attacks, since an initial part of the communication is not integrity protected and therefore can be manipulated by an attacker whose goal is to keep the communication in the clear.",
            read: Reading::InText,
        },
        expects: is_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["port-sweep"]),
        indispensable: &["port-sweep"],
        check: portal::no_clear_service,
    },
    Requirement {
        id: "TLS-11",
        level: Level::Must,
        standard: Level::Must,
        title: "0-RTT data are not accepted, and no session ticket allows them",
        source: Quote {
            document: "RFC 9325",
            clause: "3.10",
            text: "To paraphrase Appendix E.5, applications MUST avoid this feature unless an explicit specification exists for the application protocol in question to clarify when 0-RTT is appropriate and secure.",
            read: Reading::InText,
        },
        expects: is_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["early-data"]),
        indispensable: &["early-data"],
        check: early_data::not_taken,
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
        expects: is_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["honest", "no-credentials", "wrong-credentials", "udp-setup"]),
        indispensable: &["honest"],
        check: records::and_nothing_else,
    },
    Requirement {
        id: "TLS-14",
        level: Level::Must,
        standard: Level::Must,
        title: "every protected record opens with the escrowed secrets, by the key schedule of its version",
        source: Quote {
            document: "RFC 8446",
            clause: "7.3",
            text: "The traffic keying material is generated from an input traffic secret value using: [sender]_write_key = HKDF-Expand-Label(Secret, \"key\", \"\", key_length)",
            read: Reading::InText,
        },
        expects: is_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&[
            "honest",
            "no-credentials",
            "wrong-credentials",
            "udp-setup",
            "early-data",
        ]),
        indispensable: &["honest"],
        check: records::open,
    },
];

fn is_tls(path: &TransportPath) -> bool {
    path.hop.begins_with_tls()
}

/// How a device answered a ClientHello.
enum Answer {
    /// It chose.
    Chose(ServerHello),
    /// It turned the offer down: with an alert, or by closing without a word.
    Refused,
    /// By something else, or not at all.
    Unclear,
}

impl Answer {
    fn of(flow: &Flow, connection: &Connection) -> Self {
        let chosen = connection.tls.as_ref().and_then(|tls| tls.server_hello);
        let closed = flow.from_b.bytes.is_empty() && flow.from_b.ended;
        match chosen {
            Some(hello) => Self::Chose(hello),
            None if closed || is_refusal(&flow.from_b) => Self::Refused,
            None => Self::Unclear,
        }
    }
}

/// Where a ServerHello lies, up to its version.
fn place(flow: &Flow, hello: &ServerHello) -> Option<Span> {
    /// Octets of a record with a hello up to its version.
    const HELLO_WITH_VERSION: usize = 11;
    flow.from_b.span(hello.at, HELLO_WITH_VERSION)
}

/// ServerHellos of the device, with their connections.
fn server_hellos<'a>(
    seen: &'a Seen<'_>,
) -> impl Iterator<Item = (&'a Flow, &'a Connection, ServerHello)> {
    seen.served().filter_map(|(flow, connection)| {
        let hello = connection.tls.as_ref()?.server_hello?;
        Some((flow, connection, hello))
    })
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
