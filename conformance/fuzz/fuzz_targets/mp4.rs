//! Movies, whole or in fragments, and cut anywhere; and as if they were encrypted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_judge::dissect::{
    cenc,
    mp4::{self, Class},
};

fuzz_target!(|file: &[u8]| {
    let kids = cenc::kids(file);
    if let Some(opened) = cenc::open(file, |kid| kids.contains(kid).then_some([7; 16])) {
        assert_eq!(opened.len(), file.len());
    }
    let movie = mp4::dissect(file);
    let mut at = 0;
    for piece in &movie.pieces {
        assert_eq!(piece.range.start, at, "the pieces cover the file");
        assert!(!piece.range.is_empty());
        at = piece.range.end;
        if let Class::Sample(track) = piece.class {
            assert!(track < movie.tracks.len());
        }
    }
    assert_eq!(at, file.len(), "the pieces cover the file");
    assert!(movie.whole <= file.len());
    for track in &movie.tracks {
        for sample in track.samples.iter().chain(&track.cut) {
            assert!(file.get(sample.range.clone()).is_some());
            for unit in &track.nal_units[sample.nal_units.clone()] {
                assert!(sample.range.start <= unit.start && unit.end <= sample.range.end);
            }
        }
        for set in &track.parameter_sets {
            assert!(file.get(set.clone()).is_some());
        }
    }
});
