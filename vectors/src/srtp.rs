//! SRTP: keystreams, key derivations and packets of RFC 3711, RFC 6188,
//! RFC 7714 and RFC 9335, and packets that libsrtp made.

use serde::Deserialize;

use crate::{About, Set, load, octets};

/// A set. What it has none of is empty.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Srtp {
    /// What it is.
    pub about: About,
    /// Keystreams of AES in counter mode.
    #[serde(default, rename = "keystream")]
    pub keystreams: Vec<Keystream>,
    /// Session keys of master keys.
    #[serde(default, rename = "derivation")]
    pub derivations: Vec<Derivation>,
    /// Packets under session keys.
    #[serde(default, rename = "session_packet")]
    pub session_packets: Vec<SessionPacket>,
    /// Packets under master keys.
    #[serde(default, rename = "packet")]
    pub packets: Vec<Packet>,
}

/// Part of a keystream (RFC 3711 4.1.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keystream {
    /// The clause.
    pub clause: String,
    /// The session key, 16, 24 or 32 octets.
    #[serde(deserialize_with = "octets")]
    pub key: Vec<u8>,
    /// The counter block that the keystream begins with, 16 octets.
    #[serde(deserialize_with = "octets")]
    pub iv: Vec<u8>,
    /// The number of the first block that is given, from 0.
    pub block: usize,
    /// The keystream from there on.
    #[serde(deserialize_with = "octets")]
    pub octets: Vec<u8>,
}

/// Session keys for RTP from a master key (RFC 3711 4.3).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    /// The clause.
    pub clause: String,
    /// The suite whose key derivation it is, as in the IANA registry.
    pub suite: String,
    /// The master key.
    #[serde(deserialize_with = "octets")]
    pub master_key: Vec<u8>,
    /// The master salt, 14 octets.
    #[serde(deserialize_with = "octets")]
    pub master_salt: Vec<u8>,
    /// The key of the cipher.
    #[serde(deserialize_with = "octets")]
    pub cipher_key: Vec<u8>,
    /// The session salt, 14 octets.
    #[serde(deserialize_with = "octets")]
    pub salt: Vec<u8>,
    /// The key of HMAC, or a longer one with the same derivation.
    #[serde(deserialize_with = "octets")]
    pub authentication_key: Vec<u8>,
}

/// A packet under session keys that are given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionPacket {
    /// The clause.
    pub clause: String,
    /// RTP or RTCP.
    pub protocol: Protocol,
    /// The suite, as in the IANA registry.
    pub suite: String,
    /// The key of the cipher.
    #[serde(deserialize_with = "octets")]
    pub key: Vec<u8>,
    /// The session salt, 12 octets.
    #[serde(deserialize_with = "octets")]
    pub salt: Vec<u8>,
    /// The packet index (RFC 3711 3.3.1) or the SRTCP index.
    pub index: u64,
    /// Whether it is encrypted, and not only authenticated.
    pub encrypted: bool,
    /// The packet before it is sealed.
    #[serde(deserialize_with = "octets")]
    pub clear: Vec<u8>,
    /// The packet as it is sent.
    #[serde(deserialize_with = "octets")]
    pub sealed: Vec<u8>,
}

/// A packet under a master key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packet {
    /// The clause.
    pub clause: String,
    /// RTP or RTCP.
    pub protocol: Protocol,
    /// The suite, as in the IANA registry.
    pub suite: String,
    /// The master key.
    #[serde(deserialize_with = "octets")]
    pub master_key: Vec<u8>,
    /// The master salt.
    #[serde(deserialize_with = "octets")]
    pub master_salt: Vec<u8>,
    /// The packet index (RFC 3711 3.3.1) or the SRTCP index.
    pub index: u64,
    /// Whether CSRCs and header extensions are encrypted (RFC 9335).
    pub cryptex: bool,
    /// The packet before it is sealed.
    #[serde(deserialize_with = "octets")]
    pub clear: Vec<u8>,
    /// The packet as it is sent.
    #[serde(deserialize_with = "octets")]
    pub sealed: Vec<u8>,
}

/// What a packet is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// RTP, sealed as SRTP.
    Rtp,
    /// RTCP, sealed as SRTCP.
    Rtcp,
}

impl Srtp {
    /// What is listed of it.
    pub fn set(&self) -> Set {
        let packets = self.session_packets.len() + self.packets.len();
        let cases = self.keystreams.len() + self.derivations.len() + packets;
        self.about.set(cases)
    }
}

/// RFC 3711 B.2 and B.3: AES in counter mode with 128 bits.
pub fn rfc3711() -> Srtp {
    load(include_str!("../data/srtp-rfc3711.toml"))
}

/// RFC 6188 7: AES in counter mode with 192 and 256 bits.
pub fn rfc6188() -> Srtp {
    load(include_str!("../data/srtp-rfc6188.toml"))
}

/// RFC 7714 16 and 17: AES in Galois/counter mode, under session keys.
pub fn rfc7714() -> Srtp {
    load(include_str!("../data/srtp-rfc7714.toml"))
}

/// RFC 9335 Appendix A: Cryptex.
pub fn rfc9335() -> Srtp {
    load(include_str!("../data/srtp-rfc9335.toml"))
}

/// What libsrtp checks itself with: interoperation, not a standard.
pub fn libsrtp() -> Srtp {
    load(include_str!("../data/srtp-libsrtp.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(set: &Srtp) -> [usize; 4] {
        [
            set.keystreams.len(),
            set.derivations.len(),
            set.session_packets.len(),
            set.packets.len(),
        ]
    }

    #[test]
    fn every_clause_is_there() {
        assert_eq!(counts(&rfc3711()), [1, 1, 0, 0]);
        assert_eq!(counts(&rfc6188()), [4, 2, 0, 0]);
        assert_eq!(counts(&rfc7714()), [0, 0, 8, 0]);
        assert_eq!(counts(&rfc9335()), [0, 0, 0, 12]);
        assert_eq!(counts(&libsrtp()), [0, 0, 0, 6]);
        let clauses: Vec<_> = rfc7714()
            .session_packets
            .into_iter()
            .map(|packet| packet.clause)
            .collect();
        assert_eq!(
            clauses,
            [
                "16.1.1", "16.1.3", "16.2.1", "16.2.3", "17.1", "17.2", "17.3", "17.4"
            ]
        );
    }

    #[test]
    fn indices_are_those_in_the_packets() {
        for packet in rfc7714().session_packets {
            let read = |octets: &[u8]| octets.iter().fold(0, |n, &o| n << 8 | u64::from(o));
            let word = match packet.protocol {
                Protocol::Rtp => read(&packet.sealed[2..4]),
                Protocol::Rtcp => read(&packet.sealed[packet.sealed.len() - 4..]),
            };
            let e_flag = 1 << 31;
            assert_eq!(word & !e_flag, packet.index, "{}", packet.clause);
            let tagged = packet.sealed.starts_with(&packet.clear);
            assert_ne!(tagged, packet.encrypted, "{}", packet.clause);
        }
    }
}
