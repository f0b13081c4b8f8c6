//! WRTC-10: the page is the one that is pinned.

use std::collections::{BTreeMap, BTreeSet};

use lightleak_case::Vantage;
use sha2::{Digest as _, Sha256};

use super::super::{evidence, unless};
use crate::{
    logins::{self, is_success},
    open::keylog::octets,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// What no test can tell.
const TRUST: &str = "whoever serves the page stays trusted by its viewer all the same: another page, \
     served to that viewer alone, could take the pictures and the keys that it opens";

/// Directives of a policy (CSP Level 3) that say what is loaded and who is told.
const DIRECTIVES: [&str; 3] = ["default-src", "script-src", "connect-src"];

pub(super) fn is_pinned(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let path = seen.declaration.path(&seen.session.record.path);
    let pages = path.map_or(&[][..], |path| &path.pages);
    if pages.is_empty() {
        return Outcome::Inconclusive("the declaration pins no page".into());
    }
    let pins: BTreeMap<&str, Option<Vec<u8>>> = pages
        .iter()
        .map(|page| (page.path.trim_end_matches('/'), octets(&page.sha256)))
        .collect();
    let mut found = Vec::new();
    let mut right = BTreeSet::new();
    for asked in seen.signalled().filter(|asked| is_success(asked.response)) {
        let (path, head) = (logins::path(asked.request), &asked.response.head);
        let pin = pins.get(path);
        let Some(pin) = pin.filter(|_| asked.request.head.method == "GET") else {
            continue;
        };
        let hash = Sha256::digest(&asked.response.body);
        let is_page = head.has("content-type", "text/html");
        let policy = head.value("content-security-policy");
        let what = match policy.map(lets_in) {
            _ if pin.as_deref() != Some(&hash[..]) => "is not what it is pinned to".to_owned(),
            None if is_page => "has no policy of what it loads".to_owned(),
            Some(Some(what)) if is_page => format!("may load or tell {what}"),
            _ => {
                right.insert(path);
                continue;
            }
        };
        let why = format!("{path}/ of the page {what}");
        found.push(evidence(seen, asked.span, why));
    }
    let missing = pins.keys().find(|path| !right.contains(*path));
    unless(found, || match missing {
        Some(path) => Outcome::Inconclusive(format!("nobody asked for {path}/ of the page")),
        None => Outcome::Pass(
            Assurance::Opened,
            format!("{} parts are those that are pinned; {TRUST}", right.len()),
        ),
    })
}

/// What of a policy lets something in from elsewhere, or out.
fn lets_in(policy: &str) -> Option<String> {
    let directives = policy.split(';').filter_map(|directive| {
        let mut words = directive.split_ascii_whitespace();
        let name = words.next()?.to_ascii_lowercase();
        Some((name, words.collect::<Vec<_>>()))
    });
    let directives: BTreeMap<_, _> = directives.collect();
    let default = directives.get("default-src");
    DIRECTIVES.into_iter().find_map(|name| {
        let Some(sources) = directives.get(name).or(default) else {
            return Some(format!("everything, as there is no {name}"));
        };
        let mut sources = sources.iter();
        let strange = sources.find(|source| !["'none'", "'self'"].contains(source));
        strange.map(|source| format!("{source}, by {name}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_lets_nothing_in_or_out() {
        for strict in [
            "default-src 'none'; script-src 'self'; connect-src 'self'",
            "default-src 'self'",
        ] {
            assert_eq!(lets_in(strict), None, "{strict}");
        }
        for lax in [
            "",
            "script-src 'self'; connect-src 'self'",
            "default-src *",
            "default-src 'none'; script-src 'self' 'unsafe-inline'",
            "default-src 'none'; connect-src https://elsewhere.example",
        ] {
            assert!(lets_in(lax).is_some(), "{lax}");
        }
    }
}
