//! What the claims of a flow come to.

use crate::{
    dissect::{Flow, FlowState},
    mark,
};

use super::{Inspected, Label, Standing, show::Shown};

/// Kinds of ciphers that were seen to be used wrongly, whatever lies beneath.
const BROKEN: [&str; 4] = ["ecb", "ecb?", "two-time-pad", "two-time-pad?"];

/// What was learned from a flow, as far as it was looked at.
#[derive(Clone, Debug)]
pub(super) struct Conclusion {
    pub(super) inspected: Inspected,
    /// Whether somebody recognised something in it.
    pub(super) claimed: bool,
    /// Whether what it is, is all of it.
    pub(super) is_whole: bool,
}

/// What the claims of a flow come to: a leak that was shown, before what is sealed,
/// before what nobody can tell, before what is no media.
pub(super) fn conclude(flow: &Flow, shown: Shown) -> Conclusion {
    let Shown {
        claims,
        frames,
        pictures,
        unplayed,
        sounds,
    } = shown;
    // Whose cipher shows what lies beneath, that is not sealed.
    let broken = claims.iter().any(|claim| is_broken(&claim.kind));
    let first = |label: Label| {
        let mut claims = claims.iter();
        claims.find(|claim| claim.label() == label && !(broken && label == Label::Sealed))
    };
    let order = [
        Label::Leak,
        Label::Sealed,
        Label::Undetermined,
        Label::Other,
    ];
    let claim = order.into_iter().find_map(first);
    let (label, kind, mut reason) = match claim {
        Some(claim) => (claim.label(), claim.kind.clone(), claim.reason.clone()),
        None => unclaimed(flow),
    };
    // One that is clear first and sealed later, or the other way round.
    if label == Label::Leak
        && let Some(sealed) = first(Label::Sealed)
    {
        reason = format!("{reason}; besides, {}: {}", sealed.kind, sealed.reason);
    }
    let weak = claim.and_then(|claim| match &claim.standing {
        Standing::Sealed { weak } => weak.clone(),
        _ => None,
    });
    let pictures = pictures.into_iter().map(|picture| {
        let mark = mark::read(&picture);
        (picture, mark)
    });
    let inspected = Inspected {
        transport: flow.transport,
        a: flow.a,
        b: flow.b,
        packets: flow.packets,
        bytes: flow.octets(),
        label,
        kind,
        weak,
        reason,
        place: claim.and_then(|claim| claim.place),
        frames_decoded: frames,
        pictures: pictures.collect(),
        unplayed,
        sounds,
    };
    Conclusion {
        inspected,
        claimed: claim.is_some(),
        is_whole: claim.is_some_and(|claim| claim.is_whole),
    }
}

fn unclaimed(flow: &Flow) -> (Label, String, String) {
    let is_empty = flow.from_a.bytes.is_empty() && flow.from_b.bytes.is_empty();
    match (is_empty, flow.state) {
        (true, FlowState::Unanswered | FlowState::Refused) => (
            Label::Other,
            "tcp".into(),
            "nobody answered who would talk".into(),
        ),
        (true, _) => (
            Label::Other,
            "empty".into(),
            "no octet of payload was captured".into(),
        ),
        (false, _) => (
            Label::Undetermined,
            "data".into(),
            "no protocol, no codec and no handshake was recognised in it".into(),
        ),
    }
}

impl Conclusion {
    /// What it comes to with what was learned later from more of the flow.
    pub(super) fn and_then(self, later: Self) -> Self {
        let is_whole = later.is_whole;
        let (earlier, claimed) = (self.inspected, self.claimed || later.claimed);
        let is_worse = rank(&later.inspected, later.claimed) < rank(&earlier, self.claimed);
        let (mut is, was) = match is_worse {
            true => (later.inspected, earlier),
            false => {
                let mut is = earlier;
                (is.packets, is.bytes) = (later.inspected.packets, later.inspected.bytes);
                (is, later.inspected)
            }
        };
        // One that is clear first and sealed later, or the other way round.
        if is.label == Label::Leak && was.label == Label::Sealed && !is.reason.contains("; besides")
        {
            is.reason = format!("{}; besides, {}: {}", is.reason, was.kind, was.reason);
        }
        // Some may have been looked at twice: at least so many.
        is.frames_decoded = is.frames_decoded.max(was.frames_decoded);
        is.pictures.extend(was.pictures);
        is.unplayed.extend(was.unplayed);
        is.sounds.extend(was.sounds);
        Self {
            inspected: is,
            claimed,
            is_whole,
        }
    }
}

/// What decides comes first.
fn rank(inspected: &Inspected, claimed: bool) -> (bool, u8) {
    let rank = match inspected.label {
        Label::Leak => 0,
        _ if claimed && is_refuted(&inspected.kind) => 1,
        Label::Sealed => 2,
        Label::Undetermined => 3,
        Label::Other => 4,
    };
    (!claimed, rank)
}

/// Kinds that speak against what looks sealed elsewhere in a flow.
fn is_refuted(kind: &str) -> bool {
    const NOT_SEALED: [&str; 5] = ["tls?", "tls-null", "dtls?", "dtls-null", "dtls-srtp-null"];
    is_broken(kind) || NOT_SEALED.contains(&kind)
}

fn is_broken(kind: &str) -> bool {
    BROKEN.contains(&kind)
}
