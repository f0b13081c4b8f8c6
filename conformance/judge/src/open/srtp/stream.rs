//! The packets that one side sends, opened one after the other: which key and
//! which roll-over counter they are under is found by trial, and a tag that
//! verifies is the only proof.

use std::collections::BTreeMap;

use super::{
    key::MasterKey,
    packet::Tail,
    session::{Opened, Session},
    suite::Suite,
};

/// Roll-over counters that are tried where a stream is joined, from each
/// expected one on.
const ROLL_OVERS: u32 = 32;
/// Packets of a stream with which everything is tried before any was opened.
const THOROUGH: usize = 12;
/// Octets of tags that are cut shorter than their suite says.
const CUT_TAGS: [usize; 2] = [4, 8];
/// Indices of SRTP, and of SRTCP.
const INDICES: u64 = 1 << 48;

/// Keys that packets may be under.
#[derive(Default)]
pub struct KeyRing {
    keys: Vec<(MasterKey, Session)>,
    /// Roll-over counters that were signalled, by SSRC.
    roll_overs: Vec<(u32, u32)>,
}

impl KeyRing {
    /// A ring with these keys, each once.
    pub fn new(keys: impl IntoIterator<Item = MasterKey>) -> Self {
        let mut ring = Self::default();
        for key in keys {
            if !ring.keys.iter().any(|(k, _)| *k == key) {
                let session = Session::new(&key);
                ring.keys.push((key, session));
            }
        }
        ring
    }

    /// Expects a stream to have begun with that roll-over counter.
    pub fn expect(&mut self, ssrc: u32, roll_over: u32) {
        self.roll_overs.push((ssrc, roll_over));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of that number.
    pub fn key(&self, number: usize) -> Option<&MasterKey> {
        self.keys.get(number).map(|(key, _)| key)
    }

    /// All keys, in the order of their numbers.
    pub fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        self.keys.iter().map(|(key, _)| key)
    }
}

/// A packet that was opened, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Number of the key in its ring.
    pub key: usize,
    /// ROC and sequence number, or the SRTCP index.
    pub index: u64,
    /// How long tag and MKI are.
    pub tail: Tail,
    /// What was opened.
    pub opened: Opened,
}

/// What one side sent, as far as it was opened.
pub struct Streams<'a> {
    ring: &'a KeyRing,
    streams: BTreeMap<u32, Stream>,
    /// Of SRTCP packets, what the last one was under.
    rtcp: Option<(usize, Tail)>,
    rtcp_refused: usize,
}

/// Where the packets of an SSRC are.
#[derive(Default)]
struct Stream {
    /// Index, key and tail of the highest packet.
    highest: Option<(u64, usize, Tail)>,
    refused: usize,
}

impl<'a> Streams<'a> {
    /// Nothing was opened yet.
    pub fn new(ring: &'a KeyRing) -> Self {
        Self {
            ring,
            streams: BTreeMap::new(),
            rtcp: None,
            rtcp_refused: 0,
        }
    }

    /// Opens an SRTP packet; `None` if no key does.
    pub fn rtp(&mut self, packet: &[u8]) -> Option<Found> {
        let &[_, _, s0, s1, _, _, _, _, a, b, c, d] = packet.first_chunk::<12>()?;
        let sequence = u16::from_be_bytes([s0, s1]);
        let ssrc = u32::from_be_bytes([a, b, c, d]);
        let ring = self.ring;
        let stream = self.streams.entry(ssrc).or_default();
        let found = match stream.highest {
            Some((highest, key, tail)) => {
                let near = near(highest, sequence);
                let same = near.iter().map(|index| (key, *index, tail));
                let same: Vec<_> = same.collect();
                // Under another key it goes on, or begins again.
                let others = || {
                    let mut indices = vec![near[0]];
                    indices.extend(first_indices(ring, ssrc, sequence, false));
                    indices.dedup();
                    open_rtp(ring, packet, rtp_candidates(ring, &indices, true))
                };
                open_rtp(ring, packet, same.into_iter()).or_else(others)
            }
            None => {
                let thorough = stream.refused < THOROUGH;
                let indices: Vec<_> = first_indices(ring, ssrc, sequence, thorough).collect();
                open_rtp(ring, packet, rtp_candidates(ring, &indices, thorough))
            }
        };
        match &found {
            Some(found) => {
                // A stream that begins anew under a key goes on from there.
                let ahead =
                    |highest: u64| found.index.wrapping_sub(highest) % INDICES < INDICES / 2;
                if stream.highest.is_none_or(|(highest, ..)| ahead(highest)) {
                    stream.highest = Some((found.index, found.key, found.tail));
                }
            }
            None => stream.refused += 1,
        }
        found
    }

    /// Opens an SRTCP packet; `None` if no key does.
    pub fn rtcp(&mut self, packet: &[u8]) -> Option<Found> {
        let ring = self.ring;
        let thorough = self.rtcp_refused < THOROUGH;
        let all = self
            .rtcp
            .into_iter()
            .chain(candidates(ring, true, thorough));
        let found = all.into_iter().find_map(|(key, tail)| {
            let opened = ring.keys.get(key)?.1.open_rtcp(packet, tail)?;
            let index = u64::from(opened.layout.word & 0x7fff_ffff);
            Some(Found {
                key,
                index,
                tail,
                opened,
            })
        });
        match &found {
            Some(found) => self.rtcp = Some((found.key, found.tail)),
            None => self.rtcp_refused += 1,
        }
        found
    }
}

fn open_rtp(
    ring: &KeyRing,
    packet: &[u8],
    mut candidates: impl Iterator<Item = (usize, u64, Tail)>,
) -> Option<Found> {
    candidates.find_map(|(key, index, tail)| {
        let opened = ring.keys.get(key)?.1.open_rtp(packet, index, tail)?;
        Some(Found {
            key,
            index,
            tail,
            opened,
        })
    })
}

/// Keys and tails that may be: as the suite says, with the MKI first. `thorough`:
/// tags that are cut short as well.
fn candidates(ring: &KeyRing, rtcp: bool, thorough: bool) -> impl Iterator<Item = (usize, Tail)> {
    let tags = move |suite: &Suite| {
        let whole = if rtcp { suite.rtcp_tag } else { suite.tag };
        let cut = CUT_TAGS
            .into_iter()
            .filter(move |tag| thorough && *tag < whole);
        std::iter::once(whole).chain(cut)
    };
    ring.keys
        .iter()
        .enumerate()
        .flat_map(move |(number, (key, _))| {
            let mut mkis = vec![key.mki.len(), 0];
            mkis.dedup();
            tags(key.suite).flat_map(move |tag| {
                let mkis = mkis.clone().into_iter();
                mkis.map(move |mki| (number, Tail { tag, mki }))
            })
        })
}

/// The same of RTP, each with each of the indices.
fn rtp_candidates(
    ring: &KeyRing,
    indices: &[u64],
    thorough: bool,
) -> impl Iterator<Item = (usize, u64, Tail)> {
    candidates(ring, false, thorough).flat_map(move |(key, tail)| {
        let indices = indices.iter();
        indices.map(move |index| (key, *index, tail))
    })
}

/// The index nearest to the highest one (RFC 3711 3.3.1), and those one
/// roll-over beside.
fn near(highest: u64, sequence: u16) -> [u64; 3] {
    let step = sequence.wrapping_sub(highest as u16) as i16;
    let nearest = highest.wrapping_add_signed(step.into());
    [0, 1 << 16, INDICES - (1 << 16)].map(|more: u64| nearest.wrapping_add(more) % INDICES)
}

/// Indices with which a stream may begin: of the roll-over counters that were
/// signalled, and of low ones, since streams begin with 0.
fn first_indices(
    ring: &KeyRing,
    ssrc: u32,
    sequence: u16,
    thorough: bool,
) -> impl Iterator<Item = u64> {
    let signalled = ring.roll_overs.iter().filter(move |(of, _)| *of == ssrc);
    let from = signalled.map(|(_, roc)| *roc).chain([0]);
    let more = if thorough { ROLL_OVERS } else { 1 };
    from.flat_map(move |from| (0..more).map(move |n| from.wrapping_add(n)))
        .map(move |roc| u64::from(roc) << 16 | u64::from(sequence))
}
