//! H.264 byte streams (ITU-T H.264 7.3.1, Annex B): where NAL units lie, and
//! whether they are plausible enough to be worth a decoder's time.
//!
//! Plausible means that the syntax elements at the beginning of a NAL unit are
//! in range. Random octets pass once in about twenty times, so it takes several
//! units in a row to mean something, and only a decoded picture proves anything.

use super::bits::Bits;

/// nal_unit_type of a slice of a picture that is no IDR picture (7.4.1, table 7-1).
pub const SLICE: u8 = 1;
/// nal_unit_type of a slice of an IDR picture.
pub const IDR_SLICE: u8 = 5;
/// nal_unit_type of supplemental enhancement information.
pub const SEI: u8 = 6;
/// nal_unit_type of a sequence parameter set.
pub const SPS: u8 = 7;
/// nal_unit_type of a picture parameter set.
pub const PPS: u8 = 8;
/// The start code that we write (B.1.1: zero_byte and start_code_prefix_one_3bytes).
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Macroblocks of the largest picture of any level (table A-1, level 6).
const MAX_MACROBLOCKS: u32 = 139_264;
/// Macroblocks of the longest side: the root of 8 * MaxFS (A.3.1).
const MAX_SIDE: u32 = 1055;
/// Octets of a parameter set that are looked at; none is longer before its VUI.
const MAX_SET: usize = 4096;
/// Octets of a slice that are looked at.
const MAX_SLICE_HEADER: usize = 32;

/// A NAL unit in a byte stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NalUnit {
    /// Where its first octet, the header, lies: right behind the start code.
    pub at: usize,
    /// Its length, header included, zero octets at its end excluded.
    pub length: usize,
}

impl NalUnit {
    /// Its octets in the stream that it was found in.
    pub fn octets<'a>(&self, stream: &'a [u8]) -> &'a [u8] {
        stream.get(self.at..self.at + self.length).unwrap_or(&[])
    }
}

/// The fields of a sequence parameter set that matter here (7.3.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sps {
    /// seq_parameter_set_id.
    pub id: u32,
    /// profile_idc.
    pub profile_idc: u8,
    /// level_idc.
    pub level_idc: u8,
    /// Luma columns before cropping.
    pub width: usize,
    /// Luma rows before cropping.
    pub height: usize,
    /// chroma_format_idc; 1, for 4:2:0, where a profile has no other.
    pub chroma_format_idc: u32,
    /// Bits of frame_num.
    pub frame_num_bits: u32,
    /// pic_order_cnt_type.
    pub pic_order_cnt_type: u32,
    /// Bits of pic_order_cnt_lsb, of type 0.
    pub pic_order_cnt_lsb_bits: u32,
    /// delta_pic_order_always_zero_flag, of type 1.
    pub delta_pic_order_always_zero: bool,
    /// frame_mbs_only_flag: no pictures are fields.
    pub frame_mbs_only: bool,
}

/// The fields of a picture parameter set that matter here (7.3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pps {
    /// pic_parameter_set_id.
    pub id: u32,
    /// seq_parameter_set_id.
    pub sps_id: u32,
}

/// The beginning of a slice header (7.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceHeader {
    /// first_mb_in_slice: 0 in the first slice of a picture.
    pub first_mb: u32,
    /// slice_type.
    pub slice_type: u32,
    /// pic_parameter_set_id.
    pub pps_id: u32,
}

/// The NAL units of an Annex B byte stream, whatever lies before, between and
/// behind them. One that has no octets is left out.
pub fn nal_units(stream: &[u8]) -> impl Iterator<Item = NalUnit> + '_ {
    let mut search = 0;
    std::iter::from_fn(move || {
        loop {
            let at = start_code(stream, search)? + 3;
            let end = unit_end(stream, at);
            search = end;
            if end > at {
                let length = end - at;
                return Some(NalUnit { at, length });
            }
        }
    })
}

/// nal_unit_type of a NAL unit; 0 (unspecified) if there is none.
pub fn nal_unit_type(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |header| header & 0x1f)
}

/// Whether the header keeps 7.4.1: forbidden_zero_bit is 0, the type is
/// specified, and nal_ref_idc is 0 or not where it has to be.
pub fn is_header_plausible(header: u8) -> bool {
    let nal_ref_idc = header >> 5 & 3;
    let reference_fits = match header & 0x1f {
        1..=4 | 14 | 19 | 20 => true,
        5 | 7 | 8 | 13 | 15 => nal_ref_idc != 0,
        6 | 9..=12 => nal_ref_idc == 0,
        _ => false,
    };
    header & 0x80 == 0 && reference_fits
}

/// Whether a NAL unit begins as its type demands. Data partitions (types 2 to
/// 4) never pass, since no decoder at hand plays them.
pub fn is_plausible(nal: &[u8]) -> bool {
    let Some(&header) = nal.first() else {
        return false;
    };
    // Cameras are known to send SEI as if it were referred to.
    let lenient = if header & 0x1f == SEI { 0x9f } else { 0xff };
    is_header_plausible(header & lenient)
        && match header & 0x1f {
            SLICE | IDR_SLICE => parse_slice_header(nal).is_some(),
            SEI => is_sei_plausible(nal),
            SPS => parse_sps(nal).is_some(),
            PPS => parse_pps(nal).is_some(),
            // 7.3.2.4: primary_pic_type and the trailing bits.
            9 => nal.len() == 2 && nal[1] & 0x1f == 0x10,
            10 | 11 => nal.len() == 1,
            // 7.3.2.7
            12 => nal[1..].iter().rev().skip(1).all(|&octet| octet == 0xff),
            13..=15 | 19 | 20 => nal.len() > 3,
            _ => false,
        }
}

/// Reads a sequence parameter set as far as its VUI; `None` if something in it
/// is out of range.
pub fn parse_sps(nal: &[u8]) -> Option<Sps> {
    if nal_unit_type(nal) != SPS {
        return None;
    }
    let rbsp = without_emulation_prevention(nal.get(1..)?, MAX_SET);
    let mut bits = Bits::new(&rbsp);
    let profile_idc = bits.take(8)? as u8;
    let constraints = bits.take(8)? as u8;
    let level_idc = bits.take(8)? as u8;
    let known_profile = matches!(
        profile_idc,
        44 | 66 | 77 | 83 | 86 | 88 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244
    );
    let known_level = matches!(level_idc, 9..=13 | 20..=22 | 30..=32 | 40..=42 | 50..=52 | 60..=62);
    if !known_profile || !known_level || constraints & 3 != 0 {
        return None;
    }
    let id = bits.ue(31)?;
    let chroma_format_idc = match profile_idc {
        66 | 77 | 88 => 1,
        _ => high_profile_fields(&mut bits)?,
    };
    let frame_num_bits = bits.ue(12)? + 4; // log2_max_frame_num_minus4
    let pic_order_cnt_type = bits.ue(2)?;
    let (mut pic_order_cnt_lsb_bits, mut delta_pic_order_always_zero) = (0, false);
    match pic_order_cnt_type {
        0 => pic_order_cnt_lsb_bits = bits.ue(12)? + 4, // log2_max_pic_order_cnt_lsb_minus4
        1 => {
            delta_pic_order_always_zero = bits.bit()? == 1;
            bits.se()?; // offset_for_non_ref_pic
            bits.se()?; // offset_for_top_to_bottom_field
            for _ in 0..bits.ue(255)? {
                bits.se()?; // offset_for_ref_frame
            }
        }
        _ => {}
    }
    bits.ue(16)?; // max_num_ref_frames
    bits.bit()?; // gaps_in_frame_num_value_allowed_flag
    let columns = bits.ue(MAX_SIDE - 1)? + 1;
    let map_units = bits.ue(MAX_SIDE - 1)? + 1;
    let frame_mbs_only = bits.bit()?;
    let rows = map_units * (2 - frame_mbs_only);
    if frame_mbs_only == 0 {
        bits.bit()?; // mb_adaptive_frame_field_flag
    }
    bits.bit()?; // direct_8x8_inference_flag
    if rows > MAX_SIDE || columns * rows > MAX_MACROBLOCKS {
        return None;
    }
    if bits.bit()? == 1 {
        let (across, down) = (columns * 16, rows * 16);
        let cropped_columns = bits.ue(across)? + bits.ue(across)?;
        let cropped_rows = bits.ue(down)? + bits.ue(down)?;
        if cropped_columns >= across || cropped_rows >= down {
            return None;
        }
    }
    // Without a VUI the stop bit is next (7.3.2.11).
    if bits.bit()? == 0 && bits.bit()? != 1 {
        return None;
    }
    Some(Sps {
        id,
        profile_idc,
        level_idc,
        width: columns as usize * 16,
        height: rows as usize * 16,
        chroma_format_idc,
        frame_num_bits,
        pic_order_cnt_type,
        pic_order_cnt_lsb_bits,
        delta_pic_order_always_zero,
        frame_mbs_only: frame_mbs_only == 1,
    })
}

/// Reads a picture parameter set; `None` if something in it is out of range.
pub fn parse_pps(nal: &[u8]) -> Option<Pps> {
    if nal_unit_type(nal) != PPS {
        return None;
    }
    let rbsp = without_emulation_prevention(nal.get(1..)?, MAX_SET);
    let mut bits = Bits::new(&rbsp);
    let id = bits.ue(255)?;
    let sps_id = bits.ue(31)?;
    bits.bit()?; // entropy_coding_mode_flag
    bits.bit()?; // bottom_field_pic_order_in_frame_present_flag
    if bits.ue(7)? == 0 {
        bits.ue(31)?; // num_ref_idx_l0_default_active_minus1
        bits.ue(31)?; // num_ref_idx_l1_default_active_minus1
        bits.bit()?; // weighted_pred_flag
        let weighted_bipred_idc = bits.bit()? * 2 + bits.bit()?;
        let qp = bits.se()?; // pic_init_qp_minus26; down to -(26 + QpBdOffset)
        let qs = bits.se()?; // pic_init_qs_minus26
        let chroma = bits.se()?; // chroma_qp_index_offset
        let fits = weighted_bipred_idc < 3
            && (-74..=25).contains(&qp)
            && (-26..=25).contains(&qs)
            && (-12..=12).contains(&chroma);
        if !fits {
            return None;
        }
        for _ in 0..3 {
            bits.bit()?;
        }
    }
    Some(Pps { id, sps_id })
}

/// Reads the beginning of the slice header of a NAL unit of type 1 or 5;
/// `None` if something in it is out of range.
pub fn parse_slice_header(nal: &[u8]) -> Option<SliceHeader> {
    let nal_type = nal_unit_type(nal);
    if nal_type != SLICE && nal_type != IDR_SLICE {
        return None;
    }
    let rbsp = without_emulation_prevention(nal.get(1..)?, MAX_SLICE_HEADER);
    let mut bits = Bits::new(&rbsp);
    let header = SliceHeader {
        first_mb: bits.ue(MAX_MACROBLOCKS - 1)?,
        slice_type: bits.ue(9)?,
        pps_id: bits.ue(255)?,
    };
    // An IDR picture has I and SI slices only (7.4.1.2.4, table 7-6).
    (nal_type == SLICE || matches!(header.slice_type % 5, 2 | 4)).then_some(header)
}

/// The payload of a NAL unit without its emulation_prevention_three_byte
/// (7.3.1), at most `limit` octets of it.
pub fn without_emulation_prevention(payload: &[u8], limit: usize) -> Vec<u8> {
    let mut rbsp = Vec::with_capacity(payload.len().min(limit));
    rbsp.extend(unprevented(payload).map(|(_, octet)| octet).take(limit));
    rbsp
}

/// The same octet by octet, each with where it lies in the payload.
pub fn unprevented(payload: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let mut zeros = 0;
    let octets = payload.iter().copied().enumerate();
    octets.filter(move |&(_, octet)| {
        let prevents = zeros >= 2 && octet == 3;
        zeros = if octet == 0 { zeros + 1 } else { 0 };
        !prevents
    })
}

/// Where the next 00 00 01 begins.
fn start_code(stream: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(&last) = stream.get(at + 2) {
        match last {
            0 => at += 1,
            1 if stream[at] == 0 && stream[at + 1] == 0 => return Some(at),
            _ => at += 3,
        }
    }
    None
}

/// Where the NAL unit that begins at `at` ends: before the next 00 00 00 or
/// 00 00 01 (B.1.2), without zeros at its end.
fn unit_end(stream: &[u8], at: usize) -> usize {
    let mut end = at;
    while let Some(&last) = stream.get(end + 2) {
        if last > 1 {
            end += 3;
        } else if stream[end] == 0 && stream[end + 1] == 0 {
            return end;
        } else {
            end += 1;
        }
    }
    let zeros = stream[at..].iter().rev().take_while(|&&o| o == 0).count();
    stream.len() - zeros
}

/// 7.3.2.3.1: the first message's type and size fit.
fn is_sei_plausible(nal: &[u8]) -> bool {
    let mut octets = nal[1..].iter();
    let mut number = || {
        let mut sum = 0;
        for &octet in octets.by_ref() {
            sum += usize::from(octet);
            if octet != 0xff {
                return Some(sum);
            }
        }
        None
    };
    let (Some(payload_type), Some(size)) = (number(), number()) else {
        return false;
    };
    payload_type <= 255 && size < nal.len()
}

/// Gives chroma_format_idc.
fn high_profile_fields(bits: &mut Bits) -> Option<u32> {
    let chroma_format_idc = bits.ue(3)?;
    if chroma_format_idc == 3 {
        bits.bit()?; // separate_colour_plane_flag
    }
    bits.ue(6)?; // bit_depth_luma_minus8
    bits.ue(6)?; // bit_depth_chroma_minus8
    bits.bit()?; // qpprime_y_zero_transform_bypass_flag
    if bits.bit()? == 1 {
        for list in 0..if chroma_format_idc == 3 { 12 } else { 8 } {
            if bits.bit()? == 1 {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(chroma_format_idc)
}

/// 7.3.2.1.1.1
fn skip_scaling_list(bits: &mut Bits, size: usize) -> Option<()> {
    let mut last = 8;
    for _ in 0..size {
        let delta = bits.se()?;
        if !(-128..=127).contains(&delta) {
            return None;
        }
        let next = (last + delta).rem_euclid(256);
        if next == 0 {
            break;
        }
        last = next;
    }
    Some(())
}

#[cfg(test)]
mod tests;
