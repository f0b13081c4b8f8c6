//! Parameter sets that a stream of H.264 or H.265 does not bring itself: a session
//! description has them (RFC 6184 8.1, RFC 7798 7.1), of this flow or of another.

use std::collections::BTreeSet;

use crate::{
    decoder::Format,
    dissect::{Flow, sdp},
    inspect::{Scene, mux::annex_b},
};

/// Sets that are tried of those that are told of other streams.
const MOST: usize = 4;

/// Parameter sets to be put before a stream, as byte streams: those that a description
/// of the flow tells, else what descriptions tell of other flows with the same codec.
/// A decoder tells which of them fit, of H.264 only: for H.265 there is but one or none.
pub(super) fn told(
    scene: &Scene<'_>,
    flow: &Flow,
    payload_type: u8,
    format: Format,
) -> Vec<Vec<u8>> {
    let own = scene.format(flow, payload_type);
    if let Some(own) = own.and_then(|own| byte_stream(&own, format)) {
        return vec![own];
    }
    let media = scene.descriptions.iter().flat_map(|d| &d.sdp.media);
    let formats = media.flat_map(|media| &media.formats);
    let others: BTreeSet<Vec<u8>> = formats.filter_map(|f| byte_stream(f, format)).collect();
    match format {
        Format::H264 => others.into_iter().take(MOST).collect(),
        _ if others.len() == 1 => others.into_iter().collect(),
        _ => Vec::new(),
    }
}

fn byte_stream(told: &sdp::Format, format: Format) -> Option<Vec<u8>> {
    let fits = match format {
        Format::H264 => told.encoding.starts_with("H264"),
        Format::H265 => matches!(&told.encoding[..], "H265" | "HEVC"),
        _ => false,
    };
    let mut sets: Vec<&[u8]> = told.parameter_sets.iter().map(Vec::as_slice).collect();
    if format == Format::H265 {
        // VPS, SPS, PPS, in whatever order they were told.
        sets.sort_by_key(|set| set.first().map(|first| first >> 1 & 0x3f));
    }
    (fits && !sets.is_empty()).then(|| annex_b(sets))
}
