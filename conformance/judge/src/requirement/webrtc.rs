//! WRTC: what the device says of itself in SDP, and keeps to.

mod access;
mod address;
mod consent;
mod plain;

use lightleak_case::{Carriage, TransportPath, Vantage};

use super::{
    Level, Quote, Reading, Requirement, Stimuli,
    dtls::{ROW as DTLS_ROW, takes_what_everybody_has},
    evidence, evidence_at, srtp, unless,
};
use crate::{
    adversary::cryptanalyst::key_material::Secrets,
    dissect::{
        Span,
        sdp::{Media, Sdp},
    },
    logins::is_success,
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
    webrtc::Signalled,
};
pub(super) use access::changes_nothing;

/// Places that are kept as evidence, of each stream.
const MOST: usize = 4;

/// What every row here has in common.
const ROW: Requirement = Requirement {
    expects: is_webrtc,
    source: Quote {
        document: "RFC 8827",
        clause: "6.5",
        ..DTLS_ROW.source
    },
    ..DTLS_ROW
};

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "WRTC-01",
        title: "media are described as (UDP or TCP)/TLS/RTP/SAVPF, never as RTP/AVP or RTP/AVPF",
        source: Quote {
            document: "RFC 8834",
            clause: "4.2",
            text: "WebRTC endpoints MUST NOT send packets using the basic RTP/AVP profile or the RTP/AVPF profile; they MUST employ the full RTP/SAVPF profile to protect all RTP and RTCP packets that are generated.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["honest", "avpf-offer"]),
        indispensable: &["honest", "avpf-offer"],
        check: profile_is_secure,
        ..ROW
    },
    Requirement {
        id: "WRTC-02",
        title: "media are never sent as plain RTP, nor under a profile that does not encrypt, whatever is offered",
        source: Quote {
            text: "Media traffic MUST NOT be sent over plain (unencrypted) RTP or RTCP; that is, implementations MUST NOT negotiate cipher suites with NULL encryption modes.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["honest", "avpf-offer", "sdes-offer", "dtls-offers"]),
        indispensable: &["honest", "avpf-offer", "dtls-offers"],
        check: plain::nothing_is_plain,
        ..ROW
    },
    Requirement {
        id: "WRTC-03",
        title: "keys are not told in SDP",
        source: Quote {
            text: "WebRTC implementations MUST NOT offer SDP security descriptions [RFC4568] or select it if offered.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["honest", "sdes-offer"]),
        indispensable: &["honest", "sdes-offer"],
        check: no_security_descriptions,
        ..ROW
    },
    Requirement {
        id: "WRTC-04",
        title: "every media section is keyed by DTLS-SRTP, with a fingerprint",
        source: Quote {
            text: "DTLS-SRTP MUST be offered for every media channel.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["honest", "avpf-offer", "sdes-offer"]),
        indispensable: &["honest", "avpf-offer"],
        check: every_section_is_keyed,
        ..ROW
    },
    Requirement {
        id: "WRTC-05",
        title: "who has no more than what everybody has to have is served: DTLS 1.2 with AES_128_GCM and P-256, SRTP_AES128_CM_HMAC_SHA1_80",
        source: Quote {
            text: "The DTLS-SRTP protection profile SRTP_AES128_CM_HMAC_SHA1_80 MUST be supported for SRTP.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["dtls-offers"]),
        indispensable: &["dtls-offers"],
        check: takes_what_everybody_has,
        ..ROW
    },
    Requirement {
        id: "WRTC-06",
        title: "no packet carries an MKI",
        source: Quote {
            text: "An SRTP Master Key Identifier (MKI) MUST NOT be used.",
            ..ROW.source
        },
        check: no_mki,
        ..ROW
    },
    Requirement {
        id: "WRTC-08",
        title: "media end within 30 s of the last response of a viewer to a check of ICE",
        source: Quote {
            document: "RFC 7675",
            clause: "5.1",
            text: "That is, if a valid STUN binding response has not been received from the remote peer's transport address in 30 seconds, the endpoint MUST cease transmission on that 5-tuple.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["no-consent"]),
        indispensable: &["no-consent"],
        check: consent::ends_with_consent,
        ..ROW
    },
    Requirement {
        id: "WRTC-09",
        title: "traffic keys are nowhere to be read: not on the wire, not in an answer over HTTP, not in the log",
        source: Quote {
            text: "When DTLS-SRTP is used, the API MUST NOT permit the JS to obtain the negotiated keying material.",
            ..ROW.source
        },
        vantages: Vantage::ALL,
        check: keys_are_nowhere,
        ..ROW
    },
    Requirement {
        id: "WHIP-03",
        level: Level::Should,
        standard: Level::Should,
        title: "the address of a session is random: long, and unlike that of another",
        source: Quote {
            document: "RFC 9725",
            clause: "5",
            text: "In order to prevent this scenario, WHIP endpoints SHOULD generate URLs with enough randomness, using a cryptographically secure pseudorandom number generator following the best practices in \"Randomness Requirements for Security\" [RFC4086], and implement a rate limit and avalanche control mechanism for HTTP DELETE requests.",
            read: Reading::InText,
        },
        stimuli: Stimuli::Only(&["honest", "reconnect"]),
        check: address::is_random,
        ..ROW
    },
    Requirement {
        id: "WHEP-01",
        // The standard leaves it to whoever serves.
        standard: Level::Info,
        title: "who is not logged in, or no more, gets no description, no keys and no media",
        source: Quote {
            document: "draft-ietf-wish-whep-03",
            clause: "4.8.1",
            text: "WHEP endpoints and sessions MAY require the HTTP request to be authenticated using an HTTP Authorization header field with a Bearer token as specified in Section 2.1 of [RFC6750].",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&[
            "no-credentials",
            "wrong-credentials",
            "expired-token",
            "after-log-out",
            "another-users-camera",
            "legacy-requests",
        ]),
        indispensable: &[
            "no-credentials",
            "expired-token",
            "after-log-out",
            "another-users-camera",
            "legacy-requests",
        ],
        check: access::nobody_else,
        ..ROW
    },
];

fn is_webrtc(path: &TransportPath) -> bool {
    path.carriage == Carriage::Webrtc
}

/// Descriptions that the device gave inside TLS, and where they lie.
fn described<'a>(seen: &'a Seen<'_>) -> impl Iterator<Item = (Sdp, Span)> + 'a {
    let told = seen.signalled();
    told.filter_map(|signalled| Some((signalled.response.sdp()?, signalled.span)))
}

/// What is wrong with a section of RTP that the device has not refused, or with
/// its description.
fn each_section(
    seen: &Seen<'_>,
    what: &str,
    wrong: impl Fn(&Sdp, &Media) -> Option<String>,
) -> Outcome {
    let mut found = Vec::new();
    let mut right = 0;
    for (sdp, span) in described(seen) {
        let is_media = |media: &&Media| ["audio", "video"].contains(&media.kind.as_str());
        let sections = sdp.media.iter().filter(is_media);
        for media in sections.filter(|media| media.port != 0) {
            match wrong(&sdp, media) {
                Some(why) => found.push(evidence(seen, span, why)),
                None => right += 1,
            }
        }
    }
    unless(found, || match (right, refused_offers(seen)) {
        (0, 0) => Outcome::Inconclusive("no description of the device was read inside TLS".into()),
        (right, 0) => Outcome::Pass(
            Assurance::Opened,
            format!("{right} sections of audio and video, {what}"),
        ),
        (right, refused) => Outcome::Pass(
            Assurance::Opened,
            format!("{right} sections of audio and video, {what}; {refused} offers were refused"),
        ),
    })
}

/// How many offers the device refused, without a description of its own.
fn refused_offers(seen: &Seen<'_>) -> usize {
    let told = seen.signalled();
    let refused = told.filter(|told| {
        let offers = told.request.sdp().is_some() && told.response.sdp().is_none();
        offers && !is_success(told.response)
    });
    refused.count()
}

fn profile_is_secure(seen: &Seen<'_>, _: Vantage) -> Outcome {
    const SECURE: [&str; 2] = ["UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF"];
    each_section(seen, "each with the secure profile", |_, media| {
        let is_secure = SECURE.contains(&media.protocol.as_str());
        let Media { kind, protocol, .. } = media;
        (!is_secure).then(|| format!("{kind} is described as {protocol}"))
    })
}

fn no_security_descriptions(seen: &Seen<'_>, _: Vantage) -> Outcome {
    each_section(
        seen,
        "none with a=crypto or a key of MIKEY",
        |sdp, media| {
            let told = [&media.crypto, &media.key_mgmt, &sdp.key_mgmt];
            let told = told.iter().any(|keys| !keys.is_empty());
            told.then(|| format!("the section of {} tells a key", media.kind))
        },
    )
}

fn every_section_is_keyed(seen: &Seen<'_>, _: Vantage) -> Outcome {
    each_section(seen, "each with a fingerprint", |sdp, media| {
        let by_dtls = media.protocol.contains("/TLS/");
        let kind = &media.kind;
        match sdp.fingerprints(media) {
            _ if !by_dtls => Some(format!("{kind} is described as {}", media.protocol)),
            [] => Some(format!("{kind} has no fingerprint")),
            _ => None,
        }
    })
}

fn no_mki(seen: &Seen<'_>, _: Vantage) -> Outcome {
    for agreed in &seen.secured.agreed {
        if !agreed.keys.server.mki.is_empty() {
            let why = "the handshake agrees on an MKI".into();
            return Outcome::Fail(why, Vec::new());
        }
    }
    let all = srtp::packets(seen, false).chain(srtp::packets(seen, true));
    srtp::each(seen, all, "packets without an MKI", |found| {
        (found.tail.mki > 0).then(|| format!("it carries an MKI of {} octets", found.tail.mki))
    })
}

fn keys_are_nowhere(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let secrets = traffic_keys(seen);
    if secrets.count() == 0 {
        return Outcome::Inconclusive("no traffic key of the session is known".into());
    }
    let mut found = srtp::exposed(seen, vantage, &secrets);
    if vantage == Vantage::Wire {
        found.extend(seen.signalled().flat_map(|s| told(seen, &s, &secrets)));
    }
    unless(found, || {
        Outcome::Pass(
            Assurance::Absence,
            format!("none of {} keys lies open", secrets.count()),
        )
    })
}

/// Keys of SRTP and of SFrame, and what DTLS is protected with.
pub(super) fn traffic_keys(seen: &Seen<'_>) -> Secrets {
    let srtp = seen.secured.ring.keys();
    let srtp = srtp.map(|key| {
        (
            format!("a master key of {}", key.suite.name),
            key.octets().to_vec(),
        )
    });
    let base = seen.base_keys.all();
    let base = base.map(|(kid, key)| (format!("the base key of kid {kid:#x}"), key.to_vec()));
    let logged = seen.escrow().secrets;
    let logged = logged.into_iter().filter(|(label, _)| {
        label == "CLIENT_RANDOM" || label.contains("TRAFFIC_SECRET") || label == "EXPORTER_SECRET"
    });
    let logged = logged.map(|(label, octets)| (format!("a secret of {label}"), octets));
    Secrets::new(srtp.chain(base).chain(logged).collect::<Vec<_>>())
}

/// Keys in an answer over HTTP.
fn told(seen: &Seen<'_>, signalled: &Signalled<'_>, secrets: &Secrets) -> Vec<Evidence> {
    let exposures = secrets.find(&signalled.response.body, MOST);
    let target = &signalled.request.head.target;
    let why = |secret: &str| format!("{secret} is in the answer to {target}");
    let evidence = |secret: &str| {
        let at = (Vantage::Wire, None, signalled.span);
        evidence_at(seen, at, why(secret))
    };
    exposures.iter().map(|e| evidence(&e.secret)).collect()
}
