//! STO-01 to STO-07, and cards on which nothing is.

use std::collections::BTreeMap;

use lightleak_case::{Case, Vantage};
use lightleak_judge::{
    report::{Finding, Report},
    verdict::{
        Assurance,
        Verdict::{self, Error, Fail, Inconclusive, NotApplicable, Pass},
    },
};
use sha2::{Digest as _, Sha256};

use crate::{
    card::{self, *},
    case::{FOREIGN, OTHER, VIDEO, expect, judge, judge_with, of, watched},
    video::{self, Blind},
};

const ROWS: [&str; 7] = [
    "STO-01", "STO-02", "STO-03", "STO-04", "STO-05", "STO-06", "STO-07",
];

/// The rows that fail.
fn failures(report: &Report) -> Vec<&str> {
    let failed = report.findings.iter();
    let failed = failed.filter(|f| f.verdict == Fail && f.requirement.starts_with("STO"));
    let mut ids: Vec<_> = failed.map(|f| f.requirement).collect();
    ids.dedup();
    ids
}

/// What is said of an honest card that was changed.
fn changed(change: impl FnOnce(&mut Card)) -> Case {
    let mut card = Card::honest();
    change(&mut card);
    card.case("honest")
}

#[track_caller]
fn fails(case: &Case, id: &str, words: &str) -> Finding {
    let finding = of(&judge(case), id);
    expect(&finding, Fail, words);
    assert!(!finding.evidence.is_empty());
    finding
}

/// The octets that the first piece of evidence points at.
fn octets<'a>(case: &'a Case, finding: &Finding) -> &'a [u8] {
    let evidence = &finding.evidence[0];
    let name = evidence.capture.rsplit_once("/rest/").unwrap().1;
    let file = &case.sessions[0].rest.as_ref().unwrap()[name];
    &file[evidence.offset..evidence.offset + evidence.length]
}

#[test]
fn an_honest_card_passes_whatever_was_done_to_it() {
    for stimulus in ["honest", "power-cut", "forged-clip"] {
        let report = judge(&Card::honest().case(stimulus));
        for id in ROWS {
            expect(&of(&report, id), Pass, "");
        }
        assert_eq!(of(&report, "STO-02").assurance, Some(Assurance::Opened));
        assert_eq!(of(&report, "STO-01").assurance, Some(Assurance::Absence));
        expect(&of(&report, "STO-02"), Pass, "1 were cut");
        let log = report.findings.iter();
        let log = log.filter(|f| f.vantage == Some(Vantage::Log) && f.requirement == "STO-06");
        assert_eq!(log.map(|f| f.verdict).collect::<Vec<_>>(), [Pass]);
    }
}

#[test]
fn a_card_that_nobody_looked_at_is_not_known_and_an_empty_one_needs_no_seal() {
    let nobody = judge(&card::case(card::session("honest", None)));
    let empty = judge(&card::case(card::session("honest", Some(BTreeMap::new()))));
    for id in ROWS.iter().filter(|id| **id != "STO-06") {
        expect(&of(&nobody, id), Inconclusive, "nobody looked at rest");
        expect(&of(&empty, id), NotApplicable, "stored nothing");
    }
    expect(&of(&empty, "STO-06"), NotApplicable, "stored nothing");
    // Factory content is not the device's.
    let mut case = card::case(card::session("honest", Some(BTreeMap::new())));
    let factory = BTreeMap::from([("logo.h264".to_owned(), annex_b(&OTHER))]);
    case.sessions[0].rest = Some(factory.clone());
    case.factory = factory;
    expect(
        &of(&judge(&case), "STO-01"),
        NotApplicable,
        "stored nothing",
    );
    // Who produced nothing had nothing to store.
    case.sessions[0].ledger.tracks.clear();
    expect(&of(&judge(&case), "STO-01"), Inconclusive, "the ledger");
}

#[test]
fn a_camera_on_the_network_stores_too() {
    let mut session = watched(|_, _| {});
    session.keys.push(format!("CREDENTIAL u {PASSWORD}"));
    for (rest, verdict, words) in [
        (None, Inconclusive, "nobody looked at rest"),
        (Some(BTreeMap::new()), NotApplicable, "nothing is"),
        (
            Some(BTreeMap::from([("a".to_owned(), sealed(b"text"))])),
            Pass,
            "",
        ),
        (
            Some(BTreeMap::from([("a".to_owned(), annex_b(&VIDEO))])),
            Fail,
            "",
        ),
    ] {
        session.rest = rest;
        let report = judge(&crate::case::case(vec![session.clone()]));
        for id in ["STO-01", "STO-04", "STO-05"] {
            // Pictures are no key.
            let verdict = match (id, verdict) {
                ("STO-04", Fail) => Pass,
                _ => verdict,
            };
            let words = if id == "STO-04" && verdict == Pass {
                ""
            } else {
                words
            };
            expect(&of(&report, id), verdict, words);
        }
        assert!(!report.findings.iter().any(|f| f.requirement == "STO-02"));
    }
}

#[test]
fn what_lies_on_the_card_in_clear_is_carved_whatever_it_is_called() {
    let clear = annex_b(&VIDEO);
    let slices: Vec<u8> = VIDEO[1..4].iter().flat_map(|unit| prefixed(unit)).collect();
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("video.mp4", movie(&VIDEO), "plays"),
        ("notes.txt", clear.clone(), "plays"),
        // Of another scene: only its structure tells.
        ("a.bin", annex_b(&OTHER), ""),
        ("swap", [video::random(5, 3000), slices].concat(), ""),
        ("thumb", jpeg(), "a JPEG picture of 320 by 180 samples"),
    ];
    for (name, octets, words) in cases {
        let case = changed(|card| card.put(name, octets));
        let finding = fails(&case, "STO-01", words);
        assert!(finding.reason.contains(name), "{}", finding.reason);
        assert_eq!(failures(&judge(&case))[0], "STO-01");
        fails(&case, "STO-05", name);
    }
    // The evidence points at what was found.
    let case = changed(|card| card.put("thumb", [b"..", &jpeg()[..]].concat()));
    let finding = fails(&case, "STO-01", "JPEG");
    assert_eq!(self::octets(&case, &finding), jpeg());
}

/// A picture that every decoder of baseline JPEG would begin to read.
fn jpeg() -> Vec<u8> {
    let mut octets = vec![0xff, 0xd8];
    octets.extend([0xff, 0xc0, 0, 11, 8, 0, 180, 1, 64, 1, 1, 0x11, 0]);
    octets.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    octets.extend([0x55; 200]);
    octets.extend([0xff, 0xd9]);
    octets
}

#[test]
fn what_came_from_the_factory_and_ciphertext_are_no_picture() {
    let mut case = changed(|card| {
        card.put("logo.h264", annex_b(&OTHER));
        card.put("logo.jpg", jpeg());
    });
    let rest = case.sessions[0].rest.as_ref().unwrap();
    let logos = rest.iter().filter(|(name, _)| name.starts_with("logo"));
    case.factory = logos.map(|(n, o)| (n.clone(), o.clone())).collect();
    for id in ROWS {
        expect(&of(&judge(&case), id), Pass, "");
    }
    // Changed by one octet it is not the factory's any more.
    for octets in case.factory.values_mut() {
        octets.pop();
    }
    assert_eq!(failures(&judge(&case)), ["STO-01", "STO-05"]);
}

#[test]
fn a_decoder_that_crashes_hides_nothing_and_lets_nothing_pass() {
    let report = judge_with(&Card::honest().case("honest"), &Blind);
    expect(&of(&report, "STO-01"), Inconclusive, "no mark");
    let dead = judge_with(&Card::honest().case("honest"), &Dead);
    for id in ROWS {
        expect(&of(&dead, id), Error, "signal 11");
    }
    let case = changed(|card| card.put("thumb", jpeg()));
    expect(&of(&judge_with(&case, &Dead), "STO-01"), Fail, "JPEG");
}

struct Dead;

impl lightleak_judge::decoder::Decoder for Dead {
    fn decode(
        &self,
        _: &[u8],
        _: usize,
    ) -> Result<Vec<lightleak_judge::decoder::Picture>, lightleak_judge::decoder::DecoderError>
    {
        Err(lightleak_judge::decoder::DecoderError(
            "crashed: signal 11".into(),
        ))
    }
}

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

#[test]
fn a_key_beside_the_clips_is_found_however_it_is_written() {
    let sealer = ByHand::sound(4);
    let identity = [0x42; 32];
    let key = sealer.file_key;
    for (text, words) in [
        (hex(&key), "the file key of"),
        (hex(&key).to_uppercase(), "Hex"),
        (base64(&key), "Base64"),
        (format!("key {IDENTITY}\n"), "AGE_IDENTITY"),
        (IDENTITY.to_lowercase(), "AGE_IDENTITY"),
        (PASSWORD.to_owned(), "password of viewer"),
    ] {
        let case = changed(|card| {
            card.clip(FIRST, sealer.seal(&movie(&VIDEO)), true);
            card.put("config.txt", text.clone());
        });
        let finding = fails(&case, "STO-04", words);
        assert!(finding.evidence[0].capture.ends_with("rest/config.txt"));
        fails(&case, "STO-06", "lies open");
        // Even if it lay there from the factory.
        let mut case = case;
        case.factory = BTreeMap::from([("config.txt".to_owned(), text.into_bytes())]);
        fails(&case, "STO-04", words);
    }
    // An identity of one octet alone is too much like nothing to be looked for.
    let case = changed(|card| card.put("raw", identity));
    assert_eq!(failures(&judge(&case)), ["STO-05"]);
}

#[test]
fn a_key_that_nobody_escrowed_is_found_by_trying() {
    let stranger = age::x25519::Identity::generate();
    let clip = sealed_to(&stranger.to_public(), &movie(&VIDEO));
    let text = {
        use age::secrecy::ExposeSecret as _;
        stranger.to_string().expose_secret().to_owned()
    };
    let other = |name: &str, octets: Vec<u8>| {
        changed(|card| {
            card.put("clip-7.mp4.age", clip.clone());
            card.put(name, octets);
        })
    };
    let case = other("backup.json", format!("{{\"key\":\"{text}\"}}").into());
    let finding = fails(&case, "STO-04", "lies a key to clip-7.mp4.age");
    assert_eq!(octets(&case, &finding), text.as_bytes());
    let report = judge(&other("empty", Vec::new()));
    expect(
        &of(&report, "STO-04"),
        Pass,
        "1 files that no escrowed identity opens",
    );
    expect(&of(&report, "STO-05"), Pass, "");
}

#[test]
fn keys_that_outlive_a_reset_are_seen_through() {
    let sealer = |secret: &str| ByHand {
        file_key: Sha256::digest(secret)[..16].try_into().unwrap(),
        ..ByHand::sound(5)
    };
    for secret in [
        "serial",
        "SERIAL",
        "serial:model",
        "1767225600000",
        "1767225604",
    ] {
        let clip = sealer(secret).seal(&movie(&VIDEO));
        let case = changed(|card| card.clip(FIRST, clip, true));
        for id in ["STO-04", "STO-07"] {
            fails(&case, id, "is made of what everybody knows: SHA-256 of");
        }
    }
    // Nobody escrowed an identity.
    let clip = sealer("serial-192.0.2.20").seal(&movie(&VIDEO));
    let mut case = changed(|card| card.clip(FIRST, clip, true));
    case.sessions[0].keys.remove(0);
    fails(&case, "STO-04", "is made of what everybody knows");
    // The same for all clips.
    let (first, second) = (ByHand::sound(1), ByHand::sound(2));
    let second = ByHand {
        file_key: first.file_key,
        ..second
    };
    let case = changed(|card| {
        card.clip(FIRST, first.seal(&movie(&VIDEO)), true);
        card.clip(SECOND, second.seal(&movie(&VIDEO)), true);
    });
    fails(&case, "STO-07", "have the same file key");
    assert_eq!(failures(&judge(&case)), ["STO-03", "STO-07"]);
}

#[test]
fn whatever_is_neither_sealed_nor_a_list_nor_the_factorys_is_named() {
    for (name, octets, words) in [
        (
            "index.m3u8",
            b"#EXTM3U\nclip-1.mp4\n".to_vec(),
            "text in clear",
        ),
        (
            "faces.db",
            video::random(1, 4000),
            "neither sealed with age",
        ),
        (
            "odd.age",
            b"age-encryption.org/v2\n-> X\n".to_vec(),
            "no whole age file",
        ),
    ] {
        let case = changed(|card| card.put(name, octets.clone()));
        let finding = fails(&case, "STO-05", words);
        assert_eq!(self::octets(&case, &finding), octets);
        assert_eq!(failures(&judge(&case)), ["STO-05"]);
    }
    // Behind what is sealed, or where a chunk was cut.
    let text = b"and something in clear that is not short";
    let whole = sealed(&vec![0; 2 * CHUNK]);
    let cut = &whole[..whole.len() - CHUNK - 16];
    for sealed in [&whole[..], cut] {
        let hidden = [sealed, text].concat();
        let case = changed(|card| card.put("clip-3.age", hidden));
        let finding = fails(&case, "STO-05", "not sealed in 40 octets");
        assert_eq!(octets(&case, &finding), text);
    }
    // Nothing is in these.
    let case = changed(|card| {
        card.put("empty", []);
        card.put("zeros", [0; 4096]);
        card.put("sealed.json.age", sealed(b"{}"));
    });
    expect(&of(&judge(&case), "STO-05"), Pass, "");
}

#[test]
fn a_log_tells_no_secret_and_shows_no_frame() {
    let sealer = ByHand::sound(6);
    let frame = VIDEO[0].last().unwrap();
    for (line, words) in [
        (format!("debug: viewer {PASSWORD}"), "password of viewer"),
        (format!("identity {IDENTITY}"), "AGE_IDENTITY"),
        (format!("key={}", hex(&sealer.file_key)), "the file key of"),
        (format!("frame {}", base64(&frame[300..600])), "track video"),
    ] {
        let mut case = changed(|card| card.clip(FIRST, sealer.seal(&movie(&VIDEO)), true));
        case.sessions[0].log.push_str(&line);
        let report = judge(&case);
        let log = report.findings.iter().find(|f| {
            (f.requirement, f.vantage, f.verdict) == ("STO-06", Some(Vantage::Log), Fail)
        });
        let log = log.unwrap_or_else(|| panic!("{line}"));
        assert!(log.reason.contains(words), "{}", log.reason);
        assert!(log.evidence[0].capture.ends_with("log.txt"));
        assert_eq!(failures(&report), ["STO-06"]);
    }
    let mut case = Card::honest().case("honest");
    case.sessions[0].keys.clear();
    expect(
        &of(&judge(&case), "STO-06"),
        Inconclusive,
        "no secret was escrowed",
    );
}

#[test]
fn plaintext_of_another_device_is_our_own_error() {
    let case = changed(|card| {
        card.put("a", FOREIGN[0].last().unwrap()[300..900].to_vec());
    });
    let verdict = |id| -> Verdict { of(&judge(&case), id).verdict };
    assert_eq!(verdict("STO-01"), Error);
}
