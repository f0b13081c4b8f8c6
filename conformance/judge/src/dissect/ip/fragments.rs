//! Datagrams put together from their fragments (RFC 791 3.2, RFC 8200 4.5).
//!
//! The first copy of an octet wins, as with TCP; what comes twice and is not
//! the same is named. A datagram that stays incomplete is given as far as it
//! goes from its beginning on, as if it had been cut.

use std::{collections::BTreeMap, net::IpAddr};

use super::Fragment;
use crate::dissect::{
    Undissected,
    datagram::{Chunk, Datagram},
};

/// How long receivers wait for the rest of a datagram: what comes later is
/// another one with the same identification. RFC 8200 has 60 seconds, common
/// receivers have 30.
const PATIENCE_NS: u64 = 30_000_000_000;
/// No payload is longer.
const LONGEST: usize = 65_535;

/// The fragments of a capture. Holds references to the payload, at most two
/// per 8 octets that were captured.
#[derive(Debug, Default)]
pub struct Fragments<'a> {
    by_key: BTreeMap<Key, Partial<'a>>,
    given_up: Vec<Partial<'a>>,
}

/// What fragments of one datagram have in common. The protocol is zero in IPv6.
type Key = (IpAddr, IpAddr, u8, u32);

#[derive(Debug)]
struct Partial<'a> {
    /// The datagram, but for its payload.
    datagram: Datagram<'a>,
    /// Offset to octets, none of them twice.
    chunks: BTreeMap<usize, Chunk<'a>>,
    /// How many octets they are.
    octets: usize,
    /// The protocol that the first fragment states.
    protocol: Option<u8>,
    /// Length of the whole, if the last fragment was seen.
    length: Option<usize>,
    begun_ns: u64,
    delivered: bool,
}

impl<'a> Fragments<'a> {
    /// Adds a fragment. Gives the datagram that it completes, and why octets
    /// are left out.
    pub fn add(&mut self, fragment: &Fragment<'a>) -> (Option<Datagram<'a>>, Option<Undissected>) {
        let content = &fragment.content;
        let Some(&chunk) = content.chunks.first() else {
            let why = "an IP fragment without octets";
            return (None, Some(odd(content.packet, content.source, why)));
        };
        let end = fragment.at + chunk.data.len() + content.missing;
        if end > LONGEST {
            let why = "an IP fragment that ends beyond 65535 octets";
            return (None, Some(odd(content.packet, content.source, why)));
        }
        if fragment.more && !end.is_multiple_of(8) {
            let why = "an IP fragment whose length is no multiple of 8";
            return (None, Some(odd(content.packet, content.source, why)));
        }
        let protocol = match content.source {
            IpAddr::V4(_) => content.protocol,
            IpAddr::V6(_) => 0,
        };
        let key = (
            content.source,
            content.destination,
            protocol,
            fragment.identification,
        );
        if let Some(known) = self.by_key.get(&key) {
            if known.delivered && known.holds(fragment.at, chunk) {
                return (None, None);
            }
            let late = chunk.time_ns.saturating_sub(known.begun_ns) > PATIENCE_NS;
            if late || known.delivered {
                self.given_up.extend(self.by_key.remove(&key));
            }
        }
        let partial = self.by_key.entry(key).or_insert_with(|| Partial {
            datagram: Datagram {
                chunks: Vec::new(),
                missing: 0,
                packets: 0,
                ..content.clone()
            },
            chunks: BTreeMap::new(),
            octets: 0,
            protocol: None,
            length: None,
            begun_ns: chunk.time_ns,
            delivered: false,
        });
        let why = partial.add(fragment, chunk, end);
        let odd = why.map(|why| odd(content.packet, content.source, why));
        (partial.whole(), odd)
    }

    /// Takes away the fragments of datagrams that may still become whole at that time,
    /// and returns the packets that brought them, about `most`: they have to be added
    /// again.
    pub fn waiting(&mut self, now_ns: u64, most: usize) -> Vec<u64> {
        let mut packets = Vec::new();
        self.by_key.retain(|_, partial| {
            let apart = now_ns.abs_diff(partial.begun_ns);
            let waits = !partial.delivered && apart <= PATIENCE_NS && packets.len() < most;
            if waits {
                packets.extend(partial.chunks.values().map(|chunk| chunk.packet));
            }
            !waits
        });
        packets
    }

    /// What is incomplete: datagrams as far as they go, and fragments that have
    /// no place in one.
    pub fn finish(self) -> (Vec<Datagram<'a>>, Vec<Undissected>) {
        let (mut datagrams, mut odd) = (Vec::new(), Vec::new());
        let all = self.given_up.into_iter().chain(self.by_key.into_values());
        for partial in all.filter(|p| !p.delivered) {
            datagrams.extend(partial.beginning(&mut odd));
        }
        datagrams.sort_by_key(|d| d.packet);
        odd.sort_by_key(|u| u.packet);
        odd.dedup();
        (datagrams, odd)
    }
}

impl<'a> Partial<'a> {
    fn add(
        &mut self,
        fragment: &Fragment<'a>,
        chunk: Chunk<'a>,
        end: usize,
    ) -> Option<&'static str> {
        let datagram = &mut self.datagram;
        datagram.packets += 1;
        datagram.packet = datagram.packet.min(chunk.packet);
        if fragment.at == 0 {
            self.protocol.get_or_insert(fragment.content.protocol);
        }
        let reached = self.reached();
        let contradicts = match self.length {
            Some(length) => end > length || !fragment.more && end != length,
            None => !fragment.more && end < reached,
        };
        if contradicts {
            return Some("an IP fragment beyond the end of its datagram");
        }
        if !fragment.more {
            self.length = Some(end);
        }
        if chunk.data.is_empty() {
            return None;
        }
        let again = self.chunks.get(&fragment.at).map(|c| c.data) == Some(chunk.data);
        let overlaps = self.insert(fragment.at, chunk);
        (overlaps && !again).then_some("IP fragments that overlap")
    }

    /// Puts octets in their place; those that are there already stay. True if
    /// there are any.
    fn insert(&mut self, at: usize, chunk: Chunk<'a>) -> bool {
        let end = at + chunk.data.len();
        let before = self.chunks.range(..=at).next_back();
        let from = before.map_or(at, |(&key, _)| key);
        let mut overlaps = false;
        let mut holes = Vec::new();
        let mut covered = at;
        for (&key, there) in self.chunks.range(from..end) {
            let there_end = key + there.data.len();
            if there_end <= at {
                continue;
            }
            overlaps = true;
            if key > covered {
                holes.push((covered, key));
            }
            covered = covered.max(there_end);
        }
        if covered < end {
            holes.push((covered, end));
        }
        for (low, high) in holes {
            self.octets += high - low;
            self.chunks.insert(low, chunk.part(low - at, high - at));
        }
        overlaps
    }

    /// Whether those octets are there, at that offset.
    fn holds(&self, at: usize, chunk: Chunk<'a>) -> bool {
        let end = at + chunk.data.len();
        let before = self.chunks.range(..=at).next_back();
        let from = before.map_or(at, |(&key, _)| key);
        let mut covered = at;
        for (&key, there) in self.chunks.range(from..end.max(from)) {
            let (low, high) = (key.max(at), (key + there.data.len()).min(end));
            if low >= high {
                continue;
            }
            let same =
                there.part(low - key, high - key).data == chunk.part(low - at, high - at).data;
            if low != covered || !same {
                return false;
            }
            covered = high;
        }
        covered == end
    }

    /// Where the last octet ends.
    fn reached(&self) -> usize {
        let last = self.chunks.iter().next_back();
        last.map_or(0, |(&at, chunk)| at + chunk.data.len())
    }

    /// The chunks from the beginning to the first that is missing, and where
    /// they end.
    fn prefix(&self) -> (Vec<Chunk<'a>>, usize) {
        let mut end = 0;
        let mut chunks = Vec::new();
        for (&at, &chunk) in &self.chunks {
            if at != end {
                break;
            }
            end += chunk.data.len();
            chunks.push(chunk);
        }
        (chunks, end)
    }

    /// The datagram, once it is whole.
    fn whole(&mut self) -> Option<Datagram<'a>> {
        if self.delivered || self.length != Some(self.octets) {
            return None;
        }
        let datagram = Datagram {
            protocol: self.protocol?,
            chunks: self.chunks.values().copied().collect(),
            ..self.datagram.clone()
        };
        self.delivered = true;
        Some(datagram)
    }

    /// What there is of it from the beginning on.
    fn beginning(self, rest: &mut Vec<Undissected>) -> Option<Datagram<'a>> {
        let (chunks, end) = self.prefix();
        let protocol = self.protocol.filter(|_| end > 0);
        let why = "an IP fragment of a datagram of which octets before it are missing";
        let kept = if protocol.is_some() { chunks.len() } else { 0 };
        let left = self.chunks.values().skip(kept);
        rest.extend(left.map(|c| odd(c.packet, self.datagram.source, why)));
        let length = self.length.unwrap_or(0).max(self.reached());
        Some(Datagram {
            protocol: protocol?,
            chunks,
            missing: (length - end).max(1),
            open: self.length.is_none(),
            ..self.datagram
        })
    }
}

/// Octets that a sender's packet brought and that are left out. Their protocol
/// is not told by every fragment.
fn odd(packet: u64, from: IpAddr, why: &str) -> Undissected {
    Undissected {
        packet,
        reason: why.to_owned(),
        from: Some(from),
        protocol: None,
    }
}
