//! SRTP over RTSP as ONVIF has it: RTSP-02, RTSP-05, RTSP-06, RTSP-07, RTSP-08.

use lightleak_case::{TransportProtocol, Vantage};

use super::{
    super::{Quote, Reading, Requirement, Stimuli, evidence, srtp, unless},
    STREAMING, rekey,
};
use crate::{
    dissect::{
        Span, key_attribute,
        mikey::{Mikey, Policy, parameter},
        rtsp::transport::Transport,
    },
    open::srtp::suite,
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
};

/// The algorithms of ONVIF Streaming 8.1, NONE excluded.
const ALGORITHMS: [&str; 3] = [
    "AES_CM_128_HMAC_SHA1_80",
    "AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM",
];

pub(in crate::requirement) const ROWS: &[Requirement] = &[
    Requirement {
        id: "RTSP-02",
        title: "SRTP is set up inside TLS alone",
        source: Quote {
            document: STREAMING,
            clause: "5.1.1.4",
            text: "TLS shall be used for RTSP when SRTP is used.",
            read: Reading::InText,
        },
        expects: srtp::is_srtp,
        stimuli: Stimuli::Only(&["honest", "srtp-over-rtsp"]),
        indispensable: &["srtp-over-rtsp"],
        check: set_up_inside_tls,
        ..srtp::ROW
    },
    Requirement {
        id: "RTSP-05",
        title: "policies of MIKEY have an algorithm of ONVIF, and encryption of SRTP and SRTCP on",
        source: Quote {
            document: STREAMING,
            clause: "5.1.1.4",
            text: "a device not listing supported SRTP cryptographic algorithms shall use the AES_CM_128_HMAC_SHA1_80 algorithm as defined in RFC 3711.",
            read: Reading::InText,
        },
        expects: srtp::is_srtp,
        check: policies_are_strong,
        ..srtp::ROW
    },
    Requirement {
        id: "RTSP-06",
        title: "what MIKEY tells is nowhere outside TLS, neither on the wire, nor stored, nor in the log",
        source: Quote {
            document: STREAMING,
            clause: "8.2",
            text: "The KEMAC payload should not be encrypted since TLS already encrypts the RTSPS channel.",
            read: Reading::InText,
        },
        vantages: Vantage::ALL,
        expects: srtp::is_srtp,
        check: keys_stay_inside,
        ..srtp::ROW
    },
    Requirement {
        id: "RTSP-07",
        title: "every packet of SRTP carries the MKI of its key",
        source: Quote {
            document: STREAMING,
            clause: "8.2",
            text: "Each SRTP packet shall include the MKI.",
            read: Reading::InText,
        },
        expects: srtp::is_srtp,
        check: packets_carry_mki,
        ..srtp::ROW
    },
    Requirement {
        id: "RTSP-08",
        title: "a key that SET_PARAMETER brings takes the place of the one before, and the roll-over counter goes on",
        source: Quote {
            document: STREAMING,
            clause: "8.2.1.2",
            text: "The device shall not reset the ROC when changing keys.",
            read: Reading::InText,
        },
        expects: srtp::is_srtp,
        stimuli: Stimuli::Only(&["re-key"]),
        indispensable: &["re-key"],
        check: rekey::new_key_is_used,
        ..srtp::ROW
    },
];

fn set_up_inside_tls(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found: Vec<Evidence> = Vec::new();
    let mut inside = 0;
    for served in seen.dialogues() {
        for (request, response, span) in served.answered() {
            let chosen = response.header("transport").unwrap_or_default();
            let secure = Transport::parse(chosen).iter().any(Transport::is_secure);
            if request.method != "SETUP" || !(200..300).contains(&response.status) || !secure {
                continue;
            }
            match served.opened {
                true => inside += 1,
                false => {
                    let why = format!(
                        "without TLS SETUP was answered {} with {chosen}",
                        response.status
                    );
                    found.push(evidence(seen, span, why));
                }
            }
        }
    }
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    let tcp = seen
        .flows()
        .filter(|(flow, _)| flow.transport == TransportProtocol::Tcp);
    let to_device = tcp.filter(|(flow, _)| seen.is_device(flow.b.ip()));
    let outside = to_device
        .filter(|(_, connection)| connection.tls.is_none())
        .count();
    match (seen.session.record.stimulus.as_str(), inside, outside) {
        ("srtp-over-rtsp", _, 0) => {
            Outcome::Inconclusive("nobody asked for SRTP without TLS".into())
        }
        ("srtp-over-rtsp", _, tried) => Outcome::Pass(
            Assurance::Absence,
            format!("{tried} connections without TLS set no SRTP up"),
        ),
        (_, 0, _) => Outcome::Inconclusive("nobody set SRTP up".into()),
        (_, inside, _) => Outcome::Pass(
            Assurance::Opened,
            format!("SRTP was set up {inside} times, inside TLS"),
        ),
    }
}

fn policies_are_strong(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut told = 0;
    for (mikey, span) in messages(seen) {
        for policy in mikey.srtp_policies() {
            told += 1;
            if let Some(why) = weakness(policy) {
                found.push(evidence(seen, span, format!("a policy of MIKEY has {why}")));
            }
        }
    }
    unless(found, || match told {
        0 => Outcome::Inconclusive("no policy of MIKEY was read inside TLS".into()),
        told => Outcome::Pass(
            Assurance::Opened,
            format!("{told} policies, each with an algorithm of ONVIF and encryption on"),
        ),
    })
}

fn weakness(policy: &Policy) -> Option<String> {
    let is_off = |kind: u8| policy.value(kind) == Some(0);
    if is_off(parameter::SRTP_ENCRYPTION) {
        return Some("encryption of SRTP off".into());
    }
    if is_off(parameter::SRTCP_ENCRYPTION) {
        return Some("encryption of SRTCP off".into());
    }
    match suite(policy) {
        Some(suite) if ALGORITHMS.contains(&suite.name) => None,
        Some(suite) => Some(format!("the algorithm {}", suite.name)),
        None => Some(format!(
            "encryption algorithm {:?}, which is none of ONVIF",
            policy.value(parameter::ENCRYPTION)
        )),
    }
}

fn keys_stay_inside(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let secrets = srtp::secrets(seen);
    if secrets.count() == 0 {
        return Outcome::Inconclusive("no master key of SRTP is known".into());
    }
    unless(srtp::exposed(seen, vantage, &secrets), || {
        Outcome::Pass(
            Assurance::Absence,
            format!("none of {} master keys lies open", secrets.count()),
        )
    })
}

fn packets_carry_mki(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let all = srtp::packets(seen, false).chain(srtp::packets(seen, true));
    srtp::each(seen, all, "packets", |found| {
        let key = seen.secured.ring.key(found.key)?;
        match (found.tail.mki, key.mki.is_empty()) {
            (_, true) => Some("its key was told without an MKI".into()),
            (0, false) => Some("it carries no MKI, and its key has one".into()),
            _ => None,
        }
    })
}

/// MIKEY messages that the device sent inside TLS, and where they lie.
fn messages<'a>(seen: &'a Seen<'_>) -> impl Iterator<Item = (Mikey, Span)> + 'a {
    let answered = seen.answered_inside();
    answered.flat_map(|(_, response, span)| {
        key_attribute::mikeys(response).map(move |mikey| (mikey, span))
    })
}
