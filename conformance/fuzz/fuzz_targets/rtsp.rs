//! RTSP dialogues with interleaved frames, session descriptions, heads of HTTP.

#![no_main]

use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::{parts, stream};
use lightleak_judge::dissect::{
    Stream, http,
    rtsp::{self, Dialogue, Frame, Message},
    sdp::Sdp,
};

/// How many octets a segment has.
const SEGMENT: usize = 200;

fuzz_target!(|input: &[u8]| {
    let [from_a, from_b, gaps] = parts(input);
    let mut from_a = stream(from_a.chunks(SEGMENT));
    let from_b = stream(from_b.chunks(SEGMENT));
    let length = from_a.bytes.len();
    from_a.gaps = gaps.iter().map(|gap| 8 * usize::from(*gap)).collect();
    from_a.gaps.retain(|gap| *gap < length);
    from_a.gaps.sort_unstable();

    rtsp::frames(&from_a);
    Sdp::parse(&from_b.bytes);
    http::Head::parse(&from_b.bytes);
    let Some(dialogue) = rtsp::read(&from_a, &from_b) else {
        return;
    };
    for message in dialogue.messages() {
        message.sdp();
    }
    assert_explained(&dialogue, true, &from_a);
    assert_explained(&dialogue, false, &from_b);
});

/// Every octet is in one message, one frame or the residue.
fn assert_explained(dialogue: &Dialogue, of_a: bool, stream: &Stream) {
    let (frames, residue) = match of_a {
        true => (&dialogue.frames_a, &dialogue.residue_a),
        false => (&dialogue.frames_b, &dialogue.residue_b),
    };
    let frames = frames
        .iter()
        .map(|Frame { payload, .. }| payload.start - 4..payload.end);
    let mut ranges: Vec<Range<usize>> = frames.chain(residue.iter().cloned()).collect();
    let range = |message: &Message| message.range.clone();
    for exchange in &dialogue.exchanges {
        match of_a {
            true => ranges.push(range(&exchange.request)),
            false => ranges.extend(exchange.response.as_ref().map(range)),
        }
    }
    let others = dialogue.others.iter().filter(|(by_a, _)| *by_a == of_a);
    ranges.extend(others.map(|(_, message)| range(message)));
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut at = 0;
    for range in ranges {
        assert_eq!(range.start, at, "of a: {of_a}");
        at = range.end;
    }
    assert_eq!(at, stream.bytes.len(), "of a: {of_a}");
}
