//! Batches: what is sealed is opened, whatever gets lost or overtaken.

use lightleak_sim::seal::sframe::{Frames, Header, KeyId, Opened, SFrameError, Suite, seal_all};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::support::{any_number, any_suite, ends, open, seal};

/// How much later than its turn a frame arrives, less than the replay window.
const LATEST: usize = 100;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_arrives_is_opened_in_any_order(
        suite in any_suite(),
        kid in any_number(),
        first in any_number().prop_map(|n| n.min(u64::MAX - 1000)),
        clear in vec((vec(any::<u8>(), 0..200), vec(any::<u8>(), 0..9)), 1..300),
        delays in vec(0..LATEST, 64),
        losses in vec(any::<bool>(), 61),
        split in 1_usize..50,
    ) {
        let (mut sender, mut receiver) = ends(suite, KeyId::new(kid), first);
        let mut sealed = Vec::new();
        for batch in clear.chunks(split) {
            let mut frames = Frames::new();
            batch.iter().for_each(|(frame, metadata)| frames.push(frame, metadata));
            prop_assert_eq!(sender.seal(&mut frames), Ok(()));
            sealed.extend(frames.iter().map(<[u8]>::to_vec));
        }
        for (ctr, ((frame, _), sealed)) in (first..).zip(clear.iter().zip(&sealed)) {
            let header = Header::read(sealed).expect("a header");
            prop_assert_eq!((header.kid, header.ctr), (kid, ctr));
            prop_assert_eq!(sealed.len(), header.length + frame.len() + suite.tag_length());
            prop_assert!(sealed.len() <= frame.len() + sender.overhead());
        }

        let mut order: Vec<usize> = (0..clear.len()).collect();
        order.sort_by_key(|&at| at + delays[at % delays.len()]);
        order.retain(|&at| losses[at % losses.len()]);
        for arrived in order.chunks(split) {
            let mut frames = Frames::new();
            arrived.iter().for_each(|&at| frames.push(&sealed[at], &clear[at].1));
            let opened = |&at| Ok(Opened { kid, ctr: first + at as u64 });
            let expected: Vec<_> = arrived.iter().map(opened).collect();
            prop_assert_eq!(receiver.open(&mut frames), &expected[..]);
            prop_assert!(frames.iter().eq(arrived.iter().map(|&at| &clear[at].0[..])));
        }
    }

    #[test]
    fn frames_of_any_size_are_sealed(
        suite in any_suite(),
        size in prop_oneof![0..48_usize, 0..=256 * 1024_usize],
    ) {
        let (mut sender, mut receiver) = ends(suite, KeyId::new(1), 300);
        let clear = vec![0xa5; size];
        let sealed = seal(&mut sender, &clear, b"m").expect("sealed");
        if size >= 32 {
            prop_assert!(!sealed.windows(8).any(|w| w == [0xa5; 8]));
        }
        let opened = Opened { kid: 1, ctr: 300 };
        prop_assert_eq!(open(&mut receiver, &sealed, b"m"), Ok((opened, clear)));
    }

    #[test]
    fn a_flipped_bit_is_refused_and_the_frame_is_not(
        suite in any_suite(),
        kid in any_number(),
        size in 0..100_usize,
        metadata in vec(any::<u8>(), 1..9),
        at in any::<Index>(),
        bit in 0..8_u32,
    ) {
        let (mut sender, mut receiver) = ends(suite, KeyId::new(kid), 0x1234);
        let clear = vec![0xa5; size];
        let sealed = seal(&mut sender, &clear, &metadata).expect("sealed");
        let flip = |octets: &[u8]| {
            let mut flipped = octets.to_vec();
            flipped[at.index(octets.len())] ^= 1_u8 << bit;
            flipped
        };
        prop_assert!(open(&mut receiver, &flip(&sealed), &metadata).is_err());
        let refused = open(&mut receiver, &sealed, &flip(&metadata));
        prop_assert_eq!(refused, Err(SFrameError::Authentication));
        let refused = open(&mut receiver, &sealed, &metadata[1..]);
        prop_assert_eq!(refused, Err(SFrameError::Authentication));
        let opened = Opened { kid, ctr: 0x1234 };
        prop_assert_eq!(open(&mut receiver, &sealed, &metadata), Ok((opened, clear)));
    }
}

#[test]
fn replayed_and_old_frames_are_refused() {
    let (mut sender, mut receiver) = ends(Suite::Aes128Gcm, KeyId::new(3), 0);
    let sealed: Vec<_> = (0..200)
        .map(|_| seal(&mut sender, b"x", b"").expect("sealed"))
        .collect();
    for (at, result) in [
        (0, Ok(0)),
        (0, Err(SFrameError::Replayed(0))),
        (150, Ok(150)),
        (150, Err(SFrameError::Replayed(150))),
        (23, Ok(23)),
        (22, Err(SFrameError::Replayed(22))),
        (23, Err(SFrameError::Replayed(23))),
    ] {
        let opened = open(&mut receiver, &sealed[at], b"");
        assert_eq!(opened.map(|(opened, _)| opened.ctr), result);
    }
}

#[test]
fn the_frames_of_several_senders_are_sealed_in_one_call() {
    let mut pairs = Suite::ALL.map(|suite| ends(suite, KeyId::new(9), 0));
    let mut batches = Suite::ALL.map(|_| {
        let mut frames = Frames::new();
        frames.push(b"one", b"");
        frames.push(b"two", b"");
        frames
    });
    let senders = pairs.iter_mut().map(|(sender, _)| sender);
    assert_eq!(seal_all(senders.zip(&mut batches)), Ok(()));
    for ((_, receiver), frames) in pairs.iter_mut().zip(&mut batches) {
        assert!(receiver.open(frames).iter().all(Result::is_ok));
        assert!(frames.iter().eq([b"one", b"two"]));
    }
}

#[test]
fn a_frame_that_is_sealed_is_not_sealed_again() {
    let (mut sender, _) = ends(Suite::Aes256Gcm, KeyId::new(u64::MAX), 1 << 60);
    let mut frames = Frames::new();
    frames.push(b"one", b"");
    frames.push(b"two", b"");
    assert_eq!(sender.seal(&mut frames), Ok(()));
    assert_eq!(sender.seal(&mut frames), Err(SFrameError::Sealed));
    assert!(frames.iter().all(<[u8]>::is_empty));
}
