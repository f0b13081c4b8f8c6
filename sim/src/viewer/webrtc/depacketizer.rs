//! RTP payloads in, access units out (RFC 6184 5.6, 5.7.1, 5.8).

use std::{collections::BTreeMap, sync::Arc};

/// How many packets may wait for one that is missing: as long as it takes to
/// be sent again.
const MOST_WAITING: usize = 256;
/// The longest NAL unit, in octets.
const LONGEST: usize = 4 << 20;

/// Puts packets in order and NAL units together.
#[derive(Debug, Default)]
pub(crate) struct Depacketizer {
    waiting: BTreeMap<u64, (bool, Arc<[u8]>)>,
    next: Option<u64>,
    unit: Vec<Vec<u8>>,
    fragment: Option<Vec<u8>>,
    /// Whether the access unit lacks a packet.
    is_torn: bool,
    /// Access units that were given up.
    pub(super) torn: u64,
}

impl Depacketizer {
    /// Takes a packet, and hands out the NAL units of each access unit that is
    /// whole by that.
    pub(crate) fn take(
        &mut self,
        sequence: u64,
        marker: bool,
        payload: Arc<[u8]>,
        mut done: impl FnMut(Vec<Vec<u8>>),
    ) {
        if self.next.is_some_and(|next| sequence < next) {
            return;
        }
        self.waiting.insert(sequence, (marker, payload));
        loop {
            let Some((&first, _)) = self.waiting.first_key_value() else {
                return;
            };
            let is_next = self.next.is_none_or(|next| next == first);
            if !is_next {
                if self.waiting.len() <= MOST_WAITING {
                    return;
                }
                self.tear();
            }
            self.next = Some(first + 1);
            if let Some((marker, payload)) = self.waiting.remove(&first) {
                self.append(&payload);
                if marker {
                    self.end(&mut done);
                }
            }
        }
    }

    fn append(&mut self, payload: &[u8]) {
        const STAP_A: u8 = 24;
        const FU_A: u8 = 28;
        match payload {
            [head, rest @ ..] if head & 0x1f == STAP_A => {
                let mut rest = rest;
                while let Some((length, behind)) = rest.split_first_chunk() {
                    let length = usize::from(u16::from_be_bytes(*length));
                    let Some((nal, behind)) = behind.split_at_checked(length) else {
                        return self.tear();
                    };
                    self.unit.push(nal.to_vec());
                    rest = behind;
                }
            }
            [indicator, header, rest @ ..] if indicator & 0x1f == FU_A => {
                if header & 0x80 != 0 {
                    self.fragment = Some(vec![indicator & 0xe0 | header & 0x1f]);
                }
                let Some(fragment) = &mut self.fragment else {
                    return self.tear();
                };
                if fragment.len() + rest.len() > LONGEST {
                    return self.tear();
                }
                fragment.extend_from_slice(rest);
                if header & 0x40 != 0 {
                    self.unit.extend(self.fragment.take());
                }
            }
            [head, ..] if (1..STAP_A).contains(&(head & 0x1f)) => self.unit.push(payload.to_vec()),
            _ => self.tear(),
        }
    }

    fn tear(&mut self) {
        self.is_torn = true;
        self.fragment = None;
    }

    fn end(&mut self, done: &mut impl FnMut(Vec<Vec<u8>>)) {
        let unit = std::mem::take(&mut self.unit);
        let is_whole = !std::mem::take(&mut self.is_torn) && self.fragment.take().is_none();
        match is_whole {
            true => done(unit),
            false => self.torn += 1,
        }
    }
}
