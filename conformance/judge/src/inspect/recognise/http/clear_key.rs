//! Keys of encrypted movies in clear: in licences of ClearKey (W3C Encrypted Media
//! Extensions 9.1), and as they are, where a playlist of HLS says SAMPLE-AES (RFC 8216
//! 4.3.2.4).

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
    /// The key of HLS, which says nothing of identifiers, and which of the licences gave
    /// it.
    of_playlist: Option<(Block, usize)>,
    /// Index of each licence, or key, in what was seen.
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
        all.of_playlist(seen);
        all
    }

    /// Looks for a key that playlists name. Of several nobody says which is whose.
    fn of_playlist(&mut self, seen: &[Seen<'_>]) {
        let playlists = seen.iter().filter(|m| m.transfer.raw.len() <= LONGEST);
        let named: BTreeSet<String> = playlists
            .flat_map(|message| sample_aes(&message.transfer.content()))
            .collect();
        if named.is_empty() {
            return;
        }
        let mut found: BTreeMap<Block, usize> = BTreeMap::new();
        for (index, message) in seen.iter().enumerate() {
            let target = message.target.as_deref().unwrap_or_default();
            if let Ok(key) = Block::try_from(&message.transfer.raw[..])
                && named.contains(last_part(target))
            {
                found.entry(key).or_insert(index);
            }
        }
        if found.len() == 1 {
            for (key, index) in found {
                self.of_playlist = Some((key, self.licences.len()));
                self.licences.push(index);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.of_playlist.is_none()
    }

    /// The key with that identifier.
    fn of(&self, kid: &Block) -> Option<(Block, usize)> {
        self.keys.get(kid).copied().or(self.of_playlist)
    }

    /// A movie that a key opens.
    pub(super) fn open(&self, octets: &[u8]) -> Option<File> {
        if self.is_empty() {
            return None;
        }
        let opened = cenc::open(octets, |kid| self.of(kid).map(|(key, _)| key))?;
        let file = container::at_start(&opened)?;
        Some(File {
            name: "key-in-clear",
            what: format!(
                "{}, encrypted (ISO/IEC 23001-7) under a key that was sent in clear",
                file.what
            ),
            played: Some(opened),
            ..file
        })
    }

    /// What is claimed of the licences whose keys movies are under that were seen, and of
    /// movies in one piece.
    pub(super) fn claims(&self, seen: &[Seen<'_>]) -> Vec<(usize, Claim)> {
        if self.is_empty() {
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
                if let Some((_, licence)) = self.of(&kid) {
                    used.entry(licence).or_insert(message.place);
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
                "in clear, the key of the encrypted movie whose description is in packet {packet}"
            );
            if told.insert(licence.flow) {
                let claim = Claim::clear("http/key-in-clear", Vec::new(), reason);
                claims.push((licence.flow, claim.at(licence.place)));
            }
        }
        claims
    }
}

/// What comes behind the last slash of an address, without a query.
fn last_part(address: &str) -> &str {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    address.rsplit('/').next().unwrap_or_default()
}

/// The names of keys that a playlist says samples are encrypted with.
fn sample_aes(playlist: &[u8]) -> Vec<String> {
    if !playlist.starts_with(b"#EXTM3U") {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(playlist);
    let lines = text
        .lines()
        .filter(|line| line.starts_with("#EXT-X-") && line.contains("METHOD=SAMPLE-AES"));
    let named = lines.filter_map(|line| {
        let (_, uri) = line.split_once("URI=\"")?;
        let name = last_part(uri.split('"').next()?);
        (!name.is_empty()).then(|| name.to_owned())
    });
    named.take(MOST_KEYS).collect()
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
    use crate::{
        dissect::{Traffic, cenc::made},
        inspect::{Scene, recognise::talk::tcp_between},
    };

    fn answer(body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    /// Which of the answers leak, of requests for a list, a key and a movie, each in a
    /// flow of its own.
    fn leaking(list: &str, key: &[u8]) -> Vec<usize> {
        let flow = |target: &str, body: &[u8]| {
            let asked = format!("GET {target} HTTP/1.1\r\n\r\n");
            tcp_between(&[asked.as_bytes()], &[&answer(body)])
        };
        let movie = made::movie(b"cenc", 0, &made::counter(made::SAMPLE));
        let traffic = Traffic {
            flows: vec![
                flow("/a/list", list.as_bytes()),
                flow("/a/key?s=1", key),
                flow("/a/movie.mp4", &movie),
            ],
            ..Traffic::default()
        };
        let claims = super::super::across(&Scene::new(&traffic));
        let clear = claims.iter().filter(|(_, claim)| {
            let is_clear = matches!(claim.standing, crate::inspect::Standing::Clear { .. });
            is_clear && claim.kind.ends_with("key-in-clear")
        });
        let mut flows: Vec<_> = clear.map(|(flow, _)| *flow).collect();
        flows.sort();
        flows
    }

    #[test]
    fn a_key_that_a_playlist_names_opens_a_movie() {
        let list =
            "#EXTM3U\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"../a/key?x\",KEYFORMAT=\"identity\"\n";
        assert_eq!(leaking(list, &made::SECRET), [1, 2]);
        let other = list.replace("key?x", "keys");
        assert_eq!(leaking(&other, &made::SECRET), [0; 0]);
        assert_eq!(leaking(list, &made::SECRET[1..]), [0; 0]);
    }

    #[test]
    fn a_licence_opens_the_movie_whose_key_it_has() {
        // KID and key of the movie.
        let licence = r#"{"keys":[{"kty":"oct","k":"Xl5eXl5eXl5eXl5eXl5eXg","kid":"S0tLS0tLS0tLS0tLS0tLSw"}]}"#;
        assert_eq!(leaking("", licence.as_bytes()), [1, 2]);
        let other = licence.replace("S0tL", "T0tL");
        assert_eq!(leaking("", other.as_bytes()), [0; 0]);
    }

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
