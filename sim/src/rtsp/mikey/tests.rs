//! Known messages, round trips, and octets from outside.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    hex::Hex,
    seal::{
        keys::SrtpMasterKey,
        srtp::{Mki, Suite},
    },
};

/// The messages of ONVIF Streaming 26.06, 8.2.1.1 to 8.2.1.3.
const SETUP: &str = "AQAFAP1td9ABAADCD1UcAAAAAAoAAdOOGc75XD0BAAAAGAABAQEBEAIBAQMBFAcBAQgBAQoBAQsBCgAAACcAIQAe30C59UrClE0e27UP5h/Wty9UL8+dfzg+2ttmmo3kBAAAAC8A";
const REKEY: &str = "AQAFAGgCr8EBAADSvxgkAAAAAAoAAdOOK7UihqIBAAAAGAABAQEBEAIBAQMBFAcBAQgBAQoBAQsBCgAAACcAIQAepekjs88g+Q7AU6LAvRsoVyn18ZW1JuXI9qht4g6+BAAAAAIA";
const ANSWER: &str = "AQAFAGrVolgBAADdBcAoAAAAAAsA2/K83QArhBIKEGrVolg1GZvp7DPyFCdYmXABAAAAGwABAQEBEAIBAQMBFAQBDgcBAQgBAQoBAQsBCgAAACcAIQAe7OzS5umZMXHqaegZC3UkDwbC5NNpj4b8+fB6MROeBAAAAA0A";

#[test]
fn the_messages_of_onvif_are_read_and_written() {
    for (text, ssrc, rand, mki, first) in [
        (SETUP, 0xc20f_551c, 0, 0x2f, "df40b9f5"),
        (REKEY, 0xd2bf_1824, 0, 2, "a5e923b3"),
        (ANSWER, 0xdd05_c028, 16, 0xd, "ececd2e6"),
    ] {
        let octets = BASE64_STANDARD.decode(text).expect("base64");
        let message = Message::read(&octets).expect("a message");
        let session = CryptoSession {
            policy: 0,
            ssrc,
            roc: 0,
        };
        assert_eq!(message.sessions, [session]);
        assert_eq!(message.rand.len(), rand);
        let policy = message.policy.as_ref().expect("a policy");
        assert_eq!(policy.suite(), Ok(Suite::AesCm128HmacSha1_80));
        let found = message.key.mki().map(Mki::octets);
        assert_eq!(found, Some(&u32::to_be_bytes(mki)[..]));
        let key = message.key.master_key(Suite::AesCm128HmacSha1_80);
        let key = key.expect("30 octets");
        assert_eq!(Hex(&key.expose_key()[..4]).to_string(), first);
        assert_eq!(*message.write(), octets);
    }
}

#[test]
fn a_key_and_its_salt_travel_apart_where_onvif_says_so() {
    let key = SrtpMasterKey::new(Suite::AeadAes256Gcm, &[1; 32], &[2; 12]).expect("a key");
    let mki = Mki::new(&[0, 0, 0, 9]).expect("an MKI");
    let message = Message {
        csb_id: 1,
        sessions: vec![CryptoSession::default()],
        timestamp: 2,
        rand: vec![3; 16],
        policy: Some(Policy::of(Suite::AeadAes256Gcm)),
        key: KeyData::with_salt(&key, Some(&mki)),
    };
    let octets = message.write();
    let kemac = format!(
        "000000370031{}{}{}{}{}00",
        format_args!("0020{}", "01".repeat(32)),
        "000c",
        "02".repeat(12),
        "04",
        "00000009"
    );
    assert!(Hex(&octets).to_string().ends_with(&kemac));
    assert_eq!(Message::read(&octets), Ok(message));
}

#[test]
fn what_is_not_used_is_refused_by_name() {
    let octets = BASE64_STANDARD.decode(SETUP).expect("base64");
    let changed = |at: usize, value: u8| {
        let mut octets = octets.clone();
        octets[at] = value;
        Message::read(&octets).expect_err("a flaw").to_string()
    };
    assert_eq!(changed(0, 2), "version is 2, not 1");
    assert_eq!(changed(1, 2), "data type is 2, not pre-shared (0)");
    assert_eq!(changed(2, 2), "payload type 2 is not expected");
    assert_eq!(changed(2, 0), "83 octets follow the last payload");
    assert_eq!(changed(9, 1), "map type is 1, not SRTP-ID (0)");
    assert_eq!(changed(19, 5), "there are two T payloads");
    assert_eq!(changed(29, 0), "44 octets follow the last payload");
    assert_eq!(changed(59, 1), "KEMAC encryption is 1, not NULL (0)");
    assert_eq!(
        changed(63, 0x01),
        "key type is 0, not TEK (2) or TEK+SALT (3)"
    );
    assert_eq!(changed(101, 1), "KEMAC authentication is 1, not NULL (0)");
    let short = Message::read(&octets[..101]).expect_err("too short");
    assert_eq!(
        short.to_string(),
        "KEMAC authentication needs 1 octets, and 0 are left"
    );
}

/// A policy and a key that need not belong together.
fn messages() -> impl Strategy<Value = Message> {
    let session = (any::<u8>(), any::<u32>(), any::<u32>());
    let session = session.prop_map(|(policy, ssrc, roc)| CryptoSession { policy, ssrc, roc });
    let parameter = (any::<u8>(), vec(any::<u8>(), 0..20));
    let policy = (any::<u8>(), vec(parameter, 0..20));
    let policy = policy.prop_map(|(number, parameters)| Policy { number, parameters });
    let key = (
        vec(any::<u8>(), 0..70),
        proptest::option::of(vec(any::<u8>(), 0..30)),
        proptest::option::of(vec(any::<u8>(), 1..=128)),
    );
    let key = key.prop_map(|(key, salt, mki)| {
        let mki = mki.map(|octets| Mki::new(&octets).expect("1 to 128 octets"));
        KeyData::new(&key, salt.as_deref(), mki)
    });
    (
        any::<u32>(),
        vec(session, 0..4),
        any::<u64>(),
        vec(any::<u8>(), 0..=255),
        proptest::option::of(policy),
        key,
    )
        .prop_map(|(csb_id, sessions, timestamp, rand, policy, key)| Message {
            csb_id,
            sessions,
            timestamp,
            rand,
            policy,
            key,
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(message in messages()) {
        let octets = message.write();
        prop_assert_eq!(Message::read(&octets), Ok(message));
    }

    #[test]
    fn a_message_that_is_cut_is_refused(message in messages(), at: prop::sample::Index) {
        let octets = message.write();
        let cut = &octets[..at.index(octets.len())];
        prop_assert!(Message::read(cut).is_err());
    }

    #[test]
    fn hostile_octets_never_panic(octets in vec(any::<u8>(), 0..300)) {
        if let Ok(message) = Message::read(&octets) {
            let _ = message.policy.map(|policy| policy.suite());
        }
    }

    #[test]
    fn damaged_messages_never_panic(at in 0..102_usize, octet: u8) {
        let mut octets = BASE64_STANDARD.decode(SETUP).expect("base64");
        octets[at] = octet;
        if let Ok(message) = Message::read(&octets) {
            for suite in Suite::ALL {
                let _ = message.key.master_key(suite);
            }
        }
    }
}
