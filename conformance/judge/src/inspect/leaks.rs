//! What recognisers prove to be media in clear in some traffic, each with what
//! plays of it: what the judge asks, who has the traffic already.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{
    decoder::{Decoder, DecoderError, Picture, Sound},
    dissect::Traffic,
    parallel::in_parallel,
};

use super::{
    Claim, Label, Limits, Scene, Standing,
    recognise::{self, IN_A_FLOW},
    show,
};

/// How often the decoder may fail; each time can take as long as it is given.
const MAX_FAILURES: usize = 4;

/// Media in clear.
#[derive(Debug)]
pub(crate) struct Leak {
    /// Index into [`Traffic::flows`].
    pub(crate) flow: usize,
    /// What was claimed and shown; its media are gone.
    pub(crate) claim: Claim,
    /// Pictures that were decoded.
    pub(crate) frames: usize,
    /// The first of them.
    pub(crate) pictures: Vec<Picture>,
    /// Sound that was decoded.
    pub(crate) sounds: Vec<Sound>,
}

/// Every leak, but for what is not `wanted` (flow, claim), and what the decoder could
/// not look at. No secrets are used but those that the traffic itself tells.
pub(crate) fn leaks(
    traffic: &Traffic,
    wanted: impl Fn(usize, &Claim) -> bool + Sync,
    decoder: &dyn Decoder,
    limits: Limits,
) -> (Vec<Leak>, Vec<DecoderError>) {
    let scene = Scene::new(traffic);
    let across = recognise::across(&scene);
    let failed = AtomicUsize::new(0);
    let found = in_parallel(traffic.flows.len(), |index| {
        let flow = &traffic.flows[index];
        let (mut leaks, mut failures) = (Vec::new(), Vec::new());
        if flow.from_a.bytes.is_empty() && flow.from_b.bytes.is_empty() {
            return (leaks, failures);
        }
        let mut claims: Vec<_> = IN_A_FLOW.iter().flat_map(|r| r(&scene, flow)).collect();
        claims.extend(across.take(index));
        let may_leak = |claim: &Claim| matches!(claim.standing, Standing::Clear { .. });
        for claim in claims.into_iter().filter(may_leak) {
            if !wanted(index, &claim) || failed.load(Ordering::Relaxed) >= MAX_FAILURES {
                continue;
            }
            let before = failures.len();
            let shown = show::show(vec![claim], decoder, limits, &mut failures);
            failed.fetch_add(failures.len() - before, Ordering::Relaxed);
            let claim = shown.claims.into_iter().next();
            if let Some(claim) = claim.filter(|claim| claim.label() == Label::Leak) {
                leaks.push(Leak {
                    flow: index,
                    claim,
                    frames: shown.frames,
                    pictures: shown.pictures,
                    sounds: shown.sounds,
                });
            }
        }
        (leaks, failures)
    });
    let (leaks, failures): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    (
        leaks.into_iter().flatten().collect(),
        failures.into_iter().flatten().collect(),
    )
}
