//! Master keys that are made of a key that MIKEY tells (TGK), which both ends do in the
//! same way (RFC 3830 4.1.2, 4.1.3).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::{key::MasterKey, suite::Suite};
use crate::dissect::mikey::{KeyData, Mikey};

/// Constants of the labels of a key that encrypts traffic, and of its salt.
const TRAFFIC: u32 = 0x2ad0_1c64;
const SALT: u32 = 0x39a2_c14b;
/// Octets of a block of the input key, and of a block of output.
const IN: usize = 32;
const OUT: usize = 20;

/// The master key of a stream, by its number in the map of streams.
pub(super) fn key(
    mikey: &Mikey,
    generating: &KeyData,
    stream: u8,
    suite: &'static Suite,
) -> Option<MasterKey> {
    let make = |constant: u32, octets| {
        let constant = constant.to_be_bytes();
        let csb = mikey.csb_id.to_be_bytes();
        let label = [&constant[..], &[stream], &csb, &mikey.rand].concat();
        prf(&generating.key, &label, octets)
    };
    let salt = match generating.salt.is_empty() {
        true => make(SALT, suite.salt),
        false => Zeroizing::new(generating.salt.clone()),
    };
    let key = make(TRAFFIC, suite.key);
    MasterKey::new(suite, &generating.spi, &key, &salt)
}

/// The PRF (RFC 3830 4.1.2): of each block of the key P(s, label, m), all of them
/// added without carry.
fn prf(key: &[u8], label: &[u8], octets: usize) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(vec![0; octets]);
    for block in key.chunks(IN) {
        let sign = |text: &[&[u8]]| {
            let mac = Hmac::<Sha1>::new_from_slice(block);
            let mut mac = mac.expect("HMAC takes a key of any length");
            text.iter().for_each(|text| mac.update(text));
            mac.finalize().into_bytes()
        };
        let mut a = label.to_vec();
        for out in out.chunks_mut(OUT) {
            a = sign(&[&a]).to_vec();
            for (out, octet) in out.iter_mut().zip(sign(&[&a, label])) {
                *out ^= octet;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::srtp::{Suite, of_generating_mikey};

    /// Made with Python's `hmac`, by the text of RFC 3830 4.1.
    #[test]
    fn keys_are_made_as_rfc_3830_says() {
        let mikey = Mikey {
            csb_id: 0x0102_0304,
            rand: (0..16).collect(),
            keys: vec![KeyData {
                is_traffic_key: false,
                key: (0..48).collect(),
                salt: Vec::new(),
                spi: Vec::new(),
            }],
            ..Mikey::default()
        };
        let made = of_generating_mikey(&mikey);
        let suite = Suite::find("AES_256_CM_HMAC_SHA1_80").unwrap();
        let key = made.iter().find(|key| key.suite == suite).unwrap();
        assert_eq!(
            hex(key.octets()),
            "688e7661b1c4c5fb54078b4e1cd0f6669c8d3b5c1c0b7fab68c2cd0187ec2cc3"
        );
        assert_eq!(hex(key.salt()), "42758dc26b18e81f5f33cb8194cd");
    }

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }
}
