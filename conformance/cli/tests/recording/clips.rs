//! What the owner finds on the card, and what anybody else does.

use std::{collections::HashSet, io::Read, iter, time::Duration};

use age::{Decryptor, x25519::Identity};
use lightleak::{
    stimulus,
    target::{
        plan::Plan,
        sim::{SimTarget, VIDEO},
    },
};
use lightleak_case::{Carriage, Case, EndToEnd, Hop, Session};
use lightleak_sim::{record::MOST_CLIPS, record::mp4, world::Disk};

use crate::studio::Studio;

/// Octets in a row that give a picture away.
const NEEDLE: usize = 24;

#[tokio::test(start_paused = true)]
async fn clips_hold_every_access_unit_as_it_was_produced() {
    let studio = Studio::record(VIDEO, Duration::from_secs(25)).await;
    let units = studio.units();
    let contents = studio.contents();
    assert!(contents.refused.is_empty(), "{:?}", contents.refused);
    let [first, second, third] = contents.clips.as_slice() else {
        panic!("{:?}", studio.card);
    };
    assert_eq!(
        [first, second, third].map(|clip| clip.entry.closed),
        [true, true, false]
    );

    let frames = |clip: &lightleak_sim::viewer::recording::Clip| clip.footage.samples.clone();
    let produced = |range: std::ops::Range<usize>| {
        let units = units[range].iter().map(|unit| unit.nal_units.clone());
        units.collect::<Vec<_>>()
    };
    // 15 frames a second, a key frame every 30, 10 seconds a clip, and the
    // group of pictures before.
    assert_eq!(frames(first), produced(0..150));
    assert_eq!(frames(second), produced(120..300));
    let third = frames(third);
    assert_eq!(third, produced(270..270 + third.len()));
    assert!(third.len() >= 60, "{} frames", third.len());
    for (clip, first) in [(&contents.clips[0], 0), (&contents.clips[1], 120)] {
        assert!(units[first].key_frame);
        let milliseconds = clip.footage.samples.len() as u64 * 1000 / 15;
        assert_eq!(clip.entry.duration, milliseconds);
        assert_eq!(u128::from(clip.entry.start), units[first].taken.as_millis());
    }
}

/// 50 packets a second, from the key frame that the clip begins with.
#[tokio::test(start_paused = true)]
async fn clips_hold_the_sound_from_their_pre_roll_on() {
    let studio = Studio::record(VIDEO, Duration::from_secs(21)).await;
    let produced: Vec<_> = studio.packets().into_iter().map(|p| p.octets).collect();
    let contents = studio.contents();
    let [first, second] = &contents.clips[..2] else {
        panic!("{:?}", studio.card);
    };
    for (clip, packets) in [(first, 0..500), (second, 400..1000)] {
        let sound = &clip.footage.sound;
        assert!(
            sound == &produced[packets.clone()],
            "{packets:?}: {}",
            sound.len()
        );
    }
    let third = &contents.clips[2..];
    assert!(third.is_empty(), "{third:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clip_opens_with_the_owners_identity_and_no_other() {
    let studio = Studio::record(VIDEO, Duration::from_secs(11)).await;
    let name = &studio.names("clip-")[0];
    let sealed = studio.card.read(name).unwrap();
    let escrow = studio.owner.identity.escrow();
    let words: Vec<_> = escrow.split(' ').collect();
    let ["AGE_IDENTITY", recipient, identity] = words[..] else {
        panic!("{} words", words.len());
    };
    let identity: Identity = identity.parse().unwrap();
    assert_eq!(identity.to_public().to_string(), recipient);

    let open = |identity: &Identity| {
        Decryptor::new(&sealed[..])
            .unwrap()
            .decrypt(iter::once(identity as &dyn age::Identity))
    };
    let mut plaintext = Vec::new();
    open(&identity)
        .unwrap()
        .read_to_end(&mut plaintext)
        .unwrap();
    assert_eq!(mp4::read(&plaintext).unwrap().samples.len(), 150);
    assert_eq!(mp4::read(&plaintext).unwrap().whole, plaintext.len());
    let other = open(&Identity::generate()).err().unwrap();
    assert!(matches!(other, age::DecryptError::NoMatchingKeys));
}

#[tokio::test(start_paused = true)]
async fn no_run_of_the_ledger_and_no_key_lies_on_the_card() {
    let studio = Studio::record(VIDEO, Duration::from_secs(13)).await;
    let stored: Vec<u8> = studio.card.files().into_values().flatten().collect();
    let runs: HashSet<&[u8]> = stored.windows(NEEDLE).collect();
    let units = studio.units();
    let packets = studio.packets();
    let nal_units = units.iter().flat_map(|unit| &unit.nal_units);
    let video = nal_units.flat_map(|nal| nal.windows(NEEDLE));
    let sound = packets.iter().flat_map(|p| p.octets.windows(NEEDLE));
    let needles: Vec<&[u8]> = video.chain(sound).collect();
    assert!(needles.len() > 500_000, "{} needles", needles.len());
    let found = needles.iter().filter(|needle| runs.contains(*needle));
    assert_eq!(found.count(), 0);
    for clear in [&b"AGE-SECRET-KEY"[..], b"ftyp", b"moof", b"avc3", b"ulaw"] {
        assert!(!stored.windows(clear.len()).any(|run| run == clear));
    }
}

#[test]
fn a_session_stores_the_card_the_escrow_and_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("case");
    let plan = Plan {
        stimuli: stimulus::ALL
            .iter()
            .copied()
            .filter(|stimulus| ["honest", "power-cut", "forged-clip"].contains(&stimulus.id))
            .collect(),
        ..Plan::everything(3, &out, 2)
    };
    SimTarget::HONEST.record(&plan, &()).unwrap();
    let case = Case::read(plan.out).unwrap();
    let session = |path: &str, stimulus: &str| -> &Session {
        let is_it = |s: &&Session| s.record.path == path && s.record.stimulus == stimulus;
        case.sessions.iter().find(is_it).unwrap()
    };
    assert_eq!(case.sessions.len(), 7, "no power-cut over the network");
    assert!(case.factory.is_empty());

    let claim = case.declaration.path("owner.recording").unwrap();
    assert_eq!(
        (claim.carriage, claim.hop, claim.end_to_end),
        (Carriage::Recording, Hop::None, EndToEnd::Age)
    );
    let paths = case.declaration.endpoints.iter().map(|e| e.path.as_str());
    assert_eq!(
        paths.collect::<Vec<_>>(),
        ["nvr.rtsps", "nvr.srtp", "app.webrtc", "portal.webrtc"]
    );
    let key = case.declaration.device.clip_list_key.as_ref().unwrap();
    assert_eq!(key.len(), 64);

    for session in &case.sessions {
        let rest = session.rest.as_ref().unwrap();
        assert!(rest.len() >= 2, "{:?}", rest.keys());
        let escrowed = session
            .keys
            .iter()
            .filter(|l| l.starts_with("AGE_IDENTITY"));
        assert_eq!(escrowed.count(), 1);
        let credential = session
            .keys
            .iter()
            .filter_map(|l| l.strip_prefix("CREDENTIAL "))
            .find(|l| l.starts_with("viewer "));
        let (user, password) = credential.unwrap().split_once(' ').unwrap();
        assert_eq!((user, password.len()), ("viewer", 20));
        let log = &session.log;
        assert!(log.contains("lightleak_sim::record: clip begins"), "{log}");
    }
    let watched = session("nvr.rtsps", "honest");
    assert!(watched.log.contains("rustls::"), "{}", watched.log);
    for stimulus in ["honest", "power-cut"] {
        let experience = &session("owner.recording", stimulus).record.experience;
        assert!(experience.access_units > 150, "{experience:?}");
        let steps = experience.steps.join(", ");
        assert!(
            steps.contains("complete") && !steps.contains("failed"),
            "{steps}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_clip_makes_room_on_a_full_card() {
    let studio = Studio::start(VIDEO).await;
    let old: Vec<_> = (0..MOST_CLIPS)
        .map(|n| format!("clip-{n:013}.old"))
        .collect();
    for name in &old {
        studio.card.create(name).unwrap();
    }
    studio.wait(Duration::from_secs(1)).await;
    let left = studio.names("clip-");
    assert_eq!(left.len(), MOST_CLIPS);
    assert_eq!(left[..MOST_CLIPS - 1], old[1..]);
}

#[test]
fn a_factory_image_is_on_the_card_and_in_the_case() {
    let folder = tempfile::tempdir().unwrap();
    for id in ["decoy.boot-logo", "decoy.lookalike-data"] {
        let out = folder.path().join("case");
        let plan = Plan {
            stimuli: vec![stimulus::ALL[0]],
            ..Plan::everything(3, &out, 2)
        };
        SimTarget::find(id).unwrap().record(&plan, &()).unwrap();
        let case = Case::read(plan.out).unwrap();
        let [(name, octets)] = &Vec::from_iter(&case.factory)[..] else {
            panic!("{:?}", case.factory.keys());
        };
        assert!(octets.starts_with(&[0, 0, 0, 1, 0x67]));
        for session in &case.sessions {
            let rest = session.rest.as_ref().unwrap();
            assert_eq!(rest.get(*name), Some(*octets), "{id}");
            assert!(rest.len() >= 3, "{id}");
        }
    }
}

/// The owner finds the clip of somebody else, and does not believe it.
#[test]
fn a_clip_that_was_put_there_is_refused_and_the_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let forged = |target: SimTarget| {
        let is_it = |s: &&&stimulus::Stimulus| s.id == "forged-clip";
        let out = folder.path().join("case");
        let plan = Plan {
            stimuli: stimulus::ALL.iter().filter(is_it).copied().collect(),
            ..Plan::everything(4, &out, 2)
        };
        target.record(&plan, &()).unwrap();
        let case = Case::read(plan.out).unwrap();
        let [session] = &case.sessions[..] else {
            panic!("{} sessions", case.sessions.len());
        };
        let steps = session.record.experience.steps.clone();
        let put = steps[0].strip_suffix(": put there by somebody else");
        let put = put.unwrap_or_else(|| panic!("{steps:?}")).to_owned();
        let found = steps[1..].iter().find(|step| step.starts_with(&put));
        (
            found.unwrap().clone(),
            session.record.experience.access_units,
        )
    };
    let (honest, units) = forged(SimTarget::HONEST);
    assert!(honest.ends_with("no list vouches for it"), "{honest}");
    assert!(units >= 150, "{units}");
    let (faulty, more) = forged(SimTarget::find("clip.forged").unwrap());
    assert!(faulty.ends_with("complete, 20 access units"), "{faulty}");
    assert_eq!(more, units + 20);
}
