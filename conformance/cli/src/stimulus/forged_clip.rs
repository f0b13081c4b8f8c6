//! `forged-clip`: somebody who knows the owner's public recipient puts a clip of
//! another camera on the card while the camera records. The owner reads what is
//! there then.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    h264::Encoder,
    record::{CLIP_PREFIX, mp4},
    scene::{Scene, SceneConfig},
    seal::recording::{ClipFile, ClipWriter},
};

use super::{CardVisit, Diary, Stimulus};
use crate::target::sim::SUB_VIDEO;

/// How long the camera records before.
const BEFORE: Duration = Duration::from_secs(3);

/// And after: past the end of a clip.
const AFTER: Duration = Duration::from_secs(10);

/// How many pictures the forged clip has.
const PICTURES: u32 = 20;

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "forged-clip",
    title: "somebody puts a clip of another camera on the card, sealed to the owner; the owner reads the card",
    network: None,
    srtp: None,
    card: Some(|visit| Box::pin(forge(visit))),
};

async fn forge(visit: CardVisit) -> Experience {
    let mut diary = Diary::default();
    let clock = &visit.world.clock;
    clock.sleep_until(clock.unix() + BEFORE).await;
    match put_clip(&visit) {
        Ok(name) => diary.note(format!("{name}: put there by somebody else")),
        Err(error) => diary.note(format!("forge a clip: failed to {error}")),
    }
    clock.sleep_until(clock.unix() + AFTER).await;
    diary.read_card(&visit)
}

/// Puts it there, and says how it is called: as one that begins now would be.
fn put_clip(visit: &CardVisit) -> Result<String, Box<dyn std::error::Error>> {
    let now = visit.world.clock.unix();
    let name = format!("{CLIP_PREFIX}{}.mp4.age", now.as_millis());
    let mut chance = [0; 14];
    visit.world.entropy.fill(&mut chance);
    let [a, b, c, d, e, f, g, h, rest @ ..] = chance;
    let [unit_high, unit_low, nonce @ ..] = rest;
    let seed = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let mut scene = Scene::new(SceneConfig {
        seed,
        width: SUB_VIDEO.width,
        height: SUB_VIDEO.height,
        frames_per_second: SUB_VIDEO.frames_per_second,
        name: "SOMEWHERE ELSE".into(),
        unit: u16::from_be_bytes([unit_high, unit_low]),
        nonce: u32::from_be_bytes(nonce),
    })?;
    let mut encoder = Encoder::new(SUB_VIDEO, seed)?;
    let mut contents = mp4::Contents::default();
    for number in 0..PICTURES {
        let taken = now + Duration::from_secs(number.into()) / SUB_VIDEO.frames_per_second;
        let unit = encoder.encode(scene.draw(number, taken), number, taken)?;
        let ticks = mp4::TIMESCALE / SUB_VIDEO.frames_per_second;
        contents.video.push((unit.into(), ticks));
    }
    let owner = visit.owner.identity.recipient();
    let mut file = Box::new(ClipWriter::create(visit.card.clone(), &name, &owner)?);
    if let Some((first, _)) = contents.video.first() {
        file.write(&mp4::head(&SUB_VIDEO, first)?)?;
    }
    file.write(&mp4::fragment(1, &contents)?)?;
    file.finish()?;
    Ok(name)
}
