//! A camera: a scene, an encoder, and the ways out that it declares.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rtsp_types::Method;
use tokio::task::JoinSet;

use crate::{
    claim::Claim,
    fault::Fault,
    h264::{AccessUnit, EncodeError, Encoder, EncoderConfig},
    live::Live,
    path::{self, Listen},
    record::{self, Recording},
    rtsp::{digest::Credentials, transport::Transport},
    scene::{Scene, SceneConfig, SceneError},
    seal::keys::Identity,
    world::World,
};

/// How many connections a port takes at a time: what one of them may hold in
/// memory is limited, so that everything is.
pub const MOST_CONNECTIONS: usize = 64;

/// How long a port takes no connection after it failed to.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
    /// The one user who may watch.
    pub credentials: Credentials,
    /// Certificate and key.
    pub identity: Identity,
    /// For whom it records; without it the memory card stays empty.
    pub recording: Option<Recording>,
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
    pub async fn start(settings: Settings, fault: Fault, world: World) -> Result<Self, StartError> {
        let scene = Scene::new(SceneConfig {
            seed: settings.seed,
            width: settings.video.width,
            height: settings.video.height,
            frames_per_second: settings.video.frames_per_second,
            name: settings.name.clone(),
            unit: settings.unit,
            nonce: settings.nonce,
        })?;
        let encoder = Encoder::new(settings.video, settings.seed)?;
        let device = Arc::new(Device {
            settings,
            fault,
            live: Live::new(),
            world,
        });

        let mut tasks = JoinSet::new();
        let (mut claims, mut undeclared) = (Vec::new(), Vec::new());
        for path in path::ALL {
            match path.listen {
                Some(listen) => {
                    let local = device.listen(listen, &mut tasks).await?;
                    claims.push(Claim::network(path, listen, local));
                }
                None if device.settings.recording.is_some() => claims.push(Claim::card(path)),
                None => {}
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
        if let Some(recording) = device.settings.recording.clone() {
            let units = device.live.subscribe();
            tasks.spawn(record::run(device.clone(), recording, units));
        }
        tracing::info!(serial = device.settings.serial, "the camera is on");
        tasks.spawn(film(device, scene, encoder));
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
    /// Its video.
    pub live: Live,
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

    /// Whether media may travel that way: inside the TLS connection only
    /// (ONVIF Streaming 8.1, algorithm NONE).
    pub fn accepts_transport(&self, offer: &Transport) -> bool {
        match self.fault.accepts_transport {
            Some(accepts) => accepts(offer),
            None => offer.is_interleaved(),
        }
    }

    /// A random number.
    pub fn random_u64(&self) -> u64 {
        let mut octets = [0; 8];
        self.world.entropy.fill(&mut octets);
        u64::from_be_bytes(octets)
    }

    async fn listen(
        self: &Arc<Self>,
        listen: Listen,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<SocketAddr> {
        let mut listener = self.world.net.listen(listen.port).await?;
        let (device, local) = (self.clone(), listener.local());
        tasks.spawn(async move {
            let (clock, log) = (device.world.clock.clone(), device.world.log.clone());
            let mut connections = JoinSet::new();
            loop {
                let (stream, peer) = match listener.accept().await {
                    Ok(accepted) => accepted,
                    // Such as too many open files: it passes.
                    Err(error) => {
                        log.line(&format!("{local}: accept: {error}"));
                        clock.sleep_until(clock.unix() + ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                while let Some(ended) = connections.try_join_next() {
                    if ended.is_err_and(|error| error.is_panic()) {
                        log.line(&format!("{local}: a connection panicked"));
                    }
                }
                if connections.len() >= MOST_CONNECTIONS {
                    log.line(&format!("{local}: {peer}: one connection too many"));
                    continue;
                }
                let (device, log) = (device.clone(), log.clone());
                connections.spawn(async move {
                    if let Err(error) = (listen.serve)(device, stream, local, peer).await {
                        log.line(&format!("{local}: {peer}: {error}"));
                    }
                });
            }
        });
        Ok(local)
    }
}

/// Why a camera does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The scene's settings are out of range.
    #[error("set the scene up: {0}")]
    Scene(#[from] SceneError),
    /// The encoder's settings are out of range, or it refuses.
    #[error("set the encoder up: {0}")]
    Encoder(#[from] EncodeError),
    /// A port is not to be had.
    #[error("listen: {0}")]
    Net(#[from] io::Error),
}

/// Takes a picture per frame interval, for as long as the camera is on.
async fn film(device: Arc<Device>, mut scene: Scene, mut encoder: Encoder) {
    let start = device.world.clock.unix();
    let rate = device.settings.video.frames_per_second;
    for number in 0.. {
        let taken = start + Duration::from_secs(number.into()) / rate;
        device.world.clock.sleep_until(taken).await;
        if device.live.wants_key_frame() {
            encoder.request_key_frame();
        }
        match encoder.encode(scene.draw(number, taken), number, taken) {
            Ok(unit) => publish(&device, unit),
            Err(error) => device.world.log.line(&format!("frame {number}: {error}")),
        }
    }
}

/// The ledger comes first: what is not in it must not leave.
fn publish(device: &Device, unit: AccessUnit) {
    device.world.witness.access_unit("video", &unit);
    device.live.publish(Arc::new(unit));
}
