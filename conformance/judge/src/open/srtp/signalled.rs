//! Keys that signalling tells: MIKEY and `a=crypto`.

use super::{
    generated,
    key::MasterKey,
    suite::{Mode, SUITES, Suite},
};
use crate::dissect::{
    key_attribute::Crypto,
    mikey::{KeyData, Mikey, Policy, parameter},
};

/// Octets of the tag that a suite cuts.
const SHORT_TAG: u32 = 4;
/// Streams of a message that keys are made for.
const MOST_STREAMS: u8 = 8;

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

/// Master keys of a MIKEY message that are made of the keys it tells (TGK, RFC 3830
/// 4.1.3), for each of its streams.
pub fn of_generating_mikey(mikey: &Mikey) -> Vec<MasterKey> {
    let streams = 1..=u8::try_from(mikey.sessions.len())
        .unwrap_or(u8::MAX)
        .clamp(1, MOST_STREAMS);
    let suites = || {
        let said = mikey.srtp_policies().next().is_some();
        let of_policies = mikey.srtp_policies().filter_map(suite);
        let all = SUITES.iter().filter(move |_| !said);
        of_policies.chain(all)
    };
    let keys = mikey.keys.iter().filter(|key| !key.is_traffic_key);
    let generated = keys.flat_map(|key| {
        streams.clone().flat_map(move |stream| {
            suites().filter_map(move |suite| generated::key(mikey, key, stream, suite))
        })
    });
    generated.collect()
}

/// Master keys of a MIKEY message under whose policy packets are authenticated and
/// not encrypted (RFC 3830 6.10.1).
pub fn of_mikey_in_clear(mikey: &Mikey) -> Vec<MasterKey> {
    let value = |policy: &Policy, parameter| policy.value(parameter);
    let policies = mikey.srtp_policies().filter(|policy| {
        value(policy, parameter::ENCRYPTION) == Some(parameter::NULL)
            || value(policy, parameter::SRTP_ENCRYPTION) == Some(0)
    });
    let suites: Vec<_> = policies
        .flat_map(|policy| {
            let cut = value(policy, parameter::TAG) == Some(SHORT_TAG);
            let counter = SUITES.iter().filter(|suite| suite.mode == Mode::Counter);
            counter.filter(move |suite| (suite.tag == 4) == cut)
        })
        .collect();
    let keys = mikey.keys.iter().filter(|key| key.is_traffic_key);
    keys.flat_map(|key| suites.iter().filter_map(|suite| of_suite(suite, key)))
        .collect()
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
