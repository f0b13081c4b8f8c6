//! ClientHello and ServerHello (RFC 8446 4.1), read with bounds.

use super::{CLIENT_HELLO, ClientHello, Message, ServerHello};

/// server_name (RFC 6066 3).
const EXTENSION_SERVER_NAME: u16 = 0;
/// pre_shared_key (RFC 8446 4.2.11).
const EXTENSION_PRE_SHARED_KEY: u16 = 41;
/// early_data (RFC 8446 4.2.10).
pub const EXTENSION_EARLY_DATA: u16 = 42;
/// supported_versions (RFC 8446 4.2.1).
const EXTENSION_SUPPORTED_VERSIONS: u16 = 43;
/// key_share (RFC 8446 4.2.8).
const EXTENSION_KEY_SHARE: u16 = 51;

impl ClientHello {
    /// Reads the message; `None` if it is another or its lengths do not fit.
    pub fn parse(message: &Message) -> Option<Self> {
        let mut reader = Reader(&message.body);
        let mut hello = Self {
            at: message.at,
            legacy_version: reader.u16()?,
            supported_versions: Vec::new(),
            random: *reader.0.split_off(..32)?.first_chunk()?,
            cipher_suites: Vec::new(),
            server_name: None,
            resumes: false,
            early_data: false,
        };
        let _session_id = reader.vector8()?;
        hello.cipher_suites = u16s(reader.vector16()?)?;
        let _compression_methods = reader.vector8()?;
        let extensions = reader.extensions()?;
        for (kind, data) in extensions {
            match kind {
                EXTENSION_SERVER_NAME => hello.server_name = server_name(data),
                EXTENSION_SUPPORTED_VERSIONS => {
                    hello.supported_versions = u16s(Reader(data).vector8()?)?;
                }
                EXTENSION_PRE_SHARED_KEY => hello.resumes = true,
                EXTENSION_EARLY_DATA => hello.early_data = true,
                _ => {}
            }
        }
        (message.kind == CLIENT_HELLO).then_some(hello)
    }
}

impl ServerHello {
    /// Reads the message; `None` if its lengths do not fit.
    pub fn parse(message: &Message) -> Option<Self> {
        let mut reader = Reader(&message.body);
        let mut version = reader.u16()?;
        let random = *reader.0.split_off(..32)?.first_chunk()?;
        let _session_id = reader.vector8()?;
        let cipher_suite = reader.u16()?;
        let _compression_method = reader.u8()?;
        let mut key_share = false;
        for (kind, data) in reader.extensions()? {
            match kind {
                EXTENSION_SUPPORTED_VERSIONS => version = Reader(data).u16()?,
                EXTENSION_KEY_SHARE => key_share = true,
                _ => {}
            }
        }
        Some(Self {
            at: message.at,
            version,
            random,
            cipher_suite,
            key_share,
        })
    }
}

/// The first name of type host_name.
fn server_name(extension: &[u8]) -> Option<String> {
    let mut names = Reader(Reader(extension).vector16()?);
    while !names.0.is_empty() {
        let host_name = names.u8()? == 0;
        let name = names.vector16()?;
        if host_name {
            return String::from_utf8(name.to_vec()).ok();
        }
    }
    None
}

fn u16s(octets: &[u8]) -> Option<Vec<u16>> {
    let (pairs, []) = octets.as_chunks::<2>() else {
        return None;
    };
    Some(pairs.iter().map(|&pair| u16::from_be_bytes(pair)).collect())
}

/// The presentation language of TLS (RFC 8446 3), read with bounds.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the first octet on.
    pub fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// How many octets are not read yet.
    pub fn left(&self) -> usize {
        self.0.len()
    }

    /// A whole handshake message: msg_type and body. Takes nothing if its end
    /// is not there yet.
    pub fn message(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[kind, high, middle, low], rest) = self.0.split_first_chunk()?;
        let length = u32::from_be_bytes([0, high, middle, low]);
        let body = rest.get(..usize::try_from(length).ok()?)?;
        self.0 = &rest[body.len()..];
        Some((kind, body))
    }

    /// So many octets.
    pub fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        self.0.split_off(..octets)
    }

    /// A number of 8 bits.
    pub fn u8(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }

    /// A number of 16 bits.
    pub fn u16(&mut self) -> Option<u16> {
        let octets = self.0.split_off(..2)?.first_chunk()?;
        Some(u16::from_be_bytes(*octets))
    }

    /// A vector of at most 255 octets.
    pub fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u8()?);
        self.0.split_off(..length)
    }

    /// A vector of at most 65535 octets.
    pub fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u16()?);
        self.0.split_off(..length)
    }

    /// A vector of at most 2^24 - 1 octets.
    pub fn vector24(&mut self) -> Option<&'a [u8]> {
        let &[high, middle, low] = self.0.split_off(..3)?.first_chunk()?;
        let length = u32::from_be_bytes([0, high, middle, low]);
        self.0.split_off(..usize::try_from(length).ok()?)
    }

    /// Extensions up to the end of the message; before TLS 1.3 there may be none.
    pub fn extensions(&mut self) -> Option<Vec<(u16, &'a [u8])>> {
        let mut found = Vec::new();
        if self.0.is_empty() {
            return Some(found);
        }
        let mut extensions = Reader(self.vector16()?);
        while !extensions.0.is_empty() {
            found.push((extensions.u16()?, extensions.vector16()?));
        }
        self.0.is_empty().then_some(found)
    }
}
