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
    traffic_keys(mikey, &suites(mikey))
}

/// Master keys of a MIKEY message that are made of the keys it tells (TGK, RFC 3830
/// 4.1.3), for each of its streams.
pub fn of_generating_mikey(mikey: &Mikey) -> Vec<MasterKey> {
    let streams = u8::try_from(mikey.sessions.len())
        .unwrap_or(u8::MAX)
        .clamp(1, MOST_STREAMS);
    let suites = suites(mikey);
    let mut made = Vec::new();
    for key in mikey.keys.iter().filter(|key| !key.is_traffic_key) {
        for stream in 1..=streams {
            let of_suite = |suite: &&'static Suite| generated::key(mikey, key, stream, suite);
            made.extend(suites.iter().filter_map(of_suite));
        }
    }
    made
}

/// The suites that the policies of a message say; all, if it has none.
fn suites(mikey: &Mikey) -> Vec<&'static Suite> {
    match mikey.srtp_policies().next() {
        Some(_) => mikey.srtp_policies().filter_map(suite).collect(),
        None => SUITES.iter().collect(),
    }
}

/// Those that the traffic keys of a message are in one of the suites.
fn traffic_keys(mikey: &Mikey, suites: &[&'static Suite]) -> Vec<MasterKey> {
    let keys = mikey.keys.iter().filter(|key| key.is_traffic_key);
    keys.flat_map(|key| suites.iter().filter_map(|suite| of_suite(suite, key)))
        .collect()
}

/// Master keys of a MIKEY message under whose policy packets are authenticated and
/// not encrypted (RFC 3830 6.10.1).
pub fn of_mikey_in_clear(mikey: &Mikey) -> Vec<MasterKey> {
    let policies = mikey.srtp_policies().filter(|policy| {
        policy.value(parameter::ENCRYPTION) == Some(parameter::NULL)
            || policy.value(parameter::SRTP_ENCRYPTION) == Some(0)
    });
    let suites: Vec<_> = policies
        .flat_map(|policy| {
            let cut = policy.value(parameter::TAG) == Some(SHORT_TAG);
            let counter = SUITES.iter().filter(|suite| suite.mode == Mode::Counter);
            counter.filter(move |suite| (suite.tag == 4) == cut)
        })
        .collect();
    traffic_keys(mikey, &suites)
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
