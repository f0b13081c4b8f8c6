//! A camera: a scene, an encoder, and the ways out that it declares.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rtsp_types::Method;
use rustls::ServerConfig;
use tokio::{sync::broadcast, task::JoinSet};

use crate::{
    claim::{Carriage, Claim},
    fault::{self, Fault},
    film::{Archive, Film, Shot, Subject},
    h264::{AccessUnit, EncodeError, EncoderConfig},
    live::Live,
    path::{self, Listen, Served},
    portal::{self, Portal, PortalAccess},
    record::{self, Recording},
    rtsp::{
        Presentation, Track,
        digest::Credentials,
        transport::{Profile, Transport},
    },
    scene::{Scene, SceneConfig, SceneError},
    seal::{keys::Identity, srtp::Begin, tls},
    server::{self, Room},
    signalling::{self, AppAccess, Signalling},
    sound::{PACKETS_PER_SECOND, Sound, SoundPacket},
    world::World,
};

/// How many connections a port takes at a time: what one of them may hold in
/// memory is limited, so that everything is.
pub const MOST_CONNECTIONS: usize = 64;

/// What makes one camera different from another.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The seed of its scene.
    pub seed: u64,
    /// Number that its mark carries.
    pub unit: u16,
    /// Nonce that its mark carries.
    pub nonce: u32,
    /// Name, burnt into the picture.
    pub name: String,
    /// Serial number.
    pub serial: String,
    /// Size and rate of its video.
    pub video: EncoderConfig,
    /// Size and rate of the sub stream.
    pub sub: EncoderConfig,
    /// The one user who may watch.
    pub credentials: Credentials,
    /// Certificate and key.
    pub identity: Identity,
    /// For whom it records; without it the memory card stays empty.
    pub recording: Option<Recording>,
    /// Whose app may watch; without, there is no path for apps.
    pub app: Option<AppAccess>,
    /// The vendor's server that it publishes to; without, it has no portal.
    pub portal: Option<PortalAccess>,
    /// Whether all is still and silent in front of it, but for the clock and
    /// the marks; then it fills access units up ([`FILLER`](crate::film::FILLER)).
    pub quiet: bool,
    /// Where each stream of SRTP begins, if that is not random: to see what comes
    /// when its counters wrap, or its key is used up.
    pub begin: Option<Begin>,
    /// What other cameras filmed, of which it may take what it would film itself.
    pub archive: Option<Arc<Archive>>,
}

impl Settings {
    /// The scene in front of it, for pictures of that size and rate.
    pub(crate) fn scene(
        &self,
        width: u32,
        height: u32,
        frames_per_second: u32,
    ) -> Result<Scene, SceneError> {
        Scene::new(self.scene_config(width, height, frames_per_second))
    }

    fn scene_config(&self, width: u32, height: u32, frames_per_second: u32) -> SceneConfig {
        SceneConfig {
            seed: self.seed,
            width,
            height,
            frames_per_second,
            name: self.name.clone(),
            unit: self.unit,
            nonce: self.nonce,
        }
    }
}

/// A running camera. Dropping it switches it off.
#[derive(Debug)]
pub struct Camera {
    /// What it says of its ways out.
    pub claims: Vec<Claim>,
    /// Ways out that it does not speak of. Only a faulty camera has any.
    pub undeclared: Vec<String>,
    /// Its tasks end with it.
    _tasks: JoinSet<()>,
}

impl Camera {
    /// Switches a camera on: it listens on its paths when this returns.
    pub async fn start(
        settings: Settings,
        fault: Fault,
        mut world: World,
    ) -> Result<Self, StartError> {
        if let Some(witness) = fault.witness {
            world.witness = witness(&world);
        }
        let Credentials { user, password } = &settings.credentials;
        world.witness.secret(&password.escrow(user));
        let main = Footage::new(&settings, Presentation::Main)?;
        let sub = Footage::new(&settings, Presentation::Sub)?;
        let mut tls = tls::server(&settings.identity, &world)?;
        if let Some(change) = fault.tls {
            change(&mut tls);
        }
        let mut tasks = JoinSet::new();
        let signalling = match &settings.app {
            Some(access) => {
                let (signalling, sessions) = Signalling::new(access.clone(), &fault);
                tasks.spawn(signalling::run(sessions));
                Some(Arc::new(signalling))
            }
            None => None,
        };
        let portal = match settings.portal.clone() {
            Some(access) => Some(Arc::new(Portal::new(access, &*world.disk)?)),
            None => None,
        };
        let device = Arc::new(Device {
            settings,
            signalling,
            portal,
            fault,
            faulty: fault::State::default(),
            tls: Arc::new(tls),
            live: Live::new(),
            sub: Live::new(),
            sound: broadcast::Sender::new(SOUND_BACKLOG),
            world,
        });

        let (mut claims, mut undeclared) = (Vec::new(), Vec::new());
        for path in path::ALL {
            match path.served {
                Served::Device(listen) => {
                    // Without an owner's app there is nobody to serve.
                    if path.carriage == Carriage::Webrtc && device.signalling.is_none() {
                        continue;
                    }
                    let local = device.listen(listen, &mut tasks).await?;
                    claims.push(Claim::network(path, listen, local));
                }
                Served::Relay => {
                    let portal = device.portal.as_ref();
                    claims.extend(portal.map(|p| Claim::relay(path, p.access.relay)));
                }
                Served::Card if device.settings.recording.is_some() => {
                    claims.push(Claim::card(path));
                }
                Served::Card => {}
            }
        }
        let mut extra = Vec::new();
        if let Some(add) = device.fault.listeners {
            add(&mut extra);
        }
        for listen in extra {
            let local = device.listen(listen, &mut tasks).await?;
            undeclared.push(listen.url(local));
        }
        if let Some(copy) = device.fault.copy {
            tasks.spawn(copy.run(device.clone()));
        }
        if let Some(errand) = device.fault.errand {
            tasks.spawn(errand(device.clone()));
        }
        if let Some(portal) = device.portal.clone() {
            tasks.spawn(portal::run(device.clone(), portal));
        }
        if let Some(recording) = device.settings.recording.clone() {
            let (units, sound) = (device.live.subscribe(), device.sound.subscribe());
            tasks.spawn(record::run(device.clone(), recording, units, sound));
        }
        tracing::info!(serial = device.settings.serial, "the camera is on");
        let start = device.world.clock.unix();
        tasks.spawn(main.run(device.clone(), start));
        tasks.spawn(sub.run(device.clone(), start));
        tasks.spawn(listen(device, start));
        Ok(Self {
            claims,
            undeclared,
            _tasks: tasks,
        })
    }
}

/// What the tasks of one camera share.
#[derive(Debug)]
pub struct Device {
    /// Who it is.
    pub settings: Settings,
    /// What is wrong with it.
    pub fault: Fault,
    /// What it remembers for being faulty.
    pub faulty: fault::State,
    /// Its TLS server: sessions of one connection can be resumed by another.
    pub tls: Arc<ServerConfig>,
    /// Its video.
    pub live: Live,
    /// Its video once more, smaller; nothing is encoded while nobody watches.
    pub sub: Live,
    /// Its sound.
    pub sound: broadcast::Sender<Arc<SoundPacket>>,
    /// The signalling for apps, if they may watch.
    pub(crate) signalling: Option<Arc<Signalling>>,
    /// The vendor's portal, if it publishes there.
    pub(crate) portal: Option<Arc<Portal>>,
    /// What it can touch.
    pub world: World,
}

impl Device {
    /// Whether this RTSP method needs credentials: all but OPTIONS, which
    /// tells nothing (ONVIF Core 5.9.1).
    pub fn demands_credentials(&self, method: &Method) -> bool {
        match self.fault.demands_credentials {
            Some(demands) => demands(method),
            None => *method != Method::Options,
        }
    }

    /// Whether media may travel that way where they have that profile: RTP
    /// as it is inside the TLS connection only (ONVIF Streaming 8.1, algorithm
    /// NONE), SRTP there and over UDP, but not to a group.
    pub fn accepts_transport(&self, profile: Profile, offer: &Transport, track: Track) -> bool {
        let is_right = offer.profile() == Some(profile);
        match (profile, self.fault.accepts_transport) {
            (Profile::Avp, Some(accepts)) => is_right && accepts(offer, track),
            (Profile::Avp, None) => is_right && offer.is_interleaved(),
            (Profile::Savp, Some(accepts)) if !is_right => accepts(offer, track),
            (Profile::Savp, _) => is_right && (offer.is_interleaved() || offer.is_unicast_udp()),
        }
    }

    /// The video of a presentation.
    pub fn video(&self, presentation: Presentation) -> &Live {
        match presentation {
            Presentation::Main => &self.live,
            Presentation::Sub => &self.sub,
        }
    }

    /// A random number.
    pub fn random_u64(&self) -> u64 {
        let mut octets = [0; 8];
        self.world.entropy.fill(&mut octets);
        u64::from_be_bytes(octets)
    }

    /// Has `listen` served by `tasks`, and gives its address.
    pub(crate) async fn listen(
        self: &Arc<Self>,
        listen: Listen,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<SocketAddr> {
        const ROOM: Room = Room {
            connections: MOST_CONNECTIONS,
            of_one_address: MOST_CONNECTIONS,
        };
        let device = self.clone();
        server::listen(
            &self.world,
            listen.port,
            ROOM,
            tasks,
            move |stream, local, peer| (listen.serve)(device.clone(), stream, local, peer),
        )
        .await
    }
}

/// Why a camera does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The settings of the scene or the encoder are out of range, or it refuses.
    #[error("set scene and encoder up: {0}")]
    Encoder(#[from] EncodeError),
    /// Certificate and key do not fit.
    #[error("set TLS up: {0}")]
    Tls(#[from] rustls::Error),
    /// A port is not to be had.
    #[error("listen: {0}")]
    Net(#[from] io::Error),
}

/// How many packets of sound a slow viewer may lag behind: as long as with video.
const SOUND_BACKLOG: usize = 256;

/// Records the sound, for as long as the camera is on.
async fn listen(device: Arc<Device>, start: Duration) {
    let sound = Sound {
        seed: device.settings.seed,
        unit: device.settings.unit,
        nonce: device.settings.nonce,
    };
    for number in 0.. {
        let taken = start + Duration::from_secs(number.into()) / PACKETS_PER_SECOND;
        // A packet is there when its last sample is.
        let end = taken + Duration::from_secs(1) / PACKETS_PER_SECOND;
        device.world.clock.sleep_until(end).await;
        let samples = match device.settings.quiet {
            true => sound.mark_samples(number),
            false => sound.samples(number),
        };
        let packet = SoundPacket::new(samples, number, taken);
        device.world.witness.sound("audio", &packet);
        // Nobody listening is no error.
        let _ = device.sound.send(Arc::new(packet));
    }
}

/// What a presentation shows.
struct Footage {
    presentation: Presentation,
    frames_per_second: u32,
    film: Film,
}

/// What tells the canary content of the sub stream from that of the main one.
const SUB_SEED: u64 = 0x7375_6220_7374_726d;

impl Footage {
    fn new(settings: &Settings, presentation: Presentation) -> Result<Self, StartError> {
        let (video, canary) = match presentation {
            Presentation::Main => (settings.video, settings.seed),
            Presentation::Sub => (settings.sub, settings.seed ^ SUB_SEED),
        };
        let subject = Subject {
            scene: settings.scene_config(video.width, video.height, video.frames_per_second),
            video,
            canary,
            quiet: settings.quiet,
        };
        Ok(Self {
            presentation,
            frames_per_second: video.frames_per_second,
            film: Film::new(subject, settings.archive.clone())?,
        })
    }

    /// Takes a picture per frame interval, for as long as the camera is on; of
    /// the sub stream only while somebody watches.
    async fn run(mut self, device: Arc<Device>, start: Duration) {
        let (clock, live) = (&device.world.clock, device.video(self.presentation));
        let mut next = 0;
        loop {
            if self.presentation == Presentation::Sub {
                live.watched().await;
                next = next.max(self.number_at(clock.unix().saturating_sub(start)));
            }
            let (number, rate) = (next, self.frames_per_second);
            next = next.wrapping_add(1);
            let taken = start + Duration::from_secs(number.into()) / rate;
            clock.sleep_until(taken).await;
            let shot = Shot {
                number,
                taken,
                key_frame: live.wants_key_frame(),
            };
            match self.film.shoot(shot) {
                Ok(unit) => self.publish(&device, unit),
                Err(error) => device.world.log.line(&format!("frame {number}: {error}")),
            }
        }
    }

    /// The first frame that is not taken before that time since the start.
    fn number_at(&self, since: Duration) -> u32 {
        let frames = since.as_nanos() * u128::from(self.frames_per_second);
        u32::try_from(frames.div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
    }

    /// The ledger comes first: what is not in it must not leave.
    fn publish(&self, device: &Device, unit: Arc<AccessUnit>) {
        let track = match self.presentation {
            Presentation::Main => "video",
            Presentation::Sub => "sub",
        };
        device.world.witness.access_unit(track, &unit);
        device.video(self.presentation).publish(unit);
    }
}
