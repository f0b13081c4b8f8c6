//! STO-01 and STO-05, and what all rows of STO say of cards on which nothing is.

use std::collections::BTreeMap;

use lightleak_case::Vantage;
use lightleak_judge::{
    decoder::{Decoder, DecoderError, Picture},
    verdict::{
        Assurance,
        Verdict::{Error, Fail, Inconclusive, NotApplicable, Pass},
    },
};

use crate::{
    card::{self, *},
    case::{FOREIGN, OTHER, VIDEO, expect, judge, judge_with, of, watched},
    video::{self, Blind},
};

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
        // Of another scene.
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
    assert_eq!(octets(&case, &finding), jpeg());
}

#[test]
fn structure_tells_without_ledger_and_decoder() {
    let blind = |name: &str, octets: Vec<u8>| {
        let case = changed(|card| card.put(name, octets));
        of(&judge_with(&case, &Blind), "STO-01")
    };
    let whole = movie(&OTHER);
    let clear = "holds an MP4 file with 6 of 6 samples of H.264 in clear";
    expect(&blind("a", whole.clone()), Fail, clear);
    // Behind something else; without its first box its offsets lead nowhere.
    let behind = [&video::random(5, 999)[..], &whole].concat();
    let finding = blind("b", behind);
    expect(&finding, Fail, clear);
    assert!(finding.evidence[0].offset > 999);
    let chain = "NAL units of H.264 behind their lengths";
    expect(&blind("c", whole[20..].to_vec()), Fail, chain);
    let stream = "holds an H.264 byte stream of 6 slices, 176 by 144 samples";
    expect(&blind("d", annex_b(&OTHER)), Fail, stream);
    let units: Vec<u8> = OTHER.iter().flat_map(|unit| prefixed(unit)).collect();
    expect(&blind("e", units), Fail, chain);
    // What is sealed inside of its boxes is no picture, though it is not sealed
    // with age.
    let seal = |(number, unit): (usize, &Vec<Vec<u8>>)| {
        let is_set = |nal: &&Vec<u8>| matches!(nal[0] & 0x1f, 7 | 8);
        let sets = unit.iter().filter(is_set).cloned();
        let rest = unit.iter().filter(|nal| !is_set(nal));
        let rest = rest.map(|nal| video::random(number as u64, nal.len()));
        sets.chain(rest).collect()
    };
    let sealed: Vec<_> = OTHER.iter().enumerate().map(seal).collect();
    expect(&blind("f", movie(&sealed)), Inconclusive, "no mark");
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

impl Decoder for Dead {
    fn decode(&self, _: &[u8], _: usize) -> Result<Vec<Picture>, DecoderError> {
        Err(DecoderError("crashed: signal 11".into()))
    }
}

#[test]
fn whatever_is_neither_sealed_nor_a_list_nor_the_factorys_is_named() {
    for (name, content, words) in [
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
        let case = changed(|card| card.put(name, content.clone()));
        let finding = fails(&case, "STO-05", words);
        assert_eq!(octets(&case, &finding), content);
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
fn plaintext_of_another_device_is_our_own_error() {
    let case = changed(|card| {
        card.put("a", FOREIGN[0].last().unwrap()[300..900].to_vec());
    });
    expect(&of(&judge(&case), "STO-01"), Error, "the search is wrong");
}
