//! What a server says after its hello: the messages of which something is
//! asked (RFC 8446 4.3, 4.4, 4.6.1; RFC 5246 7.4).

use super::{
    Message, TLS13,
    hello::{EXTENSION_EARLY_DATA, Reader},
};

/// new_session_ticket.
pub const NEW_SESSION_TICKET: u8 = 4;
/// encrypted_extensions.
pub const ENCRYPTED_EXTENSIONS: u8 = 8;
/// certificate.
pub const CERTIFICATE: u8 = 11;
/// certificate_request.
pub const CERTIFICATE_REQUEST: u8 = 13;
/// server_key_exchange.
pub const SERVER_KEY_EXCHANGE: u8 = 12;
/// certificate_verify.
pub const CERTIFICATE_VERIFY: u8 = 15;
/// compressed_certificate (RFC 8879).
pub const COMPRESSED_CERTIFICATE: u8 = 25;

/// The certificates of a Certificate message of that version, in DER, the
/// server's own first; `None` if its lengths do not fit.
pub fn certificates(message: &Message, version: u16) -> Option<Vec<&[u8]>> {
    let mut reader = Reader::new(&message.body);
    if version == TLS13 {
        let _certificate_request_context = reader.vector8()?;
    }
    let mut list = Reader::new(reader.vector24()?);
    let mut certificates = Vec::new();
    while list.left() > 0 {
        certificates.push(list.vector24()?);
        if version == TLS13 {
            let _extensions = list.vector16()?;
        }
    }
    (reader.left() == 0).then_some(certificates)
}

/// What a server signs its handshake with, as far as the message says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The group of its key, if the message has one (NamedCurve).
    pub group: Option<u16>,
    /// SignatureScheme, or SignatureAndHashAlgorithm as a number.
    pub scheme: u16,
}

/// The ServerKeyExchange of TLS 1.2 with ECDHE (RFC 8422 5.4); `None` if it is
/// no named curve or its lengths do not fit.
pub fn ecdhe(message: &Message) -> Option<Signed> {
    const NAMED_CURVE: u8 = 3;
    let mut reader = Reader::new(&message.body);
    if reader.u8()? != NAMED_CURVE {
        return None;
    }
    let group = Some(reader.u16()?);
    let _public = reader.vector8()?;
    let scheme = reader.u16()?;
    let _signature = reader.vector16()?;
    (reader.left() == 0).then_some(Signed { group, scheme })
}

/// The CertificateVerify of TLS 1.3.
pub fn certificate_verify(message: &Message) -> Option<Signed> {
    let mut reader = Reader::new(&message.body);
    let scheme = reader.u16()?;
    let _signature = reader.vector16()?;
    (reader.left() == 0).then_some(Signed {
        group: None,
        scheme,
    })
}

/// Whether EncryptedExtensions accept 0-RTT data, or whether a NewSessionTicket
/// of TLS 1.3 allows to send some; `None` if it is another message or its
/// lengths do not fit.
pub fn early_data(message: &Message) -> Option<bool> {
    let mut reader = Reader::new(&message.body);
    match message.kind {
        ENCRYPTED_EXTENSIONS => {}
        NEW_SESSION_TICKET => {
            let _lifetime_and_age_add =
                [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
            let _nonce = reader.vector8()?;
            let _ticket = reader.vector16()?;
        }
        _ => return None,
    }
    let extensions = reader.extensions()?;
    Some(
        extensions
            .iter()
            .any(|(kind, _)| *kind == EXTENSION_EARLY_DATA),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::tls::TLS12;
    use proptest::prelude::*;

    fn message(kind: u8, body: &[u8]) -> Message {
        Message {
            at: 0,
            kind,
            body: body.to_vec(),
        }
    }

    #[test]
    fn certificates_are_found_in_both_forms() {
        let old = message(CERTIFICATE, &[0, 0, 9, 0, 0, 2, 1, 2, 0, 0, 1, 3]);
        assert_eq!(certificates(&old, TLS12).unwrap(), [&[1, 2][..], &[3]]);
        let new = [0, 0, 0, 14, 0, 0, 2, 1, 2, 0, 1, 9, 0, 0, 1, 3, 0, 0];
        let new = message(CERTIFICATE, &new);
        assert_eq!(certificates(&new, TLS13).unwrap(), [&[1, 2][..], &[3]]);
        assert_eq!(certificates(&old, TLS13), None);
        let long = message(CERTIFICATE, &[0, 0, 0, 1]);
        assert_eq!(certificates(&long, TLS12), None);
    }

    #[test]
    fn a_key_exchange_names_its_curve_and_scheme() {
        let body = [3, 0, 23, 2, 4, 4, 4, 3, 0, 1, 9];
        let expected = Signed {
            group: Some(23),
            scheme: 0x0403,
        };
        assert_eq!(ecdhe(&message(SERVER_KEY_EXCHANGE, &body)), Some(expected));
        let explicit = [1, 0, 23, 2, 4, 4, 4, 3, 0, 1, 9];
        assert_eq!(ecdhe(&message(SERVER_KEY_EXCHANGE, &explicit)), None);
        let verify = message(CERTIFICATE_VERIFY, &[2, 3, 0, 1, 9]);
        assert_eq!(certificate_verify(&verify).unwrap().scheme, 0x0203);
    }

    #[test]
    fn early_data_is_found_in_tickets_and_extensions() {
        let with = [0, 4, 0, 42, 0, 0];
        let extensions = |body: &[u8]| early_data(&message(ENCRYPTED_EXTENSIONS, body));
        assert_eq!(extensions(&with), Some(true));
        assert_eq!(extensions(&[0, 4, 0, 10, 0, 0]), Some(false));
        assert_eq!(extensions(&[0, 0]), Some(false));
        assert_eq!(extensions(&[0, 9]), None);
        let head = [0, 0, 0, 9, 1, 2, 3, 4, 1, 7, 0, 2, 5, 5];
        let ticket =
            |rest: &[u8]| early_data(&message(NEW_SESSION_TICKET, &[&head[..], rest].concat()));
        assert_eq!(ticket(&[0, 8, 0, 42, 0, 4, 0, 0, 64, 0]), Some(true));
        assert_eq!(ticket(&[0, 0]), Some(false));
        assert_eq!(ticket(&[0]), None);
        assert_eq!(early_data(&message(CERTIFICATE, &with)), None);
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
            for kind in 0..32 {
                let message = message(kind, &body);
                let _ = certificates(&message, TLS12);
                let _ = certificates(&message, TLS13);
                let _ = (ecdhe(&message), certificate_verify(&message), early_data(&message));
            }
        }
    }
}
