//! What labs and authorities ask for, and which requirements bear on it. A mapping
//! says that a finding is evidence for a clause, never that the clause is met: each of
//! them asks for more than what can be seen of a picture on its way.

use super::{Reading, all};

/// A catalogue of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Framework {
    /// ETSI EN 303 645, the baseline for consumer IoT.
    En303645,
    /// ETSI TS 103 701, how conformance to EN 303 645 is assessed.
    Ts103701,
    /// EN 18031-1, radio equipment on the internet.
    En18031Part1,
    /// EN 18031-2, radio equipment that processes personal data.
    En18031Part2,
    /// Annex I of the Cyber Resilience Act.
    Cra,
    /// NIST IR 8425, the consumer profile of the IoT core baseline.
    Nistir8425,
    /// Specifications of ONVIF.
    Onvif,
    /// Matter.
    Matter,
}

impl Framework {
    /// All of them.
    pub const ALL: &[Framework] = &[
        Framework::En303645,
        Framework::Ts103701,
        Framework::En18031Part1,
        Framework::En18031Part2,
        Framework::Cra,
        Framework::Nistir8425,
        Framework::Onvif,
        Framework::Matter,
    ];

    /// Its name on a command line.
    pub fn id(self) -> &'static str {
        match self {
            Framework::En303645 => "en-303-645",
            Framework::Ts103701 => "ts-103-701",
            Framework::En18031Part1 => "en-18031-1",
            Framework::En18031Part2 => "en-18031-2",
            Framework::Cra => "cra",
            Framework::Nistir8425 => "nist-ir-8425",
            Framework::Onvif => "onvif",
            Framework::Matter => "matter",
        }
    }

    /// Document, with its edition; ONVIF's clauses name theirs.
    pub fn document(self) -> &'static str {
        match self {
            Framework::En303645 => "ETSI EN 303 645 V2.1.1",
            Framework::Ts103701 => "ETSI TS 103 701 V1.1.1",
            Framework::En18031Part1 => "EN 18031-1:2024",
            Framework::En18031Part2 => "EN 18031-2:2024",
            Framework::Cra => "Regulation (EU) 2024/2847",
            Framework::Nistir8425 => "NIST IR 8425",
            Framework::Onvif => "ONVIF",
            Framework::Matter => "Matter 1.6 Application Clusters",
        }
    }

    /// The framework of that name.
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.id() == id)
    }
}

/// A clause of a framework that a requirement bears on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The framework.
    pub framework: Framework,
    /// The clause.
    pub clause: &'static str,
    /// How the clause was read.
    pub read: Reading,
}

/// The clauses that a requirement bears on; nothing for an id that is none.
pub fn of(requirement: &str) -> impl Iterator<Item = Mapping> {
    let rows = OF.iter().filter(move |(ids, _)| ids.contains(&requirement));
    let themes = rows.flat_map(|(_, themes)| *themes);
    themes.flat_map(|theme| theme.iter().copied())
}

/// Clauses of a framework in their order, each with the requirements that bear on it in
/// the catalogue's.
pub fn clauses(framework: Framework) -> Vec<(Mapping, Vec<&'static str>)> {
    let mut clauses: Vec<(Mapping, Vec<_>)> = Vec::new();
    for row in all() {
        for mapping in of(row.id).filter(|mapping| mapping.framework == framework) {
            match clauses
                .iter_mut()
                .find(|(of, _)| of.clause == mapping.clause)
            {
                // Two of its themes may share a clause.
                Some((_, ids)) if ids.last() == Some(&row.id) => {}
                Some((_, ids)) => ids.push(row.id),
                None => clauses.push((mapping, vec![row.id])),
            }
        }
    }
    clauses.sort_by_key(|(mapping, _)| order(mapping.clause));
    clauses
}

/// Numbers in a clause count as numbers.
fn order(clause: &str) -> Vec<(u64, String)> {
    let parts = clause.split(['.', '-', ' ', ',']);
    parts
        .map(|part| (part.parse().unwrap_or(0), part.to_owned()))
        .collect()
}

/// What several requirements have in common.
type Theme = &'static [Mapping];

const fn second_hand(framework: Framework, clause: &'static str) -> Mapping {
    Mapping {
        framework,
        clause,
        read: Reading::SecondHand,
    }
}

const fn in_text(framework: Framework, clause: &'static str) -> Mapping {
    Mapping {
        framework,
        clause,
        read: Reading::InText,
    }
}

use Framework::{Cra, En18031Part1, En18031Part2, En303645, Matter, Nistir8425, Onvif, Ts103701};

/// What leaves the device cannot be read on its way.
const CONFIDENTIALITY: Theme = &[
    second_hand(En303645, "5.5-1"),
    second_hand(En303645, "5.8-2"),
    second_hand(Ts103701, "5.5-1"),
    second_hand(Ts103701, "5.8-2"),
    second_hand(En18031Part1, "SCM-3"),
    second_hand(En18031Part2, "SCM-3"),
    second_hand(Cra, "Annex I Part I (2)(e)"),
    second_hand(Nistir8425, "Data Protection 3"),
];

/// What was changed on its way is noticed.
const INTEGRITY: Theme = &[
    second_hand(En303645, "5.5-1"),
    second_hand(Ts103701, "5.5-1"),
    second_hand(En18031Part1, "SCM-2"),
    second_hand(En18031Part2, "SCM-2"),
    second_hand(Cra, "Annex I Part I (2)(f)"),
    second_hand(Nistir8425, "Data Protection 3"),
];

/// What was sent once is not taken twice.
const REPLAY: Theme = &[
    second_hand(En303645, "5.5-1"),
    second_hand(Ts103701, "5.5-1"),
    second_hand(En18031Part1, "SCM-4"),
    second_hand(En18031Part2, "SCM-4"),
    second_hand(Cra, "Annex I Part I (2)(f)"),
];

/// Algorithms, key schedules and nonces are as published.
const CRYPTOGRAPHY: Theme = &[
    second_hand(En303645, "5.5-1"),
    second_hand(Ts103701, "5.5-1"),
    second_hand(En18031Part1, "CRY-1"),
    second_hand(En18031Part2, "CRY-1"),
    second_hand(Cra, "Annex I Part I (2)(e)"),
    second_hand(Nistir8425, "Data Protection 3"),
];

/// Keys are random and of one use, one device, one session.
const KEYS: Theme = &[
    second_hand(En303645, "5.5-1"),
    second_hand(Ts103701, "5.5-1"),
    second_hand(En18031Part1, "CCK-2"),
    second_hand(En18031Part2, "CCK-2"),
    second_hand(Cra, "Annex I Part I (2)(e)"),
];

/// No key or password comes with the firmware or is made of what is known of a unit.
const UNIQUE_KEYS: Theme = &[
    second_hand(En303645, "5.4-3"),
    second_hand(En303645, "5.4-4"),
    second_hand(Ts103701, "5.4-3"),
    second_hand(Ts103701, "5.4-4"),
    second_hand(En18031Part1, "CCK-3"),
    second_hand(En18031Part2, "CCK-3"),
    second_hand(Cra, "Annex I Part I (2)(d)"),
];

/// Keys and passwords do not travel in clear.
const SECRETS_IN_TRANSIT: Theme = &[
    second_hand(En303645, "5.5-7"),
    second_hand(Ts103701, "5.5-7"),
    second_hand(En18031Part1, "SCM-3"),
    second_hand(En18031Part2, "SCM-3"),
    second_hand(Cra, "Annex I Part I (2)(e)"),
    second_hand(Nistir8425, "Data Protection 3"),
];

/// Who is at the other end is known.
const OTHER_END: Theme = &[
    second_hand(En303645, "5.5-1"),
    second_hand(Ts103701, "5.5-1"),
    second_hand(En18031Part1, "SCM-2"),
    second_hand(En18031Part2, "SCM-2"),
    second_hand(Cra, "Annex I Part I (2)(d)"),
];

/// Who shows no credentials gets and changes nothing.
const ACCESS: Theme = &[
    second_hand(En303645, "5.5-5"),
    second_hand(Ts103701, "5.5-5"),
    second_hand(En18031Part1, "AUM-1-1"),
    second_hand(En18031Part2, "AUM-1-1"),
    second_hand(Cra, "Annex I Part I (2)(d)"),
    second_hand(Nistir8425, "Interface Access Control"),
];

/// Passwords of units differ.
const PASSWORDS: Theme = &[
    second_hand(En303645, "5.1-1"),
    second_hand(En303645, "5.1-2"),
    second_hand(Ts103701, "5.1-1"),
    second_hand(Ts103701, "5.1-2"),
    second_hand(En18031Part1, "AUM-5-1"),
    second_hand(En18031Part2, "AUM-5-1"),
    second_hand(Cra, "Annex I Part I (2)(d)"),
];

/// No door is open that nobody needs.
const INTERFACES: Theme = &[
    second_hand(En303645, "5.6-1"),
    second_hand(Ts103701, "5.6-1"),
    second_hand(En18031Part1, "GEC-2"),
    second_hand(En18031Part2, "GEC-2"),
    second_hand(Cra, "Annex I Part I (2)(j)"),
    second_hand(Nistir8425, "Interface Access Control"),
];

/// Strangers are told little.
const DISCLOSURE: Theme = &[
    second_hand(En303645, "5.6-2"),
    second_hand(Ts103701, "5.6-2"),
    second_hand(Cra, "Annex I Part I (2)(j)"),
];

/// What is stored cannot be read by who holds the card. EN 303 645 speaks of what the
/// device's security rests on, not of recordings.
const STORED: Theme = &[
    second_hand(En18031Part2, "SSM-3"),
    second_hand(Cra, "Annex I Part I (2)(e)"),
    second_hand(Nistir8425, "Data Protection 1"),
];

/// What was changed in store is noticed.
const STORED_INTEGRITY: Theme = &[
    second_hand(En18031Part2, "SSM-2"),
    second_hand(Cra, "Annex I Part I (2)(f)"),
    second_hand(Nistir8425, "Data Protection 1"),
];

/// Keys and passwords are stored securely.
const STORED_SECRETS: Theme = &[
    second_hand(En303645, "5.4-1"),
    second_hand(Ts103701, "5.4-1"),
    second_hand(En18031Part1, "SSM-3"),
    second_hand(En18031Part2, "SSM-3"),
    second_hand(Cra, "Annex I Part I (2)(e)"),
];

/// What was erased stays unread.
const ERASURE: Theme = &[
    second_hand(En303645, "5.11-1"),
    second_hand(Ts103701, "5.11-1"),
    second_hand(En18031Part2, "DLM-1"),
    second_hand(Cra, "Annex I Part I (2)(m)"),
    second_hand(Nistir8425, "Data Protection 2"),
];

/// End-to-end encryption of WebRTC media, as Matter offers it.
const SFRAME_CONFIG: Theme = &[in_text(
    Matter,
    "WebRTC Transport Provider (0x0553), SFrameConfig in SolicitOffer and ProvideOffer",
)];

const ONVIF_UNICAST: Theme = &[in_text(Onvif, "Media2 Service Specification 24.06, 5.4.1")];
const ONVIF_MULTICAST: Theme = &[in_text(Onvif, "Media2 Service Specification 24.06, 5.6.1")];
const ONVIF_ACCESS: Theme = &[in_text(Onvif, "Core Specification 25.12, 5.9.1")];
const ONVIF_DIGEST: Theme = &[second_hand(Onvif, "Core Specification 25.12, 5.9.3")];
const ONVIF_SRTP: Theme = &[in_text(Onvif, "Streaming Specification 26.06, 5.1.1.4")];
const ONVIF_HTTPS: Theme = &[in_text(Onvif, "Streaming Specification 26.06, 5.1.1.5")];
const ONVIF_WEBSOCKET: Theme = &[in_text(Onvif, "Streaming Specification 26.06, 5.1.1.6")];
const ONVIF_ALGORITHMS: Theme = &[in_text(Onvif, "Streaming Specification 26.06, 8.1")];
const ONVIF_MIKEY: Theme = &[in_text(Onvif, "Streaming Specification 26.06, 8.2")];
const ONVIF_RE_KEY: Theme = &[in_text(Onvif, "Streaming Specification 26.06, 8.2.1.2")];
const ONVIF_TLS: Theme = &[in_text(
    Onvif,
    "Security Service Specification 26.06, 5.3.3.13",
)];

/// Every requirement once, with what it bears on.
const OF: &[(&[&str], &[Theme])] = &[
    (&["XC-01", "XC-05", "XC-07"], &[CONFIDENTIALITY, STORED]),
    (&["XC-02"], &[INTERFACES]),
    (&["XC-03"], &[CONFIDENTIALITY, STORED]),
    (&["XC-04"], &[CRYPTOGRAPHY]),
    (&["XC-06"], &[CONFIDENTIALITY]),
    (
        &["SRTP-01", "SRTP-05", "SRTP-17", "SRTP-19", "SRTP-20"],
        &[CONFIDENTIALITY],
    ),
    (
        &["SRTP-02", "SRTP-03", "SRTP-04", "SRTP-08", "SRTP-18"],
        &[INTEGRITY],
    ),
    (&["SRTP-06", "SRTP-07"], &[REPLAY]),
    (
        &[
            "SRTP-09", "SRTP-10", "SRTP-11", "SRTP-14", "SRTP-15", "SRTP-16", "SRTP-21",
        ],
        &[CRYPTOGRAPHY],
    ),
    (&["SRTP-12"], &[KEYS]),
    (&["SRTP-13"], &[KEYS, UNIQUE_KEYS]),
    (
        &["GCM-01", "GCM-02", "GCM-03", "GCM-05", "GCM-06"],
        &[CRYPTOGRAPHY],
    ),
    (&["GCM-04"], &[INTEGRITY]),
    (&["HDR-01", "HDR-02"], &[CONFIDENTIALITY]),
    (
        &["DTLS-01", "DTLS-02", "DTLS-06", "DTLS-09"],
        &[CONFIDENTIALITY],
    ),
    (&["DTLS-03", "DTLS-07"], &[CRYPTOGRAPHY]),
    (&["DTLS-04", "DTLS-05", "DTLS-10", "WSIG-02"], &[OTHER_END]),
    (&["DTLS-11"], &[UNIQUE_KEYS]),
    (&["SDES-01"], &[SECRETS_IN_TRANSIT]),
    (&["SDES-02"], &[CONFIDENTIALITY, INTEGRITY]),
    (&["SDES-03"], &[KEYS]),
    (&["WRTC-01", "WRTC-02", "WRTC-04"], &[CONFIDENTIALITY]),
    (&["WRTC-03"], &[SECRETS_IN_TRANSIT]),
    (&["WRTC-05", "WRTC-06"], &[CRYPTOGRAPHY]),
    (&["WRTC-08"], &[CONFIDENTIALITY]),
    (&["WRTC-09"], &[SECRETS_IN_TRANSIT, STORED_SECRETS]),
    (&["WRTC-10"], &[INTEGRITY]),
    (&["WHIP-01"], &[SECRETS_IN_TRANSIT, CONFIDENTIALITY]),
    (&["WHIP-02", "WHIP-03", "WHEP-01"], &[ACCESS]),
    (
        &["SFR-01", "SFR-02", "SFR-03", "SFR-04", "SFR-08"],
        &[CRYPTOGRAPHY, SFRAME_CONFIG],
    ),
    (&["SFR-05"], &[INTEGRITY, SFRAME_CONFIG]),
    (&["SFR-06"], &[KEYS, SFRAME_CONFIG]),
    (&["SFR-11"], &[CONFIDENTIALITY, SFRAME_CONFIG]),
    (&["SFR-13"], &[ACCESS, CONFIDENTIALITY]),
    (&["SFR-15"], &[OTHER_END, CONFIDENTIALITY]),
    (&["SFR-16"], &[REPLAY]),
    (&["RTSP-01"], &[CONFIDENTIALITY, ONVIF_UNICAST]),
    (&["RTSP-02"], &[SECRETS_IN_TRANSIT, ONVIF_SRTP]),
    (&["RTSP-03"], &[SECRETS_IN_TRANSIT, ONVIF_SRTP]),
    (
        &["RTSP-04", "RTSP-15"],
        &[CONFIDENTIALITY, ONVIF_ALGORITHMS],
    ),
    (&["RTSP-05"], &[CRYPTOGRAPHY, ONVIF_SRTP]),
    (
        &["RTSP-06"],
        &[SECRETS_IN_TRANSIT, STORED_SECRETS, ONVIF_MIKEY],
    ),
    (&["RTSP-07"], &[CRYPTOGRAPHY, ONVIF_MIKEY]),
    (&["RTSP-08"], &[CRYPTOGRAPHY, ONVIF_RE_KEY]),
    (&["RTSP-09"], &[ACCESS, ONVIF_ACCESS]),
    (&["RTSP-11"], &[SECRETS_IN_TRANSIT, ONVIF_DIGEST]),
    (&["RTSP-12"], &[CONFIDENTIALITY, ONVIF_HTTPS]),
    (&["RTSP-13"], &[CONFIDENTIALITY, ONVIF_WEBSOCKET]),
    (&["RTSP-14"], &[CONFIDENTIALITY, ONVIF_MULTICAST]),
    (&["RTMP-01"], &[CONFIDENTIALITY]),
    (&["TLS-01"], &[CRYPTOGRAPHY, ONVIF_TLS]),
    (
        &["TLS-03", "TLS-05", "TLS-06", "TLS-07", "TLS-14"],
        &[CRYPTOGRAPHY],
    ),
    (&["TLS-10", "TLS-12"], &[CONFIDENTIALITY]),
    (&["TLS-11"], &[REPLAY]),
    (&["STO-01", "STO-05"], &[STORED]),
    (&["STO-02"], &[STORED_INTEGRITY]),
    (&["STO-03"], &[STORED, KEYS]),
    (&["STO-04", "STO-06"], &[STORED_SECRETS, STORED]),
    (&["STO-07"], &[ERASURE]),
    (&["STO-09"], &[STORED_INTEGRITY, CRYPTOGRAPHY]),
    (&["IOT-01"], &[PASSWORDS]),
    (&["IOT-03"], &[UNIQUE_KEYS]),
    (&["IOT-06"], &[ACCESS]),
    (&["IOT-07"], &[SECRETS_IN_TRANSIT]),
    (&["IOT-08"], &[DISCLOSURE]),
    (&["IOT-09"], &[CONFIDENTIALITY]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_requirement_stands_once_and_bears_on_something() {
        let ids: Vec<_> = OF.iter().flat_map(|(ids, _)| *ids).collect();
        for row in all() {
            let times = ids.iter().filter(|id| ***id == row.id).count();
            assert_eq!(times, 1, "{}", row.id);
            assert!(of(row.id).next().is_some(), "{}", row.id);
        }
        assert_eq!(ids.len(), all().count(), "an id is none of a requirement");
    }

    /// What a row quotes, its mappings name, and as it was read.
    #[test]
    fn mappings_agree_with_what_the_rows_quote() {
        for row in all() {
            let source = row.source;
            let of_source = |framework: Framework| match framework {
                Framework::Onvif => source.document.strip_prefix("ONVIF "),
                Framework::En303645 if source.document == "EN 303 645" => Some(""),
                _ => (source.document == framework.document()).then_some(""),
            };
            for framework in Framework::ALL {
                let Some(part) = of_source(*framework) else {
                    continue;
                };
                let clause = match part {
                    "" => source.clause.to_owned(),
                    part => format!("{part}, {}", source.clause),
                };
                let own = of(row.id).find(|m| m.framework == *framework && m.clause == clause);
                let own = own.unwrap_or_else(|| panic!("{} does not name {clause}", row.id));
                assert_eq!(own.read, source.read, "{} {clause}", row.id);
            }
        }
    }

    #[test]
    fn every_framework_has_clauses_in_their_order() {
        for framework in Framework::ALL {
            let clauses = clauses(*framework);
            assert!(!clauses.is_empty(), "{}", framework.id());
            for (mapping, ids) in clauses {
                let unique: BTreeSet<_> = ids.iter().collect();
                assert_eq!(unique.len(), ids.len(), "{}", mapping.clause);
            }
            assert_eq!(Framework::find(framework.id()), Some(*framework));
        }
        let clauses: Vec<_> = clauses(En303645).iter().map(|(m, _)| m.clause).collect();
        let place = |clause| clauses.iter().position(|c| *c == clause).unwrap();
        assert!(place("5.1-2") < place("5.4-1") && place("5.8-2") < place("5.11-1"));
    }
}
