//! JSON: schema `lightleak.inspect/1`.

use serde::Serialize;

use super::{Capture, Saved, transport};
use crate::inspect::{Inspected, InspectedOther};

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    captures: Vec<OfCapture>,
}

#[derive(Serialize)]
struct OfCapture {
    file: String,
    packets: u64,
    bytes: u64,
    flows: Vec<OfFlow>,
    others: Vec<OfOther>,
    damage: Option<String>,
    errors: Vec<String>,
}

#[derive(Serialize)]
struct OfFlow {
    transport: &'static str,
    a: String,
    b: String,
    packets: u64,
    bytes: u64,
    label: &'static str,
    kind: String,
    weak: Option<String>,
    reason: String,
    packet: Option<u64>,
    frames_decoded: usize,
    pictures: Vec<OfPicture>,
    media: Vec<String>,
}

/// What two hosts send each other in an IP protocol that has no flows.
#[derive(Serialize)]
struct OfOther {
    protocol: u8,
    a: String,
    b: String,
    packets: u64,
    bytes: u64,
    label: &'static str,
    kind: String,
    reason: String,
    packet: u64,
}

#[derive(Serialize)]
struct OfPicture {
    file: String,
    width: usize,
    height: usize,
    mark: Option<OfMark>,
}

#[derive(Serialize)]
struct OfMark {
    unit: u16,
    frame: u32,
    nonce: u32,
}

/// The findings as indented JSON with a final newline.
pub fn write(captures: &[Capture<'_>]) -> String {
    let document = Document {
        schema: "lightleak.inspect/1",
        captures: captures.iter().map(OfCapture::new).collect(),
    };
    let mut text =
        serde_json::to_string_pretty(&document).expect("findings have no maps with odd keys");
    text.push('\n');
    text
}

impl OfCapture {
    fn new(capture: &Capture<'_>) -> Self {
        let inspection = capture.inspection;
        let flows = inspection.flows.iter().enumerate();
        Self {
            file: capture.file.clone(),
            packets: inspection.packets,
            bytes: inspection.bytes,
            flows: flows
                .map(|(index, flow)| OfFlow::new(flow, capture.saved(index)))
                .collect(),
            others: inspection.others.iter().map(OfOther::new).collect(),
            damage: capture.damage.clone(),
            errors: inspection
                .failures
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

impl OfFlow {
    fn new<'a>(flow: &Inspected, saved: impl Iterator<Item = &'a Saved>) -> Self {
        let (pictures, media): (Vec<_>, Vec<_>) = saved.partition(|saved| saved.size.is_some());
        Self {
            transport: transport(flow),
            a: flow.a.to_string(),
            b: flow.b.to_string(),
            packets: flow.packets,
            bytes: flow.bytes,
            label: flow.label.name(),
            kind: flow.kind.clone(),
            weak: flow.weak.clone(),
            reason: flow.reason.clone(),
            packet: flow.place.map(|place| place.packet),
            frames_decoded: flow.frames_decoded,
            pictures: pictures.into_iter().map(OfPicture::new).collect(),
            media: media.into_iter().map(|saved| saved.file.clone()).collect(),
        }
    }
}

impl OfOther {
    fn new(other: &InspectedOther) -> Self {
        Self {
            protocol: other.protocol,
            a: other.a.to_string(),
            b: other.b.to_string(),
            packets: other.packets,
            bytes: other.bytes,
            label: other.label.name(),
            kind: other.kind.clone(),
            reason: other.reason.clone(),
            packet: other.first_packet,
        }
    }
}

impl OfPicture {
    fn new(saved: &Saved) -> Self {
        let (width, height) = saved.size.unwrap_or_default();
        Self {
            file: saved.file.clone(),
            width,
            height,
            mark: saved.mark.map(|mark| OfMark {
                unit: mark.unit,
                frame: mark.frame,
                nonce: mark.nonce,
            }),
        }
    }
}
