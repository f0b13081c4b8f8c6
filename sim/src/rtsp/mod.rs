//! RTSP 1.0 (RFC 2326): what server and viewer have in common, and the server.

mod answer;
pub mod carry;
pub mod connection;
pub mod digest;
pub mod key_management;
pub mod mikey;
mod parameter;
mod protection;
mod resource;
pub mod sdp;
mod sender;
pub(crate) mod server;
mod session;
mod setup;
pub mod transport;
mod udp;

pub use resource::{Keying, PRESENTATION, Presentation, Track};
pub use server::{REPORT_INTERVAL, RTP_MTU, SESSION_TIMEOUT};
