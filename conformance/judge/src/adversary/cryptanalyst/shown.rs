//! What a client shows to be let in (RFC 7616, RFC 7617, or a log-in that is a JSON
//! object with user and password), attacked with guesses
//! and without asking the device again: whoever sees an answer to a challenge
//! can try passwords on it.

use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::dissect::sdp::base64;

/// An `Authorization` header.
#[derive(Clone, PartialEq, Eq)]
pub enum Shown {
    /// Digest: proof of a password.
    Digest(Box<Answer>),
    /// Basic, or a log-in: the password itself.
    Basic {
        /// Name.
        user: String,
        /// Password.
        password: String,
    },
}

/// An answer to a Digest challenge.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answer {
    method: String,
    user: String,
    realm: String,
    nonce: String,
    uri: String,
    response: String,
    algorithm: String,
    /// `qop`, `nc` and `cnonce`.
    quality: Option<[String; 3]>,
}

impl Shown {
    /// Reads the header of a request with that method.
    pub fn read(method: &str, authorization: &str) -> Option<Self> {
        let (scheme, rest) = authorization.trim().split_once(' ')?;
        if scheme.eq_ignore_ascii_case("basic") {
            let octets = base64(rest.trim())?;
            let text = String::from_utf8(octets).ok()?;
            let (user, password) = text.split_once(':')?;
            return Some(Self::Basic {
                user: user.to_owned(),
                password: password.to_owned(),
            });
        }
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let parameters = parameters(rest);
        let get = |name: &str| {
            let found = parameters
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        let quality = match get("qop") {
            Some(qop) => Some([qop, get("nc")?, get("cnonce")?]),
            None => None,
        };
        Some(Self::Digest(Box::new(Answer {
            method: method.to_owned(),
            user: get("username")?,
            realm: get("realm")?,
            nonce: get("nonce")?,
            uri: get("uri")?,
            response: get("response")?.to_ascii_lowercase(),
            algorithm: get("algorithm").unwrap_or_else(|| "MD5".into()),
            quality,
        })))
    }

    /// Reads the body of a log-in (RFC 8259): an object with members `user` and
    /// `password`.
    pub fn login(body: &[u8]) -> Option<Self> {
        let object: serde_json::Value = serde_json::from_slice(body).ok()?;
        let member = |name| object.get(name)?.as_str().map(str::to_owned);
        Some(Self::Basic {
            user: member("user")?,
            password: member("password")?,
        })
    }

    /// Who shows it.
    pub fn user(&self) -> &str {
        match self {
            Self::Digest(answer) => &answer.user,
            Self::Basic { user, .. } => user,
        }
    }

    /// Whether it is of that user with that password.
    pub fn is_of(&self, user: &str, password: &str) -> bool {
        self.user() == user
            && match self {
                Self::Digest(answer) => answer.is_of(password),
                Self::Basic {
                    password: shown, ..
                } => shown == password,
            }
    }
}

/// Shows no password.
impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shown({:?})", self.user())
    }
}

impl Answer {
    /// RFC 7616 3.4.1; without `qop` as in RFC 2069. Algorithms that we do not
    /// know are of nobody.
    fn is_of(&self, password: &str) -> bool {
        let algorithm = self.algorithm.to_ascii_uppercase();
        let (name, session) = match algorithm.strip_suffix("-SESS") {
            Some(name) => (name, true),
            None => (algorithm.as_str(), false),
        };
        let hash: fn(&str) -> String = match name {
            "MD5" => |text| hex(&Md5::digest(text)),
            "SHA-256" => |text| hex(&Sha256::digest(text)),
            _ => return false,
        };
        let Self {
            user,
            realm,
            nonce,
            method,
            uri,
            ..
        } = self;
        let mut secret = hash(&format!("{user}:{realm}:{password}"));
        let request = hash(&format!("{method}:{uri}"));
        let response = match &self.quality {
            Some([qop, count, own]) => {
                if session {
                    secret = hash(&format!("{secret}:{nonce}:{own}"));
                }
                hash(&format!("{secret}:{nonce}:{count}:{own}:{qop}:{request}"))
            }
            None => hash(&format!("{secret}:{nonce}:{request}")),
        };
        response == self.response
    }
}

/// Names and values between the commas, quotes taken off.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, behind) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => {
                let end = after.find(',').unwrap_or(after.len());
                after.split_at(end)
            }
        };
        let name = name.trim_matches([',', ' ', '\t']);
        found.push((name.to_owned(), value.trim().to_owned()));
        rest = behind;
    }
    found
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 7616 3.9.1, with either algorithm; RFC 2617 3.5 is the same without
    /// it.
    #[test]
    fn rfc_7616_3_9_1_examples() {
        for (algorithm, response) in [
            (", algorithm=MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("", "8ca523f5e9506fed4657c9700eebdbec"),
            (
                ", algorithm=SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let header = format!(
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", \
                 uri=\"/dir/index.html\"{algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
                 cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, \
                 response=\"{response}\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let shown = Shown::read("GET", &header).unwrap();
            assert!(shown.is_of("Mufasa", "Circle of Life"), "{algorithm}");
            assert!(!shown.is_of("Mufasa", "circle of life"));
            assert!(!shown.is_of("mufasa", "Circle of Life"));
            let other = Shown::read("PUT", &header).unwrap();
            assert!(!other.is_of("Mufasa", "Circle of Life"));
        }
    }

    #[test]
    fn basic_is_read() {
        // RFC 7617 2.
        let shown = Shown::read("GET", "basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert!(shown.is_of("Aladdin", "open sesame"));
        assert_eq!(format!("{shown:?}"), "Shown(\"Aladdin\")");
        for other in [
            "Basic",
            "Basic ?",
            "Bearer abc",
            "",
            "Digest username=\"a\"",
        ] {
            assert_eq!(Shown::read("GET", other), None, "{other}");
        }
    }

    #[test]
    fn an_unknown_algorithm_is_of_nobody() {
        let header = "Digest username=u, realm=r, nonce=n, uri=x, response=0, algorithm=SHA-512";
        assert!(!Shown::read("GET", header).unwrap().is_of("u", ""));
    }

    proptest! {
        #[test]
        fn hostile_headers_never_panic(header in "(Digest |Basic )?.{0,100}") {
            if let Some(shown) = Shown::read("PLAY", &header) {
                let _ = shown.is_of("u", "p");
            }
        }
    }
}
