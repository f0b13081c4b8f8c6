use aes_gcm::{
    Aes128Gcm, Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use lightleak_vectors::tls13::{Sender, Trace, simple_1rtt};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::open::{
    open,
    testing::{flow, hex, opened},
};

use super::{
    protection::{TLS, expand_label},
    *,
};

fn records(trace: &Trace) -> Vec<(bool, Vec<u8>)> {
    let record =
        |r: &lightleak_vectors::tls13::Record| (r.sender == Sender::Client, r.octets.clone());
    trace.records.iter().map(record).collect()
}

fn lines(random: &[u8], secrets: [(&str, &[u8]); 4]) -> Vec<String> {
    secrets
        .map(|(label, secret)| format!("{label} {} {}", hex(random), hex(secret)))
        .to_vec()
}

fn key_lines(trace: &Trace) -> Vec<String> {
    let secrets = &trace.secrets;
    lines(
        &trace.client_random,
        [
            (
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                &secrets.client_handshake_traffic,
            ),
            (
                "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                &secrets.server_handshake_traffic,
            ),
            (
                "CLIENT_TRAFFIC_SECRET_0",
                &secrets.client_application_traffic,
            ),
            (
                "SERVER_TRAFFIC_SECRET_0",
                &secrets.server_application_traffic,
            ),
        ],
    )
}

#[test]
fn the_trace_of_rfc_8448_opens_to_its_payload() {
    let trace = simple_1rtt();
    let opened = opened(&records(&trace), &key_lines(&trace)).unwrap();
    assert_eq!(opened.stopped, None);
    assert_eq!(opened.from_a.bytes, trace.payload);
    assert_eq!(opened.from_b.bytes, trace.payload);
    assert_eq!(opened.records, 7);
    let protected = trace
        .records
        .iter()
        .skip(2)
        .map(|r| r.octets.len() as u64 - 5 - 16);
    assert_eq!(opened.ciphertext_bytes, protected.sum::<u64>());
    let place = opened.from_a.place(1).unwrap();
    assert_eq!((place.packet, place.offset), (6, 54 + 5 + 1));
    assert_eq!(opened.from_b.piece(0).unwrap().time_ns, 7000);
}

#[test]
fn the_secrets_of_the_trace_follow_from_its_messages() {
    let trace = simple_1rtt();
    let derive = |secret: &[u8], label: &str, transcript: &[u8]| {
        let mut out = vec![0; 32];
        let hash = Sha256::digest(transcript);
        expand_label(TLS, Suite::Aes128Gcm, secret, label, &hash, &mut out).unwrap();
        out
    };
    let secrets = &trace.secrets;
    let mut transcript = trace.records[0].octets[5..].to_vec();
    transcript.extend_from_slice(&trace.records[1].octets[5..]);
    let handshake = |label| derive(&secrets.handshake, label, &transcript);
    assert_eq!(handshake("c hs traffic"), secrets.client_handshake_traffic);
    assert_eq!(handshake("s hs traffic"), secrets.server_handshake_traffic);

    let derived = derive(&secrets.handshake, "derived", &[]);
    let (master, _) = Hkdf::<Sha256>::extract(Some(&derived), &[0; 32]);
    assert_eq!(master[..], secrets.master);

    let flight = &trace.records[2].octets;
    let mut keys = Keys::new(Suite::Aes128Gcm, &secrets.server_handshake_traffic).unwrap();
    transcript.extend(keys.open(&flight[..5], &flight[5..]).unwrap().content);
    let application = |label| derive(&secrets.master, label, &transcript);
    assert_eq!(
        application("c ap traffic"),
        secrets.client_application_traffic
    );
    assert_eq!(
        application("s ap traffic"),
        secrets.server_application_traffic
    );
}

#[test]
fn one_flipped_bit_of_a_tag_stops_that_side_only() {
    let trace = simple_1rtt();
    let mut records = records(&trace);
    *records[6].1.last_mut().unwrap() ^= 0x80;
    let opened = opened(&records, &key_lines(&trace)).unwrap();
    let bad = OpenError::BadRecord {
        index: 3,
        side: "server",
        packet: 7,
    };
    assert_eq!(opened.stopped, Some(bad));
    assert_eq!(opened.from_a.bytes, trace.payload);
    assert_eq!(opened.from_b.bytes, b"");
    assert_eq!(opened.records, 3 + 2);
}

#[test]
fn a_wrong_secret_opens_nothing_under_it() {
    let trace = simple_1rtt();
    let mut wrong = simple_1rtt();
    wrong.secrets.client_application_traffic[31] ^= 1;
    let result = opened(&records(&trace), &key_lines(&wrong)).unwrap();
    let bad = |index, side, packet| OpenError::BadRecord {
        index,
        side,
        packet,
    };
    assert_eq!(result.stopped, Some(bad(2, "client", 6)));
    assert_eq!(result.from_a.bytes, b"");
    assert_eq!(result.from_b.bytes, trace.payload);

    wrong.secrets.client_handshake_traffic[0] ^= 1;
    wrong.secrets.server_handshake_traffic[0] ^= 1;
    let result = opened(&records(&trace), &key_lines(&wrong));
    assert_eq!(result.unwrap_err(), bad(1, "client", 4));
}

#[test]
fn swapped_directions_open_nothing() {
    let trace = simple_1rtt();
    let swapped: Vec<String> = key_lines(&trace)
        .iter()
        .map(|line| match line.strip_prefix("CLIENT") {
            Some(rest) => format!("SERVER{rest}"),
            None => line.replacen("SERVER", "CLIENT", 1),
        })
        .collect();
    let error = opened(&records(&trace), &swapped).unwrap_err();
    let bad = OpenError::BadRecord {
        index: 1,
        side: "client",
        packet: 4,
    };
    assert_eq!(error, bad);
}

#[test]
fn a_missing_secret_is_named() {
    let trace = simple_1rtt();
    let lines = key_lines(&trace);
    let none = opened(&records(&trace), &[]).unwrap_err();
    assert_eq!(
        none,
        OpenError::MissingSecret("CLIENT_HANDSHAKE_TRAFFIC_SECRET")
    );
    let result = opened(&records(&trace), &lines[..3]).unwrap();
    let missing = OpenError::MissingSecret("SERVER_TRAFFIC_SECRET_0");
    assert_eq!(result.stopped, Some(missing));
    assert_eq!(result.from_a.bytes, trace.payload);
    // A secret of another length is none of this suite.
    let short: Vec<String> = lines.iter().map(|l| l[..l.len() - 2].to_owned()).collect();
    assert_eq!(opened(&records(&trace), &short).unwrap_err(), none);
}

#[test]
fn a_gap_stops_that_side_only() {
    let trace = simple_1rtt();
    let mut flow = flow(&records(&trace));
    let at = flow.from_b.pieces[3].at + 10;
    flow.from_b.gaps.push(at);
    let lines = key_lines(&trace);
    let keys = KeyLog::parse(lines.iter().map(String::as_str));
    let opened = open(&flow, &tls::read(&flow).unwrap(), &keys).unwrap();
    let gap = OpenError::Gap {
        side: "server",
        packet: 7,
    };
    assert_eq!(opened.stopped, Some(gap));
    assert_eq!(opened.from_a.bytes, trace.payload);
    assert_eq!(opened.from_b.bytes, b"");
}

#[test]
fn other_versions_suites_and_halves_are_refused() {
    let trace = simple_1rtt();
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut records = records(&trace);
        change(&mut records[1].1);
        opened(&records, &key_lines(&trace)).unwrap_err()
    };
    let last = |octets: &mut Vec<u8>| *octets.last_mut().unwrap() = 2;
    assert_eq!(with(&last), OpenError::OtherVersion(0x0302));
    let suite = |octets: &mut Vec<u8>| octets[45] = 4;
    assert_eq!(with(&suite), OpenError::UnknownSuite(0x1304));
    assert_eq!(with(&Vec::clear), OpenError::NoHello);
}

#[test]
fn a_record_in_clear_among_protected_ones_is_bad() {
    let trace = simple_1rtt();
    let ccs = vec![20, 3, 3, 0, 1, 1];
    let clear = vec![22, 3, 3, 0, 4, 11, 0, 0, 0];
    let alert = vec![21, 3, 3, 0, 2, 1, 0];
    let begun = vec![22, 3, 3, 0, 4, 2, 0, 0, 9];
    for (at, octets, allowed) in [
        (2, &ccs, true),    // before its first protected record
        (5, &ccs, false),   // after its Finished
        (2, &clear, false), // a Certificate for all to read
        (2, &begun, false), // a message that does not end
        (5, &clear, false),
        (5, &alert, false),
        (2, &alert, true),
        (2, &vec![20, 3, 3, 0, 1, 2], false),
    ] {
        let mut records = records(&trace);
        records.insert(at, (false, octets.clone()));
        let opened = opened(&records, &key_lines(&trace)).unwrap();
        let stopped = matches!(
            opened.stopped,
            Some(OpenError::BadRecord { side: "server", .. })
        );
        assert_eq!(stopped, !allowed, "{octets:?} at {at}");
    }
}

/// A sender of protected records, written apart from what opens them.
struct Sealer {
    suite: Suite,
    secret: Vec<u8>,
    sequence: u64,
}

impl Sealer {
    fn new(suite: Suite, octet: u8) -> Self {
        let length = if suite == Suite::Aes256Gcm { 48 } else { 32 };
        Self {
            suite,
            secret: vec![octet; length],
            sequence: 0,
        }
    }

    fn expand(&self, label: &str, length: usize) -> Vec<u8> {
        let mut out = vec![0; length];
        expand_label(TLS, self.suite, &self.secret, label, &[], &mut out).unwrap();
        out
    }

    fn seal(&mut self, content_type: u8, content: &[u8], padding: usize) -> Vec<u8> {
        let mut iv = self.expand("iv", 12);
        for (i, octet) in self.sequence.to_be_bytes().iter().enumerate() {
            iv[4 + i] ^= octet;
        }
        let nonce: [u8; 12] = iv.try_into().unwrap();
        let inner = [content, &[content_type], &vec![0; padding]].concat();
        let length = u16::try_from(inner.len() + 16).unwrap().to_be_bytes();
        let header = [23, 3, 3, length[0], length[1]];
        let payload = Payload {
            msg: &inner,
            aad: &header,
        };
        let nonce = (&nonce).into();
        let sealed = match self.suite {
            Suite::Aes128Gcm => Aes128Gcm::new_from_slice(&self.expand("key", 16))
                .unwrap()
                .encrypt(nonce, payload),
            Suite::Aes256Gcm => Aes256Gcm::new_from_slice(&self.expand("key", 32))
                .unwrap()
                .encrypt(nonce, payload),
            Suite::ChaCha20Poly1305 => ChaCha20Poly1305::new_from_slice(&self.expand("key", 32))
                .unwrap()
                .encrypt(nonce, payload),
        };
        self.sequence += 1;
        [&header[..], &sealed.unwrap()].concat()
    }

    fn update(&mut self) {
        self.secret = self.expand("traffic upd", self.secret.len());
        self.sequence = 0;
    }
}

#[test]
fn updates_padding_and_messages_across_records_are_followed_in_every_suite() {
    let trace = simple_1rtt();
    for (number, suite) in [
        (1, Suite::Aes128Gcm),
        (2, Suite::Aes256Gcm),
        (3, Suite::ChaCha20Poly1305),
    ] {
        let mut all = records(&trace)[..2].to_vec();
        all[1].1[45] = number;
        let finished = [&[FINISHED, 0, 0, 32][..], &[1; 32]].concat();
        let update = [KEY_UPDATE, 0, 0, 1, 0];
        let mut random = Vec::new();
        for (of_client, handshake, application) in [(true, 1, 2), (false, 3, 4)] {
            let mut sealer = Sealer::new(suite, handshake);
            let mut send = |octets| all.push((of_client, octets));
            // A certificate and the beginning of Finished share a record.
            let mut flight = vec![11, 0, 0, 40];
            flight.extend([5; 40]);
            flight.extend(&finished);
            send(sealer.seal(22, &flight[..60], 0));
            send(sealer.seal(22, &flight[60..], 7));
            sealer = Sealer::new(suite, application);
            send(sealer.seal(23, b"one ", 100));
            send(sealer.seal(23, b"", 0));
            for part in [&b"two "[..], b"three"] {
                send(sealer.seal(22, &update[..2], 0));
                send(sealer.seal(22, &update[2..], 0));
                sealer.update();
                send(sealer.seal(23, part, 0));
            }
            send(sealer.seal(21, &[1, 0], 0));
            random.extend([
                Sealer::new(suite, handshake),
                Sealer::new(suite, application),
            ]);
        }
        let lines = lines(
            &trace.client_random,
            [
                ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", &random[0].secret),
                ("CLIENT_TRAFFIC_SECRET_0", &random[1].secret),
                ("SERVER_HANDSHAKE_TRAFFIC_SECRET", &random[2].secret),
                ("SERVER_TRAFFIC_SECRET_0", &random[3].secret),
            ],
        );
        let opened = opened(&all, &lines).unwrap();
        assert_eq!(opened.stopped, None, "{suite:?}");
        assert_eq!(opened.from_a.bytes, b"one two three");
        assert_eq!(opened.from_b.bytes, b"one two three");
        assert_eq!(opened.from_b.pieces.len(), 3);
        assert_eq!(opened.records, 22);
    }
}

/// A ClientHello that announces 0-RTT data.
fn early_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0, 0, 4, 0, 42, 0, 0]);
    let length = u8::try_from(body.len()).unwrap();
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()
}

/// What a client says that sends 0-RTT data under `suite`, what a server does
/// that takes them or not, and the key log.
fn early(suite: Suite, taken: bool) -> (Vec<(bool, Vec<u8>)>, Vec<String>) {
    let finished = [&[FINISHED, 0, 0, 32][..], &[1; 32]].concat();
    let mut all = vec![(true, early_hello())];
    let mut sealer = Sealer::new(suite, 9);
    all.push((true, sealer.seal(23, b"early ", 0)));
    all.push((true, sealer.seal(23, b"data ", 0)));
    all.push((false, records(&simple_1rtt())[1].1.clone()));
    if taken {
        all.push((true, sealer.seal(22, &[END_OF_EARLY_DATA, 0, 0, 0], 0)));
    }
    let early = sealer.secret.clone();
    let mut secrets = Vec::new();
    for (of_client, handshake, application) in [(false, 3, 4), (true, 1, 2)] {
        let mut sealer = Sealer::new(Suite::Aes128Gcm, handshake);
        all.push((of_client, sealer.seal(22, &finished, 0)));
        secrets.push(sealer.secret);
        let mut sealer = Sealer::new(Suite::Aes128Gcm, application);
        all.push((of_client, sealer.seal(23, b"later", 0)));
        secrets.push(sealer.secret);
    }
    let mut lines = lines(
        &[7; 32],
        [
            ("SERVER_HANDSHAKE_TRAFFIC_SECRET", &secrets[0]),
            ("SERVER_TRAFFIC_SECRET_0", &secrets[1]),
            ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", &secrets[2]),
            ("CLIENT_TRAFFIC_SECRET_0", &secrets[3]),
        ],
    );
    lines.push(format!("{EARLY} {} {}", hex(&[7; 32]), hex(&early)));
    (all, lines)
}

#[test]
fn early_data_open_and_were_said_if_they_were_taken() {
    for suite in Suite::ALL {
        let (all, lines) = early(suite, true);
        let taken = opened(&all, &lines).unwrap();
        assert_eq!(taken.stopped, None, "{suite:?}");
        assert_eq!(taken.from_a.bytes, b"early data later");
        assert_eq!(taken.records, 7);
        let kinds: Vec<_> = taken.handshake_b.iter().map(|m| m.kind).collect();
        assert_eq!(kinds, [FINISHED]);

        let (all, lines) = early(suite, false);
        let refused = opened(&all, &lines).unwrap();
        assert_eq!(refused.stopped, None, "{suite:?}");
        assert_eq!(refused.from_a.bytes, b"later");
        assert_eq!(refused.records, 6);
    }
}

#[test]
fn early_data_without_their_secret_are_not_opened() {
    let (all, mut lines) = early(Suite::Aes128Gcm, true);
    lines.pop();
    let result = opened(&all, &lines).unwrap();
    assert_eq!(result.stopped, Some(OpenError::MissingSecret(EARLY)));
    assert_eq!(result.from_b.bytes, b"later");
}

#[test]
fn who_announces_early_data_and_sends_none_is_opened() {
    let (mut all, mut lines) = early(Suite::Aes128Gcm, false);
    all.drain(1..3);
    assert_eq!(opened(&all, &lines).unwrap().from_a.bytes, b"later");
    lines.pop();
    assert_eq!(opened(&all, &lines).unwrap().stopped, None);
}

#[test]
fn a_record_of_padding_alone_is_bad() {
    let suite = Suite::Aes128Gcm;
    let record = Sealer::new(suite, 1).seal(0, b"", 9);
    let mut keys = Keys::new(suite, &[1; 32]).unwrap();
    assert!(keys.open(&record[..5], &record[5..]).is_none());
}

proptest! {
    #[test]
    fn a_mutated_trace_never_panics_and_never_opens_to_more(
        changes in prop::collection::vec((0..9usize, any::<prop::sample::Index>(), 1..=255u8), 1..5),
    ) {
        let trace = simple_1rtt();
        let mut all = records(&trace);
        for (record, index, mask) in changes {
            let at = index.index(all[record].1.len());
            all[record].1[at] ^= mask;
        }
        let flow = flow(&all);
        let lines = key_lines(&trace);
        let keys = KeyLog::parse(lines.iter().map(String::as_str));
        if let Some(reading) = tls::read(&flow)
            && let Ok(opened) = open(&flow, &reading, &keys)
        {
            prop_assert!(trace.payload.starts_with(&opened.from_a.bytes));
            prop_assert!(trace.payload.starts_with(&opened.from_b.bytes));
        }
    }
}
