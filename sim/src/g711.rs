//! Sound in octets: ITU-T G.711, mu-law.

/// A linear sample as an octet: sign, segment and step, all bits inverted
/// (G.711 table 2a, which has 14 bits: the two lowest are dropped).
pub fn mu_law(sample: i16) -> u8 {
    let magnitude = (i32::from(sample).abs() >> 2).min(8158) + 33;
    // From 33 to 8191, so bits 5 to 12.
    let segment = magnitude.ilog2() - 5;
    let step = (magnitude >> (segment + 1)) & 0x0f;
    let sign = if sample < 0 { 0x80 } else { 0 };
    // 8 bits in all.
    !(sign | (segment as i32) << 4 | step) as u8
}

#[cfg(test)]
mod tests {
    use super::mu_law;

    #[test]
    fn decision_values_are_those_of_table_2a() {
        for (sample, octet) in [
            (0, 0xff),
            (3, 0xff),
            (4, 0xfe),
            (-4, 0x7e),
            (30 * 4, 0xf0),
            (31 * 4, 0xef),
            (95 * 4, 0xdf),
            (-4063 * 4, 0x0f),
            (8158 * 4, 0x80),
            (i16::MAX, 0x80),
            (i16::MIN, 0x00),
        ] {
            assert_eq!(mu_law(sample), octet, "{sample}");
        }
    }

    #[test]
    fn a_louder_sample_is_never_a_smaller_value() {
        let level = |sample: i16| !mu_law(sample) & 0x7f;
        assert!((0..i16::MAX).all(|s| level(s) <= level(s + 1)));
    }
}
