//! `reconnect`: a viewer whose network is gone for a moment comes again, and
//! somebody else comes meanwhile.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    seal::keys::HpkeKey,
    viewer::webrtc::{AppError, Call},
    webrtc::DtlsVersions,
};

use super::{Diary, Stimulus, Visit, portal, webrtc::call};

/// How long each watches at a time.
const WATCH: Duration = Duration::from_millis(1500);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "reconnect",
    title: "a viewer is cut off and comes again, while another with a key of its own watches",
    webrtc: Some(|visit| Box::pin(come_again(visit))),
    portal: Some(|visit| Box::pin(portal::reconnect::come_and_go(visit))),
    ..Stimulus::NOTHING
};

async fn come_again(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    let done = reconnect(&visit, &mut diary).await;
    diary.finish(done)
}

async fn reconnect(visit: &Visit, diary: &mut Diary) -> Result<(), AppError> {
    let other = Visit {
        viewer: HpkeKey::random(&*visit.world.entropy)?,
        ..visit.clone()
    };
    let (_app, _session, mut first) = call(visit, DtlsVersions::Either).await?;
    first.watch(WATCH).await?;
    let (_app, _session, mut second) = call(&other, DtlsVersions::Either).await?;
    together(&mut first, &mut second).await?;
    // Without a goodbye.
    diary.note("cut off");
    let cut = std::mem::take(&mut first.received);
    drop(first);
    let (_app, _session, mut again) = call(visit, DtlsVersions::Either).await?;
    together(&mut again, &mut second).await?;
    diary.0.access_units += cut.units.len() as u64;
    diary.0.media_bytes += cut.octets;
    for call in [again, second] {
        diary.hang_up(call).await;
    }
    Ok(())
}

async fn together(a: &mut Call, b: &mut Call) -> Result<(), AppError> {
    let (a, b) = tokio::join!(a.watch(WATCH), b.watch(WATCH));
    a.and(b).map(drop)
}
