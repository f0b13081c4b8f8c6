//! The recorder of a camera: all its video, in clips on the memory card. The
//! camera has the owner's recipient only, so that the card holds no key and a
//! thief of both sees nothing.
//!
//! - A clip begins with a key frame: that of the group of pictures before its
//!   own time (pre-roll), which was kept in memory only, so that what happens at
//!   the seam of two clips is seen coming in one of them.
//! - age seals [`CHUNK`] octets at a time. Every [`FLUSH`], plaintext that waited
//!   that long is pushed out by a `free` box that fills its chunk: a cut of power
//!   loses about three seconds at any bit rate, and a slow stream pays for it
//!   with octets.
//! - What is on the card then goes into the signed list, so that a clip that
//!   was cut is vouched for up to there.

pub mod list;
pub mod mp4;

use std::{io, sync::Arc, time::Duration};

use tokio::sync::broadcast::{Receiver, error::RecvError};

use self::list::{Entry, ListWriter};
use crate::{
    camera::Device,
    h264::{AccessUnit, EncoderConfig},
    seal::{
        keys::{ListKey, OwnerRecipient},
        recording::{CHUNK, ClipWriter, Extent},
    },
    world::Disk,
};

/// How long a clip is, to the next key frame, without its pre-roll.
pub const CLIP: Duration = Duration::from_secs(10);
/// How long a fragment is.
pub const FRAGMENT: Duration = Duration::from_secs(1);
/// How long plaintext may wait for its chunk to fill.
pub const FLUSH: Duration = Duration::from_secs(2);
/// How many clips are kept; then the oldest makes room.
pub const MOST_CLIPS: usize = 360;
/// Octets of pre-roll that are kept in memory; a longer one is left out.
pub const MOST_PRE_ROLL: usize = 8 << 20;

/// For whom a camera records.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Who can open the clips.
    pub owner: OwnerRecipient,
    /// What vouches for them.
    pub list_key: ListKey,
}

/// Records until the camera is switched off. Errors of the card are logged; a
/// new clip is tried with the next key frame.
pub async fn run(device: Arc<Device>, recording: Recording, mut units: Receiver<Arc<AccessUnit>>) {
    let mut recorder = Recorder {
        disk: device.world.disk.clone(),
        video: device.settings.video,
        serial: device.settings.serial.clone(),
        recording,
        list: None,
        pre_roll: PreRoll::default(),
        clip: None,
    };
    loop {
        let result = match units.recv().await {
            Ok(unit) => recorder.take(unit),
            // Pictures are missing: what follows can't be decoded.
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "the recorder lags behind");
                device.live.request_key_frame();
                recorder.pre_roll = PreRoll::default();
                recorder.close(None)
            }
            Err(RecvError::Closed) => return,
        };
        if let Err(error) = result {
            device.world.log.line(&format!("memory card: {error}"));
            recorder.clip = None;
        }
    }
}

struct Recorder {
    disk: Arc<dyn Disk>,
    video: EncoderConfig,
    serial: String,
    recording: Recording,
    /// One list each time the camera was switched on.
    list: Option<ListWriter>,
    pre_roll: PreRoll,
    clip: Option<Clip>,
}

impl Recorder {
    fn take(&mut self, unit: Arc<AccessUnit>) -> io::Result<()> {
        if unit.key_frame {
            let over = |clip: &Clip| unit.taken.saturating_sub(clip.began) >= CLIP;
            if self.clip.as_ref().is_some_and(over) {
                self.close(Some(&unit))?;
            }
            if self.clip.is_none() {
                self.open(&unit)?;
            }
        }
        self.pre_roll.push(unit.clone());
        if let (Some(clip), Some(list)) = (&mut self.clip, &mut self.list) {
            clip.push(unit, list)?;
        }
        Ok(())
    }

    /// Begins a clip with the pre-roll; `unit` is a key frame and comes next.
    fn open(&mut self, unit: &Arc<AccessUnit>) -> io::Result<()> {
        let pre_roll = self.pre_roll.units.clone();
        let first = pre_roll.first().unwrap_or(unit);
        let start = milliseconds(first.taken);
        let list = match &mut self.list {
            Some(list) => list,
            none => none.insert(ListWriter::create(
                self.disk.clone(),
                format!("clips-{start}.txt"),
                &self.serial,
                self.recording.list_key.clone(),
            )?),
        };
        make_room(&*self.disk)?;
        let name = format!("{CLIP_PREFIX}{start}.mp4.age");
        let mut writer = ClipWriter::create(self.disk.clone(), &name, &self.recording.owner)?;
        writer.write(&mp4::head(&self.video, first).map_err(io::Error::other)?)?;
        tracing::info!(name, pre_roll = pre_roll.len(), "clip begins");
        let mut clip = Clip {
            disk: self.disk.clone(),
            name,
            writer,
            began: unit.taken,
            first: first.clone(),
            frame: mp4::TIMESCALE / self.video.frames_per_second,
            pending: Vec::new(),
            fragments: 0,
            flushed: unit.taken,
            waiting_since: unit.taken,
            listed: 0,
        };
        for unit in pre_roll {
            clip.push(unit, list)?;
        }
        self.clip = Some(clip);
        Ok(())
    }

    /// Ends the clip, if there is one, before the unit that comes next.
    fn close(&mut self, next: Option<&AccessUnit>) -> io::Result<()> {
        match (self.clip.take(), &mut self.list) {
            (Some(clip), Some(list)) => clip.close(next, list),
            _ => Ok(()),
        }
    }
}

/// The access units since the last key frame.
#[derive(Debug, Default)]
struct PreRoll {
    units: Vec<Arc<AccessUnit>>,
    octets: usize,
}

impl PreRoll {
    fn push(&mut self, unit: Arc<AccessUnit>) {
        if unit.key_frame {
            *self = Self::default();
        } else if self.units.is_empty() {
            return;
        }
        self.octets += unit.nal_units.iter().map(|nal| nal.len()).sum::<usize>();
        self.units.push(unit);
        if self.octets > MOST_PRE_ROLL {
            *self = Self::default();
        }
    }
}

/// A clip that is being recorded.
struct Clip {
    disk: Arc<dyn Disk>,
    name: String,
    writer: ClipWriter,
    /// When its own time began, after the pre-roll.
    began: Duration,
    first: Arc<AccessUnit>,
    /// Ticks from one frame to the next, where no next one is known.
    frame: u32,
    /// Access units of the next fragment.
    pending: Vec<Arc<AccessUnit>>,
    fragments: u32,
    flushed: Duration,
    /// Since when the oldest plaintext waits to be sealed.
    waiting_since: Duration,
    /// Octets that the list vouches for.
    listed: u64,
}

impl Clip {
    fn push(&mut self, unit: Arc<AccessUnit>, list: &mut ListWriter) -> io::Result<()> {
        let full = |first: &Arc<AccessUnit>| unit.taken.saturating_sub(first.taken) >= FRAGMENT;
        if self.pending.first().is_some_and(full) {
            self.fragment(Some(&unit))?;
            self.flush(unit.taken, list)?;
        }
        self.pending.push(unit);
        Ok(())
    }

    /// Hands the pending access units over to be sealed.
    fn fragment(&mut self, next: Option<&AccessUnit>) -> io::Result<()> {
        let units = std::mem::take(&mut self.pending);
        let Some(first) = units.first() else {
            return Ok(());
        };
        let after = units.iter().skip(1).map(|unit| Some(&**unit)).chain([next]);
        let ticks = |unit: &AccessUnit, next: Option<&AccessUnit>| {
            next.map_or(self.frame, |next| next.rtp_time.wrapping_sub(unit.rtp_time))
        };
        let timed: Vec<_> = units
            .iter()
            .zip(after)
            .map(|(unit, next)| (unit.clone(), ticks(unit, next)))
            .collect();
        let start = first.rtp_time.wrapping_sub(self.first.rtp_time);
        self.fragments += 1;
        let fragment = mp4::fragment(self.fragments, start.into(), &timed);
        let before = self.writer.extent().length;
        self.writer.write(&fragment.map_err(io::Error::other)?)?;
        if self.writer.extent().length > before {
            self.waiting_since = first.taken;
        }
        Ok(())
    }

    /// Now and then pushes out what waited, and vouches for what is there.
    fn flush(&mut self, now: Duration, list: &mut ListWriter) -> io::Result<()> {
        if now.saturating_sub(self.flushed) < FLUSH {
            return Ok(());
        }
        self.flushed = now;
        if now.saturating_sub(self.waiting_since) >= FLUSH {
            // One octet more, which makes the full chunk go.
            let room = CHUNK - self.writer.waiting() + 1;
            let padding = mp4::padding(room).map_err(io::Error::other)?;
            self.writer.write(&padding)?;
            self.waiting_since = now;
        }
        let extent = self.writer.extent();
        if extent.length > self.listed {
            self.disk.sync(&self.name)?;
            list.add(&self.entry(now, extent, false))?;
            self.listed = extent.length;
        }
        Ok(())
    }

    fn close(mut self, next: Option<&AccessUnit>, list: &mut ListWriter) -> io::Result<()> {
        let last = self.pending.last().map(|unit| unit.taken);
        let end = next.map(|unit| unit.taken).or(last).unwrap_or(self.began);
        self.fragment(next)?;
        let entry = self.entry(end, self.writer.extent(), true);
        let extent = self.writer.finish()?;
        self.disk.sync(&self.name)?;
        tracing::info!(name = self.name, octets = extent.length, "clip ends");
        list.add(&Entry { extent, ..entry })
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

/// What the names of clips begin with.
pub const CLIP_PREFIX: &str = "clip-";
/// What the names of lists begin with.
pub const LIST_PREFIX: &str = "clips-";

/// Removes the oldest clips, so that one more is not too many.
fn make_room(disk: &dyn Disk) -> io::Result<()> {
    let mut clips = disk.list()?;
    clips.retain(|name| name.starts_with(CLIP_PREFIX));
    let excess = (clips.len() + 1).saturating_sub(MOST_CLIPS);
    clips
        .iter()
        .take(excess)
        .try_for_each(|name| disk.remove(name))
}

/// Names sort as times until the year 2286.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
