//! Galois/counter mode: GCM-01 to GCM-06.

use lightleak_case::Vantage;

use super::{
    Quote, RFC7714, ROW, Reading, Requirement, Stimuli, counters, each, is_srtp, keys, or_none,
    packets_of,
};
use crate::{
    open::srtp::{Found, MasterKey},
    secured::Packet,
    seen::Seen,
    verdict::Outcome,
};

/// Octets of the whole tag (RFC 7714 12).
const TAG: usize = 16;

pub(in crate::requirement) const ROWS: &[Requirement] = &[
    Requirement {
        id: "GCM-01",
        title: "the IV of Galois/counter mode has the roll-over counter in it",
        source: Quote {
            document: RFC7714,
            clause: "8.1",
            text: "The 12-octet IV used by AES-GCM SRTP is formed by first concatenating 2 octets of zeroes, the 4-octet SSRC, the 4-octet rollover counter (ROC), and the 2-octet sequence number (SEQ).",
            read: Reading::InText,
        },
        expects: is_srtp,
        stimuli: Stimuli::Only(&["roll-over"]),
        indispensable: &["roll-over"],
        check: rolls_over,
        ..ROW
    },
    Requirement {
        id: "GCM-02",
        title: "in Galois/counter mode no two different packets have the same SSRC and index under one key",
        source: Quote {
            document: RFC7714,
            clause: "8.4",
            text: "In order to prevent IV reuse, we must ensure that the (ROC,SEQ,SSRC) triple is never used twice with the same master key.",
            read: Reading::InText,
        },
        expects: is_srtp,
        stimuli: Stimuli::Only(&["honest", "roll-over"]),
        check: no_index_twice,
        ..ROW
    },
    Requirement {
        id: "GCM-03",
        title: "SRTCP in Galois/counter mode authenticates the E flag with the index, and has neither of them in the wrong place of the IV",
        source: Quote {
            document: RFC7714,
            clause: "9.2",
            text: "Associated Data: The packet version V (2 bits), padding flag P (1 bit), reception report count RC (5 bits), Packet Type (8 bits), length (2 octets), SSRC (4 octets), Encryption flag (1 bit), and SRTCP index (31 bits).",
            read: Reading::InText,
        },
        check: rtcp_opens,
        ..ROW
    },
    Requirement {
        id: "GCM-04",
        title: "the tag of Galois/counter mode is whole: 16 octets",
        source: Quote {
            document: RFC7714,
            clause: "13.2",
            text: "We require that the AEAD authentication tag be 16 octets, in order to effectively eliminate the risk of an adversary successfully introducing fraudulent data.",
            read: Reading::InText,
        },
        check: tags_are_whole,
        ..ROW
    },
    Requirement {
        id: "GCM-05",
        title: "for key derivation the master salt of 96 bits has 16 zero bits behind it",
        source: Quote {
            document: RFC7714,
            clause: "11, erratum 4938",
            text: "Since the KDF functions in those RFCs assume as input a 112-bit master salt, the 96-bit master salt specified in this document must be multiplied by 2^16 to form the 112-bit salt used as the master salt in those key derivation functions.",
            read: Reading::InText,
        },
        check: salt_is_padded,
        ..ROW
    },
    Requirement {
        id: "GCM-06",
        title: "AEAD_AES_256_GCM derives its keys with all 256 bits of the master key",
        source: Quote {
            document: RFC7714,
            clause: "11",
            text: "AEAD_AES_256_GCM MUST use the AES_256_CM_PRF KDF described in [RFC6188].",
            read: Reading::InText,
        },
        check: long_keys_are_derived,
        ..ROW
    },
];

fn rolls_over(seen: &Seen<'_>, _: Vantage) -> Outcome {
    or_none(seen, is_galois, || {
        counters::wraps(seen, |f| of_mode(seen, f))
    })
}

fn no_index_twice(seen: &Seen<'_>, _: Vantage) -> Outcome {
    or_none(seen, is_galois, || {
        counters::twice(seen, |f| of_mode(seen, f))
    })
}

fn rtcp_opens(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let what = "RTCP packets in Galois/counter mode";
    or_none(seen, is_galois, || {
        each(seen, promised(seen, true), what, |_| None)
    })
}

fn tags_are_whole(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let what = "packets in Galois/counter mode";
    or_none(seen, is_galois, || {
        let all = promised(seen, false).chain(promised(seen, true));
        each(seen, all, what, |found| {
            let tag = found.tail.tag;
            (tag != TAG).then(|| format!("its tag has {tag} octets"))
        })
    })
}

fn salt_is_padded(seen: &Seen<'_>, _: Vantage) -> Outcome {
    or_none(seen, is_galois, || keys::derived(seen, is_galois))
}

fn long_keys_are_derived(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let is_long = |key: &MasterKey| key.suite.name == "AEAD_AES_256_GCM";
    or_none(seen, is_long, || keys::derived(seen, is_long))
}

fn is_galois(key: &MasterKey) -> bool {
    key.suite.is_aead()
}

fn of_mode(seen: &Seen<'_>, found: &Found) -> bool {
    seen.secured.ring.key(found.key).is_some_and(is_galois)
}

/// Packets of carriers for which such a key was told.
fn promised<'a>(seen: &'a Seen<'_>, rtcp: bool) -> impl Iterator<Item = &'a Packet> {
    let carriers = seen.srtp_sent();
    packets_of(
        carriers.filter(|carrier| seen.secured.promises(carrier, &is_galois)),
        rtcp,
    )
}
