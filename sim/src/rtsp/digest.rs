//! Digest authentication (RFC 7616; RFC 2326 keeps it for RTSP), algorithms
//! SHA-256 and MD5 with and without `qop=auth`, which is what NVRs and players
//! speak.

use std::iter;

use aws_lc_rs::digest::{SHA256, digest as sha256};
use md5::{Digest, Md5};

use crate::{hex::Hex, seal::keys::Password, world::Entropy};

/// A user and the password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Name.
    pub user: String,
    /// Password.
    pub password: Password,
}

/// A hash that Digest is done with (RFC 7616 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// MD5, for clients that know no other.
    Md5,
}

impl Algorithm {
    /// The strongest first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Md5];

    /// Its name in the `algorithm` parameter.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    /// The algorithm of a challenge or an answer to one; without the parameter
    /// it is MD5 (RFC 7616 3.3).
    fn of(parameters: &Parameters) -> Option<Self> {
        let Some(name) = parameters.get("algorithm") else {
            return Some(Self::Md5);
        };
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Self::Sha256 => Hex(sha256(&SHA256, text.as_bytes()).as_ref()).to_string(),
            Self::Md5 => Hex(&Md5::digest(text)).to_string(),
        }
    }
}

/// The server's side: one nonce per connection, whose octets come in order, so
/// that a nonce count says nothing new.
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

    /// Values of `WWW-Authenticate`, the preferred one first (RFC 7616 3.7).
    /// Each wants a header of its own: players read one challenge from one
    /// header, and some take the last, which is what every one of them knows.
    pub fn challenges(&self) -> [String; 2] {
        Algorithm::ALL.map(|algorithm| {
            format!(
                "Digest realm=\"{}\", nonce=\"{}\", algorithm={}, qop=\"auth\"",
                Self::REALM,
                self.nonce,
                algorithm.name()
            )
        })
    }

    /// Whether an `Authorization` header proves knowledge of the credentials.
    pub fn admits(&self, authorization: &str, method: &str, credentials: &Credentials) -> bool {
        let answers = Parameters::read_all(authorization);
        let [answer] = &answers[..] else {
            return false;
        };
        let (Some(uri), Some(response)) = (answer.get("uri"), answer.get("response")) else {
            return false;
        };
        let quality = match (answer.get("qop"), answer.get("nc"), answer.get("cnonce")) {
            (None, ..) => None,
            (Some("auth"), Some(count), Some(nonce)) => Some((count, nonce)),
            _ => return false,
        };
        let Some(algorithm) = Algorithm::of(answer) else {
            return false;
        };
        let expected = Proof {
            algorithm,
            realm: Self::REALM,
            nonce: &self.nonce,
            quality,
        };
        answer.get("username") == Some(&credentials.user)
            && answer.get("realm") == Some(Self::REALM)
            && answer.get("nonce") == Some(&self.nonce)
            && same(&expected.response(credentials, method, uri), response)
    }
}

/// The client's side: a challenge, and how often it was answered.
#[derive(Clone, Debug)]
pub struct Challenge {
    algorithm: Algorithm,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// Whether `qop=auth` is offered.
    quality: bool,
    /// The nonce count so far.
    count: u32,
}

impl Challenge {
    /// The strongest challenge of the `WWW-Authenticate` headers, joined by
    /// commas, or `None` if all ask for what we do not speak.
    pub fn choose(headers: &str) -> Option<Self> {
        let all: Vec<_> = Parameters::read_all(headers)
            .iter()
            .filter_map(Self::read)
            .collect();
        Algorithm::ALL
            .iter()
            .find_map(|algorithm| all.iter().find(|c| c.algorithm == *algorithm).cloned())
    }

    /// Which algorithm it asks for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The value of `Authorization` that answers it, for one more request.
    pub fn answer(
        &mut self,
        method: &str,
        uri: &str,
        credentials: &Credentials,
        entropy: &dyn Entropy,
    ) -> String {
        self.count = self.count.wrapping_add(1);
        let (count, own) = (format!("{:08x}", self.count), random_hex(entropy));
        let proof = Proof {
            algorithm: self.algorithm,
            realm: &self.realm,
            nonce: &self.nonce,
            quality: self.quality.then_some((&count, &own)),
        };
        let mut header = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", \
             algorithm={}, response=\"{}\"",
            credentials.user,
            self.realm,
            self.nonce,
            self.algorithm.name(),
            proof.response(credentials, method, uri)
        );
        if self.quality {
            header += &format!(", qop=auth, nc={count}, cnonce=\"{own}\"");
        }
        if let Some(opaque) = &self.opaque {
            header += &format!(", opaque=\"{opaque}\"");
        }
        header
    }

    fn read(parameters: &Parameters) -> Option<Self> {
        let quality = match parameters.get("qop") {
            None => false,
            Some(offers) if offers.split(',').any(|offer| offer.trim() == "auth") => true,
            Some(_) => return None,
        };
        Some(Self {
            algorithm: Algorithm::of(parameters)?,
            realm: parameters.get("realm")?.to_owned(),
            nonce: parameters.get("nonce")?.to_owned(),
            opaque: parameters.get("opaque").map(str::to_owned),
            quality,
            count: 0,
        })
    }
}

/// What an answer is made of, beside credentials and request.
struct Proof<'a> {
    algorithm: Algorithm,
    realm: &'a str,
    nonce: &'a str,
    /// Nonce count and client nonce of `qop=auth`.
    quality: Option<(&'a str, &'a str)>,
}

impl Proof<'_> {
    /// RFC 7616 3.4.1; without `qop` the older form of RFC 2069.
    fn response(&self, credentials: &Credentials, method: &str, uri: &str) -> String {
        let hash = |parts: &[&str]| self.algorithm.hash(parts);
        let secret = hash(&[&credentials.user, self.realm, credentials.password.expose()]);
        let request = hash(&[method, uri]);
        match self.quality {
            Some((count, own)) => hash(&[&secret, self.nonce, count, own, "auth", &request]),
            None => hash(&[&secret, self.nonce, &request]),
        }
    }
}

/// The parameters of one challenge, or of one answer.
#[derive(Debug, Default)]
struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Those of every Digest challenge in a header, in order; other schemes
    /// are passed over (RFC 9110 11.3).
    fn read_all(header: &str) -> Vec<Self> {
        let mut found: Vec<(bool, Self)> = Vec::new();
        for element in elements(header) {
            let (name, value) = element.split_once('=').unwrap_or((element, ""));
            // A scheme stands before the first parameter of a challenge.
            let name = match name.trim().split_once([' ', '\t']) {
                Some((scheme, name)) => {
                    let digest = scheme.eq_ignore_ascii_case("Digest");
                    found.push((digest, Self::default()));
                    name.trim()
                }
                None => name.trim(),
            };
            if let Some((_, Self(parameters))) = found.last_mut() {
                let value = value.trim();
                let unquoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
                parameters.push((name.to_owned(), unquoted.unwrap_or(value).to_owned()));
            }
        }
        let digest = found.into_iter().filter(|(digest, _)| *digest);
        digest.map(|(_, parameters)| parameters).collect()
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What stands between the commas, except those in quotes.
fn elements(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        let comma = text.find(|c| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        let (element, behind) = match comma {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        rest = behind;
        Some(element)
    })
}

/// Compares without telling by its time where the two differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |d, (a, b)| d | (a ^ b)) == 0
}

fn random_hex(entropy: &dyn Entropy) -> String {
    let mut octets = [0; 16];
    entropy.fill(&mut octets);
    Hex(&octets).to_string()
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

    fn answer(challenge: &str, password: &str, method: &str) -> String {
        let mut challenge = Challenge::choose(challenge).unwrap();
        challenge.answer(method, "rtsps://c/", &credentials(password), &Counting)
    }

    #[test]
    fn rfc_2617_3_5_and_rfc_7616_3_9_1_examples() {
        let response = |password, algorithm, realm, nonce, own| {
            let credentials = Credentials {
                user: "Mufasa".into(),
                password: Password::new(password),
            };
            let proof = Proof {
                algorithm,
                realm,
                nonce,
                quality: Some(("00000001", own)),
            };
            proof.response(&credentials, "GET", "/dir/index.html")
        };
        let (realm, nonce) = ("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093");
        assert_eq!(
            response("Circle Of Life", Algorithm::Md5, realm, nonce, "0a4f113b"),
            "6629fae49393a05397450978507c4ef1"
        );
        let (realm, password) = ("http-auth@example.org", "Circle of Life");
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let own = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        assert_eq!(
            response(password, Algorithm::Md5, realm, nonce, own),
            "8ca523f5e9506fed4657c9700eebdbec"
        );
        assert_eq!(
            response(password, Algorithm::Sha256, realm, nonce, own),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    #[test]
    fn right_credentials_are_admitted_and_wrong_ones_refused() {
        let guard = Guard::new(&Counting);
        let right = credentials("secret");
        for challenge in guard.challenges() {
            let answer = |password, method| answer(&challenge, password, method);
            assert!(guard.admits(&answer("secret", "PLAY"), "PLAY", &right));
            let lower = answer("secret", "PLAY").replace("Digest", "digest");
            assert!(guard.admits(&lower, "PLAY", &right));
            assert!(!guard.admits(&answer("wrong", "PLAY"), "PLAY", &right));
            let another = answer("secret", "SETUP");
            assert!(!guard.admits(&another, "PLAY", &right), "another method");
        }
        assert!(!guard.admits("Basic dmlld2VyOnNlY3JldA==", "PLAY", &right));
        assert!(!guard.admits("", "PLAY", &right));
    }

    #[test]
    fn an_answer_by_another_algorithm_than_it_names_is_refused() {
        let guard = Guard::new(&Counting);
        let right = credentials("secret");
        let header = answer(&guard.challenges()[0], "secret", "PLAY");
        for name in ["MD5", "SHA-512-256", "SHA-256-sess"] {
            let renamed = header.replace("SHA-256", name);
            assert!(!guard.admits(&renamed, "PLAY", &right), "{name}");
        }
    }

    #[test]
    fn an_answer_to_another_nonce_is_refused() {
        let stale = Guard { nonce: "0".into() };
        let header = answer(&stale.challenges()[0], "secret", "PLAY");
        assert!(!Guard::new(&Counting).admits(&header, "PLAY", &credentials("secret")));
    }

    #[test]
    fn the_strongest_challenge_is_chosen_wherever_it_stands() {
        let chosen = |header: &str| Challenge::choose(header).map(|c| c.algorithm());
        let [sha, md5] = Guard::new(&Counting).challenges();
        for header in [
            format!("{sha}, {md5}"),
            format!("Basic realm=\"a, b\", {md5},{sha}"),
        ] {
            assert_eq!(chosen(&header), Some(Algorithm::Sha256), "{header}");
        }
        assert_eq!(chosen(&md5), Some(Algorithm::Md5));
        let old = "Digest realm=\"r\", nonce=\"n\"";
        assert_eq!(chosen(old), Some(Algorithm::Md5));
        for strange in [
            "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256",
            "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",
            "Basic realm=\"r\"",
            "",
        ] {
            assert_eq!(chosen(strange), None, "{strange}");
        }
    }

    #[test]
    fn the_nonce_count_counts_up_and_opaque_comes_back() {
        let header = "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int, auth\", opaque=\"x,y\"";
        let mut challenge = Challenge::choose(header).unwrap();
        for count in ["nc=00000001,", "nc=00000002,", "nc=00000003,"] {
            let answer = challenge.answer("PLAY", "u", &credentials("secret"), &Counting);
            assert!(answer.contains(count), "{answer}");
            assert!(answer.ends_with(", opaque=\"x,y\""), "{answer}");
        }
    }

    proptest! {
        #[test]
        fn hostile_headers_never_panic(header in "(Digest )?.{0,100}") {
            let guard = Guard::new(&Counting);
            prop_assert!(!guard.admits(&header, "PLAY", &credentials("secret")));
            let _ = Challenge::choose(&header);
        }
    }
}
