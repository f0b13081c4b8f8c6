//! The packet index (RFC 3711 3.3.1, appendix A), and which indices were
//! there already (RFC 3711 3.3.2).

use super::SrtpError;
use crate::seal::replay::Accepted;

/// The index of the packet with this sequence number that is nearest to
/// `highest`, both of 48 bits.
#[inline]
pub(super) fn estimate(highest: u64, sequence: u16) -> u64 {
    // ROC and sequence number.
    let (roc, last) = ((highest >> 16) as u32, highest as u16);
    let (last, next) = (i32::from(last), i32::from(sequence));
    let roc = if last < 0x8000 && next - last > 0x8000 {
        roc.wrapping_sub(1)
    } else if last >= 0x8000 && last - 0x8000 > next {
        roc.wrapping_add(1)
    } else {
        roc
    };
    u64::from(roc) << 16 | u64::from(sequence)
}

/// Indices of `BITS` bits, one after the other, that a receiver has accepted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window<const BITS: u32> {
    highest: Option<u64>,
    accepted: Accepted,
    /// The number of the key of the highest, and how many indices it has
    /// covered since it came into use.
    key: u32,
    covered: u64,
}

/// Where an index lies that may be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// So many after the highest, or the first of all.
    After(u64),
    /// So many before it, within the window, and not there yet.
    Before(u64),
}

impl<const BITS: u32> Window<BITS> {
    /// One in which nothing was accepted, where indices are expected near
    /// `highest`.
    pub(super) fn near(highest: u64) -> Self {
        Self {
            highest: Some(highest),
            ..Self::default()
        }
    }

    /// The highest index.
    pub(super) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Where `index` lies; [`SrtpError::Replayed`] if it was there or is too
    /// old.
    #[inline]
    fn place(&self, index: u64) -> Result<Place, SrtpError> {
        let Some(highest) = self.highest else {
            return Ok(Place::After(1));
        };
        // The difference modulo 2^BITS, with a sign.
        let distance = (index.wrapping_sub(highest) << (64 - BITS)) as i64 >> (64 - BITS);
        match u64::try_from(distance) {
            Ok(after) if after > 0 => Ok(Place::After(after)),
            _ if self.accepted.has(distance.unsigned_abs()) => Err(SrtpError::Replayed(index)),
            _ => Ok(Place::Before(distance.unsigned_abs())),
        }
    }

    /// As [`place`](Self::place), of what the key of that number secured;
    /// [`SrtpError::KeyExpired`] if the key would cover more than `limit`
    /// indices of `field` then.
    #[inline]
    pub(super) fn admit(
        &self,
        index: u64,
        key: u32,
        field: &'static str,
        limit: u64,
    ) -> Result<Place, SrtpError> {
        let place = self.place(index)?;
        if self.covered(place, key) > limit {
            return Err(SrtpError::KeyExpired { field, limit });
        }
        Ok(place)
    }

    /// How many indices the key of that number would have covered, if that
    /// place were accepted.
    #[inline]
    fn covered(&self, place: Place, key: u32) -> u64 {
        match place {
            Place::After(after) if key == self.key => self.covered.saturating_add(after),
            Place::After(_) => 1,
            Place::Before(_) => 0,
        }
    }

    /// Accepts an index.
    #[inline]
    pub(super) fn accept(&mut self, index: u64, place: Place, key: u32) {
        match place {
            Place::After(after) => {
                self.covered = self.covered(place, key);
                self.key = key;
                self.highest = Some(index);
                self.accepted.accept_after(after);
            }
            Place::Before(before) => self.accepted.accept_before(before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_index_is_estimated() {
        let at = |roc: u64, sequence: u64| roc << 16 | sequence;
        for (highest, sequence, index) in [
            (at(0, 5), 6, at(0, 6)),
            (at(0, 0xffff), 0, at(1, 0)),
            (at(1, 0), 0xffff, at(0, 0xffff)),
            (at(3, 0x7fff), 0xffff, at(3, 0xffff)),
            (at(3, 0x7ffe), 0xffff, at(2, 0xffff)),
            (at(3, 0x8000), 0, at(3, 0)),
            (at(3, 0x8001), 0, at(4, 0)),
            (at(0xffff_ffff, 0xfffe), 3, at(0, 3)),
            (at(0, 3), 0xfffe, at(0xffff_ffff, 0xfffe)),
        ] {
            assert_eq!(
                estimate(highest, sequence),
                index,
                "{highest:x} {sequence:x}"
            );
        }
    }

    fn take(window: &mut Window<48>, index: u64) -> bool {
        let place = window.place(index);
        if let Ok(place) = place {
            window.accept(index, place, 0);
        }
        place.is_ok()
    }

    #[test]
    fn an_index_is_accepted_once_and_only_within_the_window() {
        let mut window = Window::default();
        for (index, accepted) in [
            (1000, true),
            (1000, false),
            (999, true),
            (999, false),
            (1000 - 127, true),
            (1000 - 128, false),
            (1001, true),
            (1001 - 127, true),
            (1000 - 127, false),
            (1001 + 128, true),
            (1001 + 1, true),
            (1001, false),
            (1 << 40, true),
            (1 << 39, false),
        ] {
            assert_eq!(take(&mut window, index), accepted, "{index}");
        }
    }

    #[test]
    fn indices_wrap() {
        let mut window = Window::near((1 << 48) - 1);
        assert!(take(&mut window, (1 << 48) - 1));
        assert!(take(&mut window, 0));
        assert!(!take(&mut window, (1 << 48) - 1));
        assert!(take(&mut window, (1 << 48) - 2));
        assert_eq!(window.highest(), Some(0));
    }

    #[test]
    fn a_key_covers_indices_from_its_first_on() {
        let mut window = Window::<31>::default();
        let mut take = |index, key| {
            let place = window.place(index).expect("new");
            window.accept(index, place, key);
            window.covered
        };
        assert_eq!([take(7, 0), take(9, 0), take(8, 0)], [1, 3, 3]);
        assert_eq!([take(10, 1), take(12, 1), take(11, 0)], [1, 3, 3]);
    }
}
