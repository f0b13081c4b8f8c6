//! What recognisers know besides the flow they look at.

use std::net::SocketAddr;

use crate::dissect::{Traffic, rtsp, sdp::Sdp};

/// Everything that was captured, and what was said in it about other flows.
#[derive(Debug)]
pub struct Scene<'a> {
    /// All flows.
    pub traffic: &'a Traffic,
    /// Session descriptions that somebody gave in clear.
    pub descriptions: Vec<Description>,
}

/// A session description in clear.
#[derive(Clone, Debug)]
pub struct Description {
    /// Index of the flow that it was given in.
    pub flow: usize,
    /// The ends of that flow.
    pub ends: [SocketAddr; 2],
    /// What it says.
    pub sdp: Sdp,
}

impl<'a> Scene<'a> {
    /// Reads what flows say about others.
    pub fn new(traffic: &'a Traffic) -> Self {
        let flows = traffic.flows.iter().enumerate();
        let descriptions = flows.flat_map(|(index, flow)| {
            let dialogue = rtsp::read(&flow.from_a, &flow.from_b);
            let told: Vec<_> = dialogue
                .iter()
                .flat_map(|dialogue| dialogue.messages().filter_map(rtsp::Message::sdp))
                .map(|sdp| Description {
                    flow: index,
                    ends: [flow.a, flow.b],
                    sdp,
                })
                .collect();
            told
        });
        Self {
            traffic,
            descriptions: descriptions.collect(),
        }
    }
}
