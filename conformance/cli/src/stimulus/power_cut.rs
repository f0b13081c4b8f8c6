//! `power-cut`: the camera loses power while it writes, anywhere in a clip.
//! The owner reads what is left.

use std::time::Duration;

use lightleak_sim::world::World;

use super::{Diary, Stimulus};
use crate::disk::MemoryDisk;

/// How long the camera records before.
const BEFORE: Duration = Duration::from_secs(12);

/// Of the octets that come next, the power goes before one of these.
const SPAN: u32 = 200_000;

/// How long it takes to write so many at the rate of the default camera.
const AFTER: Duration = Duration::from_secs(5);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "power-cut",
    title: "the power is cut while a clip is written; the owner reads the card",
    network: None,
    srtp: None,
    card: Some(|visit| {
        Box::pin(async move {
            let mut diary = Diary::default();
            let octets = cut(&visit.world, &visit.card, SPAN).await;
            diary.note(format!("power is cut {octets} octets later"));
            let clock = &visit.world.clock;
            clock.sleep_until(clock.unix() + AFTER).await;
            diary.read_card(&visit)
        })
    }),
};

/// Waits, then cuts the power before one of the next `span` octets that are
/// written. Says before which.
pub(crate) async fn cut(world: &World, card: &MemoryDisk, span: u32) -> u32 {
    world.clock.sleep_until(world.clock.unix() + BEFORE).await;
    let mut chance = [0; 4];
    world.entropy.fill(&mut chance);
    let octets = u32::from_be_bytes(chance) % span.max(1);
    card.cut_power_after(octets as usize);
    octets
}
