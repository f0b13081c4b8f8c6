//! One changed bit, a file less, more or elsewhere: refused, and named.

use std::{fs, path::Path};

use lightleak::bundle::{
    KEY, SALTS, STATEMENT,
    envelope::{Envelope, IN_TOTO},
    key::public_pem,
    redact::redact,
    statement::{SALTED, Statement},
    verify::{Checked, check},
};
use proptest::prelude::*;

use crate::support::{Made, PASSWORD, TOKEN, archive, files, make};

fn checked(made: &Made, octets: &[u8], trusted: bool) -> Checked {
    let file = made.folder.path().join("changed.tar");
    fs::write(&file, octets).unwrap();
    let key = made.key.verifying_key();
    check(&file, trusted.then_some(&key), None).unwrap()
}

fn named(checked: &Checked, file: &str) -> bool {
    checked.problems.iter().any(|problem| problem.file == file)
}

/// Where each file of a bundle ends, its header and padding with it.
fn ends(bundle: &Path) -> Vec<(String, usize)> {
    let mut end = 0;
    let place = |(name, content): (String, Vec<u8>)| {
        end += 512 + content.len().next_multiple_of(512);
        (name, end)
    };
    files(bundle).into_iter().map(place).collect()
}

#[test]
fn any_flipped_bit_is_found_and_named() {
    let made = make(false);
    let sound = fs::read(&made.bundle).unwrap();
    let ends = ends(&made.bundle);
    assert!(checked(&made, &sound, true).problems.is_empty());
    let whose = |at: usize| {
        let file = ends.iter().find(|(_, end)| at < *end);
        file.map_or("", |(name, _)| name.as_str())
    };
    let flip = |at: usize, bit: u8, trusted: bool| {
        let mut octets = sound.clone();
        octets[at] ^= 1 << bit;
        let checked = checked(&made, &octets, trusted);
        let file = whose(at);
        assert!(
            named(&checked, file),
            "bit {bit} of octet {at} in {file:?}: {:?}",
            checked.problems
        );
    };
    // The small files that the others are checked with, octet by octet.
    let (_, end) = ends
        .iter()
        .rfind(|(name, _)| [KEY, SALTS].contains(&name.as_str()))
        .unwrap();
    let (_, start) = ends.iter().find(|(name, _)| name == STATEMENT).unwrap();
    for at in (0..512).chain(*start..*end) {
        flip(at, (at % 8) as u8, at % 2 == 0);
    }
    let config = ProptestConfig::with_cases(1000);
    proptest!(config, |(at in 0..sound.len(), bit in 0..8_u8, trusted: bool)| {
        flip(at, bit, trusted);
    });
}

#[test]
fn files_that_are_missing_added_or_renamed_are_named() {
    let made = make(false);
    let sound = files(&made.bundle);
    for index in 0..sound.len() {
        let mut less = sound.clone();
        let (name, content) = less.remove(index);
        let found = checked(&made, &archive(&less), true);
        // Without its first file, a bundle begins with another.
        assert!(
            named(&found, &name) || index == 0,
            "{name}: {:?}",
            found.problems
        );
        assert!(!found.problems.is_empty());

        let mut renamed = less.clone();
        renamed.push(("zebra".into(), content));
        let found = checked(&made, &archive(&renamed), true);
        assert!(!found.problems.is_empty());
        assert!(
            index < 2 || (named(&found, &name) && named(&found, "zebra")),
            "{name}"
        );
    }
    let mut more = sound.clone();
    more.push(("zebra".into(), b"stripes".to_vec()));
    assert!(named(&checked(&made, &archive(&more), true), "zebra"));
    let mut twice = sound.clone();
    let last = twice[twice.len() - 1].clone();
    twice.push(last.clone());
    assert!(named(&checked(&made, &archive(&twice), true), &last.0));
}

#[test]
fn somebody_elses_key_is_not_the_labs() {
    let (ours, theirs) = (make(false), make(false));
    let octets = fs::read(&theirs.bundle).unwrap();
    assert!(checked(&theirs, &octets, true).problems.is_empty());
    // All that they could do to ours: sign it again themselves.
    assert!(named(&checked(&ours, &octets, true), STATEMENT));
    assert!(checked(&ours, &octets, false).problems.is_empty());
}

#[test]
fn a_statement_of_another_version_is_refused_for_that() {
    let made = make(false);
    let mut files = files(&made.bundle);
    let payload = Envelope::read(&files[0].1).unwrap().payload().unwrap();
    let payload = String::from_utf8(payload).unwrap();
    let payload = payload.replace("urn:lightleak:certificate:1", "urn:lightleak:certificate:2");
    files[0].1 = Envelope::sign(IN_TOTO, payload.as_bytes(), &made.key).write();
    let found = checked(&made, &archive(&files), true);
    let [problem] = &found.problems[..] else {
        panic!("{:?}", found.problems);
    };
    assert_eq!(problem.file, STATEMENT);
    assert!(
        problem
            .what
            .starts_with("is a certificate of version 2, and this lightleak (")
    );
}

#[test]
fn what_is_left_out_is_told_and_the_rest_verifies() {
    let whole = make(false);
    let redacted = make(true);
    let octets = fs::read(&redacted.bundle).unwrap();
    let found = checked(&redacted, &octets, true);
    assert_eq!(found.problems, []);
    let keys = "case/sessions/01-nvr.rtsps-honest-default/keys.log";
    assert!(
        found.left_out.iter().any(|name| name == keys),
        "{:?}",
        found.left_out
    );
    assert_eq!(found.left_out.len(), redacted.issued.left_out);
    assert!(!files(&redacted.bundle).iter().any(|(name, _)| name == keys));

    // Who has the whole bundle can leave files out later: with their salts.
    let mut less = files(&whole.bundle);
    less.retain(|(name, _)| name != keys);
    let salts = less.iter_mut().find(|(name, _)| name == SALTS).unwrap();
    let mut map: std::collections::BTreeMap<String, String> =
        serde_json::from_slice(&salts.1).unwrap();
    let salt = map.remove(keys).unwrap();
    salts.1 = serde_json::to_vec(&map).unwrap();
    let found = checked(&whole, &archive(&less), true);
    assert_eq!(
        (found.problems, found.left_out),
        (vec![], vec![keys.to_owned()])
    );

    // The statement tells nothing of what was left out that could be guessed.
    let payload = Envelope::read(&files(&whole.bundle)[0].1)
        .unwrap()
        .payload();
    let statement = Statement::read(&payload.unwrap()).unwrap();
    let subject = statement.subject.iter().find(|s| s.name == keys).unwrap();
    assert_eq!(subject.digest.keys().collect::<Vec<_>>(), [SALTED]);
    assert!(!serde_json::to_string(&statement).unwrap().contains(&salt));
}

#[test]
fn tokens_and_passwords_are_in_no_text_of_a_bundle() {
    let made = make(false);
    assert_eq!(made.issued.certificate.scrubbed.files.len(), 4);
    for (name, content) in files(&made.bundle) {
        let mut text = String::from_utf8_lossy(&content).into_owned();
        if name == STATEMENT {
            let payload = Envelope::read(&content).unwrap().payload().unwrap();
            text = String::from_utf8(payload).unwrap();
        }
        for secret in [PASSWORD, TOKEN, "pass-in-the-url"] {
            assert!(!text.contains(secret), "{secret} in {name}");
        }
    }
}

/// Signed by version 0.1.0 of lightleak; verifies as long as there are bundles of it.
#[test]
fn a_bundle_of_an_older_version_verifies() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundle/made");
    let key = lightleak::bundle::key::read_public(&folder.join("0.1.0.pub")).unwrap();
    let found = check(&folder.join("0.1.0.tar"), Some(&key), None).unwrap();
    assert_eq!(found.problems, []);
    let certificate = found.certificate.unwrap();
    assert_eq!(certificate.tool.version, "0.1.0");
    assert!(!certificate.certified);
    assert_eq!(certificate.device.serial, "E-1");
}

/// Later versions have to verify what this one makes. With `MAKE_BUNDLE=1` it is made.
#[test]
fn there_is_a_bundle_of_this_version() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundle/made");
    let name = env!("CARGO_PKG_VERSION");
    let (bundle, public) = (
        folder.join(format!("{name}.tar")),
        folder.join(format!("{name}.pub")),
    );
    if std::env::var_os("MAKE_BUNDLE").is_some() {
        let made = make(false);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(&made.bundle, &bundle).unwrap();
        fs::write(&public, public_pem(&made.key.verifying_key())).unwrap();
    }
    assert!(
        bundle.exists() && public.exists(),
        "run this test with MAKE_BUNDLE=1"
    );
}

#[test]
fn a_redacted_copy_has_the_signature_and_lacks_what_it_should() {
    let made = make(false);
    let copy = made.folder.path().join("copy.tar");
    let left_out = redact(&made.bundle, &copy).unwrap();
    let whole = files(&made.bundle);
    let less = files(&copy);
    assert!(left_out > 0 && whole.len() == less.len() + left_out);
    assert_eq!(whole[0], less[0], "the envelope");
    let found = check(&copy, Some(&made.key.verifying_key()), None).unwrap();
    assert_eq!(
        (found.problems, found.left_out.len()),
        (Vec::new(), left_out)
    );
    // As certify would have done it.
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&less), names(&files(&make(true).bundle)));
    let salts = less.iter().find(|(name, _)| name == SALTS).unwrap();
    assert_eq!(salts.1, b"{}");
    // Once more there is nothing to leave out, and nothing is written over.
    assert!(redact(&made.bundle, &copy).is_err());
    let again = made.folder.path().join("again.tar");
    assert_eq!(redact(&copy, &again).unwrap(), 0);
    assert_eq!(fs::read(&copy).unwrap(), fs::read(&again).unwrap());

    // What was changed since is not copied.
    let mut octets = fs::read(&made.bundle).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    let changed = made.folder.path().join("changed.tar");
    fs::write(&changed, octets).unwrap();
    let error = redact(&changed, &made.folder.path().join("c.tar")).unwrap_err();
    assert!(
        error.to_string().contains("is not as it was signed"),
        "{error}"
    );
}

#[test]
fn what_changes_in_a_redacted_copy_is_found() {
    let made = make(false);
    let copy = made.folder.path().join("copy.tar");
    redact(&made.bundle, &copy).unwrap();
    let octets = fs::read(&copy).unwrap();
    for at in (0..octets.len()).step_by(97) {
        let mut changed = octets.clone();
        changed[at] ^= 0x10;
        assert!(!checked(&made, &changed, true).problems.is_empty(), "{at}");
    }
}
