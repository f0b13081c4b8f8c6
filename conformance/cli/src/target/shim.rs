//! Devices in any language: a program that plays one and speaks a protocol of lines on
//! standard input and output (`schema/shim.md`). Its network is a simulated one, with the
//! tap on it; what it films is handed to it, so that the ledger does not hang on its word.

mod device;
mod line;
mod process;

use std::{collections::BTreeSet, io, process::ExitStatus, sync::Mutex, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use lightleak_case::TransportProtocol;
use lightleak_sim::{
    claim::Claim,
    h264::Encoder,
    path::{Served, TransportPath},
    rtsp::digest::Credentials,
    scene::Scene,
    seal::{keys::KeyError, tls::TlsVersion},
    sound::{PACKETS_PER_SECOND, SoundPacket},
    viewer::rtsp::Address,
    world::{Witness as _, World},
};

use super::{
    CAMERA, VISITOR, WARM_UP,
    notes::lock,
    plan::{Files, Job, Plan, Progress, RecordError, Recorded, in_simulated_time, scene, sound},
    seeded::mix,
    sim::{credentials, keys::Keys, serial, unit},
    site::Site,
};
use crate::{
    declare,
    stimulus::{Offers, Visit},
};

use device::{Device, endpoint};
use line::Event;
use process::{PATIENCE, Process};

/// Exit code of a shim that does not implement what it was asked for.
const NOT_IMPLEMENTED: i32 = 89;

/// The protocol's version, which a shim is told first.
const PROTOCOL: &str = "1";

/// A program to judge.
#[derive(Debug)]
pub struct ShimTarget {
    command: String,
    /// What it does not implement.
    missing: Mutex<BTreeSet<String>>,
}

impl ShimTarget {
    /// The program that this command of the shell starts.
    pub fn new(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            missing: Mutex::default(),
        }
    }

    /// What the program said that it does not implement, in words.
    pub fn missing(&self) -> Vec<String> {
        lock(&self.missing).iter().cloned().collect()
    }

    /// Runs every stimulus of the plan that the program implements at every path that it
    /// implements, and writes the case. First the program has to show that it knows what
    /// it does not know.
    pub fn record(&self, plan: &Plan, progress: &dyn Progress) -> Result<(), RecordError> {
        let keys = Keys::new(plan.seed)?;
        let mut paths = BTreeSet::new();
        for path in &plan.paths {
            if !matches!(path.served, Served::Device(_)) {
                self.lacks(format!("{}: the device does not serve it", path.id));
            } else if self.implements(plan, path, &keys)? {
                paths.insert(path.id);
            } else {
                self.lacks(path.id.to_owned());
            }
        }
        if paths.is_empty() {
            return Err(ShimError::NoPath(self.missing().join(", ")).into());
        }
        let mut jobs = plan.jobs();
        jobs.retain(|job| paths.contains(job.path.id));
        plan.record(&jobs, &Files::new(), progress, |job| {
            let session = in_simulated_time(self.play(plan, job, &keys))?;
            if session.is_none() {
                self.lacks(format!("{} under {}", job.path.id, job.stimulus.id));
            }
            Ok(session)
        })
    }

    fn lacks(&self, what: String) {
        lock(&self.missing).insert(what);
    }

    /// Whether it implements a path. A stimulus that nobody knows it has to refuse: else
    /// it does not look at what it is asked for, and whatever it does proves nothing.
    fn implements(
        &self,
        plan: &Plan,
        path: &'static TransportPath,
        keys: &Keys,
    ) -> Result<bool, RecordError> {
        in_simulated_time(async {
            let stage = Stage::new(self, plan, 0);
            let Some(device) = stage.switch_on(path, keys).await? else {
                return Ok(false);
            };
            let unknown = format!("unknown-{:08x}", mix(plan.seed) >> 32);
            match device.demand(&Event::Stimulus(&unknown)).await {
                Err(ShimError::NotImplemented) => Ok(true),
                Err(error) => Err(error.into()),
                Ok(()) => Err(ShimError::Credulous(path.id, unknown).into()),
            }
        })
    }

    async fn play(
        &self,
        plan: &Plan<'_>,
        job: &Job,
        keys: &Keys,
    ) -> Result<Option<Recorded>, RecordError> {
        let stage = Stage::new(self, plan, job.index);
        let Some(device) = stage.switch_on(job.path, keys).await? else {
            return Ok(None);
        };
        match device.demand(&Event::Stimulus(job.stimulus.id)).await {
            Err(ShimError::NotImplemented) => return Ok(None),
            told => told?,
        }
        let url = device.says().url;
        let url = url.ok_or(ShimError::NoUrl(job.path.id))?;
        let endpoint = endpoint(&url).ok_or_else(|| ShimError::BadUrl(url.clone()))?;
        let Stage {
            site, credentials, ..
        } = stage;
        let film = tokio::spawn(film(device.clone(), site.host(CAMERA), plan)?);
        tokio::spawn(listen(device.clone(), site.host(CAMERA), plan));
        let clock = &site.clock;
        clock.sleep_until(clock.unix() + WARM_UP).await;

        let visit = Visit {
            world: site.host(VISITOR),
            device: CAMERA,
            serial: serial(unit(plan.seed)),
            address: Address {
                endpoint,
                url: url.clone(),
                authority: Some(keys.authority.certificate()),
                versions: &[TlsVersion::Tls13],
            },
            credentials,
            owner: keys.pairing.clone(),
            viewer: keys.viewer.clone(),
            says: plan.talk_back(),
            offers: Offers::ToDevice,
        };
        let at = job.stimulus.at(job.path);
        let run = at.ok_or(RecordError::NoSuchPath(job.path.id))?;
        let experience = run(visit).await;
        device.stop().await?;
        // It ends by itself only if there is no picture.
        if film.is_finished() {
            film.await.map_err(|e| RecordError::Runtime(e.into()))??;
        }
        // What was sent last is on its way.
        tokio::task::yield_now().await;

        let mut declaration = declare::device(&serial(unit(plan.seed)), unit(plan.seed), &[CAMERA]);
        device.says().declare(&mut declaration.device);
        let claim = Claim::device(job.path, url, endpoint);
        declare::claims(&mut declaration, std::iter::once(&claim));
        let record = job.record(format!("shim:{}", self.command), plan.seed, experience);
        Ok(Some(site.close(declaration, record, Vec::new())))
    }
}

/// Why there is no case of a shim.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShimError {
    /// It can't be started.
    #[error("start the shim {0:?}: {1}")]
    Start(String, #[source] io::Error),
    /// It ended with 89 at a path or stimulus; no error of its own.
    #[error("the shim does not implement it")]
    NotImplemented,
    /// It implements nothing of what was selected.
    #[error("record a case: the shim implements none of the paths ({0})")]
    NoPath(String),
    /// It began with a stimulus that nobody knows.
    #[error(
        "ask the shim at {0} for {1:?}, a stimulus that there is not: it said `done`; a shim has to \
         exit with 89 at every stimulus that it does not implement"
    )]
    Credulous(&'static str, String),
    /// It ended before it was stopped, or not with 0.
    #[error(
        "talk to the shim: at {0:?} it ended, {1}; the last that it wrote to standard error is {2:?}"
    )]
    Ended(String, ExitStatus, String),
    /// It does not finish.
    #[error(
        "talk to the shim: at {0:?} it did not say `done` for {seconds} s, or did not end",
        seconds = .1.as_secs_f32()
    )]
    Silent(String, Duration),
    /// It said something that is no line of the protocol.
    #[error(
        "read what the shim says at {0:?}: {1:?}: {2} (conformance/schema/shim.md has the lines)"
    )]
    Malformed(String, String, String),
    /// It declared no place for viewers.
    #[error(
        "find the path {0}: the shim said no `url` at `start`, such as `url rtsps://192.0.2.10:322/main`"
    )]
    NoUrl(&'static str),
    /// The place is none that can be connected to.
    #[error("find the path: the shim's URL {0:?} does not name the address and a port")]
    BadUrl(String),
    /// A port can't be had.
    #[error("do what the shim says with port {1} of {0}: {2}")]
    Port(TransportProtocol, u16, #[source] io::Error),
    /// A datagram from a port that it does not listen on.
    #[error("send the shim's datagram: it has to say `listen udp {0}` first")]
    NotBound(u16),
    /// Octets for a connection that nobody opened.
    #[error("send what the shim says: nobody opened a connection {0}")]
    NoConnection(u64),
    /// A file can't be stored.
    #[error("store the shim's file {0:?}: {1}")]
    Store(String, #[source] io::Error),
    /// It is off.
    #[error("talk to the shim: it is off")]
    Off,
}

/// A session with a shim.
struct Stage<'a> {
    target: &'a ShimTarget,
    plan: &'a Plan<'a>,
    site: Site,
    credentials: Credentials,
}

impl<'a> Stage<'a> {
    /// In a runtime with simulated time.
    fn new(target: &'a ShimTarget, plan: &'a Plan<'a>, session: usize) -> Self {
        Self {
            target,
            plan,
            site: Site::new(plan.seed, session, Default::default(), false),
            credentials: credentials(plan.seed),
        }
    }

    /// The device, to serve that path; none if it does not implement it.
    async fn switch_on(
        &self,
        path: &TransportPath,
        keys: &Keys,
    ) -> Result<Option<Device>, RecordError> {
        let settings = self.settings(path, keys)?;
        let Credentials { user, password } = &self.credentials;
        self.site.notes.secret(&password.escrow(user));
        let shim = Process::start(&self.target.command, self.site.notes.clone(), PATIENCE)?;
        let device = Device::new(shim, self.site.host(CAMERA));
        match device.demand(&Event::Start(path.id, &settings)).await {
            Err(ShimError::NotImplemented) => Ok(None),
            told => Ok(told.map(|()| Some(device))?),
        }
    }

    /// What the device has to know of itself.
    fn settings(
        &self,
        path: &TransportPath,
        keys: &Keys,
    ) -> Result<Vec<(&'static str, String)>, KeyError> {
        let serial = serial(unit(self.plan.seed));
        let identity = keys.authority.issue(&serial, &[CAMERA])?;
        let video = self.plan.video;
        let mut settings = vec![
            ("protocol", PROTOCOL.to_owned()),
            ("address", CAMERA.to_string()),
            ("port", path.port().unwrap_or_default().to_string()),
            ("serial", serial),
            ("time", self.site.clock.unix().as_millis().to_string()),
            ("user", self.credentials.user.clone()),
            ("password", self.credentials.password.expose().to_owned()),
            ("width", video.width.to_string()),
            ("height", video.height.to_string()),
            ("rate", video.frames_per_second.to_string()),
        ];
        let (certificates, key) = identity.pem();
        settings.push(("certificates", BASE64_STANDARD.encode(certificates)));
        settings.push(("key", BASE64_STANDARD.encode(key.as_bytes())));
        settings.push(("owner", keys.pairing.public().to_string()));
        Ok(settings)
    }
}

/// Films for the device until it is off.
fn film(
    device: Device,
    world: World,
    plan: &Plan<'_>,
) -> Result<impl Future<Output = Result<(), RecordError>> + Send + use<>, RecordError> {
    let (seed, video) = (plan.seed, plan.video);
    let mut scene = Scene::new(scene(seed, plan.nonce, video))?;
    let mut encoder = Encoder::new(video, seed)?;
    Ok(async move {
        let start = world.clock.unix();
        for number in 0.. {
            let taken = start + Duration::from_secs(number.into()) / video.frames_per_second;
            world.clock.sleep_until(taken).await;
            let unit = encoder.encode(scene.draw(number, taken), number, taken)?;
            world.witness.access_unit("video", &unit);
            let event = Event::Video(number, taken, &unit.annex_b());
            if !device.tell(&event).await {
                break;
            }
        }
        Ok(())
    })
}

/// Hears for the device until it is off.
fn listen(
    device: Device,
    world: World,
    plan: &Plan<'_>,
) -> impl Future<Output = ()> + Send + use<> {
    let sound = sound(plan.seed, plan.nonce);
    async move {
        let start = world.clock.unix();
        for number in 0.. {
            let taken = start + Duration::from_secs(number.into()) / PACKETS_PER_SECOND;
            world.clock.sleep_until(taken).await;
            let packet = SoundPacket::new(sound.samples(number), number, taken);
            world.witness.sound("audio", &packet);
            if !device
                .tell(&Event::Audio(number, taken, &packet.octets))
                .await
            {
                break;
            }
        }
    }
}
