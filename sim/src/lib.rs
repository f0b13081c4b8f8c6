//! Simulated security cameras: synthetic H.264 through a real encryption
//! pipeline. A camera reaches the outside only through the [`world::World`]
//! that it is handed.

#![forbid(unsafe_code)]
#![forbid(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::print_stdout
)]

mod access;
pub mod camera;
pub mod claim;
mod delivery;
pub mod factory;
pub mod fault;
pub mod film;
pub mod g711;
pub mod h264;
mod hex;
mod http;
pub mod live;
pub mod neighbour;
mod offer;
pub mod path;
pub mod portal;
pub mod record;
pub mod relay;
pub mod rtmp;
pub mod rtp;
pub mod rtsp;
pub mod scene;
pub mod seal;
mod seeded;
mod server;
pub mod signalling;
pub mod sound;
pub mod viewer;
pub mod webrtc;
pub mod world;
