//! Conversations that are tunnels: what is inside is told of the flows inside.

use crate::{
    dissect::Flow,
    inspect::{Claim, Scene},
};

pub(super) fn recognise(scene: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let Some(tunnel) = scene.traffic.tunnel(flow) else {
        return Vec::new();
    };
    let rest = flow.from_a.parts().count() + flow.from_b.parts().count();
    let reason = format!(
        "{} of {} packets have whole packets inside, from packet {} on, and those are flows of their own",
        tunnel.packets, flow.packets, tunnel.first_packet
    );
    // What else there is, messages that keep it alive or tell of it, is little.
    let claim = match u64::try_from(rest).is_ok_and(|rest| rest <= tunnel.packets) {
        true => Claim::other(tunnel.name, reason),
        false => Claim::unknown(tunnel.name, reason),
    };
    vec![claim]
}
