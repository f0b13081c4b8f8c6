//! Time stamps of an interface (draft-ietf-opsawg-pcapng 4.2, `if_tsresol` and
//! `if_tsoffset`).

/// How an interface's time stamps become nanoseconds.
#[derive(Debug)]
pub(super) struct Clock {
    /// `if_tsresol`.
    pub(super) resolution: u8,
    /// `if_tsoffset`, seconds.
    pub(super) offset: i64,
}

impl Clock {
    /// `if_tsresol` if there is none.
    pub(super) const MICROSECONDS: u8 = 6;

    /// Nanoseconds since 1970, at the ends of what 64 bits hold if beyond.
    pub(super) fn nanoseconds(&self, ticks: u64) -> u64 {
        let scaled = i128::from(ticks) * 1_000_000_000;
        let exponent = u32::from(self.resolution & 0x7F);
        let since_offset = if self.resolution & 0x80 != 0 {
            scaled >> exponent
        } else {
            // A divisor beyond 128 bits leaves nothing of a 64-bit count.
            10i128.checked_pow(exponent).map_or(0, |d| scaled / d)
        };
        let time = since_offset + i128::from(self.offset) * 1_000_000_000;
        u64::try_from(time.max(0)).unwrap_or(u64::MAX)
    }
}
