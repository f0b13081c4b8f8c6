//! Against the published vectors, against files that crate `age` sealed, and
//! against files whose chunks were sealed for other places.

use std::io::{Read as _, Write as _};

use age::{Encryptor, secrecy::ExposeSecret as _, x25519};
use flate2::read::ZlibDecoder;
use lightleak_vectors::age::{Expect, cctv};
use proptest::{prelude::*, sample::Index};
use sha2::{Digest as _, Sha256};

use super::*;

const SEALED: usize = CHUNK + TAG;

#[test]
fn published_vectors_open_or_fail_where_they_must() {
    for vector in &cctv().files {
        let mut file = vector.octets.clone();
        if vector.deflated {
            let deflated = std::mem::take(&mut file);
            let mut inflate = ZlibDecoder::new(deflated.as_slice());
            inflate.read_to_end(&mut file).unwrap();
        }
        let identities = identities(vector.identities.iter().map(String::as_str));
        assert_eq!(identities.len(), vector.identities.len());
        let (name, opened) = (&vector.name, open(&file, &identities));
        let found = match &opened {
            Ok(opened) if opened.complete => Expect::Success,
            Ok(_) => Expect::PayloadFailure,
            Err(AgeError::NoMatch { .. }) => Expect::NoMatch,
            Err(AgeError::HeaderMac { .. }) => Expect::HmacFailure,
            Err(_) => Expect::HeaderFailure,
        };
        assert_eq!(found, vector.expect, "{name}: {opened:?}");
        if let Ok(opened) = opened {
            let given_out = &opened.plaintext[..opened.valid];
            assert_eq!(Sha256::digest(given_out)[..], vector.payload, "{name}");
        }
    }
}

#[test]
fn flaws_of_published_vectors_are_named() {
    let header = |line, offset, fault| AgeError::Header {
        line,
        offset,
        fault,
    };
    // Where the first stanza and its body begin.
    let (stanza, body) = (22, 76);
    for (name, expected) in [
        ("empty", AgeError::HeaderCut { line: 1, offset: 0 }),
        ("version_unsupported", header(1, 0, Fault::Version)),
        ("header_crlf", header(1, 0, Fault::Version)),
        ("hmac_no_space", header(4, 120, Fault::Mac)),
        ("scrypt_and_x25519", header(4, 120, Fault::ScryptNotAlone)),
        ("stanza_bad_start", header(4, 120, Fault::Line)),
        ("stanza_empty_argument", header(4, 120, Fault::Argument)),
        (
            "x25519_extra_argument",
            header(2, stanza, Fault::X25519Arguments),
        ),
        (
            "x25519_not_canonical_share",
            header(2, stanza, Fault::X25519Arguments),
        ),
        ("x25519_not_canonical_body", header(3, body, Fault::Body)),
        ("x25519_long_file_key", header(2, stanza, Fault::X25519Body)),
        ("x25519_low_order", header(2, stanza, Fault::X25519LowOrder)),
        ("x25519_identity", header(2, stanza, Fault::X25519LowOrder)),
        ("stream_no_nonce", AgeError::NonceCut { offset: 168 }),
    ] {
        let vector = cctv().files.iter().find(|file| file.name == name).unwrap();
        let identities = identities(vector.identities.iter().map(String::as_str));
        let error = open(&vector.octets, &identities).unwrap_err();
        assert_eq!(error, expected, "{name}: {error}");
    }
}

#[test]
fn a_file_of_another_owner_does_not_open() {
    let file = Owner::new().seal(b"text");
    let error = open(&file, &Owner::new().identities()).unwrap_err();
    let expected = AgeError::NoMatch {
        identities: 1,
        stanzas: 2,
    };
    // Crate age adds a stanza that nobody knows, so that readers ignore it.
    let one = AgeError::NoMatch {
        identities: 1,
        stanzas: 1,
    };
    assert!([expected, one].contains(&error), "{error}");
    assert!(!error.is_cut());
}

#[test]
fn every_recipient_is_told() {
    let (owner, other) = (Owner::new(), Owner::new());
    let recipients = [&owner, &other].map(|o| o.0.to_public());
    let recipients = recipients.iter().map(|r| r as &dyn age::Recipient);
    let file = seal(Encryptor::with_recipients(recipients).unwrap(), b"text");
    let opened = open(&file, &owner.identities()).unwrap();
    assert!(opened.complete);
    let mut x25519 = opened.stanzas.iter().filter(|s| s.kind == "X25519");
    let (first, second) = (x25519.next().unwrap(), x25519.next().unwrap());
    assert_eq!((first.opened, second.opened), (true, false));
    assert!(file[second.range.clone()].starts_with(b"-> X25519 "));
    assert_eq!(x25519.next(), None);
}

#[test]
fn every_octet_of_a_file_is_accounted_for() {
    let owner = Owner::new();
    for octets in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
        let plaintext = pattern(octets);
        let file = owner.seal(&plaintext);
        let opened = open(&file, &owner.identities()).unwrap();
        assert!(opened.complete && looks_like(&file));
        assert_eq!(opened.plaintext, plaintext);
        assert_eq!(opened.valid, octets);
        let parts = [opened.header.clone(), opened.nonce.clone()].into_iter();
        let chunks = opened.chunks.iter();
        let parts = parts.chain(chunks.flat_map(|c| [c.sealed.clone(), c.tag.clone()]));
        let end = parts.fold(0, |end, part| {
            assert_eq!(part.start, end);
            part.end
        });
        assert_eq!(end, file.len());
        let last = opened.chunks.last().unwrap();
        assert_eq!((last.last, last.plaintext.end), (true, octets));
        let places = (0..octets).filter_map(|at| opened.place(at));
        let sealed = opened.chunks.iter().flat_map(|c| c.sealed.clone());
        assert!(places.eq(sealed));
        assert_eq!(opened.place(octets), None);
    }
}

#[test]
fn a_counter_that_stands_still_is_told_from_one_out_of_order() {
    let still = Resealed::new(2 * CHUNK + 100, |_, last| (0, last));
    assert_eq!(
        still.differences(),
        [
            (1, Difference::NotIncremented { counter: 0 }),
            (2, Difference::NotIncremented { counter: 0 })
        ]
    );
    assert_eq!(still.opened.plaintext, pattern(2 * CHUNK + 100));
    assert_eq!(still.opened.valid, CHUNK);

    let mut swapped = Resealed::new(3 * CHUNK + 1, |index, last| (index, last));
    assert!(swapped.opened.complete);
    swapped.arrange(&[1, 0, 2, 3]);
    assert_eq!(
        swapped.differences(),
        [
            (0, Difference::OutOfOrder { counter: 1, due: 0 }),
            (1, Difference::OutOfOrder { counter: 0, due: 2 }),
            (2, Difference::OutOfOrder { counter: 2, due: 1 }),
        ]
    );
    assert_eq!(swapped.opened.valid, 0);
    swapped.arrange(&[0, 2, 3]);
    assert_eq!(
        swapped.differences(),
        [(1, Difference::OutOfOrder { counter: 2, due: 1 })]
    );
    swapped.arrange(&[0, 1, 1, 2, 3]);
    assert_eq!(
        swapped.differences(),
        [(2, Difference::NotIncremented { counter: 1 })]
    );
}

#[test]
fn a_final_flag_that_is_missing_or_early_is_named() {
    let missing = Resealed::new(CHUNK + 1, |index, _| (index, false));
    assert_eq!(missing.differences(), [(1, Difference::NotFinal)]);
    assert_eq!(missing.opened.stopped, None);
    assert_eq!(missing.opened.valid, CHUNK);

    let early = Resealed::new(CHUNK + 1, |index, _| (index, true));
    let octets = 1 + TAG;
    assert_eq!(
        early.differences(),
        [(0, Difference::FinalNotLast { octets })]
    );

    let mut empty = Resealed::new(CHUNK, |index, _| (index, false));
    let (key, at) = (&empty.opened.payload_key, empty.file.len());
    empty.file.resize(at + TAG, 0);
    seal_chunk(key, &mut empty.file[at..], (1, true));
    empty.reopen();
    assert_eq!(empty.differences(), [(1, Difference::EmptyFinal)]);

    let shown = empty.opened.deviations[0].to_string();
    let expected = format!("chunk 1 at offset {at} is final and empty, and not the only one");
    assert_eq!(shown, expected);
}

/// Octets behind the final chunk, which is whole.
#[test]
fn what_follows_the_final_chunk_is_named() {
    let mut longer = Resealed::new(CHUNK, |index, last| (index, last));
    longer.file.extend([7; 100]);
    longer.reopen();
    let differences = longer.differences();
    assert_eq!(differences, [(0, Difference::FinalNotLast { octets: 100 })]);
    assert!(longer.opened.stopped.is_some());
}

#[test]
fn counters_are_not_tried_without_end() {
    let mut foreign = Resealed::new(300 * CHUNK, |index, last| (index, last));
    let (key, at) = (Secret::zero(), foreign.opened.nonce.end);
    for (index, chunk) in (0..).zip(foreign.file[at..].chunks_mut(SEALED)) {
        // Backwards, which costs most.
        if index < 100 {
            seal_chunk(&foreign.opened.payload_key, chunk, (99 - index, false));
        } else {
            seal_chunk(&key, chunk, (index, false));
        }
    }
    foreign.reopen();
    let chunk = foreign.opened.chunks.len();
    assert!((50..=100).contains(&chunk), "{chunk}");
    let offset = at + chunk * SEALED;
    let stopped = Some(AgeError::Chunk { chunk, offset });
    assert_eq!(foreign.opened.stopped, stopped);
}

#[test]
fn debug_shows_neither_plaintext_nor_keys() {
    let owner = Owner::new();
    let opened = open(&owner.seal(b"AAAA"), &owner.identities()).unwrap();
    let shown = format!("{opened:?} {:?}", opened.file_key);
    assert!(
        !shown.contains("65, 65") && shown.contains("redacted"),
        "{shown}"
    );
}

fn sizes() -> impl Strategy<Value = usize> {
    let borders = (0..4_usize, 0..40_usize);
    let borders = borders.prop_map(|(n, by)| (n * CHUNK + by).saturating_sub(20));
    prop_oneof![borders, 0..200 * 1024_usize]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_crate_age_sealed_opens(octets in sizes()) {
        let owner = Owner::new();
        let plaintext = pattern(octets);
        let opened = open(&owner.seal(&plaintext), &owner.identities()).unwrap();
        prop_assert!(opened.complete && opened.plaintext == plaintext);
    }

    #[test]
    fn a_cut_file_opens_to_its_last_whole_chunk(octets in sizes(), cut: Index) {
        let owner = Owner::new();
        let plaintext = pattern(octets);
        let file = owner.seal(&plaintext);
        let whole = open(&file, &owner.identities()).unwrap();
        let cut = cut.index(file.len());
        match open(&file[..cut], &owner.identities()) {
            Err(error) => prop_assert!(error.is_cut() && cut < whole.nonce.end),
            Ok(opened) => {
                let chunks = (cut - whole.nonce.end) / SEALED;
                prop_assert_eq!(opened.chunks.len(), chunks);
                prop_assert!(!opened.complete && opened.deviations.is_empty());
                prop_assert!(opened.stopped.unwrap().is_cut());
                prop_assert_eq!(&opened.plaintext, &plaintext[..chunks * CHUNK]);
                prop_assert_eq!(opened.valid, chunks * CHUNK);
            }
        }
    }

    #[test]
    fn no_flipped_bit_is_overlooked(octets in sizes(), at: Index, bit in 0..8_u8) {
        let owner = Owner::new();
        let plaintext = pattern(octets);
        let mut file = owner.seal(&plaintext);
        let at = at.index(file.len());
        file[at] ^= 1_u8 << bit;
        if let Ok(opened) = open(&file, &owner.identities()) {
            prop_assert!(!opened.complete && opened.stopped.is_some());
            prop_assert!(plaintext.starts_with(&opened.plaintext));
        }
    }

    #[test]
    fn anything_is_read_without_panic(
        head in "(age-encryption.org/v1\n)?(-> (X25519|grease) [A-Za-z0-9+/ ]{0,50}\n[A-Za-z0-9+/]{0,70}\n){0,3}(--- ?[A-Za-z0-9+/]{0,50}\n)?",
        tail in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let file = [head.as_bytes(), &tail].concat();
        prop_assert!(open(&file, &Owner::new().identities()).is_err());
        prop_assert!(open(&tail, &Owner::new().identities()).is_err());
    }
}

struct Owner(x25519::Identity);

impl Owner {
    fn new() -> Self {
        Self(x25519::Identity::generate())
    }

    fn identities(&self) -> Identities {
        identities([self.0.to_string().expose_secret()])
    }

    fn seal(&self, plaintext: &[u8]) -> Vec<u8> {
        let recipient = self.0.to_public();
        let recipient: &dyn age::Recipient = &recipient;
        let encryptor = Encryptor::with_recipients([recipient].into_iter()).unwrap();
        seal(encryptor, plaintext)
    }
}

fn seal(encryptor: Encryptor, plaintext: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file).unwrap();
    writer.write_all(plaintext).unwrap();
    writer.finish().unwrap();
    file
}

fn identities<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Identities {
    let line = |secret: &str| {
        let identity: x25519::Identity = secret.parse().unwrap();
        format!("AGE_IDENTITY {} {secret}", identity.to_public())
    };
    let lines: Vec<_> = secrets.into_iter().map(line).collect();
    Identities::parse(lines.iter().map(String::as_str))
}

fn pattern(octets: usize) -> Vec<u8> {
    (0..octets)
        .map(|at| (at ^ at >> 8 ^ at >> 16) as u8)
        .collect()
}

/// A file whose chunks were sealed anew, with other counters and flags.
struct Resealed {
    owner: Owner,
    file: Vec<u8>,
    opened: OpenedFile,
    sound: Vec<Vec<u8>>,
}

impl Resealed {
    fn new(octets: usize, seal: impl Fn(u64, bool) -> (u64, bool)) -> Self {
        let owner = Owner::new();
        let mut file = owner.seal(&pattern(octets));
        let opened = open(&file, &owner.identities()).unwrap();
        let payload = &mut file[opened.nonce.end..];
        for (index, (sealed, chunk)) in payload.chunks_mut(SEALED).zip(&opened.chunks).enumerate() {
            let length = chunk.plaintext.len();
            sealed[..length].copy_from_slice(&opened.plaintext[chunk.plaintext.clone()]);
            seal_chunk(&opened.payload_key, sealed, seal(index as u64, chunk.last));
        }
        let sound = payload.chunks(SEALED).map(<[u8]>::to_vec).collect();
        let mut resealed = Self {
            owner,
            file,
            opened,
            sound,
        };
        resealed.reopen();
        resealed
    }

    fn arrange(&mut self, order: &[usize]) {
        self.file.truncate(self.opened.nonce.end);
        for index in order {
            self.file.extend(&self.sound[*index]);
        }
        self.reopen();
    }

    fn reopen(&mut self) {
        self.opened = open(&self.file, &self.owner.identities()).unwrap();
    }

    fn differences(&self) -> Vec<(usize, Difference)> {
        assert!(!self.opened.complete);
        let deviations = self.opened.deviations.iter();
        let offset = |d: &Deviation| self.opened.nonce.end + d.chunk * SEALED;
        assert!(deviations.clone().all(|d| d.offset == offset(d)));
        deviations.map(|d| (d.chunk, d.difference)).collect()
    }
}

/// Seals plaintext in place, with room for the tag behind it.
fn seal_chunk(key: &Secret<32>, chunk: &mut [u8], (counter, last): (u64, bool)) {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&counter.to_be_bytes());
    nonce[11] = last.into();
    let (plaintext, tag) = chunk.split_at_mut(chunk.len() - TAG);
    let sealed = Aead::new(key).0.seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::empty(),
        plaintext,
    );
    tag.copy_from_slice(sealed.unwrap().as_ref());
}
