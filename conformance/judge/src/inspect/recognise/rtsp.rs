//! RTSP (RFC 7826): who speaks it in clear gives away what is watched, where and
//! by whom, and with the description what it takes to play it.

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, rtsp},
    inspect::{Claim, Scene},
};

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Tcp {
        return Vec::new();
    }
    let Some(dialogue) = rtsp::read(&flow.from_a, &flow.from_b) else {
        return Vec::new();
    };
    let messages = dialogue.messages().count();
    let described = dialogue.messages().filter(|m| m.sdp().is_some()).count();
    let frames = dialogue.frames_a.len() + dialogue.frames_b.len();
    let reason = format!(
        "{messages} messages of RTSP in clear, {described} with a session description; {frames} interleaved packets"
    );
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    vec![Claim::clear("rtsp", Vec::new(), reason).at(place)]
}
