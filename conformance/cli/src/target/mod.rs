//! What can be put before the judge.

mod notes;
pub mod plan;
mod seeded;
pub mod shim;
pub mod sim;
mod site;

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

pub use notes::Notes;

/// Addresses of TEST-NET-1 (RFC 5737): the device, and who visits it.
const CAMERA: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
const VISITOR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 20));

/// How long a camera is on before anybody comes.
const WARM_UP: Duration = Duration::from_millis(500);
