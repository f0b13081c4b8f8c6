//! RTSP inside something else: the HTTP tunnel (RTSP over HTTP, Apple 2001) and
//! WebSocket (RFC 6455), as ONVIF Streaming 5.1.1.5 and 5.1.1.6 have them. Who
//! asks for them in clear is somebody who looks whether a camera would answer.

use std::io;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Content type of the tunnel.
pub const TUNNELLED: &str = "application/x-rtsp-tunnelled";
/// Name of RTSP in WebSocket (ONVIF Streaming 7.3.1.1).
pub const SUBPROTOCOL: &str = "rtsp.onvif.org";

/// Octets on their way at most.
pub const BUFFER: usize = 64 * 1024;

/// Octets of the longest head of an HTTP message that is read.
const LONGEST_HEAD: usize = 8 * 1024;
/// Octets of the longest WebSocket frame that is read.
const LONGEST_FRAME: usize = 1 << 20;
/// FIN, and the opcode of binary data (RFC 6455 5.2).
const BINARY: u8 = 0x82;

/// Start line and headers of an HTTP message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    start: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

impl Head {
    /// The method of a request.
    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// The status code of a response.
    pub fn status(&self) -> Option<u16> {
        self.start.split(' ').nth(1)?.parse().ok()
    }

    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads the head of an HTTP message and no octet more.
pub async fn head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Head> {
    let mut octets = Vec::new();
    while !octets.ends_with(b"\r\n\r\n") {
        if octets.len() == LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        octets.push(stream.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&octets);
    let mut lines = text.lines();
    let start = lines.next().unwrap_or_default().to_owned();
    if !start.contains("HTTP/") {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    });
    Ok(Head {
        headers: headers.collect(),
        start,
    })
}

/// Which way octets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Into the coding.
    Out,
    /// Out of it.
    In,
}

/// Moves octets through a coding until there are no more, and says so to the
/// other end.
pub async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut coding: Coding,
    way: Way,
) -> io::Result<()> {
    let mut octets = vec![0; BUFFER];
    loop {
        let read = from.read(&mut octets).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let coded = match way {
            Way::Out => coding.encode(&octets[..read]),
            Way::In => coding.decode(&octets[..read])?,
        };
        to.write_all(&coded).await?;
        to.flush().await?;
    }
}

/// How octets are written.
#[derive(Debug)]
pub struct Coding {
    kind: Kind,
    /// What was read and makes no whole piece yet.
    rest: Vec<u8>,
}

#[derive(Debug)]
enum Kind {
    /// Each message by itself, hence with padding anywhere.
    Base64,
    /// With the mask of a client.
    Frames(Option<[u8; 4]>),
}

impl Coding {
    /// Base64 (RFC 4648 4).
    pub fn base64() -> Self {
        Self {
            kind: Kind::Base64,
            rest: Vec::new(),
        }
    }

    /// WebSocket frames, masked or not.
    pub fn frames(mask: Option<[u8; 4]>) -> Self {
        Self {
            kind: Kind::Frames(mask),
            rest: Vec::new(),
        }
    }

    /// Octets as they travel.
    pub fn encode(&self, octets: &[u8]) -> Vec<u8> {
        let mask = match self.kind {
            Kind::Base64 => return BASE64_STANDARD.encode(octets).into_bytes(),
            Kind::Frames(mask) => mask,
        };
        let masked = u8::from(mask.is_some()) << 7;
        let mut frame = vec![BINARY];
        match (u8::try_from(octets.len()), u16::try_from(octets.len())) {
            (Ok(length @ ..126), _) => frame.push(masked | length),
            (_, Ok(length)) => {
                frame.push(masked | 126);
                frame.extend(length.to_be_bytes());
            }
            _ => {
                frame.push(masked | 127);
                frame.extend((octets.len() as u64).to_be_bytes());
            }
        }
        frame.extend(mask.iter().flatten());
        let mask = mask.unwrap_or_default();
        frame.extend(octets.iter().zip(mask.iter().cycle()).map(|(o, m)| o ^ m));
        frame
    }

    /// What was meant, as far as it has come.
    pub fn decode(&mut self, octets: &[u8]) -> io::Result<Vec<u8>> {
        self.rest.extend_from_slice(octets);
        let mut decoded = Vec::new();
        match self.kind {
            Kind::Base64 => {
                self.rest.retain(|o| !o.is_ascii_whitespace());
                let whole = self.rest.len() / 4 * 4;
                for quantum in self.rest.drain(..whole).as_slice().chunks(4) {
                    let octets = BASE64_STANDARD.decode(quantum);
                    decoded.extend(octets.map_err(|_| io::ErrorKind::InvalidData)?);
                }
            }
            Kind::Frames(_) => {
                while let Some((length, payload)) = frame(&self.rest)? {
                    decoded.extend(payload);
                    self.rest.drain(..length);
                }
            }
        }
        Ok(decoded)
    }
}

/// The length of the first frame, and what it carries: data only.
fn frame(octets: &[u8]) -> io::Result<Option<(usize, Vec<u8>)>> {
    let Some(&[first, second]) = octets.first_chunk() else {
        return Ok(None);
    };
    let (at, length) = match second & 0x7f {
        126 => match octets[2..].first_chunk() {
            Some(length) => (4, u64::from(u16::from_be_bytes(*length))),
            None => return Ok(None),
        },
        127 => match octets[2..].first_chunk() {
            Some(length) => (10, u64::from_be_bytes(*length)),
            None => return Ok(None),
        },
        length => (2, length.into()),
    };
    if length > LONGEST_FRAME as u64 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let masked = second & 0x80 != 0;
    let start = at + if masked { 4 } else { 0 };
    let end = start + length as usize;
    if octets.len() < end {
        return Ok(None);
    }
    let mut mask = [0; 4];
    if masked {
        mask.copy_from_slice(&octets[at..start]);
    }
    let payload = octets[start..end].iter().zip(mask.iter().cycle());
    // Continuation, text and binary; the others are control frames.
    let payload = match first & 0x0f {
        0..=2 => payload.map(|(o, m)| o ^ m).collect(),
        _ => Vec::new(),
    };
    Ok(Some((end, payload)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codings() -> [(Coding, Coding); 3] {
        [
            (Coding::base64(), Coding::base64()),
            (Coding::frames(None), Coding::frames(None)),
            (Coding::frames(Some([1, 2, 3, 4])), Coding::frames(None)),
        ]
    }

    #[test]
    fn rfc_6455_5_7_examples() {
        let mut coding = Coding::frames(None);
        let masked = [
            0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(coding.decode(&masked).unwrap(), b"Hello");
        let mask = Coding::frames(Some([0x37, 0xfa, 0x21, 0x3d]));
        assert_eq!(mask.encode(b"Hello"), masked);
        let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        assert_eq!(coding.decode(&ping).unwrap(), b"");
        assert!(
            coding
                .decode(&[0x82, 127, 255, 0, 0, 0, 0, 0, 0, 0])
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_head_is_read_and_no_octet_more() {
        let mut octets = &b"GET /main HTTP/1.1\r\nX-SessionCookie:  abc\r\n\r\nrest"[..];
        let read = head(&mut octets).await.unwrap();
        assert_eq!(
            (read.method(), read.header("x-sessioncookie")),
            ("GET", Some("abc"))
        );
        assert_eq!(octets, b"rest");
        let mut other = &b"RTSP/1.0 200 OK\r\n\r\n"[..];
        assert!(head(&mut other).await.is_err());
        let endless = vec![b'a'; 2 * LONGEST_HEAD];
        assert!(head(&mut &endless[..]).await.is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_however_it_is_cut(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 1..5),
            step in 1_usize..400,
        ) {
            for (sender, mut receiver) in codings() {
                let coded: Vec<u8> = messages.iter().flat_map(|m| sender.encode(m)).collect();
                let mut decoded = Vec::new();
                for part in coded.chunks(step) {
                    decoded.extend(receiver.decode(part).unwrap());
                }
                prop_assert_eq!(&decoded, &messages.concat());
            }
        }

        #[test]
        fn hostile_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            for (_, mut receiver) in codings() {
                let _ = receiver.decode(&octets);
            }
        }
    }
}
