//! Bech32 (BIP 173) without its limit of length: decoding, and only that.

/// The characters of the data part, by value.
const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// Characters of the checksum.
const CHECKSUM: usize = 6;
/// The coefficients of the checksum's generator.
const GENERATOR: [u32; 5] = [
    0x3b6a_57b2,
    0x2650_8e6d,
    0x1ea1_19fa,
    0x3d42_33dd,
    0x2a14_62b3,
];

/// The octets of a string with that human-readable part, in its case; `None` if
/// anything is wrong with it, the checksum or the padding too.
pub fn decode(text: &str, human: &str) -> Option<Vec<u8>> {
    let data = text.strip_prefix(human)?.strip_prefix('1')?;
    let is_upper = human.bytes().any(|octet| octet.is_ascii_uppercase());
    let value = |octet: u8| {
        let mixed = match is_upper {
            true => octet.is_ascii_lowercase(),
            false => octet.is_ascii_uppercase(),
        };
        let lower = octet.to_ascii_lowercase();
        let at = CHARSET.iter().position(|c| *c == lower && !mixed)?;
        u8::try_from(at).ok()
    };
    let values: Vec<u8> = data.bytes().map(value).collect::<Option<_>>()?;
    let length = values.len().checked_sub(CHECKSUM)?;
    (polymod(human, &values) == 1).then(|| octets(&values[..length]))?
}

fn polymod(human: &str, values: &[u8]) -> u32 {
    let human = human.bytes().map(|octet| octet.to_ascii_lowercase());
    let high = human.clone().map(|octet| octet >> 5);
    let low = human.map(|octet| octet & 0x1f);
    let all = high.chain([0]).chain(low).chain(values.iter().copied());
    all.fold(1, |sum, value| {
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        let top = GENERATOR.iter().enumerate();
        top.filter(|(bit, _)| sum >> (25 + bit) & 1 == 1)
            .fold(shifted, |sum, (_, coefficient)| sum ^ coefficient)
    })
}

/// Groups of five bits as octets; the rest is less than a group, of zeros.
fn octets(values: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(values.len() * 5 / 8);
    let (mut buffer, mut bits) = (0_u32, 0);
    for value in values {
        buffer = (buffer << 5 | u32::from(*value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            octets.push((buffer >> bits & 0xff) as u8);
        }
    }
    (bits < 5 && buffer & ((1 << bits) - 1) == 0).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Valid strings of BIP 173.
    #[test]
    fn valid_strings_decode() {
        assert_eq!(decode("A12UEL5L", "A"), Some(vec![]));
        assert_eq!(decode("a12uel5l", "a"), Some(vec![]));
        let long = "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w";
        let octets = decode(long, "split").unwrap();
        assert_eq!(octets[..4], [0xc5, 0xf3, 0x8b, 0x70]);
        assert_eq!(octets.len(), 30);
    }

    /// Invalid strings of BIP 173, and a mistyped character.
    #[test]
    fn invalid_strings_do_not() {
        for (text, human) in [
            ("pzry9x0s0muk", "pzry9x0s0muk"),
            ("x1b4n0q5v", "x"),
            ("li1dgmt3", "li"),
            ("A1G7SGD8", "A"),
            ("A12uel5l", "A"),
            ("a12uel5l", "A"),
            ("a12uel5q", "a"),
            ("a1", "a"),
            ("", ""),
        ] {
            assert_eq!(decode(text, human), None, "{text}");
        }
    }

    /// Checksums over data whose last group is not of zeros, or not needed.
    #[test]
    fn padding_is_of_zeros_and_less_than_a_group() {
        let encode = |values: &[u8]| {
            let mut all = values.to_vec();
            all.extend([0; CHECKSUM]);
            let sum = polymod("a", &all) ^ 1;
            let checksum = (0..CHECKSUM).map(|i| (sum >> (5 * (5 - i)) & 0x1f) as u8);
            let all = values.iter().copied().chain(checksum);
            let data = all.map(|value| char::from(CHARSET[usize::from(value)]));
            format!("a1{}", data.collect::<String>())
        };
        assert_eq!(decode(&encode(&[31, 28]), "a"), Some(vec![0xff]));
        assert_eq!(decode(&encode(&[31, 29]), "a"), None);
        assert_eq!(decode(&encode(&[31]), "a"), None);
        assert_eq!(decode(&encode(&[31, 28, 0]), "a"), None);
    }
}
