//! What one side of a connection sent, by sequence number.
//!
//! Positions count octets from the first that is known of the side; they do not
//! wrap. They are negative for what was captured after octets that follow it.

use std::collections::BTreeMap;

use crate::dissect::{
    Stream,
    datagram::Chunk,
    transport::{Segment, Transport},
};

/// The largest window (RFC 7323 2.3). No sender is further from where it was.
pub const WINDOW: i64 = 1 << 30;
/// Octets that wait behind a gap, at most.
const PATIENCE: usize = 1 << 20;

/// One side of a connection.
#[derive(Debug, Default)]
pub struct Side<'a> {
    /// Initial sequence number, if its SYN was captured.
    isn: Option<u32>,
    /// The sequence number of position 0.
    origin: Option<u32>,
    /// Position of the first octet, if the SYN was captured.
    start: Option<i64>,
    /// Where the last octets that joined others end. Sequence numbers are
    /// understood by it; a single forged segment does not move it.
    near: i64,
    /// The lowest position of an octet that was captured.
    first: Option<i64>,
    /// Octets before that position are in the stream, as far as they were captured.
    delivered: Option<i64>,
    /// Position to octets that are not in the stream yet, none of them twice.
    chunks: BTreeMap<i64, Chunk<'a>>,
    /// Positions of octets that came once more, and the same.
    again: Vec<(i64, i64)>,
    /// The end of what is known to be sent.
    sent: i64,
    /// The end of what the other side has acknowledged.
    acked: i64,
    ended: bool,
    /// Whether IP fragments brought octets of it that are not in the stream yet.
    in_fragments: bool,
}

impl<'a> Side<'a> {
    /// Its initial sequence number, if its SYN was captured.
    pub fn isn(&self) -> Option<u32> {
        self.isn
    }

    /// Whether nothing that it sent was captured.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Whether it said that it sends nothing more.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// It says that it sends nothing more.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// How far the sequence number is from where the side is.
    pub fn distance(&self, sequence: u32) -> Option<i64> {
        self.position(sequence).map(|p| (p - self.near).abs())
    }

    /// Whether a SYN with that number can be the beginning of what is known,
    /// which is at most `limit` behind it.
    pub fn may_begin_with(&self, isn: u32, limit: i64) -> bool {
        let first = self.first.unwrap_or(0);
        self.position(isn.wrapping_add(1))
            .is_none_or(|start| (0..limit).contains(&(first - start)))
    }

    /// Its SYN was captured.
    pub fn open(&mut self, isn: u32) {
        if self.isn == Some(isn) {
            return;
        }
        self.isn = Some(isn);
        let first = isn.wrapping_add(1);
        if self.first.is_none() {
            let acked = self.origin.map(|o| o.wrapping_add(self.acked as u32));
            self.restart(first);
            self.start = Some(0);
            if let Some(acked) = acked {
                self.acknowledged(acked);
            }
        } else {
            self.start = self.position(first);
        }
    }

    /// The other side acknowledged everything before that number.
    pub fn acknowledged(&mut self, number: u32) {
        match self.position(number) {
            Some(p) if (p - self.near).abs() <= WINDOW => self.acked = self.acked.max(p),
            Some(_) => {}
            None => self.restart(number),
        }
    }

    /// It sent a segment. What it returns is why octets of it are left out.
    pub fn data(&mut self, packet: &Transport<'a>, segment: Segment) -> Option<&'static str> {
        let octets = packet.len();
        if octets == 0 && packet.missing == 0 && !segment.fin {
            return None;
        }
        // SYN takes one sequence number, before the data.
        let sequence = segment.sequence.wrapping_add(u32::from(segment.syn));
        let mut at = match self.position(sequence) {
            Some(at) if (at - self.near).abs() <= WINDOW => at,
            Some(_) if self.isn.is_some() || self.first.is_some() => {
                return Some("TCP segment outside of any window");
            }
            _ => {
                self.restart(sequence);
                0
            }
        };
        self.ended |= segment.fin;
        self.in_fragments |= packet.packets > 1 || packet.payload.len() > 1;
        let end = at + (octets + packet.missing) as i64;
        self.sent = self.sent.max(end);

        let mut odd = None;
        for &(mut chunk) in &packet.payload {
            let next = at + length(chunk.data);
            if let Some(start) = self.start
                && at < start
            {
                odd = Some("TCP octets before the beginning of the connection");
                let before = usize::try_from(start - at).unwrap_or(usize::MAX);
                chunk = chunk.after(before);
                at = start;
            }
            // What is in the stream stays as it is.
            if let Some(delivered) = self.delivered
                && at < delivered
            {
                let before = usize::try_from(delivered - at).unwrap_or(usize::MAX);
                chunk = chunk.after(before);
                at = delivered;
            }
            if !chunk.data.is_empty() && self.insert(at, chunk) {
                odd = Some("TCP octets sent again and not the same");
            }
            at = next;
        }
        // A keep-alive probe may hold one octet of anything (RFC 9293 3.8.4).
        odd.filter(|_| octets > 1)
    }

    /// Adds to the stream what was captured, in order, with its gaps. If it `waits`,
    /// octets behind a gap wait for those that may still come: the packets that brought
    /// them are returned, and have to be added again. The `last` time, what was sent and
    /// not captured at the end is a gap.
    pub fn deliver(&mut self, stream: &mut Stream, last: bool, waits: bool) -> Vec<u64> {
        // What came in several packets can't be added again by one of them.
        let waits = waits && !std::mem::take(&mut self.in_fragments);
        let chunks = std::mem::take(&mut self.chunks);
        let again = std::mem::take(&mut self.again);
        let lowest = self.first.unwrap_or(0);
        let begins = self.delivered.or(self.start);
        let mut expected = begins.unwrap_or(lowest.min(0));
        let mut waiting: usize = chunks.values().map(|chunk| chunk.data.len()).sum();
        let mut places = Vec::new();
        let mut rest = chunks.into_iter();
        let mut wait = Vec::new();
        for (at, chunk) in rest.by_ref() {
            let octets = chunk.data.len();
            let before = usize::try_from(expected - at).unwrap_or(0);
            let chunk = chunk.after(before);
            let begins = at + before as i64;
            if at > expected {
                if waits && waiting <= PATIENCE && self.acked <= expected {
                    wait.push(chunk.packet);
                    break;
                }
                stream.gaps.push(stream.bytes.len());
            }
            waiting -= octets;
            expected = expected.max(begins + length(chunk.data));
            places.push((begins, begins + length(chunk.data), stream.bytes.len()));
            stream.push(chunk.data, chunk.packet, chunk.offset, chunk.time_ns);
        }
        wait.extend(rest.map(|(_, chunk)| chunk.packet));
        for (low, high) in again {
            let first = places.partition_point(|&(_, end, _)| end <= low);
            for &(begins, end, at) in &places[first..] {
                if begins >= high {
                    break;
                }
                let index = |position: i64| at + usize::try_from(position - begins).unwrap_or(0);
                stream
                    .again
                    .push(index(low.max(begins))..index(high.min(end)));
            }
        }
        stream.ended |= self.ended;
        // An acknowledged FIN takes one sequence number, captured or not.
        if last && self.sent.max(self.acked - 1) > expected {
            stream.gaps.push(stream.bytes.len());
        }
        if self.first.is_some() {
            self.delivered = Some(expected);
            self.near = self.near.max(expected);
        }
        wait
    }

    /// The same without what is not in the stream yet.
    pub fn emptied<'b>(self) -> Side<'b> {
        Side {
            isn: self.isn,
            origin: self.origin,
            start: self.start,
            near: self.near,
            first: self.first,
            delivered: self.delivered,
            chunks: BTreeMap::new(),
            again: Vec::new(),
            sent: self.sent,
            acked: self.acked,
            ended: self.ended,
            in_fragments: false,
        }
    }

    /// Puts octets in their place; those that are there already stay. True if
    /// they are other octets.
    fn insert(&mut self, at: i64, chunk: Chunk<'a>) -> bool {
        let end = at + length(chunk.data);
        let before = self.chunks.range(..=at).next_back();
        let before = before.map(|(&key, c)| (key, key + length(c.data)));
        let joins = match before {
            Some((_, end)) => end >= at,
            None if self.chunks.is_empty() => self.delivered.is_none_or(|end| end >= at),
            None => false,
        };
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        let from = before.map_or(at, |(key, _)| key);

        let mut differs = false;
        let mut again = Vec::new();
        let mut holes = Vec::new();
        let mut covered = at;
        for (&key, there) in self.chunks.range(from..end) {
            let there_end = key + length(there.data);
            if there_end <= at {
                continue;
            }
            if key > covered {
                holes.push((covered, key));
            }
            let (low, high) = (key.max(at), there_end.min(end));
            let new = between(&chunk, at, low, high);
            match between(there, key, low, high).data == new.data {
                true => again.push((low, high)),
                false => differs = true,
            }
            covered = there_end;
        }
        if covered < end {
            holes.push((covered, end));
        }
        if joins && !holes.is_empty() {
            self.near = end;
        }
        self.again.extend(again);
        for (low, high) in holes {
            self.chunks.insert(low, between(&chunk, at, low, high));
        }
        differs
    }

    /// The position of a sequence number: of all that it may mean, the nearest.
    fn position(&self, sequence: u32) -> Option<i64> {
        let near = self.origin?.wrapping_add(self.near as u32);
        Some(self.near + i64::from(sequence.wrapping_sub(near) as i32))
    }

    fn restart(&mut self, origin: u32) {
        self.origin = Some(origin);
        (self.near, self.sent, self.acked) = (0, 0, 0);
    }
}

/// Octets of a chunk at the positions from `low` to `high`, if it lies at `at`.
fn between<'a>(chunk: &Chunk<'a>, at: i64, low: i64, high: i64) -> Chunk<'a> {
    let index = |position: i64| usize::try_from(position - at).unwrap_or(0);
    chunk.part(index(low), index(high))
}

fn length(data: &[u8]) -> i64 {
    data.len() as i64
}
