//! What is in clear and no media: names, addresses, calls being set up, mail, web
//! pages, files, databases, machines, games.
//!
//! Nothing here goes by ports or by a first octet alone. A form counts how many bits
//! of what was read could not have been otherwise, and over a flow these are at
//! least 32: octets at random read so once in four thousand million times. And what
//! is read is nearly all of the flow: nine of ten datagrams or octets.

mod asn1;
mod calls;
mod datagrams;
mod devices;
mod drones;
mod files;
mod form;
mod http;
mod machines;
mod names;
mod network;
mod peers;
mod remote;
mod stores;
mod streams;
mod text;
mod tunnel;
mod utp;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::Flow,
    inspect::{Claim, Scene},
};

/// Protocols of datagrams, those first that are certain of themselves.
const MESSAGES: &[&[datagrams::Message]] = &[
    names::MESSAGES,
    text::MESSAGES,
    asn1::MESSAGES,
    calls::MESSAGES,
    devices::MESSAGES,
    drones::MESSAGES,
    files::MESSAGES,
    peers::MESSAGES,
    machines::MESSAGES,
    network::MESSAGES,
    stores::MESSAGES,
    text::FALLBACKS,
];

/// Protocols of streams.
const FRAMES: &[&[streams::Frames]] = &[
    names::FRAMES,
    asn1::FRAMES,
    calls::FRAMES,
    files::FRAMES,
    devices::FRAMES,
    drones::FRAMES,
    peers::FRAMES,
    machines::FRAMES,
    network::FRAMES,
    stores::FRAMES,
];

/// Whatever is in clear and no media.
pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    recognise_within(flow, 0).into_iter().collect()
}

/// The same, in so many tunnels.
fn recognise_within(flow: &Flow, depth: usize) -> Option<Claim> {
    match flow.transport {
        TransportProtocol::Udp | TransportProtocol::Sctp => {
            datagrams::recognise(flow).or_else(|| utp::recognise(flow))
        }
        TransportProtocol::Tcp => http::recognise(flow, depth)
            .or_else(|| tunnel::recognise(flow, depth))
            .or_else(|| remote::recognise(flow))
            .or_else(|| text::dialogue(flow))
            .or_else(|| files::smb3(flow))
            .or_else(|| streams::recognise(flow))
            .or_else(|| peers::behind_keys(flow))
            .or_else(|| text::prose(flow))
            .or_else(|| keep_alive(flow)),
    }
}

/// One octet that is sent again (RFC 1122 4.2.3.6): a connection of which nothing
/// but that was captured.
fn keep_alive(flow: &Flow) -> Option<Claim> {
    let idle = |octets: &[u8]| matches!(octets, [] | [0]);
    let (a, b) = (&flow.from_a.bytes, &flow.from_b.bytes);
    let both = idle(a) && idle(b) && a.len() + b.len() > 0;
    both.then(|| {
        let reason = "one octet, which asks whether a connection lives; no more was captured";
        Claim::other("tcp", reason)
    })
}

#[cfg(test)]
mod tests;
