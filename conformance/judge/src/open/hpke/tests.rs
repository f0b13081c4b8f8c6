//! The known answer of RFC 9180, and files sealed by hand with another library.

use aes_gcm::{
    Aes128Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use hkdf::Hkdf;
use lightleak_vectors::hpke::{Hpke, x25519_aes_128_gcm};
use proptest::{collection::vec, prelude::*, sample::Index};
use sha2::Sha256;

use super::{
    schedule::{Context, Suite},
    *,
};

#[test]
fn the_answer_of_rfc_9180_a_1_1_is_reproduced() {
    let Hpke {
        setup, encryptions, ..
    } = x25519_aes_128_gcm();
    let key = Key::new(&setup.sk_r).expect("a key");
    assert_eq!(key.public(), setup.pk_r);
    let shared = key.decapsulate(&setup.enc).expect("a secret");
    assert_eq!(shared.to_vec(), setup.shared_secret);
    let context = Context::base(&shared, &setup.info, SUITE);
    let first = &encryptions[0];
    assert_eq!(first.sequence, 0);
    assert_eq!(context.open(&first.aad, &first.ct), Some(first.pt.clone()));

    // What differs in anything is refused.
    let refused = |context: &Context, aad: &[u8], ct: &[u8]| {
        assert_eq!(context.open(aad, ct), None);
    };
    refused(&context, b"Count-1", &first.ct);
    refused(&context, &encryptions[1].aad, &encryptions[1].ct);
    refused(&Context::base(&shared, b"", SUITE), &first.aad, &first.ct);
    let other = Context::base(&shared, &setup.info, [SUITE[0], SUITE[1], 3]);
    refused(&other, &first.aad, &first.ct);
    let mut flipped = first.ct.clone();
    *flipped.last_mut().expect("a tag") ^= 1;
    refused(&context, &first.aad, &flipped);
    refused(&context, &first.aad, &first.ct[..15]);
    assert!(key.decapsulate(&[0; 32]).is_none(), "of low order");
    assert!(key.decapsulate(&[9; 31]).is_none());
}

fn line(public: &[u8], private: &[u8]) -> String {
    let hex = |octets: &[u8]| -> String { octets.iter().map(|o| format!("{o:02x}")).collect() };
    format!("HPKE_PRIVATE_KEY {} {}", hex(public), hex(private))
}

/// The receiver of A.1.1.
fn keys() -> Keys {
    let setup = x25519_aes_128_gcm().setup;
    Keys::parse([&*line(&setup.pk_r, &setup.sk_r)])
}

/// A sealed file, whose secret is that of A.1.1, by RustCrypto.
fn sealed(name: &str, plaintext: &[u8]) -> Vec<u8> {
    let setup = x25519_aes_128_gcm().setup;
    let length = ENCAPSULATED + plaintext.len() + TAG;
    let line = format!("lightleak-hpke 1 0020 0001 0001 {length} LL-1 {name}\n");
    let suite = b"HPKE\0\x20\0\x01\0\x01";
    let extract = |salt: &[u8], label: &str, material: &[u8]| {
        let material = [&b"HPKE-v1"[..], suite, label.as_bytes(), material].concat();
        Hkdf::<Sha256>::extract(Some(salt), &material)
    };
    let psk_id_hash = extract(b"", "psk_id_hash", b"").0;
    let info_hash = extract(b"", "info_hash", line.as_bytes()).0;
    let context = [&[0][..], &psk_id_hash, &info_hash].concat();
    let secret = extract(&setup.shared_secret, "secret", b"").1;
    let expand = |label: &str, length: u8| {
        let info = [
            &[0, length][..],
            b"HPKE-v1",
            suite,
            label.as_bytes(),
            &context,
        ];
        let mut out = vec![0; length.into()];
        secret
            .expand_multi_info(&info, &mut out)
            .expect("not too long");
        out
    };
    let cipher = Aes128Gcm::new_from_slice(&expand("key", 16)).expect("a key");
    let nonce: [u8; 12] = expand("base_nonce", 12).try_into().expect("12 octets");
    let payload = Payload {
        msg: plaintext,
        aad: b"",
    };
    let ciphertext = cipher.encrypt(&nonce.into(), payload).expect("sealed");
    [line.as_bytes(), &setup.enc, &ciphertext].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_file_opens_and_what_is_changed_does_not(
        plaintext in vec(any::<u8>(), 0..300),
        at in any::<Index>(),
        cut in any::<Index>(),
    ) {
        let mut file = sealed("thumb-1.jpg.hpke", &plaintext);
        let opened = open(&file, &keys()).expect("opened");
        prop_assert_eq!(&opened.plaintext, &plaintext);
        let lengths = [&opened.header, &opened.sealed, &opened.tag].map(|range| range.len());
        prop_assert_eq!(lengths.iter().sum::<usize>(), file.len());
        prop_assert!(open(&file[..cut.index(file.len())], &keys()).is_err());
        *at.get_mut(&mut file) ^= 1;
        prop_assert!(open(&file, &keys()).is_err());
    }

    #[test]
    fn arbitrary_octets_are_refused(
        line in "[ -~]{0,40}",
        octets in vec(any::<u8>(), 0..100),
        introduced in any::<bool>(),
    ) {
        let start = if introduced { INTRODUCTION } else { "" };
        let file = [start.as_bytes(), line.as_bytes(), b"\n", &octets].concat();
        prop_assert!(open(&file, &keys()).is_err());
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let file = sealed("events-1.json.hpke", b"{}");
    let at = file.len() - ENCAPSULATED - 2 - TAG;
    let cut = HpkeError::Cut {
        offset: at,
        octets: 5,
        length: ENCAPSULATED + 2 + TAG,
    };
    assert_eq!(open(&file[..at + 5], &keys()).err(), Some(cut.clone()));
    assert!(cut.is_cut());
    let behind = [&file[..], b"x"].concat();
    let error = open(&behind, &keys()).err();
    assert_eq!(error, Some(HpkeError::Behind(file.len())));
    let nobody = open(&file, &Keys::default()).err();
    assert_eq!(nobody, Some(HpkeError::NoMatch(0)));
    let text = |text: &str| open(text.as_bytes(), &keys()).err();
    for line in [
        "",
        "lightleak",
        "lightleak-hpke 1 0020 0001 0001 50 LL-1 name",
    ] {
        assert_eq!(text(line), Some(HpkeError::LineCut), "{line}");
        assert_eq!(looks_like(line.as_bytes()), !line.is_empty());
    }
    let endless = format!("{INTRODUCTION}{}", "x".repeat(LONGEST_LINE));
    assert_eq!(text(&endless), Some(HpkeError::Line));
    assert!(!looks_like(b"lightleak-clips 1 LL-1\n"));
    for line in [
        "\n",
        "lightleak-hpke 1 0020 0001 0001 50 LL-1\n",
        "lightleak-hpke 1 0020 0001 0001 -1 LL-1 name\n",
        "lightleak-hpke 1 x 0001 0001 50 LL-1 name\n",
    ] {
        assert_eq!(text(line), Some(HpkeError::Line), "{line}");
    }
    let other = text("lightleak-hpke 1 0020 0001 0003 50 LL-1 name\n");
    assert_eq!(other, Some(HpkeError::Suite(0x20, 1, 3)));
    // An envelope that could hold nothing.
    let short = text("lightleak-hpke 1 0020 0001 0001 10 LL-1 name\n0123456789");
    assert!(short.is_some_and(|error| error.is_cut()));
}

#[test]
fn keys_whose_halves_do_not_fit_are_left_out() {
    let setup = x25519_aes_128_gcm().setup;
    let good = line(&setup.pk_r, &setup.sk_r);
    let swapped = line(&setup.sk_r, &setup.pk_r);
    let short = line(&setup.pk_r, &[0]);
    let keys = Keys::parse([
        "CREDENTIAL a b",
        &good,
        &swapped,
        &short,
        "HPKE_PRIVATE_KEY x",
    ]);
    assert_eq!(format!("{keys:?}"), "Keys([Key(redacted)])");
}

#[test]
fn a_label_is_bound_to_its_suite() {
    let extract = |suite| Suite(suite).extract(b"salt", "label", b"material");
    assert_ne!(extract(b"KEM\0\x20"), extract(b"KEM\0\x10"));
}
