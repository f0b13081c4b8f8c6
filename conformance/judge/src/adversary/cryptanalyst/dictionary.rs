//! Names and passwords that an attacker tries first: those that devices are
//! shipped with, those that are part of a firmware, and those that are made of
//! what everybody can read off a device.

use std::{collections::BTreeSet, net::IpAddr};

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A name and a password to try.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Guess {
    /// Name.
    pub user: String,
    /// Password.
    pub password: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a guess comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Shipped with many devices.
    Default,
    /// Made of an identifier, in words.
    Identifier(String),
    /// Part of a firmware, and published.
    Firmware(&'static str),
}

/// Shipped with many devices of many makers.
const DEFAULTS: [(&str, &str); 24] = [
    ("admin", ""),
    ("admin", "admin"),
    ("admin", "1234"),
    ("admin", "12345"),
    ("admin", "123456"),
    ("admin", "1111"),
    ("admin", "4321"),
    ("admin", "9999"),
    ("admin", "888888"),
    ("admin", "password"),
    ("admin", "pass"),
    ("admin", "admin123"),
    ("Admin", "1234"),
    ("administrator", "administrator"),
    ("root", ""),
    ("root", "root"),
    ("root", "pass"),
    ("root", "admin"),
    ("root", "12345"),
    ("user", "user"),
    ("guest", "guest"),
    ("supervisor", "supervisor"),
    ("ubnt", "ubnt"),
    ("888888", "888888"),
];

/// Part of firmware that was taken apart.
const FIRMWARE: [(&str, &str, &str); 4] = [
    ("primana", "primana", "CVE-2016-7834"),
    ("debug", "popeye", "CVE-2016-7834"),
    ("root", "xc3511", "the source of Mirai, 2016"),
    ("root", "juantech", "the source of Mirai, 2016"),
];

/// Who is tried with a password that is made of an identifier.
const USERS: [&str; 2] = ["admin", "root"];

/// Everything to try on a device with that serial number and these addresses,
/// where `users` are known to be; each name and password once.
pub fn guesses(serial: &str, addresses: &[IpAddr], users: &[String]) -> Vec<Guess> {
    let guess = |user: &str, password: &str, origin| Guess {
        user: user.to_owned(),
        password: password.to_owned(),
        origin,
    };
    let mut all = Vec::new();
    for (user, password, source) in FIRMWARE {
        all.push(guess(user, password, Origin::Firmware(source)));
    }
    for (user, password) in DEFAULTS {
        all.push(guess(user, password, Origin::Default));
    }
    let made: Vec<_> = made_of_serial(serial)
        .into_iter()
        .chain(
            addresses
                .iter()
                .map(|a| (a.to_string(), "the address".to_owned())),
        )
        .collect();
    for user in USERS.into_iter().chain(users.iter().map(String::as_str)) {
        for (password, words) in &made {
            all.push(guess(user, password, Origin::Identifier(words.clone())));
        }
    }
    for user in users {
        // Who has a name of his own may still have a password of everybody.
        for password in ["", "12345", "123456", "password", user] {
            all.push(guess(user, password, Origin::Default));
        }
    }
    let mut tried = BTreeSet::new();
    all.retain(|g| tried.insert((g.user.clone(), g.password.clone())));
    all
}

/// Passwords that are made of a serial number, and how, in words.
fn made_of_serial(serial: &str) -> Vec<(String, String)> {
    const WHAT: &str = "the serial number";
    let mut made = vec![
        (serial.to_owned(), WHAT.to_owned()),
        (serial.to_lowercase(), format!("{WHAT} in lower case")),
    ];
    let digits: String = serial.chars().filter(char::is_ascii_digit).collect();
    made.push((digits, format!("the digits of {WHAT}")));
    let letters: Vec<_> = serial.chars().filter(|c| c.is_alphanumeric()).collect();
    for length in [4, 6, 8] {
        let end = letters[letters.len().saturating_sub(length)..]
            .iter()
            .collect();
        made.push((end, format!("the last {length} characters of {WHAT}")));
    }
    for (name, digest) in [
        ("MD5", Md5::digest(serial).to_vec()),
        ("SHA-1", Sha1::digest(serial).to_vec()),
        ("SHA-256", Sha256::digest(serial).to_vec()),
    ] {
        let digits: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
        let begin = digits[..8].to_owned();
        made.push((begin, format!("the first 8 digits of {name} of {WHAT}")));
        made.push((digits, format!("{name} of {WHAT}")));
    }
    made.retain(|(password, _)| !password.is_empty());
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guess_is_made_once() {
        let addresses = ["192.0.2.1".parse().unwrap()];
        let users = ["viewer".to_owned(), "admin".to_owned()];
        let all = guesses("LL-00042", &addresses, &users);
        let pairs: BTreeSet<_> = all.iter().map(|g| (&g.user, &g.password)).collect();
        assert_eq!(pairs.len(), all.len());
        for (user, password) in [
            ("admin", ""),
            ("viewer", "viewer"),
            ("viewer", "LL-00042"),
            ("root", "00042"),
            ("admin", "192.0.2.1"),
            ("root", "xc3511"),
        ] {
            let found = |g: &&Guess| (g.user.as_str(), g.password.as_str()) == (user, password);
            assert!(all.iter().any(|g| found(&g)), "{user} {password}");
        }
    }

    #[test]
    fn a_device_without_identifiers_has_guesses_as_well() {
        let all = guesses("", &[], &[]);
        assert!(all.len() >= DEFAULTS.len() + FIRMWARE.len());
    }
}
