//! NSS key log lines (SSLKEYLOGFILE; RFC 9850).

use std::{collections::BTreeMap, fmt};

/// Label of a secret, and the client random of its connection.
type SecretName = (String, [u8; 32]);

/// Secrets by label and client random.
#[derive(Clone, Default)]
pub struct KeyLog {
    secrets: BTreeMap<SecretName, Vec<u8>>,
}

impl KeyLog {
    /// Reads the lines: label, client random and secret, the latter two in
    /// hexadecimal. Those that are no key log lines are left out; of two with
    /// the same label and random the first counts.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut log = Self::default();
        for (key, secret) in lines.into_iter().filter_map(line) {
            log.secrets.entry(key).or_insert(secret);
        }
        log
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// The secret with that label of the connection with that client random.
    pub fn secret(&self, label: &str, client_random: &[u8; 32]) -> Option<&[u8]> {
        self.secrets
            .get(&(label.to_owned(), *client_random))
            .map(Vec::as_slice)
    }
}

/// Shows no secret.
impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyLog({} secrets)", self.secrets.len())
    }
}

fn line(line: &str) -> Option<(SecretName, Vec<u8>)> {
    let mut words = line.split_ascii_whitespace();
    let label = words.next().filter(|label| !label.starts_with('#'))?;
    let random = octets(words.next()?)?.try_into().ok()?;
    let secret = octets(words.next()?)?;
    match words.next() {
        None => Some(((label.to_owned(), random), secret)),
        Some(_) => None,
    }
}

/// Octets that are written in hexadecimal.
pub(crate) fn octets(hexadecimal: &str) -> Option<Vec<u8>> {
    let (pairs, []) = hexadecimal.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |octet: u8| char::from(octet).to_digit(16);
    let octet = |pair: &[u8; 2]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
    pairs.iter().map(octet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1F";

    fn random() -> [u8; 32] {
        std::array::from_fn(|i| u8::try_from(i).unwrap())
    }

    #[test]
    fn a_line_is_found_by_label_and_random() {
        let text = format!("# comment\n\nCLIENT_TRAFFIC_SECRET_0 {RANDOM} AbCd\r\n");
        let log = KeyLog::parse(text.lines());
        let secret = log.secret("CLIENT_TRAFFIC_SECRET_0", &random());
        assert_eq!(secret, Some(&[0xab, 0xcd][..]));
        assert_eq!(log.secret("SERVER_TRAFFIC_SECRET_0", &random()), None);
        assert_eq!(log.secret("CLIENT_TRAFFIC_SECRET_0", &[0; 32]), None);
    }

    #[test]
    fn the_first_of_two_counts() {
        let lines = [format!("L {RANDOM} 01"), format!("L {RANDOM} 02")];
        let log = KeyLog::parse(lines.iter().map(String::as_str));
        assert_eq!(log.secret("L", &random()), Some(&[1][..]));
    }

    #[test]
    fn other_lines_are_left_out() {
        for wrong in [
            String::new(),
            "L".to_owned(),
            format!("L {RANDOM}"),
            format!("L {RANDOM} 0"),
            format!("L {RANDOM} 0g"),
            format!("L {RANDOM} +1"),
            format!("L {RANDOM} \u{e9}"),
            format!("L {RANDOM} 01 02"),
            format!("L {} 01", &RANDOM[2..]),
            format!("#L {RANDOM} 01"),
        ] {
            let log = KeyLog::parse([wrong.as_str()]);
            assert!(log.secrets.is_empty(), "{wrong}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let line = format!("L {RANDOM} abcd");
        let log = KeyLog::parse([line.as_str()]);
        assert_eq!(format!("{log:?}"), "KeyLog(1 secrets)");
    }
}
