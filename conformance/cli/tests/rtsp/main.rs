//! The camera's RTSPS path as its clients meet it, over the network in memory:
//! virtual time, nothing of the machine.

mod dialogue;
mod hostile;
mod media;
mod parameter;
mod pause;
mod site;
mod sound;
mod sub;
mod time;
mod tls;
