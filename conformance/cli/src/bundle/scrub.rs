//! Tokens and passwords are in no bundle, as far as text holds them: escrow lines,
//! log lines, what clients say, URLs and the sentences of the report. Captures and
//! stored files are evidence and stay as they are.

use std::{collections::BTreeSet, fs, path::Path};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use lightleak_case::{Case, Declaration, SessionRecord};
use serde_json::Value;

use super::BundleError;

/// What stands where something was.
pub(super) const SCRUBBED: &str = "[scrubbed]";

/// Octets from which on a secret is scrubbed within words, too.
const TELLING: usize = 8;

/// The tokens and passwords of a case, in the forms in which text has them.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Those that were escrowed (`CREDENTIAL`, `BEARER_TOKEN`), and in URLs of the
    /// declaration.
    pub(super) fn of(case: &Case) -> Self {
        let mut found = BTreeSet::new();
        for line in case.sessions.iter().flat_map(|session| &session.keys) {
            let mut words = line.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("CREDENTIAL"), Some(user), Some(password)) => {
                    add(&mut found, password.as_bytes());
                    let basic = format!("{user}:{password}");
                    found.extend(encodings(basic.as_bytes()));
                }
                (Some("BEARER_TOKEN"), _, Some(token)) => {
                    found.insert(token.to_owned());
                    found.insert(token.to_uppercase());
                    if let Some(octets) = octets(token) {
                        add(&mut found, &octets);
                    }
                }
                _ => {}
            }
        }
        for path in &case.declaration.paths {
            if let Some((_, password)) = user_info(&path.url) {
                found.insert(password.to_owned());
            }
        }
        found.retain(|secret| !secret.trim().is_empty());
        let mut secrets: Vec<_> = found.into_iter().collect();
        // One may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// The text without them; none if there are none in it.
    pub(super) fn scrub(&self, text: &str) -> Option<String> {
        let mut scrubbed: Option<String> = None;
        for secret in &self.0 {
            let text = scrubbed.as_deref().unwrap_or(text);
            if let Some(without) = replace(text, secret) {
                scrubbed = Some(without);
            }
        }
        scrubbed
    }

    /// Scrubs the sentences of a report, and the URLs of its declaration.
    pub(super) fn scrub_report(&self, report: &mut Value) {
        let paths = report["declaration"]["paths"].as_array_mut();
        for path in paths.into_iter().flatten() {
            self.scrub_value(&mut path["url"]);
        }
        for finding in report["findings"].as_array_mut().into_iter().flatten() {
            self.scrub_value(&mut finding["reason"]);
            for evidence in finding["evidence"].as_array_mut().into_iter().flatten() {
                self.scrub_value(&mut evidence["why"]);
            }
        }
    }

    fn scrub_value(&self, value: &mut Value) {
        if let Some(scrubbed) = value.as_str().and_then(|text| self.scrub(text)) {
            *value = scrubbed.into();
        }
    }

    /// Scrubs the text files of a case; the names of those that changed.
    pub(super) fn scrub_case(&self, root: &Path, case: &Case) -> Result<Vec<String>, BundleError> {
        let mut changed = Vec::new();
        let mut declaration = case.declaration.clone();
        for path in &mut declaration.paths {
            if let Some(url) = self.scrub(&path.url) {
                path.url = url;
            }
        }
        if declaration != case.declaration {
            Declaration::write(&declaration, &root.join("declaration.toml"))?;
            changed.push("declaration.toml".to_owned());
        }
        for session in &case.sessions {
            let folder = root.join(&session.folder);
            let mut record = session.record.clone();
            for step in &mut record.experience.steps {
                if let Some(scrubbed) = self.scrub(step) {
                    *step = scrubbed;
                }
            }
            if record != session.record {
                SessionRecord::write(&record, &folder.join("session.toml"))?;
                changed.push(format!("{}/session.toml", session.folder));
            }
            if let Some(log) = self.scrub(&session.log) {
                write(&folder.join("log.txt"), &log)?;
                changed.push(format!("{}/log.txt", session.folder));
            }
            let keys = folder.join("keys.log");
            if session.keys.iter().any(|line| is_secret(line)) {
                let failed = |e| BundleError::Io(keys.clone(), e);
                let text = fs::read_to_string(&keys).map_err(failed)?;
                write(&keys, &without_secrets(&text))?;
                changed.push(format!("{}/keys.log", session.folder));
            }
        }
        changed.sort();
        Ok(changed)
    }
}

fn is_secret(line: &str) -> bool {
    let label = line.trim_start().split(' ').next();
    matches!(label, Some("CREDENTIAL" | "BEARER_TOKEN"))
}

/// Comments stand where the lines were; whose they were stays.
fn without_secrets(keys: &str) -> String {
    let line = |line: &str| match is_secret(line) {
        true => {
            let whose: Vec<_> = line.split_whitespace().take(2).collect();
            format!("# {} {SCRUBBED}\n", whose.join(" "))
        }
        false => format!("{line}\n"),
    };
    keys.lines().map(line).collect()
}

/// What is told as text, and as Base64.
fn add(found: &mut BTreeSet<String>, octets: &[u8]) {
    if let Ok(text) = std::str::from_utf8(octets) {
        found.insert(text.to_owned());
    }
    if octets.len() >= TELLING {
        found.extend(encodings(octets));
    }
}

fn encodings(octets: &[u8]) -> [String; 4] {
    [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD].map(|form| form.encode(octets))
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(octet).collect()
}

/// User and password in a URL (RFC 3986 3.2.1).
fn user_info(url: &str) -> Option<(&str, &str)> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.rsplit_once('@')?.0.split_once(':')
}

/// The text with a secret replaced; a short one only where it is a word by itself,
/// because the name of a stimulus may be part of it.
fn replace(text: &str, secret: &str) -> Option<String> {
    let mut without = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices(secret) {
        let (before, after) = (&text[..at], &text[at + secret.len()..]);
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-');
        let is_word = !is_part(before.chars().next_back()) && !is_part(after.chars().next());
        if secret.len() >= TELLING || is_word {
            without.push_str(&text[done..at]);
            without.push_str(SCRUBBED);
            done = at + secret.len();
        }
    }
    if done == 0 {
        return None;
    }
    without.push_str(&text[done..]);
    Some(without)
}

fn write(file: &Path, text: &str) -> Result<(), BundleError> {
    fs::write(file, text).map_err(|e| BundleError::Io(file.to_owned(), e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_secrets_are_scrubbed_as_words_alone() {
        let secrets = Secrets(vec!["correct horse".into(), "viewer".into()]);
        assert_eq!(
            secrets
                .scrub("xcorrect horsey: viewer under unenrolled-viewer")
                .unwrap(),
            "x[scrubbed]y: [scrubbed] under unenrolled-viewer"
        );
        assert_eq!(secrets.scrub("nothing of it"), None);
    }

    #[test]
    fn escrowed_passwords_leave_a_comment() {
        assert_eq!(
            without_secrets("CLIENT_RANDOM 00 11\nCREDENTIAL viewer s e c\nBEARER_TOKEN u 00ff\n"),
            "CLIENT_RANDOM 00 11\n# CREDENTIAL viewer [scrubbed]\n# BEARER_TOKEN u [scrubbed]\n"
        );
        assert_eq!(user_info("rtsp://a:b@192.0.2.1/x@y:z"), Some(("a", "b")));
        assert_eq!(user_info("rtsp://192.0.2.1/a:b@c"), None);
        assert_eq!(octets("00fF"), Some(vec![0, 255]));
    }
}
