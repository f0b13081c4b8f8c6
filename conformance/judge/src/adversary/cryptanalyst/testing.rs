//! Octets for the tests.

use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit};

/// Octets of xorshift64*.
pub(super) fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut octets = Vec::with_capacity(length + 8);
    while octets.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        octets.extend(state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes());
    }
    octets.truncate(length);
    octets
}

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
