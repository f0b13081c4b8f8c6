//! Networks for cameras and their visitors: simulated and real, and the tap.

pub mod memory;
pub mod os;
pub mod record;
