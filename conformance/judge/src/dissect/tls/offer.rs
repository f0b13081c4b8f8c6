//! What a ClientHello offers, when it offers something on purpose: offers that
//! nobody should accept, or that show what a server prefers.

use super::{
    ClientHello, TLS12, TLS13,
    suite::{self, KeyExchange},
};

/// An offer with a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// TLS 1.2, and only suites that do not encrypt.
    Null,
    /// TLS 1.3, and only the suites of RFC 9150, which do not encrypt.
    IntegrityOnly,
    /// TLS 1.2, and only suites with static RSA.
    StaticRsa,
    /// TLS 1.2, and only suites with Diffie-Hellman over a finite field.
    FiniteField,
    /// TLS 1.2: first suites with static RSA, then some with forward secrecy.
    RsaBeforeEcdhe,
    /// TLS 1.2, and only suites in which the server signs with RSA.
    EcdheRsa,
}

impl Offer {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Null,
        Self::IntegrityOnly,
        Self::StaticRsa,
        Self::FiniteField,
        Self::RsaBeforeEcdhe,
        Self::EcdheRsa,
    ];

    /// The purpose of a ClientHello; none if it is an offer like any other.
    pub fn of(hello: &ClientHello) -> Option<Self> {
        let suites = hello.cipher_suites.iter().copied();
        let suites: Vec<_> = suites.filter(|s| !suite::is_signal(*s)).collect();
        let exchange = |suite: &u16| KeyExchange::of(*suite);
        let all = |is: fn(u16) -> bool| !suites.is_empty() && suites.iter().all(|s| is(*s));
        match hello.highest_version() {
            TLS13 if all(suite::is_null) => Some(Self::IntegrityOnly),
            TLS12 if all(suite::is_null) => Some(Self::Null),
            TLS12 if all(is_static_rsa) => Some(Self::StaticRsa),
            TLS12 if all(is_finite_field) => Some(Self::FiniteField),
            TLS12 if all(suite::is_ecdhe_rsa) => Some(Self::EcdheRsa),
            TLS12 => {
                let ecdhe = suites
                    .iter()
                    .map(exchange)
                    .position(|e| e == KeyExchange::Ecdhe)?;
                let before = &suites[..ecdhe];
                (!before.is_empty() && before.iter().all(|s| is_static_rsa(*s)))
                    .then_some(Self::RsaBeforeEcdhe)
            }
            _ => None,
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "suites of TLS 1.2 without encryption",
            Self::IntegrityOnly => "suites of TLS 1.3 without encryption",
            Self::StaticRsa => "static RSA",
            Self::FiniteField => "Diffie-Hellman over a finite field",
            Self::RsaBeforeEcdhe => "static RSA before suites with forward secrecy",
            Self::EcdheRsa => "suites with RSA certificates",
        }
    }
}

fn is_static_rsa(suite: u16) -> bool {
    KeyExchange::of(suite) == KeyExchange::Rsa && !suite::is_null(suite)
}

fn is_finite_field(suite: u16) -> bool {
    matches!(KeyExchange::of(suite), KeyExchange::Dh | KeyExchange::Dhe) && !suite::is_null(suite)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: u16, cipher_suites: &[u16]) -> Option<Offer> {
        Offer::of(&ClientHello {
            at: 0,
            legacy_version: version.min(TLS12),
            supported_versions: vec![version],
            random: [0; 32],
            cipher_suites: cipher_suites.to_vec(),
            server_name: None,
            resumes: false,
            early_data: false,
        })
    }

    #[test]
    fn an_offer_is_known_by_its_suites() {
        for (version, suites, expected) in [
            (TLS12, &[0x003b, 0xc010, 0x00ff][..], Some(Offer::Null)),
            (TLS13, &[0xc0b4, 0xc0b5], Some(Offer::IntegrityOnly)),
            (TLS12, &[0x009c, 0x002f], Some(Offer::StaticRsa)),
            (TLS12, &[0x009e, 0x00a0], Some(Offer::FiniteField)),
            (TLS12, &[0x009c, 0xc02b], Some(Offer::RsaBeforeEcdhe)),
            (TLS12, &[0xc02f, 0xcca8], Some(Offer::EcdheRsa)),
            (TLS12, &[0xc02b, 0x009c], None),
            (TLS12, &[0x003b, 0x009c], None),
            (TLS12, &[0x009c, 0x009e, 0xc02b], None),
            (TLS12, &[0xc02f, 0xc02b], None),
            (TLS12, &[0x00ff], None),
            (TLS12, &[], None),
            (TLS13, &[0xc0b4, 0x1301], None),
            (TLS13, &[0x009c, 0xc02f], None),
            (0x0302, &[0x002f], None),
        ] {
            assert_eq!(of(version, suites), expected, "{version:04x} {suites:04x?}");
        }
    }
}
