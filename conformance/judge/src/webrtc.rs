//! Sessions of WebRTC as they were signalled inside TLS, and which flows belong
//! to them.

use std::{collections::BTreeSet, net::SocketAddr};

use crate::{
    dissect::{
        Flow, Span, Traffic, demux, dtls,
        http::{Exchange, Message},
        sdp::Sdp,
        stun,
    },
    open::dtls::Exported,
    seen::Connection,
};

/// An offer and its answer (RFC 3264), as HTTP carries them (RFC 9725 4.2).
#[derive(Clone, Debug)]
pub struct Negotiation {
    /// Where the server listens to which it was said.
    pub server: SocketAddr,
    /// What the client offers.
    pub offer: Sdp,
    /// What the server answers.
    pub answer: Sdp,
}

/// A request that was answered inside TLS, and where the answer lies.
#[derive(Clone, Copy, Debug)]
pub struct Signalled<'a> {
    /// Who was asked.
    pub server: SocketAddr,
    /// What was asked.
    pub request: &'a Message,
    /// What was answered.
    pub response: &'a Message,
    /// Where the answer lies.
    pub span: Span,
}

/// Keys of SRTP that a handshake gave.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// Index of the flow.
    pub flow: usize,
    /// Whether `a` of the flow is the client of the handshake.
    pub client_is_a: bool,
    /// Of either end.
    pub keys: Exported,
}

impl Agreed {
    /// What the handshake of a flow gave, as far as it could be opened.
    pub fn of(flow: usize, connection: &Connection) -> Option<Self> {
        let reading = connection.dtls.as_ref()?;
        let opened = connection.opened_dtls()?;
        Some(Self {
            flow,
            client_is_a: reading.client_is_a,
            keys: opened.exported.clone()?,
        })
    }
}

/// Everything that was asked over HTTP inside TLS that could be opened, in the
/// flows that are `meant`.
pub fn signalled<'a>(
    traffic: &'a Traffic,
    connections: &'a [Connection],
    meant: impl Fn(&Flow) -> bool,
) -> impl Iterator<Item = Signalled<'a>> {
    let flows = traffic.flows.iter().zip(connections);
    let meant = flows.filter(move |(flow, _)| meant(flow));
    meant.flat_map(|(flow, connection)| {
        let exchanges = connection.exchanges.iter();
        exchanges.filter_map(move |exchange| answered(flow, connection, exchange))
    })
}

fn answered<'a>(
    flow: &Flow,
    connection: &'a Connection,
    exchange: &'a Exchange,
) -> Option<Signalled<'a>> {
    let response = exchange.response.as_ref()?;
    let said = connection.said(flow, false);
    Some(Signalled {
        server: flow.b,
        request: &exchange.request,
        response,
        span: said.span(response.range.start, response.range.len())?,
    })
}

/// Offers with their answers.
pub fn negotiations(traffic: &Traffic, connections: &[Connection]) -> Vec<Negotiation> {
    let negotiation = |signalled: Signalled<'_>| {
        let accepted = (200..300).contains(&signalled.response.head.status);
        let (offer, answer) = (signalled.request.sdp()?, signalled.response.sdp()?);
        accepted.then_some(Negotiation {
            server: signalled.server,
            offer,
            answer,
        })
    };
    signalled(traffic, connections, |_| true)
        .filter_map(negotiation)
        .collect()
}

/// Payload types of retransmission (RFC 4588 8.1) that were described.
pub fn repair(negotiations: &[Negotiation]) -> BTreeSet<u8> {
    let described = negotiations.iter().flat_map(|n| [&n.offer, &n.answer]);
    let formats = described.flat_map(|sdp| sdp.media.iter().flat_map(|m| &m.formats));
    let repair = formats.filter(|format| format.encoding == "RTX");
    repair.map(|format| format.payload_type).collect()
}

impl Negotiation {
    /// Whether datagrams between those two are of this session: one of them is
    /// a candidate of the server, at the server's address.
    pub fn is_between(&self, a: SocketAddr, b: SocketAddr) -> bool {
        let mut candidates = self.answer.media.iter().flat_map(|m| &m.candidates);
        candidates.any(|at| at.ip() == self.server.ip() && (*at == a || *at == b))
    }
}

/// What a datagram on a port of WebRTC is, as far as it reads as what its first
/// octet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// A message of STUN.
    Stun(stun::Message),
    /// Records of DTLS, and nothing else.
    Dtls,
    /// RTP or RTCP by its first octet.
    Rtp,
    /// None of these.
    Other,
}

impl Datagram {
    /// Reads it.
    pub fn read(octets: &[u8]) -> Self {
        match demux::Kind::of(octets) {
            demux::Kind::Stun => stun::Message::read(octets).map_or(Self::Other, Self::Stun),
            demux::Kind::Dtls => match dtls::records(octets, 0) {
                (_, None) => Self::Dtls,
                _ => Self::Other,
            },
            demux::Kind::Rtp => Self::Rtp,
            _ => Self::Other,
        }
    }
}
