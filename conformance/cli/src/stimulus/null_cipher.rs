//! `null-cipher`: a viewer with the right credentials brings keys whose policy
//! has no encryption, or no authentication, and asks for RTP as it is where
//! SRTP is served.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    rtsp::{mikey::Message, transport::Transport},
    seal::srtp::Suite,
};

use super::{Diary, Stimulus, Visit, srtp};

/// How long media may take to come.
const WAIT: Duration = Duration::from_secs(1);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "null-cipher",
    title: "a viewer with the right credentials brings keys without encryption or authentication, and asks for RTP/AVP",
    srtp: Some(|visit| Box::pin(offer(visit))),
    ..Stimulus::NOTHING
};

/// What is offered: policy parameters (RFC 3830 6.10.1) and their values.
const WEAK: [(&str, &[(u8, u8)]); 6] = [
    ("NULL encryption", &[(0, 0), (1, 0)]),
    ("SRTP encryption off", &[(7, 0)]),
    ("SRTCP encryption off", &[(8, 0)]),
    ("NULL authentication", &[(2, 0), (3, 0)]),
    ("SRTP authentication off", &[(10, 0)]),
    ("a tag of 32 bits", &[(11, 4)]),
];

async fn offer(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    let Ok(socket) = visit.world.net.bind(0).await else {
        diary.note("failed to bind a UDP port");
        return diary.0;
    };
    let port = socket.local().port();
    let udp = Transport::udp(port);
    let interleaved = Transport::interleaved(0);
    for (what, parameters) in WEAK {
        let key = srtp::key(&visit.world, Suite::AesCm128HmacSha1_80, 1);
        let key = weakened(key, parameters);
        let offer = udp.clone().secured();
        try_offer(&visit, what, &offer, Some(&key), &mut diary).await;
    }
    for (what, offer) in [
        ("RTP/AVP over UDP", &udp),
        ("RTP/AVP interleaved", &interleaved),
    ] {
        try_offer(&visit, what, offer, None, &mut diary).await;
    }
    diary.0
}

async fn try_offer(
    visit: &Visit,
    what: &str,
    offer: &Transport,
    key: Option<&Message>,
    diary: &mut Diary,
) {
    let credentials = Some(visit.credentials.clone());
    let connected = diary.connect(&visit.address, credentials, &visit.world);
    let Some(mut viewer) = connected.await else {
        return;
    };
    diary.response("DESCRIBE", viewer.describe().await);
    let setup = viewer.setup_track("video", offer, key).await;
    if diary.response(&format!("SETUP {what}"), setup) == Some(200) {
        diary.response("PLAY", viewer.play().await);
        diary.watch(&mut viewer, WAIT).await;
    }
    diary.end(viewer).await;
}

fn weakened(mut key: Message, parameters: &[(u8, u8)]) -> Message {
    if let Some(policy) = &mut key.policy {
        for (parameter, value) in parameters {
            policy.parameters.retain(|(kind, _)| kind != parameter);
            policy.parameters.push((*parameter, vec![*value]));
        }
    }
    key
}
