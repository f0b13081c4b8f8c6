//! Base64 (RFC 4648 4): the alphabet alone, since readers differ in what they
//! demand of its end.

/// The octets of characters without padding, how many bits are left over, and
/// these. `None` if a character is of another alphabet.
pub(crate) fn decode(text: &[u8]) -> Option<(Vec<u8>, u32, u32)> {
    let mut octets = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut rest, mut bits) = (0_u32, 0_u32);
    for character in text {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        rest = rest << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            octets.push((rest >> bits) as u8);
            rest &= (1 << bits) - 1;
        }
    }
    Some((octets, bits, rest))
}
