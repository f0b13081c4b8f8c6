//! WRTC: what the device says of itself in SDP, and keeps to.

use lightleak_case::{Carriage, TransportPath, Vantage};

use super::{Quote, Requirement, dtls::ROW as DTLS_ROW, evidence, evidence_at, srtp, unless};
use crate::{
    adversary::cryptanalyst::key_material::Secrets,
    dissect::{
        Span,
        sdp::{Media, Sdp},
    },
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
    webrtc::Signalled,
};

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
        check: profile_is_secure,
        ..ROW
    },
    Requirement {
        id: "WRTC-03",
        title: "keys are not told in SDP",
        source: Quote {
            text: "WebRTC implementations MUST NOT offer SDP security descriptions [RFC4568] or select it if offered.",
            ..ROW.source
        },
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
        check: every_section_is_keyed,
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
    unless(found, || match right {
        0 => Outcome::Inconclusive("no description of the device was read inside TLS".into()),
        right => Outcome::Pass(
            Assurance::Opened,
            format!("{right} sections of audio and video, {what}"),
        ),
    })
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
