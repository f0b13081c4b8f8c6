//! `published-files`: the camera records, and the owner's app is given the published
//! files of age, sound and flawed, each with its identity. What it gives out is kept.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use lightleak_case::Experience;
use lightleak_sim::seal::keys::OwnerIdentity;
use lightleak_vectors::age;

use super::{CardVisit, Diary, Stimulus};

/// How long the camera records before.
const RECORD: Duration = Duration::from_secs(12);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "published-files",
    title: "the owner's app is given the published files of age, sound and flawed; the owner reads the card",
    card: Some(|visit| Box::pin(give(visit))),
    ..Stimulus::NOTHING
};

async fn give(visit: CardVisit) -> Experience {
    let mut diary = Diary::default();
    let (clock, witness) = (&visit.world.clock, &visit.world.witness);
    clock.sleep_until(clock.unix() + RECORD).await;
    // It is on no network.
    let app = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let (mut whole, mut cut, mut refused) = (0, 0, 0);
    for file in age::cctv().plain() {
        let identities = file.identities.iter();
        let identities = identities.filter_map(|text| text.parse::<OwnerIdentity>().ok());
        let opened = identities.map(|identity| (visit.opens)(&file.octets, &identity));
        let Some(opened) = opened.flatten().next() else {
            refused += 1;
            continue;
        };
        let track = match opened.complete {
            true => file.track(),
            false => file.cut_track(),
        };
        whole += usize::from(opened.complete);
        cut += usize::from(!opened.complete);
        witness.played(app, &track, &opened.plaintext, clock.unix());
    }
    diary.note(format!(
        "of the published files of age, {whole} opened to the end, {cut} were cut, {refused} were refused"
    ));
    diary.read_card(&visit)
}
