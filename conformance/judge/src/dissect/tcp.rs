//! TCP reassembly (RFC 9293).
//!
//! A capture is no receiver: it may begin and end anywhere, miss segments that
//! arrived, and hold some twice. So nothing is acknowledged or waited for: each
//! octet is put at its place in sequence space, the first copy wins, and what
//! is missing in the end is a gap.

mod side;

use std::{collections::HashMap, net::SocketAddr};

use lightleak_case::TransportProtocol;

use super::{
    Flow, FlowState,
    transport::{Segment, Transport},
};
use side::{Side, WINDOW};

/// How many connections of one pair of sockets a segment may belong to: the
/// youngest ones.
const CANDIDATES: usize = 4;
/// A SYN that was captured after data it precedes is at most so far before
/// them in sequence space; else it opens another connection.
const REORDERED: i64 = 1 << 20;

/// The connections of a capture. Holds references to the payload until it is
/// delivered, at most two per segment.
#[derive(Debug, Default)]
pub struct Connections<'a> {
    all: Vec<Connection<'a>>,
    /// Indices of those that have segments to deliver.
    busy: Vec<usize>,
    by_pair: HashMap<(SocketAddr, SocketAddr), Vec<usize>>,
}

#[derive(Debug)]
struct Connection<'a> {
    /// Index of its flow.
    flow: usize,
    a: SocketAddr,
    state: FlowState,
    packets: u64,
    reset: bool,
    busy: bool,
    from_a: Side<'a>,
    from_b: Side<'a>,
}

impl<'a> Connections<'a> {
    /// Adds a segment. What it returns is why octets of it have no place in
    /// the stream.
    pub fn segment(
        &mut self,
        flows: &mut Vec<Flow>,
        packet: &Transport<'a>,
        segment: Segment,
    ) -> Option<&'static str> {
        let (from, to) = (packet.from, packet.to);
        let pair = self.by_pair.entry((from.min(to), from.max(to)));
        let known = pair.or_default();
        let recent: Vec<(usize, &Connection)> = known
            .iter()
            .rev()
            .take(CANDIDATES)
            .filter_map(|&index| Some((index, self.all.get(index)?)))
            .collect();
        let found = match (segment.syn, segment.acknowledgment) {
            (true, None) => opened(&recent, from, segment.sequence),
            (true, Some(ack)) => answered(&recent, from, segment.sequence, ack),
            (false, _) => continued(&recent, from, segment),
        };
        let index = found.unwrap_or_else(|| {
            known.push(self.all.len());
            self.all.push(Connection::new(flows, packet, segment));
            self.all.len() - 1
        });
        let connection = self.all.get_mut(index)?;
        if !std::mem::replace(&mut connection.busy, true) {
            self.busy.push(index);
        }
        connection.add(packet, segment)
    }

    /// Adds what came to the streams of the flows, where they are in order; the
    /// packets that are returned have to be added again.
    /// `most`: about so many packets may wait.
    pub fn deliver(&mut self, flows: &mut [Flow], last: bool, most: usize) -> Vec<u64> {
        let busy: Vec<usize> = match last {
            true => (0..self.all.len()).collect(),
            false => std::mem::take(&mut self.busy),
        };
        let mut wait = Vec::new();
        for index in busy {
            if let Some(connection) = self.all.get_mut(index)
                && let Some(flow) = flows.get_mut(connection.flow)
            {
                let waits = !last && wait.len() < most;
                wait.extend(connection.deliver(flow, last, waits));
            }
        }
        wait
    }

    /// The same without what is not delivered.
    pub fn emptied<'b>(self) -> Connections<'b> {
        Connections {
            all: self.all.into_iter().map(Connection::emptied).collect(),
            busy: self.busy,
            by_pair: self.by_pair,
        }
    }
}

/// The connection that a SYN belongs to; none if it opens another one.
/// `recent` begins with the youngest.
fn opened(recent: &[(usize, &Connection)], from: SocketAddr, isn: u32) -> Option<usize> {
    let again = recent.iter().find(|(_, c)| c.side(from).isn() == Some(isn));
    if let Some((index, connection)) = again {
        let over = connection.ended() && connection.state == FlowState::Open;
        return (!over).then_some(*index);
    }
    let (index, connection) = recent.first()?;
    let side = connection.side(from);
    (!connection.ended() && side.isn().is_none() && side.may_begin_with(isn, REORDERED))
        .then_some(*index)
}

/// The connection that a SYN-ACK belongs to.
fn answered(
    recent: &[(usize, &Connection)],
    from: SocketAddr,
    isn: u32,
    ack: u32,
) -> Option<usize> {
    let again = recent.iter().find(|(_, c)| c.side(from).isn() == Some(isn));
    let fits = |(_, connection): &&(usize, &Connection)| {
        let side = connection.side(from);
        // More than the SYN is acknowledged where it brought data (RFC 7413).
        let opener = connection.peer(from).isn();
        let acknowledges = opener.is_none_or(|isn| ack.wrapping_sub(isn).wrapping_sub(1) < 1 << 16);
        let begins = match side.isn() {
            None => side.may_begin_with(isn, REORDERED),
            Some(_) => side.is_empty(),
        };
        !connection.ended() && acknowledges && begins
    };
    again
        .or_else(|| recent.iter().find(fits))
        .map(|(index, _)| *index)
}

/// The connection that another segment belongs to: the one whose sequence
/// numbers are nearest.
fn continued(recent: &[(usize, &Connection)], from: SocketAddr, segment: Segment) -> Option<usize> {
    let distance = |connection: &Connection| {
        let by_sequence = connection.side(from).distance(segment.sequence);
        let by_acknowledgment = || connection.peer(from).distance(segment.acknowledgment?);
        by_sequence.or_else(by_acknowledgment)
    };
    let (index, connection) = recent
        .iter()
        .min_by_key(|(_, c)| distance(c).unwrap_or(i64::MAX))?;
    // The SYN of a connection after it was not captured.
    let another = connection.ended()
        && !segment.rst
        && distance(connection).is_some_and(|distance| distance > WINDOW);
    (!another).then_some(*index)
}

impl<'a> Connection<'a> {
    /// A SYN-ACK and an RST answer somebody: their receiver opened.
    fn new(flows: &mut Vec<Flow>, packet: &Transport<'a>, segment: Segment) -> Self {
        let (from, to) = (packet.from, packet.to);
        let answers = segment.rst || segment.syn && segment.acknowledgment.is_some();
        let (a, b) = if answers { (to, from) } else { (from, to) };
        let (tcp, state) = (TransportProtocol::Tcp, FlowState::Unanswered);
        flows.push(Flow::new(tcp, a, b, state, packet.packet));
        Self {
            flow: flows.len() - 1,
            a,
            state,
            packets: 0,
            reset: false,
            busy: false,
            from_a: Side::default(),
            from_b: Side::default(),
        }
    }

    fn side(&self, from: SocketAddr) -> &Side<'a> {
        match from == self.a {
            true => &self.from_a,
            false => &self.from_b,
        }
    }

    fn peer(&self, from: SocketAddr) -> &Side<'a> {
        match from == self.a {
            true => &self.from_b,
            false => &self.from_a,
        }
    }

    fn ended(&self) -> bool {
        self.reset || self.from_a.ended() && self.from_b.ended()
    }

    fn add(&mut self, packet: &Transport<'a>, segment: Segment) -> Option<&'static str> {
        self.packets += packet.packets;
        let of_a = packet.from == self.a;
        let (sender, receiver) = match of_a {
            true => (&mut self.from_a, &mut self.from_b),
            false => (&mut self.from_b, &mut self.from_a),
        };
        if segment.syn {
            sender.open(segment.sequence);
        }
        if segment.rst {
            if !of_a && self.state == FlowState::Unanswered {
                self.state = FlowState::Refused;
            }
            self.reset = true;
            sender.end();
            return (!packet.is_empty()).then_some("octets in a TCP RST");
        }
        if let Some(ack) = segment.acknowledgment {
            receiver.acknowledged(ack);
        }
        let established = match segment.syn {
            true => segment.acknowledgment.is_some(),
            false => segment.acknowledgment.is_some() && self.state == FlowState::Unanswered,
        };
        if established || !segment.syn && !packet.is_empty() {
            self.state = FlowState::Open;
        }
        sender.data(packet, segment)
    }

    fn deliver(&mut self, flow: &mut Flow, last: bool, waits: bool) -> Vec<u64> {
        let begun = self.from_a.isn().or(self.from_b.isn()).is_some();
        flow.state = match begun {
            true => self.state,
            false => FlowState::Joined,
        };
        flow.packets = self.packets;
        self.busy = false;
        let mut wait = self.from_a.deliver(&mut flow.from_a, last, waits);
        wait.extend(self.from_b.deliver(&mut flow.from_b, last, waits));
        wait
    }

    fn emptied<'b>(self) -> Connection<'b> {
        Connection {
            flow: self.flow,
            a: self.a,
            state: self.state,
            packets: self.packets,
            reset: self.reset,
            busy: self.busy,
            from_a: self.from_a.emptied(),
            from_b: self.from_b.emptied(),
        }
    }
}

#[cfg(test)]
mod tests;
