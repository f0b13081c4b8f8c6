//! A camera that was paired with an owner, on a network of its own, and the
//! owner's app.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use lightleak::{
    disk::MemoryDisk,
    net::{
        memory::{Network, VirtualClock},
        record::Tap,
    },
    target::sim::settings,
};
use lightleak_sim::{
    camera::Camera,
    fault::Fault,
    h264::{AccessUnit, EncoderConfig, STREAMS},
    record::beside::Document,
    rtsp::digest::Credentials,
    seal::{
        keys::{Authority, HpkeKey, OwnerKey},
        tls::TlsVersion,
    },
    signalling::{AppAccess, TOKEN_LIFETIME},
    sound::SoundPacket,
    viewer::{
        rtsp::Address,
        webrtc::{App, Call, SessionAddress},
    },
    webrtc::{DtlsVersions, TurnServer},
    world::{Clock, Held, Log, Witness, World},
};

use crate::wire::{Fate, Wire};

const CAMERA: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
pub const VISITOR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 20));

/// The smallest stream: little to encode.
const SMALL: EncoderConfig = STREAMS[0];

/// A running camera and its surroundings.
pub struct Site {
    pub clock: Arc<dyn Clock>,
    network: Network,
    pub notes: Arc<Notes>,
    /// What happens to the camera's datagrams.
    pub fate: Arc<Mutex<Fate>>,
    pub credentials: Credentials,
    pub owner: OwnerKey,
    pub viewer: HpkeKey,
    pub address: Address,
    /// It is on for as long as this is there.
    _camera: Camera,
}

impl Site {
    /// Switches an honest camera on, and lets it film a little.
    pub async fn start() -> Self {
        Self::start_behind(None).await
    }

    /// The same with a TURN server.
    pub async fn start_behind(turn: Option<TurnServer>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        let network = Network::new(Tap::start(clock.clone(), false));
        let notes = Arc::new(Notes::default());
        let authority = Authority::new().unwrap();
        let owner = OwnerKey::from_seed(&[7; 32]).unwrap();
        let mut settings = settings(1, &authority).unwrap();
        settings.video = SMALL;
        settings.app = Some(AppAccess {
            owner: owner.public(),
            dtls: DtlsVersions::Either,
            token_lifetime: TOKEN_LIFETIME,
            turn,
        });
        let credentials = settings.credentials.clone();
        let mut world = world(&network, &clock, &notes, CAMERA);
        let fate = Arc::new(Mutex::new(Fate::default()));
        world.net = Arc::new(Wire {
            net: world.net,
            clock: clock.clone(),
            fate: fate.clone(),
        });
        let camera = Camera::start(settings, Fault::NONE, world).await.unwrap();
        let mut claims = camera.claims.iter();
        let claim = claims.find(|claim| claim.path == "app.webrtc").unwrap();
        let address = Address {
            endpoint: claim.endpoint.unwrap(),
            url: claim.url.clone(),
            authority: Some(authority.certificate()),
            versions: &[TlsVersion::Tls13],
        };
        let site = Self {
            viewer: HpkeKey::new(&[9; 32]).unwrap(),
            clock,
            network,
            notes,
            fate,
            credentials,
            owner,
            address,
            _camera: camera,
        };
        site.sleep(Duration::from_millis(500)).await;
        site
    }

    /// What a visitor can touch.
    pub fn world(&self) -> World {
        world(&self.network, &self.clock, &self.notes, VISITOR)
    }

    /// An app that has said nothing yet.
    pub async fn stranger(&self) -> App {
        App::connect(&self.address, &self.world()).await.unwrap()
    }

    /// An app that is logged in.
    pub async fn app(&self) -> App {
        let mut app = self.stranger().await;
        app.log_in(&self.credentials).await.unwrap();
        app
    }

    /// An app with a session, and keys.
    pub async fn call(&self, versions: DtlsVersions) -> (App, SessionAddress, Call) {
        let mut app = self.app().await;
        let (mut call, offer) = Call::prepare(&self.world(), versions).await.unwrap();
        let session = app.offer(&offer).await.unwrap();
        call.accept(&session.answer).unwrap();
        let keys = app.keys(&session.path, &self.viewer, &self.owner);
        call.use_keys(&keys.await.unwrap()).unwrap();
        (app, session, call)
    }

    pub async fn sleep(&self, duration: Duration) {
        self.clock.sleep_until(self.clock.unix() + duration).await;
    }
}

pub fn world(network: &Network, clock: &Arc<dyn Clock>, notes: &Arc<Notes>, host: IpAddr) -> World {
    World {
        net: network.host(host),
        disk: Arc::new(MemoryDisk::default()),
        log: notes.clone(),
        witness: notes.clone(),
        clock: clock.clone(),
        entropy: Arc::new(lightleak::net::os::OsEntropy),
    }
}

/// Ledger, escrow, log and what the viewer held.
#[derive(Default)]
pub struct Notes {
    units: Mutex<Vec<AccessUnit>>,
    sound: Mutex<Vec<(String, SoundPacket)>>,
    secrets: Mutex<Vec<String>>,
    lines: Mutex<Vec<String>>,
    held: Mutex<Vec<(Held, Packet)>>,
}

/// From, to, octets.
pub type Packet = (SocketAddr, SocketAddr, Vec<u8>);

impl Notes {
    pub fn units(&self) -> Vec<AccessUnit> {
        self.units.lock().unwrap().clone()
    }

    /// The packets of a track of sound.
    pub fn packets(&self, track: &str) -> Vec<SoundPacket> {
        let sound = self.sound.lock().unwrap();
        let of = sound.iter().filter(|(name, _)| name == track);
        of.map(|(_, packet)| packet.clone()).collect()
    }

    /// Their octets.
    pub fn sound(&self, track: &str) -> Vec<Vec<u8>> {
        let packets = self.packets(track).into_iter();
        packets.map(|packet| packet.octets).collect()
    }

    /// The lines of the escrow with that label.
    pub fn secrets(&self, label: &str) -> Vec<String> {
        let secrets = self.secrets.lock().unwrap();
        let labelled = secrets.iter().filter(|line| line.starts_with(label));
        labelled.cloned().collect()
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// What viewers held.
    pub fn held(&self) -> Vec<Packet> {
        self.held_by(Held::Peer)
    }

    pub fn held_by(&self, holder: Held) -> Vec<Packet> {
        let held = self.held.lock().unwrap();
        let of = held.iter().filter(|(by, _)| *by == holder);
        of.map(|(_, packet)| packet.clone()).collect()
    }
}

impl Witness for Notes {
    fn access_unit(&self, track: &str, unit: &AccessUnit) {
        if track == "video" {
            self.units.lock().unwrap().push(unit.clone());
        }
    }

    fn sound(&self, track: &str, packet: &SoundPacket) {
        let packet = (track.to_owned(), packet.clone());
        self.sound.lock().unwrap().push(packet);
    }

    fn document(&self, track: &str, _document: &Document) {
        panic!("no such track: {track}");
    }

    fn secret(&self, line: &str) {
        let mut secrets = self.secrets.lock().unwrap();
        if !secrets.iter().any(|known| known == line) {
            secrets.push(line.into());
        }
    }

    fn held(&self, vantage: Held, from: SocketAddr, to: SocketAddr, packet: &[u8]) {
        let packet = (from, to, packet.to_vec());
        self.held.lock().unwrap().push((vantage, packet));
    }
}

impl Log for Notes {
    fn line(&self, line: &str) {
        self.lines.lock().unwrap().push(line.into());
    }
}
