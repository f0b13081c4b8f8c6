//! A batch of packets.

/// RTP packets, in one buffer that is used again. Each has the same room behind
/// it, into which it grows when it is sealed, so that nothing moves; packets
/// that fill their room lie one right behind the other.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    pub(super) bytes: Vec<u8>,
    pub(super) slots: Vec<Slot>,
    room: usize,
}

/// Where a packet lies: its octets, and where its room ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) limit: usize,
}

impl Packets {
    /// An empty buffer of packets without room.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty buffer of packets that have `room` octets behind them: what
    /// whoever seals them adds.
    pub fn with_room(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// How many packets there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The packets in the order in which they were added. One that could not
    /// be sealed or opened is empty.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let octets = |slot: &Slot| &self.bytes[slot.start..slot.end];
        self.slots.iter().map(octets)
    }

    /// The packets as runs for [`Datagrams::send`](crate::world::Datagrams):
    /// octets that lie together, and the size of each packet in them (the last
    /// may be shorter). Empty packets are left out.
    pub fn runs(&self) -> impl Iterator<Item = (&[u8], usize)> {
        let mut rest = &self.slots[..];
        std::iter::from_fn(move || {
            let skipped = rest.iter().take_while(|s| s.start == s.end).count();
            rest = &rest[skipped..];
            let (first, behind) = rest.split_first()?;
            let size = first.end - first.start;
            let mut end = first.end;
            let mut count = 0;
            for slot in behind {
                let length = slot.end - slot.start;
                let full = (end - first.start) % size == 0;
                if !full || slot.start != end || length == 0 || length > size {
                    break;
                }
                (end, count) = (slot.end, count + 1);
            }
            rest = &behind[count..];
            Some((&self.bytes[first.start..end], size))
        })
    }

    /// Adds a packet of these octets.
    pub fn push(&mut self, packet: &[u8]) {
        self.push_parts(&[packet]);
    }

    /// Removes all packets; the buffer stays.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.slots.clear();
    }

    /// The buffer and where the packets lie in it.
    pub(crate) fn parts_mut(&mut self) -> (&mut [u8], &mut [Slot]) {
        (&mut self.bytes, &mut self.slots)
    }

    /// Adds a packet of these octets, one part after the other.
    pub(super) fn push_parts(&mut self, parts: &[&[u8]]) {
        let start = self.bytes.len();
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        let end = self.bytes.len();
        let limit = end + self.room;
        self.bytes.resize(limit, 0);
        self.slots.push(Slot { start, end, limit });
    }
}
