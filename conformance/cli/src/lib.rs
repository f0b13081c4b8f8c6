//! lightleak finds the picture that leaks out of a camera: it simulates
//! cameras, listens where an attacker would, and has a judge look at what was
//! heard. This crate knows both sides; the judge does not know the cameras.

#![forbid(unsafe_code)]

pub mod bundle;
pub mod command;
pub mod declare;
pub mod decoder;
pub mod disk;
pub mod log;
pub mod net;
pub mod page;
pub mod stimulus;
pub mod target;
