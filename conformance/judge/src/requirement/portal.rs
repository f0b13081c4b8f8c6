//! WHIP, WRTC-10, SFR-13: what a vendor's server serves for a device, and what the
//! device tells it.

pub(super) mod cameras;
mod page;
mod revoked;
mod whip;

use lightleak_case::TransportPath;

use super::{Level, Quote, Reading, Requirement, Stimuli, dtls::ROW as DTLS_ROW};

/// What every row here has in common.
const ROW: Requirement = Requirement {
    expects: is_portal,
    source: Quote {
        document: "RFC 9725",
        ..DTLS_ROW.source
    },
    ..DTLS_ROW
};

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "WHIP-01",
        title: "publishing and watching are asked for over HTTPS alone",
        source: Quote {
            clause: "5",
            text: "HTTPS SHALL be used in order to preserve the WebRTC security model.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["honest", "no-credentials"]),
        indispensable: &["honest", "no-credentials"],
        check: whip::is_https,
        ..ROW
    },
    Requirement {
        id: "WHIP-02",
        title: "the device shows its token with every request, and without one the server gives and ends nothing",
        source: Quote {
            clause: "4.7.1",
            text: "WHIP clients MUST implement this authentication and authorization mechanism and send the HTTP Authorization header field in all HTTP requests sent to either the WHIP endpoint or session (except the preflight OPTIONS requests for CORS).",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["honest", "no-credentials"]),
        indispensable: &["honest", "no-credentials"],
        check: whip::shows_tokens,
        ..ROW
    },
    Requirement {
        id: "WRTC-10",
        // The standard trusts whoever serves the page.
        standard: Level::Info,
        title: "the page and its parts are those that are pinned, and load nothing from elsewhere",
        source: Quote {
            document: "W3C Subresource Integrity, Editor's Draft",
            clause: "1.1",
            text: "Compromise of a third-party service should not automatically mean compromise of every site which includes its scripts.",
            ..ROW.source
        },
        check: page::is_pinned,
        ..ROW
    },
    Requirement {
        id: "SFR-13",
        // The standard leaves it to the application when keys change.
        standard: Level::Should,
        title: "what is sent after a viewer was revoked does not open with any key that was sealed to it",
        source: Quote {
            document: "RFC 9605",
            clause: "9.2",
            text: "The application is also responsible for defining a rotation schedule for keys.",
            read: Reading::InText,
        },
        stimuli: Stimuli::Only(&["revoked-viewer"]),
        indispensable: &["revoked-viewer"],
        check: revoked::opens_nothing_later,
        ..ROW
    },
];

/// The vendor's portal serves it.
pub(super) fn is_portal(path: &TransportPath) -> bool {
    path.id.starts_with("portal.") || !path.pages.is_empty()
}
