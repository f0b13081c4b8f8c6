//! The page, and its parts.

use std::{borrow::Cow, sync::LazyLock};

use aws_lc_rs::digest::{SHA256, SHA384, digest};
use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{
    StatusCode,
    header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

use crate::{hex::Hex, http::Answer};

/// A part of the page.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) path: &'static str,
    media_type: &'static str,
    pub(super) octets: Cow<'static, str>,
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Their paths, media types and texts; that of the page first, in which a path
/// in braces stands for the hash of that part.
const TEXTS: [(&str, &str, &str); 7] = [
    ("/", HTML, include_str!("page/portal.html")),
    ("/portal.css", STYLE, include_str!("page/portal.css")),
    ("/hpke.js", SCRIPT, include_str!("page/hpke.js")),
    ("/viewer-key.js", SCRIPT, include_str!("page/viewer-key.js")),
    ("/playback.js", SCRIPT, include_str!("page/playback.js")),
    ("/portal.js", SCRIPT, include_str!("page/portal.js")),
    ("/worker.js", SCRIPT, include_str!("page/worker.js")),
];

/// What is served. A browser runs no part that has not the hash which the page
/// says (W3C Subresource Integrity 3.1).
static PARTS: LazyLock<Vec<Part>> = LazyLock::new(|| {
    let mut parts = Vec::new();
    for (path, media_type, text) in TEXTS {
        let octets = Cow::Borrowed(text);
        parts.push(Part {
            path,
            media_type,
            octets,
        });
    }
    let mut page = String::from(TEXTS[0].2);
    for (path, _, text) in &TEXTS[1..] {
        page = page.replace(&format!("{{{path}}}"), &integrity(text.as_bytes()));
    }
    parts[0].octets = page.into();
    parts
});

fn integrity(octets: &[u8]) -> String {
    let hash = digest(&SHA384, octets);
    format!("sha384-{}", BASE64_STANDARD.encode(hash))
}

/// What the page may load and talk to (CSP Level 3): parts of its own origin,
/// and nothing else; workers run what the page has checked. No other page frames
/// it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; worker-src blob:; img-src data:; base-uri 'none'; \
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
        sha256: Hex(digest(&SHA256, part.octets.as_bytes()).as_ref()).to_string(),
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
            Some(change) => change(self.path, self.octets.as_bytes()),
            None => self.octets.as_bytes().to_vec(),
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

    #[test]
    fn the_page_has_the_hash_of_every_part() {
        let page = &part("/").expect("it is served").octets;
        for (_, _, text) in &TEXTS[1..] {
            assert_eq!(page.matches(&integrity(text.as_bytes())).count(), 1);
        }
        assert!(!page.contains(['{', '}']));
    }
}
