//! What a cipher suite is, by its number (IANA TLS Cipher Suites).

/// How a suite comes to its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyExchange {
    /// The client encrypts the premaster secret to the RSA key of the server's
    /// certificate; with a shared secret as well (RSA_PSK).
    Rsa,
    /// Diffie-Hellman over a finite field with the key of a certificate, or of
    /// nobody (DH_anon).
    Dh,
    /// Diffie-Hellman over a finite field with a key for the occasion.
    Dhe,
    /// Diffie-Hellman over a curve with the key of a certificate, or of nobody.
    Ecdh,
    /// Diffie-Hellman over a curve with a key for the occasion.
    Ecdhe,
    /// TLS 1.3: by the extensions, not by the suite.
    Tls13,
    /// A shared secret alone, or one that is not told apart here.
    Other,
}

impl KeyExchange {
    /// That of a suite.
    pub fn of(suite: u16) -> Self {
        match suite {
            0x0001..=0x000a
            | 0x002e
            | 0x002f
            | 0x0035
            | 0x003b..=0x003d
            | 0x0041
            | 0x0084
            | 0x0092..=0x0096
            | 0x009c
            | 0x009d
            | 0x00ac
            | 0x00ad
            | 0x00b6..=0x00ba
            | 0x00c0
            | 0xc03c
            | 0xc03d
            | 0xc050
            | 0xc051
            | 0xc068
            | 0xc069
            | 0xc06e
            | 0xc06f
            | 0xc07a
            | 0xc07b
            | 0xc092
            | 0xc093
            | 0xc098
            | 0xc099
            | 0xc09c
            | 0xc09d
            | 0xc0a0
            | 0xc0a1
            | 0xccae => Self::Rsa,
            0x000b..=0x0010
            | 0x0017..=0x001b
            | 0x0030
            | 0x0031
            | 0x0034
            | 0x0036
            | 0x0037
            | 0x003a
            | 0x003e
            | 0x003f
            | 0x0042
            | 0x0043
            | 0x0046
            | 0x0068
            | 0x0069
            | 0x006c
            | 0x006d
            | 0x0085
            | 0x0086
            | 0x0089
            | 0x0097
            | 0x0098
            | 0x009b
            | 0x00a0
            | 0x00a1
            | 0x00a4..=0x00a7
            | 0x00bb
            | 0x00bc
            | 0x00bf
            | 0x00c1
            | 0x00c2
            | 0x00c5
            | 0xc03e..=0xc041
            | 0xc046
            | 0xc047
            | 0xc054
            | 0xc055
            | 0xc058..=0xc05b
            | 0xc07e
            | 0xc07f
            | 0xc082..=0xc085 => Self::Dh,
            0x0011..=0x0016
            | 0x002d
            | 0x0032
            | 0x0033
            | 0x0038
            | 0x0039
            | 0x0040
            | 0x0044
            | 0x0045
            | 0x0067
            | 0x006a
            | 0x006b
            | 0x0087
            | 0x0088
            | 0x008e..=0x0091
            | 0x0099
            | 0x009a
            | 0x009e
            | 0x009f
            | 0x00a2
            | 0x00a3
            | 0x00aa
            | 0x00ab
            | 0x00b2..=0x00b5
            | 0x00bd
            | 0x00be
            | 0x00c3
            | 0x00c4
            | 0xc042..=0xc045
            | 0xc052
            | 0xc053
            | 0xc056
            | 0xc057
            | 0xc066
            | 0xc067
            | 0xc06c
            | 0xc06d
            | 0xc07c
            | 0xc07d
            | 0xc080
            | 0xc081
            | 0xc090
            | 0xc091
            | 0xc096
            | 0xc097
            | 0xc09e
            | 0xc09f
            | 0xc0a2
            | 0xc0a3
            | 0xc0a6
            | 0xc0a7
            | 0xc0aa
            | 0xc0ab
            | 0xccaa
            | 0xccad => Self::Dhe,
            0xc001..=0xc005
            | 0xc00b..=0xc00f
            | 0xc015..=0xc019
            | 0xc025
            | 0xc026
            | 0xc029
            | 0xc02a
            | 0xc02d
            | 0xc02e
            | 0xc031
            | 0xc032
            | 0xc04a
            | 0xc04b
            | 0xc04e
            | 0xc04f
            | 0xc05e
            | 0xc05f
            | 0xc062
            | 0xc063
            | 0xc074
            | 0xc075
            | 0xc078
            | 0xc079
            | 0xc088
            | 0xc089
            | 0xc08c
            | 0xc08d => Self::Ecdh,
            0xc006..=0xc00a
            | 0xc010..=0xc014
            | 0xc023
            | 0xc024
            | 0xc027
            | 0xc028
            | 0xc02b
            | 0xc02c
            | 0xc02f
            | 0xc030
            | 0xc033..=0xc03b
            | 0xc048
            | 0xc049
            | 0xc04c
            | 0xc04d
            | 0xc05c
            | 0xc05d
            | 0xc060
            | 0xc061
            | 0xc070..=0xc073
            | 0xc076
            | 0xc077
            | 0xc086
            | 0xc087
            | 0xc08a
            | 0xc08b
            | 0xc09a
            | 0xc09b
            | 0xc0ac..=0xc0af
            | 0xcca8
            | 0xcca9
            | 0xccac
            | 0xd001..=0xd005 => Self::Ecdhe,
            0x00c6 | 0x00c7 | 0x1301..=0x1307 | 0xc0b4 | 0xc0b5 => Self::Tls13,
            _ => Self::Other,
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa => "static RSA",
            Self::Dh => "static Diffie-Hellman over a finite field",
            Self::Dhe => "Diffie-Hellman over a finite field",
            Self::Ecdh => "static Diffie-Hellman over a curve",
            Self::Ecdhe => "ephemeral Diffie-Hellman over a curve",
            Self::Tls13 => "that of TLS 1.3",
            Self::Other => "a shared secret, or unknown",
        }
    }
}

/// Whether a suite does not encrypt (RFC 5246 A.5, RFC 4785, RFC 5487, RFC 5489,
/// RFC 4492, RFC 9150).
pub fn is_null(suite: u16) -> bool {
    matches!(
        suite,
        0x0000..=0x0002
            | 0x002c..=0x002e
            | 0x003b
            | 0x00b0
            | 0x00b1
            | 0x00b4
            | 0x00b5
            | 0x00b8
            | 0x00b9
            | 0xc001
            | 0xc006
            | 0xc00b
            | 0xc010
            | 0xc015
            | 0xc039..=0xc03b
            | 0xc0b4
            | 0xc0b5
    )
}

/// Why what a suite encrypts is weak, in words: its cipher, that nobody proves who
/// they are (RFC 5246 A.5), or that the server's key opens what was recorded before
/// (RFC 7465, RFC 7525 4, RFC 9325 4.1).
pub fn weakness(suite: u16) -> Option<&'static str> {
    Some(match suite {
        0x0003
        | 0x0006
        | 0x0008
        | 0x000b
        | 0x000e
        | 0x0011
        | 0x0014
        | 0x0017
        | 0x0019
        | 0x0026..=0x002b
        | 0x0060..=0x0065 => "an export cipher, of 40 or 56 bits",
        0x0018
        | 0x001a
        | 0x001b
        | 0x0034
        | 0x003a
        | 0x0046
        | 0x006c
        | 0x006d
        | 0x0089
        | 0x009b
        | 0x00a6
        | 0x00a7
        | 0x00bf
        | 0x00c5
        | 0xc015..=0xc019
        | 0xc046
        | 0xc047
        | 0xc05a
        | 0xc05b
        | 0xc084
        | 0xc085 => "anonymous: nobody proves who they are",
        0x0004 | 0x0005 | 0x0020 | 0x0024 | 0x0066 | 0x008a | 0x008e | 0x0092 | 0xc002 | 0xc007
        | 0xc00c | 0xc011 | 0xc033 => "RC4",
        0x0009 | 0x000c | 0x000f | 0x0012 | 0x0015 | 0x001e | 0x0022 => "DES, of 56 bits",
        0x000a
        | 0x000d
        | 0x0010
        | 0x0013
        | 0x0016
        | 0x001f
        | 0x0023
        | 0x008b
        | 0x008f
        | 0x0093
        | 0xc003
        | 0xc008
        | 0xc00d
        | 0xc012
        | 0xc01a..=0xc01c
        | 0xc034
        | 0xfeff => "3DES",
        _ if KeyExchange::of(suite) == KeyExchange::Rsa => {
            "key exchange by static RSA: who gets the server's key opens what was recorded"
        }
        _ => return None,
    })
}

/// Whether a suite is ECDHE_RSA: the server signs with the RSA key of its
/// certificate.
pub fn is_ecdhe_rsa(suite: u16) -> bool {
    matches!(
        suite,
        0xc010
            ..=0xc014
                | 0xc027
                | 0xc028
                | 0xc02f
                | 0xc030
                | 0xc04c
                | 0xc04d
                | 0xc060
                | 0xc061
                | 0xc076
                | 0xc077
                | 0xc08a
                | 0xc08b
                | 0xcca8
    )
}

/// Whether a number in a list of suites only signals something
/// (TLS_EMPTY_RENEGOTIATION_INFO_SCSV, TLS_FALLBACK_SCSV, RFC 8701).
pub fn is_signal(suite: u16) -> bool {
    let grease = suite & 0x0f0f == 0x0a0a && suite >> 8 == suite & 0xff;
    matches!(suite, 0x00ff | 0x5600) || grease
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each family of the registry its first and its last suites.
    #[test]
    fn suites_have_the_key_exchange_of_their_name() {
        use KeyExchange::*;
        for (expected, suites) in [
            (Rsa, &[0x0001, 0x000a, 0x002f, 0x0035, 0x003b, 0x003d][..]),
            (Rsa, &[0x0041, 0x0084, 0x0096, 0x009c, 0x009d, 0x00ba]),
            (Rsa, &[0x002e, 0x0092, 0x0095, 0x00ac, 0x00ad, 0x00b9]),
            (Rsa, &[0xc03c, 0xc051, 0xc07b, 0xc09c, 0xc0a1, 0xccae]),
            (Dh, &[0x000b, 0x0010, 0x0017, 0x001b, 0x0030, 0x0034]),
            (Dh, &[0x0068, 0x006d, 0x009b, 0x00a0, 0x00a7, 0xc085]),
            (Dhe, &[0x0011, 0x0016, 0x0033, 0x0039, 0x0067, 0x006b]),
            (Dhe, &[0x009e, 0x009f, 0x00a3, 0xc052, 0xc0a3, 0xccaa]),
            (Dhe, &[0x002d, 0x008e, 0x0091, 0x00aa, 0x00b5, 0xccad]),
            (Ecdh, &[0xc001, 0xc00f, 0xc019, 0xc025, 0xc032, 0xc08d]),
            (Ecdhe, &[0xc006, 0xc014, 0xc023, 0xc02b, 0xc030, 0xcca8]),
            (Ecdhe, &[0xc033, 0xc03b, 0xc0af, 0xccac, 0xd001, 0xd005]),
            (Tls13, &[0x1301, 0x1305, 0xc0b4, 0xc0b5]),
            (Other, &[0x0000, 0x001e, 0x002c, 0x008a, 0x00a8, 0x00ae]),
            (Other, &[0x00ff, 0x5600, 0xc01a, 0xc0a4, 0xc100, 0xccab]),
        ] {
            for &suite in suites {
                assert_eq!(KeyExchange::of(suite), expected, "0x{suite:04x}");
            }
        }
    }

    #[test]
    fn weak_suites_say_why() {
        for (suite, word) in [
            (0x0003, "export"),
            (0x0005, "RC4"),
            (0x000a, "3DES"),
            (0x0018, "anonymous"),
            (0x002f, "static RSA"),
            (0x009d, "static RSA"),
            (0xc011, "RC4"),
            (0xc018, "anonymous"),
        ] {
            let why = weakness(suite).unwrap_or_default();
            assert!(why.contains(word), "0x{suite:04x}: {why}");
        }
        for suite in [
            0x1301, 0x1303, 0x0033, 0x009e, 0xc013, 0xc02f, 0xcca9, 0xc0ae,
        ] {
            assert_eq!(weakness(suite), None, "0x{suite:04x}");
        }
    }

    #[test]
    fn signals_are_no_suites() {
        for signal in [0x00ff, 0x5600, 0x0a0a, 0xfafa] {
            assert!(is_signal(signal), "0x{signal:04x}");
        }
        for suite in [0x000a, 0x1301, 0xc0aa, 0xc02f] {
            assert!(!is_signal(suite), "0x{suite:04x}");
        }
    }

    #[test]
    fn a_suite_with_an_rsa_signature_has_a_key_for_the_occasion() {
        for suite in (0..=u16::MAX).filter(|suite| is_ecdhe_rsa(*suite)) {
            assert_eq!(KeyExchange::of(suite), KeyExchange::Ecdhe);
        }
    }
}
