//! H.265 byte streams (ITU-T H.265 7.3.1, Annex B), as far as it takes to tell
//! them from chance.

/// nal_unit_type of a video parameter set (table 7-1).
pub const VPS: u8 = 32;
/// nal_unit_type of a sequence parameter set.
pub const SPS: u8 = 33;
/// nal_unit_type of a picture parameter set.
pub const PPS: u8 = 34;

/// nal_unit_type of a NAL unit whose header is one (7.3.1.2): forbidden_zero_bit,
/// nuh_layer_id 0 and a temporal id.
pub fn nal_unit_type(nal: &[u8]) -> Option<u8> {
    let [first, second, ..] = *nal else {
        return None;
    };
    (first & 0x81 == 0 && second >> 3 == 0 && second & 7 != 0).then_some(first >> 1)
}

/// Whether it is of a slice.
pub fn is_slice(kind: u8) -> bool {
    kind <= 9 || (16..=21).contains(&kind)
}

/// Whether a video parameter set begins as 7.3.2.1 has it: two reserved bits, and
/// 16 more, are ones.
pub fn is_vps(nal: &[u8]) -> bool {
    nal_unit_type(nal) == Some(VPS)
        && matches!(nal, [_, _, ids, _, 0xff, 0xff, profile, ..]
            if ids >> 2 & 3 == 3 && profile >> 6 == 0 && profile & 31 <= 11)
}

/// Whether a sequence parameter set begins as 7.3.2.2 has it: with few sublayers and
/// a profile and a level that there are.
pub fn is_sps(nal: &[u8]) -> bool {
    // Emulation prevention may move the level by a few octets.
    nal_unit_type(nal) == Some(SPS)
        && matches!(nal, [_, _, layers, profile, ..]
            if layers >> 1 & 7 <= 6 && layers >> 4 <= 15 && profile >> 6 == 0 && (1..=11).contains(&(profile & 31)))
        && nal.len() >= 15
}

/// Whether a picture parameter set begins as 7.3.2.3 has it, as far as its two ids.
pub fn is_pps(nal: &[u8]) -> bool {
    nal_unit_type(nal) == Some(PPS) && nal.get(2).is_some_and(|ids| ids & 0xf0 != 0)
}
