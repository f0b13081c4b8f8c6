//! An allocation (RFC 8656 3.2): an address on a TURN server, by which an end is
//! reached that can't be reached itself. The server passes on what it can't read.

use std::{collections::VecDeque, fmt, net::SocketAddr, time::Duration};

use turn_client_proto::{
    api::{TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet},
    prelude::{DelayedTransmitBuild, TurnClientApi},
    stun::{Instant, agent::Transmit},
    types::{AddressFamily, TransportType, TurnCredentials},
    udp::TurnClientUdp,
};

use super::{
    event::PeerError,
    transport::{Kind, Route},
};
use crate::{
    rtsp::digest::Credentials,
    world::{Clock, Datagrams},
};

/// How long a server may take: it is asked again after half a second, and somebody
/// waits for a picture.
const TIMEOUT: Duration = Duration::from_secs(3);
/// More than a datagram of a server has that gives an address or says why not.
const LONGEST: usize = 2048;
/// How many datagrams wait for the server's permission to send to their address:
/// more than ICE sends in the time that this takes.
const MOST_WAITING: usize = 32;

/// A TURN server over UDP.
#[derive(Clone, Debug)]
pub struct TurnServer {
    /// Its address.
    pub address: SocketAddr,
    /// A long-term credential there (RFC 8489 9.2).
    pub credentials: Credentials,
    /// Whether it is the only way to the camera, as with the policy `relay` of a
    /// browser (W3C WebRTC 4.2.5): the camera tells nobody its own address.
    pub is_only_way: bool,
}

/// An allocation, without I/O: datagrams to the server come out of [`next`](Self::next).
pub(super) struct Allocation {
    client: TurnClientUdp,
    state: State,
    outbox: VecDeque<Vec<u8>>,
    /// What waits for a permission, and where it is for.
    waiting: VecDeque<(SocketAddr, Vec<u8>)>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The server has not answered.
    Asked,
    /// It has given this address.
    Given(SocketAddr),
    /// It gives none.
    Refused,
}

impl Allocation {
    /// Asks a server for an address, from that one.
    fn request(local: SocketAddr, server: &TurnServer) -> Self {
        let Credentials { user, password } = &server.credentials;
        let credentials = TurnCredentials::new(user, password.expose());
        let mut config = TurnConfig::new(credentials);
        // What reaches the server reaches what is like it.
        config.set_address_family(match server.address {
            SocketAddr::V4(_) => AddressFamily::IPV4,
            SocketAddr::V6(_) => AddressFamily::IPV6,
        });
        Self {
            client: TurnClientUdp::allocate(local, server.address, config),
            state: State::Asked,
            outbox: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Waits for the address that a server gives to that socket.
    ///
    /// # Errors
    ///
    /// [`PeerError::Turn`] if it gives none.
    pub(super) async fn obtain(
        socket: &dyn Datagrams,
        clock: &dyn Clock,
        server: &TurnServer,
    ) -> Result<(Self, SocketAddr), PeerError> {
        let mut allocation = Self::request(socket.local(), server);
        let deadline = clock.unix() + TIMEOUT;
        loop {
            let now = clock.unix();
            let due = allocation.due(now).unwrap_or(deadline);
            while let Some(datagram) = allocation.next(now) {
                let size = datagram.len();
                socket.send(server.address, &datagram, size).await?;
            }
            match allocation.state {
                State::Given(relayed) => return Ok((allocation, relayed)),
                State::Asked if now < deadline => {}
                State::Asked | State::Refused => return Err(PeerError::Turn(server.address)),
            }
            let mut datagram = [0; LONGEST];
            tokio::select! {
                biased;
                received = socket.recv(&mut datagram) => match received {
                    Ok((length, from)) if from == server.address => {
                        allocation.take(&datagram[..length], clock.unix());
                    }
                    // Of somebody else, or an error, which is of one datagram.
                    _ => {}
                },
                () = clock.sleep_until(due.min(deadline)) => {}
            }
        }
    }

    /// The server.
    pub(super) fn server(&self) -> SocketAddr {
        self.client.remote_addr()
    }

    /// Takes a datagram of the server: what somebody sent to the allocated address,
    /// if it is not of TURN itself.
    pub(super) fn take(&mut self, datagram: &[u8], now: Duration) -> Option<(Route, Vec<u8>)> {
        let (server, local) = (self.server(), self.client.local_addr());
        let transmit = Transmit::new(datagram, TransportType::Udp, server, local);
        let taken = match self.client.recv(transmit, instant(now)) {
            TurnRecvRet::PeerData(data) => Some((data.peer, data.data().to_vec())),
            _ => None,
        };
        self.happen(now);
        match (taken, self.state) {
            (Some((remote, datagram)), State::Given(local)) => {
                Some((Route { local, remote }, datagram))
            }
            _ => None,
        }
    }

    /// Has a datagram sent from the allocated address.
    pub(super) fn send(&mut self, to: SocketAddr, octets: Vec<u8>, now: Duration) {
        let udp = TransportType::Udp;
        if !self.client.have_permission(udp, to.ip()) {
            // One that is asked for already is an error, and no other is to be expected.
            let _ = self.client.create_permission(udp, to.ip(), instant(now));
            if self.waiting.len() < MOST_WAITING {
                self.waiting.push_back((to, octets));
            }
            return;
        }
        // Where more than ICE is sent, 4 octets around it do instead of 36 (RFC 8656 12).
        if Kind::of(&octets) != Some(Kind::Stun) {
            let _ = self.client.bind_channel(udp, to, instant(now));
        }
        if let Ok(Some(transmit)) = self.client.send_to(udp, to, octets, instant(now)) {
            self.outbox.push_back(transmit.data.build());
        }
    }

    /// Gives the address back.
    pub(super) fn release(&mut self, now: Duration) {
        // Without an address there is nothing to give.
        let _ = self.client.delete(instant(now));
    }

    /// The next datagram to the server.
    pub(super) fn next(&mut self, now: Duration) -> Option<Vec<u8>> {
        let asked = self.client.poll_transmit(instant(now));
        asked
            .map(|transmit| transmit.data.to_vec())
            .or_else(|| self.outbox.pop_front())
    }

    /// When it wants to be asked for the next datagram again: requests that were
    /// not answered, and what would expire.
    pub(super) fn due(&mut self, now: Duration) -> Option<Duration> {
        let due = match self.client.poll(instant(now)) {
            TurnPollRet::WaitUntil(at) => Some(now + at.saturating_duration_since(instant(now))),
            _ => None,
        };
        self.happen(now);
        due
    }

    fn happen(&mut self, now: Duration) {
        while let Some(event) = self.client.poll_event() {
            match event {
                TurnEvent::AllocationCreated(_, address) => self.state = State::Given(address),
                TurnEvent::AllocationCreateFailed(_) => self.state = State::Refused,
                TurnEvent::PermissionCreated(_, address) => {
                    for (to, octets) in std::mem::take(&mut self.waiting) {
                        match to.ip() == address {
                            true => self.send(to, octets, now),
                            false => self.waiting.push_back((to, octets)),
                        }
                    }
                }
                TurnEvent::PermissionCreateFailed(_, address) => {
                    self.waiting.retain(|(to, _)| to.ip() != address);
                }
                _ => {}
            }
        }
    }
}

impl fmt::Debug for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Allocation({:?} at {})", self.state, self.server())
    }
}

/// The time as the library has it. It compares times only.
fn instant(now: Duration) -> Instant {
    Instant::from_nanos(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
}
