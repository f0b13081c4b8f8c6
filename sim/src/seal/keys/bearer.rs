//! Bearer tokens (RFC 6750).

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use crate::{hex::Hex, world::Entropy};

/// What whoever logged in shows from then on: 32 random octets, in hexadecimal
/// where they are shown.
#[derive(Clone)]
pub struct BearerToken(Zeroizing<String>);

impl BearerToken {
    /// A fresh one.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut octets = Zeroizing::new([0; 32]);
        entropy.fill(octets.as_mut());
        Self(Zeroizing::new(Hex(octets.as_ref()).to_string()))
    }

    /// What somebody shows, whatever it is.
    pub fn shown(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The token itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is the same; how long that takes tells nothing but the
    /// length.
    pub fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }

    /// For the escrow: `BEARER_TOKEN`, user and token.
    pub fn escrow(&self, user: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("BEARER_TOKEN {user} {}", self.expose()))
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_escrow_shows_the_token() {
        let token = BearerToken::shown("abc");
        assert_eq!(format!("{token:?}"), "BearerToken(redacted)");
        assert_eq!(*token.escrow("viewer"), "BEARER_TOKEN viewer abc");
        assert!(token.is(&BearerToken::shown("abc")));
        assert!(!token.is(&BearerToken::shown("abd")) && !token.is(&BearerToken::shown("ab")));
    }
}
