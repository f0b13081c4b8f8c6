//! One end of a connection, on a UDP socket of its own.

use std::{
    collections::VecDeque,
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcError,
    change::{SdpAnswer, SdpOffer, SdpPendingOffer},
    crypto::dtls::DtlsVersion,
    error::IceError,
    format::Codec,
    media::{Direction, KeyframeRequestKind, MediaKind, Pt},
    net::{Protocol, Receive, Transmit},
    rtp::RtpWrite,
};

use super::{
    VIDEO, VIDEO_AGAIN,
    allocation::{Allocation, TurnServer},
    dtls::Connection,
    event::{Counts, DtlsVersions, Media, Packet, PeerError, Track},
    lines::{Line, Lines},
    payload_type,
    transport::{Kind, Route, Transport, with_tail, without_tail},
};
use crate::{
    fault::Fault,
    rtp::{HEADER_LENGTH, Packets},
    world::{Datagrams, Held, World},
};

/// The longest datagram that is read: more than any that comes over Ethernet.
const LONGEST: usize = 2048;
/// How long it sleeps at most when nothing is due.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// Baseline, constrained, level 3.1: what every browser decodes (RFC 7742 6.2).
const PROFILE_LEVEL: u32 = 0x42_e01f;
/// One end of a connection.
pub(crate) struct Peer {
    rtc: Rtc,
    world: World,
    socket: Box<dyn Datagrams>,
    connection: Connection,
    transport: Option<Transport>,
    /// Where it is reached besides.
    allocation: Option<Allocation>,
    /// Where the RTP packets go that wait to be sealed.
    batch_to: Option<Route>,
    outbox: VecDeque<(Route, Vec<u8>, usize)>,
    happened: VecDeque<Media>,
    /// When str0m wants to be called.
    due: Duration,
    lines: Lines,
    held: Option<Held>,
    /// What is wrong with it, if it is a camera's.
    fault: Fault,
    /// A datagram of DTLS from whom ICE does not know yet.
    unheard: Option<(Route, Vec<u8>)>,
    /// Where ICE last heard the other end.
    found: Option<Route>,
    /// What becomes of what DTLS says.
    dtls: DtlsSays,
    pub(crate) counts: Counts,
}

/// What becomes of what DTLS says. Unless all of it is sent, DTLS hears nothing
/// either.
#[derive(Default)]
enum DtlsSays {
    #[default]
    All,
    /// The last datagram waits.
    Nothing(Option<(Route, Vec<u8>)>),
    /// Those octets wherever it would say something.
    Only(Vec<u8>),
}

/// What an end that offers is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To see and hear, and to be heard.
    Call,
    /// To be seen and heard.
    Publish,
    /// To see and hear.
    Watch,
}

impl Peer {
    /// One end, on a free port. Whoever is a vantage is told what it holds.
    pub(crate) async fn bind(
        world: &World,
        versions: DtlsVersions,
        held: Option<Held>,
        fault: Fault,
    ) -> Result<Self, PeerError> {
        let mut peer = Self::open(world, versions, held, fault).await?;
        peer.reach_at(Candidate::host(peer.local(), "udp"))?;
        Ok(peer)
    }

    /// The same, which a TURN server gave an address besides, or instead.
    pub(crate) async fn bind_at(
        server: &TurnServer,
        world: &World,
        versions: DtlsVersions,
        fault: Fault,
    ) -> Result<Self, PeerError> {
        let mut peer = Self::open(world, versions, None, fault).await?;
        let local = peer.local();
        match Allocation::obtain(&*peer.socket, &*world.clock, server).await {
            Ok((allocation, relayed)) => {
                peer.reach_at(Candidate::relayed(relayed, local, "udp"))?;
                peer.allocation = Some(allocation);
            }
            Err(error) if server.is_only_way => return Err(error),
            Err(error) => world.log.line(&format!("webrtc: {error}")),
        }
        if !server.is_only_way {
            peer.reach_at(Candidate::host(local, "udp"))?;
        }
        Ok(peer)
    }

    async fn open(
        world: &World,
        versions: DtlsVersions,
        held: Option<Held>,
        fault: Fault,
    ) -> Result<Self, PeerError> {
        let socket = world.net.bind(0).await?;
        let connection = Connection::new(world.witness.clone(), &fault);
        let version = match versions {
            DtlsVersions::Dtls12 => DtlsVersion::Dtls12,
            DtlsVersions::Dtls13 => DtlsVersion::Dtls13,
            DtlsVersions::Either => DtlsVersion::Auto,
        };
        let mut config = Rtc::builder()
            .set_crypto_provider(Arc::new(Connection::provider()))
            .set_dtls_version(version)
            .set_rtp_mode(true)
            .clear_extension_map()
            .clear_codecs()
            .enable_pcmu(true, false);
        config.codec_config().add_h264(
            payload_type(VIDEO),
            Some(payload_type(VIDEO_AGAIN)),
            true,
            PROFILE_LEVEL,
        );
        if let Some(change) = fault.rtc {
            config = change(config);
        }
        let now = world.clock.instant();
        Ok(Self {
            rtc: connection.with(|| config.build(now)),
            world: world.clone(),
            socket,
            connection,
            transport: None,
            allocation: None,
            batch_to: None,
            outbox: VecDeque::new(),
            happened: VecDeque::new(),
            due: world.clock.unix(),
            lines: Lines::default(),
            held,
            fault,
            unheard: None,
            found: None,
            dtls: DtlsSays::default(),
            counts: Counts::default(),
        })
    }

    /// Its address.
    pub(crate) fn local(&self) -> SocketAddr {
        self.socket.local()
    }

    /// Offers what it is for.
    pub(crate) fn offer(
        &mut self,
        purpose: Purpose,
    ) -> Result<(SdpOffer, SdpPendingOffer), PeerError> {
        let (video, sound) = match purpose {
            Purpose::Call => (Direction::RecvOnly, Direction::SendRecv),
            Purpose::Publish => (Direction::SendOnly, Direction::SendOnly),
            Purpose::Watch => (Direction::RecvOnly, Direction::RecvOnly),
        };
        let mut api = self.rtc.sdp_api();
        let video = api.add_media(MediaKind::Video, video, None, None, None);
        let sound = api.add_media(MediaKind::Audio, sound, None, None, None);
        let offer = api.apply();
        self.lines.video = Some(Line::new(video));
        self.lines.sound = Some(Line::new(sound));
        offer.ok_or_else(|| PeerError::Rtc("nothing to offer".into()))
    }

    /// Takes the answer to its offer.
    pub(crate) fn accept_answer(
        &mut self,
        pending: SdpPendingOffer,
        answer: SdpAnswer,
    ) -> Result<(), PeerError> {
        self.rtc.sdp_api().accept_answer(pending, answer)?;
        self.drain()
    }

    /// Answers an offer.
    pub(crate) fn answer(&mut self, offer: SdpOffer) -> Result<SdpAnswer, PeerError> {
        let answer = self.rtc.sdp_api().accept_offer(offer)?;
        // ICE begins: a TURN server lets in only from where something was sent to.
        self.tick()?;
        Ok(answer)
    }

    /// What happens next. It may be dropped and called again at any time.
    ///
    /// # Errors
    ///
    /// [`PeerError`] if the connection is broken.
    pub(crate) async fn next(&mut self) -> Result<Media, PeerError> {
        loop {
            self.flush().await;
            if let Some(happened) = self.happened.pop_front() {
                return Ok(happened);
            }
            if !self.rtc.is_alive() {
                return Ok(Media::Over);
            }
            let mut datagram = [0; LONGEST];
            tokio::select! {
                biased;
                received = self.socket.recv(&mut datagram) => {
                    // An error of a socket is of one datagram.
                    if let Ok((length, from)) = received {
                        self.take(&datagram[..length], from)?;
                    }
                }
                () = self.world.clock.sleep_until(self.due) => self.tick()?,
            }
        }
    }

    /// Sends RTP packets, of which payloads, sequence numbers, time stamps and
    /// markers count. Those of video are sent again if the other end asks.
    ///
    /// # Errors
    ///
    /// [`PeerError`] if the connection is broken.
    pub(crate) async fn send(&mut self, track: Track, packets: &Packets) -> Result<(), PeerError> {
        let now = self.now();
        for packet in packets.iter() {
            let (Some(line), Some((header, payload))) = (
                self.lines.of(track),
                packet.split_first_chunk::<HEADER_LENGTH>(),
            ) else {
                continue;
            };
            let [_, marker, s0, s1, t0, t1, t2, t3, ..] = *header;
            let sequence = line.extend(u16::from_be_bytes([s0, s1]));
            let time = u32::from_be_bytes([t0, t1, t2, t3]);
            self.write(track, sequence, time, marker & 0x80 != 0, payload, now);
        }
        self.tick()?;
        self.flush().await;
        Ok(())
    }

    /// Sends on what another end received, with the same payloads and markers.
    /// Sequence numbers and time stamps keep their distances for as long as
    /// `source` is the same, and go on from there for the next.
    ///
    /// # Errors
    ///
    /// [`PeerError`] if the connection is broken.
    pub(crate) async fn forward(
        &mut self,
        source: u64,
        packets: &[Packet],
    ) -> Result<(), PeerError> {
        let now = self.now();
        for packet in packets {
            let Some(line) = self.lines.of(packet.track) else {
                continue;
            };
            let Some((sequence, time)) = line.rebase(source, packet) else {
                continue;
            };
            let payload = packet.payload.clone();
            self.write(packet.track, sequence, time, packet.marker, payload, now);
        }
        self.tick()?;
        self.flush().await;
        Ok(())
    }

    /// Sends octets as they are to where ICE found the other end; whether it did.
    /// No honest camera does.
    pub(crate) async fn send_beside(&mut self, octets: Vec<u8>) -> bool {
        let Some(route) = self.found else {
            return false;
        };
        self.post(route, octets);
        self.flush().await;
        true
    }

    /// Sends those octets wherever DTLS would say something.
    pub(crate) fn replace_dtls(&mut self, octets: Vec<u8>) {
        self.dtls = DtlsSays::Only(octets);
    }

    /// Sends nothing of DTLS.
    pub(crate) fn withhold_dtls(&mut self) {
        self.dtls = DtlsSays::Nothing(None);
    }

    /// Sends what DTLS says from the last datagram on that was withheld.
    pub(crate) fn release_dtls(&mut self) {
        let said = std::mem::take(&mut self.dtls);
        if let DtlsSays::Nothing(Some((route, octets))) = said {
            self.post(route, octets);
        }
    }

    /// Asks the other end for a key frame (RFC 4585 6.3.1).
    pub(crate) fn request_key_frame(&mut self) -> Result<(), PeerError> {
        if let Some(line) = &self.lines.video {
            let mid = line.mid;
            let mut api = self.rtc.direct_api();
            if let Some(stream) = api.stream_rx_by_mid(mid, None) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
        self.tick()
    }

    /// Sends a datagram as it is.
    pub(crate) async fn send_datagram(
        &self,
        to: SocketAddr,
        octets: &[u8],
    ) -> Result<(), PeerError> {
        Ok(self.socket.send(to, octets, octets.len()).await?)
    }

    /// Says goodbye to the other end (RFC 3550 6.6, close_notify).
    pub(crate) async fn close(&mut self) {
        // Whoever is gone already needs no goodbye.
        if self.rtc.close().is_ok() && self.drain().is_ok() {
            self.flush().await;
        }
        self.release().await;
        self.rtc.disconnect();
    }

    /// Gives back the address that a TURN server gave to it.
    pub(crate) async fn release(&mut self) {
        let now = self.world.clock.unix();
        if let Some(allocation) = &mut self.allocation {
            allocation.release(now);
            self.flush().await;
            self.allocation = None;
        }
    }

    fn reach_at(&mut self, candidate: Result<Candidate, IceError>) -> Result<(), PeerError> {
        self.rtc
            .add_local_candidate(candidate.map_err(RtcError::from)?);
        Ok(())
    }

    fn now(&self) -> Instant {
        self.world.clock.instant()
    }

    /// What offer and answer agreed on, which is the offerer's choice (RFC 3264
    /// 6.1).
    fn payload_type(&self, track: Track) -> Option<Pt> {
        let codec = match track {
            Track::Video => Codec::H264,
            Track::Sound => Codec::PCMU,
        };
        let mut known = self.rtc.codec_config().iter();
        known
            .find(|known| known.spec().codec == codec)
            .map(|known| known.pt())
    }

    fn write(
        &mut self,
        track: Track,
        sequence: u64,
        time: u32,
        marker: bool,
        payload: impl Into<Arc<[u8]>>,
        now: Instant,
    ) {
        let number = self.payload_type(track);
        let (Some(line), Some(number)) = (self.lines.of(track), number) else {
            return;
        };
        let write = RtpWrite::new(number, sequence.into(), time, now, payload)
            .marker(marker)
            .nackable(track == Track::Video);
        let mid = line.mid;
        let mut api = self.rtc.direct_api();
        if let Some(stream) = api.stream_tx_by_mid(mid, None) {
            stream.write_rtp(write);
        }
    }

    /// Takes a datagram that came to its socket.
    fn take(&mut self, datagram: &[u8], from: SocketAddr) -> Result<(), PeerError> {
        let server = self.allocation.as_mut().filter(|a| a.server() == from);
        let Some(allocation) = server else {
            let local = self.socket.local();
            return self.receive(
                datagram,
                Route {
                    local,
                    remote: from,
                },
            );
        };
        match allocation.take(datagram, self.world.clock.unix()) {
            Some((route, datagram)) => self.receive(&datagram, route),
            None => self.tick(),
        }
    }

    /// Takes a datagram of the other end, or drops and counts it.
    fn receive(&mut self, datagram: &[u8], route: Route) -> Result<(), PeerError> {
        let Some(kind) = Kind::of(datagram) else {
            self.counts.unknown += 1;
            return Ok(());
        };
        let (now, Route { local, remote }) = (self.now(), route);
        let Ok(parsed) = Receive::new(Protocol::Udp, remote, local, datagram) else {
            self.counts.unreadable += 1;
            return Ok(());
        };
        let input = Input::Receive(now, parsed);
        if !self.rtc.accepts(&input) {
            if kind == Kind::Dtls {
                self.unheard = Some((route, datagram.to_vec()));
            }
            self.counts.strangers += 1;
            return Ok(());
        }
        let found = kind == Kind::Stun && self.found.replace(route).is_none();
        if let Some(make) = self.fault.first_datagram.filter(|_| found) {
            self.post(route, make());
        }
        if kind == Kind::Dtls {
            if !matches!(self.dtls, DtlsSays::All) {
                return Ok(());
            }
            if let Some(answer) = self.fault.dtls_hello.and_then(|answer| answer(datagram)) {
                self.post(route, answer);
                return Ok(());
            }
        }
        if kind == Kind::Rtcp && self.transport.is_none() && self.fault.early_request.is_some() {
            self.happened.push_back(Media::WantsKeyFrame);
        }
        if let Kind::Rtp | Kind::Rtcp = kind {
            let Some(opened) = self.unseal(kind, datagram, route) else {
                return Ok(());
            };
            let opened = with_tail(kind, opened);
            let Ok(parsed) = Receive::new(Protocol::Udp, remote, local, &opened) else {
                return Ok(());
            };
            return self.input(Input::Receive(now, parsed));
        }
        self.input(input)?;
        match kind {
            Kind::Stun => self.hear(),
            _ => Ok(()),
        }
    }

    /// Takes a datagram of DTLS from whom ICE knows by now. Whoever begins DTLS is
    /// done with ICE a little sooner, and would say it again only a second later.
    fn hear(&mut self) -> Result<(), PeerError> {
        let Some((route, datagram)) = self.unheard.take() else {
            return Ok(());
        };
        let (now, Route { local, remote }) = (self.now(), route);
        let Ok(parsed) = Receive::new(Protocol::Udp, remote, local, &datagram) else {
            return Ok(());
        };
        let input = Input::Receive(now, parsed);
        if self.rtc.accepts(&input) {
            return self.input(input);
        }
        self.unheard = Some((route, datagram));
        Ok(())
    }

    fn unseal(&mut self, kind: Kind, datagram: &[u8], route: Route) -> Option<Vec<u8>> {
        let Some(transport) = &mut self.transport else {
            self.counts.early += 1;
            return None;
        };
        let opened = match kind {
            Kind::Rtcp => transport.open_rtcp(datagram),
            _ => transport.open(datagram),
        };
        let Ok(opened) = opened else {
            self.counts.refused += 1;
            return None;
        };
        self.counts.opened += 1;
        if let Some(held) = self.held {
            let Route { local, remote } = route;
            self.world.witness.held(held, remote, local, &opened);
        }
        Some(opened)
    }

    fn tick(&mut self) -> Result<(), PeerError> {
        let now = self.now();
        self.rtc.handle_input(Input::Timeout(now))?;
        self.drain()
    }

    /// What one datagram does wrong ends nothing, unless str0m says so.
    fn input(&mut self, input: Input<'_>) -> Result<(), PeerError> {
        if let Err(error) = self.rtc.handle_input(input) {
            if !self.rtc.is_alive() {
                return Err(error.into());
            }
            self.counts.unreadable += 1;
        }
        self.drain()
    }

    /// Takes all that str0m has to say, until it waits.
    fn drain(&mut self) -> Result<(), PeerError> {
        loop {
            let output = self.rtc.poll_output();
            if let Some(keys) = self.connection.take_keys() {
                self.transport = Some(Transport::new(keys, &self.fault)?);
            }
            match output? {
                Output::Timeout(at) => {
                    let wait = at.saturating_duration_since(self.now());
                    let now = self.world.clock.unix();
                    self.due = now + wait.min(LONGEST_SLEEP);
                    self.seal()?;
                    if let Some(due) = self.allocation.as_mut().and_then(|a| a.due(now)) {
                        self.due = self.due.min(due);
                    }
                    return Ok(());
                }
                Output::Transmit(transmit) => self.transmit(&transmit)?,
                Output::Event(event) => self.happen(event),
            }
        }
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), PeerError> {
        let octets = &transmit.contents[..];
        let route = Route {
            local: transmit.source,
            remote: transmit.destination,
        };
        let kind = Kind::of(octets);
        let packet = kind.and_then(|kind| without_tail(kind, octets));
        if self.batch_to.is_some_and(|batch| batch != route) {
            self.seal()?;
        }
        match (kind, packet, &mut self.transport) {
            (Some(kind), Some(packet), Some(transport)) => {
                if let Some(held) = self.held {
                    let Route { local, remote } = route;
                    self.world.witness.held(held, local, remote, packet);
                }
                if kind == Kind::Rtp {
                    transport.push(packet);
                    self.batch_to = Some(route);
                } else {
                    let mut packet = packet.to_vec();
                    transport.seal_rtcp(&mut packet)?;
                    self.post(route, packet);
                }
            }
            (Some(Kind::Dtls), ..) => match &mut self.dtls {
                DtlsSays::All => self.post(route, octets.to_vec()),
                DtlsSays::Nothing(last) => *last = Some((route, octets.to_vec())),
                DtlsSays::Only(instead) => {
                    let instead = instead.clone();
                    self.post(route, instead);
                }
            },
            (Some(Kind::Stun), ..) => {
                self.post(route, octets.to_vec());
            }
            // RTP without keys does not leave.
            _ => {}
        }
        Ok(())
    }

    /// Has one datagram sent.
    fn post(&mut self, route: Route, octets: Vec<u8>) {
        let length = octets.len();
        self.outbox.push_back((route, octets, length));
    }

    /// Seals the RTP packets that wait for it.
    fn seal(&mut self) -> Result<(), PeerError> {
        let (Some(route), Some(transport)) = (self.batch_to.take(), &mut self.transport) else {
            return Ok(());
        };
        for (run, size) in transport.seal()?.runs() {
            self.outbox.push_back((route, run.to_vec(), size));
        }
        transport.clear();
        Ok(())
    }

    fn happen(&mut self, event: Event) {
        let happened = match event {
            Event::Connected => Media::Connected,
            Event::MediaAdded(added) => {
                let line = Some(Line::new(added.mid));
                match added.kind {
                    MediaKind::Video => self.lines.video = line,
                    MediaKind::Audio => self.lines.sound = line,
                }
                return;
            }
            Event::KeyframeRequest(_) => Media::WantsKeyFrame,
            Event::RtpPacket(packet) => {
                let number = Some(packet.header.payload_type);
                let mut tracks = [Track::Video, Track::Sound].into_iter();
                let Some(track) = tracks.find(|track| self.payload_type(*track) == number) else {
                    return;
                };
                Media::Packet(Packet {
                    track,
                    sequence: *packet.seq_no,
                    time: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: packet.payload,
                })
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) | Event::Closed => {
                Media::Over
            }
            _ => return,
        };
        self.happened.push_back(happened);
    }

    /// What is lost here, is lost as on the way.
    async fn flush(&mut self) {
        let (now, local) = (self.world.clock.unix(), self.socket.local());
        while let Some((route, octets, size)) = self.outbox.pop_front() {
            match &mut self.allocation {
                Some(allocation) if route.local != local => {
                    for datagram in octets.chunks(size.max(1)) {
                        allocation.send(route.remote, datagram.to_vec(), now);
                    }
                }
                _ => {
                    let _ = self.socket.send(route.remote, &octets, size).await;
                }
            }
        }
        let Some(allocation) = &mut self.allocation else {
            return;
        };
        let server = allocation.server();
        while let Some(datagram) = allocation.next(now) {
            let _ = self.socket.send(server, &datagram, datagram.len()).await;
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({}, {:?})", self.socket.local(), self.counts)
    }
}
