//! STO-02 and STO-03: how clips are sealed and vouched for.

use lightleak_judge::verdict::Verdict::{Fail, Inconclusive, Pass};
use sha2::{Digest as _, Sha256};

use crate::{
    card::{self, *},
    case::{OTHER, VIDEO, expect, judge, of},
    video,
};

#[test]
fn chunks_that_are_not_at_their_place_are_named() {
    let movie = movie(&VIDEO);
    let sound = ByHand::sound(1).seal(&movie);
    expect(
        &of(
            &judge(&changed(|card| card.clip(FIRST, sound.clone(), true))),
            "STO-02",
        ),
        Pass,
        "",
    );
    type Counter = fn(u64, bool) -> (u64, bool);
    let wrong: [(Counter, &str); 4] = [
        (
            |n, _| (n, false),
            "ends the file and is not marked as final",
        ),
        (
            |_, last| (0, last),
            "has counter 0, like the chunk before it",
        ),
        (|n, last| (n ^ 1, last), "where 0 is due"),
        (|n, _| (n, true), "is marked as final, and"),
    ];
    for (counter, words) in wrong {
        let sealer = ByHand {
            counter,
            ..ByHand::sound(1)
        };
        let case = changed(|card| card.clip(FIRST, sealer.seal(&movie), true));
        let finding = fails(&case, "STO-02", words);
        assert!(finding.reason.starts_with(FIRST), "{}", finding.reason);
    }
    // A flipped bit, in the first chunk and in a tag.
    let chunk = sound.len() - (movie.len() + 16 * movie.len().div_ceil(CHUNK));
    for at in [chunk + 5, chunk + CHUNK + 3] {
        let mut octets = sound.clone();
        octets[at] ^= 1;
        let case = changed(|card| card.clip(FIRST, octets, true));
        fails(&case, "STO-02", "chunk 0 at offset");
    }
}

#[test]
fn a_cut_clip_opens_to_its_last_whole_chunk_if_nobody_calls_it_complete() {
    let whole = ByHand::sound(1).seal(&movie(&VIDEO));
    let header = whole.len() - (movie(&VIDEO).len() + 16 * movie(&VIDEO).len().div_ceil(CHUNK));
    for length in [
        30,
        header - 3,
        header,
        header + 1,
        header + CHUNK + 16,
        header + 2 * CHUNK + 99,
        whole.len() - 1,
    ] {
        let cut = &whole[..length];
        let report = judge(&changed(|card| card.clip(SECOND, cut.to_vec(), false)));
        expect(&of(&report, "STO-02"), Pass, "1 were cut");
        expect(&of(&report, "STO-05"), Pass, "");
        let case = changed(|card| card.clip(SECOND, cut.to_vec(), true));
        fails(&case, "STO-02", "the file ends");
    }
    // More than is vouched for was written, or less.
    let more = changed(|card| {
        card.vouch(SECOND, &whole[..header + 9], false);
        card.put(SECOND, whole.clone());
    });
    expect(&of(&judge(&more), "STO-02"), Pass, "");
    let less = changed(|card| {
        card.vouch(SECOND, &whole, false);
        card.put(SECOND, &whole[..header + 9]);
    });
    fails(&less, "STO-02", "the device vouches for");
}

#[test]
fn the_device_vouches_for_its_own_clips_only() {
    let forged = sealed(&movie(&OTHER));
    // On the card alone it is nobody's word.
    let beside = changed(|card| card.put("clip-9.mp4.age", forged.clone()));
    expect(&of(&judge(&beside), "STO-02"), Pass, "2 clips");
    let adopted = changed(|card| card.clip("clip-9.mp4.age", forged.clone(), true));
    let finding = fails(
        &adopted,
        "STO-02",
        "6 units in it are none that it produced",
    );
    assert!(finding.evidence[0].capture.ends_with("rest/clip-9.mp4.age"));
    // Under the name of a clip that is listed.
    let swapped = changed(|card| card.put(FIRST, forged.clone()));
    fails(&swapped, "STO-02", "the device vouches for");
    let same_length = changed(|card| {
        let mut octets = card.files[FIRST].clone();
        let last = octets.len() - 1;
        octets[last] ^= 1;
        card.put(FIRST, octets);
    });
    fails(&same_length, "STO-02", "its SHA-256 is another");
    // Somebody writes into the list.
    let mut line = format!("clip x.age 1 1 0 {} closed\n", "0f".repeat(32));
    line += &format!("signature {}\n", "00".repeat(64));
    let scribbled = changed(|card| card.scribble(&line));
    let finding = fails(&scribbled, "STO-02", "is no signature of the device");
    assert!(octets(&scribbled, &finding).starts_with(b"signature 00"));
    fails(&scribbled, "STO-05", "no clip list of the device");
    // Power is cut while it is written.
    let cut = changed(|card| card.scribble("clip x.ag"));
    expect(&of(&judge(&cut), "STO-02"), Pass, "");
}

#[test]
fn without_a_list_nobody_can_tell_a_clip_from_a_forged_one() {
    let clips = || Card::honest().files;
    let report = |stimulus| judge(&card::case(card::session(stimulus, Some(clips()))));
    expect(
        &of(&report("honest"), "STO-02"),
        Fail,
        "there is no clip list",
    );
    expect(
        &of(&report("power-cut"), "STO-02"),
        Inconclusive,
        "no clip list",
    );
    // A list that vouches for nothing that is there.
    let mut card = Card::honest();
    card.files.clear();
    let gone = judge(&card.case("honest"));
    expect(
        &of(&gone, "STO-02"),
        Inconclusive,
        "none is there, and 2 are gone",
    );
    let empty = judge(&Card::new().case("honest"));
    for id in ["STO-02", "STO-03", "STO-07"] {
        expect(&of(&empty, id), Inconclusive, "");
    }
    // The key of the list is not declared.
    let mut case = Card::honest().case("honest");
    case.declaration.device.clip_list_key = None;
    for id in ["STO-02", "STO-05"] {
        expect(
            &of(&judge(&case), id),
            Inconclusive,
            "the key is not 32 octets",
        );
    }
}

#[test]
fn a_clip_that_is_not_sealed_with_age_authenticates_nothing() {
    for (octets, words) in [
        (movie(&VIDEO), "it is no age file"),
        (ecb(&movie(&VIDEO)), "repeat as in ECB"),
        (video::random(3, 200_000), "it is no age file"),
    ] {
        let case = changed(|card| card.clip(FIRST, octets, true));
        fails(&case, "STO-02", words);
        fails(&case, "STO-05", FIRST);
        // Nor does another declaration help.
        let mut case = case;
        case.declaration.paths[0].end_to_end = lightleak_case::EndToEnd::None;
        fails(&case, "STO-02", words);
    }
}

/// Equal blocks of 16 octets are equal afterwards; others are random.
fn ecb(plaintext: &[u8]) -> Vec<u8> {
    let block = |block: &[u8]| Sha256::digest(block)[..16].to_vec();
    let mut sealed: Vec<u8> = plaintext.chunks(16).flat_map(block).collect();
    // Blocks that stand alone and repeat, as they do in pictures.
    for pair in 0..6 {
        let from = 200_000 / 16 * 16 + 160 * pair;
        sealed.resize(sealed.len().max(from + 4000), 7);
        let noise = video::random(pair as u64, 2000);
        sealed.extend(&noise);
        sealed.extend(&noise[160..176]);
        sealed.extend(video::random(100 + pair as u64, 1600));
    }
    sealed
}

#[test]
fn keys_and_nonces_that_come_twice_are_found() {
    let (first, second) = (ByHand::sound(1), ByHand::sound(2));
    let other = [movie(&VIDEO), vec![0; 9]].concat();
    let verdict = |second: &ByHand| {
        let case = changed(|card| {
            card.clip(FIRST, first.seal(&movie(&VIDEO)), true);
            card.clip(SECOND, second.seal(&other), true);
        });
        of(&judge(&case), "STO-03")
    };
    expect(&verdict(&second), Pass, "2 clips have a file key");
    for (again, words) in [
        (
            ByHand {
                file_key: first.file_key,
                ..second.clone()
            },
            "have the same file key",
        ),
        (
            ByHand {
                nonce: first.nonce,
                ..second.clone()
            },
            "have the same nonce",
        ),
        (
            ByHand {
                ephemeral: first.ephemeral,
                ..second.clone()
            },
            "have the same ephemeral share",
        ),
    ] {
        expect(&verdict(&again), Fail, words);
    }
    let both = ByHand {
        nonce: first.nonce,
        file_key: first.file_key,
        ..second.clone()
    };
    let found = verdict(&both);
    let chunks = found.evidence.iter().find(|e| e.why.contains("chunks of"));
    assert!(chunks.unwrap().why.contains("that sealed something else"));
    // Within a file.
    let stuck = ByHand {
        counter: |_, last| (0, last),
        ..second.clone()
    };
    expect(
        &verdict(&stuck),
        Fail,
        "1 chunks of clip-1767225608000.mp4.age",
    );
}

#[test]
fn copies_of_a_file_are_no_reuse() {
    let report = judge(&changed(|card| {
        let octets = card.files[FIRST].clone();
        card.put("backup.age", octets.clone());
        card.put("cut.age", &octets[..octets.len() - 70_000]);
    }));
    for id in ROWS {
        expect(&of(&report, id), Pass, "");
    }
}
