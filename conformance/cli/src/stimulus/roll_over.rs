//! `roll-over`: a viewer watches SRTP while sequence numbers wrap. The simulated
//! camera begins shortly before.

use lightleak_sim::seal::srtp::{Begin, Counters};

use super::{Stimulus, srtp};

/// Where streams of a simulated camera begin.
pub(super) const BEGIN: Begin = Begin {
    sequence: 65_500,
    counters: Counters {
        roc: 0,
        rtcp_index: 0,
    },
};

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "roll-over",
    title: "a viewer watches while the sequence numbers of SRTP wrap, in counter mode and in Galois/counter mode",
    begin: Some(BEGIN),
    srtp: Some(|visit| Box::pin(srtp::watch_wraps(visit))),
    ..Stimulus::NOTHING
};
