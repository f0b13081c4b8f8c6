//! Key management messages in SDP and RTSP (RFC 4567): the attribute
//! `key-mgmt`, the header `KeyMgmt`, and the parameter `mikey` (ONVIF
//! Streaming 8.2.1).

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use super::mikey::{Message, MikeyError};

/// Name of the attribute (RFC 4567 3.1).
pub const ATTRIBUTE: &str = "key-mgmt";
/// Name of the header (RFC 4567 3.2).
pub const HEADER: &str = "KeyMgmt";
/// Name of the parameter (ONVIF Streaming 8.2.1.2), and of the protocol.
pub const MIKEY: &str = "mikey";

/// Value of the attribute that carries a message.
pub fn attribute(message: &Message) -> String {
    format!("{MIKEY} {}", Base64(message))
}

/// Value of the header that carries a message for that URL.
pub fn header(message: &Message, url: &str) -> String {
    format!("prot={MIKEY};uri=\"{url}\";data=\"{}\"", Base64(message))
}

/// The line of a body of parameters that carries a message.
pub fn parameter(message: &Message) -> String {
    format!("{MIKEY}: {}\r\n", Base64(message))
}

/// The message in a value of the attribute.
///
/// # Errors
///
/// [`KeyMgmtError`] says what is wrong with the value or with the message.
pub fn read_attribute(value: &str) -> Result<Message, KeyMgmtError> {
    let (protocol, data) = value.trim().split_once(' ').ok_or(KeyMgmtError::NoMikey)?;
    if !protocol.eq_ignore_ascii_case(MIKEY) {
        return Err(KeyMgmtError::NoMikey);
    }
    read(data)
}

/// The message in a value of the header: the first of the protocol MIKEY. Its
/// URL is not looked at: what a message is for is said by the request that it
/// comes with.
///
/// # Errors
///
/// [`KeyMgmtError`] says what is wrong with the value or with the message.
pub fn read_header(value: &str) -> Result<Message, KeyMgmtError> {
    for specification in split(value, ',') {
        let (mut protocol, mut data) = (None, None);
        for field in split(specification, ';') {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "prot" => protocol = Some(value),
                "data" => data = Some(value),
                _ => {}
            }
        }
        if protocol.is_some_and(|p| p.eq_ignore_ascii_case(MIKEY)) {
            return read(data.ok_or(KeyMgmtError::NoData)?);
        }
    }
    Err(KeyMgmtError::NoMikey)
}

/// The message in the value of the parameter.
///
/// # Errors
///
/// [`KeyMgmtError`] says what is wrong with it.
pub fn read(data: &str) -> Result<Message, KeyMgmtError> {
    let octets = BASE64_STANDARD.decode(data.trim());
    let octets = Zeroizing::new(octets.map_err(|_| KeyMgmtError::Base64)?);
    Ok(Message::read(&octets)?)
}

/// Why there is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyMgmtError {
    /// Nothing is of the protocol MIKEY.
    #[error("key management names no protocol mikey")]
    NoMikey,
    /// A header has no `data`.
    #[error("key management has no data")]
    NoData,
    /// The data are not base64 (RFC 4648 4).
    #[error("key management data are not base64")]
    Base64,
    /// The message itself.
    #[error("mikey: {0}")]
    Mikey(#[from] MikeyError),
}

/// Displays a message as base64.
struct Base64<'a>(&'a Message);

impl fmt::Display for Base64<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Zeroizing::new(BASE64_STANDARD.encode(&*self.0.write()));
        f.write_str(&text)
    }
}

/// Splits where the separator is not quoted.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The header of ONVIF Streaming 26.06, 8.2.1.1.
    const VALUE: &str = r#"prot=mikey;uri="";data="AQAFAP1td9ABAADCD1UcAAAAAAoAAdOOGc75XD0BAAAAGAABAQEBEAIBAQMBFAcBAQgBAQoBAQsBCgAAACcAIQAe30C59UrClE0e27UP5h/Wty9UL8+dfzg+2ttmmo3kBAAAAC8A""#;

    #[test]
    fn a_message_comes_back_from_attribute_header_and_parameter() {
        let message = read_header(VALUE).expect("a message");
        assert_eq!(message.csb_id, 0xfd6d_77d0);
        assert_eq!(header(&message, ""), VALUE);
        assert_eq!(read_attribute(&attribute(&message)), Ok(message.clone()));
        let parameter = parameter(&message);
        let (name, data) = parameter.split_once(':').expect("a name");
        assert_eq!((name, read(data)), (MIKEY, Ok(message.clone())));
        // Another protocol first, and a URL with what separates elsewhere.
        let url = "rtsps://h/a;b=c,d";
        let both = format!("prot=sdp;data=\"AA==\",{}", header(&message, url));
        assert_eq!(read_header(&both), Ok(message));
    }

    #[test]
    fn what_carries_no_message_is_refused() {
        assert_eq!(
            read_header("prot=sdes;data=\"\""),
            Err(KeyMgmtError::NoMikey)
        );
        assert_eq!(read_header("prot=mikey"), Err(KeyMgmtError::NoData));
        assert_eq!(
            read_header("prot=mikey;data=\"*\""),
            Err(KeyMgmtError::Base64)
        );
        assert_eq!(read_attribute("mikey"), Err(KeyMgmtError::NoMikey));
        assert!(matches!(
            read_attribute("mikey AQ=="),
            Err(KeyMgmtError::Mikey(_))
        ));
    }

    proptest! {
        #[test]
        fn hostile_values_never_panic(value in ".{0,200}") {
            let _ = (read_header(&value), read_attribute(&value), read(&value));
        }
    }
}
