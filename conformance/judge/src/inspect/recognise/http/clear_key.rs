//! Licences of ClearKey (W3C Encrypted Media Extensions 9.1): keys of encrypted movies,
//! as JSON in clear.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    dissect::{
        base64,
        cenc::{self, Block},
        container::{self, File},
    },
    inspect::Claim,
};

use super::pieces::Seen;

/// Octets of a licence, and licences and keys that are read.
const LONGEST: usize = 64 * 1024;
const MOST_LICENCES: usize = 64;
const MOST_KEYS: usize = 256;

/// Keys that licences in clear gave.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// By identifier: the key, and which of the licences gave it.
    keys: BTreeMap<Block, (Block, usize)>,
    /// Index of each licence in what was seen.
    licences: Vec<usize>,
}

impl Keys {
    /// Reads the licences.
    pub(super) fn read(seen: &[Seen<'_>]) -> Self {
        let mut all = Self::default();
        for (index, message) in seen.iter().enumerate() {
            let raw = &message.transfer.raw;
            if raw.len() > LONGEST || message.transfer.head.status != 200 {
                continue;
            }
            let keys = licence(&message.transfer.content());
            if keys.is_empty() || all.licences.len() == MOST_LICENCES {
                continue;
            }
            for (kid, key) in keys {
                if all.keys.len() < MOST_KEYS {
                    all.keys.entry(kid).or_insert((key, all.licences.len()));
                }
            }
            all.licences.push(index);
        }
        all
    }

    /// A movie that a key opens.
    pub(super) fn open(&self, octets: &[u8]) -> Option<File> {
        if self.keys.is_empty() {
            return None;
        }
        let opened = cenc::open(octets, |kid| self.keys.get(kid).map(|(key, _)| *key))?;
        let file = container::at_start(&opened)?;
        Some(File {
            name: "key-in-clear",
            what: format!(
                "{}, encrypted (ISO/IEC 23001-7) under a key that a licence of ClearKey told in clear",
                file.what
            ),
            played: Some(opened),
            ..file
        })
    }

    /// What is claimed of the licences whose keys movies are under that were seen, and of
    /// movies in one piece.
    pub(super) fn claims(&self, seen: &[Seen<'_>]) -> Vec<(usize, Claim)> {
        if self.keys.is_empty() {
            return Vec::new();
        }
        let mut claims = Vec::new();
        let mut used = BTreeMap::new();
        for message in seen {
            let content = message.transfer.content();
            if content.get(4..8) != Some(b"ftyp") && content.get(4..8) != Some(b"moov") {
                continue;
            }
            for kid in cenc::kids(&content) {
                if let Some((_, licence)) = self.keys.get(&kid) {
                    used.entry(*licence).or_insert(message.place);
                }
            }
            if let Some(file) = self.open(&content) {
                let media = file.elementary(&content);
                let claim = Claim::playable("http/key-in-clear", vec![media], file.what);
                claims.push((message.flow, claim.at(message.place)));
            }
        }
        let licences = self.licences.iter().enumerate();
        let mut told = BTreeSet::new();
        for (number, index) in licences {
            let (Some(place), Some(licence)) = (used.get(&number), seen.get(*index)) else {
                continue;
            };
            let packet = place.map_or(0, |place| place.packet);
            let reason = format!(
                "a licence of ClearKey in clear, with the key of the movie whose description is in packet {packet}"
            );
            if told.insert(licence.flow) {
                let claim = Claim::clear("http/key-in-clear", Vec::new(), reason);
                claims.push((licence.flow, claim.at(licence.place)));
            }
        }
        claims
    }
}

/// Identifiers and keys of a licence.
fn licence(content: &[u8]) -> Vec<(Block, Block)> {
    if !content.trim_ascii_start().starts_with(b"{")
        || memchr::memmem::find(content, b"\"kid\"").is_none()
    {
        return Vec::new();
    }
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(content) else {
        return Vec::new();
    };
    let keys = json.get("keys").and_then(|keys| keys.as_array());
    let keys = keys.into_iter().flatten().filter_map(|key| {
        let field = |name| key.get(name).and_then(|value| value.as_str());
        let is_secret = field("kty").is_some_and(|kty| kty == "oct");
        let (kid, key) = (block(field("kid")?)?, block(field("k")?)?);
        is_secret.then_some((kid, key))
    });
    keys.collect()
}

/// 16 octets in base64url (RFC 4648 5), with padding or without.
fn block(text: &str) -> Option<Block> {
    let of = |octet: u8| match octet {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    let text: Vec<u8> = text.trim_end_matches('=').bytes().map(of).collect();
    let (octets, ..) = base64::decode(&text)?;
    octets.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_read_and_other_keys_are_not() {
        // The example of Encrypted Media Extensions 9.1.4.
        let text = br#"{"keys":[{"kty":"oct","k":"tQ0bJVWb6b0KPL6KtZIy_A","kid":"LwVHf8JLtPrv2GUXFW2v_A"}],"type":"temporary"}"#;
        let [(kid, key)] = licence(text)[..] else {
            panic!();
        };
        assert_eq!((kid[0], kid[15], key[0], key[15]), (0x2f, 0xfc, 0xb5, 0xfc));
        for other in [
            &br#"{"keys":[{"kty":"RSA","k":"tQ0bJVWb6b0KPL6KtZIy_A","kid":"LwVHf8JLtPrv2GUXFW2v_A"}]}"#[..],
            br#"{"keys":[{"kty":"oct","k":"tQ0b","kid":"LwVHf8JLtPrv2GUXFW2v_A"}]}"#,
            br#"{"kids":["LwVHf8JLtPrv2GUXFW2v_A"],"kid":1}"#,
            br#"{"keys":[{"kty":"oct""kid""#,
            b"",
        ] {
            assert_eq!(licence(other), []);
        }
    }
}
