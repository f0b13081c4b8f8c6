//! The path `app.webrtc`, on a network in memory.

mod attack;
mod keys;
mod media;
mod signalling;
mod site;
mod wire;
