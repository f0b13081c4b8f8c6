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

impl Sealed {
    /// Connects; both sides end their handshake. `salt` makes the randoms.
    pub fn connect(wire: &mut Wire, client: SocketAddr, server: SocketAddr, salt: u8) -> Self {
        let mut tcp = wire.connect(client, server);
        let random = [salt; 32];
        tcp.say(wire, false, &client_hello(random, &[0x0304]));
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
            let record = handshake[usize::from(server)].seal(22, &finished);
            tcp.say(wire, server, &record);
        }
        Self { tcp, sides, keys }
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
    let legacy = versions.iter().copied().max().unwrap().min(0x0303);
    let mut extensions = Vec::new();
    if versions.contains(&0x0304) {
        let list: Vec<u8> = versions.iter().flat_map(|v| v.to_be_bytes()).collect();
        extensions = vec![0, 43, 0, list.len() as u8 + 1, list.len() as u8];
        extensions.extend(list);
    }
    let mut body = legacy.to_be_bytes().to_vec();
    body.extend(random);
    body.extend([0, 0, 4, 0x13, 0x01, 0x00, 0x2f, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    handshake(1, &body)
}

/// A ServerHello that chooses these.
pub fn server_hello(version: u16, suite: u16) -> Vec<u8> {
    let mut body = version.min(0x0303).to_be_bytes().to_vec();
    body.extend([0x5e; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    if version == 0x0304 {
        body.extend([0, 6, 0, 43, 0, 2, 3, 4]);
    }
    handshake(2, &body)
}

/// A fatal alert in clear: protocol_version.
pub const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 70];

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u8;
    [&[22, 3, 1, 0, length + 4, kind, 0, 0, length][..], body].concat()
}

/// HKDF-Expand-Label (RFC 8446 7.1) without context.
fn expand_label(secret: &[u8], label: &str, out: &mut [u8]) {
    let label = format!("tls13 {label}");
    let length = (out.len() as u16).to_be_bytes();
    let info = [&length[..], &[label.len() as u8], label.as_bytes(), &[0]].concat();
    let hkdf = Hkdf::<Sha256>::from_prk(secret).unwrap();
    hkdf.expand(&info, out).unwrap();
}
