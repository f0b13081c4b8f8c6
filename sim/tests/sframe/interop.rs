//! Against crate `sframe`, which stands on RustCrypto: each opens what the
//! other seals, and refuses it with a bit flipped.

use lightleak_sim::seal::sframe::{KeyId, Opened, SFrameError, Suite};
use proptest::{collection::vec, prelude::*, sample::Index};
use sframe::{
    CipherSuite,
    frame::{EncryptedFrameView, MediaFrameView, SingleUseCounter},
    key::{DecryptionKey, EncryptionKey},
};

use crate::support::{any_number, any_suite, ends, octets, open, seal};

fn theirs(suite: Suite) -> CipherSuite {
    match suite {
        Suite::Aes128CtrHmacSha256_80 => CipherSuite::AesCtr128HmacSha256_80,
        Suite::Aes128CtrHmacSha256_64 => CipherSuite::AesCtr128HmacSha256_64,
        Suite::Aes128CtrHmacSha256_32 => CipherSuite::AesCtr128HmacSha256_32,
        Suite::Aes128Gcm => CipherSuite::AesGcm128Sha256,
        Suite::Aes256Gcm => CipherSuite::AesGcm256Sha512,
    }
}

/// Frames of 0 to 256 KiB: a length, and octets that repeat.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let size = prop_oneof![
        0..64_usize,
        1_000..20_000_usize,
        Just(256 * 1024_usize),
        0..=256 * 1024_usize
    ];
    (size, vec(any::<u8>(), 1..64))
        .prop_map(|(size, octets)| octets.into_iter().cycle().take(size).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn they_open_what_we_seal(
        suite in any_suite(),
        kid in any_number(),
        ctr in any_number().prop_map(|n| n.min(u64::MAX - 1)),
        frame in frame(),
        metadata in vec(any::<u8>(), 0..40),
        at in any::<Index>(),
    ) {
        let (mut sender, _) = ends(suite, KeyId::new(kid), ctr);
        let mut sealed = seal(&mut sender, &frame, &metadata).expect("sealed");
        let key = DecryptionKey::derive_from(theirs(suite), kid, octets(1)).expect("a key");
        let opened = EncryptedFrameView::try_with_meta_data(&sealed, &metadata)
            .and_then(|sealed| sealed.decrypt(&key))
            .expect("opened");
        prop_assert_eq!(opened.payload(), &frame[..]);
        prop_assert_eq!(opened.counter(), ctr);

        *at.get_mut(&mut sealed) ^= 0x10;
        let opened = EncryptedFrameView::try_with_meta_data(&sealed, &metadata)
            .and_then(|sealed| sealed.decrypt(&key));
        prop_assert!(opened.is_err());
    }

    #[test]
    fn we_open_what_they_seal(
        suite in any_suite(),
        kid in any_number(),
        ctr in any_number(),
        frame in frame(),
        metadata in vec(any::<u8>(), 0..40),
        at in any::<Index>(),
    ) {
        let key = EncryptionKey::derive_from(theirs(suite), kid, octets(1)).expect("a key");
        let media = MediaFrameView::try_with_meta_data(
            &mut SingleUseCounter::new(ctr),
            &frame,
            &metadata,
        );
        let sealed = media.and_then(|media| media.encrypt(&key)).expect("sealed");
        let sealed = sealed.sframe_cipher_text().to_vec();
        let (_, mut receiver) = ends(suite, KeyId::new(kid), 0);
        let mut flipped = sealed.clone();
        *at.get_mut(&mut flipped) ^= 0x10;
        prop_assert!(open(&mut receiver, &flipped, &metadata).is_err());
        let opened = open(&mut receiver, &sealed, &metadata);
        prop_assert_eq!(opened, Ok((Opened { kid, ctr }, frame)));
        let again = open(&mut receiver, &sealed, &metadata);
        prop_assert_eq!(again, Err(SFrameError::Replayed(ctr)));
    }
}
