//! IGMP (RFC 1112, RFC 2236, RFC 3376).

use std::net::Ipv4Addr;

use super::{Reader, icmp::Echo};

const QUERY: u8 = 0x11;
const REPORT_V1: u8 = 0x12;
const REPORT_V2: u8 = 0x16;
const LEAVE: u8 = 0x17;
const REPORT_V3: u8 = 0x22;
/// Max Resp Code, or a reserved octet, and the checksum.
const CODE_AND_CHECKSUM: usize = 3;

/// Reads a message.
pub fn read(reader: &mut Reader<'_>) -> Option<Echo> {
    let kind = reader.u8()?;
    reader.take(CODE_AND_CHECKSUM)?;
    match kind {
        QUERY => {
            let group = address(reader)?;
            if !reader.is_at_end() {
                // S, QRV and QQIC.
                reader.take(2)?;
                sources(reader)?;
            }
            (group.is_unspecified() || group.is_multicast()).then_some(Echo::Neither)
        }
        REPORT_V1 | REPORT_V2 | LEAVE => address(reader)?.is_multicast().then_some(Echo::Neither),
        REPORT_V3 => {
            let reserved = reader.u16()?;
            for _ in 0..reader.u16()? {
                let record_type = reader.u8()?;
                let auxiliary = reader.u8()?;
                let count = reader.u16()?;
                let group = address(reader)?;
                let known = matches!(record_type, 1..=6) && auxiliary == 0;
                if !known || !group.is_multicast() {
                    return None;
                }
                reader.take_free(usize::from(count) * 4)?;
            }
            (reserved == 0).then_some(Echo::Neither)
        }
        _ => None,
    }
}

/// A count of sources and the sources.
fn sources(reader: &mut Reader<'_>) -> Option<()> {
    let count = usize::from(reader.u16()?);
    reader.take_free(count * 4).map(|_| ())
}

fn address(reader: &mut Reader<'_>) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from_bits(reader.u32()?))
}
