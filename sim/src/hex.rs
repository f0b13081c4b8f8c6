//! Octets in hexadecimal digits.

use std::fmt;

/// Displays each octet as two digits, in lower case, and leaves no copy of them
/// behind.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// The octets of a text of two digits each, in either case; none if it is
/// something else.
pub(crate) fn octets(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let octet = |pair: &[u8]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
    digits.chunks(2).map(octet).collect()
}

#[cfg(test)]
mod tests {
    use super::{Hex, octets};

    #[test]
    fn digits_are_read_in_either_case_and_nothing_else_is() {
        assert_eq!(octets("000aFF"), Some(vec![0, 0x0a, 0xff]));
        assert_eq!(octets(""), Some(Vec::new()));
        for wrong in ["0", "0g", "0x", " 0", "\u{e9}"] {
            assert_eq!(octets(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_octet_has_two_digits() {
        assert_eq!(Hex(&[0, 0x0a, 0xff]).to_string(), "000aff");
    }
}
