//! Certificates (RFC 5280): the key in one and how it was signed, no more.
//! Nothing is verified.

use x509_cert::{
    Certificate as Parsed,
    der::{
        Decode, Reader, SliceReader, TagMode, TagNumber,
        asn1::{AnyRef, ObjectIdentifier, UintRef},
    },
    spki::AlgorithmIdentifierRef,
};

/// What of a certificate is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The key of its subject.
    pub key: Key,
    /// The hash of the signature on it.
    pub hash: Hash,
    /// Whether issuer and subject are one: a trust anchor, or signed by itself.
    pub self_issued: bool,
    /// The octets of the key (subjectPublicKey): of an RSA key its RSAPublicKey, of
    /// one on a curve its point.
    pub public_key: Vec<u8>,
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// RSA, with a modulus of so many bits.
    Rsa(usize),
    /// On a curve of that name and size in bits.
    Curve(&'static str, usize),
    /// Another, by its object identifiers.
    Other(String),
}

/// The hash of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hash {
    /// MD2, MD4 or MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// A hash of the SHA-2 family or later, or what belongs to the signature
    /// scheme (Ed25519, Ed448).
    Strong,
    /// Another, by its object identifier.
    Other(String),
}

impl Certificate {
    /// Reads DER; `None` if it is no certificate.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let parsed = Parsed::from_der(der).ok()?;
        let inner = parsed.tbs_certificate();
        let signature = parsed.signature_algorithm();
        let parameters = signature.parameters.as_ref().map(|any| any.to_ref());
        let key = inner.subject_public_key_info();
        let curve = key.algorithm.parameters.as_ref().map(|any| any.to_ref());
        Some(Self {
            key: Key::read(key.algorithm.oid, curve, key.subject_public_key.raw_bytes()),
            hash: Hash::read(signature.oid, parameters),
            self_issued: inner.issuer() == inner.subject(),
            public_key: key.subject_public_key.raw_bytes().to_vec(),
        })
    }
}

impl Key {
    /// RFC 3279 2.3, RFC 5480, RFC 8410.
    fn read(algorithm: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> Self {
        let other = || Self::Other(algorithm.to_string());
        match algorithm.to_string().as_str() {
            // rsaEncryption, id-RSASSA-PSS
            "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => {
                modulus(key).map_or_else(other, Self::Rsa)
            }
            "1.2.840.10045.2.1" => {
                let named = parameters.and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
                let Some(named) = named.map(|oid| oid.to_string()) else {
                    return Self::Other(format!("{algorithm} with parameters of its own"));
                };
                let known = CURVES.iter().find(|(oid, ..)| *oid == named);
                known.map_or_else(
                    || Self::Other(format!("{algorithm} on {named}")),
                    |&(_, name, bits)| Self::Curve(name, bits),
                )
            }
            "1.3.101.112" => Self::Curve("Ed25519", 256),
            "1.3.101.113" => Self::Curve("Ed448", 448),
            _ => other(),
        }
    }
}

impl Hash {
    fn read(algorithm: ObjectIdentifier, parameters: Option<AnyRef<'_>>) -> Self {
        match algorithm.to_string().as_str() {
            "1.2.840.113549.1.1.10" => pss(parameters),
            "1.2.840.113549.1.1.2"
            | "1.2.840.113549.1.1.3"
            | "1.2.840.113549.1.1.4"
            | "1.3.14.3.2.2"
            | "1.3.14.3.2.3"
            | "1.3.14.3.2.4" => Self::Md5,
            // With RSA (twice), ECDSA, DSA (twice).
            "1.2.840.113549.1.1.5"
            | "1.3.14.3.2.29"
            | "1.2.840.10045.4.1"
            | "1.2.840.10040.4.3"
            | "1.3.14.3.2.27" => Self::Sha1,
            // sha224..sha512 and sha512-224, sha512-256 with RSA
            "1.2.840.113549.1.1.11"
            | "1.2.840.113549.1.1.12"
            | "1.2.840.113549.1.1.13"
            | "1.2.840.113549.1.1.14"
            | "1.2.840.113549.1.1.15"
            | "1.2.840.113549.1.1.16" => Self::Strong,
            // ecdsa-with-SHA224..SHA512, Ed25519, Ed448
            "1.2.840.10045.4.3.1"
            | "1.2.840.10045.4.3.2"
            | "1.2.840.10045.4.3.3"
            | "1.2.840.10045.4.3.4"
            | "1.3.101.112"
            | "1.3.101.113" => Self::Strong,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// The hash of RSASSA-PSS-params; SHA-1 if none is named (RFC 4055 3.1).
fn pss(parameters: Option<AnyRef<'_>>) -> Hash {
    let named = parameters.map(|any| {
        any.sequence(|reader| {
            let hash = reader
                .context_specific::<AlgorithmIdentifierRef<'_>>(TagNumber(0), TagMode::Explicit)?;
            // Mask generation, salt and trailer say nothing of the hash.
            reader.read_slice(reader.remaining_len())?;
            Ok::<_, x509_cert::der::Error>(hash.map(|hash| hash.oid))
        })
    });
    match named {
        Some(Ok(Some(oid))) => match oid.to_string().as_str() {
            "1.3.14.3.2.26" => Hash::Sha1,
            "1.2.840.113549.2.5" => Hash::Md5,
            // id-sha256 and its kin
            oid if oid.starts_with("2.16.840.1.101.3.4.2.") => Hash::Strong,
            oid => Hash::Other(oid.to_owned()),
        },
        None | Some(Ok(None)) => Hash::Sha1,
        Some(Err(_)) => Hash::Other("RSASSA-PSS with parameters that do not parse".into()),
    }
}

/// Bits of the modulus of an RSAPublicKey.
fn modulus(key: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(key).ok()?;
    let modulus = reader.sequence(|reader| {
        let modulus = UintRef::decode(reader)?.as_bytes();
        UintRef::decode(reader)?;
        Ok::<_, x509_cert::der::Error>(modulus)
    });
    let modulus = modulus.ok()?;
    let first = modulus.iter().position(|octet| *octet != 0)?;
    let zeros = modulus[first].leading_zeros() as usize;
    Some((modulus.len() - first) * 8 - zeros)
}

/// Named curves (SEC 2, RFC 5639) and the size of their field in bits.
const CURVES: &[(&str, &str, usize)] = &[
    ("1.2.840.10045.3.1.1", "P-192", 192),
    ("1.2.840.10045.3.1.7", "P-256", 256),
    ("1.3.132.0.1", "sect163k1", 163),
    ("1.3.132.0.2", "sect163r1", 163),
    ("1.3.132.0.4", "sect113r1", 113),
    ("1.3.132.0.5", "sect113r2", 113),
    ("1.3.132.0.6", "secp112r1", 112),
    ("1.3.132.0.7", "secp112r2", 112),
    ("1.3.132.0.8", "secp160r1", 160),
    ("1.3.132.0.9", "secp160k1", 160),
    ("1.3.132.0.10", "secp256k1", 256),
    ("1.3.132.0.15", "sect163r2", 163),
    ("1.3.132.0.22", "sect131r1", 131),
    ("1.3.132.0.23", "sect131r2", 131),
    ("1.3.132.0.24", "sect193r1", 193),
    ("1.3.132.0.25", "sect193r2", 193),
    ("1.3.132.0.26", "sect233k1", 233),
    ("1.3.132.0.27", "sect233r1", 233),
    ("1.3.132.0.28", "secp128r1", 128),
    ("1.3.132.0.29", "secp128r2", 128),
    ("1.3.132.0.30", "secp160r2", 160),
    ("1.3.132.0.31", "secp192k1", 192),
    ("1.3.132.0.32", "secp224k1", 224),
    ("1.3.132.0.33", "P-224", 224),
    ("1.3.132.0.34", "P-384", 384),
    ("1.3.132.0.35", "P-521", 521),
    ("1.3.36.3.3.2.8.1.1.1", "brainpoolP160r1", 160),
    ("1.3.36.3.3.2.8.1.1.3", "brainpoolP192r1", 192),
    ("1.3.36.3.3.2.8.1.1.5", "brainpoolP224r1", 224),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1", 256),
    ("1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1", 320),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1", 384),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1", 512),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Made for this test with `openssl req -x509`, the last but one with
    // `openssl x509 -req -md5` by a CA; the private keys were thrown away.
    const P256: &[u8] = include_bytes!("x509/p256-sha256.der");
    const P256_SHA1: &[u8] = include_bytes!("x509/p256-sha1.der");
    const RSA1024: &[u8] = include_bytes!("x509/rsa1024-sha1.der");
    const RSA2048: &[u8] = include_bytes!("x509/rsa2048-pss.der");
    const P192: &[u8] = include_bytes!("x509/p192-md5.der");
    const ED25519: &[u8] = include_bytes!("x509/ed25519.der");
    // With the key testECCP256 of RFC 9500 2.3.
    const PUBLISHED: &[u8] = include_bytes!("x509/p256-rfc9500.der");

    #[test]
    fn key_and_hash_of_certificates_are_told() {
        for (der, key, hash) in [
            (P256, Key::Curve("P-256", 256), Hash::Strong),
            (P256_SHA1, Key::Curve("P-256", 256), Hash::Sha1),
            (RSA1024, Key::Rsa(1024), Hash::Sha1),
            (RSA2048, Key::Rsa(2048), Hash::Strong),
            (P192, Key::Curve("P-192", 192), Hash::Md5),
            (ED25519, Key::Curve("Ed25519", 256), Hash::Strong),
        ] {
            let read = Certificate::parse(der).unwrap();
            assert_eq!((read.key, read.hash), (key, hash));
            assert_eq!(read.self_issued, der != P192);
        }
    }

    #[test]
    fn the_key_of_a_certificate_is_that_of_its_pair() {
        let pairs = &lightleak_vectors::keys::published().pairs;
        let pair = pairs.iter().find(|pair| pair.name == "testECCP256");
        let read = Certificate::parse(PUBLISHED).unwrap();
        assert_eq!(read.public_key, pair.unwrap().public);
        assert!(
            pairs.iter().all(|pair| Some(&pair.public)
                != Certificate::parse(P256).map(|c| c.public_key).as_ref())
        );
    }

    #[test]
    fn a_pss_signature_without_a_named_hash_is_of_sha_1() {
        assert_eq!(pss(None), Hash::Sha1);
        let empty = AnyRef::from_der(&[0x30, 0]).unwrap();
        assert_eq!(pss(Some(empty)), Hash::Sha1);
        let odd = AnyRef::from_der(&[0x02, 1, 0]).unwrap();
        assert!(matches!(pss(Some(odd)), Hash::Other(_)));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert_eq!(Certificate::parse(b""), None);
        assert_eq!(Certificate::parse(&P256[..P256.len() - 1]), None);
        assert_eq!(Certificate::parse(&[P256, &[0]].concat()), None);
    }

    proptest! {
        #[test]
        fn a_mutated_certificate_never_panics(
            which in 0..4usize,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut der = [P256, RSA1024, RSA2048, P192][which].to_vec();
            for (index, octet) in changes {
                let at = index.index(der.len());
                der[at] = octet;
            }
            let _ = Certificate::parse(&der);
        }
    }
}
