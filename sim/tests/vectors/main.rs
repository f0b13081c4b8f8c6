//! Published known answers, and of each a twin with one thing wrong, which is
//! refused.

mod age;
mod hpke;
mod libraries;
mod sframe;
mod srtp;
mod wycheproof;
mod x25519;

/// The number that octets in network order are.
fn number(octets: &[u8]) -> u128 {
    octets
        .iter()
        .fold(0, |n, &octet| n << 8 | u128::from(octet))
}
