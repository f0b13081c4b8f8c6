//! The page, and its parts.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, SHA384, digest};
use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{
    StatusCode,
    header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

use crate::{fault::portal::ChangesPart, hex::Hex, http::Answer};

/// What the page may load and talk to (CSP Level 3): parts of its own origin,
/// and nothing else; workers run what the page has checked. No other page frames
/// it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; worker-src blob:; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// The page and its parts, which whoever starts a relay hands it.
#[derive(Clone, Debug)]
pub struct Page(Arc<[Part]>);

/// A file of it.
#[derive(Clone, Debug)]
pub struct Part {
    /// Path of its URL.
    pub path: &'static str,
    /// What it is (RFC 9110 8.3).
    pub media_type: &'static str,
    /// What it says.
    pub text: String,
}

/// A part as it is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Path of its URL.
    pub path: &'static str,
    /// SHA-256 of its octets, in hexadecimal.
    pub sha256: String,
}

impl Page {
    /// Of these parts. Where the first has the path of another in braces, the hash
    /// of that one comes: a browser runs nothing else (W3C Subresource Integrity
    /// 3.1).
    pub fn new(mut parts: Vec<Part>) -> Self {
        if let Some((page, others)) = parts.split_first_mut() {
            for part in others {
                let hash = integrity(part.text.as_bytes());
                page.text = page.text.replace(&format!("{{{}}}", part.path), &hash);
            }
        }
        Self(parts.into())
    }

    /// What an honest relay serves.
    pub fn pins(&self) -> Vec<Pin> {
        let pin = |part: &Part| Pin {
            path: part.path,
            sha256: Hex(digest(&SHA256, part.text.as_bytes()).as_ref()).to_string(),
        };
        self.0.iter().map(pin).collect()
    }

    /// The part of that path.
    pub(super) fn part(&self, path: &str) -> Option<&Part> {
        self.0.iter().find(|part| part.path == path)
    }
}

fn integrity(octets: &[u8]) -> String {
    let hash = digest(&SHA384, octets);
    format!("sha384-{}", BASE64_STANDARD.encode(hash))
}

impl Part {
    /// The answer to who asks for it.
    pub(super) fn answer(&self, change: Option<ChangesPart>) -> Answer {
        let octets = self.text.as_bytes();
        let octets = match change {
            Some(change) => change(self.path, octets),
            None => octets.to_vec(),
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

    fn page() -> Page {
        let part = |(path, text): (_, &str)| Part {
            path,
            media_type: "text/plain",
            text: text.to_owned(),
        };
        Page::new([("/", "<{/a.js}>"), ("/a.js", "script")].map(part).into())
    }

    #[test]
    fn every_part_has_a_pin_of_its_own() {
        let [first, second] = page().pins().try_into().expect("two");
        assert!(first != second && first.sha256.len() == 64);
        assert!(page().part("/a.js").is_some() && page().part("/../a.js").is_none());
    }

    /// The hash is that of `openssl dgst -sha384 -binary | base64`.
    #[test]
    fn the_page_has_the_hashes_of_its_parts() {
        let hash = "6ue5d2QaPwlaMGhNVnY+j4dug2fnmrD4zxJxcL2G/+on/gwRUMV5t16bKlY1s8CK";
        let page = page();
        let text = &page.part("/").expect("it is there").text;
        assert_eq!(*text, format!("<sha384-{hash}>"));
    }
}
