//! A camera on a network of its own, and a client that says what it is told to.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::{Buf, Bytes};
use lightleak::{
    disk::MemoryDisk,
    net::{
        memory::{Network, VirtualClock},
        record::Tap,
    },
    target::sim::{VIDEO, settings},
};
use lightleak_sim::{
    camera::Camera,
    fault::Fault,
    h264::{AccessUnit, EncoderConfig, STREAMS},
    record::beside::Document,
    rtsp::{
        connection::{Connection, Incoming},
        digest::{Challenge, Credentials},
    },
    seal::{
        keys::Authority,
        tls::{self, TlsVersion},
    },
    sound::SoundPacket,
    viewer::rtsp::Address,
    world::{ByteStream, Clock, Entropy, Log, Witness, World},
};
use rtp::{codecs::h264::H264Packet, packet::Packet, packetizer::Depacketizer};
use rtsp_types::{HeaderName, Response};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use util::marshal::Unmarshal;

pub const VISITOR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 20));
const VISITOR_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x20));
const CAMERA: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));

/// The smallest stream: little to encode where the picture does not matter.
pub const SMALL: EncoderConfig = STREAMS[0];
/// The default stream: key frames of many packets.
pub const LARGE: EncoderConfig = VIDEO;

pub const INTERLEAVED: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

/// A running camera and its surroundings.
pub struct Site {
    pub clock: Arc<dyn Clock>,
    pub tap: Tap,
    pub network: Network,
    visitor: IpAddr,
    pub notes: Arc<Notes>,
    pub credentials: Credentials,
    pub endpoint: SocketAddr,
    pub url: String,
    authority: Authority,
    camera: Camera,
}

impl Site {
    /// Switches an honest camera on, and lets it film a little.
    pub async fn start(video: EncoderConfig) -> Self {
        Self::start_at(CAMERA, video).await
    }

    /// The same, with the camera at that address.
    pub async fn start_at(address: IpAddr, video: EncoderConfig) -> Self {
        Self::start_path(address, video, "nvr.rtsps").await
    }

    /// An honest camera's path of SRTP.
    pub async fn start_srtp(video: EncoderConfig) -> Self {
        Self::start_path(CAMERA, video, "nvr.srtp").await
    }

    async fn start_path(address: IpAddr, video: EncoderConfig, path: &str) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        let tap = Tap::start(clock.clone(), false);
        let network = Network::new(tap.clone());
        let notes = Arc::new(Notes::default());
        let authority = Authority::new().unwrap();
        let mut settings = settings(1, &authority).unwrap();
        settings.video = video;
        settings.identity = authority.issue(&settings.serial, &[address]).unwrap();
        let credentials = settings.credentials.clone();
        let world = world(&network, &clock, &notes, address);
        let camera = Camera::start(settings, Fault::NONE, world).await.unwrap();
        let mut claims = camera.claims.iter();
        let claim = claims.find(|claim| claim.path == path).unwrap().clone();
        clock
            .sleep_until(clock.unix() + Duration::from_millis(500))
            .await;
        Self {
            clock,
            tap,
            visitor: if address.is_ipv4() {
                VISITOR
            } else {
                VISITOR_V6
            },
            network,
            notes,
            credentials,
            endpoint: claim.endpoint.unwrap(),
            url: claim.url,
            authority,
            camera,
        }
    }

    /// Where the camera says that it listens.
    pub fn declared(&self) -> Vec<SocketAddr> {
        let claims = self.camera.claims.iter();
        claims.filter_map(|claim| claim.endpoint).collect()
    }

    /// What a visitor can touch.
    pub fn world(&self) -> World {
        world(&self.network, &self.clock, &self.notes, self.visitor)
    }

    /// Where our own viewer finds the camera.
    pub fn address(&self) -> Address {
        Address {
            endpoint: self.endpoint,
            url: self.url.clone(),
            authority: Some(self.authority.certificate()),
            versions: &[TlsVersion::Tls13],
        }
    }

    /// A TCP connection.
    pub async fn tcp(&self) -> Box<dyn ByteStream> {
        self.world().net.connect(self.endpoint).await.unwrap()
    }

    /// A TLS connection.
    pub async fn tls(&self, version: TlsVersion) -> Box<dyn ByteStream> {
        let config = tls::client(self.authority.certificate(), &[version], &self.world()).unwrap();
        let name = ServerName::IpAddress(self.endpoint.ip().into());
        let stream = TlsConnector::from(config).connect(name, self.tcp().await);
        Box::new(stream.await.unwrap())
    }

    /// A client with the right credentials, over TLS 1.3.
    pub async fn client(&self) -> Client {
        Client::new(self, self.tls(TlsVersion::Tls13).await, true)
    }

    /// A client without credentials.
    pub async fn stranger(&self) -> Client {
        Client::new(self, self.tls(TlsVersion::Tls13).await, false)
    }

    /// A client that plays.
    pub async fn playing(&self) -> Client {
        let mut client = self.client().await;
        client.play().await;
        client
    }

    pub async fn sleep(&self, duration: Duration) {
        self.clock.sleep_until(self.clock.unix() + duration).await;
    }
}

fn world(network: &Network, clock: &Arc<dyn Clock>, notes: &Arc<Notes>, host: IpAddr) -> World {
    World {
        net: network.host(host),
        disk: Arc::new(MemoryDisk::default()),
        log: notes.clone(),
        witness: notes.clone(),
        clock: clock.clone(),
        entropy: Arc::new(Counter::default()),
    }
}

/// The ledger and the log.
#[derive(Default)]
pub struct Notes {
    units: Mutex<Vec<AccessUnit>>,
    sub: Mutex<Vec<AccessUnit>>,
    sound: Mutex<Vec<SoundPacket>>,
    secrets: Mutex<Vec<String>>,
    lines: Mutex<Vec<String>>,
}

impl Notes {
    pub fn units(&self) -> Vec<AccessUnit> {
        self.units.lock().unwrap().clone()
    }

    pub fn sub_units(&self) -> Vec<AccessUnit> {
        self.sub.lock().unwrap().clone()
    }

    pub fn sound(&self) -> Vec<SoundPacket> {
        self.sound.lock().unwrap().clone()
    }

    /// The lines of the escrow with that label.
    pub fn secrets(&self, label: &str) -> Vec<String> {
        let secrets = self.secrets.lock().unwrap();
        let labelled = secrets.iter().filter(|line| line.starts_with(label));
        labelled.cloned().collect()
    }

    pub fn has_line(&self, part: &str) -> bool {
        self.lines.lock().unwrap().iter().any(|l| l.contains(part))
    }
}

impl Witness for Notes {
    fn access_unit(&self, track: &str, unit: &AccessUnit) {
        let units = match track {
            "video" => &self.units,
            "sub" => &self.sub,
            other => panic!("no such track: {other}"),
        };
        units.lock().unwrap().push(unit.clone());
    }

    fn sound(&self, track: &str, packet: &SoundPacket) {
        assert_eq!(track, "audio");
        self.sound.lock().unwrap().push(packet.clone());
    }

    fn document(&self, track: &str, _document: &Document) {
        panic!("no such track: {track}");
    }

    fn secret(&self, line: &str) {
        self.secrets.lock().unwrap().push(line.into());
    }
}

impl Log for Notes {
    fn line(&self, line: &str) {
        self.lines.lock().unwrap().push(line.into());
    }
}

/// Octets that never repeat soon; nothing here depends on chance.
#[derive(Default)]
struct Counter(Mutex<u64>);

impl Entropy for Counter {
    fn fill(&self, out: &mut [u8]) {
        let mut count = self.0.lock().unwrap();
        for chunk in out.chunks_mut(8) {
            *count += 1;
            let octets = count.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            chunk.copy_from_slice(&octets[..chunk.len()]);
        }
    }
}

/// A client that asks for exactly what a test wants.
pub struct Client {
    pub connection: Connection<Box<dyn ByteStream>>,
    /// Interleaved frames: channel, octets, when they came.
    pub frames: Vec<(u8, Vec<u8>, Duration)>,
    pub session: Option<String>,
    /// The body of its requests.
    pub body: String,
    world: World,
    url: String,
    credentials: Option<Credentials>,
    challenge: Option<Challenge>,
    sequence: u32,
}

impl Client {
    pub fn new(site: &Site, stream: Box<dyn ByteStream>, knows_password: bool) -> Self {
        Self {
            connection: Connection::new(stream),
            frames: Vec::new(),
            session: None,
            body: String::new(),
            world: site.world(),
            url: site.url.clone(),
            credentials: knows_password.then(|| site.credentials.clone()),
            challenge: None,
            sequence: 0,
        }
    }

    /// Asks, with the session if there is one; answers a challenge if it can.
    pub async fn ask(
        &mut self,
        method: &str,
        track: &str,
        headers: &[(&str, &str)],
    ) -> Response<Vec<u8>> {
        let url = format!("{}{track}", self.url);
        self.ask_url(method, &url, headers).await
    }

    pub async fn ask_url(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Response<Vec<u8>> {
        let response = self.ask_once(method, url, headers).await;
        if status(&response) != 401 || self.credentials.is_none() || self.challenge.is_some() {
            return response;
        }
        let challenge = header(&response, "WWW-Authenticate");
        self.challenge = challenge.and_then(|c| Challenge::choose(&c));
        self.ask_once(method, url, headers).await
    }

    /// SETUP and PLAY.
    pub async fn play(&mut self) {
        self.set_up().await;
        assert_eq!(status(&self.ask("PLAY", "", &[]).await), 200);
    }

    /// SETUP.
    pub async fn set_up(&mut self) {
        let setup = self
            .ask("SETUP", "/video", &[("Transport", INTERLEAVED)])
            .await;
        assert_eq!(status(&setup), 200);
        let session = header(&setup, "Session").unwrap();
        self.session = session.split(';').next().map(str::to_owned);
    }

    /// From now on it asks for the sub stream.
    pub fn turn_to_sub(&mut self) {
        let host = self.url.strip_suffix("/main").unwrap();
        self.url = format!("{host}/sub");
    }

    /// Receives frames for so long; `false` if the camera closed.
    pub async fn watch(&mut self, duration: Duration) -> bool {
        let clock = self.world.clock.clone();
        let end = clock.unix() + duration;
        loop {
            tokio::select! {
                incoming = self.connection.next() => match incoming {
                    Ok(Some(Incoming::Frame(frame))) => self.note(frame.channel_id(), frame.as_slice()),
                    Ok(Some(other)) => panic!("unasked: {other:?}"),
                    Ok(None) | Err(_) => return false,
                },
                () = clock.sleep_until(end) => return true,
            }
        }
    }

    /// The next response; media that comes before it is kept.
    pub async fn response(&mut self) -> Response<Vec<u8>> {
        loop {
            match self.connection.next().await.unwrap() {
                Some(Incoming::Response(response)) => return response,
                Some(Incoming::Frame(frame)) => self.note(frame.channel_id(), frame.as_slice()),
                other => panic!("no response but {other:?}"),
            }
        }
    }

    /// RTP packets on that channel.
    pub fn packets(&self, channel: u8) -> impl Iterator<Item = &[u8]> {
        self.frames
            .iter()
            .filter(move |(c, ..)| *c == channel)
            .map(|(_, octets, _)| octets.as_slice())
    }

    fn note(&mut self, channel: u8, octets: &[u8]) {
        let now = self.world.clock.unix();
        self.frames.push((channel, octets.to_vec(), now));
    }

    async fn ask_once(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Response<Vec<u8>> {
        self.sequence += 1;
        let sequence = self.sequence.to_string();
        let mut request = format!("{method} {url} RTSP/1.0\r\nCSeq: {sequence}\r\n");
        if let (Some(challenge), Some(credentials)) = (&mut self.challenge, &self.credentials) {
            let entropy = &*self.world.entropy;
            let answer = challenge.answer(method, url, credentials, entropy);
            request += &format!("Authorization: {answer}\r\n");
        }
        if let Some(session) = &self.session {
            request += &format!("Session: {session}\r\n");
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            request += &format!("Content-Length: {}\r\n", self.body.len());
        }
        request += "\r\n";
        request += &self.body;
        self.connection.send(request.as_bytes()).await.unwrap();
        let response = self.response().await;
        assert_eq!(header(&response, "CSeq"), Some(sequence), "{method}");
        response
    }
}

pub fn status(response: &Response<Vec<u8>>) -> u16 {
    response.status().into()
}

pub fn header(response: &Response<Vec<u8>>, name: &str) -> Option<String> {
    let name = HeaderName::try_from(name).unwrap();
    response.header(&name).map(|h| h.as_str().to_owned())
}

/// Access units as crate `rtp` reads them: NAL units, and the RTP time.
/// Packets come in sequence; the last access unit may lack its end.
pub fn access_units<'a>(packets: impl Iterator<Item = &'a [u8]>) -> Vec<(u32, Vec<Bytes>)> {
    const START: [u8; 4] = [0, 0, 0, 1];
    let mut units = Vec::new();
    let mut nal_units = Vec::new();
    let mut reader = H264Packet::default();
    let mut expected = None;
    for packet in packets {
        let packet = Packet::unmarshal(&mut Bytes::copy_from_slice(packet)).unwrap();
        let sequence = packet.header.sequence_number;
        assert_eq!(*expected.get_or_insert(sequence), sequence);
        expected = Some(sequence.wrapping_add(1));
        let mut read = reader.depacketize(&packet.payload).unwrap();
        // The reader puts a start code before each.
        while read.starts_with(&START) {
            read.advance(4);
            let next = read.windows(4).position(|w| w == START);
            nal_units.push(read.split_to(next.unwrap_or(read.len())));
        }
        if packet.header.marker {
            units.push((packet.header.timestamp, std::mem::take(&mut nal_units)));
        }
    }
    units
}
