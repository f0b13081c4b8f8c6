//! `moof`: the samples that a fragment describes (ISO/IEC 14496-12 8.8).

use super::{BoxSpan, Dissection, Flaw, Found, boxes::Fields};

/// What holds for the samples of a track unless a fragment says otherwise.
#[derive(Clone, Copy)]
pub struct Defaults {
    track_id: u32,
    duration: u32,
    size: u32,
}

impl Defaults {
    /// Reads trex.
    pub fn read(mut fields: Fields<'_>) -> Option<Self> {
        fields.version()?;
        let track_id = fields.u32()?;
        fields.skip(4)?;
        Some(Self {
            track_id,
            duration: fields.u32()?,
            size: fields.u32()?,
        })
    }
}

impl Dissection<'_> {
    /// Finds the samples of a fragment.
    pub fn moof(&mut self, moof: &BoxSpan) {
        let mut end = moof.at as u64;
        for traf in self.children(moof) {
            if &traf.kind.0 == b"traf" {
                end = self.traf(moof, &traf, end);
            }
        }
    }

    /// Finds the samples of a track; `before` is where those of the track before
    /// end. Returns where these do.
    fn traf(&mut self, moof: &BoxSpan, traf: &BoxSpan, before: u64) -> u64 {
        let boxes = self.children(traf);
        let of_kind = |kind: &'static [u8; 4]| boxes.iter().filter(move |b| &b.kind.0 == kind);
        let head = of_kind(b"tfhd").next().map(|b| self.fields(b));
        let Some(head) = head.and_then(Head::read) else {
            self.fault(traf.at, Flaw::Short);
            return before;
        };
        let tracks = self.movie.tracks.iter();
        let Some(track) = tracks.clone().position(|t| t.id == head.track_id) else {
            self.fault(traf.at, Flaw::NoTrack);
            return before;
        };
        let defaults = self.defaults.iter().find(|d| d.track_id == head.track_id);
        let implied = if head.from_moof {
            moof.at as u64
        } else {
            before
        };
        let time = of_kind(b"tfdt").next().map(|b| self.fields(b));
        let mut run = Run {
            track,
            base: head.base.unwrap_or(implied),
            at: head.base.unwrap_or(implied),
            time: time.and_then(decode_time).unwrap_or(0),
            duration: head.duration.or(defaults.map(|d| d.duration)),
            size: head.size.or(defaults.map(|d| d.size)),
            is_sound: &self.movie.tracks[track].handler.0 == b"soun",
        };
        for trun in of_kind(b"trun") {
            if run.find(self.fields(trun), self).is_none() {
                self.fault(trun.at, Flaw::Short);
            }
        }
        run.at
    }
}

/// tfhd.
struct Head {
    track_id: u32,
    base: Option<u64>,
    duration: Option<u32>,
    size: Option<u32>,
    from_moof: bool,
}

impl Head {
    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let (_, flags) = fields.version()?;
        let track_id = fields.u32()?;
        let base = optional(flags & 0x01, || fields.u64())?;
        optional(flags & 0x02, || fields.u32())?;
        Some(Self {
            track_id,
            base,
            duration: optional(flags & 0x08, || fields.u32())?,
            size: optional(flags & 0x10, || fields.u32())?,
            from_moof: flags & 0x02_0000 != 0,
        })
    }
}

/// The samples of a track in a fragment, one run after the other.
struct Run {
    track: usize,
    /// What offsets are counted from.
    base: u64,
    /// Where the next sample is.
    at: u64,
    /// When it is decoded.
    time: u64,
    duration: Option<u32>,
    size: Option<u32>,
    is_sound: bool,
}

impl Run {
    /// Reads trun; `None` if it is too short.
    fn find(&mut self, mut fields: Fields<'_>, to: &mut Dissection<'_>) -> Option<()> {
        let (_, flags) = fields.version()?;
        let count = fields.u32()?;
        if let Some(offset) = optional(flags & 0x01, || fields.u32())? {
            self.at = self.base.saturating_add_signed(offset.cast_signed().into());
        }
        optional(flags & 0x04, || fields.u32())?;
        if flags & 0xf00 == 0 && self.is_sound {
            self.push(count.into(), self.duration, self.size, to);
            return Some(());
        }
        for _ in 0..count {
            let duration = optional(flags & 0x100, || fields.u32())?;
            let size = optional(flags & 0x200, || fields.u32())?;
            optional(flags & 0x400, || fields.u32())?;
            optional(flags & 0x800, || fields.u32())?;
            if !self.push(1, duration.or(self.duration), size.or(self.size), to) {
                break;
            }
        }
        Some(())
    }

    /// So many samples of one size; false if there are too many.
    fn push(
        &mut self,
        count: u64,
        duration: Option<u32>,
        size: Option<u32>,
        to: &mut Dissection<'_>,
    ) -> bool {
        // Both factors have 32 bits.
        let found = Found {
            track: self.track,
            at: self.at,
            size: count * u64::from(size.unwrap_or(0)),
            time: self.time,
            duration: count * u64::from(duration.unwrap_or(0)),
        };
        self.at = self.at.saturating_add(found.size);
        self.time = self.time.saturating_add(found.duration);
        to.find(found)
    }
}

/// tfdt: baseMediaDecodeTime.
fn decode_time(mut fields: Fields<'_>) -> Option<u64> {
    let (version, _) = fields.version()?;
    fields.wide(version)
}

/// A field that is there if its flag is; `None` if it should be and is not.
fn optional<T>(flag: u32, field: impl FnOnce() -> Option<T>) -> Option<Option<T>> {
    match flag {
        0 => Some(None),
        _ => field().map(Some),
    }
}
