//! Nothing is allocated once buffers have their size.

use allocation_counter::measure;
use lightleak_sim::seal::{
    keys::SFrameBaseKey,
    sframe::{Frames, KeyId, Receiver, Sender, Suite, VolatileCounters, seal_all},
};

const CAMERAS: u8 = 3;

#[test]
fn frames_of_several_cameras_are_sealed_and_opened_without_allocation() {
    let (video, sound) = (vec![0x65; 64 * 1024], vec![0x11; 160]);
    for suite in Suite::ALL {
        let mut pairs: Vec<_> = (1..=CAMERAS)
            .map(|number| {
                let id = KeyId::new(number.into());
                let base = SFrameBaseKey::new(suite, id, &[number; 32]).expect("the right length");
                let receiver = Receiver::new(&base.opening()).expect("a receiver");
                let counters = VolatileCounters::starting(250);
                let sender = Sender::new(base, counters).expect("a sender");
                (sender, receiver, Frames::new())
            })
            .collect();
        let mut round = |opened: &mut usize| {
            for (_, _, frames) in &mut pairs {
                frames.clear();
                frames.push(&video, &[0x65, 0x82, 0x08]);
                frames.push(&sound, b"");
            }
            let batch = pairs.iter_mut().map(|(sender, _, frames)| (sender, frames));
            seal_all(batch).expect("sealed");
            for (_, receiver, frames) in &mut pairs {
                let results = receiver.open(frames);
                *opened += results.iter().filter(|result| result.is_ok()).count();
                assert!(frames.iter().eq([&video[..], &sound]));
            }
        };
        let mut opened = 0;
        round(&mut opened);
        let first = opened;
        assert_eq!(first, 2 * usize::from(CAMERAS));
        let info = measure(|| (0..10).for_each(|_| round(&mut opened)));
        assert_eq!(opened, first * 11);
        assert_eq!(info.count_total, 0, "{suite}: {info:?}");
    }
}

#[test]
fn the_counter_counts() {
    let info = measure(|| drop(std::hint::black_box(vec![0_u8; 100])));
    assert_eq!(info.count_total, 1);
}
