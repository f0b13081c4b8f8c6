//! IOT: product baselines.

mod accounts;
mod cloud;
mod disclosure;
mod secrets;

use lightleak_case::{Carriage, TransportPath, Vantage};

use super::{Level, Quote, Reading, Requirement, Stimuli};
use crate::presence::Need;

const EN: &str = "ETSI EN 303 645 V2.1.1";

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "IOT-01",
        level: Level::Must,
        standard: Level::Must,
        title: "no password that devices are shipped with, or that is made of an identifier, lets anybody in",
        source: Quote {
            document: EN,
            clause: "5.1-1",
            text: "Where passwords are used and in any state other than the factory default, all consumer IoT device passwords shall be unique per device or defined by the user.",
            read: Reading::SecondHand,
        },
        expects: is_rtsp,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["guessable-credentials", "honest"]),
        indispensable: &["guessable-credentials"],
        check: accounts::not_guessable,
    },
    Requirement {
        id: "IOT-03",
        level: Level::Must,
        standard: Level::Must,
        title: "no secret is part of a firmware: no published account lets anybody in, and no escrowed secret is a published key or made of identifiers",
        source: Quote {
            document: EN,
            clause: "5.4-3",
            text: "Hard-coded critical security parameters in device software source code shall not be used.",
            read: Reading::SecondHand,
        },
        expects: is_rtsp,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["guessable-credentials", "honest"]),
        indispensable: &["guessable-credentials", "honest"],
        check: accounts::not_hard_coded,
    },
    Requirement {
        id: "IOT-06",
        level: Level::Must,
        standard: Level::Must,
        title: "who has shown no credentials changes nothing: by SET_PARAMETER, ANNOUNCE and RECORD, or over HTTP by DELETE, PATCH and PUT",
        source: Quote {
            document: EN,
            clause: "5.5-5",
            text: "Device functionality that allows security-relevant changes in configuration via a network interface shall only be accessible after authentication.",
            read: Reading::SecondHand,
        },
        expects: is_asked,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["no-credentials"]),
        indispensable: &["no-credentials"],
        check: disclosure::no_change,
    },
    Requirement {
        id: "IOT-07",
        level: Level::Must,
        standard: Level::Must,
        title: "no escrowed secret, password or key, appears on the wire, as octets or as text",
        source: Quote {
            document: EN,
            clause: "5.5-7",
            text: "The consumer IoT device shall protect the confidentiality of critical security parameters that are communicated via remotely accessible network interfaces.",
            read: Reading::SecondHand,
        },
        expects: is_network,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::All,
        indispensable: &["honest", "port-sweep"],
        check: secrets::not_in_clear,
    },
    Requirement {
        id: "IOT-08",
        level: Level::Must,
        standard: Level::Must,
        title: "answers before authentication tell neither serial number nor model, version or stream address",
        source: Quote {
            document: EN,
            clause: "5.6-2",
            text: "In the initialized state, the network interfaces of the device shall minimize the unauthenticated disclosure of security-relevant information.",
            read: Reading::SecondHand,
        },
        expects: is_asked,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["no-credentials", "port-sweep"]),
        indispensable: &["no-credentials"],
        check: disclosure::tells_little,
    },
    Requirement {
        id: "IOT-09",
        level: Level::Must,
        standard: Level::Must,
        title: "what the device sends to services is encrypted",
        source: Quote {
            document: EN,
            clause: "5.8-2",
            text: "The confidentiality of sensitive personal data communicated between the device and associated services shall be protected, with cryptography appropriate to the properties of the technology and usage.",
            read: Reading::SecondHand,
        },
        expects: is_network,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["honest"]),
        indispensable: &["honest"],
        check: cloud::is_sealed,
    },
];

fn is_network(path: &TransportPath) -> bool {
    path.carriage != Carriage::Recording
}

/// What is asked there is asked in RTSP.
fn is_rtsp(path: &TransportPath) -> bool {
    matches!(path.carriage, Carriage::RtspInterleaved | Carriage::Rtp)
}

/// What is asked there is asked in RTSP, or in signalling over HTTP.
fn is_asked(path: &TransportPath) -> bool {
    is_rtsp(path) || path.carriage == Carriage::Webrtc
}
