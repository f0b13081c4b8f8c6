//! The page, and its parts.

use aws_lc_rs::digest::{SHA256, digest};
use hyper::{
    StatusCode,
    header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

use crate::{hex::Hex, http::Answer};

/// A part of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) path: &'static str,
    media_type: &'static str,
    pub(super) octets: &'static [u8],
}

/// All of them.
const PARTS: [Part; 4] = [
    Part {
        path: "/",
        media_type: "text/html; charset=utf-8",
        octets: include_str!("page/portal.html").as_bytes(),
    },
    Part {
        path: "/portal.js",
        media_type: "text/javascript; charset=utf-8",
        octets: include_str!("page/portal.js").as_bytes(),
    },
    Part {
        path: "/worker.js",
        media_type: "text/javascript; charset=utf-8",
        octets: include_str!("page/worker.js").as_bytes(),
    },
    Part {
        path: "/portal.css",
        media_type: "text/css; charset=utf-8",
        octets: include_str!("page/portal.css").as_bytes(),
    },
];

/// What the page may load and talk to (CSP Level 3): parts of its own origin,
/// and nothing else. No other page frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; worker-src 'self'; img-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// A part as it is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Path of its URL.
    pub path: &'static str,
    /// SHA-256 of its octets, in hexadecimal.
    pub sha256: String,
}

/// What an honest relay serves.
pub fn pins() -> Vec<Pin> {
    let pin = |part: &Part| Pin {
        path: part.path,
        sha256: Hex(digest(&SHA256, part.octets).as_ref()).to_string(),
    };
    PARTS.iter().map(pin).collect()
}

/// The part of that path.
pub(super) fn part(path: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.path == path)
}

impl Part {
    /// The answer to who asks for it.
    pub(super) fn answer(&self, change: Option<fn(&str, &[u8]) -> Vec<u8>>) -> Answer {
        let octets = match change {
            Some(change) => change(self.path, self.octets),
            None => self.octets.to_vec(),
        };
        Answer::of(StatusCode::OK)
            .with(CONTENT_SECURITY_POLICY, POLICY)
            .with(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .with(REFERRER_POLICY, "no-referrer")
            .with(
                HeaderName::from_static("cross-origin-opener-policy"),
                "same-origin",
            )
            .body(self.media_type, octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_pin_of_its_own() {
        let pins = pins();
        assert_eq!(pins.len(), PARTS.len());
        assert!(pins.iter().all(|pin| pin.sha256.len() == 64));
        assert!(part("/portal.js").is_some() && part("/../portal.js").is_none());
    }
}
