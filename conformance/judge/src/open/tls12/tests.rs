use aes_gcm::{
    Aes128Gcm, Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use chacha20poly1305::ChaCha20Poly1305;
use proptest::prelude::*;

use crate::open::{
    open,
    testing::{flow, hex, opened},
};

use super::{
    protection::{Hash, prf},
    *,
};

const CLIENT_RANDOM: [u8; 32] = [0xc1; 32];
const SERVER_RANDOM: [u8; 32] = [0x5e; 32];
const MASTER: [u8; 48] = [0x3a; 48];
const ECDSA_AES128: u16 = 0xc02b;
const RSA_AES256: u16 = 0xc030;
const RSA_CHACHA: u16 = 0xcca8;

fn lines() -> Vec<String> {
    vec![format!(
        "CLIENT_RANDOM {} {}",
        hex(&CLIENT_RANDOM),
        hex(&MASTER)
    )]
}

fn octets(hexadecimal: &str) -> Vec<u8> {
    let digits: String = hexadecimal.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn the_prf_gives_known_answers() {
    // Published with the work on RFC 5246; the beginnings of 100 and 148 octets.
    for (hash, secret, seed, expected) in [
        (
            Hash::Sha256,
            "9bbe436ba940f017b17652849a71db35",
            "a0ba9f936cda311827a6f796ffd5198c",
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9",
        ),
        (
            Hash::Sha384,
            "b80b733d6ceefcdc71566ea48e5567df",
            "cd665cf6a8447dd6ff8b27555edb7465",
            "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe3
             4f82b1233c9146a0e534cb400fed2700884f9dc236f80edd8bfa961144c9e8d7",
        ),
    ] {
        let expected = octets(expected);
        let out = prf(
            hash,
            &octets(secret),
            "test label",
            &octets(seed),
            expected.len(),
        );
        assert_eq!(out.unwrap(), expected, "{hash:?}");
    }
}

fn record(content_type: u8, fragment: &[u8]) -> Vec<u8> {
    let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
    [&[content_type, 3, 3, length[0], length[1]], fragment].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

/// A sender of protected records, written apart from what opens them.
struct Sealer {
    suite: u16,
    key: Vec<u8>,
    iv: Vec<u8>,
    sequence: u64,
}

impl Sealer {
    fn new(suite: u16, of_client: bool) -> Self {
        let (key, iv, hash) = match suite {
            ECDSA_AES128 => (16, 4, Hash::Sha256),
            RSA_AES256 => (32, 4, Hash::Sha384),
            _ => (32, 12, Hash::Sha256),
        };
        let seed = [SERVER_RANDOM, CLIENT_RANDOM].concat();
        let block = prf(hash, &MASTER, "key expansion", &seed, 2 * key + 2 * iv).unwrap();
        let second = usize::from(!of_client);
        Self {
            suite,
            key: block[second * key..][..key].to_vec(),
            iv: block[2 * key + second * iv..][..iv].to_vec(),
            sequence: 0,
        }
    }

    fn seal(&mut self, content_type: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        let sequence = self.sequence.to_be_bytes();
        let header = [content_type, 3, 3, length[0], length[1]];
        let aad = [&sequence[..], &header].concat();
        let payload = Payload {
            msg: content,
            aad: &aad,
        };
        // Of AES-GCM the sender may choose it; here it is no counter.
        let explicit = [0xee, 0, 0, 0, 0, 0, 0, sequence[7] ^ 0x55];
        let mut nonce = [0; 12];
        nonce[..self.iv.len()].copy_from_slice(&self.iv);
        if self.suite == RSA_CHACHA {
            for (i, octet) in sequence.iter().enumerate() {
                nonce[4 + i] ^= octet;
            }
        } else {
            nonce[4..].copy_from_slice(&explicit);
        }
        let nonce = (&nonce).into();
        let key = &self.key;
        let sealed = match self.suite {
            ECDSA_AES128 => Aes128Gcm::new_from_slice(key)
                .unwrap()
                .encrypt(nonce, payload),
            RSA_AES256 => Aes256Gcm::new_from_slice(key)
                .unwrap()
                .encrypt(nonce, payload),
            _ => ChaCha20Poly1305::new_from_slice(key)
                .unwrap()
                .encrypt(nonce, payload),
        };
        self.sequence += 1;
        let before: &[u8] = if self.suite == RSA_CHACHA {
            &[]
        } else {
            &explicit
        };
        record(content_type, &[before, &sealed.unwrap()].concat())
    }
}

/// A connection up to both Finished; who goes on from there.
fn handshake(suite: u16) -> (Vec<(bool, Vec<u8>)>, Sealer, Sealer) {
    let suite_octets = suite.to_be_bytes();
    let client_hello = [
        &[3, 3][..],
        &CLIENT_RANDOM,
        &[0, 0, 2],
        &suite_octets,
        &[1, 0],
    ]
    .concat();
    let server_hello = [&[3, 3][..], &SERVER_RANDOM, &[0], &suite_octets, &[0]].concat();
    let (mut client, mut server) = (Sealer::new(suite, true), Sealer::new(suite, false));
    let flight = [
        message(2, &server_hello),
        message(11, &[7; 300]),
        message(12, &[8; 70]),
        message(14, &[]),
    ]
    .concat();
    let finished = message(20, &[9; 12]);
    let records = vec![
        (true, record(22, &message(1, &client_hello))),
        // Messages that span records.
        (false, record(22, &flight[..200])),
        (false, record(22, &flight[200..])),
        (true, record(22, &message(16, &[4; 33]))),
        (true, record(20, &[1])),
        (true, client.seal(22, &finished)),
        (false, record(22, &message(4, &[5; 100]))),
        (false, record(20, &[1])),
        (false, server.seal(22, &finished)),
    ];
    (records, client, server)
}

/// A whole connection.
fn connection(suite: u16) -> Vec<(bool, Vec<u8>)> {
    let (mut records, mut client, mut server) = handshake(suite);
    records.extend([
        (true, client.seal(23, b"OPTIONS ")),
        (true, client.seal(23, b"")),
        (true, client.seal(23, b"*")),
        (false, server.seal(22, &message(HELLO_REQUEST, &[]))),
        (false, server.seal(23, b"RTSP/1.0")),
        (true, client.seal(21, &[1, 0])),
        (false, server.seal(21, &[1, 0])),
    ]);
    records
}

#[test]
fn every_suite_opens_to_its_payload() {
    for suite in [ECDSA_AES128, RSA_AES256, RSA_CHACHA] {
        let opened = opened(&connection(suite), &lines()).unwrap();
        assert_eq!(opened.stopped, None, "0x{suite:04x}");
        assert_eq!(opened.from_a.bytes, b"OPTIONS *");
        assert_eq!(opened.from_b.bytes, b"RTSP/1.0");
        assert_eq!(opened.records, 9);
        let content = 16 + 8 + 1 + 2 + 16 + 4 + 8 + 2;
        assert_eq!(opened.ciphertext_bytes, content);
        let explicit = if suite == RSA_CHACHA { 0 } else { 8 };
        let place = opened.from_b.place(2).unwrap();
        assert_eq!((place.packet, place.offset), (14, 54 + 5 + explicit + 2));
    }
}

#[test]
fn octets_of_a_record_that_spans_packets_keep_their_places() {
    let all = connection(RSA_AES256);
    let mut flow = flow(&all);
    // As if the packet with the last application data had been two.
    let index = flow
        .from_b
        .pieces
        .iter()
        .position(|p| p.packet == 14)
        .unwrap();
    let mut second = flow.from_b.pieces[index];
    second.at += 17;
    second.length -= 17;
    second.packet = 99;
    second.time_ns = 99_000;
    flow.from_b.pieces[index].length = 17;
    flow.from_b.pieces.insert(index + 1, second);
    let lines = lines();
    let keys = KeyLog::parse(lines.iter().map(String::as_str));
    let opened = open(&flow, &tls::read(&flow).unwrap(), &keys).unwrap();
    let pieces: Vec<_> = opened
        .from_b
        .pieces
        .iter()
        .map(|p| (p.length, p.packet, p.offset, p.time_ns))
        .collect();
    assert_eq!(pieces, [(4, 14, 54 + 13, 99_000), (4, 99, 54, 99_000)]);
    assert_eq!(opened.from_b.bytes, b"RTSP/1.0");
}

#[test]
fn a_flipped_bit_stops_that_side_only() {
    let mut records = connection(ECDSA_AES128);
    // Its type, its nonce, its ciphertext and its tag.
    for at in [0, 7, 13, 30] {
        let mut changed = records.clone();
        changed[13].1[at] ^= 1;
        let opened = opened(&changed, &lines()).unwrap();
        let expected = OpenError::BadRecord {
            index: 6,
            side: "server",
            packet: 14,
        };
        assert_eq!(opened.stopped, Some(expected), "{at}");
        assert_eq!(opened.from_a.bytes, b"OPTIONS *");
    }
    // Two records that changed places.
    records.swap(9, 11);
    assert!(opened(&records, &lines()).unwrap().stopped.is_some());
}

#[test]
fn a_missing_or_wrong_secret_and_other_suites_are_named() {
    let records = connection(RSA_CHACHA);
    let missing = OpenError::MissingSecret("CLIENT_RANDOM");
    assert_eq!(opened(&records, &[]).unwrap_err(), missing);
    let short = lines()[0].trim_end_matches("3a").to_owned() + &"3a".repeat(47);
    assert_eq!(opened(&records, &[short]).unwrap_err(), missing);
    let wrong = lines()[0].replace("3a", "3b");
    let error = opened(&records, &[wrong]).unwrap_err();
    assert!(matches!(error, OpenError::BadRecord { side: "client", .. }));
    // TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA.
    let cbc = connection(0xc013);
    assert_eq!(
        opened(&cbc, &lines()).unwrap_err(),
        OpenError::UnknownSuite(0xc013)
    );
}

#[test]
fn a_renegotiation_stops_the_side_that_begins_it() {
    for (content_type, fragment) in [(22, message(1, &[1; 40])), (20, vec![1])] {
        let (mut records, mut client, mut server) = handshake(ECDSA_AES128);
        records.push((true, client.seal(23, b"before")));
        records.push((true, client.seal(content_type, &fragment)));
        records.push((true, client.seal(23, b"after")));
        records.push((false, server.seal(23, b"reply")));
        let opened = opened(&records, &lines()).unwrap();
        let expected = OpenError::Renegotiation {
            side: "client",
            packet: 11,
        };
        assert_eq!(opened.stopped, Some(expected));
        assert_eq!(opened.from_a.bytes, b"before");
        assert_eq!(opened.from_b.bytes, b"reply");
    }
}

#[test]
fn what_is_in_clear_where_it_must_not_be_is_bad() {
    let (records, _, _) = handshake(ECDSA_AES128);
    let finished = message(20, &[9; 12]);
    for (at, clear, allowed) in [
        (2, record(23, b"media"), false), // before any key
        (2, record(22, &message(99, b"media")), false),
        (2, record(22, &finished), false),
        (2, record(24, b"media"), false),
        (3, record(21, &[1, 112]), true),
        (3, record(22, &message(22, &[0; 9])), true),
        (8, record(22, &finished), false), // after change_cipher_spec
        (9, record(23, b"media of the camera"), false),
        (7, record(20, &[2]), false),
        (7, record(22, &[4, 0, 0, 9]), false), // a message that does not end
    ] {
        let mut changed = records.clone();
        changed.insert(at, (false, clear.clone()));
        let stopped = opened(&changed, &lines()).unwrap().stopped;
        let bad = matches!(stopped, Some(OpenError::BadRecord { side: "server", .. }));
        assert_eq!(!bad, allowed, "{clear:?} at {at}");
    }
}

#[test]
fn the_first_protected_record_is_finished() {
    let (records, _, _) = handshake(RSA_CHACHA);
    let mut server = Sealer::new(RSA_CHACHA, false);
    for (content_type, content) in [
        (23, b"early".to_vec()),
        (22, message(20, &[9; 11])),
        (22, message(1, &[9; 40])),
    ] {
        let mut changed = records.clone();
        server.sequence = 0;
        changed[8].1 = server.seal(content_type, &content);
        let stopped = opened(&changed, &lines()).unwrap().stopped;
        let bad = matches!(stopped, Some(OpenError::BadRecord { side: "server", .. }));
        assert!(bad, "{content_type}");
    }
}

proptest! {
    #[test]
    fn a_mutated_connection_never_panics_and_never_opens_to_more(
        changes in prop::collection::vec((0..16usize, any::<prop::sample::Index>(), 1..=255u8), 1..5),
        suite in prop::sample::select(vec![ECDSA_AES128, RSA_AES256, RSA_CHACHA]),
    ) {
        let mut all = connection(suite);
        for (record, index, mask) in changes {
            let at = index.index(all[record].1.len());
            all[record].1[at] ^= mask;
        }
        let flow = flow(&all);
        let lines = lines();
        let keys = KeyLog::parse(lines.iter().map(String::as_str));
        if let Some(reading) = tls::read(&flow)
            && let Ok(opened) = open(&flow, &reading, &keys)
        {
            prop_assert!(b"OPTIONS *".starts_with(&opened.from_a.bytes));
            prop_assert!(b"RTSP/1.0".starts_with(&opened.from_b.bytes));
        }
    }
}
