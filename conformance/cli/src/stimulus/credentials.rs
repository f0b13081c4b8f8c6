//! `no-credentials` and `wrong-credentials`: somebody who may not watch asks
//! for every step of the way all the same.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    rtsp::{digest::Credentials, transport::Transport},
    seal::keys::Password,
};
use rtsp_types::Method;

use super::{Diary, Stimulus, Visit, portal};

/// How long media may take to come.
const WAIT: Duration = Duration::from_secs(2);

/// Without credentials.
pub const WITHOUT: Stimulus = Stimulus {
    id: "no-credentials",
    title: "every step of the way without credentials, in RTSP also SET_PARAMETER, ANNOUNCE and RECORD",
    network: Some(|visit| Box::pin(trespass(visit, None))),
    portal: Some(|visit| Box::pin(portal::trespass::without(visit))),
    ..Stimulus::NOTHING
};

/// With wrong ones.
pub const WRONG: Stimulus = Stimulus {
    id: "wrong-credentials",
    title: "DESCRIBE, SETUP and PLAY, or log-in, with a wrong password",
    network: Some(|visit| {
        let wrong = Credentials {
            user: visit.credentials.user.clone(),
            password: Password::new("not the password"),
        };
        Box::pin(trespass(visit, Some(wrong)))
    }),
    portal: Some(|visit| Box::pin(portal::trespass::guess(visit))),
    ..Stimulus::NOTHING
};

async fn trespass(visit: Visit, credentials: Option<Credentials>) -> Experience {
    let mut diary = Diary::default();
    let without = credentials.is_none();
    let Some(mut viewer) = diary
        .connect(&visit.address, credentials, &visit.world)
        .await
    else {
        return diary.0;
    };
    if without {
        diary.response("OPTIONS", viewer.options().await);
    }
    diary.response("DESCRIBE", viewer.describe().await);
    diary.response(
        "SETUP interleaved",
        viewer.setup(&Transport::interleaved(0)).await,
    );
    diary.response("PLAY", viewer.play().await);
    match viewer.watch(WAIT).await {
        Ok(connected) => diary.note(format!("waited for media, connected: {connected}")),
        Err(error) => diary.note(format!("wait for media: failed to {error}")),
    }
    if without {
        // Names and contents that change nothing even where they are taken.
        let parameter = viewer.parameter(Method::SetParameter, "", "x-lightleak: 1\r\n");
        diary.response("SET_PARAMETER", parameter.await);
        let announced = viewer.announce("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
        diary.response("ANNOUNCE", announced.await);
        diary.response("RECORD", viewer.record().await);
    }
    diary.close(viewer).await
}
