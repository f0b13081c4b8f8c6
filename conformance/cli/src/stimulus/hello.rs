//! Hand-made ClientHellos, and what comes back.

use std::{io, time::Duration};

use lightleak_case::Experience;
use lightleak_sim::world::Entropy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Diary, Visit};

/// How long the answer may take.
const WAIT: Duration = Duration::from_secs(5);

/// How much of the answer is read.
const MOST: u64 = 16 * 1024;

/// Versions as they are in a hello.
pub const TLS10: u16 = 0x0301;
pub const TLS11: u16 = 0x0302;
pub const TLS12: u16 = 0x0303;
pub const TLS13: u16 = 0x0304;

/// What is offered: its name, a version and suites.
pub type Offer = (&'static str, u16, &'static [u16]);

/// A sound handshake, then those offers.
pub async fn offer_all(visit: Visit, offers: &[Offer]) -> Experience {
    let mut diary = Diary::default();
    diary.sound_handshake(&visit).await;
    for (name, version, suites) in offers {
        let answer = offer(&visit, *version, suites).await;
        diary.note(format!("{name}: {answer}"));
    }
    diary.0
}

/// Connects, sends the hello and reads what comes back; in words.
async fn offer(visit: &Visit, version: u16, suites: &[u16]) -> String {
    let hello = client_hello(version, suites, &*visit.world.entropy);
    match exchange(visit, &hello).await {
        Ok(answer) => describe(&answer),
        Err(error) => error.to_string(),
    }
}

async fn exchange(visit: &Visit, hello: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = visit.world.net.connect(visit.address.endpoint).await?;
    stream.write_all(hello).await?;
    let mut answer = Vec::new();
    let end = visit.world.clock.unix() + WAIT;
    let mut limited = (&mut stream).take(MOST);
    tokio::select! {
        read = limited.read_to_end(&mut answer) => {
            read?;
        }
        () = visit.world.clock.sleep_until(end) => {}
    }
    Ok(answer)
}

/// A record with a ClientHello of that version at most (RFC 8446 4.1.2, RFC 5246
/// 7.4.1.2); before TLS 1.2 without extensions.
fn client_hello(version: u16, suites: &[u16], entropy: &dyn Entropy) -> Vec<u8> {
    let random = || {
        let mut octets = [0; 32];
        entropy.fill(&mut octets);
        octets
    };
    let mut body = version.min(TLS12).to_be_bytes().to_vec();
    body.extend(random());
    body.push(0);
    let suites: Vec<u8> = suites.iter().flat_map(|s| s.to_be_bytes()).collect();
    body.extend(vector(&suites));
    body.extend([1, 0]);
    if version >= TLS12 {
        let mut extensions = EXTENSIONS.to_vec();
        if version >= TLS13 {
            extensions.extend(TLS13_EXTENSIONS);
            // key_share: any octets are a key of x25519 (RFC 7748 5).
            extensions.extend([0, 51, 0, 38, 0, 36, 0, 29, 0, 32]);
            extensions.extend(random());
        }
        body.extend(vector(&extensions));
    }
    let message = [&[1, 0][..], &vector(&body)].concat();
    [&[22, 3, 1][..], &vector(&message)].concat()
}

/// Of TLS 1.2 and later.
#[rustfmt::skip]
pub const EXTENSIONS: &[u8] = &[
    // supported_groups: x25519, secp256r1, secp384r1
    0, 10, 0, 8, 0, 6, 0, 29, 0, 23, 0, 24,
    // ec_point_formats: uncompressed
    0, 11, 0, 2, 1, 0,
    // signature_algorithms: ECDSA, RSASSA-PSS and RSASSA-PKCS1 with SHA-256 and up
    0, 13, 0, 18, 0, 16, 4, 3, 5, 3, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1,
    // extended_master_secret
    0, 23, 0, 0,
    // renegotiation_info: empty
    0xff, 1, 0, 1, 0,
];

/// Of TLS 1.3.
#[rustfmt::skip]
const TLS13_EXTENSIONS: &[u8] = &[
    // supported_versions: TLS 1.3
    0, 43, 0, 3, 2, 3, 4,
    // psk_key_exchange_modes: psk_dhe_ke
    0, 45, 0, 2, 1, 1,
];

/// With its length in two octets before it.
pub fn vector(octets: &[u8]) -> Vec<u8> {
    [&(octets.len() as u16).to_be_bytes()[..], octets].concat()
}

fn describe(answer: &[u8]) -> String {
    match answer {
        [] => "closed without a word".into(),
        [21, _, _, _, _, level, description, ..] => format!("alert {level}/{description}"),
        [22, major, minor, ..] => format!("handshake record of version {major}.{minor}"),
        [first, ..] => format!("{} octets, the first {first}", answer.len()),
    }
}
