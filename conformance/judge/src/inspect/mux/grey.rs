//! A grey key frame of H.264 in place of one that nobody can read: the pictures that
//! follow refer to it, and decode if they are in clear.

use crate::dissect::h264::{IDR_SLICE, PPS, Sps};

/// A picture parameter set of that id, and the IDR picture of one slice that refers to
/// it; both refer to that sequence parameter set. `None` for fields, and for formats
/// without or with as much chroma as luma.
///
/// Each macroblock is predicted from its neighbours (Intra_16x16_2_0_0, ITU-T H.264
/// table 7-11) and has no residual: all samples are 128.
pub fn key_frame(sps: &Sps, id: u32) -> Option<[Vec<u8>; 2]> {
    if !sps.frame_mbs_only || !matches!(sps.chroma_format_idc, 1 | 2) {
        return None;
    }
    let mut set = Bits::default();
    set.ue(id);
    set.ue(sps.id);
    set.put(0, 2); // entropy_coding_mode_flag, bottom_field_pic_order_in_frame_present_flag
    set.ue(0); // num_slice_groups_minus1
    set.ue(0); // num_ref_idx_l0_default_active_minus1
    set.ue(0); // num_ref_idx_l1_default_active_minus1
    set.put(0, 3); // weighted_pred_flag, weighted_bipred_idc
    set.ue(0); // pic_init_qp_minus26
    set.ue(0); // pic_init_qs_minus26
    set.ue(0); // chroma_qp_index_offset
    set.put(0b100, 3); // deblocking_filter_control_present_flag, two more
    let mut slice = Bits::default();
    slice.ue(0); // first_mb_in_slice
    slice.ue(7); // slice_type: I, and so all slices of the picture
    slice.ue(id);
    slice.put(0, sps.frame_num_bits);
    slice.ue(0); // idr_pic_id
    match sps.pic_order_cnt_type {
        0 => slice.put(0, sps.pic_order_cnt_lsb_bits),
        1 if !sps.delta_pic_order_always_zero => slice.ue(0),
        _ => {}
    }
    slice.put(0, 2); // no_output_of_prior_pics_flag, long_term_reference_flag
    slice.ue(0); // slice_qp_delta
    slice.ue(1); // disable_deblocking_filter_idc
    for _ in 0..sps.width / 16 * (sps.height / 16) {
        slice.ue(3); // mb_type
        slice.ue(0); // intra_chroma_pred_mode
        slice.ue(0); // mb_qp_delta
        slice.put(1, 1); // coeff_token: none
    }
    Some([set.nal_unit(0x60 | PPS), slice.nal_unit(0x60 | IDR_SLICE)])
}

/// An RBSP, bit by bit.
#[derive(Default)]
struct Bits {
    octets: Vec<u8>,
    bits: usize,
}

impl Bits {
    fn put(&mut self, value: u32, bits: u32) {
        for bit in (0..bits).rev() {
            if self.bits.is_multiple_of(8) {
                self.octets.push(0);
            }
            if let Some(last) = self.octets.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (7 - self.bits % 8);
            }
            self.bits += 1;
        }
    }

    /// ue(v) (9.1); of 0, se(v) as well.
    fn ue(&mut self, value: u32) {
        let code = value + 1;
        let length = u32::BITS - code.leading_zeros();
        self.put(0, length - 1);
        self.put(code, length);
    }

    /// The NAL unit, with its trailing bits and emulation prevention (7.3.1, 7.3.2.11).
    fn nal_unit(mut self, header: u8) -> Vec<u8> {
        self.put(1, 1);
        let mut nal = vec![header];
        let mut zeros = 0;
        for octet in self.octets {
            if zeros >= 2 && octet <= 3 {
                nal.push(3);
                zeros = 0;
            }
            zeros = if octet == 0 { zeros + 1 } else { 0 };
            nal.push(octet);
        }
        nal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adversary::media_player::fixture::{openh264_decoder, video},
        decoder::Decoder as _,
        dissect::h264::{self, nal_units},
        inspect::mux::annex_b,
    };

    #[test]
    fn it_is_a_grey_picture_of_the_size_of_the_set() {
        let stream = video().concat();
        let mut units = nal_units(&stream).map(|nal| nal.octets(&stream));
        let set = units
            .find(|nal| h264::nal_unit_type(nal) == h264::SPS)
            .unwrap();
        let sps = h264::parse_sps(set).unwrap();
        let [pps, idr] = key_frame(&sps, 31).unwrap();
        assert_eq!(h264::parse_pps(&pps).unwrap().id, 31);
        assert_eq!(h264::parse_slice_header(&idr).unwrap().pps_id, 31);
        let stream = annex_b([set, &pps, &idr]);
        let pictures = openh264_decoder().decode(&stream, 9).unwrap();
        let [picture] = &pictures[..] else {
            panic!("{}", pictures.len());
        };
        assert!(
            !picture.damaged
                && picture
                    .y
                    .iter()
                    .chain(&picture.u)
                    .all(|sample| *sample == 128)
        );
    }

    #[test]
    fn fields_are_not_made() {
        let stream = video().concat();
        let mut units = nal_units(&stream).map(|nal| nal.octets(&stream));
        let sps = units.find_map(h264::parse_sps).unwrap();
        let fields = Sps {
            frame_mbs_only: false,
            ..sps
        };
        assert_eq!(key_frame(&fields, 31), None);
    }
}
