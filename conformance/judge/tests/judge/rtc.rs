//! A session of WebRTC, octet by octet: signalling inside TLS, STUN, a handshake
//! of DTLS 1.2 with made-up secrets, SRTP with the keys that it gives, SFrame
//! inside.

use aes::cipher::{KeyIvInit, StreamCipher};
use aes_gcm::{
    Aes128Gcm, KeyInit,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use lightleak_case::{Carriage, Case, EndToEnd, Hop, Ledger, Session, Track, Vantage};
use sha2::Sha256;

use crate::{
    card::hex,
    case::*,
    sealed::{Sealed, message},
    srtp::Sealer,
    video,
    wire::Wire,
};

pub const RTC_PATH: &str = "app.webrtc";
const SUITE: u16 = 0xc02b;
/// Where media come from, and where they go.
pub const DEVICE_PORT: u16 = 6000;
pub const APP_PORT: u16 = 5000;
const VIDEO_KID: u64 = 0x0102_0304_0506_0701;
const SOUND_KID: u64 = 0x0102_0304_0506_0702;
const TALK_KID: u64 = 0x0102_0304_0506_0703;
const STUB: [u8; 2] = [0x82, 0x08];

pub const TOKEN: [u8; 32] = [
    0x3a, 0x91, 0x5c, 0x07, 0xee, 0x42, 0x18, 0xd3, 0x9b, 0x60, 0xf1, 0x2d, 0x84, 0xc7, 0x0a, 0x55,
    0x73, 0xbe, 0x19, 0xa8, 0x36, 0xd0, 0x4f, 0x62, 0xcb, 0x95, 0x01, 0xea, 0x7d, 0x28, 0x53, 0x8f,
];

/// How the session goes; as it should unless something is changed.
pub struct Plan {
    pub offer: String,
    pub answer: String,
    /// Version of the ServerHello.
    pub version: u16,
    /// SRTP protection profiles that are chosen; none without the extension.
    pub chosen: Option<Vec<u16>>,
    /// Media are sealed with keys of their own, whatever the handshake gave.
    pub own_keys: bool,
    /// Packets carry an MKI.
    pub mki: Vec<u8>,
    /// Media are sent before the handshake ends.
    pub early: bool,
    pub sframe: Sframe,
    /// More datagrams of the device.
    pub more: Vec<Vec<u8>>,
    /// Sent again as RFC 4588 has it: what is behind the number of the original.
    pub again: Option<Again>,
    pub log: String,
}

/// What a retransmission brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// What was sent.
    Original,
    /// Something in clear.
    Clear,
}

/// How media are sealed from end to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sframe {
    Right,
    /// Not at all.
    Clear,
    /// Keys are derived as drafts did.
    Draft,
    /// The nonce is the head of the salt, and the counter.
    ConcatenatedNonce,
    /// Metadata are not authenticated.
    NoMetadata,
    /// Two frames of different content have one counter.
    SameCounter,
    /// KID and CTR take more octets than they need.
    NonMinimal,
    /// The suite has tags of 32 bits.
    ShortTag,
    /// The base key is sent along in the signalling.
    KeyInClear,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            offer: description("0.0.0.0", APP_PORT, "192.0.2.10"),
            answer: description("0.0.0.0", DEVICE_PORT, "192.0.2.20"),
            version: 0xfefd,
            chosen: Some(vec![1]),
            own_keys: false,
            mki: Vec::new(),
            early: false,
            sframe: Sframe::Right,
            more: Vec::new(),
            again: None,
            log: String::new(),
        }
    }
}

pub fn description(_: &str, port: u16, address: &str) -> String {
    let fingerprint = ["AB"; 32].join(":");
    let section = |media: &str, format: &str| {
        format!(
            "m={media} 9 UDP/TLS/RTP/SAVPF {format}\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\n\
             a=candidate:1 1 udp 2130706431 {address} {port} typ host\r\n"
        )
    };
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\n{}{}",
        section("video", "96 97").replace(
            "a=rtcp-mux",
            "a=rtpmap:96 H264/90000\r\na=rtpmap:97 rtx/90000\r\na=rtcp-mux"
        ),
        section("audio", "0")
    )
}

/// A case with one such session.
pub fn case_of(plan: &Plan) -> Case {
    let mut case = case(vec![session_of(plan)]);
    let port = camera().port();
    case.declaration.endpoints[0].path = RTC_PATH.into();
    assert_eq!(case.declaration.endpoints[0].port, port);
    let path = &mut case.declaration.paths[0];
    path.id = RTC_PATH.into();
    (path.carriage, path.hop) = (Carriage::Webrtc, Hop::DtlsSrtp);
    path.end_to_end = EndToEnd::Sframe;
    case
}

pub fn session_of(plan: &Plan) -> Session {
    let mut wire = Wire::new();
    let mut peer = Wire::new();
    let mut sealed = Sealed::connect(&mut wire, client(50_001), camera(), 1);
    signal(&mut wire, &mut sealed, plan);
    let (app, device) = (client(APP_PORT), camera_at(DEVICE_PORT));
    for (request, from, to) in [(true, app, device), (false, device, app)] {
        wire.udp(from, to, &binding(request));
    }
    let mut dtls = Dtls::new(plan);
    let media = media(plan.sframe);
    let mut early = media.video.iter().take(usize::from(plan.early));
    for packet in early.by_ref() {
        wire.udp(device, app, packet);
    }
    for (from_app, datagram) in dtls.handshake(plan) {
        let (from, to) = if from_app {
            (app, device)
        } else {
            (device, app)
        };
        wire.udp(from, to, &datagram);
    }
    let [of_app, of_device] = match plan.own_keys {
        true => [Sealer::new(7), Sealer::new(8)].map(|mut sealer| {
            sealer.mki = plan.mki.clone();
            sealer
        }),
        false => dtls.srtp(&plan.mki),
    };
    let again = plan.again.map(|again| {
        let original = &media.video[0];
        let payload = match again {
            Again::Original => original[12..].to_vec(),
            Again::Clear => vec![0x65; 40],
        };
        let header = [0x80, 97, 0, 5, 0, 0, 0, 0, 1, 1, 1, 1];
        [&header[..], &original[2..4], &payload].concat()
    });
    for packet in media.video.iter().chain(&media.sound).chain(&again) {
        wire.udp(device, app, &of_device.rtp(packet, 0));
        peer.udp(device, app, packet);
    }
    for (number, ssrc) in [0xcafe_babe_u32, 0xaaaa_0001].into_iter().enumerate() {
        let report = [&[0x80, 200, 0, 6][..], &ssrc.to_be_bytes(), &[7; 20]].concat();
        wire.udp(device, app, &of_device.rtcp(&report, number as u32));
    }
    for packet in &media.talk {
        wire.udp(app, device, &of_app.rtp(packet, 0));
    }
    for datagram in &plan.more {
        wire.udp(device, app, datagram);
    }
    ask(
        &mut wire,
        &mut sealed,
        "DELETE /webrtc/00ff",
        true,
        "",
        "200 OK",
        "",
    );
    sealed.tcp.close(&mut wire);
    let mut session = session("honest", wire, Vec::new());
    session.record.path = RTC_PATH.into();
    session.folder = "sessions/01-app.webrtc-honest-default".into();
    session.captures.insert(Vantage::Peer, peer.capture());
    session.keys = sealed.keys;
    session.keys.extend(dtls.keys());
    session.keys.push(format!("BEARER_TOKEN u {}", hex(&TOKEN)));
    session
        .keys
        .push("CREDENTIAL u a-very-long-password-indeed".into());
    if plan.own_keys {
        session.keys.extend([of_app.escrow(), of_device.escrow()]);
    }
    for kid in [VIDEO_KID, SOUND_KID, TALK_KID] {
        let key = hex(&base_key(kid));
        let suite = match plan.sframe {
            Sframe::ShortTag => "AES_128_CTR_HMAC_SHA256_32",
            _ => "AES_128_GCM_SHA256_128",
        };
        let line = format!("SFRAME_BASE_KEY {suite} {kid:016x} {key}");
        session.keys.push(line);
    }
    session.ledger = ledger();
    session.log = plan.log.clone();
    session
}

/// Log in, offer and answer, key.
fn signal(wire: &mut Wire, sealed: &mut Sealed, plan: &Plan) {
    let token = format!("{{\"token\": \"{}\", \"expires_in\": 600}}", hex(&TOKEN));
    ask(
        wire,
        sealed,
        "POST /login",
        false,
        "{\"user\": \"u\", \"password\": \"a-very-long-password-indeed\"}",
        "200 OK",
        &token,
    );
    ask(
        wire,
        sealed,
        "POST /webrtc",
        true,
        &plan.offer,
        "201 Created",
        &plan.answer,
    );
    let key = match plan.sframe {
        Sframe::KeyInClear => hex(&base_key(VIDEO_KID)),
        _ => hex(&video::random(77, 48)),
    };
    let wrapped = format!("{{\"sealed\": \"{key}\"}}");
    ask(
        wire,
        sealed,
        "POST /webrtc/00ff/key",
        true,
        "{}",
        "200 OK",
        &wrapped,
    );
}

fn ask(
    wire: &mut Wire,
    sealed: &mut Sealed,
    line: &str,
    authorized: bool,
    body: &str,
    status: &str,
    answer: &str,
) {
    let token = authorized.then(|| hex(&TOKEN));
    asks(
        wire,
        sealed,
        (line, token.as_deref(), body),
        (status, answer),
    );
}

/// A request (line, token, body) and its answer (status with headers, body).
pub fn asks(
    wire: &mut Wire,
    sealed: &mut Sealed,
    (line, token, body): (&str, Option<&str>, &str),
    (status, answer): (&str, &str),
) {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let authorization = authorization.unwrap_or_default();
    let length = body.len();
    let request =
        format!("{line} HTTP/1.1\r\n{authorization}Content-Length: {length}\r\n\r\n{body}");
    sealed.say(wire, false, request.as_bytes());
    let length = answer.len();
    let response = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{answer}");
    sealed.say(wire, true, response.as_bytes());
}

/// A binding request or its answer (RFC 8489 5), without attributes.
pub fn binding(request: bool) -> Vec<u8> {
    let kind = if request { [0, 1] } else { [1, 1] };
    let mut octets = [&kind[..], &[0, 0, 0x21, 0x12, 0xa4, 0x42]].concat();
    octets.extend(b"transaction!");
    octets
}

/// What the device produces, and what it is told.
fn ledger() -> Ledger {
    let mut ledger = video::ledger(&VIDEO);
    for (name, seed) in [("audio", 5), ("talk-back", 6)] {
        let mut track = Track::default();
        for (number, octets) in sounds(seed).iter().enumerate() {
            track.push_octets(octets, number as u32, number as u64);
        }
        ledger.tracks.insert(name.into(), track);
    }
    ledger
}

fn sounds(seed: u64) -> Vec<Vec<u8>> {
    (0..5)
        .map(|number| video::random(seed * 100 + number, 160))
        .collect()
}

pub struct Media {
    pub video: Vec<Vec<u8>>,
    pub sound: Vec<Vec<u8>>,
    pub talk: Vec<Vec<u8>>,
}

/// RTP as hop decryption leaves it.
pub fn media(sframe: Sframe) -> Media {
    let units: Vec<Vec<Vec<u8>>> = VIDEO
        .iter()
        .enumerate()
        .map(|(number, unit)| match sframe {
            Sframe::Clear => unit.clone(),
            _ => sealed_by(VIDEO_KID, number as u64, unit, sframe),
        })
        .collect();
    let sound = |seed: u64, kid: u64, ssrc: u32| -> Vec<Vec<u8>> {
        let sounds = sounds(seed);
        let packets = sounds.iter().enumerate().map(|(number, octets)| {
            let payload = match sframe {
                Sframe::Clear => octets.clone(),
                _ => frame(kid, number as u64, &[], octets, sframe),
            };
            let mut packet = vec![0x80, 0, 0, number as u8];
            packet.extend((number as u32 * 160).to_be_bytes());
            packet.extend(ssrc.to_be_bytes());
            packet.extend(payload);
            packet
        });
        packets.collect()
    };
    Media {
        video: video::rtp(&units),
        sound: sound(5, SOUND_KID, 0xaaaa_0001),
        talk: sound(6, TALK_KID, 0xbbbb_0001),
    }
}

/// Cover parameter sets, and a NAL unit with a frame in it, under the key of that
/// KID.
pub fn sealed_unit(kid: u64, number: u64, unit: &[Vec<u8>]) -> Vec<Vec<u8>> {
    sealed_by(kid, number, unit, Sframe::Right)
}

fn sealed_by(kid: u64, number: u64, unit: &[Vec<u8>], sframe: Sframe) -> Vec<Vec<u8>> {
    let key = number.is_multiple_of(3);
    let octet = if key { 0x65 } else { 0x41 };
    let plain: Vec<u8> = unit
        .iter()
        .flat_map(|nal| [&[0, 0, 0, 1], &nal[..]].concat())
        .collect();
    let metadata = [octet, STUB[0], STUB[1]];
    let sealed = frame(kid, number, &metadata, &plain, sframe);
    let mut nal = vec![octet];
    let mut zeros = 0;
    for octet in [&STUB[..], &sealed, &[0x80]].concat() {
        if zeros == 2 && octet <= 3 {
            nal.push(3);
            zeros = 0;
        }
        zeros = if octet == 0 { zeros + 1 } else { 0 };
        nal.push(octet);
    }
    match key {
        true => vec![
            vec![
                0x67, 0x42, 0xc0, 0x0a, 0xda, 0x7b, 0x01, 0x10, 0x00, 0x00, 0x03,
            ],
            vec![0x68, 0xce, 0x3c, 0x80],
            nal,
        ],
        false => vec![nal],
    }
}

pub fn base_key(kid: u64) -> Vec<u8> {
    video::random(kid, 16)
}

/// The base key of video, in hexadecimal.
pub fn key_of_video() -> String {
    hex(&base_key(VIDEO_KID))
}

/// RFC 9605 4.4 with AES_128_CTR_HMAC_SHA256_32 (4.5.1).
fn short_frame(kid: u64, counter: u64, metadata: &[u8], plain: &[u8]) -> Vec<u8> {
    let hkdf = Hkdf::<Sha256>::new(None, &base_key(kid));
    let label = |name: &str| [name.as_bytes(), &kid.to_be_bytes(), &[0, 3]].concat();
    let (mut key, mut nonce) = ([0; 48], [0; 12]);
    hkdf.expand(&label("SFrame 1.0 Secret key "), &mut key)
        .unwrap();
    hkdf.expand(&label("SFrame 1.0 Secret salt "), &mut nonce)
        .unwrap();
    for (n, c) in nonce[4..].iter_mut().zip(counter.to_be_bytes()) {
        *n ^= c;
    }
    let header = [&[0xf0 | counter as u8][..], &kid.to_be_bytes()].concat();
    let mut text = plain.to_vec();
    let iv: [u8; 16] = [&nonce[..], &[0; 4]].concat().try_into().unwrap();
    let cipher = &key[..16];
    ctr::Ctr128BE::<aes::Aes128>::new_from_slices(cipher, &iv)
        .unwrap()
        .apply_keystream(&mut text);
    let aad = [&header[..], metadata].concat();
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key[16..]).unwrap();
    for length in [aad.len(), text.len(), 4] {
        mac.update(&(length as u64).to_be_bytes());
    }
    [&nonce[..], &aad, &text]
        .into_iter()
        .for_each(|part| mac.update(part));
    let tag = mac.finalize().into_bytes();
    [&header[..], &text, &tag[..4]].concat()
}

/// RFC 9605 4.4 with AES_128_GCM_SHA256_128.
fn frame(kid: u64, counter: u64, metadata: &[u8], plain: &[u8], sframe: Sframe) -> Vec<u8> {
    if sframe == Sframe::ShortTag {
        return short_frame(kid, counter, metadata, plain);
    }
    let base = base_key(kid);
    let (mut key, mut salt) = ([0; 16], [0; 12]);
    match sframe {
        Sframe::Draft => {
            let hkdf = Hkdf::<Sha256>::new(Some(b"SFrame10"), &base);
            hkdf.expand(b"key", &mut key).unwrap();
            hkdf.expand(b"salt", &mut salt).unwrap();
        }
        _ => {
            let hkdf = Hkdf::<Sha256>::new(None, &base);
            let label = |name: &str| [name.as_bytes(), &kid.to_be_bytes(), &[0, 4]].concat();
            hkdf.expand(&label("SFrame 1.0 Secret key "), &mut key)
                .unwrap();
            hkdf.expand(&label("SFrame 1.0 Secret salt "), &mut salt)
                .unwrap();
        }
    }
    let counter = match sframe {
        Sframe::SameCounter => counter / 2,
        _ => counter,
    };
    let mut header = vec![0xf0];
    header.extend(kid.to_be_bytes());
    match (sframe, counter) {
        (Sframe::NonMinimal, _) => {
            header[0] |= 9;
            header.extend([0, counter as u8]);
        }
        (_, 0..=7) => header[0] |= counter as u8,
        _ => {
            header[0] |= 8;
            header.push(counter as u8);
        }
    }
    let mut nonce = salt;
    for (n, c) in nonce[4..].iter_mut().zip(counter.to_be_bytes()) {
        *n = match sframe {
            Sframe::ConcatenatedNonce => c,
            _ => *n ^ c,
        };
    }
    let aad = match sframe {
        Sframe::NoMetadata => header.clone(),
        _ => [&header[..], metadata].concat(),
    };
    let cipher = Aes128Gcm::new(&key.into());
    let payload = Payload {
        msg: plain,
        aad: &aad,
    };
    let sealed = cipher.encrypt(&nonce.into(), payload).unwrap();
    [header, sealed].concat()
}

/// DTLS 1.2 with a made-up master secret.
struct Dtls {
    client: [u8; 32],
    server: [u8; 32],
    master: Vec<u8>,
}

impl Dtls {
    fn new(plan: &Plan) -> Self {
        Self {
            client: [0xc1; 32],
            server: [0x5e; 32],
            master: video::random(u64::from(plan.version), 48),
        }
    }

    fn keys(&self) -> Option<String> {
        let (random, secret) = (hex(&self.client), hex(&self.master));
        Some(format!("CLIENT_RANDOM {random} {secret}"))
    }

    /// Hellos, and a Finished of either; whether the app sends it.
    fn handshake(&mut self, plan: &Plan) -> Vec<(bool, Vec<u8>)> {
        let mut hello = vec![0xfe, 0xfd];
        hello.extend(self.client);
        hello.extend([0, 0, 0, 2]);
        hello.extend(SUITE.to_be_bytes());
        hello.extend([1, 0, 0, 11, 0, 14, 0, 7, 0, 4, 0, 1, 0, 7, 0]);
        let mut answer = plan.version.to_be_bytes().to_vec();
        answer.extend(self.server);
        answer.push(0);
        answer.extend(SUITE.to_be_bytes());
        answer.push(0);
        if let Some(chosen) = &plan.chosen {
            let profiles: Vec<u8> = chosen.iter().flat_map(|p| p.to_be_bytes()).collect();
            let (all, mki) = (profiles.len() as u8, plan.mki.len() as u8);
            answer.extend([0, all + mki + 7, 0, 14, 0, all + mki + 3, 0, all]);
            answer.extend(profiles);
            answer.push(mki);
            answer.extend(&plan.mki);
        }
        let clear = |kind: u8, body: &[u8]| record(22, 0, 0, &whole(kind, 0, body));
        let finished = |server: bool| {
            let body = whole(20, 1, &[9; 12]);
            self.seal(server, 22, &body)
        };
        vec![
            (true, clear(1, &hello)),
            (false, clear(2, &answer)),
            (true, finished(false)),
            (false, finished(true)),
        ]
    }

    /// RFC 5288 3, with AES-128.
    fn seal(&self, server: bool, kind: u8, content: &[u8]) -> Vec<u8> {
        let block = prf(
            &self.master,
            "key expansion",
            &[self.server, self.client].concat(),
            40,
        );
        let number = usize::from(server);
        let key: [u8; 16] = block[16 * number..][..16].try_into().unwrap();
        let salt = &block[32 + 4 * number..][..4];
        let explicit = [0, 1, 0, 0, 0, 0, 0, 0];
        let nonce: [u8; 12] = [salt, &explicit].concat().try_into().unwrap();
        let length = (content.len() as u16).to_be_bytes();
        let aad = [&explicit[..], &[kind, 0xfe, 0xfd], &length].concat();
        let payload = Payload {
            msg: content,
            aad: &aad,
        };
        let sealed = Aes128Gcm::new(&key.into())
            .encrypt(&nonce.into(), payload)
            .unwrap();
        record(kind, 1, 0, &[&explicit[..], &sealed].concat())
    }

    /// What app and device seal SRTP with (RFC 5764 4.2).
    fn srtp(&self, mki: &[u8]) -> [Sealer; 2] {
        let seed = [self.client, self.server].concat();
        let keys = prf(&self.master, "EXTRACTOR-dtls_srtp", &seed, 60);
        [0, 1].map(|number| Sealer {
            key: keys[16 * number..][..16].try_into().unwrap(),
            salt: keys[32 + 14 * number..][..14].try_into().unwrap(),
            mki: mki.to_vec(),
        })
    }
}

/// PRF of TLS 1.2 with SHA-256.
fn prf(secret: &[u8], label: &str, seed: &[u8], length: usize) -> Vec<u8> {
    let mac = |parts: &[&[u8]]| {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    };
    let seed = [label.as_bytes(), seed].concat();
    let (mut a, mut out) = (mac(&[&seed]), Vec::new());
    while out.len() < length {
        out.extend(mac(&[&a, &seed]));
        a = mac(&[&a]);
    }
    out.truncate(length);
    out
}

/// A record of DTLS 1.2.
pub fn record(kind: u8, epoch: u8, number: u8, fragment: &[u8]) -> Vec<u8> {
    let length = (fragment.len() as u16).to_be_bytes();
    let head = [kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, number];
    [&head[..], &length, fragment].concat()
}

/// A handshake message in one fragment.
pub fn whole(kind: u8, number: u8, body: &[u8]) -> Vec<u8> {
    let of_tls = message(kind, body);
    [&of_tls[..4], &[0, number, 0, 0, 0], &of_tls[1..4], body].concat()
}
