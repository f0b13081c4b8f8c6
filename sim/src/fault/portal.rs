//! What can be wrong with the vendor's server, and with what a camera does
//! there.

use hyper::Method;
use serde_json::Value;

use super::{Fault, MakesSrtp, PlayerFault};
use crate::{
    camera::Device,
    relay::{FaultyPort, RelaySettings},
    seal::envelope::Epoch,
    world::World,
};

/// Hooks at fixed points of a relay and of a camera that publishes.
#[derive(Clone, Copy, Debug)]
pub struct PortalFault {
    /// Names a user for a request below `/whep` that shows no good token.
    pub viewer: Option<FindsUser>,
    /// Decides which requests below a camera at `/whip` need no token.
    pub publisher: Option<fn(&Method, &[&str]) -> bool>,
    /// A port on which the relay answers without TLS.
    pub plain_port: Option<u16>,
    /// Makes the id of a session of a number that counts up.
    pub session_id: Option<fn(u64) -> String>,
    /// Changes a part of the page (path, octets).
    pub page: Option<ChangesPart>,
    /// Adds to who watches.
    pub roster: Option<fn(&World, &mut Vec<Value>)>,
    /// Makes who seals SRTP to viewers, in place of the engine.
    pub viewer_leg: Option<MakesSrtp>,
    /// Decides whether the camera wraps keys for a viewer (enrolled, revoked).
    pub wraps_for: Option<fn(bool, bool) -> bool>,
    /// Changes the epochs of the camera's senders as they begin.
    pub epochs: Option<fn(&Device, &mut [Epoch])>,
    /// Adds to what the camera tells the relay of them.
    pub delivers: Option<fn(&[Epoch], &mut Value)>,
    /// The camera publishes in clear for whoever asks for that.
    pub in_clear: bool,
    /// Decides which offers (their query) ask for media in clear.
    pub legacy: Option<fn(&str) -> bool>,
    /// Names the camera of which a path that nobody is told of has pictures.
    pub pictures: Option<FindsCamera>,
    /// A port beside, with pictures of every camera. Users are told of it.
    pub beside: Option<FaultyPort>,
    /// The camera begins in clear, and the relay keeps the first key frame and
    /// sends it to whoever begins to watch.
    pub clear_start: bool,
    /// What viewers play that they should refuse.
    pub player: Option<PlayerFault>,
}

/// Names a camera by its serial number (settings, path).
pub type FindsCamera = fn(&RelaySettings, &str) -> Option<String>;

/// Names the user for whom a request is answered (settings, method, parts of
/// the path).
pub type FindsUser = fn(&RelaySettings, &Method, &[&str]) -> Option<String>;

/// Changes a part of the page (path, octets).
pub type ChangesPart = fn(&str, &[u8]) -> Vec<u8>;

impl PortalFault {
    /// An honest one.
    pub const NONE: Self = Self {
        viewer: None,
        publisher: None,
        plain_port: None,
        session_id: None,
        page: None,
        roster: None,
        viewer_leg: None,
        wraps_for: None,
        epochs: None,
        delivers: None,
        in_clear: false,
        legacy: None,
        pictures: None,
        beside: None,
        clear_start: false,
        player: None,
    };

    /// What is wrong with a connection for media.
    pub(crate) fn leg(&self, is_viewers: bool) -> Fault {
        Fault {
            srtp: self.viewer_leg.filter(|_| is_viewers),
            ..Fault::NONE
        }
    }
}
