//! The device that a shim plays, in a simulated network: what reaches its ports is told
//! to the shim as events, and what the shim says is done there.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use lightleak_case::{Device as Declared, TransportProtocol};
use lightleak_sim::world::{BoxFuture, ByteStream, Datagrams, Listener, World};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split},
    sync::mpsc,
};

use super::{
    ShimError,
    line::{Action, Event},
    process::Process,
};
use crate::target::notes::lock;

/// Octets that are read of a connection at a time.
const BUFFER: usize = 16 << 10;

/// Octets of the largest datagram.
const LARGEST_DATAGRAM: usize = 1 << 16;

/// A device. Clones are the same.
#[derive(Clone)]
pub(super) struct Device(Arc<State>);

struct State {
    world: World,
    /// None when it is off.
    shim: Mutex<Option<Process>>,
    /// Why it is off, if it should not be.
    failure: Mutex<Option<ShimError>>,
    says: Mutex<Says>,
    connections: Mutex<BTreeMap<u64, mpsc::UnboundedSender<Send>>>,
    /// How many connections there were.
    accepted: AtomicU64,
    sockets: Mutex<BTreeMap<u16, Arc<dyn Datagrams>>>,
}

/// What it says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Says {
    /// Where viewers find the path.
    pub(super) url: Option<String>,
    vendor: Option<String>,
    model: Option<String>,
    firmware: Option<String>,
}

impl Says {
    /// Puts it into the declaration.
    pub(super) fn declare(self, device: &mut Declared) {
        let unknown = || "unknown".to_owned();
        device.vendor = self.vendor.unwrap_or_else(unknown);
        device.model = self.model.unwrap_or_else(unknown);
        device.firmware = self.firmware.unwrap_or_else(unknown);
    }
}

/// What is sent on a connection.
enum Send {
    Octets(Vec<u8>),
    End,
}

impl Device {
    /// A device that is on when the shim is told so.
    pub(super) fn new(shim: Process, world: World) -> Self {
        Self(Arc::new(State {
            world,
            shim: Mutex::new(Some(shim)),
            failure: Mutex::default(),
            says: Mutex::default(),
            connections: Mutex::default(),
            accepted: AtomicU64::new(0),
            sockets: Mutex::default(),
        }))
    }

    /// Tells the shim what happens, and does what it says. Whether it is still on.
    pub(super) async fn tell(&self, event: &Event<'_>) -> bool {
        let said = match &mut *lock(&self.0.shim) {
            Some(shim) => shim.say(event),
            None => return false,
        };
        let done = match said {
            Ok(actions) => self.act(actions).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => true,
            Err(error) => {
                lock(&self.0.failure).get_or_insert(error);
                drop(lock(&self.0.shim).take());
                lock(&self.0.connections).clear();
                false
            }
        }
    }

    /// Tells it, where a device that is not on any more is an error.
    pub(super) async fn demand(&self, event: &Event<'_>) -> Result<(), ShimError> {
        match self.tell(event).await {
            true => Ok(()),
            false => Err(self.failure()),
        }
    }

    /// Switches it off.
    pub(super) async fn stop(&self) -> Result<(), ShimError> {
        let Some(shim) = lock(&self.0.shim).take() else {
            return Err(self.failure());
        };
        self.act(shim.stop()?).await
    }

    /// What it says of itself.
    pub(super) fn says(&self) -> Says {
        lock(&self.0.says).clone()
    }

    fn failure(&self) -> ShimError {
        let failure = lock(&self.0.failure).take();
        failure.unwrap_or(ShimError::Off)
    }

    async fn act(&self, actions: Vec<Action>) -> Result<(), ShimError> {
        for action in actions {
            self.do_one(action).await?;
        }
        Ok(())
    }

    async fn do_one(&self, action: Action) -> Result<(), ShimError> {
        let State { world, says, .. } = &*self.0;
        match action {
            Action::Listen(transport, port) => {
                let listening = match transport {
                    TransportProtocol::Udp => self.bind(port).await,
                    _ => self.listen(port).await,
                };
                listening.map_err(|error| ShimError::Port(transport, port, error))?;
            }
            Action::Url(url) => lock(says).url = Some(url),
            Action::Vendor(name) => lock(says).vendor = Some(name),
            Action::Model(name) => lock(says).model = Some(name),
            Action::Firmware(name) => lock(says).firmware = Some(name),
            Action::Data(connection, octets) => self.send(connection, Send::Octets(octets))?,
            Action::End(connection) => self.send(connection, Send::End)?,
            Action::Datagram(port, to, octets) => {
                let socket = lock(&self.0.sockets).get(&port).cloned();
                let socket = socket.ok_or(ShimError::NotBound(port))?;
                let sent = socket.send(to, &octets, octets.len()).await;
                sent.map_err(|error| ShimError::Port(TransportProtocol::Udp, port, error))?;
            }
            Action::Secret(line) => world.witness.secret(&line),
            Action::Log(line) => world.log.line(&line),
            Action::Store(name, octets) => {
                let stored = match world.disk.list() {
                    Ok(names) if names.contains(&name) => Ok(()),
                    _ => world.disk.create(&name),
                };
                stored
                    .and_then(|()| world.disk.append(&name, &octets))
                    .map_err(|error| ShimError::Store(name, error))?;
            }
            Action::Done => {}
        }
        Ok(())
    }

    /// Sends on a connection, which the other end may have closed meanwhile.
    fn send(&self, connection: u64, what: Send) -> Result<(), ShimError> {
        if connection >= self.0.accepted.load(Ordering::Relaxed) {
            return Err(ShimError::NoConnection(connection));
        }
        if let Some(open) = lock(&self.0.connections).get(&connection) {
            let _ = open.send(what);
        }
        Ok(())
    }

    async fn listen(&self, port: u16) -> std::io::Result<()> {
        let listener = self.0.world.net.listen(port).await?;
        tokio::spawn(self.clone().accept(listener, port));
        Ok(())
    }

    async fn bind(&self, port: u16) -> std::io::Result<()> {
        let socket: Arc<dyn Datagrams> = self.0.world.net.bind(port).await?.into();
        lock(&self.0.sockets).insert(port, socket.clone());
        tokio::spawn(self.clone().receive(socket, port));
        Ok(())
    }

    /// What listens is told of, and what is told may make it listen.
    fn accept(self, mut listener: Box<dyn Listener>, port: u16) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let connection = self.0.accepted.fetch_add(1, Ordering::Relaxed);
                let (from, to) = split(stream);
                let (sender, what) = mpsc::unbounded_channel();
                lock(&self.0.connections).insert(connection, sender);
                tokio::spawn(write(to, what));
                if !self.tell(&Event::Accept(connection, port, peer)).await {
                    return;
                }
                tokio::spawn(self.clone().read(from, connection));
            }
        })
    }

    async fn read(self, mut from: ReadHalf<Box<dyn ByteStream>>, connection: u64) {
        let mut octets = vec![0; BUFFER];
        loop {
            let read = from.read(&mut octets).await.unwrap_or(0);
            if read == 0 {
                break;
            }
            if !self.tell(&Event::Data(connection, &octets[..read])).await {
                return;
            }
        }
        self.tell(&Event::End(connection)).await;
        lock(&self.0.connections).remove(&connection);
    }

    fn receive(self, socket: Arc<dyn Datagrams>, port: u16) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut octets = vec![0; LARGEST_DATAGRAM];
            while let Ok((length, from)) = socket.recv(&mut octets).await {
                let event = Event::Datagram(port, from, &octets[..length]);
                if !self.tell(&event).await {
                    return;
                }
            }
        })
    }
}

async fn write(mut to: WriteHalf<Box<dyn ByteStream>>, mut what: mpsc::UnboundedReceiver<Send>) {
    while let Some(Send::Octets(octets)) = what.recv().await {
        if to.write_all(&octets).await.is_err() {
            return;
        }
    }
    // Whoever went away needs no goodbye.
    let _ = to.shutdown().await;
}

/// The endpoint that a URL names, if its host is an address and it has a port.
pub(super) fn endpoint(url: &str) -> Option<SocketAddr> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::Duration};

    use super::*;
    use crate::{
        disk::MemoryDisk,
        net::{
            memory::{Network, VirtualClock},
            os::OsEntropy,
            record::Tap,
        },
        target::{CAMERA, VISITOR, notes::Notes},
    };

    /// A device that a script of the shell plays, and its network.
    struct Scene {
        device: Device,
        notes: Arc<Notes>,
        card: Arc<MemoryDisk>,
        visitor: World,
    }

    impl Scene {
        fn new(script: &str) -> Self {
            let clock = Arc::new(VirtualClock::new());
            let network = Network::new(Tap::start(clock.clone(), false));
            let (notes, card) = (Arc::new(Notes::default()), Arc::new(MemoryDisk::default()));
            let host = |address: IpAddr| World {
                net: network.host(address),
                disk: card.clone(),
                log: notes.clone(),
                witness: notes.clone(),
                clock: clock.clone(),
                entropy: Arc::new(OsEntropy),
            };
            let patience = Duration::from_secs(5);
            let shim = Process::start(script, notes.clone(), patience).unwrap();
            Self {
                device: Device::new(shim, host(CAMERA)),
                visitor: host(VISITOR),
                notes,
                card,
            }
        }
    }

    /// Sends everything back.
    const ECHO: &str = r#"
        while read verb one two three; do
            case $verb in
                start) echo listen tcp 7; echo listen udp 7; echo url echo://192.0.2.10:7 ;;
                data) echo data $one $two ;;
                end) echo end $one; echo log gone; echo store clip AQI= ;;
                datagram) echo datagram $one $two $three ;;
            esac
            echo done
            [ $verb != stop ] || exit 0
        done"#;

    #[tokio::test(start_paused = true)]
    async fn connections_and_datagrams_go_both_ways() {
        let scene = Scene::new(ECHO);
        let start = Event::Start("nvr.rtsps", &[]);
        scene.device.demand(&start).await.unwrap();
        let at = SocketAddr::new(CAMERA, 7);
        assert_eq!(endpoint(&scene.device.says().url.unwrap()), Some(at));

        let socket = scene.visitor.net.bind(0).await.unwrap();
        socket.send(at, b"datagram", 8).await.unwrap();
        let mut octets = [0; 100];
        let (length, from) = socket.recv(&mut octets).await.unwrap();
        assert_eq!((&octets[..length], from), (&b"datagram"[..], at));

        let mut stream = scene.visitor.net.connect(at).await.unwrap();
        let long = vec![7; 100_000];
        stream.write_all(&long).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut back = Vec::new();
        stream.read_to_end(&mut back).await.unwrap();
        assert!(back == long);
        scene.device.stop().await.unwrap();
        assert_eq!(*lock(&scene.notes.log), "gone\n");
        assert_eq!(scene.card.files()["clip"], [1, 2]);
        assert!(
            scene
                .visitor
                .net
                .connect(SocketAddr::new(CAMERA, 8))
                .await
                .is_err()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_not_be_done_is_said() {
        for (action, told) in [
            ("data 0 AA==", "nobody opened a connection 0"),
            (
                "datagram 9 192.0.2.20:9 AA==",
                "it has to say `listen udp 9` first",
            ),
            ("listen tcp 7", "do what the shim says with port 7 of TCP"),
        ] {
            let script = format!("read a; echo listen tcp 7; echo '{action}'; echo done; read b");
            let scene = Scene::new(&script);
            let start = Event::Start("nvr.rtsps", &[]);
            let error = scene.device.demand(&start).await.unwrap_err();
            assert!(error.to_string().contains(told), "{action}: {error}");
            // It is off from then on.
            let error = scene.device.demand(&Event::Stop).await.unwrap_err();
            assert!(matches!(error, ShimError::Off));
        }
    }
}
