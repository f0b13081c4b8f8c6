//! RTSP 1.0 (RFC 2326): what server and viewer have in common, and the server.

pub mod carry;
pub mod connection;
pub mod digest;
pub mod key_management;
pub mod mikey;
mod parameter;
mod resource;
pub mod sdp;
pub(crate) mod server;
mod session;
pub mod transport;

pub use resource::{PRESENTATION, Presentation, Track};
pub use server::{REPORT_INTERVAL, RTP_MTU, SESSION_TIMEOUT};
