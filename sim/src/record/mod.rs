//! The recorder of a camera: all its video and sound, in clips on the memory
//! card. The camera has the owner's recipient only, so that the card holds no
//! key and a thief of both sees nothing.
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
//!
//! - Beside each clip lie a thumbnail and the events in it, each sealed with HPKE
//!   ([`beside`]).
//!
//! [`CHUNK`]: crate::seal::recording::CHUNK

pub mod beside;
mod clip;
pub mod list;
pub mod mp4;
mod pre_roll;

use std::{io, sync::Arc, time::Duration};

use tokio::sync::broadcast::{Receiver, error::RecvError};

use self::{
    beside::{Beside, EVENTS_PREFIX, THUMBNAIL_PREFIX},
    clip::Clip,
    list::ListWriter,
    pre_roll::PreRoll,
};
use crate::{
    camera::Device,
    h264::AccessUnit,
    seal::{
        keys::{HpkePublicKey, ListKey, OwnerRecipient},
        recording::{ClipFile, ClipWriter},
    },
    sound::SoundPacket,
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
/// Packets of sound that wait for the video of their fragment.
pub const MOST_SOUND: usize = 512;

/// What the names of clips begin with.
pub const CLIP_PREFIX: &str = "clip-";
/// What the names of lists begin with.
pub const LIST_PREFIX: &str = "clips-";

/// For whom a camera records.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Who can open the clips.
    pub owner: OwnerRecipient,
    /// Who can open what lies beside them.
    pub documents: HpkePublicKey,
    /// What vouches for them.
    pub list_key: ListKey,
}

/// Records until the camera is switched off. Errors of the card are logged; a
/// new clip is tried with the next key frame.
pub async fn run(
    device: Arc<Device>,
    recording: Recording,
    mut units: Receiver<Arc<AccessUnit>>,
    mut sound: Receiver<Arc<SoundPacket>>,
) {
    let beside = match Beside::new(&device.settings) {
        Ok(beside) => beside,
        Err(error) => return device.world.log.line(&format!("recorder: {error}")),
    };
    let mut recorder = Recorder {
        device,
        beside,
        recording,
        list: None,
        pre_roll: PreRoll::default(),
        clip: None,
    };
    loop {
        let result = tokio::select! {
            // Sound first: what ends when a picture is taken goes before it.
            biased;
            packet = sound.recv() => match packet {
                Ok(packet) => recorder.hear(packet),
                // A gap: every packet says when it is heard.
                Err(RecvError::Lagged(_)) => Ok(()),
                Err(RecvError::Closed) => return,
            },
            unit = units.recv() => match unit {
                Ok(unit) => recorder.see(unit),
                // Pictures are missing: what follows can't be decoded.
                Err(RecvError::Lagged(missed)) => recorder.lose(missed),
                Err(RecvError::Closed) => return,
            },
        };
        if let Err(error) = result {
            let log = &recorder.device.world.log;
            log.line(&format!("memory card: {error}"));
            recorder.clip = None;
        }
    }
}

struct Recorder {
    device: Arc<Device>,
    recording: Recording,
    /// One list each time the camera was switched on.
    list: Option<ListWriter>,
    beside: Beside,
    pre_roll: PreRoll,
    clip: Option<Clip>,
}

impl Recorder {
    fn see(&mut self, unit: Arc<AccessUnit>) -> io::Result<()> {
        let unit = match self.device.fault.stored_unit {
            Some(change) => Arc::new(change(&self.device, &unit)),
            None => unit,
        };
        if unit.key_frame {
            let over = |clip: &Clip| unit.taken.saturating_sub(clip.began()) >= CLIP;
            if self.clip.as_ref().is_some_and(over) {
                self.close(Some(&unit))?;
            }
            if self.clip.is_none() {
                self.open(&unit)?;
            }
        }
        self.pre_roll.see(unit.clone());
        if let Some(spill) = self.device.fault.pre_roll {
            spill(&*self.device.world.disk, &unit)?;
        }
        if let (Some(clip), Some(list)) = (&mut self.clip, &mut self.list) {
            clip.see(unit, list)?;
        }
        Ok(())
    }

    fn hear(&mut self, packet: Arc<SoundPacket>) -> io::Result<()> {
        self.pre_roll.hear(packet.clone());
        match &mut self.clip {
            Some(clip) => clip.hear(packet),
            None => Ok(()),
        }
    }

    fn lose(&mut self, missed: u64) -> io::Result<()> {
        tracing::warn!(missed, "the recorder lags behind");
        self.device.live.request_key_frame();
        self.pre_roll = PreRoll::default();
        self.close(None)
    }

    /// Begins a clip with the pre-roll; `unit` is a key frame and comes next.
    fn open(&mut self, unit: &Arc<AccessUnit>) -> io::Result<()> {
        let pre_roll = std::mem::take(&mut self.pre_roll);
        let first = pre_roll.units.first().unwrap_or(unit);
        let start = milliseconds(first.taken);
        let (disk, settings) = (&self.device.world.disk, &self.device.settings);
        let list = match &mut self.list {
            Some(list) => list,
            none => none.insert(ListWriter::create(
                disk.clone(),
                format!("{LIST_PREFIX}{start}.txt"),
                &settings.serial,
                self.recording.list_key.clone(),
            )?),
        };
        make_room(&**disk)?;
        let name = format!("{CLIP_PREFIX}{start}.mp4.age");
        let owner = &self.recording.owner;
        let mut file: Box<dyn ClipFile> = match self.device.fault.clip {
            Some(create) => create(&self.device, owner, &name)?,
            None => Box::new(ClipWriter::create(disk.clone(), &name, owner)?),
        };
        file.write(&mp4::head(&settings.video, first).map_err(io::Error::other)?)?;
        tracing::info!(name, pre_roll = pre_roll.units.len(), "clip begins");
        let documents = &self.recording.documents;
        self.beside.see(&self.device, documents, first)?;
        let frame = mp4::TIMESCALE / settings.video.frames_per_second;
        let mut clip = Clip::new(disk.clone(), name, file, unit.taken, first.clone(), frame);
        let mut sound = pre_roll.sound.into_iter().peekable();
        for unit in pre_roll.units {
            while let Some(packet) = sound.next_if(|packet| packet.taken < unit.taken) {
                clip.hear(packet)?;
            }
            clip.see(unit, list)?;
        }
        for packet in sound {
            clip.hear(packet)?;
        }
        self.clip = Some(clip);
        Ok(())
    }

    /// Ends the clip, if there is one, before the unit that comes next.
    fn close(&mut self, next: Option<&AccessUnit>) -> io::Result<()> {
        if let (Some(clip), Some(list)) = (self.clip.take(), &mut self.list) {
            let span = clip.span(next);
            clip.close(next, list)?;
            let documents = &self.recording.documents;
            self.beside.close(&self.device, documents, span)?;
            if let Some(adopt) = self.device.fault.adopts_clips {
                adopt(&*self.device.world.disk, list)?;
            }
        }
        Ok(())
    }
}

/// Removes the oldest clips and what lies beside them, so that one more is not
/// too many.
fn make_room(disk: &dyn Disk) -> io::Result<()> {
    let files = disk.list()?;
    for prefix in [CLIP_PREFIX, THUMBNAIL_PREFIX, EVENTS_PREFIX] {
        let kind: Vec<_> = files
            .iter()
            .filter(|name| name.starts_with(prefix))
            .collect();
        let excess = (kind.len() + 1).saturating_sub(MOST_CLIPS);
        kind.into_iter()
            .take(excess)
            .try_for_each(|name| disk.remove(name))?;
    }
    Ok(())
}

/// Names sort as times until the year 2286.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
