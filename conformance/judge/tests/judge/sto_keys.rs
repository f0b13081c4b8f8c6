//! STO-04, STO-06 and STO-07: keys to what is stored, and where they must not be.

use std::collections::BTreeMap;

use lightleak_case::Vantage;
use lightleak_judge::verdict::Verdict::{Fail, Inconclusive, Pass};
use sha2::{Digest as _, Sha256};

use crate::{
    card::*,
    case::{VIDEO, expect, judge, of},
};

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
