//! RTMP (Adobe's specification, 1.0) in a TCP flow: that it is; and, in [`chunk`],
//! what it carries.

pub mod chunk;

use super::{Flow, Span};

/// The version (5.2.2), and octets of what either side says of itself (5.2.3).
const VERSION: u8 = 3;
const HANDSHAKE: usize = 1536;
/// Octets of that which the other side repeats (5.2.4): behind two times.
const REPEATED: usize = 8;

/// How a client begins, in AMF 0: the name of its first command.
const CONNECT: &[u8] = b"\x02\x00\x07connect";

/// Whether whoever opened the flow said what a client of RTMP says first.
pub fn is_asked(flow: &Flow) -> bool {
    hello(&flow.from_a.bytes).is_some()
}

/// Where the answer to a client of RTMP lies, if it is one: both said version and
/// hello, and the other repeated that of the first, or was told a command then.
pub fn answer(flow: &Flow) -> Option<Span> {
    let (theirs, said) = hello(&flow.from_a.bytes)?;
    let (_, rest) = hello(&flow.from_b.bytes)?;
    let repeats = rest.get(REPEATED..HANDSHAKE) == theirs.get(REPEATED..);
    let commands = said.windows(CONNECT.len()).any(|w| w == CONNECT);
    match repeats || commands {
        true => flow.from_b.span(0, 1 + HANDSHAKE),
        false => None,
    }
}

/// What a side says of itself, and what comes then.
fn hello(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    octets.strip_prefix(&[VERSION])?.split_at_checked(HANDSHAKE)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use lightleak_case::TransportProtocol;

    use super::*;
    use crate::dissect::{FlowState, Stream};

    fn flow(from_a: &[u8], from_b: &[u8]) -> Flow {
        let stream = |octets: &[u8], packet| {
            let mut stream = Stream::default();
            stream.push(octets, packet, 54, 0);
            stream
        };
        Flow {
            transport: TransportProtocol::Tcp,
            a: SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000)),
            b: SocketAddr::from((Ipv4Addr::LOCALHOST, 1935)),
            state: FlowState::Open,
            from_a: stream(from_a, 1),
            from_b: stream(from_b, 2),
            first_packet: 1,
            packets: 2,
        }
    }

    fn said(octet: u8, then: &[u8]) -> Vec<u8> {
        [&[VERSION][..], &[octet; HANDSHAKE], then].concat()
    }

    #[test]
    fn an_answer_repeats_the_question_or_is_told_a_command() {
        let repeats = flow(&said(7, b""), &said(9, &[7; HANDSHAKE]));
        assert_eq!(answer(&repeats).map(|span| span.packet), Some(2));
        // Servers that sign their answers repeat nothing.
        let told = said(7, &[&[9; HANDSHAKE][..], &[3], CONNECT].concat());
        let signs = flow(&told, &said(9, &[5; HANDSHAKE]));
        assert!(answer(&signs).is_some());
    }

    #[test]
    fn what_only_looks_so_is_none() {
        let silent = flow(&said(7, b""), b"");
        assert!(is_asked(&silent) && answer(&silent).is_none());
        // An alert of TLS, and random octets.
        assert!(answer(&flow(&said(7, b""), &[21, 3, 3, 0, 2, 2, 10])).is_none());
        assert!(answer(&flow(&said(7, b""), &said(9, &[5; HANDSHAKE]))).is_none());
        assert!(!is_asked(&flow(&[VERSION; 100], b"")));
    }
}
