//! How many viewers the relay serves on one core: one camera (640x360, 15 pictures
//! per second) publishes over the loopback interface, viewers watch, in real time.
//!
//! `relay [VIEWERS]..` (1, 50, 100 and 200 if none is given): for each number, a
//! relay in a thread of its own, whose processor time is read while all watch for
//! ten seconds. Every viewer ends DTLS-SRTP and opens SFrame; what it saw is
//! compared with what the camera produced, picture by picture. Prints a table, and
//! fails if a picture was lost.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use lightleak::{
    net::os::{OsEntropy, world},
    target::sim::{SUB_VIDEO, VIDEO},
};
use lightleak_sim::{
    camera::{Camera, Settings},
    fault::Fault,
    h264::AccessUnit,
    portal::PortalAccess,
    record::beside::Document,
    relay::{Account, CameraAccount, Relay, RelaySettings, page::Page},
    rtsp::digest::Credentials,
    seal::{
        keys::{Authority, BearerToken, HpkeKey, OwnerKey, Password},
        tls::TlsVersion,
    },
    signalling::TOKEN_LIFETIME,
    sound::SoundPacket,
    viewer::{portal::Portal, rtsp::Address},
    webrtc::DtlsVersions,
    world::{Witness, World},
};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SERIAL: &str = "LL-00001";
/// How long the relay is looked at.
const WINDOW: Duration = Duration::from_secs(10);
/// How long it takes, after the last viewer came, until all go on alike.
const SETTLE: Duration = Duration::from_secs(3);
/// How long viewers go on watching behind the window: what is sent again arrives.
const TAIL: Duration = Duration::from_secs(2);
/// Viewers that come at a time, as each needs a handshake.
const AT_A_TIME: usize = 10;
/// How often a viewer looks whether it is over.
const STEP: Duration = Duration::from_millis(250);
/// Ticks of processor time per second (USER_HZ).
const TICKS: f64 = 100.0;

fn main() -> ExitCode {
    let given = std::env::args().skip(1).map(|number| number.parse());
    let Ok(mut numbers) = given.collect::<Result<Vec<usize>, _>>() else {
        eprintln!("relay [VIEWERS]..");
        return ExitCode::from(2);
    };
    if numbers.is_empty() {
        numbers = vec![1, 50, 100, 200];
    }
    println!("| viewers | processor time | pictures to viewers | Mbit/s | lost |");
    println!("|---|---|---|---|---|");
    let mut lost = 0;
    for viewers in numbers {
        let run = run(viewers);
        println!(
            "| {viewers} | {:.0} % of a core | {} | {:.1} | {} |",
            100.0 * run.load,
            run.pictures,
            run.rate / 1e6,
            run.lost
        );
        lost += run.lost;
    }
    ExitCode::from(u8::from(lost > 0))
}

/// What came out.
struct Run {
    /// Processor time of the relay in proportion to time.
    load: f64,
    /// Bits of pictures to all viewers, per second.
    rate: f64,
    /// Pictures to all viewers, and those that did not arrive.
    pictures: usize,
    lost: usize,
}

/// The relay, in a thread of its own.
struct Server {
    thread: String,
    endpoint: SocketAddr,
    /// It ends with this.
    _end: oneshot::Sender<()>,
}

impl Server {
    fn start(settings: RelaySettings) -> Self {
        let (say, hear) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        thread::spawn(move || {
            runtime().block_on(async {
                let relay = Relay::start(settings, Fault::NONE, world(LOOPBACK));
                let relay = relay.await.expect("start the relay");
                let thread = fs::read_link("/proc/thread-self").expect("find this thread");
                let thread = thread.to_string_lossy().into_owned();
                say.send((thread, relay.endpoint)).expect("it is awaited");
                // Nothing comes but the end.
                let _ = ended.await;
            });
        });
        let (thread, endpoint) = hear.recv().expect("it starts");
        Self {
            thread,
            endpoint,
            _end: end,
        }
    }

    /// Processor time since it started, in seconds (proc(5)).
    fn time(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.thread));
        let stat = stat.expect("read its times");
        let (_, fields) = stat.rsplit_once(')').expect("its name is in brackets");
        let fields = fields.split_whitespace().skip(11).take(2);
        let ticks = fields.map(|ticks| ticks.parse::<f64>().expect("a number"));
        ticks.sum::<f64>() / TICKS
    }
}

fn run(viewers: usize) -> Run {
    let authority = Authority::new().expect("make an authority");
    let owner = OwnerKey::random(&OsEntropy).expect("make a key");
    let user = credentials("viewer");
    let token = BearerToken::random(&OsEntropy);
    let server = Server::start(RelaySettings {
        identity: authority.issue("relay", &[LOOPBACK]).expect("issue"),
        accounts: vec![Account {
            credentials: user.clone(),
            cameras: vec![SERIAL.into()],
        }],
        cameras: vec![CameraAccount {
            serial: SERIAL.into(),
            name: "bench".into(),
            token: token.clone(),
        }],
        dtls: DtlsVersions::Either,
        token_lifetime: TOKEN_LIFETIME,
        forwarding: None,
        page: Page::new(Vec::new()),
    });
    let portal = PortalAccess {
        relay: server.endpoint,
        authority: authority.certificate(),
        token,
        owner: owner.public(),
        dtls: DtlsVersions::Either,
    };
    let address = Address {
        endpoint: server.endpoint,
        url: format!("https://{}/", server.endpoint),
        authority: Some(authority.certificate()),
        versions: &[TlsVersion::Tls13],
    };
    runtime().block_on(async {
        let ledger = Arc::new(Ledger::default());
        let settings = camera_settings(&authority, portal);
        let world = World {
            witness: ledger.clone(),
            ..world(LOOPBACK)
        };
        let camera = Camera::start(settings, Fault::NONE, world);
        let _camera = camera.await.expect("start the camera");
        let (end, ends) = watch::channel(false);
        let begin = |connected| {
            let (address, user, owner) = (address.clone(), user.clone(), owner.clone());
            tokio::spawn(viewer(address, user, owner, connected, ends.clone()))
        };
        measure(viewers, &server, &ledger, begin, &end).await
    })
}

/// A viewer, which watches until it is told to end, and hands out what it saw.
async fn viewer(
    address: Address,
    user: Credentials,
    owner: OwnerKey,
    connected: Arc<AtomicUsize>,
    end: watch::Receiver<bool>,
) -> Vec<Vec<u8>> {
    let key = HpkeKey::random(&OsEntropy).expect("make a key");
    let portal = Portal::log_in(&address, &user, &world(LOOPBACK)).await;
    let mut portal = portal.expect("log in");
    let watching = portal.watch(SERIAL, DtlsVersions::Either, &key, &owner);
    let mut watching = watching.await.expect("watch");
    let mut is_connected = false;
    while !*end.borrow() {
        let goes_on = watching.watch(STEP).await.expect("watch");
        assert!(goes_on, "the relay ended the session");
        if !is_connected && watching.received().connected {
            is_connected = true;
            connected.fetch_add(1, Ordering::Relaxed);
        }
    }
    watching.close().await.units
}

async fn measure(
    viewers: usize,
    server: &Server,
    ledger: &Ledger,
    begin: impl Fn(Arc<AtomicUsize>) -> JoinHandle<Vec<Vec<u8>>>,
    end: &watch::Sender<bool>,
) -> Run {
    // Until the camera publishes.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let connected = Arc::new(AtomicUsize::new(0));
    let mut watching = Vec::new();
    for number in 1..=viewers {
        watching.push(begin(connected.clone()));
        while connected.load(Ordering::Relaxed) + AT_A_TIME < number {
            tokio::time::sleep(STEP / 10).await;
        }
    }
    while connected.load(Ordering::Relaxed) < viewers {
        tokio::time::sleep(STEP / 10).await;
    }
    tokio::time::sleep(SETTLE).await;
    let (time, first) = (server.time(), ledger.len());
    tokio::time::sleep(WINDOW).await;
    let load = (server.time() - time) / WINDOW.as_secs_f64();
    let produced = ledger.units(first);
    tokio::time::sleep(TAIL).await;
    end.send_replace(true);

    let mut lost = 0;
    for watching in watching {
        let seen = watching.await.expect("no viewer panics");
        lost += produced.iter().filter(|unit| !seen.contains(unit)).count();
    }
    let octets: usize = produced.iter().map(Vec::len).sum();
    Run {
        load,
        rate: 8.0 * (viewers * octets) as f64 / WINDOW.as_secs_f64(),
        pictures: viewers * produced.len(),
        lost,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("start a runtime")
}

fn credentials(user: &str) -> Credentials {
    Credentials {
        user: user.into(),
        password: Password::random(&OsEntropy),
    }
}

fn camera_settings(authority: &Authority, portal: PortalAccess) -> Settings {
    Settings {
        seed: 1,
        unit: 1,
        nonce: 1,
        name: "BENCH".into(),
        serial: SERIAL.into(),
        video: VIDEO,
        sub: SUB_VIDEO,
        credentials: credentials("camera"),
        identity: authority.issue(SERIAL, &[LOOPBACK]).expect("issue"),
        recording: None,
        app: None,
        portal: Some(portal),
        quiet: false,
        begin: None,
        archive: None,
    }
}

/// What the camera produced.
#[derive(Default)]
struct Ledger(Mutex<Vec<Vec<u8>>>);

impl Ledger {
    fn len(&self) -> usize {
        self.0.lock().expect("nobody panics with it").len()
    }

    fn units(&self, from: usize) -> Vec<Vec<u8>> {
        self.0.lock().expect("nobody panics with it")[from..].to_vec()
    }
}

impl Witness for Ledger {
    fn access_unit(&self, track: &str, unit: &AccessUnit) {
        if track == "video" {
            let mut units = self.0.lock().expect("nobody panics with it");
            units.push(unit.annex_b());
        }
    }
    fn sound(&self, _track: &str, _packet: &SoundPacket) {}
    fn document(&self, _track: &str, _document: &Document) {}
    fn secret(&self, _line: &str) {}
}
