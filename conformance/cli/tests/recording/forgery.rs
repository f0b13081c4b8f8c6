//! Somebody had the card in hand.

use std::{sync::Arc, time::Duration};

use lightleak::disk::MemoryDisk;
use lightleak_sim::{
    h264::STREAMS,
    record::list::{self, ListError, ListWriter},
    seal::{
        keys::{ListKey, OwnerIdentity},
        recording::{self, ClipFile, ClipWriter},
    },
    viewer::recording::Refusal,
    world::Disk,
};
use proptest::prelude::*;

use crate::studio::Studio;

async fn studio() -> Studio {
    let studio = Studio::record(STREAMS[0], Duration::from_secs(18)).await;
    let contents = studio.contents();
    assert_eq!(contents.clips.len(), 2);
    assert!(contents.refused.is_empty());
    studio
}

fn replace(card: &MemoryDisk, name: &str, octets: &[u8]) {
    card.remove(name).unwrap();
    card.create(name).unwrap();
    card.append(name, octets).unwrap();
}

/// Why that file is refused.
fn refusal(studio: &Studio, name: &str) -> Refusal {
    let mut refused = studio.contents().refused.into_iter();
    let found = refused.find(|(file, _)| file == name);
    found.unwrap_or_else(|| panic!("{name} is believed")).1
}

#[tokio::test(start_paused = true)]
async fn an_altered_clip_is_refused() {
    let studio = studio().await;
    let name = studio.names("clip-")[0].clone();
    let sound = studio.card.read(&name).unwrap();
    for at in [0, 100, sound.len() / 2, sound.len() - 1] {
        let mut altered = sound.clone();
        altered[at] ^= 1;
        replace(&studio.card, &name, &altered);
        assert!(matches!(refusal(&studio, &name), Refusal::Altered), "{at}");
    }
    replace(&studio.card, &name, &sound[..sound.len() - 1]);
    assert!(matches!(refusal(&studio, &name), Refusal::Altered));
    replace(&studio.card, &name, &sound);
    assert_eq!(studio.contents().clips.len(), 2, "sound again");
}

/// Everybody who saw a clip's recipient can seal one to it.
#[tokio::test(start_paused = true)]
async fn a_forged_clip_is_refused_though_it_opens() {
    let studio = studio().await;
    let forge = |name: &str| {
        let recipient = studio.owner.identity.recipient();
        let mut clip = Box::new(ClipWriter::create(studio.card.clone(), name, &recipient).unwrap());
        clip.write(b"\0\0\0\x08free").unwrap();
        clip.finish().unwrap();
        let sealed = studio.card.read(name).unwrap();
        assert!(recording::open(&sealed, &studio.owner.identity).is_ok());
    };
    let added = "clip-1767225600001.mp4.age";
    forge(added);
    assert!(matches!(refusal(&studio, added), Refusal::Unlisted));
    let replaced = studio.names("clip-")[0].clone();
    studio.card.remove(&replaced).unwrap();
    forge(&replaced);
    assert!(matches!(refusal(&studio, &replaced), Refusal::Altered));
}

#[tokio::test(start_paused = true)]
async fn a_list_of_another_key_is_refused_and_vouches_for_nothing() {
    let studio = studio().await;
    let name = studio.names("clips-")[0].clone();
    let list = studio.card.read(&name).unwrap();
    let entries = list::verify(&list, &studio.owner.device).unwrap();
    studio.card.remove(&name).unwrap();
    let key = ListKey::from_seed(&[2; 32]).unwrap();
    let mut forged = ListWriter::create(studio.card.clone(), name.clone(), "LL-1", key).unwrap();
    for entry in entries.values() {
        forged.add(entry).unwrap();
    }
    assert!(matches!(
        refusal(&studio, &name),
        Refusal::List(ListError::Forged { line: 3 })
    ));
    assert!(studio.contents().clips.is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_change_of_a_list_is_noticed() {
    let studio = studio().await;
    let list = studio.card.read(&studio.names("clips-")[0]).unwrap();
    let key = &studio.owner.device;
    let sound = list::verify(&list, key).unwrap();
    let lines: Vec<&[u8]> = list.split_inclusive(|octet| *octet == b'\n').collect();
    assert!(lines.len() > 6, "{} lines", lines.len());

    for at in 0..list.len() {
        let mut changed = list.clone();
        changed[at] ^= 1;
        assert_ne!(
            list::verify(&changed, key).ok(),
            Some(sound.clone()),
            "octet {at}"
        );
    }
    let arranged = |order: &[usize]| {
        let text: Vec<u8> = order
            .iter()
            .flat_map(|line| lines[*line])
            .copied()
            .collect();
        list::verify(&text, key)
    };
    for order in [&[0, 3, 4, 1, 2][..], &[0, 1, 2, 1, 2], &[0, 3, 4], &[1, 2]] {
        assert!(arranged(order).is_err(), "{order:?}");
    }
    // A tail without a whole signature was cut by power.
    assert_eq!(arranged(&[0, 1, 2, 3]), arranged(&[0, 1, 2]));
    let end = lines[..3].concat().len();
    let cut = list::verify(&list[..end + 200], key);
    assert_eq!(cut, arranged(&[0, 1, 2]));
}

#[tokio::test(start_paused = true)]
async fn another_owner_opens_nothing() {
    let mut studio = studio().await;
    studio.owner.identity = OwnerIdentity::generate();
    let contents = studio.contents();
    assert!(contents.clips.is_empty());
    assert_eq!(contents.refused.len(), 2);
    let opens = |(_, refusal): &(String, Refusal)| matches!(refusal, Refusal::Open(_));
    assert!(contents.refused.iter().all(opens), "{:?}", contents.refused);
}

proptest! {
    #[test]
    fn a_list_of_anything_never_panics(
        text in "(lightleak-clips 1 LL\n)?((clip [a-z ]{0,9}|signature ([0-9a-f]{2}){0,70}|clip a 1 2 3 [0-9a-f]{64} open)\n?){0,6}",
        octets in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let key = ListKey::from_seed(&[2; 32]).unwrap().public();
        for list in [text.as_bytes(), &octets] {
            prop_assert!(list::verify(list, &key).is_ok_and(|l| l.is_empty())
                || list::verify(list, &key).is_err());
        }
        let card = Arc::new(MemoryDisk::default());
        card.create("clips-1.txt").unwrap();
        card.append("clips-1.txt", &octets).unwrap();
        prop_assert!(recording::open(&octets, &OwnerIdentity::generate()).is_err());
    }
}
