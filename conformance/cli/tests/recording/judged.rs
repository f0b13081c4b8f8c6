//! The judge reads the card with code of its own, and finds what was produced.

use std::time::Duration;

use lightleak::target::sim::VIDEO;
use lightleak_judge::{
    dissect::{
        clip_list::{self, End, ListKey},
        mp4::{self, Class},
    },
    open::age::{self, Identities},
};
use lightleak_sim::{h264::STREAMS, seal::keys, world::Disk};

use crate::studio::Studio;

#[tokio::test(start_paused = true)]
async fn the_judge_opens_clips_and_finds_every_access_unit() {
    for video in [VIDEO, STREAMS[0]] {
        let studio = Studio::record(video, Duration::from_secs(25)).await;
        let escrow = studio.owner.identity.escrow();
        let identities = Identities::parse([escrow.as_str()]);
        assert_eq!(identities.len(), 1);
        let contents = studio.contents();
        assert!(contents.clips.len() >= 2);
        for clip in &contents.clips {
            let sealed = studio.card.read(&clip.entry.name).unwrap();
            let opened = age::open(&sealed, &identities).unwrap();
            assert_eq!(opened.complete, clip.entry.closed);
            assert_eq!(opened.deviations, []);
            let file = &opened.plaintext;
            let movie = mp4::dissect(file);
            assert_eq!(movie.faults, []);
            assert_eq!(movie.octets(|class| class == Class::Unknown), 0);
            let track = movie.tracks.iter().find(|track| track.is_h264()).unwrap();
            let found: Vec<Vec<&[u8]>> = track
                .samples
                .iter()
                .map(|sample| {
                    let units = track.nal_units(sample).iter();
                    units.map(|unit| &file[unit.clone()]).collect()
                })
                .collect();
            // Of a fragment that is cut the judge reads the samples that are whole.
            let expected = &clip.footage.samples;
            assert!(found.len() >= expected.len() && !expected.is_empty());
            assert!(clip.entry.closed || found.len() < expected.len() + 30);
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(found, expected);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_judge_believes_the_list_and_no_other() {
    let studio = Studio::record(VIDEO, Duration::from_secs(25)).await;
    let list = studio.card.read(&studio.names("clips-")[0]).unwrap();
    let key = ListKey::parse(&studio.owner.device.to_string()).unwrap();
    let read = clip_list::read(&list, &key);
    assert_eq!((read.end, read.signed), (End::Whole, list.len()));
    let contents = studio.contents();
    assert_eq!(contents.clips.len(), 3);
    for clip in &contents.clips {
        let entry = read
            .entries
            .iter()
            .rev()
            .find(|e| e.name == clip.entry.name);
        let entry = entry.unwrap();
        assert_eq!(
            (entry.start, entry.duration, entry.closed),
            (clip.entry.start, clip.entry.duration, clip.entry.closed)
        );
        assert_eq!(entry.length, clip.entry.extent.length);
        assert_eq!(entry.sha256, clip.entry.extent.sha256);
    }
    let other = keys::ListKey::from_seed(&[2; 32]).unwrap().public();
    let read = clip_list::read(&list, &ListKey::parse(&other.to_string()).unwrap());
    assert!(read.entries.is_empty() && matches!(read.end, End::Wrong(_)));
}
