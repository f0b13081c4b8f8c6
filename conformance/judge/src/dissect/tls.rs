//! TLS records and the handshake in clear (RFC 8446 5.1, 4.1; RFC 5246).

use super::Flow;

/// What a TCP flow shows of TLS, without any key.
#[derive(Clone, Debug, Default)]
pub struct TlsReading {
    /// The first ClientHello. Of either version.
    pub client_hello: Option<ClientHello>,
    /// The ServerHello that was accepted (not a HelloRetryRequest).
    pub server_hello: Option<ServerHello>,
    /// Records that `a` (the client) sent, in order.
    pub from_a: Vec<Record>,
    /// Records that `b` (the server) sent, in order.
    pub from_b: Vec<Record>,
    /// Where the records of `a` stop being records, if octets follow.
    pub residue_a: Option<usize>,
    /// Where the records of `b` stop being records, if octets follow. A record
    /// that the capture's end cuts short is no residue.
    pub residue_b: Option<usize>,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where its header begins in the stream.
    pub at: usize,
    /// Content type: 20 change_cipher_spec, 21 alert, 22 handshake, 23 application_data.
    pub content_type: u8,
    /// legacy_record_version.
    pub version: u16,
    /// Length of the fragment that follows the 5 octets of header.
    pub length: usize,
}

/// A ClientHello (RFC 8446 4.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// Where its record begins in the stream of `a`.
    pub at: usize,
    /// client_version or legacy_version.
    pub legacy_version: u16,
    /// supported_versions, if the extension is there.
    pub supported_versions: Vec<u16>,
    /// Its random.
    pub random: [u8; 32],
    /// Offered suites.
    pub cipher_suites: Vec<u16>,
    /// server_name.
    pub server_name: Option<String>,
}

impl ClientHello {
    /// The highest version offered; grease values (RFC 8701) left out.
    pub fn highest_version(&self) -> u16 {
        self.supported_versions
            .iter()
            .copied()
            .filter(|v| v & 0x0f0f != 0x0a0a)
            .max()
            .unwrap_or(self.legacy_version)
    }
}

/// A ServerHello (RFC 8446 4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// Where its record begins in the stream of `b`.
    pub at: usize,
    /// The version that was negotiated (from supported_versions if there).
    pub version: u16,
    /// Its random.
    pub random: [u8; 32],
    /// The suite that was chosen.
    pub cipher_suite: u16,
}

/// Reads a TCP flow as TLS by its content; `None` if its client did not begin
/// with a TLS handshake record.
pub fn read(flow: &Flow) -> Option<TlsReading> {
    let _ = flow;
    None
}
