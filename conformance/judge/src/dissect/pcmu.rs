//! G.711 mu-law in RTP (RFC 3551 4.5.14): payload type 0, an octet per sample.

/// Payload type of PCMU (RFC 3551 table 4).
pub const PAYLOAD_TYPE: u8 = 0;

/// Linear samples of 16 bits (ITU-T G.711 table 2b, with 14 bits).
pub fn linear(octets: &[u8]) -> impl Iterator<Item = i16> + '_ {
    octets.iter().map(|octet| {
        let code = !octet;
        let (segment, step) = (code >> 4 & 7, i16::from(code & 0x0f));
        // At most 8031, times 4 for 16 bits.
        let magnitude = (((2 * step + 33) << segment) - 33) * 4;
        if code & 0x80 == 0 {
            magnitude
        } else {
            -magnitude
        }
    })
}

#[cfg(test)]
mod tests {
    use super::linear;

    #[test]
    fn values_are_those_of_table_2b() {
        let octets = [0xff, 0x7f, 0xfe, 0x7e, 0xef, 0x80, 0x00];
        let values: Vec<_> = linear(&octets).collect();
        assert_eq!(values, [0, 0, 8, -8, 132, 32_124, -32_124]);
    }
}
