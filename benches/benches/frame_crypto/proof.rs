//! Nobody is timed who was not proven: what a contender seals is opened to what it
//! was, by itself and by ours (and what ours seals by it), and with one bit flipped
//! it is refused.

use lightleak_peer::{Side, Units};

use crate::{
    contender::{Contender, Engine, Kind},
    limit::MEMCPY,
    ours,
    scenario::Scenario,
};

/// A contender that was proven, and the frames that it seals or opens.
pub struct Proven {
    /// Its engine.
    pub engine: Box<dyn Engine>,
    /// Its frames.
    pub frames: Vec<Units>,
}

/// Proves a contender; `None` if it does not have the suite or the side.
///
/// # Panics
///
/// If it does not do what it should.
pub fn prove(
    contender: &Contender,
    scenario: &Scenario,
    side: Side,
    plain: &[Units],
) -> Option<Proven> {
    let name = &contender.name;
    let mut sealer = (contender.engine)(scenario, Side::Seal)?;
    let sealed = results(&mut *sealer, plain);
    let sealed = sealed.unwrap_or_else(|| panic!("{name} does not seal {}", scenario.suite));
    if name == MEMCPY {
        assert!(same(&sealed, plain), "{name} does not copy");
        return Some(Proven {
            engine: sealer,
            frames: plain.to_vec(),
        });
    }
    let has_sealed = |(sealed, plain): (&Units, &Units)| {
        let mut pairs = sealed.iter().zip(plain.iter());
        pairs.all(|(sealed, plain)| sealed.len() > plain.len() && !contains(sealed, plain))
    };
    assert!(
        sealed.iter().zip(plain).all(has_sealed),
        "{name} leaves {} clear",
        scenario.suite
    );

    let mut opener = (contender.engine)(scenario, Side::Open);
    if let Some(opener) = &mut opener {
        check(&mut **opener, &sealed, plain, name, scenario);
    }
    if contender.kind == Kind::Peer {
        let mut ours_opens = ours::engine(scenario, Side::Open)?;
        check(&mut *ours_opens, &sealed, plain, name, scenario);
        if let Some(opener) = &mut opener {
            let mut ours_seals = ours::engine(scenario, Side::Seal)?;
            let sealed = results(&mut *ours_seals, plain)?;
            check(&mut **opener, &sealed, plain, name, scenario);
        }
    }
    match side {
        Side::Seal => Some(Proven {
            engine: sealer,
            frames: plain.to_vec(),
        }),
        Side::Open => Some(Proven {
            engine: opener?,
            frames: with_room(&sealed),
        }),
    }
}

/// Checks that the sealed frames are opened to the plain ones, and refused with a
/// bit flipped in the first, the middle or the last octet of the last unit.
fn check(
    opener: &mut dyn Engine,
    sealed: &[Units],
    plain: &[Units],
    name: &str,
    scenario: &Scenario,
) {
    let suite = scenario.suite;
    let sealed = with_room(sealed);
    let opened = results(opener, &sealed);
    let opened = opened.unwrap_or_else(|| panic!("{suite} of {name} is refused"));
    assert!(
        same(&opened, plain),
        "{suite} of {name} opens to something else"
    );
    let slot = *sealed
        .last()
        .and_then(|frame| frame.slots.last())
        .expect("there are units");
    // Behind what a peer reads before it checks anything.
    for at in [slot.start + 20, (slot.start + slot.end) / 2, slot.end - 1] {
        let mut flipped = sealed.clone();
        flipped.last_mut().expect("there are frames").bytes[at] ^= 1;
        assert!(
            results(opener, &flipped).is_none(),
            "{suite} of {name} opens though it was changed"
        );
    }
}

/// What an engine makes of the frames; `None` if it refuses.
fn results(engine: &mut dyn Engine, frames: &[Units]) -> Option<Vec<Units>> {
    engine.renew(frames, true);
    engine.process(0..frames.len()).then(|| engine.results())
}

/// Whether the units are the same, but for header extensions with nothing in them.
fn same(these: &[Units], those: &[Units]) -> bool {
    let plain = |frames: &[Units]| -> Vec<Vec<u8>> {
        let units = frames.iter().flat_map(|frame| frame.iter());
        units.map(without_empty_extension).collect()
    };
    plain(these) == plain(those)
}

fn without_empty_extension(packet: &[u8]) -> Vec<u8> {
    match packet {
        [first @ 0x90, header @ ..] if header.get(11..15) == Some(&[0xbe, 0xde, 0, 0]) => {
            [&[first & !0x10], &header[..11], &header[15..]].concat()
        }
        _ => packet.to_vec(),
    }
}

/// Whether the middle of the plain unit is anywhere in the other one.
fn contains(sealed: &[u8], plain: &[u8]) -> bool {
    let middle = plain.len() / 2;
    let piece = &plain[middle..(middle + 16).min(plain.len())];
    memchr::memmem::find(sealed, piece).is_some()
}

/// The same frames with room behind the units, which peers use while they open.
fn with_room(frames: &[Units]) -> Vec<Units> {
    let mut with_room = Vec::with_capacity(frames.len());
    for frame in frames {
        let mut units = Units::default();
        frame
            .iter()
            .for_each(|unit| units.push(unit, crate::frames::ROOM));
        with_room.push(units);
    }
    with_room
}
