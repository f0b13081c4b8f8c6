//! Clients. They take addresses, credentials and a [`crate::world::Net`],
//! never a camera.

pub mod portal;
pub mod recording;
pub mod rtsp;
pub mod srtp;
pub mod webrtc;
