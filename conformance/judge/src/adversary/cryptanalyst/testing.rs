//! Octets for the tests, and what holds whatever the input.

use proptest::prelude::*;

use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit};

pub(super) use crate::adversary::known_plaintext::random;

/// AES-128 block by block, each by itself; what is no whole block stays clear.
pub(super) fn ecb(key: u8, plain: &[u8]) -> Vec<u8> {
    let cipher = Aes128::new(&[key; 16].into());
    let mut octets = plain.to_vec();
    for block in octets.chunks_exact_mut(16) {
        let mut out = <[u8; 16]>::try_from(&*block).expect("a whole block").into();
        cipher.encrypt_block(&mut out);
        block.copy_from_slice(&out);
    }
    octets
}

pub(super) fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

/// Messages of few values, of pieces that recur, and of anything.
fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        prop::collection::vec(0..3_u8, 0..80),
        (0..4_u64, 0..90_usize).prop_map(|(seed, length)| random(seed, length)),
        "[0-9a-fA-F\r\n]{0,80}".prop_map(String::into_bytes),
        Just(b"-----BEGIN -----END ".to_vec()),
    ];
    let message = prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat());
    prop::collection::vec(message, 0..8)
}

proptest! {
    #[test]
    fn findings_are_sound_whatever_the_input(
        messages in messages(),
        plaintexts in messages(),
        limit in 0..5_usize,
    ) {
        let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let plain: Vec<&[u8]> = plaintexts.iter().map(Vec::as_slice).collect();
        let stream = messages.concat();
        for pair in super::ecb::repeats(&slices, &stream).iter().flat_map(|r| &r.pairs) {
            let [a, b] = [pair.first, pair.second].map(|(n, at)| &slices[n][at..at + pair.length]);
            prop_assert_eq!(a, b);
        }
        for reuse in super::keystream::with_ledger(&slices, &plain) {
            let part = |all: &[&[u8]], n: usize| all[n][reuse.range.clone()].to_vec();
            let difference = |all: &[&[u8]], (a, b)| xor(&part(all, a), &part(all, b));
            prop_assert_eq!(
                difference(&slices, reuse.messages),
                difference(&plain, reuse.plaintexts)
            );
        }
        super::keystream::without_ledger(&slices);
        let secrets = plaintexts.iter().enumerate().map(|(n, octets)| (n.to_string(), octets));
        let found = super::key_material::Secrets::new(secrets).find(&stream, limit);
        prop_assert!(found.len() <= limit);
        prop_assert!(found.iter().all(|one| one.at + one.length <= stream.len()));
    }
}
