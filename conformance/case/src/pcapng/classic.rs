//! Reads classic pcap (draft-ietf-opsawg-pcap).

use pcap_parser::{
    PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use super::{Capture, Interface, Packet};

/// Magic numbers of classic pcap, in the file's first octets read as
/// little-endian: micro- and nanoseconds in both byte orders, and the
/// "modified" kind with longer record headers.
pub(super) fn is_magic(magic: u32) -> bool {
    matches!(
        magic,
        0xA1B2_C3D4 | 0xA1B2_3C4D | 0xA1B2_CD34 | 0xD4C3_B2A1 | 0x4D3C_B2A1
    )
}

/// Reads a classic pcap. Its records hold nothing that could be checked but
/// lengths, so that the only fault it can have is to be cut short.
pub(super) fn read(bytes: &[u8]) -> Capture {
    let mut capture = Capture::default();
    let Ok((mut rest, header)) = parse_pcap_header(bytes) else {
        capture.truncated = true;
        return capture;
    };
    capture.interfaces.push(Interface {
        // The upper bits tell of the frame check sequence.
        link_type: (header.network.0 & 0xFFFF) as u16,
        snap_length: header.snaplen,
        ..Interface::default()
    });
    let parse = match &header {
        h if h.is_modified_format() => parse_pcap_frame_modified,
        h if is_big_endian(h) => parse_pcap_frame_be,
        _ => parse_pcap_frame,
    };
    let unit = if header.is_nanosecond_precision() {
        1
    } else {
        1000
    };
    while !rest.is_empty() {
        let Ok((after, record)) = parse(rest) else {
            capture.truncated = true;
            break;
        };
        capture.packets.push(Packet {
            number: capture.packets.len() as u64 + 1,
            interface: 0,
            time_ns: u64::from(record.ts_sec) * 1_000_000_000 + u64::from(record.ts_usec) * unit,
            data: record.data.to_vec(),
            original_length: record.origlen,
        });
        rest = after;
    }
    capture
}

fn is_big_endian(header: &PcapHeader) -> bool {
    matches!(header.magic_number, 0xD4C3_B2A1 | 0x4D3C_B2A1)
}
