//! Key generations and ratchet steps.

use lightleak_sim::seal::{
    keys::SFrameOpeningKey,
    sframe::{KeyId, Receiver, SFrameError, Suite},
};
use proptest::{collection::vec, prelude::*};

use crate::support::{any_suite, ends, open, opening, seal};

/// The KID of a key generation with two bits for steps.
fn id(generation: u64) -> KeyId {
    KeyId::ratcheted(generation, 2).expect("fits")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_receiver_follows_several_steps_at_once(
        suite in any_suite(),
        (bits, steps) in (1..=4_u8).prop_flat_map(|bits| {
            let most = ((1 << bits) - 2).max(1);
            (Just(bits), vec(0..=most, 1..20))
        }),
    ) {
        let id = KeyId::ratcheted(5, bits).expect("fits");
        let (mut sender, mut receiver) = ends(suite, id, 0);
        for (ctr, step) in (0..).zip(steps) {
            for _ in 0..step {
                prop_assert_eq!(sender.ratchet(), Ok(()));
            }
            let sealed = seal(&mut sender, b"frame", b"").expect("sealed");
            let (opened, frame) = open(&mut receiver, &sealed, b"").expect("opened");
            prop_assert_eq!((opened.kid, opened.ctr), (sender.id().kid(), ctr));
            prop_assert_eq!(frame, b"frame");
        }
    }
}

#[test]
fn the_step_before_is_still_opened_and_not_twice() {
    let (mut sender, mut receiver) = ends(Suite::Aes128Gcm, id(5), 0);
    let frames: Vec<_> = (0..4)
        .map(|at| {
            if at == 2 {
                sender.ratchet().expect("has steps");
            }
            seal(&mut sender, b"frame", b"").expect("sealed")
        })
        .collect();
    for (at, result) in [
        (0, Ok(0)),
        (3, Ok(3)),
        (1, Ok(1)),
        (1, Err(SFrameError::Replayed(1))),
        (3, Err(SFrameError::Replayed(3))),
        (2, Ok(2)),
    ] {
        let opened = open(&mut receiver, &frames[at], b"");
        assert_eq!(opened.map(|(opened, _)| opened.ctr), result, "{at}");
    }
}

#[test]
fn who_joins_later_opens_nothing_of_an_earlier_step() {
    let (mut sender, _) = ends(Suite::Aes128CtrHmacSha256_80, id(5), 0);
    let before = seal(&mut sender, b"frame", b"").expect("sealed");
    sender.ratchet().expect("has steps");
    let mut receiver = Receiver::new(&sender.opening_key()).expect("a receiver");
    let refused = open(&mut receiver, &before, b"");
    assert_eq!(refused, Err(SFrameError::Authentication));
    let after = seal(&mut sender, b"frame", b"").expect("sealed");
    assert!(open(&mut receiver, &after, b"").is_ok());
}

#[test]
fn a_forged_step_does_not_make_the_key_go_on() {
    let (mut sender, mut receiver) = ends(Suite::Aes128Gcm, id(5), 0);
    let sealed = seal(&mut sender, b"frame", b"").expect("sealed");
    // Key generation 5 with step 2 in the same octet.
    let mut forged = sealed.clone();
    assert_eq!(forged[..2], [0x80, 20]);
    forged[1] = 22;
    let refused = open(&mut receiver, &forged, b"");
    assert_eq!(refused, Err(SFrameError::Authentication));
    assert!(open(&mut receiver, &sealed, b"").is_ok());
}

#[test]
fn an_epoch_that_has_ended_is_refused() {
    let suite = Suite::Aes128Gcm;
    let (mut old, mut receiver) = ends(suite, KeyId::new(4), 0);
    let (mut new, _) = ends(suite, KeyId::new(5), 0);
    let first = seal(&mut old, b"frame", b"").expect("sealed");
    let second = seal(&mut old, b"frame", b"").expect("sealed");
    let later = seal(&mut new, b"frame", b"").expect("sealed");
    let refused = open(&mut receiver, &later, b"");
    assert_eq!(refused, Err(SFrameError::UnknownKid(5)));
    receiver
        .add_key(&opening(suite, KeyId::new(5), 1))
        .expect("new");
    assert!(open(&mut receiver, &later, b"").is_ok());
    assert!(open(&mut receiver, &first, b"").is_ok());

    receiver.end_before(5);
    let ended = SFrameError::EpochEnded {
        generation: 4,
        oldest: 5,
    };
    assert_eq!(open(&mut receiver, &second, b""), Err(ended));
    let again = receiver.add_key(&opening(suite, KeyId::new(4), 1));
    assert_eq!(again, Err(ended));
    // What has ended does not come back.
    receiver.end_before(3);
    assert_eq!(open(&mut receiver, &second, b""), Err(ended));
}

#[test]
fn a_key_that_could_not_be_told_apart_is_refused() {
    let suite = Suite::Aes128Gcm;
    let (_, mut receiver) = ends(suite, id(5), 0);
    let taken = receiver.add_key(&opening(suite, id(5), 2));
    assert_eq!(taken, Err(SFrameError::KidTaken(5)));
    let changed = receiver.add_key(&opening(suite, KeyId::new(6), 2));
    let error = SFrameError::RatchetChanged {
        bits: 0,
        expected: 2,
    };
    assert_eq!(changed, Err(error));
    let add = |generation| receiver.add_key(&opening(suite, id(generation), 2));
    let results: Vec<_> = (6..70).map(add).collect();
    assert!(results[..63].iter().all(Result::is_ok));
    assert_eq!(results[63], Err(SFrameError::Keys(64)));
}

#[test]
fn a_ratchet_has_the_label_and_the_length_of_rfc_9605_5_1() {
    // From the definition, with HKDF of another library.
    let expected = |suite: Suite, key: &[u8]| {
        let mut next = vec![0; suite.hash_length()];
        let info = b"SFrame 1.0 Ratchet";
        let done = if suite == Suite::Aes256Gcm {
            hkdf::Hkdf::<sha2::Sha512>::new(Some(b""), key).expand(info, &mut next)
        } else {
            hkdf::Hkdf::<sha2::Sha256>::new(Some(b""), key).expand(info, &mut next)
        };
        done.expect("not too long");
        next
    };
    for suite in Suite::ALL {
        let (mut sender, _) = ends(suite, id(5), 0);
        let mut key = sender.opening_key().expose().to_vec();
        for _ in 0..3 {
            sender.ratchet().expect("has steps");
            key = expected(suite, &key);
            let same: SFrameOpeningKey = sender.opening_key();
            assert_eq!(same.expose(), key, "{suite}");
        }
    }
}
