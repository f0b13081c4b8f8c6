//! The vendor's server. Cameras publish to it over WHIP (RFC 9725), viewers
//! watch over WHEP (draft-ietf-wish-whep) with a page that it serves. It ends
//! DTLS-SRTP on both sides and hands packets on; what is sealed from end to end
//! stays so, and it never holds a key of that.

mod account;
pub mod attack;
mod channel;
mod egress;
mod faulty;
mod ingest;
pub mod page;
mod resource;
mod whep;
mod whip;

use std::{
    collections::BTreeMap,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    access::Access,
    fault::Fault,
    http::{self, Answer},
    seal::{keys::Identity, tls},
    server::{self, Room},
    signalling,
    webrtc::DtlsVersions,
    world::{BoxFuture, ByteStream, World},
};

pub use account::{Account, CameraAccount};
use attack::{Attack, AttackError, FaultyForwarding};
use channel::Channel;
pub(crate) use faulty::asks_in_clear;
pub use faulty::{FaultyPort, FaultyRelay, FaultyWatch};
use page::Page;

/// How many viewers a camera has at a time: a household, and everybody whom a
/// school or a club lets watch. Each has its own keys of the hop.
pub const MOST_VIEWERS: usize = 512;
/// How many tokens of a user are good at a time: those who share an account
/// have one each. The oldest goes.
pub const MOST_TOKENS: usize = 1024;
/// Connections at a time: each viewer has one for its requests and one that
/// waits for keys.
const ROOM: Room = Room {
    connections: 8192,
    // Those behind one address translation, and nobody alone takes all.
    of_one_address: 2048,
};

/// The usual port of HTTPS.
pub const PORT: u16 = 443;

/// What makes one relay different from another.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// Certificate and key.
    pub identity: Identity,
    /// Who may watch what.
    pub accounts: Vec<Account>,
    /// The cameras that may publish.
    pub cameras: Vec<CameraAccount>,
    /// The versions of DTLS that it speaks.
    pub dtls: DtlsVersions,
    /// The page that viewers load.
    pub page: Page,
    /// How long a token is good for.
    pub token_lifetime: Duration,
    /// What it does against those who watch; nothing if it is honest.
    pub forwarding: Option<FaultyForwarding>,
}

/// A running relay. Dropping it switches it off.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub endpoint: SocketAddr,
    /// Address of pictures that a faulty one gives to anybody; that of a camera has
    /// its serial number behind.
    pub undeclared: Option<String>,
    /// Its tasks end with it.
    _tasks: JoinSet<()>,
}

impl Relay {
    /// Switches a relay on: it listens when this returns.
    ///
    /// # Errors
    ///
    /// [`RelayError`] if certificate and key do not fit, the port is not to be
    /// had, or a faulty relay has no picture of its own.
    pub async fn start(
        settings: RelaySettings,
        fault: Fault,
        world: World,
    ) -> Result<Self, RelayError> {
        let tls = tls::server(&settings.identity, &world)?;
        for account in &settings.accounts {
            let credentials = &account.credentials;
            world
                .witness
                .secret(&credentials.password.escrow(&credentials.user));
        }
        for camera in &settings.cameras {
            world.witness.secret(&camera.token.escrow(&camera.serial));
        }
        let channels = settings.cameras.iter();
        let channels =
            channels.map(|camera| (camera.serial.clone(), Arc::new(Channel::new(camera))));
        let attack = settings.forwarding.map(Attack::new).transpose()?;
        let (sessions, tasks_of_sessions) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            channels: channels.collect(),
            access: Access::new(MOST_TOKENS, settings.token_lifetime),
            settings,
            attack,
            fault,
            tls: Arc::new(tls),
            sessions,
            publications: Mutex::new(0),
            beside: OnceLock::new(),
            world,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(signalling::run(tasks_of_sessions));
        if let Some(port) = fault.portal.plain_port {
            shared.listen(port, false, &mut tasks).await?;
        }
        if let Some(beside) = fault.portal.beside {
            shared.faulty_listen(beside, &mut tasks).await?;
        }
        let endpoint = shared.listen(PORT, true, &mut tasks).await?;
        Ok(Self {
            endpoint,
            undeclared: shared.beside.get().cloned(),
            _tasks: tasks,
        })
    }
}

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// Certificate and key do not fit.
    #[error("set TLS of the relay up: {0}")]
    Tls(#[from] rustls::Error),
    /// A port is not to be had.
    #[error("listen for the relay: {0}")]
    Net(#[from] io::Error),
    /// What a faulty relay sends is not to be made.
    #[error(transparent)]
    Attack(#[from] AttackError),
}

/// What the tasks of one relay share.
struct Shared {
    settings: RelaySettings,
    /// What it needs for what it does against those who watch.
    attack: Option<Attack>,
    /// What is wrong with it.
    fault: Fault,
    tls: Arc<ServerConfig>,
    access: Access,
    /// By the serial number of the camera.
    channels: BTreeMap<String, Arc<Channel>>,
    /// Runs the sessions for media.
    sessions: mpsc::UnboundedSender<BoxFuture<'static, ()>>,
    /// How often a camera began to publish.
    publications: Mutex<u64>,
    /// Where a faulty one has pictures, without the serial number of the camera.
    beside: OnceLock<String>,
    world: World,
}

impl Shared {
    /// Has requests to a port answered by `tasks`, and gives its address.
    async fn listen(
        self: &Arc<Self>,
        port: u16,
        with_tls: bool,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<SocketAddr> {
        let relay = self.clone();
        let serve = move |stream, _, _| -> BoxFuture<'static, io::Result<()>> {
            let relay = relay.clone();
            Box::pin(relay.serve(stream, with_tls))
        };
        server::listen(&self.world, port, ROOM, tasks, serve).await
    }

    /// Serves one connection to its end.
    async fn serve(self: Arc<Self>, stream: Box<dyn ByteStream>, with_tls: bool) -> io::Result<()> {
        let clock = self.world.clock.clone();
        let relay = self.clone();
        let answer = move |request| -> BoxFuture<'static, Answer> {
            Box::pin(resource::answer(relay.clone(), request))
        };
        if !with_tls {
            return http::serve(stream, clock, answer).await;
        }
        match server::accept(&self.tls, &Fault::NONE, &*clock, stream).await? {
            Some(stream) => http::serve(stream, clock, answer).await,
            None => Ok(()),
        }
    }

    /// Runs a session for media.
    fn run(&self, session: impl Future<Output = ()> + Send + 'static) {
        // Without anybody who runs it, the relay is off.
        let _ = self.sessions.send(Box::pin(session));
    }

    /// The camera of that serial number, if the user may watch it.
    fn camera_of(&self, user: &str, serial: &str) -> Option<&Arc<Channel>> {
        let mut accounts = self.settings.accounts.iter();
        let account = accounts.find(|account| account.credentials.user == user)?;
        let is_theirs = account.cameras.iter().any(|camera| camera == serial);
        self.channels.get(serial).filter(|_| is_theirs)
    }

    /// A number that no other publication has.
    fn next_publication(&self) -> u64 {
        let publications = self.publications.lock();
        let mut publications = publications.unwrap_or_else(PoisonError::into_inner);
        *publications += 1;
        *publications
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({} cameras)", self.channels.len())
    }
}
