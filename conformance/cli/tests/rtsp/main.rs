//! The camera's paths of RTSPS as their clients meet them, over the network in memory:
//! virtual time, nothing of the machine.

mod dialogue;
mod hostile;
mod media;
mod parameter;
mod pause;
mod site;
mod sound;
mod srtp;
mod srtp_feedback;
mod srtp_keys;
mod srtp_stimuli;
mod sub;
mod time;
mod tls;
