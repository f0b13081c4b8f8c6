//! SRTP, GCM and HDR: SRTP with its suites, and what its headers tell. This is
//! what concerns every suite.

mod counters;
mod gcm;
mod header;
mod keys;
mod lifetime;
mod offers;
mod packets;
mod plausible;
mod receive;
mod rekey;
mod repair;

use lightleak_case::{Hop, TransportPath, Vantage};

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence, evidence_at, unless};
use crate::{
    open::srtp::{Found, MasterKey},
    presence::Need,
    secured::{Carrier, Packet},
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
};
pub(super) use gcm::ROWS as GCM_ROWS;
pub(super) use header::ROWS as HEADER_ROWS;
pub(super) use keys::{exposed, secrets};
pub(super) use rekey::changes;

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
    expects: carries_srtp,
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
        expects: is_srtp,
        stimuli: Stimuli::Only(&["honest", "forged-rtcp", "re-key"]),
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
        expects: is_srtp,
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
        expects: is_srtp,
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
        expects: is_srtp,
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
        expects: is_srtp,
        stimuli: Stimuli::Only(&["roll-over"]),
        indispensable: &["roll-over"],
        check: counters::rolls_over,
        ..ROW
    },
    Requirement {
        id: "SRTP-11",
        title: "another key resets neither the roll-over counter nor the SRTCP index",
        source: Quote {
            clause: "3.3.1",
            text: "After a re-keying occurs (changing to a new master key), the rollover counter always maintains its sequence of values, i.e., it MUST NOT be reset to zero.",
            ..ROW.source
        },
        expects: is_srtp,
        stimuli: Stimuli::Only(&["re-key"]),
        indispensable: &["re-key"],
        check: rekey::counters_go_on,
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
        stimuli: Stimuli::Only(&["honest", "reconnect"]),
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
        id: "SRTP-16",
        title: "a key that has secured 2^48 SRTP or 2^31 SRTCP packets secures no more",
        source: Quote {
            clause: "9.2",
            text: "That is, when 2^48 SRTP packets or 2^31 SRTCP packets have been secured with the same key (whichever occurs before), the key management MUST be called to provide new master key(s) (previously stored and used keys MUST NOT be used again), or the session MUST be terminated.",
            ..ROW.source
        },
        expects: is_srtp,
        stimuli: Stimuli::Only(&["key-lifetime"]),
        indispensable: &["key-lifetime"],
        check: lifetime::keys_end,
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
        expects: is_srtp,
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
        expects: is_srtp,
        stimuli: Stimuli::Only(&["forged-rtcp"]),
        indispensable: &["forged-rtcp"],
        check: receive::nothing_clear,
        ..ROW
    },
    Requirement {
        id: "SRTP-19",
        title: "retransmission and forward error correction are SRTP themselves",
        source: Quote {
            clause: "10",
            text: "The default processing when using Forward Error Correction (e.g., RFC 2733) processing with SRTP SHALL be to perform FEC processing prior to SRTP processing on the sender side and to perform SRTP processing prior to FEC processing on the receiver side.",
            ..ROW.source
        },
        check: repair::is_sealed,
        ..ROW
    },
    Requirement {
        id: "SRTP-20",
        // A statistic, which the standard does not speak of.
        level: Level::Info,
        standard: Level::Info,
        title: "without the key, payloads begin as chance has it, and not as those of H.264 do",
        source: Quote {
            document: "RFC 6184",
            clause: "5.3",
            text: "The H.264 specification requires that the F bit be equal to 0.",
            read: Reading::InText,
        },
        check: plausible::is_random,
        ..ROW
    },
    Requirement {
        id: "SRTP-21",
        title: "keys of 192 and 256 bits for counter mode are derived with the whole master key",
        source: Quote {
            document: "RFC 6188",
            clause: "3.1",
            text: "Both AES_128_CM_PRF and AES_192_CM_PRF MUST NOT be used as the key derivation function.",
            read: Reading::InText,
        },
        expects: is_srtp,
        stimuli: Stimuli::Only(&["long-keys"]),
        indispensable: &["long-keys"],
        check: keys::long_keys_are_derived,
        ..ROW
    },
];

/// With keys that RTSP tells.
pub(super) fn is_srtp(path: &TransportPath) -> bool {
    path.hop == Hop::Srtp
}

/// With keys from wherever.
pub(super) fn carries_srtp(path: &TransportPath) -> bool {
    matches!(path.hop, Hop::Srtp | Hop::DtlsSrtp)
}

/// RTP or RTCP of the device, whether it was opened or not.
pub(super) fn packets<'a>(seen: &'a Seen<'_>, rtcp: bool) -> impl Iterator<Item = &'a Packet> {
    packets_of(seen.srtp_sent(), rtcp)
}

/// RTP of the device, with the octets that are on the wire.
pub(super) fn rtp_octets<'a>(seen: &'a Seen<'_>) -> impl Iterator<Item = (&'a Packet, &'a [u8])> {
    let carriers = seen.srtp_sent();
    let carriers = carriers.filter_map(|carrier| Some((carrier, seen.carried(carrier)?)));
    carriers.flat_map(|(carrier, stream)| {
        let packets = carrier.packets.iter().filter(|packet| !packet.is_rtcp);
        packets.map(|packet| {
            let octets = stream.bytes.get(packet.range.clone());
            (packet, octets.unwrap_or_default())
        })
    })
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

/// Looks, if there is something under such a key.
fn or_none(
    seen: &Seen<'_>,
    is_meant: impl Fn(&MasterKey) -> bool,
    look: impl FnOnce() -> Outcome,
) -> Outcome {
    let mut meant = seen
        .srtp_sent()
        .filter(|carrier| seen.secured.promises(carrier, &is_meant));
    if meant.next().is_some() {
        return look();
    }
    match seen.srtp_sent().flat_map(Carrier::opened).next() {
        Some(_) => {
            Outcome::NotApplicable("SRTP was opened, and none of it is of such a suite".into())
        }
        None => Outcome::Inconclusive("no SRTP of the device was opened".into()),
    }
}

fn unknown() -> Outcome {
    Outcome::Inconclusive(
        "no key of the SRTP is known: none was escrowed, and none was read".into(),
    )
}
