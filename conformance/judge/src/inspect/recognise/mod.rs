//! Who recognises what: one file per protocol or family.

mod footage;
mod plain;
mod rtsp;
mod tls;

use crate::dissect::Flow;

use super::{Claim, Scene};

pub(super) use footage::footage;

/// What a recogniser does: says what it recognises in a flow.
pub type InAFlow = fn(&Scene<'_>, &Flow) -> Vec<Claim>;
/// What one does that has to look at several flows together: says of which flow,
/// by its index, it claims what.
pub type AcrossFlows = fn(&Scene<'_>) -> Vec<(usize, Claim)>;

/// Those that look at one flow. Of several claims with one label the first is told.
pub const IN_A_FLOW: &[InAFlow] = &[rtsp::recognise, tls::recognise, plain::recognise];

/// Those that look at all of them.
pub const ACROSS_FLOWS: &[AcrossFlows] = &[];
