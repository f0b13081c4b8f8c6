//! What lies beside the clips: the owner finds what was produced, and so does the
//! judge, with code of its own.

use std::{collections::BTreeSet, time::Duration};

use lightleak::target::sim::VIDEO;
use lightleak_judge::{
    dissect::jpeg,
    open::hpke::{self, HpkeError, Keys},
};
use lightleak_sim::{
    fault::Mutant,
    record::{MOST_CLIPS, beside::Document},
    seal::keys::HpkeKey,
    world::Disk,
};
use serde_json::Value;

use crate::studio::Studio;

/// Two clips that are complete, and one that is not.
async fn record() -> Studio {
    Studio::record(VIDEO, Duration::from_secs(25)).await
}

/// Content by name of the file, of both tracks.
fn produced(studio: &Studio) -> Vec<(String, Vec<u8>)> {
    let tracks = ["pictures", "events"].map(|track| studio.documents(track));
    let documents = tracks.into_iter().flatten();
    documents
        .map(|Document { name, octets, .. }| (format!("{name}.hpke"), octets))
        .collect()
}

fn sorted(mut documents: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    documents.sort();
    documents
}

#[tokio::test(start_paused = true)]
async fn the_owner_finds_a_thumbnail_of_every_clip_and_its_events() {
    let studio = record().await;
    let contents = studio.contents();
    assert!(contents.refused.is_empty(), "{:?}", contents.refused);
    let (found, expected) = (sorted(contents.documents), sorted(produced(&studio)));
    assert!(found == expected, "{} of {}", found.len(), expected.len());
    let (thumbnails, events) = (studio.documents("pictures"), studio.documents("events"));
    // The last clip has not ended.
    assert_eq!((thumbnails.len(), events.len()), (3, 2));
    for (clip, (number, thumbnail)) in contents.clips.iter().zip((0..).zip(&thumbnails)) {
        assert_eq!(thumbnail.number, number);
        assert_eq!(thumbnail.name, format!("thumb-{}.jpg", clip.entry.start));
        let found: Vec<_> = jpeg::find(&thumbnail.octets).collect();
        let [picture] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(picture.range, 0..thumbnail.octets.len());
        assert_eq!(
            (picture.width, picture.height, picture.whole),
            (320, 180, true)
        );
    }
    for (clip, event) in contents.clips.iter().zip(&events) {
        let json: Value = serde_json::from_slice(&event.octets).unwrap();
        assert_eq!(json["start"], clip.entry.start);
        assert_eq!(json["duration"], clip.entry.duration);
        let events = json["events"].as_array().unwrap();
        let end = clip.entry.start + clip.entry.duration;
        assert!(!events.is_empty());
        for event in events {
            let time = event["time"].as_u64().unwrap();
            assert!((clip.entry.start..end).contains(&time), "{event}");
        }
    }
    let pictures: BTreeSet<_> = thumbnails.iter().map(|t| &t.octets).collect();
    assert_eq!(pictures.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_judge_opens_them_with_the_escrowed_key_and_no_other() {
    let studio = record().await;
    let keys = |key: &HpkeKey| Keys::parse([key.escrow().as_str()]);
    let owner = keys(&studio.owner.documents);
    let other = keys(&HpkeKey::new(&[6; 32]).unwrap());
    for (name, content) in produced(&studio) {
        let file = studio.card.read(&name).unwrap();
        let opened = hpke::open(&file, &owner).unwrap();
        let header = String::from_utf8_lossy(&file[opened.header.clone()]);
        assert!(header.contains(&format!(" {name}\n")), "{header}");
        assert!(opened.plaintext == content);
        assert_eq!(hpke::open(&file, &other).err(), Some(HpkeError::NoMatch(1)));
        assert!(!file.windows(24).any(|run| run == &content[..24]));
    }
}

#[tokio::test(start_paused = true)]
async fn no_two_files_share_an_encapsulated_key() {
    let studio = record().await;
    let owner = Keys::parse([studio.owner.documents.escrow().as_str()]);
    let documents = produced(&studio);
    let shares: BTreeSet<_> = documents
        .iter()
        .map(|(name, _)| {
            let file = studio.card.read(name).unwrap();
            let header = hpke::open(&file, &owner).unwrap().header;
            file[header.end - hpke::ENCAPSULATED..header.end].to_vec()
        })
        .collect();
    assert_eq!(shares.len(), documents.len());
}

#[tokio::test(start_paused = true)]
async fn the_oldest_make_room_with_their_clips() {
    let studio = Studio::start(VIDEO).await;
    for prefix in ["clip", "thumb", "events"] {
        for number in 0..MOST_CLIPS {
            studio
                .card
                .create(&format!("{prefix}-{number:04}"))
                .unwrap();
        }
    }
    studio.wait(Duration::from_secs(1)).await;
    for (prefix, new) in [("clip-", 1), ("thumb-", 1), ("events-", 0)] {
        let names = studio.names(prefix);
        assert_eq!(names.len(), MOST_CLIPS - 1 + new, "{prefix}");
        assert!(!names.contains(&format!("{prefix}0000")));
    }
}

#[tokio::test(start_paused = true)]
async fn faulty_recorders_leave_open_what_they_are_named_for() {
    for (id, track, ending, sealed) in [
        ("sto.thumb-clear", "pictures", "", "events"),
        ("thumb.head-only", "pictures", ".enc", "events"),
        ("sto.events-clear", "events", "", "pictures"),
    ] {
        let fault = Mutant::find(id).unwrap().fault;
        let studio = Studio::with_fault(VIDEO, fault).await;
        studio.wait(Duration::from_secs(25)).await;
        let contents = studio.owner.read(&*studio.card).unwrap();
        for document in studio.documents(track) {
            let open = studio.card.read(&format!("{}{ending}", document.name));
            let open = open.unwrap();
            assert_eq!(open.len(), document.octets.len());
            assert_eq!(open == document.octets, ending.is_empty(), "{id}");
            // Behind the headers of a JPEG picture all is as it was.
            let behind = 700..;
            assert!(track == "events" || open[behind.clone()] == document.octets[behind]);
        }
        let opened: BTreeSet<_> = contents.documents.iter().map(|(_, o)| o).collect();
        let others = studio.documents(sealed);
        assert!(
            others
                .iter()
                .all(|document| opened.contains(&document.octets))
        );
        assert_eq!(opened.len(), others.len(), "{id}");
    }
}
