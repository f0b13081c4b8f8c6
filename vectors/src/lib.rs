//! Known answers: published test vectors as data, and their loader.
//!
//! One file per published set under `data/`, with its source and clause. The
//! data are part of the program: a file that does not load is our bug.

#![forbid(unsafe_code)]

pub mod age;
pub mod keys;
pub mod tls13;

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

/// All sets, in order of their id.
pub fn sets() -> Vec<Set> {
    vec![
        age::cctv().set(),
        keys::published().set(),
        tls13::simple_1rtt().set(),
    ]
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
