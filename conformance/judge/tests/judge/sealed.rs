//! TLS 1.3 (RFC 8446) with made-up secrets: enough of it to put a dialogue
//! inside, sealed by AES-128-GCM.

use std::net::SocketAddr;

use aes_gcm::{
    Aes128Gcm, KeyInit,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::wire::{Tcp, Wire};

pub const TLS_AES_128_GCM_SHA256: u16 = 0x1301;

/// A connection after its handshake.
pub struct Sealed {
    pub tcp: Tcp,
    sides: [Side; 2],
    /// Key log lines.
    pub keys: Vec<String>,
}

struct Side {
    cipher: Aes128Gcm,
    iv: [u8; 12],
    sequence: u64,
}

/// What is said in a handshake beside the hellos and Finished.
#[derive(Default)]
pub struct Handshake<'a> {
    /// Extensions of the ClientHello beside supported_versions.
    pub offer: &'a [u8],
    /// What the server says before its Finished: messages.
    pub flight: &'a [u8],
    /// What the server says after both are finished: messages.
    pub after: &'a [u8],
}

impl Sealed {
    /// Connects; both sides end their handshake. `salt` makes the randoms.
    pub fn connect(wire: &mut Wire, client: SocketAddr, server: SocketAddr, salt: u8) -> Self {
        Self::shake(wire, client, server, salt, &Handshake::default())
    }

    /// The same, with more in the handshake.
    pub fn shake(
        wire: &mut Wire,
        client: SocketAddr,
        server: SocketAddr,
        salt: u8,
        handshake: &Handshake,
    ) -> Self {
        let more = handshake;
        let mut tcp = wire.connect(client, server);
        let random = [salt; 32];
        let offer = offer(random, &[0x0304], &[TLS_AES_128_GCM_SHA256], more.offer);
        tcp.say(wire, false, &offer);
        tcp.say(wire, true, &server_hello(0x0304, TLS_AES_128_GCM_SHA256));
        let mut keys = Vec::new();
        let mut secret = |label: &str, number: u8| {
            let secret = [salt ^ number; 32];
            let hex = |octets: &[u8]| {
                octets
                    .iter()
                    .map(|o| format!("{o:02x}"))
                    .collect::<String>()
            };
            keys.push(format!("{label} {} {}", hex(&random), hex(&secret)));
            Side::new(&secret)
        };
        let mut handshake = [
            secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 0x11),
            secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", 0x22),
        ];
        let sides = [
            secret("CLIENT_TRAFFIC_SECRET_0", 0x33),
            secret("SERVER_TRAFFIC_SECRET_0", 0x44),
        ];
        let finished = [&[20, 0, 0, 32][..], &[salt; 32]].concat();
        for server in [true, false] {
            let side = &mut handshake[usize::from(server)];
            if server && !more.flight.is_empty() {
                let record = side.seal(22, more.flight);
                tcp.say(wire, true, &record);
            }
            let record = side.seal(22, &finished);
            tcp.say(wire, server, &record);
        }
        let mut sealed = Self { tcp, sides, keys };
        if !more.after.is_empty() {
            let record = sealed.sides[1].seal(22, more.after);
            sealed.tcp.say(wire, true, &record);
        }
        sealed
    }

    /// Application data, in records of at most 16384 octets.
    pub fn say(&mut self, wire: &mut Wire, server: bool, octets: &[u8]) {
        for part in octets.chunks(1 << 14) {
            let record = self.sides[usize::from(server)].seal(23, part);
            self.tcp.say(wire, server, &record);
        }
    }
}

impl Side {
    fn new(secret: &[u8]) -> Self {
        let mut key = [0; 16];
        expand_label(secret, "key", &mut key);
        let mut iv = [0; 12];
        expand_label(secret, "iv", &mut iv);
        Self {
            cipher: Aes128Gcm::new(&key.into()),
            iv,
            sequence: 0,
        }
    }

    /// RFC 8446 5.2.
    fn seal(&mut self, content_type: u8, content: &[u8]) -> Vec<u8> {
        let inner = [content, &[content_type]].concat();
        let length = (inner.len() as u16 + 16).to_be_bytes();
        let header = [23, 3, 3, length[0], length[1]];
        let mut nonce = self.iv;
        for (n, s) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *n ^= s;
        }
        self.sequence += 1;
        let payload = Payload {
            msg: &inner,
            aad: &header,
        };
        let sealed = self.cipher.encrypt(&nonce.into(), payload).unwrap();
        [&header[..], &sealed].concat()
    }
}

/// A ClientHello that offers these versions; by its legacy field alone if it
/// offers none that has an extension.
pub fn client_hello(random: [u8; 32], versions: &[u16]) -> Vec<u8> {
    offer(random, versions, &[0x1301, 0x002f], &[])
}

/// The same, with these suites and more extensions.
pub fn offer(random: [u8; 32], versions: &[u16], suites: &[u16], more: &[u8]) -> Vec<u8> {
    let legacy = versions.iter().copied().max().unwrap().min(0x0303);
    let mut extensions = Vec::new();
    if versions.contains(&0x0304) {
        let list: Vec<u8> = versions.iter().flat_map(|v| v.to_be_bytes()).collect();
        extensions = vec![0, 43, 0, list.len() as u8 + 1, list.len() as u8];
        extensions.extend(list);
    }
    extensions.extend(more);
    let mut body = legacy.to_be_bytes().to_vec();
    body.extend(random);
    body.extend([0, 0, 2 * suites.len() as u8]);
    body.extend(suites.iter().flat_map(|s| s.to_be_bytes()));
    body.extend([1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    record(&message(1, &body))
}

/// A ServerHello that chooses these; in TLS 1.3 with a share of a key.
pub fn server_hello(version: u16, suite: u16) -> Vec<u8> {
    record(&message(2, &choice(version, suite, true)))
}

/// A ServerHello of TLS 1.3 without a share of a key: psk_ke.
pub fn server_hello_without_share(suite: u16) -> Vec<u8> {
    record(&message(2, &choice(0x0304, suite, false)))
}

fn choice(version: u16, suite: u16, key_share: bool) -> Vec<u8> {
    let mut body = version.min(0x0303).to_be_bytes().to_vec();
    body.extend([0x5e; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    if version == 0x0304 {
        let mut extensions = vec![0, 43, 0, 2, 3, 4];
        if key_share {
            extensions.extend([0, 51, 0, 5, 0, 29, 0, 1, 9]);
        }
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
    }
    body
}

/// A fatal alert in clear: protocol_version.
pub const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 70];

/// A handshake message.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

/// A record of handshake messages in clear.
pub fn record(messages: &[u8]) -> Vec<u8> {
    let length = (messages.len() as u16).to_be_bytes();
    [&[22, 3, 1], &length[..], messages].concat()
}

/// HKDF-Expand-Label (RFC 8446 7.1) without context.
fn expand_label(secret: &[u8], label: &str, out: &mut [u8]) {
    let label = format!("tls13 {label}");
    let length = (out.len() as u16).to_be_bytes();
    let info = [&length[..], &[label.len() as u8], label.as_bytes(), &[0]].concat();
    let hkdf = Hkdf::<Sha256>::from_prk(secret).unwrap();
    hkdf.expand(&info, out).unwrap();
}
