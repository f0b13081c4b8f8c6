//! DTLS records and the handshake in clear: DTLS 1.0 and 1.2 (RFC 6347 4.1,
//! 4.2.2) and DTLS 1.3 (RFC 9147 4, 5.2), as far as no key is needed.
//!
//! Connection IDs (RFC 9146) are not read: their length is nowhere in a record.

mod handshake;
mod hello;
pub mod loose;
mod null;
mod record;
#[cfg(test)]
mod tests;

use std::ops::Range;

use lightleak_case::TransportProtocol;

use super::{Flow, Stream, demux::Kind, tls};
pub use handshake::{Fragments, Message};
pub use hello::{ClientHello, ServerHello, UseSrtp, use_srtp};
pub use record::{Form, HEADER, Record, records};

/// DTLS 1.2.
pub const DTLS12: u16 = 0xfefd;
/// DTLS 1.3.
pub const DTLS13: u16 = 0xfefc;

/// ack, a content type (RFC 9147 7).
pub const ACK: u8 = 26;

/// What a UDP flow shows of DTLS, without any key.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Whether `a` of the flow is the client: the first to send a ClientHello.
    pub client_is_a: bool,
    /// The ClientHello that was answered, else the last one. The one before a
    /// HelloVerifyRequest has the same random.
    pub client_hello: Option<ClientHello>,
    /// The ServerHello that was accepted (not a HelloRetryRequest).
    pub server_hello: Option<ServerHello>,
    /// What the client sent.
    pub client: Side,
    /// What the server sent.
    pub server: Side,
}

/// What one end sent.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Its records in order.
    pub records: Vec<Record>,
    /// Handshake messages in clear, in the order in which they were whole, each
    /// once.
    pub in_clear: Vec<Message>,
    /// Parts of its datagrams that are no records, though they have their place
    /// among those of DTLS.
    pub residue: Vec<Range<usize>>,
}

impl Reading {
    /// What the client sent of the flow.
    pub fn from_client<'a>(&self, flow: &'a Flow) -> &'a Stream {
        match self.client_is_a {
            true => &flow.from_a,
            false => &flow.from_b,
        }
    }

    /// What the server sent of the flow.
    pub fn from_server<'a>(&self, flow: &'a Flow) -> &'a Stream {
        match self.client_is_a {
            true => &flow.from_b,
            false => &flow.from_a,
        }
    }
}

/// Reads a UDP flow as DTLS by its content; `None` if nobody says a ClientHello
/// in it.
pub fn read(flow: &Flow) -> Option<Reading> {
    if flow.transport != TransportProtocol::Udp {
        return None;
    }
    let (a, b) = (Side::read(&flow.from_a), Side::read(&flow.from_b));
    let hello = |side: &Side, stream: &Stream| {
        let mut said = side.in_clear.iter();
        let first = said.find(|m| m.kind == tls::CLIENT_HELLO)?;
        stream.place(first.at).map(|place| place.packet)
    };
    let client_is_a = match (hello(&a, &flow.from_a), hello(&b, &flow.from_b)) {
        (Some(a), Some(b)) => a < b,
        (None, None) => return None,
        (a, _) => a.is_some(),
    };
    let (client, server) = match client_is_a {
        true => (a, b),
        false => (b, a),
    };
    let mut reading = Reading {
        client_is_a,
        client_hello: None,
        server_hello: None,
        client,
        server,
    };
    reading.server_hello = server_hello(&reading.server);
    let answered = reading.server_hello.as_ref().and_then(|hello| {
        let place = reading.from_server(flow).place(hello.at)?;
        Some(place.packet)
    });
    let said = reading.from_client(flow);
    let hellos = reading.client.in_clear.iter();
    let hellos = hellos.filter(|m| m.kind == tls::CLIENT_HELLO);
    let before = hellos.filter(|m| {
        let packet = said.place(m.at).map(|place| place.packet);
        answered.is_none_or(|answered| packet.is_some_and(|packet| packet < answered))
    });
    reading.client_hello = before.filter_map(ClientHello::parse).next_back();
    Some(reading)
}

impl Side {
    fn read(stream: &Stream) -> Self {
        let mut side = Self::default();
        let mut fragments = Fragments::default();
        for (piece, datagram) in stream.parts() {
            if Kind::of(datagram) != Kind::Dtls {
                continue;
            }
            let (records, residue) = records(datagram, piece.at);
            for record in &records {
                if record.epoch == 0 && record.content_type == tls::HANDSHAKE {
                    let found = fragments.push(record.at, record.fragment(stream));
                    side.in_clear.extend(found);
                }
            }
            side.records.extend(records);
            side.residue.extend(residue);
        }
        side
    }
}

/// The first that is no HelloRetryRequest.
fn server_hello(side: &Side) -> Option<ServerHello> {
    let messages = side.in_clear.iter();
    let hellos = messages.filter(|m| m.kind == tls::SERVER_HELLO);
    let mut hellos = hellos.filter_map(ServerHello::parse);
    hellos.find(|hello| hello.random != tls::HELLO_RETRY_REQUEST)
}
