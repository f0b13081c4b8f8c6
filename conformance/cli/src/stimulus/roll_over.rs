//! `roll-over`: a viewer watches SRTP while sequence numbers wrap. The simulated
//! camera begins shortly before.

use super::{Stimulus, srtp};

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "roll-over",
    title: "a viewer watches while the sequence numbers of SRTP wrap, in counter mode and in Galois/counter mode",
    first_sequence: Some(65_500),
    srtp: Some(|visit| Box::pin(srtp::watch_wraps(visit))),
    ..Stimulus::NOTHING
};
