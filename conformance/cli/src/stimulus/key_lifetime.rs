//! `key-lifetime`: a viewer watches until a key of SRTP has secured all packets
//! that it may (RFC 3711 9.2): first all SRTCP, then all SRTP. The simulated
//! camera begins shortly before. No other device can be brought there, and what
//! is not seen is not known.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    seal::srtp::{Begin, Counters},
    viewer::srtp::{Carriage, SrtpViewer, SrtpViewerError},
};

use super::{Diary, Stimulus, Visit, srtp};

/// Two reports before the end of SRTCP, and a few seconds of sound before that of
/// SRTP.
const BEGIN: Begin = Begin {
    sequence: 65_400,
    counters: Counters {
        roc: u32::MAX,
        rtcp_index: 0x7fff_fffe,
    },
};

/// How long the viewer watches before it has the stream pause.
const REPORT: Duration = Duration::from_millis(200);
/// How often the stream begins to play, each time with a report.
const REPORTS: usize = 3;
/// How long it listens to the sound.
const SOUND: Duration = Duration::from_millis(3200);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "key-lifetime",
    title: "a viewer watches until the key of SRTP has secured all packets that it may",
    begin: Some(BEGIN),
    srtp: Some(|visit| Box::pin(use_up(visit))),
    ..Stimulus::NOTHING
};

async fn use_up(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    for reports in [true, false] {
        let connected = srtp::connect(&visit, &visit.address, &mut diary).await;
        let Some(mut viewer) = connected else {
            continue;
        };
        let watched = match reports {
            true => all_reports(&mut viewer).await,
            false => all_sound(&mut viewer).await,
        };
        if let Err(error) = watched {
            diary.note(format!("failed to {error}"));
        }
        diary.note(format!("packets refused: {}", srtp::refused(&viewer)));
        diary.end(viewer.rtsp).await;
    }
    diary.0
}

async fn all_reports(viewer: &mut SrtpViewer) -> Result<(), SrtpViewerError> {
    viewer.describe().await?;
    viewer.setup(Carriage::Udp).await?;
    for report in 0..REPORTS {
        if report > 0 {
            viewer.rtsp.pause().await?;
        }
        viewer.play().await?;
        viewer.listen(REPORT).await?;
    }
    viewer.rtsp.teardown().await?;
    Ok(())
}

/// Sound is one packet at a time: nothing is cut off that belongs to the last.
async fn all_sound(viewer: &mut SrtpViewer) -> Result<(), SrtpViewerError> {
    viewer.describe().await?;
    let Some((name, key)) = viewer.keys.last().cloned() else {
        return Ok(());
    };
    viewer
        .setup_track(&name, Carriage::Udp, &key, false)
        .await?;
    viewer.play().await?;
    viewer.listen(SOUND).await?;
    viewer.rtsp.teardown().await?;
    Ok(())
}
