//! DTLS: what keys SRTP where no signalling tells them, and which datagrams
//! share its port.

mod early;
mod hello;
mod identity;

use lightleak_case::{Hop, TransportPath, Vantage};

use super::{Quote, Reading, Requirement, Stimuli, evidence, srtp, unless};
use crate::{
    dissect::{Flow, Piece, Span, demux},
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
    webrtc::Datagram,
};
pub(super) use hello::{agrees_on_null, takes_what_everybody_has};

const RFC5764: &str = "RFC 5764";
const RFC8122: &str = "RFC 8122";
const RFC8827: &str = "RFC 8827";
/// Packets that are kept as evidence.
const MOST: usize = 16;
/// finished.
const FINISHED: u8 = 20;

/// What every row here has in common; rows say what they have of their own.
pub(super) const ROW: Requirement = Requirement {
    source: Quote {
        document: RFC5764,
        ..srtp::ROW.source
    },
    expects: is_dtls_srtp,
    ..srtp::ROW
};

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "DTLS-01",
        title: "the device chooses one SRTP profile of those that were offered, and sends no media without one",
        source: Quote {
            clause: "4.1.1",
            text: "The server MUST NOT select a value that the client has not offered.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["dtls-offers"]),
        indispensable: &["dtls-offers"],
        check: hello::one_of_the_offered,
        ..ROW
    },
    Requirement {
        id: "DTLS-02",
        title: "no SRTP profile without encryption is offered or chosen",
        source: Quote {
            document: RFC8827,
            clause: "6.5",
            text: "Media traffic MUST NOT be sent over plain (unencrypted) RTP or RTCP; that is, implementations MUST NOT negotiate cipher suites with NULL encryption modes.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["dtls-offers"]),
        indispensable: &["dtls-offers"],
        check: hello::no_null_profile,
        ..ROW
    },
    Requirement {
        id: "DTLS-03",
        title: "media are under the master keys that the handshake's exporter gives, each side under its own",
        source: Quote {
            clause: "4.2",
            text: "These keys are generated using a TLS exporter [RFC5705] to generate 2 * (SRTPSecurityParams.master_key_len + SRTPSecurityParams.master_salt_len) bytes of data which are assigned as shown below.",
            ..ROW.source
        },
        check: keys_are_exported,
        ..ROW
    },
    Requirement {
        id: "DTLS-04",
        title: "a viewer whose certificate is not that of its offer is sent no media",
        source: Quote {
            document: RFC8122,
            clause: "6.2",
            text: "The server MUST request a certificate; if the client does not provide one, or if the certificate does not match a provided fingerprint, the server endpoint MUST terminate the media connection with a bad_certificate error.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["wrong-fingerprint"]),
        indispensable: &["wrong-fingerprint"],
        check: identity::viewers_are_who_they_say,
        ..ROW
    },
    Requirement {
        id: "DTLS-05",
        title: "no fingerprint by MD5 or MD2 is told, and none is taken for a proof",
        source: Quote {
            document: RFC8122,
            clause: "5",
            text: "Implementations compliant with this specification MUST NOT use the MD2 and MD5 hash functions to calculate fingerprints or to verify received fingerprints that have been calculated using them.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["weak-fingerprint"]),
        indispensable: &["weak-fingerprint"],
        check: identity::no_broken_hash,
        ..ROW
    },
    Requirement {
        id: "DTLS-06",
        title: "no RTP or RTCP leaves the device before the handshake is complete",
        source: Quote {
            clause: "5.1",
            text: "Within each RTP session, SRTP processing MUST NOT take place before the DTLS handshake completes.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["honest", "early-media"]),
        indispensable: &["honest", "early-media"],
        check: early::nothing_is_early,
        ..ROW
    },
    Requirement {
        id: "DTLS-07",
        title: "DTLS 1.0 is not agreed on",
        source: Quote {
            document: "RFC 9325",
            clause: "3.1.2",
            text: "Implementations MUST NOT negotiate DTLS version 1.0 [RFC4347].",
            read: Reading::InText,
        },
        stimuli: Stimuli::Only(&["dtls-offers"]),
        indispensable: &["dtls-offers"],
        check: hello::no_old_version,
        ..ROW
    },
    Requirement {
        id: "DTLS-09",
        title: "every datagram on the port is STUN, DTLS or SRTP by its first octet, and is what that octet says",
        source: Quote {
            document: "RFC 7983",
            clause: "7",
            text: "If the value does not match any known range, then the packet MUST be dropped and an alert MAY be logged.",
            ..ROW.source
        },
        check: datagrams_have_their_place,
        ..ROW
    },
    Requirement {
        id: "DTLS-10",
        title: "both ends show certificates: the device asks its viewer for one, and shows its own",
        source: Quote {
            document: RFC8122,
            clause: "6.2",
            text: "The server MUST request a certificate; if the client does not provide one, or if the certificate does not match a provided fingerprint, the server endpoint MUST terminate the media connection with a bad_certificate error.",
            ..ROW.source
        },
        check: identity::both_show_certificates,
        ..ROW
    },
    Requirement {
        id: "DTLS-11",
        title: "the key of the device's certificate is not one that anybody can look up",
        source: Quote {
            document: "EN 303 645",
            clause: "5.4-4",
            text: "Any critical security parameters used for integrity and authenticity checks of software updates and for protection of communication with associated services in device software shall be unique per device and shall be produced with a mechanism that reduces the risk of automated attacks against classes of devices.",
            read: Reading::SecondHand,
        },
        check: identity::keys_are_its_own,
        ..ROW
    },
    Requirement {
        id: "WSIG-02",
        title: "the certificate of the device is that whose fingerprint it told inside TLS",
        source: Quote {
            document: "RFC 5763",
            clause: "5",
            text: "The certificate presented during the DTLS handshake MUST match the fingerprint exchanged via the signaling path in the SDP.",
            ..ROW.source
        },
        check: identity::device_is_who_it_says,
        ..ROW
    },
];

pub(super) fn is_dtls_srtp(path: &TransportPath) -> bool {
    path.hop == Hop::DtlsSrtp
}

/// Datagrams of the device in flows of WebRTC, with the flow's index and where
/// they lie.
pub(super) fn datagrams<'a>(
    seen: &'a Seen<'_>,
) -> impl Iterator<Item = (usize, bool, usize, Span, &'a [u8])> {
    let flows = seen.flows().enumerate();
    let ours = flows.filter(|(_, (flow, connection))| seen.is_webrtc(flow, connection));
    let sides = ours.flat_map(|(index, (flow, _))| {
        let sides = [(true, flow.a, &flow.from_a), (false, flow.b, &flow.from_b)];
        sides.map(|(from_a, from, stream)| (index, from_a, from, stream))
    });
    let sides = sides.filter(|(_, _, from, _)| seen.is_device(from.ip()));
    sides.flat_map(|(index, from_a, _, stream)| {
        stream
            .parts()
            .map(move |(piece, octets)| (index, from_a, piece.at, piece.span(), octets))
    })
}

/// RTP and RTCP that the device sends in a flow.
pub(super) fn media<'a>(seen: &Seen<'_>, flow: &'a Flow) -> impl Iterator<Item = &'a Piece> {
    let sides = [(flow.a, &flow.from_a), (flow.b, &flow.from_b)];
    let ours = sides
        .into_iter()
        .filter(|(from, _)| seen.is_device(from.ip()));
    let datagrams = ours.flat_map(|(_, stream)| stream.parts());
    let media = datagrams.filter(|(_, octets)| demux::Kind::of(octets) == demux::Kind::Rtp);
    media.map(|(piece, _)| piece)
}

/// The first of it.
fn first_media(seen: &Seen<'_>, flow: &Flow) -> Option<Span> {
    media(seen, flow).next().map(Piece::span)
}

fn keys_are_exported(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found: Vec<Evidence> = Vec::new();
    let (mut right, mut unknown) = (0, 0);
    let with_dtls = |flow: usize| {
        let connection = seen.connections.get(flow);
        connection.is_some_and(|connection| connection.dtls.is_some())
    };
    for carrier in seen.srtp_sent().filter(|carrier| with_dtls(carrier.flow)) {
        let Some(agreed) = seen.secured.agreed(carrier) else {
            unknown += carrier.packets.len();
            continue;
        };
        for packet in &carrier.packets {
            let used = packet.found.as_ref();
            let used = used.and_then(|found| seen.secured.ring.key(found.key));
            let same = |used: &crate::open::srtp::MasterKey| {
                used.suite == agreed.suite
                    && (used.octets(), used.salt()) == (agreed.octets(), agreed.salt())
            };
            let why = match used {
                Some(used) if same(used) => {
                    right += 1;
                    continue;
                }
                Some(used) => format!(
                    "a packet is under a key of {} that is none of the handshake's",
                    used.suite.name
                ),
                None => "no key of the handshake opens a packet".to_owned(),
            };
            if found.len() < MOST {
                found.push(evidence(seen, packet.span, why));
            }
        }
    }
    unless(found, || match (right, unknown) {
        (_, 1..) => Outcome::Inconclusive(format!(
            "{unknown} packets, and what the exporter gives for them is not known"
        )),
        (0, 0) => Outcome::Inconclusive("no SRTP behind a DTLS handshake was seen".into()),
        (right, 0) => Outcome::Pass(
            Assurance::Opened,
            format!("{right} packets open with the key that the exporter gives to their sender"),
        ),
    })
}

/// RFC 8656 12.4: channel number, length, data that fill the datagram but for
/// padding.
fn is_channel_data(octets: &[u8]) -> bool {
    let Some((&[_, _, high, low], data)) = octets.split_first_chunk() else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    (length..=length.next_multiple_of(4)).contains(&data.len())
}

fn datagrams_have_their_place(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut all = 0;
    for (flow, from_a, at, span, octets) in datagrams(seen) {
        all += 1;
        let first = octets.first().copied().unwrap_or_default();
        let why = match (Datagram::read(octets), demux::Kind::of(octets)) {
            (Datagram::Rtp, _) => {
                let carrier = seen.secured.datagrams(flow, from_a);
                let packet = carrier.and_then(|c| c.packets.iter().find(|p| p.range.start == at));
                match packet {
                    Some(packet) if packet.found.is_some() => continue,
                    Some(_) if seen.secured.ring.is_empty() => {
                        return Outcome::Inconclusive(
                            "no key is known that the SRTP may be under".into(),
                        );
                    }
                    _ => "it is in the range of SRTP, and no key opens it".to_owned(),
                }
            }
            (Datagram::Other, demux::Kind::Stun) => {
                "it is in the range of STUN, and no message of it".into()
            }
            (Datagram::Other, demux::Kind::Dtls) => {
                "it is in the range of DTLS, and not whole records of it".into()
            }
            (Datagram::Other, demux::Kind::Zrtp) if octets.get(4..8) == Some(b"ZRTP") => continue,
            (Datagram::Other, demux::Kind::Zrtp) => {
                "it is in the range of ZRTP, and no packet of it".into()
            }
            (Datagram::Other, demux::Kind::TurnChannel) if is_channel_data(octets) => continue,
            (Datagram::Other, demux::Kind::TurnChannel) => {
                "it is in the range of TURN channels, and no ChannelData message".into()
            }
            (Datagram::Other, _) => format!("its first octet {first} means nothing"),
            (Datagram::Stun(_) | Datagram::Dtls, _) => continue,
        };
        if found.len() < MOST {
            let why = format!("datagram in packet {}: {why}", span.packet);
            found.push(evidence(seen, span, why));
        }
    }
    unless(found, || match all {
        0 => Outcome::Inconclusive("no datagram of the device in a flow of WebRTC was seen".into()),
        all => Outcome::Pass(
            Assurance::Opened,
            format!("{all} datagrams, each what its first octet says, and all SRTP opens"),
        ),
    })
}
