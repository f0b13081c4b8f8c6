//! Digest authentication (RFC 7616; RFC 2326 keeps it for RTSP), algorithm
//! MD5 with and without `qop=auth`, which is what NVRs and players speak.

use md5::{Digest, Md5};

use crate::{seal::keys::Password, world::Entropy};

/// A user and the password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Name.
    pub user: String,
    /// Password.
    pub password: Password,
}

/// The server's side: one nonce per connection.
#[derive(Debug)]
pub struct Guard {
    nonce: String,
}

impl Guard {
    /// The protection space of all cameras.
    pub const REALM: &str = "lightleak";

    /// A guard with a fresh nonce.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self {
            nonce: random_hex(entropy),
        }
    }

    /// Value of `WWW-Authenticate`.
    pub fn challenge(&self) -> String {
        format!(
            "Digest realm=\"{}\", nonce=\"{}\", algorithm=MD5, qop=\"auth\"",
            Self::REALM,
            self.nonce
        )
    }

    /// Whether an `Authorization` header proves knowledge of the credentials.
    pub fn admits(&self, authorization: &str, method: &str, credentials: &Credentials) -> bool {
        let Some(parameters) = digest(authorization).map(parameters) else {
            return false;
        };
        let field = |name: &str| {
            parameters
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, v)| v.as_str())
        };
        let (Some(uri), Some(answer)) = (field("uri"), field("response")) else {
            return false;
        };
        let quality = match (field("qop"), field("nc"), field("cnonce")) {
            (None, ..) => None,
            (Some("auth"), Some(count), Some(nonce)) => Some((count, nonce)),
            _ => return false,
        };
        field("username") == Some(&credentials.user)
            && field("realm") == Some(Self::REALM)
            && field("nonce") == Some(&self.nonce)
            && same(
                &response(credentials, Self::REALM, &self.nonce, method, uri, quality),
                answer,
            )
    }
}

/// The client's side: the value of `Authorization` that answers a challenge,
/// or `None` if it asks for what we do not speak.
pub fn answer(
    challenge: &str,
    method: &str,
    uri: &str,
    credentials: &Credentials,
    entropy: &dyn Entropy,
) -> Option<String> {
    let parameters = parameters(digest(challenge)?);
    let field = |name: &str| {
        parameters
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    };
    if field("algorithm").is_some_and(|a| a != "MD5") {
        return None;
    }
    let (realm, nonce) = (field("realm")?, field("nonce")?);
    let own = random_hex(entropy);
    let quality = field("qop").map(|_| ("00000001", own.as_str()));
    let response = response(credentials, realm, nonce, method, uri, quality);
    let mut header = format!(
        "Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         algorithm=MD5, response=\"{response}\"",
        credentials.user
    );
    if let Some((count, own)) = quality {
        header += &format!(", qop=auth, nc={count}, cnonce=\"{own}\"");
    }
    Some(header)
}

/// RFC 7616 3.4.1; without `qop` the older form of RFC 2069.
fn response(
    credentials: &Credentials,
    realm: &str,
    nonce: &str,
    method: &str,
    uri: &str,
    quality: Option<(&str, &str)>,
) -> String {
    let secret = hash(&[&credentials.user, realm, credentials.password.expose()]);
    let request = hash(&[method, uri]);
    match quality {
        Some((count, own)) => hash(&[&secret, nonce, count, own, "auth", &request]),
        None => hash(&[&secret, nonce, &request]),
    }
}

fn hash(parts: &[&str]) -> String {
    Md5::digest(parts.join(":"))
        .iter()
        .map(|o| format!("{o:02x}"))
        .collect()
}

/// What follows the name of the scheme, whose case does not matter (RFC 9110 11.1).
fn digest(header: &str) -> Option<&str> {
    let (scheme, rest) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Digest").then_some(rest)
}

/// Compares without telling by its time where the two differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |d, (a, b)| d | (a ^ b)) == 0
}

fn random_hex(entropy: &dyn Entropy) -> String {
    let mut octets = [0; 16];
    entropy.fill(&mut octets);
    octets.iter().map(|o| format!("{o:02x}")).collect()
}

/// `name=value` or `name="value"`, separated by commas.
fn parameters(mut text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_owned();
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        found.push((name, value.trim().to_owned()));
        text = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Counting;
    impl Entropy for Counting {
        fn fill(&self, out: &mut [u8]) {
            out.iter_mut().zip(1..).for_each(|(o, n)| *o = n);
        }
    }

    fn credentials(password: &str) -> Credentials {
        Credentials {
            user: "viewer".into(),
            password: Password::new(password),
        }
    }

    #[test]
    fn rfc_2617_3_5_example() {
        let credentials = Credentials {
            user: "Mufasa".into(),
            password: Password::new("Circle Of Life"),
        };
        assert_eq!(
            response(
                &credentials,
                "testrealm@host.com",
                "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                "GET",
                "/dir/index.html",
                Some(("00000001", "0a4f113b"))
            ),
            "6629fae49393a05397450978507c4ef1"
        );
    }

    #[test]
    fn right_credentials_are_admitted_and_wrong_ones_refused() {
        let guard = Guard::new(&Counting);
        let answer = |password, method| {
            answer(
                &guard.challenge(),
                method,
                "rtsps://c/",
                &credentials(password),
                &Counting,
            )
            .unwrap()
        };
        let right = credentials("secret");
        assert!(guard.admits(&answer("secret", "PLAY"), "PLAY", &right));
        let lower = answer("secret", "PLAY").replace("Digest", "digest");
        assert!(guard.admits(&lower, "PLAY", &right));
        assert!(!guard.admits(&answer("wrong", "PLAY"), "PLAY", &right));
        assert!(
            !guard.admits(&answer("secret", "SETUP"), "PLAY", &right),
            "for another method"
        );
        assert!(!guard.admits("Basic dmlld2VyOnNlY3JldA==", "PLAY", &right));
        assert!(!guard.admits("", "PLAY", &right));
    }

    #[test]
    fn an_answer_to_another_nonce_is_refused() {
        let stale = Guard { nonce: "0".into() };
        let header = answer(
            &stale.challenge(),
            "PLAY",
            "u",
            &credentials("secret"),
            &Counting,
        )
        .unwrap();
        assert!(!Guard::new(&Counting).admits(&header, "PLAY", &credentials("secret")));
    }

    proptest! {
        #[test]
        fn hostile_headers_never_panic(header in "(Digest )?.{0,100}") {
            let guard = Guard::new(&Counting);
            prop_assert!(!guard.admits(&header, "PLAY", &credentials("secret")));
        }
    }
}
