//! The SRTP engine from outside: its own receiver opens what its sender seals,
//! and nothing else.

mod batch;
mod counters;
mod cryptex;
mod hostile;
mod keys;
mod support;
