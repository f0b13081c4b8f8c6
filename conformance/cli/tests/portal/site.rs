//! A camera that publishes to a relay, and who watches there.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use lightleak::{
    net::{
        memory::{Network, VirtualClock},
        record::Tap,
    },
    page::PAGE,
    target::sim::settings,
};
use lightleak_sim::{
    camera::Camera,
    fault::Fault,
    h264::STREAMS,
    portal::PortalAccess,
    relay::{Account, CameraAccount, PORT, Relay, RelaySettings, attack::FaultyForwarding},
    rtsp::digest::Credentials,
    seal::{
        keys::{Authority, BearerToken, HpkeKey, OwnerKey, Password},
        tls::TlsVersion,
    },
    signalling::{AppAccess, TOKEN_LIFETIME},
    viewer::{
        portal::{Portal, Watching},
        rtsp::Address,
        webrtc::App,
    },
    webrtc::DtlsVersions,
    world::{Clock, World},
};

use crate::site::{Notes, world};

const CAMERA: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
const RELAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 30));
const VISITOR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 20));

/// The camera of somebody else, which is off.
pub const OTHER: &str = "LL-OTHER";
pub const SECOND: Duration = Duration::from_secs(1);

pub struct Site {
    pub clock: Arc<dyn Clock>,
    network: Network,
    pub notes: Arc<Notes>,
    pub serial: String,
    pub relay: Option<Relay>,
    pub settings: RelaySettings,
    pub owner: OwnerKey,
    pub viewers: [HpkeKey; 3],
    pub address: Address,
    app: Address,
    credentials: Credentials,
    _camera: Camera,
}

impl Site {
    /// Switches both on, and waits until the camera publishes.
    pub async fn start() -> Self {
        Self::with(Fault::NONE).await
    }

    pub async fn with(fault: Fault) -> Self {
        Self::at(None, fault).await
    }

    /// With a relay that does that to those who watch.
    pub async fn attacked(forwarding: FaultyForwarding) -> Self {
        Self::at(Some(forwarding), Fault::NONE).await
    }

    async fn at(forwarding: Option<FaultyForwarding>, fault: Fault) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        let network = Network::new(Tap::start(clock.clone(), false));
        let notes = Arc::new(Notes::default());
        let authority = Authority::new().unwrap();
        let owner = OwnerKey::from_seed(&[7; 32]).unwrap();
        let mut camera = settings(1, &authority).unwrap();
        camera.video = STREAMS[0];
        camera.app = Some(AppAccess {
            owner: owner.public(),
            dtls: DtlsVersions::Either,
            token_lifetime: TOKEN_LIFETIME,
            turn: None,
        });
        let (serial, credentials) = (camera.serial.clone(), camera.credentials.clone());
        let account = |user: &str, camera: &str| Account {
            credentials: Credentials {
                user: user.into(),
                password: Password::new(format!("password of {user}")),
            },
            cameras: vec![camera.into()],
        };
        let device = |serial: &str, token: &str| CameraAccount {
            serial: serial.into(),
            name: format!("camera {serial}"),
            token: BearerToken::shown(token),
        };
        let settings = RelaySettings {
            identity: authority.issue("relay", &[RELAY]).unwrap(),
            accounts: vec![account("anna", &serial), account("bert", OTHER)],
            cameras: vec![
                device(&serial, "token of a camera"),
                device(OTHER, "another"),
            ],
            dtls: DtlsVersions::Either,
            page: PAGE.clone(),
            token_lifetime: TOKEN_LIFETIME,
            forwarding,
        };
        let relay = SocketAddr::new(RELAY, PORT);
        camera.portal = Some(PortalAccess {
            relay,
            authority: authority.certificate(),
            token: settings.cameras[0].token.clone(),
            owner: owner.public(),
            dtls: DtlsVersions::Either,
        });
        let host = |address| world(&network, &clock, &notes, address);
        let address = |endpoint| Address {
            endpoint,
            url: format!("https://{endpoint}/"),
            authority: Some(authority.certificate()),
            versions: &[TlsVersion::Tls13],
        };
        let started = Relay::start(settings.clone(), fault, host(RELAY)).await;
        let camera = Camera::start(camera, fault, host(CAMERA)).await.unwrap();
        let mut claims = camera.claims.iter();
        let own = claims.find(|claim| claim.path == "app.webrtc").unwrap();
        let own = own.endpoint.unwrap();
        let site = Self {
            relay: Some(started.unwrap()),
            serial,
            settings,
            owner,
            viewers: [1, 2, 3].map(|octet| HpkeKey::new(&[octet; 32]).unwrap()),
            address: address(relay),
            app: address(own),
            credentials,
            _camera: camera,
            clock,
            network,
            notes,
        };
        site.sleep(SECOND).await;
        site
    }

    pub async fn restart_relay(&mut self) {
        self.relay = None;
        self.sleep(SECOND).await;
        let host = world(&self.network, &self.clock, &self.notes, RELAY);
        let relay = Relay::start(self.settings.clone(), Fault::NONE, host).await;
        self.relay = Some(relay.unwrap());
    }

    pub fn world(&self) -> World {
        self.world_of(VISITOR)
    }

    /// What somebody of that address can touch.
    pub fn world_of(&self, address: IpAddr) -> World {
        world(&self.network, &self.clock, &self.notes, address)
    }

    /// The user of that number, logged in.
    pub async fn user(&self, number: usize) -> Portal {
        let credentials = &self.settings.accounts[number].credentials;
        let portal = Portal::log_in(&self.address, credentials, &self.world()).await;
        portal.unwrap()
    }

    pub async fn stranger(&self) -> Portal {
        Portal::connect(&self.address, &self.world()).await.unwrap()
    }

    /// The viewer of that number, with keys.
    pub async fn watch(&self, number: usize) -> (Portal, Watching) {
        self.watch_by(number, DtlsVersions::Either).await
    }

    pub async fn watch_by(&self, number: usize, versions: DtlsVersions) -> (Portal, Watching) {
        let mut portal = self.user(0).await;
        let viewer = &self.viewers[number];
        let watching = portal.watch(&self.serial, versions, viewer, &self.owner);
        let watching = watching.await.unwrap();
        (portal, watching)
    }

    /// Revokes the viewer of that number, at the camera itself.
    pub async fn revoke(&self, number: usize) -> u16 {
        let mut app = App::connect(&self.app, &self.world()).await.unwrap();
        app.log_in(&self.credentials).await.unwrap();
        let viewer = self.viewers[number].public();
        let signature = self.owner.revoke(&viewer);
        let reply = app.show("/revoke", &viewer, &signature).await;
        reply.unwrap().status
    }

    /// The ledger of video, as byte streams.
    pub fn ledger(&self) -> Vec<Vec<u8>> {
        let units = self.notes.units().into_iter();
        units.map(|unit| unit.annex_b()).collect()
    }

    pub async fn sleep(&self, duration: Duration) {
        self.clock.sleep_until(self.clock.unix() + duration).await;
    }
}
