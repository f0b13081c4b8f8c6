//! The camera's RTSPS path as its clients meet it, over the network in memory:
//! virtual time, nothing of the machine.

mod dialogue;
mod hostile;
mod media;
mod site;
mod time;
mod tls;
