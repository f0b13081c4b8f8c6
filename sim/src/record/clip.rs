//! One clip that is being recorded.

use std::{io, sync::Arc, time::Duration};

use super::{
    FLUSH, FRAGMENT, MOST_SOUND,
    list::{Entry, ListWriter},
    milliseconds, mp4,
};
use crate::{
    h264::AccessUnit,
    seal::recording::{CHUNK, ClipFile, Extent},
    sound::{SAMPLE_RATE, SoundPacket},
    world::Disk,
};

/// The clip.
pub(super) struct Clip {
    disk: Arc<dyn Disk>,
    name: String,
    file: Box<dyn ClipFile>,
    began: Duration,
    first: Arc<AccessUnit>,
    frame: u32,
    /// Access units of the next fragment.
    units: Vec<Arc<AccessUnit>>,
    /// Packets of sound of the next fragment.
    sound: Vec<Arc<SoundPacket>>,
    fragments: u32,
    flushed: Duration,
    /// Since when the oldest plaintext waits to be sealed.
    waiting_since: Duration,
    /// Octets that the list vouches for.
    listed: u64,
}

impl Clip {
    /// A clip whose own time began then and that begins with the access unit
    /// `first`; a frame lasts `frame` ticks where no next one is known.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        name: String,
        file: Box<dyn ClipFile>,
        began: Duration,
        first: Arc<AccessUnit>,
        frame: u32,
    ) -> Self {
        Self {
            disk,
            name,
            file,
            began,
            first,
            frame,
            units: Vec::new(),
            sound: Vec::new(),
            fragments: 0,
            flushed: began,
            waiting_since: began,
            listed: 0,
        }
    }

    /// When its own time began, after the pre-roll.
    pub(super) fn began(&self) -> Duration {
        self.began
    }

    /// Adds an access unit, and now and then writes.
    pub(super) fn see(&mut self, unit: Arc<AccessUnit>, list: &mut ListWriter) -> io::Result<()> {
        let full = |first: &Arc<AccessUnit>| unit.taken.saturating_sub(first.taken) >= FRAGMENT;
        if self.units.first().is_some_and(full) {
            self.fragment(Some(&unit))?;
            self.flush(unit.taken, list)?;
        }
        self.units.push(unit);
        Ok(())
    }

    /// Adds a packet of sound; what began before the first picture is left out.
    pub(super) fn hear(&mut self, packet: Arc<SoundPacket>) -> io::Result<()> {
        if packet.taken < self.first.taken {
            return Ok(());
        }
        self.sound.push(packet);
        if self.sound.len() >= MOST_SOUND {
            self.fragment(None)?;
        }
        Ok(())
    }

    /// When its first picture was taken, and how long it is if it ends before
    /// the unit that comes next.
    pub(super) fn span(&self, next: Option<&AccessUnit>) -> (Duration, Duration) {
        let first = self.first.taken;
        (first, self.end(next).saturating_sub(first))
    }

    /// Ends it before the unit that comes next.
    pub(super) fn close(
        mut self,
        next: Option<&AccessUnit>,
        list: &mut ListWriter,
    ) -> io::Result<()> {
        let end = self.end(next);
        self.fragment(next)?;
        let entry = self.entry(end, self.file.extent(), true);
        let extent = self.file.finish()?;
        self.disk.sync(&self.name)?;
        tracing::info!(name = self.name, octets = extent.length, "clip ends");
        list.add(&Entry { extent, ..entry })
    }

    fn end(&self, next: Option<&AccessUnit>) -> Duration {
        let last = self.units.last();
        next.or(last.map(|unit| &**unit))
            .map_or(self.began, |unit| unit.taken)
    }

    /// Hands what is pending over to be sealed.
    fn fragment(&mut self, next: Option<&AccessUnit>) -> io::Result<()> {
        let units = std::mem::take(&mut self.units);
        let sound = std::mem::take(&mut self.sound);
        let first = units.first().map(|unit| unit.taken);
        let Some(since) = first.or(sound.first().map(|packet| packet.taken)) else {
            return Ok(());
        };
        let contents = mp4::Contents {
            video_start: units.first().map_or(0, |unit| self.ticks(unit)),
            sound_start: sound.first().map_or(0, |packet| self.samples(packet)),
            video: self.timed(units, next),
            sound,
        };
        self.fragments += 1;
        let fragment = mp4::fragment(self.fragments, &contents);
        let before = self.file.extent().length;
        self.file.write(&fragment.map_err(io::Error::other)?)?;
        if self.file.extent().length > before {
            self.waiting_since = since;
        }
        Ok(())
    }

    /// Access units and how long each is shown.
    fn timed(
        &self,
        units: Vec<Arc<AccessUnit>>,
        next: Option<&AccessUnit>,
    ) -> Vec<(Arc<AccessUnit>, u32)> {
        let after = units.iter().skip(1).map(|unit| Some(&**unit)).chain([next]);
        let ticks = |unit: &AccessUnit, next: Option<&AccessUnit>| {
            next.map_or(self.frame, |next| next.rtp_time.wrapping_sub(unit.rtp_time))
        };
        let ticks: Vec<u32> = units.iter().zip(after).map(|(u, n)| ticks(u, n)).collect();
        units.into_iter().zip(ticks).collect()
    }

    /// When that is shown, since the start of the clip.
    fn ticks(&self, unit: &AccessUnit) -> u64 {
        unit.rtp_time.wrapping_sub(self.first.rtp_time).into()
    }

    /// When that is heard, since the start of the clip.
    fn samples(&self, packet: &SoundPacket) -> u64 {
        let since = packet.taken.saturating_sub(self.first.taken);
        let samples = since.as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000;
        u64::try_from(samples).unwrap_or(u64::MAX)
    }

    /// Now and then pushes out what waited, and vouches for what is there.
    fn flush(&mut self, now: Duration, list: &mut ListWriter) -> io::Result<()> {
        if now.saturating_sub(self.flushed) < FLUSH {
            return Ok(());
        }
        self.flushed = now;
        if now.saturating_sub(self.waiting_since) >= FLUSH {
            // One octet more, which makes the full chunk go.
            let room = CHUNK.saturating_sub(self.file.waiting()) + 1;
            let padding = mp4::padding(room).map_err(io::Error::other)?;
            self.file.write(&padding)?;
            self.waiting_since = now;
        }
        let extent = self.file.extent();
        if extent.length > self.listed {
            self.disk.sync(&self.name)?;
            list.add(&self.entry(now, extent, false))?;
            self.listed = extent.length;
        }
        Ok(())
    }

    fn entry(&self, now: Duration, extent: Extent, closed: bool) -> Entry {
        Entry {
            name: self.name.clone(),
            start: milliseconds(self.first.taken),
            duration: milliseconds(now.saturating_sub(self.first.taken)),
            extent,
            closed,
        }
    }
}
