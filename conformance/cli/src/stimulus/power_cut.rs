//! `power-cut`: the camera loses power while it writes, anywhere in a clip.
//! The owner reads what is left.

use std::time::Duration;

use super::{Diary, Stimulus};

/// How long the camera records before.
const BEFORE: Duration = Duration::from_secs(12);

/// Of the octets that come next, the power goes before one of these.
const SPAN: u32 = 300_000;

/// How long it takes to write so many at any rate.
const AFTER: Duration = Duration::from_secs(10);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "power-cut",
    title: "the power is cut while a clip is written; the owner reads the card",
    network: None,
    card: Some(|visit| {
        Box::pin(async move {
            let mut diary = Diary::default();
            let clock = &visit.world.clock;
            clock.sleep_until(clock.unix() + BEFORE).await;
            let mut chance = [0; 4];
            visit.world.entropy.fill(&mut chance);
            let octets = u32::from_be_bytes(chance) % SPAN;
            visit.card.cut_power_after(octets as usize);
            diary.note(format!("power is cut {octets} octets later"));
            clock.sleep_until(clock.unix() + AFTER).await;
            diary.read_card(&visit)
        })
    }),
};
