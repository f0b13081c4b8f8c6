//! The power is cut anywhere.

use std::{collections::BTreeSet, time::Duration};

use lightleak::target::sim::VIDEO;
use lightleak_sim::{
    h264::STREAMS,
    record::mp4,
    seal::recording::{self, CHUNK},
    world::Disk,
};

use crate::studio::Studio;

/// Octets of the authentication tag of a chunk.
const TAG: usize = 16;

/// All cuts in the header and about the end of every chunk, and many others.
#[tokio::test(start_paused = true)]
async fn a_clip_opens_to_its_last_whole_chunk_wherever_it_ends() {
    let studio = Studio::record(STREAMS[0], Duration::from_secs(13)).await;
    let identity = &studio.owner.identity;
    let sealed = studio.card.read(&studio.names("clip-")[0]).unwrap();
    let whole = recording::open(&sealed, identity).unwrap();
    assert!(whole.complete);
    let footage = mp4::read(&whole.plaintext).unwrap();
    assert_eq!(footage.whole, whole.plaintext.len());
    assert!(footage.samples.len() > 40, "{}", footage.samples.len());

    let chunks = whole.plaintext.len().div_ceil(CHUNK);
    assert!(chunks > 3, "{chunks} chunks");
    let header = sealed.len() - whole.plaintext.len() - chunks * TAG;
    let ends = (0..chunks).map(|chunk| header + chunk * (CHUNK + TAG));
    let about = ends.flat_map(|end| end - 20..end + 21);
    let cuts: BTreeSet<usize> = (0..header)
        .chain(about)
        .chain((header..sealed.len()).step_by(1009))
        .chain(sealed.len() - 20..sealed.len())
        .collect();
    let mut most = 0;
    for cut in cuts {
        let Some(payload) = cut.checked_sub(header) else {
            // Cut before the first chunk: nothing, and no panic.
            let opened = recording::open(&sealed[..cut], identity);
            assert!(opened.is_err() || opened.is_ok_and(|o| o.plaintext.is_empty()));
            continue;
        };
        let opened = recording::open(&sealed[..cut], identity).unwrap();
        let expected = payload / (CHUNK + TAG) * CHUNK;
        assert_eq!(opened.plaintext.len(), expected, "cut at {cut}");
        assert!(!opened.complete, "cut at {cut}");
        assert!(whole.plaintext.starts_with(&opened.plaintext));
        let left = mp4::read(&opened.plaintext).unwrap();
        assert!(footage.samples.starts_with(&left.samples), "cut at {cut}");
        most = most.max(left.samples.len());
    }
    assert!(most > 20, "{most} frames at most");
}

#[tokio::test(start_paused = true)]
async fn a_cut_of_power_loses_five_seconds_at_most_at_any_bit_rate() {
    for (video, moments) in [
        (VIDEO, [2_600, 9_100, 12_300, 17_900]),
        (STREAMS[0], [5_100, 8_900, 12_700, 15_300]),
    ] {
        for moment in moments.map(Duration::from_millis) {
            let studio = Studio::record(video, moment).await;
            studio.card.cut_power_after(0);
            studio.wait(Duration::from_secs(10)).await;
            let contents = studio.contents();
            let last = contents.clips.last().unwrap();
            let samples = &last.footage.samples;
            let units = studio.units();
            let at = units
                .iter()
                .position(|unit| u128::from(last.entry.start) == unit.taken.as_millis());
            let at = at.unwrap();
            let stored: Vec<_> = units[at..at + samples.len()]
                .iter()
                .map(|unit| unit.nal_units.clone())
                .collect();
            assert_eq!(*samples, stored);
            let until = Duration::from_secs((at + samples.len()) as u64) / video.frames_per_second;
            let lost = moment.saturating_sub(until);
            assert!(lost < Duration::from_secs(5), "{lost:?} at {moment:?}");
            // A clip that had just begun may hold nothing yet.
            let refused = contents.refused.iter().map(|(_, why)| why.to_string());
            let refused: Vec<_> = refused.collect();
            assert!(refused.len() <= 1, "{refused:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_list_survives_a_cut_at_any_octet() {
    for octets in (0..3000).step_by(293) {
        let studio = Studio::record(STREAMS[0], Duration::from_secs(13)).await;
        let before = studio.contents().clips.len();
        studio.card.cut_power_after(octets);
        studio.wait(Duration::from_secs(30)).await;
        let contents = studio.contents();
        assert!(contents.clips.len() >= before, "{:?}", contents.refused);
        let list = &studio.names("clips-")[0];
        let refused = |name: &String| contents.refused.iter().any(|(n, _)| n == name);
        assert!(!refused(list), "{:?}", contents.refused);
    }
}
