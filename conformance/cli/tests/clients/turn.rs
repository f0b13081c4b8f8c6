//! coturn between the app and the camera, on the side of either: what a TURN server (RFC 8656) passes on
//! is as sealed as without it, in the eyes of an adversary who runs one.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use lightleak::{
    decoder::ChildDecoder,
    net::{os::OsClock, record::Tap},
};
use lightleak_case::Capture;
use lightleak_judge::{
    adversary::media_player::{self, Footage},
    dissect::{self, demux::Kind, dtls},
};
use serde_json::{Value, json};

use crate::{
    browser::{FRAMES, connected, number, watch_with},
    support::{Served, started},
};

/// The one user of the server.
const USER: &str = "app";
const PASSWORD: &str = "turn";

/// The longest datagram over IPv4.
const LONGEST: usize = 65_507;

#[test]
fn a_turn_server_sees_ciphertext_only() {
    for side in [Side::App, Side::Camera] {
        let Some(relayed) = watch(side, &[], FRAMES) else {
            return;
        };
        assert_sealed(&relayed);
    }
}

#[test]
fn what_is_sent_beside_webrtc_is_seen_by_the_turn_server() {
    for side in [Side::App, Side::Camera] {
        let Some(relayed) = watch(side, &["--mutant", "webrtc.mux-raw"], 0) else {
            return;
        };
        let [.., other] = relayed.datagrams;
        assert!(other > 0, "{side:?}");
    }
}

/// Beside a TURN server that does not answer, or takes nobody, its own address is
/// left to the camera.
#[test]
fn without_its_turn_server_the_camera_is_reached_directly() {
    let Some(server) = Server::start() else {
        return;
    };
    for turn in [
        format!("{USER}:{PASSWORD}@{}", free()),
        format!("{USER}:wrong@{}", server.address),
    ] {
        let camera = Served::start(&["--turn", &turn]);
        let Some(browser) = connected(&camera) else {
            return;
        };
        let outcome = watch_with(&browser, &camera, json!({}), 0, FRAMES);
        let [_, ref camera_candidate] = candidates(&outcome);
        assert_eq!(camera_candidate, "host", "{outcome}");
        assert!(number(&outcome["frames_decoded"]) >= FRAMES, "{outcome}");
    }
}

/// Who reaches the other by way of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    App,
    Camera,
}

fn assert_sealed(relayed: &Relayed) {
    assert_eq!(relayed.footage.len(), 0, "{:?}", relayed.footage);
    assert!(relayed.frames >= FRAMES, "{} frames", relayed.frames);
    assert!(relayed.has_handshake);
    let [stun, dtls, rtp, other] = relayed.datagrams;
    assert!(stun > 0 && dtls > 0 && rtp as u64 > FRAMES);
    assert_eq!(other, 0);
}

/// What became of watching by way of the server.
struct Relayed {
    frames: u64,
    /// How many datagrams are STUN, DTLS, RTP or RTCP, and something else.
    datagrams: [usize; 4],
    has_handshake: bool,
    footage: Vec<Footage>,
}

fn watch(side: Side, options: &[&str], frames: u64) -> Option<Relayed> {
    let server = Server::start()?;
    let between = Between::start(server.address);
    let turn = format!("{USER}:{PASSWORD}@{}", between.address);
    let of_camera: &[&str] = match side {
        Side::App => &[],
        Side::Camera => &["--turn", &turn, "--turn-only"],
    };
    let camera = Served::start(&[options, of_camera].concat());
    let browser = connected(&camera)?;
    let rtc = match side {
        Side::App => json!({
            "iceTransportPolicy": "relay",
            // One allocation, not one for each track.
            "bundlePolicy": "max-bundle",
            "iceServers": [{
                "urls": format!("turn:{}?transport=udp", between.address),
                "username": USER, "credential": PASSWORD,
            }],
        }),
        Side::Camera => json!({}),
    };
    let outcome = watch_with(&browser, &camera, rtc, 0, frames);
    let [app, of_camera] = candidates(&outcome);
    match side {
        Side::App => assert_eq!(app, "relay", "{outcome}"),
        Side::Camera => assert_eq!(of_camera, "relay", "{outcome}"),
    }
    drop(browser);

    // Both directions of what was carried, as if without a server.
    let tap = Tap::start(Arc::new(OsClock), false);
    let mut datagrams = [0; 4];
    let [client, far] = [1, 2].map(|host| SocketAddr::from(([192, 0, 2, host], 40_000)));
    for (from_client, datagram) in between.stop() {
        let Some(carried) = carried(&datagram) else {
            continue;
        };
        let kind = match Kind::of(carried) {
            Kind::Stun => 0,
            Kind::Dtls => 1,
            Kind::Rtp => 2,
            _ => 3,
        };
        datagrams[kind] += 1;
        let (from, to) = if from_client {
            (client, far)
        } else {
            (far, client)
        };
        tap.udp(from, to, carried);
    }
    let capture = Capture::read(&tap.finish()).expect("read our own capture");
    let traffic = dissect::dissect(&capture);
    let decoder = ChildDecoder::new(env!("CARGO_BIN_EXE_lightleak").into());
    Some(Relayed {
        frames: number(&outcome["frames_decoded"]),
        datagrams,
        has_handshake: traffic.flows.iter().any(|flow| dtls::read(flow).is_some()),
        footage: media_player::play(&traffic, &[], &decoder).expect("the decoder works"),
    })
}

/// Of which type the candidates of app and camera are that were chosen.
fn candidates(outcome: &Value) -> [String; 2] {
    [0, 1].map(|end| {
        let kind = outcome["candidates"][end].as_str();
        kind.unwrap_or_else(|| panic!("no candidates: {outcome}"))
            .to_owned()
    })
}

/// What a datagram between a client and its TURN server carries: ChannelData (RFC
/// 8656 12.4), or the DATA attribute (18.4) of an indication.
fn carried(datagram: &[u8]) -> Option<&[u8]> {
    const INDICATIONS: [[u8; 2]; 2] = [[0x00, 0x16], [0x00, 0x17]];
    const DATA: [u8; 2] = [0x00, 0x13];
    let length = |octets: &[u8]| usize::from(u16::from_be_bytes([octets[0], octets[1]]));
    let (head, rest) = datagram.split_at_checked(4)?;
    if Kind::of(datagram) == Kind::TurnChannel {
        return rest.get(..length(&head[2..]));
    }
    if !INDICATIONS.contains(&[head[0], head[1]]) {
        return None;
    }
    let mut attributes = datagram.get(20..)?;
    while let Some((head, rest)) = attributes.split_at_checked(4) {
        let length = length(&head[2..]);
        if head[..2] == DATA {
            return rest.get(..length);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// A TURN server; it ends with this.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Option<Self> {
        let address = free();
        let folder = std::env::temp_dir();
        let child = started(
            Command::new("turnserver")
                .args([
                    "-n",
                    "--no-tls",
                    "--no-dtls",
                    "--no-cli",
                    "--no-software-attribute",
                ])
                .args([
                    "--allow-loopback-peers",
                    "--lt-cred-mech",
                    "--realm",
                    "test",
                ])
                .args(["--listening-ip", "127.0.0.1"])
                .arg(format!("--relay-ip={}", outward()))
                .arg(format!("--listening-port={}", address.port()))
                .arg(format!("--user={USER}:{PASSWORD}"))
                .args(["--log-file", "stdout", "--pidfile", ""])
                .current_dir(folder)
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        let server = Self { child, address };
        server.wait();
        Some(server)
    }

    /// Until it answers (RFC 8489 5: a request for a binding).
    fn wait(&self) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind a socket");
        let patience = Some(Duration::from_millis(100));
        socket.set_read_timeout(patience).expect("set a time-out");
        let request = [
            0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
        ];
        let answers = (0..100).any(|_| {
            // Before it listens, the system says that nobody does.
            let _ = socket.send_to(&request, self.address);
            socket.recv(&mut [0; 256]).is_ok()
        });
        assert!(answers, "turnserver does not answer");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address by which this machine reaches others: Chromium names it as its
/// own, and would be another to a server on the loopback network.
fn outward() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("bind a socket");
    // Nothing is sent by that.
    let address = match socket.connect("198.51.100.1:9") {
        Ok(()) => socket.local_addr().ok(),
        Err(_) => None,
    };
    address.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip())
}

fn free() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("bind a socket");
    socket.local_addr().expect("it has an address")
}

/// Datagrams, each with whether the client sent it.
type Datagrams = Vec<(bool, Vec<u8>)>;

/// Who sits between one client and the server, and writes down what passes.
struct Between {
    address: SocketAddr,
    datagrams: Arc<Mutex<Datagrams>>,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Between {
    fn start(server: SocketAddr) -> Self {
        let [near, far] = [(); 2].map(|()| {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("bind a socket");
            socket.set_nonblocking(true).expect("make it not wait");
            socket
        });
        let address = near.local_addr().expect("it has an address");
        let (datagrams, is_over) = (Arc::<Mutex<Datagrams>>::default(), Arc::default());
        let (kept, over) = (datagrams.clone(), Arc::<AtomicBool>::clone(&is_over));
        let thread = thread::spawn(move || {
            let (mut client, mut octets) = (None, vec![0; LONGEST]);
            let note = |from_client, octets: &[u8]| {
                let mut kept = kept.lock().expect("nobody panics with it");
                kept.push((from_client, octets.to_vec()));
            };
            while !over.load(Ordering::Relaxed) {
                let mut is_idle = true;
                while let Ok((length, from)) = near.recv_from(&mut octets) {
                    client = Some(from);
                    note(true, &octets[..length]);
                    let _ = far.send_to(&octets[..length], server);
                    is_idle = false;
                }
                while let Ok((length, _)) = far.recv_from(&mut octets) {
                    note(false, &octets[..length]);
                    if let Some(client) = client {
                        let _ = near.send_to(&octets[..length], client);
                    }
                    is_idle = false;
                }
                if is_idle {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Self {
            address,
            datagrams,
            is_over,
            thread,
        }
    }

    fn stop(self) -> Datagrams {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("it did not panic");
        let mut datagrams = self.datagrams.lock().expect("nobody panics with it");
        std::mem::take(&mut datagrams)
    }
}
