//! What can be put before the judge.

pub mod sim;
