//! Answers to a ClientHello of DTLS that no sound stack gives: a ServerHello
//! that chooses what must not be chosen. What would follow is left out. And a
//! certificate that is no unit's own.

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use str0m::crypto::dtls::DtlsCert;

/// Versions (RFC 4347 4.1, RFC 6347 4.1).
const DTLS10: u16 = 0xfeff;
const DTLS12: u16 = 0xfefd;
/// Suites of the two.
const TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: u16 = 0xc009;
const TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: u16 = 0xc02b;
/// SRTP protection profiles (RFC 5764 4.1.2).
const SRTP_AES128_CM_HMAC_SHA1_80: u16 = 1;
const SRTP_NULL_HMAC_SHA1_80: u16 = 5;

/// ServerHello.
const SERVER_HELLO: u8 = 2;
/// use_srtp (RFC 5764 4.1.1).
const USE_SRTP: u16 = 14;

/// A profile without encryption, if nothing better is offered.
pub fn faulty_null_profile(datagram: &[u8]) -> Option<Vec<u8>> {
    let offer = Offer::read(datagram)?;
    let nothing_better = offer.profiles.as_deref() == Some(&[SRTP_NULL_HMAC_SHA1_80]);
    nothing_better.then(|| offer.choose(DTLS12, SRTP_NULL_HMAC_SHA1_80))
}

/// A profile that was not offered, if none is offered that the camera has.
pub fn faulty_own_profile(datagram: &[u8]) -> Option<Vec<u8>> {
    /// What cameras have, and profiles without encryption.
    const KNOWN: [u16; 6] = [1, 2, 5, 6, 7, 8];
    let offer = Offer::read(datagram)?;
    let profiles = offer.profiles.as_deref()?;
    let strange = profiles.iter().all(|profile| !KNOWN.contains(profile));
    strange.then(|| offer.choose(DTLS12, SRTP_AES128_CM_HMAC_SHA1_80))
}

/// An alert, if no SRTP profile of AES in Galois/counter mode is offered.
pub fn faulty_gcm_only(datagram: &[u8]) -> Option<Vec<u8>> {
    /// SRTP_AEAD_AES_128_GCM and SRTP_AEAD_AES_256_GCM (RFC 7714 14.2).
    const GCM: [u16; 2] = [7, 8];
    /// A fatal handshake_failure.
    const ALERT: [u8; 15] = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40];
    let profiles = Offer::read(datagram)?.profiles?;
    let has_none = !profiles.iter().any(|profile| GCM.contains(profile));
    has_none.then(|| ALERT.to_vec())
}

/// DTLS 1.0, if nothing later is offered.
pub fn faulty_accept_dtls10(datagram: &[u8]) -> Option<Vec<u8>> {
    let offer = Offer::read(datagram)?;
    (offer.version == DTLS10).then(|| offer.choose(DTLS10, SRTP_AES128_CM_HMAC_SHA1_80))
}

/// A certificate for the key testECCP256 of RFC 9500 2.3, which anybody has.
///
/// # Panics
///
/// Never: the key is a constant.
pub fn faulty_sample_certificate() -> DtlsCert {
    const KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5stb3YCqRa6clejB
VHZnn/7JU8FoUecR50OTlYnGT8GhRANCAARCJUj4j7eC/7Xso3REUscqHlWPvW9z
vl5I6TIyzEXFsWxM0QxMuNW4oXE56UiCyJklcpk0JfQUGat+kKQqSUJy
-----END PRIVATE KEY-----
";
    let key = KeyPair::from_pem(KEY).expect("a constant");
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2045, 1, 1);
    let certificate = params.self_signed(&key).expect("a constant");
    DtlsCert {
        certificate: certificate.der().to_vec(),
        private_key: key.serialize_der(),
    }
}

/// What of a ClientHello is looked at.
struct Offer {
    version: u16,
    random: [u8; 32],
    profiles: Option<Vec<u16>>,
}

impl Offer {
    /// Reads a ClientHello that is one record in one datagram (RFC 6347 4.2.1).
    fn read(datagram: &[u8]) -> Option<Self> {
        const HANDSHAKE: u8 = 22;
        const CLIENT_HELLO: u8 = 1;
        let (headers, mut rest) = datagram.split_at_checked(13 + 12)?;
        if headers[0] != HANDSHAKE || headers[13] != CLIENT_HELLO {
            return None;
        }
        let version = number(rest.split_off(..2)?);
        let random = *rest.split_off(..32)?.first_chunk()?;
        for octets in [1, 1, 2, 1] {
            let _session_id_cookie_suites_compression = vector(&mut rest, octets)?;
        }
        let mut extensions = vector(&mut rest, 2).unwrap_or_default();
        let mut profiles = None;
        while let Some(kind) = extensions.split_off(..2) {
            let mut data = vector(&mut extensions, 2)?;
            if number(kind) == USE_SRTP {
                let (pairs, _) = vector(&mut data, 2)?.as_chunks::<2>();
                profiles = Some(pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect());
            }
        }
        Some(Self {
            version,
            random,
            profiles,
        })
    }

    /// A record with a ServerHello of that version and profile, with the client's
    /// own random for a random.
    fn choose(&self, version: u16, profile: u16) -> Vec<u8> {
        let suite = match version {
            DTLS10 => TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
            _ => TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        };
        let mut hello = version.to_be_bytes().to_vec();
        hello.extend(self.random);
        hello.push(0);
        hello.extend(suite.to_be_bytes());
        hello.push(0);
        if self.profiles.is_some() {
            hello.extend([0, 9]);
            hello.extend(USE_SRTP.to_be_bytes());
            hello.extend([0, 5, 0, 2]);
            hello.extend(profile.to_be_bytes());
            hello.push(0);
        }
        let length = &(hello.len() as u32).to_be_bytes()[1..];
        // In one fragment, the first message.
        let message = [&[SERVER_HELLO], length, &[0; 5], length, &hello].concat();
        let mut record = vec![22];
        record.extend(version.to_be_bytes());
        record.extend([0; 8]);
        record.extend((message.len() as u16).to_be_bytes());
        record.extend(message);
        record
    }
}

fn number(octets: &[u8]) -> u16 {
    octets.iter().fold(0, |n, o| n << 8 | u16::from(*o))
}

/// A vector whose length has so many octets.
fn vector<'a>(rest: &mut &'a [u8], octets: usize) -> Option<&'a [u8]> {
    let length = number(rest.split_off(..octets)?);
    rest.split_off(..usize::from(length))
}
