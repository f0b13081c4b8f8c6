//! `dtls-offers`: ClientHellos of DTLS that nobody should accept, with SRTP
//! profiles that do not encrypt, that nobody has, with none, and of DTLS 1.0; and
//! one with no more than what everybody has to accept.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    viewer::webrtc::{AppError, Call},
    webrtc::DtlsVersions,
    world::Entropy,
};

use super::{
    Diary, Stimulus, Visit,
    hello::{EXTENSIONS, vector},
    webrtc::call_otherwise,
};

/// How long an answer may take to come, and media.
const WAIT: Duration = Duration::from_secs(4);

/// Versions (RFC 4347 4.1, RFC 6347 4.1).
const DTLS10: u16 = 0xfeff;
const DTLS12: u16 = 0xfefd;
/// use_srtp (RFC 5764 4.1.1).
const USE_SRTP: u16 = 14;

/// What is offered: its name, a version, SRTP profiles, if any, and suites; where
/// there is one of them, it goes with one group.
type Offer = (&'static str, u16, Option<&'static [u16]>, &'static [u16]);

/// ECDHE with ECDSA: AES-GCM of DTLS 1.2, AES-CBC of DTLS 1.0.
const SUITES: &[u16] = &[0xc02b, 0xc009];
/// supported_groups (RFC 8422 5.1.1), which comes first among the extensions: as
/// many octets of it, and the same with secp256r1 alone.
const GROUPS: usize = 12;
const P256: [u8; 8] = [0, 10, 0, 4, 0, 2, 0, 23];

/// The NULL profiles are those of RFC 5764 4.1.2; the unknown one is for
/// private use.
const OFFERS: [Offer; 5] = [
    ("SRTP_NULL_HMAC_SHA1_80 alone", DTLS12, Some(&[5]), SUITES),
    ("a profile of nobody", DTLS12, Some(&[0xfff0]), SUITES),
    ("no use_srtp", DTLS12, None, SUITES),
    ("DTLS 1.0", DTLS10, Some(&[1]), SUITES),
    ("what everybody has", DTLS12, Some(&[1]), &[0xc02b]),
];

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "dtls-offers",
    title: "ClientHellos of DTLS with NULL, unknown and no SRTP profiles, of DTLS 1.0, and with no more than what everybody has",
    webrtc: Some(|visit| Box::pin(offer_all(visit))),
    portal: Some(|visit| Box::pin(offer_all(visit.first))),
    ..Stimulus::NOTHING
};

async fn offer_all(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    for offer in OFFERS {
        if let Err(error) = try_offer(&visit, offer, &mut diary).await {
            diary.note(format!("{}: failed to {error}", offer.0));
        }
    }
    diary.0
}

async fn try_offer(
    visit: &Visit,
    (name, version, profiles, suites): Offer,
    diary: &mut Diary,
) -> Result<(), AppError> {
    let says_hello = |call: &mut Call, sdp: &mut String| {
        let hello = client_hello(version, profiles, suites, &*visit.world.entropy);
        call.replace_dtls(hello);
        // The device is to be the server (RFC 8842 5.3).
        *sdp = sdp.replace("a=setup:actpass", "a=setup:active");
    };
    let called = call_otherwise(visit, name, DtlsVersions::Dtls12, says_hello, diary);
    let (mut app, session, call) = called.await?;
    let session = (&mut app, &*session.path);
    diary.await_media(name, WAIT, call, session).await;
    Ok(())
}

/// A record with a ClientHello of that version (RFC 6347 4.2.1, 4.2.2).
fn client_hello(
    version: u16,
    profiles: Option<&[u16]>,
    suites: &[u16],
    entropy: &dyn Entropy,
) -> Vec<u8> {
    let version = version.to_be_bytes();
    let mut body = version.to_vec();
    let mut random = [0; 32];
    entropy.fill(&mut random);
    body.extend(random);
    // No session, no cookie.
    body.extend([0, 0]);
    let octets: Vec<u8> = suites.iter().flat_map(|s| s.to_be_bytes()).collect();
    body.extend(vector(&octets));
    body.extend([1, 0]);
    let mut extensions = match suites {
        [_] => [&P256, &EXTENSIONS[GROUPS..]].concat(),
        _ => EXTENSIONS.to_vec(),
    };
    if let Some(profiles) = profiles {
        let profiles: Vec<u8> = profiles.iter().flat_map(|p| p.to_be_bytes()).collect();
        let mut data = vector(&profiles);
        // No MKI.
        data.push(0);
        extensions.extend(USE_SRTP.to_be_bytes());
        extensions.extend(vector(&data));
    }
    body.extend(vector(&extensions));
    let length = &(body.len() as u32).to_be_bytes()[1..];
    // The first message, in one fragment.
    let message = [&[1], length, &[0; 5], length, &body].concat();
    [&[22], &version[..], &[0; 8], &vector(&message)].concat()
}
