//! Adversary 3: knows how encryption is got wrong, and needs no key for it.
//!
//! Functions of octets, without an opinion on what may be where: who calls them
//! hands over what is claimed to be ciphertext, without the headers that are
//! clear by design.
//!
//! | module | finds |
//! |---|---|
//! | [`ecb`] | blocks that repeat |
//! | [`keystream`] | two messages under one keystream |
//! | [`key_material`] | secrets in clear, as octets or text |
//! | [`key_sweep`] | keys that lie around, by trying them |
//! | [`coverage`] | which octets of a unit were left in clear: prefix, stripes, key frames |
//! | [`dictionary`] | names and passwords that are tried first |
//! | [`shown`] | whose password proves what a client shows |
//! | [`guessable`] | keys that are published, or made of what everybody knows |

pub mod coverage;
pub mod dictionary;
pub mod ecb;
pub mod guessable;
pub mod key_material;
pub mod key_sweep;
pub mod keystream;
pub mod shown;
#[cfg(test)]
mod testing;

/// How many different octets there are.
pub fn different(octets: &[u8]) -> usize {
    let mut seen = [false; 256];
    for octet in octets {
        seen[usize::from(*octet)] = true;
    }
    seen.iter().filter(|seen| **seen).count()
}
