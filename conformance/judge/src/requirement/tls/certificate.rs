//! What a device authenticates itself with.

use lightleak_case::Vantage;

use super::server_hellos;
use crate::{
    dissect::{
        Flow, Span,
        tls::{HEADER, Message, TLS12, TLS13, flight},
        x509::{Certificate, Hash, Key},
    },
    requirement::evidence,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// Bits of an RSA key.
const LEAST_RSA: usize = 2048;
/// Bits of a curve.
const LEAST_CURVE: usize = 224;

/// TLS-07. Signatures on a certificate that signs itself are nobody's proof
/// (RFC 8446 4.4.2.2), unless it is the device's own.
pub(super) fn is_strong(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let (mut weak, mut unknown) = (Vec::new(), Vec::new());
    let mut certificates = 0;
    let mut assurance = Assurance::Opened;
    for (flow, connection, hello) in server_hellos(seen) {
        let in_clear = connection.tls.iter().flat_map(|t| &t.in_clear_b);
        let protected = connection
            .opened()
            .iter()
            .flat_map(|o| &o.handshake_b)
            .collect::<Vec<_>>();
        if hello.version == TLS13 && protected.is_empty() {
            unknown.push(match &connection.opened {
                Some(Err(error)) => error.to_string(),
                _ => "nothing of a handshake was opened".into(),
            });
        }
        for message in in_clear.chain(protected) {
            match read(message, hello.version) {
                Read::Certificates(read) => {
                    certificates += read.len();
                    if hello.version != TLS13 {
                        assurance = Assurance::Identified;
                    }
                    for (index, certificate) in read.iter().enumerate() {
                        match weakness(certificate, index == 0) {
                            Ok(()) => {}
                            Err(Doubt::Weak(why)) => weak.push((place(flow, message), why)),
                            Err(Doubt::Unknown(why)) => unknown.push(why),
                        }
                    }
                }
                Read::Signed(signed) => {
                    if let Err(why) = is_well_signed(signed) {
                        weak.push((place(flow, message), why));
                    }
                }
                Read::Illegible(why) => unknown.push(why),
                Read::Nothing => {}
            }
        }
    }
    let found = weak
        .into_iter()
        .filter_map(|(span, why)| Some(evidence(seen, span?, why)));
    let found: Vec<_> = found.collect();
    match (found.first(), unknown.into_iter().next()) {
        (Some(first), _) => Outcome::Fail(first.why.clone(), found),
        (None, Some(why)) => Outcome::Inconclusive(why),
        (None, None) if certificates == 0 => {
            Outcome::Inconclusive("no certificate of the device was seen".into())
        }
        (None, None) => Outcome::Pass(
            assurance,
            format!("{certificates} certificates, keys and signatures of all are strong enough"),
        ),
    }
}

/// What of a message is looked at.
enum Read {
    Certificates(Vec<Certificate>),
    Signed(flight::Signed),
    Illegible(String),
    Nothing,
}

fn read(message: &Message, version: u16) -> Read {
    let illegible = |what: &str| Read::Illegible(format!("{what} of the device does not parse"));
    match (message.kind, version) {
        (flight::CERTIFICATE, _) => {
            let list = flight::certificates(message, version);
            let read: Option<Vec<_>> =
                list.and_then(|list| list.into_iter().map(Certificate::parse).collect());
            read.map_or_else(|| illegible("a certificate"), Read::Certificates)
        }
        (flight::COMPRESSED_CERTIFICATE, TLS13) => {
            Read::Illegible("the device compressed its certificates".into())
        }
        (flight::CERTIFICATE_VERIFY, TLS13) => {
            let verify = flight::certificate_verify(message);
            verify.map_or_else(|| illegible("a CertificateVerify"), Read::Signed)
        }
        // Of another key exchange it has another form.
        (flight::SERVER_KEY_EXCHANGE, TLS12) => {
            flight::ecdhe(message).map_or(Read::Nothing, Read::Signed)
        }
        _ => Read::Nothing,
    }
}

/// What speaks against a certificate.
enum Doubt {
    Weak(String),
    Unknown(String),
}

fn weakness(certificate: &Certificate, own: bool) -> Result<(), Doubt> {
    let weak = |why| Err(Doubt::Weak(why));
    match &certificate.key {
        Key::Rsa(bits) if *bits < LEAST_RSA => {
            return weak(format!("a certificate has an RSA key of {bits} bits"));
        }
        Key::Curve(name, bits) if *bits < LEAST_CURVE => {
            return weak(format!("a certificate has a key on {name}, of {bits} bits"));
        }
        Key::Other(name) => {
            return Err(Doubt::Unknown(format!(
                "a certificate has a key of kind {name}"
            )));
        }
        Key::Rsa(_) | Key::Curve(..) => {}
    }
    match &certificate.hash {
        _ if certificate.self_issued && !own => Ok(()),
        Hash::Strong => Ok(()),
        Hash::Sha1 => weak("a certificate is signed with SHA-1".into()),
        Hash::Md5 => weak("a certificate is signed with MD5 or older".into()),
        Hash::Other(name) => Err(Doubt::Unknown(format!("a certificate is signed by {name}"))),
    }
}

/// RFC 9155 2 to 4; curves by their number (IANA TLS Supported Groups).
fn is_well_signed(signed: flight::Signed) -> Result<(), String> {
    match (signed.scheme, signed.group) {
        // rsa_pkcs1_sha1, dsa_sha1, ecdsa_sha1
        (0x0201..=0x0203, _) => Err("a handshake is signed with SHA-1".into()),
        (0x0100..=0x01ff, _) => Err("a handshake is signed with MD5".into()),
        // sect163k1 to sect193r2, secp160k1 to secp192r1
        (_, Some(group @ (1..=5 | 15..=19))) => Err(format!(
            "a key exchange is on curve {group}, of less than 224 bits"
        )),
        _ => Ok(()),
    }
}

/// The record that the message begins in.
fn place(flow: &Flow, message: &Message) -> Option<Span> {
    let header = flow.from_b.bytes.get(message.at..message.at + HEADER)?;
    let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
    flow.from_b.span(message.at, HEADER + length)
}
