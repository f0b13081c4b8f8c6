//! SRTP, GCM and HDR: SRTP with its suites, and what its headers tell.

mod counters;
mod gcm;
mod header;
mod keys;
mod offers;
mod packets;
mod receive;

use lightleak_case::{Hop, TransportPath, Vantage};

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence, evidence_at, unless};
use crate::{
    open::srtp::Found,
    presence::Need,
    secured::{Carrier, Packet},
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
};
pub(super) use keys::{exposed, secrets};

pub(super) const RFC3711: &str = "RFC 3711";
pub(super) const RFC7714: &str = "RFC 7714";

/// Packets that are kept as evidence.
const MOST: usize = 16;

/// What every row here has in common; rows say what they have of their own.
pub(super) const ROW: Requirement = Requirement {
    id: "",
    level: Level::Must,
    standard: Level::Must,
    title: "",
    source: Quote {
        document: RFC3711,
        clause: "",
        text: "",
        read: Reading::InText,
    },
    expects: is_srtp,
    vantages: &[Vantage::Wire],
    needs: &[Need::Tap, Need::Device],
    stimuli: Stimuli::Only(&["honest"]),
    indispensable: &["honest"],
    check: |_, _| Outcome::Inconclusive(String::new()),
};

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "SRTP-01",
        title: "every RTP payload is ciphertext that opens with the session key to what the device produced",
        source: Quote {
            clause: "5.1",
            text: "AES running in Segmented Integer Counter Mode, as defined in Section 4.1.1, SHALL be the default encryption algorithm.",
            ..ROW.source
        },
        check: packets::rtp_is_sealed,
        ..ROW
    },
    Requirement {
        id: "SRTP-02",
        // RFC 3711 9.5: SHOULD.
        standard: Level::Should,
        title: "every RTP packet carries a tag of 80 bits or more that verifies",
        source: Quote {
            clause: "9.5",
            text: "To protect against these attacks, each SRTP stream SHOULD be protected by HMAC-SHA1 [RFC2104] with an 80-bit output tag and a 160-bit key, or a message authentication code with equivalent strength.",
            ..ROW.source
        },
        check: packets::rtp_is_tagged,
        ..ROW
    },
    Requirement {
        id: "SRTP-03",
        title: "every RTCP packet carries a tag that verifies",
        source: Quote {
            clause: "3.4",
            text: "Message authentication for RTCP is REQUIRED, as it is the control protocol (e.g., it has a BYE packet) for RTP.",
            ..ROW.source
        },
        check: packets::rtcp_is_authentic,
        ..ROW
    },
    Requirement {
        id: "SRTP-04",
        title: "no RTCP packet has a tag of less than 80 bits",
        source: Quote {
            clause: "5.2",
            text: "In addition, for SRTCP, the pre-defined HMAC-SHA1 MUST NOT be applied with a value of n_tag, nor n_a, that are smaller than these defaults.",
            ..ROW.source
        },
        check: packets::rtcp_is_tagged,
        ..ROW
    },
    Requirement {
        id: "SRTP-05",
        title: "the E flag of every RTCP packet is 1",
        source: Quote {
            clause: "3.4",
            text: "The E bit set to \"1\" indicates encrypted packet, and \"0\" indicates non-encrypted packet.",
            ..ROW.source
        },
        check: packets::rtcp_is_sealed,
        ..ROW
    },
    Requirement {
        id: "SRTP-06",
        title: "the SRTCP index begins with 0 and is incremented by one for every packet",
        source: Quote {
            clause: "3.4",
            text: "The SRTCP index MUST be set to zero before the first SRTCP packet is sent, and MUST be incremented by one, modulo 2^31, after each SRTCP packet is sent.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["honest", "forged-rtcp"]),
        indispensable: &["forged-rtcp"],
        check: counters::rtcp_index_counts,
        ..ROW
    },
    Requirement {
        id: "SRTP-07",
        title: "RTCP that was there before is discarded",
        source: Quote {
            clause: "3.3",
            text: "If the packet is judged to be replayed, then the packet MUST be discarded, and the event SHOULD be logged.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["forged-rtcp"]),
        indispensable: &["forged-rtcp"],
        check: receive::nothing_replayed,
        ..ROW
    },
    Requirement {
        id: "SRTP-08",
        title: "RTCP that does not authenticate is discarded",
        source: Quote {
            clause: "3.3",
            text: "If the result is \"AUTHENTICATION FAILURE\" (see Section 4.2), the packet MUST be discarded from further processing and the event SHOULD be logged.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["forged-rtcp"]),
        indispensable: &["forged-rtcp"],
        check: receive::nothing_unauthentic,
        ..ROW
    },
    Requirement {
        id: "SRTP-09",
        title: "no two different packets have the same SSRC and index under one key",
        source: Quote {
            clause: "4.1.1",
            text: "To satisfy this constraint, an implementation MUST ensure that the combination of the SRTP packet index of ROC || SEQ, and the SSRC used in the construction of the IV are distinct for any particular key.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["honest", "roll-over"]),
        check: counters::no_index_twice,
        ..ROW
    },
    Requirement {
        id: "SRTP-10",
        title: "the roll-over counter is incremented each time the sequence number wraps",
        source: Quote {
            clause: "3.3.1",
            text: "Each time the RTP sequence number, SEQ, wraps modulo 2^16, the sender side MUST increment ROC by one, modulo 2^32 (see security aspects below).",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["roll-over"]),
        indispensable: &["roll-over"],
        check: counters::rolls_over,
        ..ROW
    },
    Requirement {
        id: "SRTP-12",
        title: "no master key is shared among RTP sessions: neither of two tracks nor of two viewers",
        source: Quote {
            clause: "9.1",
            text: "A master key MUST NOT be shared among different RTP sessions.",
            ..ROW.source
        },
        check: keys::not_shared,
        ..ROW
    },
    Requirement {
        id: "SRTP-13",
        title: "master keys are random: none is published, made of identifiers, constant, or there again in another session",
        source: Quote {
            clause: "4.3.1",
            text: "The master key and master salt MUST be random, but the master salt MAY be public.",
            ..ROW.source
        },
        check: keys::are_random,
        ..ROW
    },
    Requirement {
        id: "SRTP-14",
        title: "session keys are derived from the master key, by the key derivation of the suite",
        source: Quote {
            clause: "4.3.1",
            text: "At least one initial key derivation SHALL be performed by SRTP, i.e., the first key derivation is REQUIRED.",
            ..ROW.source
        },
        check: keys::are_derived,
        ..ROW
    },
    Requirement {
        id: "SRTP-15",
        title: "the IV of counter mode is made of session salt, SSRC and index",
        source: Quote {
            clause: "4.1.1",
            text: "where the 128-bit integer value IV SHALL be defined by the SSRC, the SRTP packet index i, and the SRTP session salting key k_s, as below.",
            ..ROW.source
        },
        check: packets::counter_mode_is_right,
        ..ROW
    },
    Requirement {
        id: "SRTP-17",
        // RFC 3711 has every implementation know the NULL cipher.
        standard: Level::Info,
        title: "keys without encryption or authentication are refused, and so is RTP as it is",
        source: Quote {
            clause: "4.1.3",
            text: "The NULL cipher is used when no confidentiality for RTP/RTCP is requested.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["null-cipher"]),
        indispensable: &["null-cipher"],
        check: offers::null_is_refused,
        ..ROW
    },
    Requirement {
        id: "SRTP-18",
        title: "RTCP in clear is discarded where SRTCP is spoken",
        source: Quote {
            clause: "3.2.3",
            text: "If no valid context can be found for a packet corresponding to a certain context identifier, that packet MUST be discarded.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["forged-rtcp"]),
        indispensable: &["forged-rtcp"],
        check: receive::nothing_clear,
        ..ROW
    },
    Requirement {
        id: "GCM-01",
        title: "the IV of Galois/counter mode has the roll-over counter in it",
        source: Quote {
            document: RFC7714,
            clause: "8.1",
            text: "The 12-octet IV used by AES-GCM SRTP is formed by first concatenating 2 octets of zeroes, the 4-octet SSRC, the 4-octet rollover counter (ROC), and the 2-octet sequence number (SEQ).",
            read: Reading::InText,
        },
        stimuli: Stimuli::Only(&["roll-over"]),
        indispensable: &["roll-over"],
        check: gcm::rolls_over,
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
        stimuli: Stimuli::Only(&["honest", "roll-over"]),
        check: gcm::no_index_twice,
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
        check: gcm::rtcp_opens,
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
        check: gcm::tags_are_whole,
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
        check: gcm::salt_is_padded,
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
        check: gcm::long_keys_are_derived,
        ..ROW
    },
    Requirement {
        id: "HDR-01",
        standard: Level::Should,
        title: "no header extension tells in clear what is heard, who sends or when it was recorded",
        source: Quote {
            document: "RFC 9335",
            clause: "1.1",
            text: "While the Secure Real-time Transport Protocol (SRTP) provides confidentiality for the contents of a media packet, a significant amount of metadata is left unprotected, including RTP header extensions and contributing sources (CSRCs).",
            read: Reading::InText,
        },
        check: header::tells_nothing,
        ..ROW
    },
    Requirement {
        id: "HDR-02",
        title: "with Cryptex, CSRCs and header extensions are ciphertext",
        source: Quote {
            document: "RFC 9335",
            clause: "6.1",
            text: "the encrypted portion MUST include any CSRC identifiers, any RTP header extension (except for the first 4 bytes), and the RTP payload.",
            read: Reading::SecondHand,
        },
        check: header::cryptex_is_whole,
        ..ROW
    },
];

pub(super) fn is_srtp(path: &TransportPath) -> bool {
    path.hop == Hop::Srtp
}

/// RTP or RTCP of the device, whether it was opened or not.
pub(super) fn packets<'a>(seen: &'a Seen<'_>, rtcp: bool) -> impl Iterator<Item = &'a Packet> {
    packets_of(seen.srtp_sent(), rtcp)
}

/// RTP or RTCP of carriers.
fn packets_of<'a>(
    carriers: impl Iterator<Item = &'a Carrier>,
    rtcp: bool,
) -> impl Iterator<Item = &'a Packet> {
    let packets = carriers.flat_map(|carrier| &carrier.packets);
    packets.filter(move |packet| packet.is_rtcp == rtcp)
}

/// What is wrong with each of those packets, if something is: nobody could open
/// it, or `wrong` says so.
pub(super) fn each<'a>(
    seen: &'a Seen<'_>,
    packets: impl Iterator<Item = &'a Packet>,
    what: &str,
    wrong: impl Fn(&Found) -> Option<String>,
) -> Outcome {
    let mut found: Vec<Evidence> = Vec::new();
    let mut right = 0;
    for packet in packets {
        let why = match &packet.found {
            Some(opened) => wrong(opened),
            None => Some("no known key opens it".to_owned()),
        };
        match why {
            Some(why) if found.len() < MOST => {
                let why = format!("packet {}: {why}", packet.span.packet);
                found.push(evidence(seen, packet.span, why));
            }
            Some(_) => {}
            None => right += 1,
        }
    }
    match found.first() {
        Some(_) if seen.secured.ring.is_empty() => unknown(),
        Some(first) => Outcome::Fail(format!("{what}, {}", first.why), found),
        None if right == 0 => Outcome::Inconclusive(format!("no {what} of the device was seen")),
        None => Outcome::Pass(Assurance::Opened, format!("{right} {what}, all of them")),
    }
}

fn unknown() -> Outcome {
    Outcome::Inconclusive(
        "no key of the SRTP is known: none was escrowed, and none was read".into(),
    )
}
