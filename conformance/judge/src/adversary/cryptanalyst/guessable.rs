//! Keys that need no breaking: published ones, and such as are made of what
//! everybody knows of a device.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use hkdf::Hkdf;
use lightleak_vectors::keys::{self, PublishedKey};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Octets of a key that must agree.
pub const SHORTEST: usize = 16;

/// Seconds that are tried at most.
const MOST_SECONDS: u64 = 1 << 16;

/// Of these the last, together with each text.
const PAIRED_SECONDS: usize = 600;

/// What stands between two identifiers.
const SEPARATORS: [&str; 5] = ["", ":", "-", "_", "/"];

/// The published key that `key` is, or begins with (a salt may follow).
pub fn published(key: &[u8]) -> Option<&'static PublishedKey> {
    let keys = keys::published().keys.iter();
    keys.filter(|published| key.starts_with(&published.key))
        .max_by_key(|published| published.key.len())
}

/// What everybody knows, or can read off the device or the network.
#[derive(Clone, Debug, Default)]
pub struct Identifiers {
    /// Serial number, model, name, user names: text as it is printed.
    pub texts: Vec<String>,
    /// MAC addresses (EUI-48).
    pub macs: Vec<[u8; 6]>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
    /// When the key may have been made, seconds since 1970; the last 65536 of
    /// them are tried, the last 600 with each text.
    pub seconds: Option<RangeInclusive<u64>>,
}

/// How the key is made of the identifiers, in words; `None` if it is not, or is
/// shorter than 16 octets.
///
/// Tried are each identifier and each two of them one after the other, with a
/// separator or none, in the usual ways of writing them: as the key itself, filled
/// with zeros or repeated, and through MD5, SHA-1, SHA-256 (as octets and as
/// hexadecimal digits) and HKDF-SHA-256 without salt or info.
pub fn derivation(key: &[u8], identifiers: &Identifiers) -> Option<String> {
    if key.len() < SHORTEST {
        return None;
    }
    let is_text = key.iter().all(u8::is_ascii_hexdigit);
    search(identifiers, key.len(), is_text, &|made| made == key)
}

/// How a key of `length` octets that `opens` is made of the identifiers, in words:
/// tried are the same ones as for [`derivation`].
pub fn derived(
    length: usize,
    identifiers: &Identifiers,
    opens: &dyn Fn(&[u8]) -> bool,
) -> Option<String> {
    search(identifiers, length, true, opens)
}

fn search(
    identifiers: &Identifiers,
    length: usize,
    is_text: bool,
    is_key: &dyn Fn(&[u8]) -> bool,
) -> Option<String> {
    let parts = parts(identifiers);
    let seconds = seconds(identifiers);
    let made_of = |part: &Part| made_of(part, length, is_text, is_key);
    let alone = parts.iter().chain(&seconds);
    alone.clone().find_map(made_of).or_else(|| {
        let last = seconds.iter().rev().filter(|time| time.is_text);
        let times = || last.clone().take(PAIRED_SECONDS);
        let texts = || parts.iter().filter(|part| part.is_text);
        let both = parts.iter().flat_map(|a| parts.iter().map(move |b| (a, b)));
        let with_time = texts().flat_map(|a| times().flat_map(move |b| [(a, b), (b, a)]));
        both.chain(with_time)
            .filter(|(a, b)| a.octets != b.octets)
            .flat_map(|(a, b)| SEPARATORS.map(|separator| a.join(separator, b)))
            .find_map(|part| made_of(&part))
    })
}

/// A piece of what a key may be made of.
struct Part {
    octets: Vec<u8>,
    /// In words.
    name: String,
    is_text: bool,
}

impl Part {
    fn new(octets: impl Into<Vec<u8>>, name: impl Into<String>, is_text: bool) -> Self {
        Self {
            octets: octets.into(),
            name: name.into(),
            is_text,
        }
    }

    fn join(&self, separator: &str, other: &Self) -> Self {
        Self::new(
            [&self.octets, separator.as_bytes(), &other.octets].concat(),
            format!("{} {separator:?} {}", self.name, other.name),
            true,
        )
    }
}

fn parts(identifiers: &Identifiers) -> Vec<Part> {
    let mut parts = Vec::new();
    for text in &identifiers.texts {
        for form in [text.clone(), text.to_lowercase(), text.to_uppercase()] {
            parts.push(Part::new(form, format!("the text {text:?}"), true));
        }
    }
    for mac in &identifiers.macs {
        for separator in ["", ":", "-"] {
            let lower = mac.map(|octet| format!("{octet:02x}")).join(separator);
            let name = format!("the MAC address {lower}");
            parts.push(Part::new(lower.to_uppercase(), name.clone(), true));
            parts.push(Part::new(lower, name, true));
        }
        parts.push(Part::new(*mac, "the octets of the MAC address", false));
    }
    for address in &identifiers.addresses {
        let name = format!("the address {address}");
        parts.push(Part::new(address.to_string(), name.clone(), true));
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        parts.push(Part::new(octets, format!("the octets of {address}"), false));
    }
    parts.retain(|part| !part.octets.is_empty());
    parts.dedup_by(|a, b| a.octets == b.octets);
    parts
}

fn seconds(identifiers: &Identifiers) -> Vec<Part> {
    let Some(range) = &identifiers.seconds else {
        return Vec::new();
    };
    let first = *range
        .start()
        .max(&range.end().saturating_sub(MOST_SECONDS - 1));
    let forms = |second: u64| {
        let name = format!("the time {second}");
        let short = second as u32;
        [
            Part::new(second.to_string(), name.clone(), true),
            Part::new(short.to_be_bytes(), name.clone(), false),
            Part::new(short.to_le_bytes(), name.clone(), false),
            Part::new(second.to_be_bytes(), name.clone(), false),
            Part::new(second.to_le_bytes(), name, false),
        ]
    };
    (first..=*range.end()).flat_map(forms).collect()
}

fn made_of(
    part: &Part,
    length: usize,
    is_text: bool,
    is_key: &dyn Fn(&[u8]) -> bool,
) -> Option<String> {
    let octets = &part.octets;
    let begins = |made: &[u8]| made.get(..length).is_some_and(is_key);
    // Text filled up, cut off, or repeated.
    let filled: Vec<u8> = octets
        .iter()
        .chain(&[0; 64])
        .take(length)
        .copied()
        .collect();
    let repeated: Vec<u8> = octets.iter().cycle().take(length).copied().collect();
    if begins(&filled) || begins(&repeated) {
        return Some(part.name.clone());
    }
    let through = |hash: &str| Some(format!("{hash} of {}", part.name));
    for (name, digest) in [
        ("MD5", Md5::digest(octets).to_vec()),
        ("SHA-1", Sha1::digest(octets).to_vec()),
        ("SHA-256", Sha256::digest(octets).to_vec()),
    ] {
        if begins(&digest) {
            return through(name);
        }
        if is_text {
            let digits = digits(&digest);
            if begins(digits.as_bytes()) || begins(digits.to_uppercase().as_bytes()) {
                return through(&format!("the digits of {name}"));
            }
        }
    }
    let mut expanded = vec![0; length];
    let hkdf = Hkdf::<Sha256>::new(None, octets).expand(&[], &mut expanded);
    if hkdf.is_ok() && begins(&expanded) {
        return through("HKDF-SHA-256");
    }
    None
}

/// Hexadecimal digits, of lower case.
fn digits(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::cryptanalyst::testing::random;

    fn camera() -> Identifiers {
        Identifiers {
            texts: vec!["LL-0042-A".into(), "Porch".into()],
            macs: vec![[0x02, 0, 0, 0xAB, 0xCD, 0xEF]],
            addresses: vec!["192.0.2.17".parse().expect("an address")],
            seconds: Some(1_700_000_000..=1_700_000_300),
        }
    }

    #[test]
    fn published_keys_are_known_with_salt_or_without() {
        let key = &keys::published().keys[3];
        assert_eq!(published(&key.key), Some(key));
        assert_eq!(
            published(&[&key.key[..], &random(1, 14)].concat()),
            Some(key)
        );
        assert_eq!(published(&key.key[..15]), None);
        // The longer of two that begin alike.
        let counting: Vec<u8> = (0..32).collect();
        assert_eq!(published(&counting).map(|key| key.key.len()), Some(32));
        assert_eq!(published(&random(1, 32)), None);
    }

    #[test]
    fn keys_made_of_identifiers_are_seen_through() {
        let camera = camera();
        let sha = |text: &str| Sha256::digest(text).to_vec();
        for (key, words) in [
            (sha("LL-0042-A"), "SHA-256 of the text \"LL-0042-A\""),
            (
                sha("ll-0042-a")[..16].to_vec(),
                "SHA-256 of the text \"LL-0042-A\"",
            ),
            (
                Md5::digest("020000ABCDEF").to_vec(),
                "MD5 of the MAC address 020000abcdef",
            ),
            (
                Sha1::digest([0x02, 0, 0, 0xAB, 0xCD, 0xEF])[..16].to_vec(),
                "SHA-1 of the octets of the MAC address",
            ),
            (
                digits(&Md5::digest("Porch")).into_bytes(),
                "the digits of MD5 of the text \"Porch\"",
            ),
            (
                b"LL-0042-A\0\0\0\0\0\0\0".to_vec(),
                "the text \"LL-0042-A\"",
            ),
            (b"porchporchporchp".to_vec(), "the text \"Porch\""),
            (
                sha("LL-0042-A:02:00:00:ab:cd:ef"),
                "SHA-256 of the text \"LL-0042-A\" \":\" the MAC address 02:00:00:ab:cd:ef",
            ),
            (sha("1700000123"), "SHA-256 of the time 1700000123"),
            (
                Md5::digest(1_700_000_007_u32.to_le_bytes()).to_vec(),
                "MD5 of the time 1700000007",
            ),
            (
                sha("Porch1700000299"),
                "SHA-256 of the text \"Porch\" \"\" the time 1700000299",
            ),
            (
                sha("1700000001-LL-0042-A"),
                "SHA-256 of the time 1700000001 \"-\" the text \"LL-0042-A\"",
            ),
            (
                sha("192.0.2.17/LL-0042-A"),
                "SHA-256 of the address 192.0.2.17 \"/\" the text \"LL-0042-A\"",
            ),
        ] {
            assert_eq!(derivation(&key, &camera).as_deref(), Some(words));
        }
        let mut key = [0; 32];
        let hkdf = Hkdf::<Sha256>::new(None, b"LL-0042-A");
        hkdf.expand(&[], &mut key).expect("32 octets");
        assert!(derivation(&key, &camera).is_some_and(|words| words.starts_with("HKDF")));
    }

    #[test]
    fn keys_that_are_not_known_are_found_by_what_they_open() {
        let camera = camera();
        let key = &Sha256::digest("Porch/LL-0042-A")[..16];
        let words = derived(16, &camera, &|made| made == key);
        assert_eq!(
            words.as_deref(),
            Some("SHA-256 of the text \"Porch\" \"/\" the text \"LL-0042-A\"")
        );
        let digits = digits(&Md5::digest("LL-0042-A"));
        let words = derived(16, &camera, &|made| *made == digits.as_bytes()[..16]);
        assert_eq!(
            words.as_deref(),
            Some("the digits of MD5 of the text \"LL-0042-A\"")
        );
        assert_eq!(derived(16, &camera, &|_| false), None);
    }

    #[test]
    fn other_keys_are_not() {
        let camera = camera();
        for seed in 0..2 {
            for length in [16, 30] {
                assert_eq!(derivation(&random(seed, length), &camera), None);
            }
        }
        let hash = Sha256::digest("LL-0043-A").to_vec();
        assert_eq!(derivation(&hash, &camera), None);
        assert_eq!(
            derivation(&Sha256::digest("LL-0042-A")[..15], &camera),
            None
        );
        assert_eq!(derivation(&hash, &Identifiers::default()), None);
        assert_eq!(
            derivation(
                &[0; 16],
                &Identifiers {
                    texts: vec![String::new()],
                    ..camera
                }
            ),
            None
        );
    }

    #[test]
    fn so_many_seconds_are_tried_and_no_more() {
        let last = u64::MAX;
        let ever = Identifiers {
            seconds: Some(0..=last),
            ..Identifiers::default()
        };
        let key = Sha256::digest((last - 65_535).to_string());
        assert!(derivation(&key, &ever).is_some());
        let key = Sha256::digest((last - 65_536).to_string());
        assert_eq!(derivation(&key, &ever), None);
    }
}
