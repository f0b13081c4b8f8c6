//! Answers to a ClientHello that no sound TLS stack gives: a ServerHello that
//! chooses what must not be chosen. What would follow is left out.

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Versions and suites (IANA TLS Cipher Suites).
const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;
const TLS_RSA_WITH_AES_128_GCM_SHA256: u16 = 0x009c;
const TLS_SHA256_SHA256: u16 = 0xc0b4;
const TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: u16 = 0xc02b;
const TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: u16 = 0xc02f;

/// handshake messages.
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;

/// Signed by itself with SHA-1, with an RSA key of 1024 bits that was thrown
/// away: `openssl req -x509 -newkey rsa:1024 -nodes -keyout /dev/null -sha1
/// -days 9000 -subj "/CN=lightleak faulty factory certificate" -outform DER |
/// base64`.
const WEAK_CERTIFICATE: &str = "\
MIICPDCCAaWgAwIBAgIUH17LIvwN6WWlcf/Ztn5T1y95P50wDQYJKoZIhvcNAQEFBQAwLzEtMCsG\
A1UEAwwkbGlnaHRsZWFrIGZhdWx0eSBmYWN0b3J5IGNlcnRpZmljYXRlMCAXDTI2MTEyNTAxMjYw\
N1oYDzIwNTEwNzE3MDEyNjA3WjAvMS0wKwYDVQQDDCRsaWdodGxlYWsgZmF1bHR5IGZhY3Rvcnkg\
Y2VydGlmaWNhdGUwgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBAK9Uq2EVMB/n5LPvgCiHIl8J\
UqU8Uxfm+PeL8szwAtd82bWKHIUjVsd2dwcYF1SP3qqcwpsToPuMnUUZMUGsrdrqPCVdadFvEo2X\
OkK4n4HaYW0trhi+jHU8LSD2oE7NghGDyGjy9+7U7E9hi74qlP8NRE2WkXIYxB5TDaUpgxbNAgMB\
AAGjUzBRMB0GA1UdDgQWBBT6wepM1tmUo1L7u+UaAL/qTYFv+DAfBgNVHSMEGDAWgBT6wepM1tmU\
o1L7u+UaAL/qTYFv+DAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBBQUAA4GBAF3qCesBGQvL\
dpME5m8n6odt5ly1I9goSxzZRFwtRbOEADPu+m2jP5oJi+p8jS6nWOvmfBKIxFIfwruhVsUyOlwg\
xBKzGiChvFyC9jjWMMoJfeqTuF4g6ApXMTkEn4HR8nkvfn69QIT8HE7NfbXKUg537hL6xc8jYAQP\
zD6cTMHv";

/// TLS 1.3 without encryption (RFC 9150), if that is offered.
pub fn faulty_integrity_only(record: &[u8]) -> Option<Vec<u8>> {
    let offer = Offer::read(record)?;
    let offered = offer.version == TLS13 && offer.has(TLS_SHA256_SHA256);
    offered.then(|| offer.choose(TLS_SHA256_SHA256))
}

/// Static RSA in TLS 1.2, if nothing better is offered.
pub fn faulty_static_rsa(record: &[u8]) -> Option<Vec<u8>> {
    let offer = Offer::read(record)?;
    let offered = offer.version == TLS12
        && offer.has(TLS_RSA_WITH_AES_128_GCM_SHA256)
        && !offer.has_forward_secrecy();
    offered.then(|| offer.choose(TLS_RSA_WITH_AES_128_GCM_SHA256))
}

/// Static RSA in TLS 1.2, although something better is offered.
pub fn faulty_no_forward_secrecy(record: &[u8]) -> Option<Vec<u8>> {
    let offer = Offer::read(record)?;
    let offered = offer.version == TLS12
        && offer.has(TLS_RSA_WITH_AES_128_GCM_SHA256)
        && offer.has_forward_secrecy();
    offered.then(|| offer.choose(TLS_RSA_WITH_AES_128_GCM_SHA256))
}

/// A weak certificate in TLS 1.2, if the client knows RSA alone.
pub fn faulty_weak_certificate(record: &[u8]) -> Option<Vec<u8>> {
    let offer = Offer::read(record)?;
    let offered = offer.version == TLS12
        && offer.has(TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
        && !offer.has(TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
        && !offer.has(TLS_RSA_WITH_AES_128_GCM_SHA256);
    let certificate = BASE64_STANDARD.decode(WEAK_CERTIFICATE).ok()?;
    offered.then(|| {
        let mut answer = offer.choose(TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
        let list = vector24(&certificate);
        answer.extend(handshake(CERTIFICATE, &vector24(&list)));
        answer
    })
}

/// What of a ClientHello is looked at.
struct Offer {
    /// The highest version.
    version: u16,
    random: [u8; 32],
    session_id: Vec<u8>,
    suites: Vec<u16>,
}

impl Offer {
    /// Reads a ClientHello that is one record (RFC 8446 4.1.2).
    fn read(record: &[u8]) -> Option<Self> {
        let (_headers, mut rest) = record.split_at_checked(9)?;
        let legacy_version = u16::from_be_bytes(*take(&mut rest, 2)?.first_chunk()?);
        let random = *take(&mut rest, 32)?.first_chunk()?;
        let session_id = vector(&mut rest, 1)?.to_vec();
        let suites = numbers(vector(&mut rest, 2)?);
        let _compression_methods = vector(&mut rest, 1)?;
        let mut extensions = vector(&mut rest, 2).unwrap_or_default();
        let mut version = legacy_version;
        while let Some(kind) = take(&mut extensions, 2) {
            let data = vector(&mut extensions, 2)?;
            if kind == [0, 43] {
                version = numbers(data.get(1..)?).into_iter().max()?;
            }
        }
        Some(Self {
            version,
            random,
            session_id,
            suites,
        })
    }

    fn has(&self, suite: u16) -> bool {
        self.suites.contains(&suite)
    }

    fn has_forward_secrecy(&self) -> bool {
        self.has(TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
            || self.has(TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
    }

    /// A record with a ServerHello of that suite, with the client's own random
    /// for a random and, in TLS 1.3, for a share of a key.
    fn choose(&self, suite: u16) -> Vec<u8> {
        let mut hello = TLS12.to_be_bytes().to_vec();
        hello.extend_from_slice(&self.random);
        hello.push(self.session_id.len() as u8);
        hello.extend_from_slice(&self.session_id);
        hello.extend_from_slice(&suite.to_be_bytes());
        hello.push(0);
        if self.version == TLS13 {
            // supported_versions, then key_share of x25519.
            let mut extensions = vec![0, 43, 0, 2, 3, 4, 0, 51, 0, 36, 0, 29, 0, 32];
            extensions.extend_from_slice(&self.random);
            hello.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
            hello.extend_from_slice(&extensions);
        }
        handshake(SERVER_HELLO, &hello)
    }
}

/// A record with one handshake message.
fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![22, 3, 3];
    record.extend_from_slice(&(body.len() as u16 + 4).to_be_bytes());
    record.push(kind);
    record.extend(vector24(body));
    record
}

fn vector24(octets: &[u8]) -> Vec<u8> {
    let length = (octets.len() as u32).to_be_bytes();
    [&length[1..], octets].concat()
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    rest.split_off(..length)
}

/// A vector whose length has so many octets.
fn vector<'a>(rest: &mut &'a [u8], octets: usize) -> Option<&'a [u8]> {
    let length = take(rest, octets)?;
    let length = length.iter().fold(0, |n, o| n << 8 | usize::from(*o));
    take(rest, length)
}

fn numbers(octets: &[u8]) -> Vec<u16> {
    let (pairs, _) = octets.as_chunks::<2>();
    pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
}
