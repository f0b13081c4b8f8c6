//! The engine of SRTP against implementations that are not ours, both ways.

mod libsrtp;
mod peer;
mod plan;
mod webrtc;
