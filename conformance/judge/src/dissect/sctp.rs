//! SCTP (RFC 9260): associations, and the messages of their DATA chunks.
//!
//! An association is known by a pair of sockets. What an end sent is its messages
//! in the order of their numbers, each once, whatever stream it belongs to.

use std::{collections::BTreeMap, net::SocketAddr};

use lightleak_case::TransportProtocol;

use super::{
    Flow, FlowState, Stream,
    datagram::{Chunk, Datagram},
    transport::Transport,
};

/// IP protocol of SCTP.
pub const SCTP: u8 = 132;

/// Octets of the common header.
const HEADER: usize = 12;
/// Octets before the user data of DATA and of I-DATA (RFC 8260).
const DATA_HEADER: usize = 16;
const I_DATA_HEADER: usize = 20;

/// How far the number of a DATA chunk may be ahead of those before.
const MOST_AHEAD: i64 = 1 << 20;

const DATA: u8 = 0;
const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
const ABORT: u8 = 6;
const SHUTDOWN: u8 = 7;
const SHUTDOWN_ACK: u8 = 8;
const SHUTDOWN_COMPLETE: u8 = 14;
const I_DATA: u8 = 64;

/// User data of one DATA chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Data<'a> {
    number: u32,
    begins: bool,
    ends: bool,
    octets: Vec<Chunk<'a>>,
    missing: usize,
}

/// A packet: the types of its chunks, and its user data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    types: Vec<u8>,
    data: Vec<Data<'a>>,
}

/// Reads an SCTP packet; the payload that is given beside is its user data. An
/// error is why that could not be done.
pub fn read(datagram: Datagram<'_>) -> Result<(Transport<'_>, Packet<'_>), String> {
    let head = datagram.head(usize::MAX);
    let (Some(&[a, b, c, d]), true) = (head.first_chunk(), head.len() >= HEADER) else {
        return Err("SCTP: no whole common header".to_owned());
    };
    let mut packet = Packet {
        types: Vec::new(),
        data: Vec::new(),
    };
    let mut at = HEADER;
    while let Some(&[kind, flags, high, low]) = head.get(at..).and_then(|rest| rest.first_chunk()) {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let whole = head.len() + datagram.missing - at;
        if length < 4 || length > whole {
            return Err(format!("SCTP: a chunk of {length} octets in {whole}"));
        }
        packet.types.push(kind);
        let header = match kind {
            DATA => Some(DATA_HEADER),
            I_DATA => Some(I_DATA_HEADER),
            _ => None,
        };
        if let Some(header) = header {
            let number = head.get(at + 4..).and_then(|rest| rest.first_chunk());
            let Some(number) = number.filter(|_| length >= header) else {
                return Err("SCTP: no whole DATA chunk".to_owned());
            };
            let mut octets = datagram.clone();
            octets.truncate(at + length);
            octets.skip(at + header);
            packet.data.push(Data {
                number: u32::from_be_bytes(*number),
                begins: flags & 2 != 0,
                ends: flags & 1 != 0,
                missing: (length - header).saturating_sub(octets.len()),
                octets: octets.chunks,
            });
        }
        at += length.next_multiple_of(4);
    }
    let payload = packet.data.iter().flat_map(|data| data.octets.clone());
    let transport = Transport {
        from: SocketAddr::new(datagram.source, u16::from_be_bytes([a, b])),
        to: SocketAddr::new(datagram.destination, u16::from_be_bytes([c, d])),
        payload: payload.collect(),
        missing: datagram.missing,
        odd: None,
        packet: datagram.packet,
        packets: datagram.packets,
    };
    Ok((transport, packet))
}

/// The associations of a capture. Holds references to the user data until it is
/// delivered.
#[derive(Debug, Default)]
pub struct Associations<'a> {
    all: Vec<Association<'a>>,
    by_pair: BTreeMap<(SocketAddr, SocketAddr), usize>,
}

#[derive(Debug)]
struct Association<'a> {
    /// Index of its flow.
    flow: usize,
    a: SocketAddr,
    state: FlowState,
    packets: u64,
    from_a: Side<'a>,
    from_b: Side<'a>,
}

/// What one end sent: by number, which does not wrap here, and what came again.
#[derive(Debug, Default)]
struct Side<'a> {
    near: Option<i64>,
    /// Messages before that number are in the stream, as far as they were captured.
    delivered: Option<i64>,
    data: BTreeMap<i64, Data<'a>>,
    again: Vec<i64>,
    ended: bool,
}

impl<'a> Associations<'a> {
    /// Adds a packet. What it returns is why octets of it are left out.
    pub fn packet(
        &mut self,
        flows: &mut Vec<Flow>,
        transport: &Transport<'_>,
        packet: Packet<'a>,
    ) -> Option<&'static str> {
        let (from, to) = (transport.from, transport.to);
        let has = |kind: u8| packet.types.contains(&kind);
        let index = *self
            .by_pair
            .entry((from.min(to), from.max(to)))
            .or_insert_with(|| {
                // These answer somebody: their receiver opened.
                let answers = has(INIT_ACK) || has(ABORT);
                let (a, b) = if answers { (to, from) } else { (from, to) };
                let state = match has(INIT) {
                    true => FlowState::Unanswered,
                    false => FlowState::Joined,
                };
                let sctp = TransportProtocol::Sctp;
                flows.push(Flow::new(sctp, a, b, state, transport.packet));
                self.all.push(Association {
                    flow: flows.len() - 1,
                    a,
                    state,
                    packets: 0,
                    from_a: Side::default(),
                    from_b: Side::default(),
                });
                self.all.len() - 1
            });
        let association = self.all.get_mut(index)?;
        association.packets += transport.packets;
        let of_a = from == association.a;
        if association.state == FlowState::Unanswered {
            association.state = match of_a {
                false if has(ABORT) => FlowState::Refused,
                false => FlowState::Open,
                true if has(INIT) => FlowState::Unanswered,
                true => FlowState::Open,
            };
        }
        let side = match of_a {
            true => &mut association.from_a,
            false => &mut association.from_b,
        };
        if side.data.is_empty() && (has(INIT) || has(INIT_ACK)) {
            // Another association begins, with numbers of its own.
            (side.near, side.delivered) = (None, None);
        }
        let last = [ABORT, SHUTDOWN, SHUTDOWN_ACK, SHUTDOWN_COMPLETE];
        side.ended |= last.into_iter().any(has);
        let odd = packet.data.into_iter().filter_map(|data| side.add(data));
        odd.last()
    }

    /// Adds what came to the streams of the flows, and keeps nothing of it.
    pub fn deliver<'b>(self, flows: &mut [Flow]) -> Associations<'b> {
        let all = self.all.into_iter().map(|association| {
            if let Some(flow) = flows.get_mut(association.flow) {
                flow.state = association.state;
                flow.packets = association.packets;
                association.from_a.deliver(&mut flow.from_a);
                association.from_b.deliver(&mut flow.from_b);
            }
            Association {
                flow: association.flow,
                a: association.a,
                state: association.state,
                packets: association.packets,
                from_a: association.from_a.emptied(),
                from_b: association.from_b.emptied(),
            }
        });
        Associations {
            all: all.collect(),
            by_pair: self.by_pair,
        }
    }
}

impl<'a> Side<'a> {
    fn add(&mut self, data: Data<'a>) -> Option<&'static str> {
        let near = self.near.unwrap_or(i64::from(data.number));
        let ahead = i64::from(data.number.wrapping_sub(near as u32) as i32);
        let at = near + ahead;
        if ahead > MOST_AHEAD {
            return Some("SCTP data far ahead of what was sent");
        }
        self.near = Some(near.max(at));
        if self.delivered.is_some_and(|delivered| at < delivered) {
            return None;
        }
        match self.data.get(&at) {
            None => {
                self.data.insert(at, data);
                None
            }
            Some(there) => {
                let same = there.octets().eq(data.octets());
                match same {
                    true => self.again.push(at),
                    false => return Some("SCTP data sent again and not the same"),
                }
                None
            }
        }
    }

    /// Adds the messages one by one; of those that are not whole, what there is.
    fn deliver(&self, stream: &mut Stream) {
        stream.ended |= self.ended;
        let mut message: Vec<Chunk<'a>> = Vec::new();
        let mut expected = self.delivered;
        let mut places = BTreeMap::new();
        let mut at = stream.bytes.len();
        for (&number, data) in &self.data {
            let follows = expected.is_none_or(|expected| expected == number);
            if data.begins || !follows {
                stream.push_datagram(&std::mem::take(&mut message));
            }
            if !follows {
                stream.gaps.push(stream.bytes.len());
            }
            let length: usize = data.octets.iter().map(|chunk| chunk.data.len()).sum();
            places.insert(number, at..at + length);
            at += length;
            message.extend(&data.octets);
            if data.ends || data.missing > 0 {
                stream.push_datagram(&std::mem::take(&mut message));
            }
            if data.missing > 0 {
                stream.gaps.push(stream.bytes.len());
            }
            expected = Some(number + 1);
        }
        stream.push_datagram(&message);
        let again = self.again.iter().filter_map(|number| places.get(number));
        stream.again.extend(again.cloned());
    }

    /// The same, when all of it is in the stream.
    fn emptied<'b>(self) -> Side<'b> {
        let last = self.data.last_key_value();
        Side {
            near: self.near,
            delivered: last.map(|(number, _)| number + 1).or(self.delivered),
            data: BTreeMap::new(),
            again: Vec::new(),
            ended: self.ended,
        }
    }
}

impl Data<'_> {
    fn octets(&self) -> impl Iterator<Item = &u8> {
        self.octets.iter().flat_map(|chunk| chunk.data)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: [u8; 4] = [10, 0, 0, 1];
    const THERE: [u8; 4] = [10, 0, 0, 2];

    fn chunk(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + body.len()).unwrap().to_be_bytes();
        let mut chunk = [&[kind, flags], &length[..], body].concat();
        chunk.resize(chunk.len().next_multiple_of(4), 0);
        chunk
    }

    fn data(number: u32, flags: u8, octets: &[u8]) -> Vec<u8> {
        let head = [&number.to_be_bytes()[..], &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
        chunk(DATA, flags, &[&head, octets].concat())
    }

    fn add<'a>(
        (all, flows): &mut (Associations<'a>, Vec<Flow>),
        back: bool,
        number: u64,
        octets: &'a [u8],
    ) {
        let (source, destination) = if back { (THERE, HERE) } else { (HERE, THERE) };
        let datagram = Datagram {
            source: source.into(),
            destination: destination.into(),
            protocol: SCTP,
            chunks: vec![Chunk {
                data: octets,
                packet: number,
                offset: 34,
                time_ns: 0,
            }],
            missing: 0,
            open: false,
            identification: 0,
            packet: number,
            packets: 1,
        };
        let (transport, packet) = read(datagram).unwrap();
        all.packet(flows, &transport, packet);
    }

    fn finish((all, mut flows): (Associations<'_>, Vec<Flow>)) -> Vec<Flow> {
        let _ = all.deliver(&mut flows);
        flows
    }

    fn packet(back: bool, chunks: &[Vec<u8>]) -> Vec<u8> {
        let ports = if back { [0, 7, 0, 9] } else { [0, 9, 0, 7] };
        [&ports[..], &[0; 8], &chunks.concat()].concat()
    }

    #[test]
    fn messages_come_out_in_order_once_and_whole() {
        let packets = [
            (false, packet(false, &[chunk(INIT, 0, &[0; 16])])),
            (true, packet(true, &[chunk(INIT_ACK, 0, &[0; 16])])),
            (false, packet(false, &[data(u32::MAX, 3, b"one")])),
            (
                false,
                packet(false, &[data(1, 1, b"ee"), data(2, 3, b"four")]),
            ),
            (false, packet(false, &[data(0, 2, b"thr")])),
            (
                false,
                packet(false, &[data(2, 3, b"four"), data(9, 3, b"ten")]),
            ),
            (true, packet(true, &[data(5, 3, b"answer")])),
        ];
        let mut all = (Associations::default(), Vec::new());
        for ((back, octets), number) in packets.iter().zip(1..) {
            add(&mut all, *back, number, octets);
        }
        let [flow] = finish(all).try_into().unwrap();
        let said: Vec<_> = flow.from_a.parts().map(|(_, octets)| octets).collect();
        assert_eq!(said, [&b"one"[..], b"three", b"four", b"ten"]);
        assert_eq!(flow.from_a.gaps, [12]);
        assert_eq!(flow.from_a.again.first(), Some(&(8..12)));
        assert_eq!(flow.from_a.again.len(), 1);
        assert_eq!(flow.from_b.bytes, b"answer");
        assert_eq!((flow.a.port(), flow.state), (9, FlowState::Open));
        assert_eq!((flow.from_a.place(4).unwrap().packet, flow.packets), (5, 7));
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(any::<u8>(), 0..80),
            chunks in prop::collection::vec((any::<u32>(), any::<u8>(), 0..9usize), 0..9),
        ) {
            let chunks: Vec<_> = chunks
                .iter()
                .map(|(number, flags, length)| data(*number, *flags, &octets[..octets.len().min(*length)]))
                .collect();
            let whole = packet(false, &chunks);
            let mut all = (Associations::default(), Vec::new());
            add(&mut all, false, 1, &whole);
            for flow in finish(all) {
                let parts: usize = flow.from_a.parts().map(|(_, octets)| octets.len()).sum();
                prop_assert_eq!(parts, flow.from_a.bytes.len());
            }
            let datagram = Datagram {
                source: HERE.into(),
                destination: THERE.into(),
                protocol: SCTP,
                chunks: vec![Chunk { data: &octets, packet: 1, offset: 0, time_ns: 0 }],
                missing: 0,
                open: false,
                identification: 0,
                packet: 1,
                packets: 1,
            };
            let _ = read(datagram);
        }
    }
}
