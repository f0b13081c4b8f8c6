//! ClientHello and ServerHello of DTLS (RFC 6347 4.2.1, RFC 9147 5.3), with
//! what they say of SRTP (RFC 5764 4.1.1).

use super::super::tls::{self, CLIENT_HELLO, Message, Reader, SERVER_HELLO};

/// use_srtp (RFC 5764 4.1.1).
const USE_SRTP: u16 = 14;
/// supported_groups.
const SUPPORTED_GROUPS: u16 = 10;

/// The use_srtp extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UseSrtp {
    /// SRTP protection profiles, the most wanted one first; of a server one.
    pub profiles: Vec<u16>,
    /// The MKI that packets are to carry; mostly empty.
    pub mki: Vec<u8>,
}

impl UseSrtp {
    /// Reads the extension's data; `None` if its lengths do not fit.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(data);
        let (pairs, []) = reader.vector16()?.as_chunks::<2>() else {
            return None;
        };
        let srtp = Self {
            profiles: pairs.iter().map(|p| u16::from_be_bytes(*p)).collect(),
            mki: reader.vector8()?.to_vec(),
        };
        (reader.left() == 0).then_some(srtp)
    }
}

/// A ClientHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// Where its first record begins in the stream of the client.
    pub at: usize,
    /// Its version field: what is offered at most, but for DTLS 1.3.
    pub version: u16,
    /// Its random.
    pub random: [u8; 32],
    /// Offered suites.
    pub cipher_suites: Vec<u16>,
    /// supported_groups, if the extension is there.
    pub groups: Vec<u16>,
    /// use_srtp, if the extension is there.
    pub srtp: Option<UseSrtp>,
}

impl ClientHello {
    /// Reads the message; `None` if it is another or its lengths do not fit.
    pub fn parse(message: &Message) -> Option<Self> {
        // What TLS has not: a cookie behind the session id.
        let mut reader = Reader::new(&message.body);
        let version = reader.u16()?;
        reader.take(32)?;
        let _session_id = reader.vector8()?;
        let before = message.body.len() - reader.left();
        let _cookie = reader.vector8()?;
        let rest = &message.body[message.body.len() - reader.left()..];
        let (_suites, _compression) = (reader.vector16()?, reader.vector8()?);
        let extensions = reader.extensions()?;
        let of_tls = tls::ClientHello::parse(&Message {
            at: message.at,
            kind: message.kind,
            body: [message.body.get(..before)?, rest].concat(),
        })?;
        (message.kind == CLIENT_HELLO).then_some(Self {
            at: of_tls.at,
            version,
            random: of_tls.random,
            cipher_suites: of_tls.cipher_suites,
            groups: groups(&extensions),
            srtp: use_srtp(&extensions),
        })
    }
}

/// A ServerHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// Where its first record begins in the stream of the server.
    pub at: usize,
    /// The version that was negotiated (from supported_versions if there).
    pub version: u16,
    /// Its random.
    pub random: [u8; 32],
    /// The suite that was chosen.
    pub cipher_suite: u16,
    /// use_srtp, if it is here: in DTLS 1.3 it is among the encrypted
    /// extensions.
    pub srtp: Option<UseSrtp>,
}

impl ServerHello {
    /// Reads the message; `None` if it is another or its lengths do not fit.
    pub fn parse(message: &Message) -> Option<Self> {
        if message.kind != SERVER_HELLO {
            return None;
        }
        let of_tls = tls::ServerHello::parse(message)?;
        let mut reader = Reader::new(&message.body);
        reader.take(2 + 32)?;
        let _session_id = reader.vector8()?;
        reader.take(2 + 1)?;
        Some(Self {
            at: of_tls.at,
            version: of_tls.version,
            random: of_tls.random,
            cipher_suite: of_tls.cipher_suite,
            srtp: use_srtp(&reader.extensions()?),
        })
    }
}

/// supported_groups among extensions (RFC 8422 5.1.1).
fn groups(extensions: &[(u16, &[u8])]) -> Vec<u16> {
    let groups = extensions
        .iter()
        .find(|(kind, _)| *kind == SUPPORTED_GROUPS);
    let list = groups
        .and_then(|(_, data)| data.get(2..))
        .unwrap_or_default();
    let (pairs, _) = list.as_chunks();
    pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
}

/// use_srtp among extensions.
pub fn use_srtp(extensions: &[(u16, &[u8])]) -> Option<UseSrtp> {
    let (_, data) = extensions.iter().find(|(kind, _)| *kind == USE_SRTP)?;
    UseSrtp::parse(data)
}
