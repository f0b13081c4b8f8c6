//! What is inside records that are not encrypted: the application data of a session
//! with a NULL suite (RFC 5246 6.2.3.1, RFC 9150).

use super::{
    APPLICATION_DATA, CHANGE_CIPHER_SPEC, HEADER, Record, ServerHello, Stream, TLS13, is_header,
};

/// Octets of the MAC of a suite that does not encrypt; `None` of one that does.
pub fn mac(suite: u16) -> Option<usize> {
    Some(match suite {
        // MD5
        0x0001 => 16,
        // SHA-1
        0x0002 | 0x002c..=0x002e | 0xc001 | 0xc006 | 0xc00b | 0xc010 | 0xc015 | 0xc039 => 20,
        // SHA-256, also of TLS 1.3
        0x003b | 0x00b0 | 0x00b4 | 0x00b8 | 0xc03a | 0xc0b4 => 32,
        // SHA-384, also of TLS 1.3
        0x00b1 | 0x00b5 | 0x00b9 | 0xc03b | 0xc0b5 => 48,
        _ => return None,
    })
}

/// The application data of a direction from there on, up to its first gap, with the
/// places they were captured at.
pub fn application_data(stream: &Stream, from: usize, hello: &ServerHello) -> Option<Stream> {
    let mac = mac(hello.cipher_suite)?;
    let gap = stream.gaps.iter().find(|gap| **gap > from);
    let end = gap.copied().unwrap_or(usize::MAX).min(stream.bytes.len());
    let mut inner = Stream::default();
    let mut at = from;
    while let Some(header) = stream.bytes.get(at..end)?.first_chunk::<HEADER>() {
        let &[content_type, _, _, high, low] = header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !is_header(header, super::LONGEST) || at + HEADER + length > end {
            break;
        }
        let record = Record {
            at,
            content_type,
            version: hello.version,
            length,
        };
        take(&mut inner, stream, record, mac, hello.version == TLS13);
        at += HEADER + length;
    }
    Some(inner)
}

fn take(inner: &mut Stream, stream: &Stream, record: Record, mac: usize, thirteen: bool) {
    let fragment = record.fragment(stream);
    let mut length = fragment.len().saturating_sub(mac);
    if record.content_type != APPLICATION_DATA || record.content_type == CHANGE_CIPHER_SPEC {
        return;
    }
    if thirteen {
        // TLSInnerPlaintext: content, its type, zeros (RFC 8446 5.2).
        let content = fragment.get(..length).unwrap_or_default();
        let Some(last) = content.iter().rposition(|octet| *octet != 0) else {
            return;
        };
        if content.get(last) != Some(&APPLICATION_DATA) {
            return;
        }
        length = last;
    }
    let mut at = record.at + HEADER;
    let end = at + length;
    while at < end {
        let Some(piece) = stream.piece(at) else {
            return;
        };
        let until = end.min(piece.at + piece.length);
        let part = stream.bytes.get(at..until).unwrap_or_default();
        let offset = piece.offset + (at - piece.at);
        inner.push(part, piece.packet, offset, piece.time_ns);
        at = until;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hello(version: u16, cipher_suite: u16) -> ServerHello {
        ServerHello {
            at: 0,
            version,
            random: [0; 32],
            cipher_suite,
            key_share: false,
        }
    }

    fn record(content: &[u8]) -> Vec<u8> {
        [&[23, 3, 3, 0, content.len() as u8][..], content].concat()
    }

    #[test]
    fn contents_are_taken_out_of_their_records() {
        let mut stream = Stream::default();
        let one = record(&[&b"hello "[..], &[7; 20]].concat());
        let two = record(&[&b"world"[..], &[7; 20]].concat());
        let all = [&[22, 3, 3, 0, 1, 9][..], &one, &two].concat();
        stream.push(&all[..9], 4, 50, 0);
        stream.push(&all[9..], 5, 60, 0);
        let inner = application_data(&stream, 0, &hello(0x0303, 0x0002)).unwrap();
        assert_eq!(inner.bytes, b"hello world");
        assert_eq!(inner.place(0).map(|p| (p.packet, p.offset)), Some((5, 62)));
        assert_eq!(application_data(&stream, 0, &hello(0x0303, 0xc02f)), None);
    }

    #[test]
    fn of_tls_1_3_the_inner_type_decides() {
        let mut stream = Stream::default();
        stream.push(&record(&[&b"data\x17\0\0"[..], &[7; 32]].concat()), 1, 0, 0);
        stream.push(&record(&[&b"ticket\x16"[..], &[7; 32]].concat()), 2, 0, 0);
        let inner = application_data(&stream, 0, &hello(TLS13, 0xc0b4)).unwrap();
        assert_eq!(inner.bytes, b"data");
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(prop_oneof![Just(23_u8), Just(3), any::<u8>()], 0..120),
            from in 0..130_usize,
            gap in 0..130_usize,
        ) {
            let mut stream = Stream::default();
            stream.push(&octets, 1, 0, 0);
            stream.gaps.push(gap);
            for version in [0x0303, TLS13] {
                let _ = application_data(&stream, from, &hello(version, 0xc0b4));
            }
        }
    }
}
