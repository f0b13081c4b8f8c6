//! TLS records and the handshake in clear (RFC 8446 5.1, 4.1; RFC 5246).

pub mod flight;
mod hello;
pub mod null;
pub mod offer;
pub mod suite;
pub mod walk;

use lightleak_case::TransportProtocol;

use super::{Flow, Stream};
pub(crate) use hello::Reader;

/// change_cipher_spec.
pub const CHANGE_CIPHER_SPEC: u8 = 20;
/// alert.
pub const ALERT: u8 = 21;
/// handshake.
pub const HANDSHAKE: u8 = 22;
/// application_data.
pub const APPLICATION_DATA: u8 = 23;
/// heartbeat (RFC 6520); the last content type of TLS over TCP.
const HEARTBEAT: u8 = 24;

/// client_hello.
pub const CLIENT_HELLO: u8 = 1;
/// server_hello; HelloRetryRequest as well.
pub const SERVER_HELLO: u8 = 2;

/// TLS 1.2.
pub const TLS12: u16 = 0x0303;
/// TLS 1.3.
pub const TLS13: u16 = 0x0304;
/// Octets of a record before its fragment.
pub const HEADER: usize = 5;
/// Longest fragment of TLS 1.2 and earlier (RFC 5246 6.2.3).
const LONGEST: usize = (1 << 14) + 2048;
/// Longest fragment of TLS 1.3 (RFC 8446 5.2).
const LONGEST_TLS13: usize = (1 << 14) + 256;

/// The random of a HelloRetryRequest (RFC 8446 4.1.3).
pub(crate) const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What a TCP flow shows of TLS, without any key. Reading of a direction ends
/// before its first gap: what follows cannot be told to be records or not.
#[derive(Clone, Debug, Default)]
pub struct TlsReading {
    /// The first ClientHello. Of either version.
    pub client_hello: Option<ClientHello>,
    /// The ServerHello that was accepted (not a HelloRetryRequest).
    pub server_hello: Option<ServerHello>,
    /// Handshake messages that `b` sent before anything that is protected.
    pub in_clear_b: Vec<Message>,
    /// Records that `a` (the client) sent, in order.
    pub from_a: Vec<Record>,
    /// Records that `b` (the server) sent, in order.
    pub from_b: Vec<Record>,
    /// Where the records of `a` stop being records, if octets follow. A record
    /// that the capture's end cuts short is no residue.
    pub residue_a: Option<usize>,
    /// Where the records of `b` stop being records, if octets follow.
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
    /// Whether it resumes a session of TLS 1.3, or tries to (pre_shared_key).
    pub resumes: bool,
    /// Whether 0-RTT data follow it (early_data).
    pub early_data: bool,
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
    /// Whether it has a share of a Diffie-Hellman key (key_share, TLS 1.3).
    pub key_share: bool,
}

/// A handshake message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where the record that it begins in begins.
    pub at: usize,
    /// msg_type.
    pub kind: u8,
    /// What follows the 4 octets of header.
    pub body: Vec<u8>,
}

/// Puts handshake messages together, which may share or span records
/// (RFC 8446 5.1).
#[derive(Clone, Debug, Default)]
pub struct Messages {
    partial: Vec<u8>,
    at: usize,
}

impl Messages {
    /// Whether no message has begun that is not complete yet.
    pub fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// Takes the fragment of the next handshake record, which begins at `at`;
    /// gives the messages that it completes.
    pub fn push(&mut self, at: usize, fragment: &[u8]) -> Vec<Message> {
        if self.partial.is_empty() {
            self.at = at;
        }
        self.partial.extend_from_slice(fragment);
        let mut messages = Vec::new();
        let mut rest = Reader::new(&self.partial);
        while let Some((kind, body)) = rest.message() {
            messages.push(Message {
                at: self.at,
                kind,
                body: body.to_vec(),
            });
            self.at = at;
        }
        let left = rest.left();
        self.partial.drain(..self.partial.len() - left);
        messages
    }
}

/// Reads a TCP flow as TLS by its content; `None` if its client did not begin
/// with a TLS handshake record.
pub fn read(flow: &Flow) -> Option<TlsReading> {
    let begins = flow.from_a.bytes.first_chunk::<HEADER>()?;
    let readable = flow.transport == TransportProtocol::Tcp
        && begins[0] == HANDSHAKE
        && is_header(begins, LONGEST)
        && flow.from_a.gaps.first() != Some(&0);
    if !readable {
        return None;
    }
    let (mut from_a, mut residue_a) = records(&flow.from_a);
    let (mut from_b, mut residue_b) = records(&flow.from_b);
    let client_hello = client_hello(&flow.from_a, &from_a);
    let in_clear_b = in_clear(&flow.from_b, &from_b);
    let server_hello = server_hello(&in_clear_b);
    if server_hello.is_some_and(|hello| hello.version == TLS13) {
        end_at_long(&mut from_a, &mut residue_a);
        end_at_long(&mut from_b, &mut residue_b);
    }
    Some(TlsReading {
        client_hello,
        server_hello,
        in_clear_b,
        from_a,
        from_b,
        residue_a,
        residue_b,
    })
}

/// Whether a direction is nothing but an alert in clear, or two (the reason and
/// close_notify): how TLS turns down what it does not like, be it TLS or not.
pub fn is_refusal(stream: &Stream) -> bool {
    let (records, residue) = records(stream);
    let end = records.last().map(|r| r.at + HEADER + r.length);
    // RFC 8446 6: AlertLevel is 1 or 2.
    let alert = |r: &Record| r.content_type == ALERT && matches!(r.fragment(stream), [1 | 2, _]);
    let whole = residue.is_none() && end == Some(stream.bytes.len());
    whole && records.len() <= 2 && records.iter().all(alert)
}

/// The records of a direction, and where they stop being records.
fn records(stream: &Stream) -> (Vec<Record>, Option<usize>) {
    let end = stream.gaps.first().copied().unwrap_or(usize::MAX);
    let bytes = &stream.bytes[..end.min(stream.bytes.len())];
    let mut records = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if !is_header(&rest[..HEADER.min(rest.len())], LONGEST) {
            return (records, Some(at));
        }
        let &[content_type, major, minor, high, low, ref rest @ ..] = rest else {
            break;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if rest.len() < length {
            break;
        }
        records.push(Record {
            at,
            content_type,
            version: u16::from_be_bytes([major, minor]),
            length,
        });
        at += HEADER + length;
    }
    (records, None)
}

/// Whether octets are records and nothing else, the last of them whole or not.
pub fn is_records(octets: &[u8]) -> bool {
    let mut at = 0;
    while let Some([20..=24, 3, 0..=4, high, low]) = octets.get(at..at + HEADER) {
        at += HEADER + usize::from(u16::from_be_bytes([*high, *low]));
    }
    at >= octets.len()
}

/// Whether the octets are the header of a record, or the beginning of one.
fn is_header(octets: &[u8], longest: usize) -> bool {
    let at = |index: usize| octets.get(index).copied();
    let length = match (at(3), at(4)) {
        (Some(high), low) => usize::from(u16::from_be_bytes([high, low.unwrap_or(0)])),
        _ => 0,
    };
    at(0).is_none_or(|t| (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&t))
        && at(1).is_none_or(|major| major == 3)
        && at(2).is_none_or(|minor| minor <= 4)
        && length <= longest
}

/// Ends the records before the first that is too long for TLS 1.3.
fn end_at_long(records: &mut Vec<Record>, residue: &mut Option<usize>) {
    if let Some(index) = records.iter().position(|r| r.length > LONGEST_TLS13) {
        *residue = Some(records[index].at);
        records.truncate(index);
    }
}

impl Record {
    /// Its header, [`HEADER`] octets.
    pub fn header<'a>(&self, stream: &'a Stream) -> &'a [u8] {
        let end = self.at.saturating_add(HEADER);
        stream.bytes.get(self.at..end).unwrap_or_default()
    }

    /// Its fragment.
    pub fn fragment<'a>(&self, stream: &'a Stream) -> &'a [u8] {
        let start = self.at.saturating_add(HEADER);
        let end = start.saturating_add(self.length);
        stream.bytes.get(start..end).unwrap_or_default()
    }
}

fn client_hello(stream: &Stream, records: &[Record]) -> Option<ClientHello> {
    let mut messages = Messages::default();
    for record in records.iter().take_while(|r| r.content_type == HANDSHAKE) {
        let complete = messages.push(record.at, record.fragment(stream));
        if let Some(first) = complete.first() {
            return ClientHello::parse(first);
        }
    }
    None
}

/// Handshake messages up to the first record of a server that may be protected.
fn in_clear(stream: &Stream, records: &[Record]) -> Vec<Message> {
    let mut messages = Messages::default();
    let mut found = Vec::new();
    let mut retried = false;
    for record in records {
        match record.content_type {
            HANDSHAKE => {
                let complete = messages.push(record.at, record.fragment(stream));
                retried |= complete.iter().any(|m| {
                    let hello = ServerHello::parse(m).filter(|_| m.kind == SERVER_HELLO);
                    hello.is_some_and(|hello| hello.random == HELLO_RETRY_REQUEST)
                });
                found.extend(complete);
            }
            // Between the two hellos for middleboxes (RFC 8446 D.4); else what
            // follows is protected.
            CHANGE_CIPHER_SPEC if retried => {}
            // A warning may come first, such as unrecognized_name (RFC 6066 3).
            ALERT => {}
            _ => break,
        }
    }
    found
}

/// The first that is no HelloRetryRequest.
fn server_hello(messages: &[Message]) -> Option<ServerHello> {
    let hellos = messages.iter().filter(|m| m.kind == SERVER_HELLO);
    let mut hellos = hellos.map(ServerHello::parse);
    hellos.find_map(|hello| match hello {
        Some(hello) if hello.random == HELLO_RETRY_REQUEST => None,
        other => Some(other),
    })?
}

#[cfg(test)]
mod tests;
