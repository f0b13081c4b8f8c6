//! The SFrame engine from outside: its own receiver and another implementation
//! open what its sender seals, and nothing else.

mod batch;
mod carriage;
mod counters;
mod hostile;
mod interop;
mod keys;
mod support;
