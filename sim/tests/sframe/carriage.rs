//! An access unit of the encoder, sealed and carried in NAL units.

use std::time::Duration;

use lightleak_sim::{
    h264::AccessUnit,
    seal::sframe::{
        Frames, KeyId, SFrameError, Suite,
        nal::{self, COVER_PPS, COVER_SPS},
    },
};
use proptest::{collection::vec, prelude::*};

use crate::support::{any_suite, ends, only};

fn unit(key_frame: bool, nal_units: &[Vec<u8>]) -> AccessUnit {
    AccessUnit {
        nal_units: nal_units.iter().map(|nal| nal.clone().into()).collect(),
        number: 1,
        taken: Duration::from_secs(1),
        rtp_time: 0,
        key_frame,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_access_unit_comes_back(
        suite in any_suite(),
        key_frame in any::<bool>(),
        nal_units in vec(vec(any::<u8>(), 1..500), 1..5),
        ctr in 0..1_u64 << 40,
    ) {
        let unit = unit(key_frame, &nal_units);
        let (mut sender, mut receiver) = ends(suite, KeyId::new(1), ctr);
        let mut frames = Frames::new();
        nal::push(&unit, &mut frames);
        prop_assert_eq!(sender.seal(&mut frames), Ok(()));
        let carried = nal::wrap(&only(&frames), key_frame);

        let mut arrived = Frames::new();
        let slice = carried.last().expect("a slice");
        prop_assert_eq!(nal::unwrap(slice, &mut arrived), Ok(key_frame));
        prop_assert!(receiver.open(&mut arrived)[0].is_ok());
        prop_assert_eq!(only(&arrived), unit.annex_b());
    }
}

#[test]
fn a_key_frame_is_covered_and_is_not_passed_off_as_another() {
    let unit = unit(true, &[vec![0x67; 20], vec![0x68; 5], vec![0x65; 300]]);
    let (mut sender, mut receiver) = ends(Suite::Aes128Gcm, KeyId::new(1), 0);
    let mut frames = Frames::new();
    nal::push(&unit, &mut frames);
    sender.seal(&mut frames).expect("sealed");
    let carried = nal::wrap(&only(&frames), true);
    assert_eq!(carried[..2], [COVER_SPS, COVER_PPS]);
    assert_eq!(carried[2][..4], [0x65, 0x82, 0x08, 0x10]);
    assert_eq!(carried[2].last(), Some(&0x80));

    let mut changed = carried[2].to_vec();
    changed[0] = 0x61;
    let mut arrived = Frames::new();
    assert_eq!(nal::unwrap(&changed, &mut arrived), Ok(false));
    let refused = receiver.open(&mut arrived);
    assert_eq!(refused, [Err(SFrameError::Authentication)]);
    assert!(only(&arrived).is_empty());
}
