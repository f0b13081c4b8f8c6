//! What can be wrong with a camera: hooks, all empty in an honest one, and
//! the list of mutants and decoys that use them.

pub mod clear_copy;
pub mod clear_rtsp;
pub mod clear_udp;
pub mod client_hello;
pub mod decoys;
pub mod mutants;
pub mod raw_video;

use rtsp_types::Method;

use crate::{path::Listen, rtsp::transport::Transport};

pub use decoys::{DECOYS, Decoy, Surroundings};
pub use mutants::Mutant;

/// Hooks at fixed points of a camera.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Adds ports that nobody is told of.
    pub listeners: Option<fn(&mut Vec<Listen>)>,
    /// Decides which RTSP methods demand credentials.
    pub demands_credentials: Option<fn(&Method) -> bool>,
    /// Decides which transports SETUP accepts.
    pub accepts_transport: Option<fn(&Transport) -> bool>,
    /// Sees a ClientHello record before the TLS stack does; what it returns is
    /// the answer, and the stack sees nothing.
    pub client_hello: Option<client_hello::Answer>,
    /// Octets that are written to the TCP connection itself, beside the TLS
    /// session on it.
    pub beneath_tls: Option<fn() -> Vec<u8>>,
    /// Sends a copy of every access unit somewhere.
    pub copy: Option<clear_copy::FaultyClearCopy>,
}

impl Fault {
    /// An honest camera.
    pub const NONE: Self = Self {
        listeners: None,
        demands_credentials: None,
        accepts_transport: None,
        client_hello: None,
        beneath_tls: None,
        copy: None,
    };
}
