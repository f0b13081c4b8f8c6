//! TLS 1.3 connections with their secrets: RFC 8448.

use serde::Deserialize;

use crate::{Set, load, octets};

/// A recorded connection with every secret of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// Id of the set.
    pub id: String,
    /// The document.
    pub source: String,
    /// The clause in it.
    pub clause: String,
    /// The title of that clause.
    pub title: String,
    /// Where the document is published.
    pub url: String,
    /// Whose it is.
    pub licence: String,
    /// The suite that was negotiated.
    pub cipher_suite: u16,
    /// Random of the ClientHello, 32 octets.
    #[serde(deserialize_with = "octets")]
    pub client_random: Vec<u8>,
    /// Application data that each side sent.
    #[serde(deserialize_with = "octets")]
    pub payload: Vec<u8>,
    /// The secrets.
    pub secrets: Secrets,
    /// All records of both sides, in the order in which they were sent.
    pub records: Vec<Record>,
}

/// Secrets of the key schedule (RFC 8446 7.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// Handshake Secret.
    #[serde(deserialize_with = "octets")]
    pub handshake: Vec<u8>,
    /// Master Secret.
    #[serde(deserialize_with = "octets")]
    pub master: Vec<u8>,
    /// client_handshake_traffic_secret.
    #[serde(deserialize_with = "octets")]
    pub client_handshake_traffic: Vec<u8>,
    /// server_handshake_traffic_secret.
    #[serde(deserialize_with = "octets")]
    pub server_handshake_traffic: Vec<u8>,
    /// client_application_traffic_secret_0.
    #[serde(deserialize_with = "octets")]
    pub client_application_traffic: Vec<u8>,
    /// server_application_traffic_secret_0.
    #[serde(deserialize_with = "octets")]
    pub server_application_traffic: Vec<u8>,
}

/// One record as it was sent, header and protection included.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Who sent it.
    pub sender: Sender,
    /// What is in it.
    pub content: String,
    /// Its octets.
    #[serde(deserialize_with = "octets")]
    pub octets: Vec<u8>,
}

/// A side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

impl Trace {
    /// What is listed of it; its cases are its records.
    pub fn set(&self) -> Set {
        Set {
            id: self.id.clone(),
            source: self.source.clone(),
            clause: self.clause.clone(),
            cases: self.records.len(),
        }
    }
}

/// RFC 8448 3, Simple 1-RTT Handshake: TLS_AES_128_GCM_SHA256, 50 octets of
/// application data each way, closed by both sides.
pub fn simple_1rtt() -> Trace {
    load(include_str!("../data/tls13-rfc8448-3.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_the_lengths_that_their_headers_and_the_rfc_state() {
        let trace = simple_1rtt();
        let lengths: Vec<usize> = trace.records.iter().map(|r| r.octets.len()).collect();
        assert_eq!(lengths, [201, 95, 679, 58, 227, 72, 72, 24, 24]);
        for record in &trace.records {
            let stated = usize::from(record.octets[3]) << 8 | usize::from(record.octets[4]);
            assert_eq!(record.octets.len(), 5 + stated, "{}", record.content);
        }
        assert_eq!(trace.client_random, trace.records[0].octets[11..43]);
        assert_eq!(trace.payload.len(), 50);
    }
}
