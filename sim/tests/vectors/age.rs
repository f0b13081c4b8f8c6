//! age: the files of C2SP/CCTV, through what opens clips.

use std::{error::Error, io::Read};

use age::DecryptError;
use flate2::read::ZlibDecoder;
use lightleak_sim::seal::{
    keys::OwnerIdentity,
    recording::{OpenError, Opened, open},
};
use lightleak_vectors::age::{AgeFile, Expect, cctv};
use sha2::{Digest, Sha256};

/// Where crate `age` reads on: it still takes stanzas as age once wrote them,
/// without a short last line. The MAC of the header holds for them too.
const OLD_STANZAS: [&str; 2] = ["stanza_missing_body", "stanza_missing_final_line"];

fn octets(file: &AgeFile) -> Vec<u8> {
    if !file.deflated {
        return file.octets.clone();
    }
    let mut octets = Vec::new();
    let mut inflate = ZlibDecoder::new(&file.octets[..]);
    inflate.read_to_end(&mut octets).expect("deflated octets");
    octets
}

fn identity(file: &AgeFile) -> OwnerIdentity {
    match &file.identities[..] {
        [] => OwnerIdentity::generate(),
        [identity] => identity.parse().expect("an identity"),
        _ => panic!("{} has several identities", file.name),
    }
}

fn found(opened: &Result<Opened, OpenError>) -> Expect {
    let error = match opened {
        Ok(opened) if opened.complete => return Expect::Success,
        Ok(_) => return Expect::PayloadFailure,
        Err(error) => error,
    };
    let source = error.source().and_then(|e| e.downcast_ref());
    match source.expect("an error of age") {
        DecryptError::NoMatchingKeys => Expect::NoMatch,
        DecryptError::InvalidMac => Expect::HmacFailure,
        _ => Expect::HeaderFailure,
    }
}

#[test]
fn files_open_or_fail_where_they_must() {
    let files = &cctv().files;
    assert_eq!(files.len(), 66);
    for file in files {
        let opened = open(&octets(file), &identity(file));
        let found = found(&opened);
        if OLD_STANZAS.contains(&file.name.as_str()) {
            assert_eq!(
                (found, file.expect),
                (Expect::Success, Expect::HeaderFailure)
            );
            continue;
        }
        assert_eq!(found, file.expect, "{}: {opened:?}", file.name);
        if let Ok(opened) = opened {
            let digest = Sha256::digest(&opened.plaintext);
            assert_eq!(digest[..], file.payload, "{}", file.name);
        }
    }
}

#[test]
fn no_file_opens_whole_with_an_octet_changed() {
    let files = cctv().files.iter();
    for file in files.filter(|file| file.expect == Expect::Success) {
        let octets = octets(file);
        // Not every octet, but every part of the file.
        let step = 1 + octets.len() / 60;
        for at in (0..octets.len()).step_by(step) {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            let opened = open(&changed, &identity(file));
            assert_ne!(found(&opened), Expect::Success, "{}, {at}", file.name);
        }
    }
}
