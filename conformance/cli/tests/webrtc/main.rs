//! The paths `app.webrtc` and `portal.webrtc`, on a network in memory.

mod attack;
mod keys;
mod media;
#[path = "../portal/mod.rs"]
mod portal;
mod signalling;
mod site;
mod turn;
mod wire;
