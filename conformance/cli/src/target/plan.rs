//! What to record of a target, and the case that comes of it: sessions, some at a time,
//! each with its own network.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lightleak_case::{
    CaseWriter, Declaration, Error as CaseError, Experience, Ledger, SessionRecord, Vantage,
};
use lightleak_sim::{
    camera::StartError,
    film::Archive,
    h264::{EncodeError, Encoder, EncoderConfig},
    path::{self, TransportPath},
    record::beside::{self, Document, THUMBNAIL},
    relay::RelayError,
    scene::{Scene, SceneConfig, SceneError},
    seal::keys::KeyError,
    sound::{PACKETS_PER_SECOND, Sound, SoundPacket},
    world::Witness,
};

use super::{
    notes::{Notes, lock},
    seeded::mix,
    shim::ShimError,
    sim::{VIDEO, name, nonce, serial, unit},
};
use crate::stimulus::{self, Stimulus};

/// How many access units the decoy ledger has.
const DECOY_UNITS: u32 = 30;
/// And how many seconds of sound.
const DECOY_SECONDS: u32 = 2;

/// What tells a visitor's canary sound from the device's.
const TALK_BACK: u64 = 0x7461_6c6b_2062_6163;

/// What to run and where to write it.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// Seed of scenes and secrets.
    pub seed: u64,
    /// The nonce that marks carry.
    pub nonce: u32,
    /// Transport paths.
    pub paths: Vec<&'static TransportPath>,
    /// Stimuli.
    pub stimuli: Vec<&'static Stimulus>,
    /// Size and rate of the video.
    pub video: EncoderConfig,
    /// Folder of the case.
    pub out: &'a Path,
    /// How many sessions may run at a time.
    pub threads: usize,
    /// What plans with the same seed share.
    pub shared: Arc<Shared>,
}

/// What recordings with one seed have in common and is made once.
#[derive(Debug, Default)]
pub struct Shared {
    decoy: Mutex<Option<(u64, Arc<Ledger>)>>,
    pub(super) archive: Arc<Archive>,
}

impl Shared {
    /// What another camera than that of the seed would have produced.
    fn decoy(&self, seed: u64) -> Result<Arc<Ledger>, RecordError> {
        let mut made = lock(&self.decoy);
        if let Some((of, ledger)) = &*made
            && *of == seed
        {
            return Ok(ledger.clone());
        }
        let ledger = Arc::new(decoy_ledger(seed)?);
        *made = Some((seed, ledger.clone()));
        Ok(ledger)
    }
}

impl<'a> Plan<'a> {
    /// Every path and every stimulus.
    pub fn everything(seed: u64, out: &'a Path, threads: usize) -> Self {
        Self {
            seed,
            nonce: nonce(seed),
            paths: path::ALL.to_vec(),
            stimuli: stimulus::ALL.to_vec(),
            video: VIDEO,
            out,
            threads,
            shared: Arc::default(),
        }
    }

    /// What a visitor says.
    pub(super) fn talk_back(&self) -> Sound {
        Sound {
            seed: self.seed ^ TALK_BACK,
            ..sound(self.seed, self.nonce)
        }
    }

    /// Every stimulus at every path that it fits.
    pub(super) fn jobs(&self) -> Vec<Job> {
        let pairs = self
            .paths
            .iter()
            .flat_map(|p| self.stimuli.iter().map(move |s| (*p, *s)));
        pairs
            .filter(|(path, stimulus)| stimulus.fits(path))
            .enumerate()
            .map(|(index, (path, stimulus))| Job {
                index,
                path,
                stimulus,
            })
            .collect()
    }

    /// Runs the jobs, so many at a time, and writes the case. `session` gives none
    /// where there is nothing to record.
    pub(super) fn record(
        &self,
        jobs: &[Job],
        factory: &Files,
        progress: &dyn Progress,
        session: impl Fn(&Job) -> Result<Option<Recorded>, RecordError> + Sync,
    ) -> Result<(), RecordError> {
        progress.begin(jobs.len());
        let next = AtomicUsize::new(0);
        let results: Vec<_> = jobs.iter().map(|_| Mutex::new(None)).collect();
        std::thread::scope(|scope| {
            for _ in 0..self.threads.clamp(1, jobs.len().max(1)) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(job) = jobs.get(at) else { break };
                        let result = session(job);
                        progress.step();
                        *lock(&results[at]) = Some(result);
                    }
                });
            }
        });
        let mut recorded = Vec::new();
        for result in results {
            if let Some(result) = result.into_inner().unwrap_or_else(PoisonError::into_inner) {
                recorded.extend(result?);
            }
        }
        let Some(first) = recorded.first() else {
            return Err(RecordError::NothingToDo);
        };
        // Not every session need know every path.
        let mut declaration = first.declaration.clone();
        for session in &recorded {
            let Declaration {
                endpoints, paths, ..
            } = &session.declaration;
            extend(&mut declaration.endpoints, endpoints);
            extend(&mut declaration.paths, paths);
        }
        let decoy = self.shared.decoy(self.seed)?;
        let mut case = CaseWriter::create(self.out, &declaration, &decoy)?;
        case.factory(factory)?;
        for session in &recorded {
            let folder = case.session(
                &session.record,
                &session.captures,
                &session.keys,
                &session.ledger,
                &session.log,
                Some(&session.rest),
            )?;
            case.played(&folder, &session.played)?;
        }
        Ok(())
    }
}

/// Is told how far a recording is.
pub trait Progress: Sync {
    /// So many steps will come.
    fn begin(&self, steps: usize);
    /// One is done.
    fn step(&self);
}

/// Nobody is told.
impl Progress for () {
    fn begin(&self, _steps: usize) {}
    fn step(&self) {}
}

/// Why there is no case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// No path, or no stimulus.
    #[error("record a case: no session was selected")]
    NothingToDo,
    /// The camera does not have the path.
    #[error("record a session: the camera has no path {0}")]
    NoSuchPath(&'static str),
    /// No runtime.
    #[error("start a runtime: {0}")]
    Runtime(std::io::Error),
    /// No certificates.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No camera.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No relay.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// No picture.
    #[error("draw a scene: {0}")]
    Scene(#[from] SceneError),
    /// No video.
    #[error("encode a scene: {0}")]
    Encode(#[from] EncodeError),
    /// No thumbnail.
    #[error("encode a thumbnail: {0}")]
    Thumbnail(std::io::Error),
    /// A shim that does not do as it should.
    #[error(transparent)]
    Shim(#[from] ShimError),
    /// No folder.
    #[error("write the case: {0}")]
    Case(#[from] CaseError),
}

/// A session to record.
pub(super) struct Job {
    pub(super) index: usize,
    pub(super) path: &'static TransportPath,
    pub(super) stimulus: &'static Stimulus,
}

impl Job {
    /// What was done, and what the client says of it.
    pub(super) fn record(
        &self,
        target: String,
        seed: u64,
        experience: Experience,
    ) -> SessionRecord {
        SessionRecord {
            schema: SessionRecord::SCHEMA.into(),
            path: self.path.id.into(),
            stimulus: self.stimulus.id.into(),
            condition: "default".into(),
            target,
            seed,
            experience,
        }
    }
}

/// A session as it was recorded.
pub(super) struct Recorded {
    pub(super) declaration: Declaration,
    pub(super) record: SessionRecord,
    pub(super) captures: Vec<(Vantage, Vec<u8>)>,
    pub(super) keys: Vec<String>,
    pub(super) ledger: Ledger,
    pub(super) played: Ledger,
    pub(super) log: String,
    pub(super) rest: Files,
}

/// Content by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Adds what is not there yet.
fn extend<T: Clone + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

/// Runs on a runtime whose clock stands while anybody does something.
pub(super) fn in_simulated_time<T>(
    work: impl Future<Output = Result<T, RecordError>>,
) -> Result<T, RecordError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(RecordError::Runtime)?;
    runtime.block_on(work)
}

/// What the camera of a seed shows.
pub(super) fn scene(seed: u64, nonce: u32, video: EncoderConfig) -> SceneConfig {
    SceneConfig {
        seed,
        width: video.width,
        height: video.height,
        frames_per_second: video.frames_per_second,
        name: name(unit(seed)),
        unit: unit(seed),
        nonce,
    }
}

/// What it hears.
pub(super) fn sound(seed: u64, nonce: u32) -> Sound {
    Sound {
        seed,
        unit: unit(seed),
        nonce,
    }
}

/// What another camera would have produced: must be found nowhere.
fn decoy_ledger(seed: u64) -> Result<Ledger, RecordError> {
    let seed = mix(seed ^ 0xdec0);
    let config = scene(seed, nonce(seed), VIDEO);
    let mut shown = Scene::new(config.clone())?;
    let mut encoder = Encoder::new(VIDEO, seed)?;
    let notes = Notes::default();
    for number in 0..DECOY_UNITS {
        let taken = Duration::from_secs(1_767_225_600) + Duration::from_secs(number.into()) / 15;
        notes.access_unit(
            "video",
            &encoder.encode(shown.draw(number, taken), number, taken)?,
        );
    }
    let taken = Duration::from_secs(1_767_225_600);
    let mut thumbnail = Scene::new(SceneConfig {
        width: THUMBNAIL.0,
        height: THUMBNAIL.1,
        ..config
    })?;
    let events = beside::events(seed, &serial(unit(seed)), VIDEO, 1_767_225_600_000, 10_000);
    for (track, octets) in [
        (
            "pictures",
            beside::jpeg(thumbnail.draw(0, taken)).map_err(RecordError::Thumbnail)?,
        ),
        ("events", events.into_bytes()),
    ] {
        let document = Document {
            name: String::new(),
            octets,
            number: 0,
            taken,
        };
        notes.document(track, &document);
    }
    let heard = sound(seed, nonce(seed));
    for number in 0..DECOY_SECONDS * PACKETS_PER_SECOND {
        notes.sound(
            "audio",
            &SoundPacket::new(heard.samples(number), number, taken),
        );
    }
    Ok(notes
        .ledger
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner))
}
