//! Media sections of a connection, and which sequence numbers and time stamps what is
//! sent there has.

use str0m::media::Mid;

use super::event::{Packet, Track};

/// Ticks between the last packet of a source that is sent on and the first of
/// the next: a picture at 30 per second.
const STEP: u32 = 3_000;
/// How far sequence numbers that are sent on may jump: less than half of their
/// range, so that whoever receives them counts wraps as we do (RFC 3711 3.3.1).
const MOST_AHEAD: u64 = 1 << 14;
/// The highest sequence number to begin with ([`first_sequence`]).
const HIGHEST_FIRST: u16 = 0x7fff;

/// Media sections and the sequence numbers of what is sent there.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) video: Option<Line>,
    pub(super) sound: Option<Line>,
}

/// One section.
pub(super) struct Line {
    pub(super) mid: Mid,
    /// The last, extended by how often they wrapped.
    sequence: Option<u64>,
    /// Where what is sent on stands.
    forwarded: Option<Forwarded>,
}

/// From what was received to what is sent on.
#[derive(Clone, Copy)]
struct Forwarded {
    source: u64,
    /// The first sequence number of the source, and what it became.
    first: u64,
    least: u64,
    /// What is added to time stamps.
    time: u32,
    /// The highest sequence number of the source, with its time stamp.
    last: (u64, u32),
}

impl Forwarded {
    fn sequence(&self, of_source: u64) -> u64 {
        self.least + of_source.saturating_sub(self.first)
    }

    fn time(&self, of_source: u32) -> u32 {
        of_source.wrapping_add(self.time)
    }
}

impl Lines {
    pub(super) fn of(&mut self, track: Track) -> Option<&mut Line> {
        match track {
            Track::Video => self.video.as_mut(),
            Track::Sound => self.sound.as_mut(),
        }
    }
}

impl Line {
    pub(super) fn new(mid: Mid) -> Self {
        Self {
            mid,
            sequence: None,
            forwarded: None,
        }
    }

    /// Sequence number and time stamp with which a packet is sent on; none for
    /// one from before the first.
    pub(super) fn rebase(&mut self, source: u64, packet: &Packet) -> Option<(u64, u32)> {
        let goes_on = |known: &Forwarded| {
            let ahead = packet.sequence.saturating_sub(known.last.0);
            known.source == source && ahead <= MOST_AHEAD
        };
        let mut known = match self.forwarded {
            Some(known) if goes_on(&known) => known,
            Some(before) => Forwarded {
                source,
                first: packet.sequence,
                least: before.sequence(before.last.0) + 1,
                time: before
                    .time(before.last.1)
                    .wrapping_add(STEP)
                    .wrapping_sub(packet.time),
                last: (packet.sequence, packet.time),
            },
            None => Forwarded {
                source,
                first: packet.sequence,
                // So low that the first packets arrive before it wraps.
                least: first_sequence(packet.sequence as u16).into(),
                time: 0,
                last: (packet.sequence, packet.time),
            },
        };
        if packet.sequence < known.first {
            return None;
        }
        known.last = known.last.max((packet.sequence, packet.time));
        self.forwarded = Some(known);
        Some((known.sequence(packet.sequence), known.time(packet.time)))
    }

    /// Sequence numbers only go up.
    pub(super) fn extend(&mut self, sequence: u16) -> u64 {
        let last = self.sequence.unwrap_or(sequence.into());
        let step = sequence.wrapping_sub(last as u16);
        let extended = last + u64::from(step);
        self.sequence = Some(extended);
        extended
    }
}

/// The first sequence number of a stream: so low that the first packets that
/// arrive are before it wraps (RFC 3711 3.3.1).
pub(crate) fn first_sequence(random: u16) -> u16 {
    random & HIGHEST_FIRST
}
