//! The encryption pipeline. There is no off switch in here: a camera that
//! sends in clear does so through a [`crate::fault::Fault`].

pub mod keys;
pub mod tls;
