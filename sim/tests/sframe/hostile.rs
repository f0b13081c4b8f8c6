//! Octets of anybody's making.

use lightleak_sim::seal::sframe::{Frames, KeyId, SFrameError, Suite};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::support::{any_suite, ends, open, seal};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_octets_are_refused(
        suite in any_suite(),
        bits in 0..=4_u8,
        octets in vec((vec(any::<u8>(), 0..80), vec(any::<u8>(), 0..4)), 1..4),
        known in any::<bool>(),
    ) {
        let id = KeyId::ratcheted(0, bits).expect("fits");
        let (_, mut receiver) = ends(suite, id, 0);
        let mut frames = Frames::new();
        for (frame, metadata) in &octets {
            let mut frame = frame.clone();
            if let (true, Some(config)) = (known, frame.first_mut()) {
                // A KID that there is, or a step of it.
                *config &= 0x1f;
            }
            frames.push(&frame, metadata);
        }
        prop_assert!(receiver.open(&mut frames).iter().all(Result::is_err));
        prop_assert!(frames.iter().all(<[u8]>::is_empty));
    }

    #[test]
    fn what_is_cut_short_is_refused(
        suite in any_suite(),
        size in 0..40_usize,
        cut in any::<Index>(),
    ) {
        let (mut sender, mut receiver) = ends(suite, KeyId::new(300), 70_000);
        let sealed = seal(&mut sender, &vec![1; size], b"").expect("sealed");
        prop_assert!(open(&mut receiver, &sealed[..cut.index(sealed.len())], b"").is_err());
    }
}

#[test]
fn errors_say_which_field_and_limit() {
    let (_, mut receiver) = ends(Suite::Aes128Gcm, KeyId::new(1), 0);
    let short = |length, least| SFrameError::Short { length, least };
    for (octets, error) in [
        (&[][..], short(0, 1)),
        (&[0x8f], short(1, 2)),
        (&[0x9f, 1, 2], short(3, 11)),
        (&[0x10; 16], short(16, 17)),
        (&[0x20; 20], SFrameError::UnknownKid(2)),
        (&[0x88, 7, 9, 0], SFrameError::NotMinimal("kid")),
        (&[0x10; 17], SFrameError::Authentication),
    ] {
        assert_eq!(open(&mut receiver, octets, b""), Err(error));
    }
    assert_eq!(
        short(16, 17).to_string(),
        "frame is 16 octets long, not at least 17"
    );
}
