//! `dtls-offers`: ClientHellos of DTLS that nobody should accept: with SRTP
//! profiles that do not encrypt, that nobody has, with none, and of DTLS 1.0.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    viewer::webrtc::{App, AppError},
    webrtc::DtlsVersions,
    world::Entropy,
};

use super::{
    Diary, Stimulus, Visit,
    hello::{EXTENSIONS, vector},
};

/// How long an answer may take to come, and media.
const WAIT: Duration = Duration::from_secs(4);

/// Versions (RFC 4347 4.1, RFC 6347 4.1).
const DTLS10: u16 = 0xfeff;
const DTLS12: u16 = 0xfefd;
/// use_srtp (RFC 5764 4.1.1).
const USE_SRTP: u16 = 14;

/// What is offered: its name, a version and SRTP profiles, if any.
type Offer = (&'static str, u16, Option<&'static [u16]>);

/// The NULL profiles are those of RFC 5764 4.1.2; the unknown one is for
/// private use.
const OFFERS: [Offer; 4] = [
    ("SRTP_NULL_HMAC_SHA1_80 alone", DTLS12, Some(&[5])),
    ("a profile of nobody", DTLS12, Some(&[0xfff0])),
    ("no use_srtp", DTLS12, None),
    ("DTLS 1.0", DTLS10, Some(&[1])),
];

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "dtls-offers",
    title: "ClientHellos of DTLS with NULL, unknown and no SRTP profiles, and of DTLS 1.0",
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
    (name, version, profiles): Offer,
    diary: &mut Diary,
) -> Result<(), AppError> {
    let mut app = App::connect(&visit.address, &visit.world).await?;
    app.log_in(&visit.credentials).await?;
    let (mut call, sdp) = visit.prepare(DtlsVersions::Dtls12).await?;
    let hello = client_hello(version, profiles, &*visit.world.entropy);
    call.replace_dtls(hello);
    // The device is to be the server (RFC 8842 5.3).
    let sdp = sdp.replace("a=setup:actpass", "a=setup:active");
    let session = app.offer_to(&visit.offers_at(), &sdp).await?;
    call.accept(&session.answer)?;
    let keys = visit.ask_for_keys(&mut app, &session.path).await?;
    diary.note(format!("{name}: keys: {}", keys.status));
    let connected = call.watch(WAIT).await;
    diary.note(format!(
        "{name}: waited for media, connected: {connected:?}"
    ));
    diary.hang_up(call).await;
    // It may be over already.
    let _ = app.end(&session.path).await;
    Ok(())
}

/// A record with a ClientHello of that version (RFC 6347 4.2.1, 4.2.2).
fn client_hello(version: u16, profiles: Option<&[u16]>, entropy: &dyn Entropy) -> Vec<u8> {
    /// ECDHE with ECDSA: AES-GCM of DTLS 1.2, AES-CBC of DTLS 1.0.
    const SUITES: [u8; 4] = [0xc0, 0x2b, 0xc0, 0x09];
    let version = version.to_be_bytes();
    let mut body = version.to_vec();
    let mut random = [0; 32];
    entropy.fill(&mut random);
    body.extend(random);
    // No session, no cookie.
    body.extend([0, 0]);
    body.extend(vector(&SUITES));
    body.extend([1, 0]);
    let mut extensions = EXTENSIONS.to_vec();
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
