//! The page, and its parts.

use aws_lc_rs::digest::{SHA256, digest};
use hyper::{
    StatusCode,
    header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

use crate::{fault::portal::ChangesPart, hex::Hex, http::Answer};

/// The page and its parts, which whoever starts a relay hands it.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// `/`
    pub html: &'static str,
    /// `/portal.js`
    pub script: &'static str,
    /// `/worker.js`
    pub worker: &'static str,
    /// `/portal.css`
    pub style: &'static str,
}

/// A part of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    path: &'static str,
    media_type: &'static str,
    octets: &'static [u8],
}

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

impl Page {
    /// What an honest relay serves.
    pub fn pins(&self) -> Vec<Pin> {
        let pin = |part: Part| Pin {
            path: part.path,
            sha256: Hex(digest(&SHA256, part.octets).as_ref()).to_string(),
        };
        self.parts().map(pin).into()
    }

    /// The part of that path.
    pub(super) fn part(&self, path: &str) -> Option<Part> {
        self.parts().into_iter().find(|part| part.path == path)
    }

    fn parts(&self) -> [Part; 4] {
        const SCRIPT: &str = "text/javascript; charset=utf-8";
        [
            ("/", "text/html; charset=utf-8", self.html),
            ("/portal.js", SCRIPT, self.script),
            ("/worker.js", SCRIPT, self.worker),
            ("/portal.css", "text/css; charset=utf-8", self.style),
        ]
        .map(|(path, media_type, text)| Part {
            path,
            media_type,
            octets: text.as_bytes(),
        })
    }
}

impl Part {
    /// The answer to who asks for it.
    pub(super) fn answer(&self, change: Option<ChangesPart>) -> Answer {
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
        let page = Page {
            html: "html",
            script: "script",
            worker: "worker",
            style: "style",
        };
        let pins = page.pins();
        let sums: std::collections::BTreeSet<_> = pins.iter().map(|pin| &pin.sha256).collect();
        assert_eq!((pins.len(), sums.len()), (4, 4));
        assert!(pins.iter().all(|pin| pin.sha256.len() == 64));
        assert!(page.part("/portal.js").is_some() && page.part("/../portal.js").is_none());
    }
}
