//! Where in a direction somebody says hello.

use crate::dissect::{
    Stream,
    tls::{self, ClientHello, HEADER, Messages, ServerHello},
};

/// Octets of a direction in which a hello is looked for.
const MOST_BEFORE: usize = 1 << 16;
/// Octets of a hello that are put together.
const MOST_HELLO: usize = 1 << 17;
/// Octets of a hello up to the length of its session.
const FIXED: usize = HEADER + 4 + 2 + 32;

/// A hello.
#[derive(Debug)]
pub(super) struct Hello {
    /// Where it begins.
    pub(super) at: usize,
    /// Where records begin: a hello in the form of SSL 2 is none.
    pub(super) records_at: usize,
    /// Who says it, and what, if it is there as a whole.
    pub(super) said: Said,
    /// Whether the session is one of SSL 2.
    pub(super) ssl2: bool,
}

/// Who says hello, and what.
#[derive(Debug)]
pub(super) enum Said {
    Client(Option<ClientHello>),
    Server(Option<ServerHello>),
}

impl Hello {
    /// The first of a direction.
    pub(super) fn find(stream: &Stream) -> Option<Self> {
        let first_gap = stream.gaps.iter().copied().find(|gap| *gap > 0);
        let end = first_gap.unwrap_or(usize::MAX).min(stream.bytes.len());
        let bytes = stream.bytes.get(..end)?;
        if let Some(hello) = Self::ssl2(bytes) {
            return Some(hello);
        }
        let window = bytes.get(..MOST_BEFORE.min(end))?;
        let mut found = memchr::memchr_iter(tls::HANDSHAKE, window);
        let cut = first_gap == Some(bytes.len());
        let at = match is_begun(bytes, cut) || is_fragmented(bytes) {
            true => 0,
            false => found.find(|at| has_shape(bytes.get(*at..).unwrap_or_default()))?,
        };
        let rest = bytes.get(at..)?;
        let said = match *rest.get(HEADER)? {
            tls::CLIENT_HELLO => Said::Client(message(rest).and_then(|m| ClientHello::parse(&m))),
            _ => Said::Server(message(rest).and_then(|m| ServerHello::parse(&m))),
        };
        Some(Self {
            at,
            records_at: at,
            said,
            ssl2: false,
        })
    }

    /// CLIENT-HELLO or SERVER-HELLO of SSL 2 (Hickman 1995, RFC 5246 E.2).
    fn ssl2(bytes: &[u8]) -> Option<Self> {
        let &[
            high,
            low,
            kind,
            b0,
            b1,
            b2,
            b3,
            b4,
            b5,
            b6,
            b7,
            ref rest @ ..,
        ] = bytes
        else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high & 0x7f, low]));
        let number = |high, low| usize::from(u16::from_be_bytes([high, low]));
        if high & 0x80 == 0 || bytes.len() < 2 + length {
            return None;
        }
        let whole = Self {
            at: 0,
            records_at: 2 + length,
            said: Said::Client(None),
            ssl2: false,
        };
        match (kind, b0, b1) {
            (1, 0, 2) | (1, 3, 0..=3) => {
                let (specs, session, challenge) = (number(b2, b3), number(b4, b5), number(b6, b7));
                let fits = specs > 0
                    && specs % 3 == 0
                    && matches!(session, 0 | 16)
                    && (16..=32).contains(&challenge)
                    && length == 9 + specs + session + challenge;
                fits.then_some(whole)
            }
            // SESSION-ID-HIT, CERTIFICATE-TYPE, version 2, and three lengths.
            (4, 0 | 1, 0 | 1) if (b2, b3) == (0, 2) => {
                let &[c0, c1, ..] = rest else {
                    return None;
                };
                let (certificate, specs, id) = (number(b4, b5), number(b6, b7), number(c0, c1));
                let fits = specs % 3 == 0
                    && (16..=32).contains(&id)
                    && length == 11 + certificate + specs + id;
                fits.then_some(Self {
                    said: Said::Server(None),
                    ssl2: true,
                    ..whole
                })
            }
            _ => None,
        }
    }
}

/// Whether octets begin with a record that begins with a hello whose lengths fit
/// each other.
fn has_shape(octets: &[u8]) -> bool {
    let Some(
        &[
            _,
            3,
            minor @ 0..=4,
            r0,
            r1,
            kind,
            m0,
            m1,
            m2,
            3,
            version @ 0..=4,
            ..,
        ],
    ) = octets.first_chunk::<FIXED>()
    else {
        return false;
    };
    let record = usize::from(u16::from_be_bytes([r0, r1]));
    let message = u32::from_be_bytes([0, m0, m1, m2]) as usize;
    let rest = octets.get(FIXED..).unwrap_or_default();
    let Some((&session, rest)) = rest.split_first() else {
        return false;
    };
    let session = usize::from(session);
    // A record holds at least the fixed part; a longer message goes on in the next.
    let fits = session <= 32 && minor <= version.max(1) && record >= 38 && message >= 38 + session;
    let Some(behind) = rest.get(session..).filter(|_| fits) else {
        return false;
    };
    let fixed = 2 + 32 + 1 + session;
    match (kind, behind) {
        (tls::CLIENT_HELLO, &[s0, s1, ..]) => {
            let suites = usize::from(u16::from_be_bytes([s0, s1]));
            let methods = behind.get(2 + suites).copied().map(usize::from);
            let least = fixed + 2 + suites + 2;
            let most = methods.map(|m| fixed + 2 + suites + 1 + m);
            // compression_methods are there, and null is the last of them.
            let null = methods.and_then(|m| behind.get(2 + suites + m).copied());
            suites > 0
                && suites % 2 == 0
                && least <= message
                && methods.is_none_or(|m| m > 0)
                && null.is_none_or(|method| method == 0)
                && most.is_none_or(|end| {
                    let extensions = behind.get(end - fixed..end - fixed + 2);
                    end == message || extensions_end(extensions, end, message)
                })
        }
        (tls::SERVER_HELLO, &[_, _, 0 | 1 | 0x40, ..]) => {
            let end = fixed + 3;
            end == message || extensions_end(behind.get(3..5), end, message)
        }
        _ => false,
    }
}

/// Whether octets are the beginning of a record with a hello, and it is cut before
/// its session: what is there of its lengths and versions fits.
fn is_begun(octets: &[u8], cut: bool) -> bool {
    let Some(&[22, 3, 0..=4, r0, r1, 1 | 2, 0, m1, m2, 3, 0..=3]) = octets.first_chunk() else {
        return false;
    };
    let (record, message) = (u16::from_be_bytes([r0, r1]), u16::from_be_bytes([m1, m2]));
    cut && octets.len() <= FIXED && message >= 38 && record.checked_sub(4) == Some(message)
}

/// Whether octets begin with a hello in records too short to hold its beginning
/// (RFC 8446 5.1 allows that).
fn is_fragmented(octets: &[u8]) -> bool {
    let Some(&[22, 3, 0..=4, 0, 1..=37]) = octets.first_chunk() else {
        return false;
    };
    message(octets).is_some_and(|message| match message.kind {
        tls::CLIENT_HELLO => ClientHello::parse(&message).is_some(),
        tls::SERVER_HELLO => ServerHello::parse(&message).is_some(),
        _ => false,
    })
}

/// Whether extensions whose length is there end with the message.
fn extensions_end(length: Option<&[u8]>, at: usize, message: usize) -> bool {
    let length = length.and_then(|octets| octets.first_chunk::<2>());
    length.is_none_or(|l| at + 2 + usize::from(u16::from_be_bytes(*l)) == message)
}

/// The handshake message that octets begin with, out of as many records as it
/// takes.
fn message(octets: &[u8]) -> Option<tls::Message> {
    let octets = octets.get(..MOST_HELLO.min(octets.len()))?;
    let mut messages = Messages::default();
    let mut rest = octets;
    while let Some((&[tls::HANDSHAKE, _, _, high, low], behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let fragment = behind.get(..length)?;
        if let Some(first) = messages.push(0, fragment).into_iter().next() {
            return Some(first);
        }
        rest = behind.get(length..)?;
    }
    None
}
