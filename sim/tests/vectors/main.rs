//! Published known answers, and of each a twin with one thing wrong, which is
//! refused.

mod age;
mod libraries;
mod srtp;
mod wycheproof;
