//! What the stimuli for SRTP find at an honest camera.

use lightleak::{
    stimulus::{self, Stimulus},
    target::{plan::Plan, sim::SimTarget},
};
use lightleak_case::{Experience, SessionRecord};
use lightleak_sim::path::nvr_srtp;

use crate::site::SMALL;

/// Records an honest camera's path of SRTP under that stimulus.
fn experience(id: &str) -> Experience {
    let folder = tempfile::tempdir().unwrap();
    let stimuli: Vec<&'static Stimulus> = stimulus::ALL.to_vec();
    let stimuli = stimuli.into_iter().filter(|s| s.id == id).collect();
    let plan = Plan {
        paths: vec![&nvr_srtp::PATH],
        stimuli,
        video: SMALL,
        ..Plan::everything(1, folder.path(), 1)
    };
    SimTarget::HONEST.record(&plan, &()).unwrap();
    let session = format!("sessions/01-nvr.srtp-{id}-default/session.toml");
    let record = SessionRecord::read(&folder.path().join(session)).unwrap();
    assert_eq!(record.stimulus, id);
    record.experience
}

#[test]
fn an_honest_viewer_opens_everything_in_three_forms() {
    let experience = experience("honest");
    let steps = &experience.steps;
    assert_eq!(steps.len(), 6, "{steps:?}");
    let watched = "watched, connected: true, refused: 0";
    for pair in steps.chunks(2) {
        assert!(pair[0].starts_with("SRTP "), "{pair:?}");
        assert_eq!(pair[1], watched);
    }
    assert!(experience.access_units > 25);
}

#[test]
fn srtp_is_offered_nowhere_without_tls() {
    let steps = experience("srtp-over-rtsp").steps;
    assert!(
        !steps
            .iter()
            .any(|step| step.ends_with(": 200") && step != "OPTIONS over TLS: 200")
    );
    assert_eq!(steps.last().unwrap(), "OPTIONS over TLS: 200");
}

#[test]
fn null_and_rtp_as_it_is_are_refused() {
    let experience = experience("null-cipher");
    let refused = |status: &str| {
        let setups = experience.steps.iter().filter(|s| s.starts_with("SETUP "));
        setups.filter(|step| step.ends_with(status)).count()
    };
    assert_eq!(
        (refused(": 463"), refused(": 461")),
        (6, 2),
        "{experience:?}"
    );
    assert_eq!(experience.media_bytes, 0);
}

#[test]
fn the_stream_outlives_forged_rtcp() {
    let steps = experience("forged-rtcp").steps;
    assert_eq!(steps.len(), 7, "{steps:?}");
    assert!(
        steps
            .iter()
            .all(|step| step.ends_with("the stream goes on")),
        "{steps:?}"
    );
}

#[test]
fn every_key_that_a_viewer_brings_is_taken_while_it_watches() {
    let steps = experience("re-key").steps;
    let rekeyed = [
        "SET_PARAMETER mikey of video: 200",
        "SET_PARAMETER mikey of audio: 200",
        "GET_PARAMETER mikey: 200",
        "PAUSE: 200",
        "packets refused: 0",
    ];
    assert_eq!(steps, [rekeyed, rekeyed].concat());
}

#[test]
fn everything_opens_until_a_key_is_used_up() {
    let experience = experience("key-lifetime");
    assert_eq!(experience.steps, ["packets refused: 0"; 2]);
    assert!(experience.media_bytes > 136 * 160, "{experience:?}");
}

#[test]
fn longer_keys_are_taken_too() {
    let experience = experience("long-keys");
    let expected = ["AES_192_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80"]
        .map(|suite| [format!("keys of {suite}"), "packets refused: 0".into()]);
    assert_eq!(experience.steps, expected.concat());
    assert!(experience.access_units > 6, "{experience:?}");
}
