//! Master key identifiers.

use std::fmt;

use super::SrtpError;
use crate::hex::Hex;

/// A master key identifier (RFC 3711 3.1), 1 to 128 octets (RFC 4568 6.1).
/// Displays in hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub struct Mki(Box<[u8]>);

impl Mki {
    /// The identifier of these octets.
    ///
    /// # Errors
    ///
    /// [`SrtpError::MkiLength`] if there are none or more than 128.
    pub fn new(octets: &[u8]) -> Result<Self, SrtpError> {
        match octets.len() {
            1..=128 => Ok(Self(octets.into())),
            length => Err(SrtpError::MkiLength(length)),
        }
    }

    /// Its octets.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Mki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hex(&self.0))
    }
}

impl fmt::Debug for Mki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mki({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_1_to_128_octets() {
        assert_eq!(Mki::new(&[]), Err(SrtpError::MkiLength(0)));
        assert_eq!(Mki::new(&[0; 129]), Err(SrtpError::MkiLength(129)));
        let mki = Mki::new(&[0, 0x2a]).expect("two octets");
        assert_eq!(format!("{mki} {mki:?}"), "002a Mki(002a)");
        assert_eq!(Mki::new(&[7; 128]).expect("128 octets").octets(), [7; 128]);
    }
}
