//! RTSP 1.0 (RFC 2326): what server and viewer have in common, and the server.

pub mod connection;
pub mod digest;
pub mod sdp;
pub mod server;
pub mod transport;
