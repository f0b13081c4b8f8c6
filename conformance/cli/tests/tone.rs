//! What a camera plays and G.711 squeezes, the judge reads: the tone mark of
//! every second.

use lightleak_judge::{dissect::pcmu, tone};
use lightleak_sim::{
    g711::mu_law,
    sound::{PACKETS_PER_SECOND, Sound},
};

#[test]
fn every_second_is_recognised() {
    for seed in 0..5 {
        let sound = Sound {
            seed,
            unit: 0xbeef,
            nonce: 0x0123_4567,
        };
        let packets = 0..10 * PACKETS_PER_SECOND;
        let octets: Vec<u8> = packets.flat_map(|n| sound.samples(n).map(mu_law)).collect();
        let samples: Vec<i16> = pcmu::linear(&octets).collect();
        let marks: Vec<_> = tone::read(&samples).collect();
        assert!(
            marks
                .iter()
                .all(|m| (m.unit, m.nonce) == (0xbeef, 0x0123_4567))
        );
        let seconds: Vec<_> = marks.iter().map(|mark| mark.second).collect();
        assert_eq!(seconds, (0..10).collect::<Vec<_>>());
        // Wherever it begins, all but the first are still there.
        assert_eq!(tone::read(&samples[77..]).count(), 9);
    }
}
