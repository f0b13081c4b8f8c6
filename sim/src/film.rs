//! A scene and its encoder: shots in, access units out; and what cameras with the
//! same scene in front of them share of that.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    h264::{self, AccessUnit, EncodeError, Encoder, EncoderConfig},
    scene::{Scene, SceneConfig},
};

/// Octets of the filler data NAL unit (ITU-T H.264 7.3.2.7) behind the slices
/// of an access unit that has not enough bits.
pub const FILLER: usize = 400;

/// What is filmed, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    /// The scene.
    pub(crate) scene: SceneConfig,
    /// Size and rate.
    pub(crate) video: EncoderConfig,
    /// Where the canary content comes from.
    pub(crate) canary: u64,
    /// Whether all is still, but for the clock and the mark; then access units are
    /// filled up ([`FILLER`]).
    pub(crate) quiet: bool,
}

/// A picture that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shot {
    /// Its frame number.
    pub(crate) number: u32,
    /// When, since 1970.
    pub(crate) taken: Duration,
    /// Whether it has to be a key frame.
    pub(crate) key_frame: bool,
}

/// Films a subject, shot by shot.
pub(crate) struct Film {
    subject: Subject,
    /// Made when something is not in the archive.
    tools: Option<Tools>,
    /// What was shot, if there is an archive, and its place there.
    shots: Vec<Shot>,
    place: Place,
    archive: Option<Arc<Archive>>,
}

/// Draws and encodes.
struct Tools {
    scene: Scene,
    encoder: Encoder,
    /// How many shots they did.
    done: usize,
}

impl Film {
    /// Prepares to film. What the archive has is not drawn and encoded again.
    pub(crate) fn new(
        subject: Subject,
        archive: Option<Arc<Archive>>,
    ) -> Result<Self, EncodeError> {
        let known = archive.as_ref().and_then(|a| a.find(&subject));
        let tools = match known {
            Some(_) => None,
            None => Some(Tools::new(&subject)?),
        };
        let place = known.or_else(|| archive.as_ref().map(|a| a.begin(&subject)));
        Ok(Self {
            subject,
            tools,
            shots: Vec::new(),
            place: place.unwrap_or_default(),
            archive,
        })
    }

    /// Takes the next picture. After an error the film may lack that one.
    pub(crate) fn shoot(&mut self, shot: Shot) -> Result<Arc<AccessUnit>, EncodeError> {
        let archive = self.archive.clone();
        let found = archive.as_ref().and_then(|a| a.get(self.place, shot));
        let (unit, place) = match (found, archive) {
            (Some(found), _) => found,
            (None, Some(archive)) => {
                let unit = self.expose(shot)?;
                archive.put(self.place, shot, Arc::new(unit))
            }
            (None, None) => return Ok(Arc::new(self.expose(shot)?)),
        };
        self.shots.push(shot);
        self.place = place;
        Ok(unit)
    }

    /// Draws and encodes, first what others did: the encoder goes by what it has seen.
    fn expose(&mut self, shot: Shot) -> Result<AccessUnit, EncodeError> {
        let mut tools = match self.tools.take() {
            Some(tools) => tools,
            None => Tools::new(&self.subject)?,
        };
        for missed in self.shots.get(tools.done..).unwrap_or_default() {
            tools.shoot(&self.subject, *missed)?;
        }
        let unit = tools.shoot(&self.subject, shot);
        tools.done = self.shots.len() + 1;
        self.tools = Some(tools);
        unit
    }
}

impl Tools {
    fn new(subject: &Subject) -> Result<Self, EncodeError> {
        Ok(Self {
            scene: Scene::new(subject.scene.clone())?,
            encoder: Encoder::new(subject.video, subject.canary)?,
            done: 0,
        })
    }

    fn shoot(&mut self, subject: &Subject, shot: Shot) -> Result<AccessUnit, EncodeError> {
        let Shot { number, taken, .. } = shot;
        if shot.key_frame {
            self.encoder.request_key_frame();
        }
        let picture = match subject.quiet {
            true => self.scene.draw_still(number, taken),
            false => self.scene.draw(number, taken),
        };
        let mut unit = self.encoder.encode(picture, number, taken)?;
        if subject.quiet {
            unit.nal_units.push(h264::filler(FILLER));
        }
        Ok(unit)
    }
}

/// What was filmed, by all that it follows from: the subject and the shots before.
/// Cameras that share it film nothing twice, and all film what each would have
/// filmed alone.
#[derive(Debug, Default)]
pub struct Archive(Mutex<Shelves>);

/// What came before: a subject and some shots.
type Place = usize;

#[derive(Debug, Default)]
struct Shelves {
    subjects: BTreeMap<Subject, Place>,
    units: BTreeMap<(Place, Shot), (Arc<AccessUnit>, Place)>,
    places: Place,
}

impl Archive {
    fn find(&self, subject: &Subject) -> Option<Place> {
        self.shelves().subjects.get(subject).copied()
    }

    fn begin(&self, subject: &Subject) -> Place {
        let shelves = &mut *self.shelves();
        let place = shelves.subjects.entry(subject.clone());
        *place.or_insert_with(|| {
            shelves.places += 1;
            shelves.places
        })
    }

    fn get(&self, place: Place, shot: Shot) -> Option<(Arc<AccessUnit>, Place)> {
        self.shelves().units.get(&(place, shot)).cloned()
    }

    /// Keeps it, unless somebody else was quicker.
    fn put(&self, place: Place, shot: Shot, unit: Arc<AccessUnit>) -> (Arc<AccessUnit>, Place) {
        let shelves = &mut *self.shelves();
        let kept = shelves.units.entry((place, shot));
        let kept = kept.or_insert_with(|| {
            shelves.places += 1;
            (unit, shelves.places)
        });
        kept.clone()
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h264::STREAMS;

    fn subject(canary: u64) -> Subject {
        let video = STREAMS[0];
        Subject {
            scene: SceneConfig {
                seed: 7,
                width: video.width,
                height: video.height,
                frames_per_second: video.frames_per_second,
                name: "Quay 3".to_owned(),
                unit: 1,
                nonce: 2,
            },
            video,
            canary,
            quiet: false,
        }
    }

    fn shots(key_frames: &[u32], numbers: &[u32]) -> Vec<Shot> {
        let shot = |number: &u32| Shot {
            number: *number,
            taken: Duration::from_millis(1_795_559_857_000 + 200 * u64::from(*number)),
            key_frame: key_frames.contains(number),
        };
        numbers.iter().map(shot).collect()
    }

    fn film(
        subject: &Subject,
        archive: Option<&Arc<Archive>>,
        shots: &[Shot],
    ) -> Vec<Arc<AccessUnit>> {
        let mut film = Film::new(subject.clone(), archive.cloned()).unwrap();
        shots
            .iter()
            .map(|shot| film.shoot(*shot).unwrap())
            .collect()
    }

    #[test]
    fn with_an_archive_the_film_is_the_same() {
        let archive = Arc::new(Archive::default());
        let all: Vec<u32> = (0..12).collect();
        for (canary, key_frames, numbers) in [
            (1, &[][..], &all[..]),
            (1, &[], &all[..5]),
            (1, &[], &all),
            // Branches off, one from the other.
            (1, &[4], &all),
            (1, &[4, 9], &all),
            (1, &[4], &[0, 1, 2, 3, 4, 7, 8]),
            (2, &[], &all),
            (1, &[], &all[3..]),
        ] {
            let (subject, shots) = (subject(canary), shots(key_frames, numbers));
            let alone = film(&subject, None, &shots);
            assert_eq!(film(&subject, Some(&archive), &shots), alone);
            let key = |unit: &Arc<AccessUnit>| unit.key_frame.then_some(unit.number);
            let keys: Vec<u32> = alone.iter().filter_map(key).collect();
            assert_eq!(keys, [&numbers[..1], key_frames].concat());
        }
    }

    #[test]
    fn what_is_in_the_archive_is_not_filmed_again() {
        let archive = Arc::new(Archive::default());
        let shots = shots(&[2], &[0, 1, 2, 3]);
        let first = film(&subject(1), Some(&archive), &shots);
        let mut second = Film::new(subject(1), Some(archive)).unwrap();
        for (shot, unit) in shots.iter().zip(&first) {
            assert!(Arc::ptr_eq(&second.shoot(*shot).unwrap(), unit));
        }
        assert!(second.tools.is_none());
    }
}
