//! Keys that signalling tells: MIKEY and `a=crypto`.

use super::{
    key::MasterKey,
    suite::{Mode, SUITES, Suite},
};
use crate::dissect::{
    key_attribute::Crypto,
    mikey::{KeyData, Mikey, Policy, parameter},
};

/// Octets of the tag that a suite cuts.
const SHORT_TAG: u32 = 4;

/// Master keys of a MIKEY message. Where it has no policy, the length of key
/// and salt tells the suite. Keys that traffic keys are made of (TGK) are left
/// out.
pub fn of_mikey(mikey: &Mikey) -> Vec<MasterKey> {
    let keys = mikey.keys.iter().filter(|key| key.is_traffic_key);
    let of_key = |key| match mikey.srtp_policies().next() {
        Some(_) => mikey
            .srtp_policies()
            .filter_map(|policy| of_policy(policy, key))
            .collect::<Vec<_>>(),
        None => SUITES
            .iter()
            .filter_map(|suite| of_suite(suite, key))
            .collect(),
    };
    keys.flat_map(of_key).collect()
}

/// Master keys of an attribute.
pub fn of_crypto(crypto: &Crypto) -> Vec<MasterKey> {
    let Some(suite) = Suite::find(&crypto.suite) else {
        return Vec::new();
    };
    let keys = crypto.keys.iter().filter_map(|inline| {
        let (key, salt) = inline.octets.split_at_checked(suite.key)?;
        MasterKey::new(suite, &inline.mki, key, salt)
    });
    keys.collect()
}

/// The suite that a policy says, if it is one.
pub fn suite(policy: &Policy) -> Option<&'static Suite> {
    let value = |parameter| policy.value(parameter);
    let mode = match value(parameter::ENCRYPTION).unwrap_or(parameter::AES_CM) {
        parameter::AES_CM => Mode::Counter,
        parameter::AES_GCM => Mode::Galois,
        _ => return None,
    };
    let key = value(parameter::ENCRYPTION_KEY).unwrap_or(16);
    let cut = mode == Mode::Counter && value(parameter::TAG) == Some(SHORT_TAG);
    SUITES.iter().find(|suite| {
        suite.mode == mode && suite.key as u64 == u64::from(key) && (suite.tag == 4) == cut
    })
}

fn of_policy(policy: &Policy, key: &KeyData) -> Option<MasterKey> {
    of_suite(suite(policy)?, key)
}

/// The salt has a field of its own, or lies behind the key (ONVIF Streaming
/// 8.2).
fn of_suite(suite: &'static Suite, key: &KeyData) -> Option<MasterKey> {
    match key.salt.is_empty() {
        true => {
            let (key_octets, salt) = key.key.split_at_checked(suite.key)?;
            MasterKey::new(suite, &key.spi, key_octets, salt)
        }
        false => MasterKey::new(suite, &key.spi, &key.key, &key.salt),
    }
}
