//! From a message to octets.

use zeroize::Zeroizing;

use super::{
    CryptoSession, Message, NO_VALIDITY, NTP_UTC, NULL, PRE_SHARED, Policy, SPI, SRTP, SRTP_ID,
    TEK, TEK_WITH_SALT, VERSION, payload,
};
use crate::seal::keys::KeyData;

/// Longer than any message of ours, so that growing leaves no copy behind.
const CAPACITY: usize = 1024;

impl Message {
    /// The message as octets. What exceeds the limits that the fields name is
    /// cut to them.
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(CAPACITY));
        let sessions = &self.sessions[..self.sessions.len().min(255)];
        out.extend_from_slice(&[VERSION, PRE_SHARED, payload::T]);
        // No verification message is asked for; PRF MIKEY-1.
        out.push(0);
        out.extend_from_slice(&self.csb_id.to_be_bytes());
        out.extend_from_slice(&[sessions.len() as u8, SRTP_ID]);
        for CryptoSession { policy, ssrc, roc } in sessions {
            out.push(*policy);
            out.extend_from_slice(&ssrc.to_be_bytes());
            out.extend_from_slice(&roc.to_be_bytes());
        }

        let behind_policy = payload::KEMAC;
        let behind_rand = match self.policy {
            Some(_) => payload::SP,
            None => behind_policy,
        };
        let behind_time = match self.rand.is_empty() {
            true => behind_rand,
            false => payload::RAND,
        };
        out.extend_from_slice(&[behind_time, NTP_UTC]);
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        if !self.rand.is_empty() {
            let rand = &self.rand[..self.rand.len().min(255)];
            out.extend_from_slice(&[behind_rand, rand.len() as u8]);
            out.extend_from_slice(rand);
        }
        if let Some(policy) = &self.policy {
            write_policy(policy, behind_policy, &mut out);
        }
        write_kemac(&self.key, &mut out);
        out
    }
}

fn write_policy(policy: &Policy, next: u8, out: &mut Vec<u8>) {
    let mut parameters = Vec::new();
    for (kind, value) in &policy.parameters {
        let value = &value[..value.len().min(255)];
        if parameters.len() + 2 + value.len() > usize::from(u16::MAX) {
            break;
        }
        parameters.extend_from_slice(&[*kind, value.len() as u8]);
        parameters.extend_from_slice(value);
    }
    out.extend_from_slice(&[next, policy.number, SRTP]);
    out.extend_from_slice(&(parameters.len() as u16).to_be_bytes());
    out.extend_from_slice(&parameters);
}

fn write_kemac(key: &KeyData, out: &mut Vec<u8>) {
    let (octets, salt) = (key.expose_key(), key.expose_salt());
    let spi = key.mki().map(|mki| mki.octets());
    let length = 4
        + octets.len()
        + salt.map_or(0, |salt| 2 + salt.len())
        + spi.map_or(0, |spi| 1 + spi.len());
    out.extend_from_slice(&[payload::LAST, NULL]);
    // Keys are far shorter than 2^16 octets.
    out.extend_from_slice(&(length as u16).to_be_bytes());

    let kind = salt.map_or(TEK, |_| TEK_WITH_SALT);
    let validity = spi.map_or(NO_VALIDITY, |_| SPI);
    out.extend_from_slice(&[payload::LAST, kind << 4 | validity]);
    out.extend_from_slice(&(octets.len() as u16).to_be_bytes());
    out.extend_from_slice(octets);
    if let Some(salt) = salt {
        out.extend_from_slice(&(salt.len() as u16).to_be_bytes());
        out.extend_from_slice(salt);
    }
    if let Some(spi) = spi {
        // An MKI has 128 octets at most.
        out.push(spi.len() as u8);
        out.extend_from_slice(spi);
    }
    out.push(NULL);
}
