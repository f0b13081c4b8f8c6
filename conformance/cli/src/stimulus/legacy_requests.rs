//! `legacy-requests`: media are asked for as if end-to-end encryption had never
//! come: at addresses that the portal names or that follow from serial number and
//! time, by a stranger; and by somebody who is logged in and says that it can open
//! nothing.

use std::{net::SocketAddr, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use lightleak_case::Experience;
use lightleak_sim::{
    rtmp::PORT as RTMP,
    viewer::webrtc::{App, AppError},
    webrtc::DtlsVersions,
};

use super::{Diary, Offers, Stimulus, Visit, rtmp, webrtc::SDP};

/// How long media may take to come: more than ICE and DTLS need.
const WAIT: Duration = Duration::from_secs(3);

/// The application that servers of RTMP have when nobody names another.
const APPLICATION: &str = "live";

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "legacy-requests",
    title: "media are asked for as before there was end-to-end encryption: without it, and at addresses that are named or can be guessed",
    webrtc: Some(|visit| Box::pin(ask(visit))),
    portal: Some(|visit| Box::pin(ask(visit.first))),
    ..Stimulus::NOTHING
};

/// How offers say that nothing is to be sealed from end to end.
const QUERIES: [&str; 4] = ["e2ee=off", "encryption=none", "legacy=1", "debug=1"];

/// Paths of media, of the serial number and the time in seconds.
const PATHS: [fn(&str, u64) -> String; 7] = [
    |serial, _| format!("/live/{serial}.flv"),
    |serial, _| format!("/live/{serial}.m3u8"),
    |serial, _| format!("/live/{serial}/index.m3u8"),
    |serial, _| format!("/hls/{serial}.m3u8"),
    |serial, _| format!("/snapshot/{serial}.jpg"),
    |serial, time| format!("/live/{}_{time}", BASE64_URL_SAFE_NO_PAD.encode(serial)),
    |serial, time| {
        let serial = BASE64_URL_SAFE_NO_PAD.encode(serial);
        format!("/live/{serial}_{time}?token=0")
    },
];

async fn ask(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    let done = try_all(&visit, &mut diary).await;
    diary.finish(done)
}

async fn try_all(visit: &Visit, diary: &mut Diary) -> Result<(), AppError> {
    guess(visit, diary).await?;
    let mut app = App::connect(&visit.address, &visit.world).await?;
    app.log_in(&visit.credentials).await?;
    if visit.offers == Offers::ToPortal {
        let reply = app.ask("GET", "/cameras", None, Vec::new()).await?;
        for address in addresses(&String::from_utf8_lossy(&reply.body)) {
            follow(visit, &address, diary).await;
        }
    }
    for query in QUERIES {
        offer(visit, &mut app, query, diary).await?;
    }
    Ok(())
}

/// A stranger at addresses that nobody told of.
async fn guess(visit: &Visit, diary: &mut Diary) -> Result<(), AppError> {
    let time = visit.world.clock.unix().as_secs();
    let mut stranger = App::connect(&visit.address, &visit.world).await?;
    for (number, path) in (1..).zip(PATHS) {
        let path = path(&visit.serial, time);
        let reply = stranger.ask("GET", &path, None, Vec::new()).await?;
        let octets = reply.body.len();
        diary.note(format!(
            "a guessed address, {number}: {}, {octets} octets",
            reply.status
        ));
    }
    let endpoint = SocketAddr::new(visit.device, RTMP);
    let what = rtmp::play(&visit.world, endpoint, APPLICATION, &visit.serial).await;
    diary.note(format!("a guessed address, {endpoint}: {what}"));
    Ok(())
}

/// Addresses of something else than pages in what a portal says.
fn addresses(said: &str) -> Vec<String> {
    let values = said.split('"').filter(|value| value.contains("://"));
    values.map(str::to_owned).collect()
}

/// A stranger at an address that the portal named.
async fn follow(visit: &Visit, address: &str, diary: &mut Diary) {
    let Some((scheme, rest)) = address.split_once("://") else {
        return;
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let endpoint = authority
        .parse::<SocketAddr>()
        .or_else(|_| format!("{authority}:{RTMP}").parse());
    match (scheme, endpoint, path.split_once('/')) {
        ("rtmp", Ok(endpoint), Some((application, name))) => {
            let what = rtmp::play(&visit.world, endpoint, application, name).await;
            diary.note(format!("an address that was named: {what}"));
        }
        _ => diary.note(format!(
            "an address that was named, by a scheme that is not asked: {scheme}"
        )),
    }
}

/// Somebody who shows no key.
async fn offer(
    visit: &Visit,
    app: &mut App,
    query: &str,
    diary: &mut Diary,
) -> Result<(), AppError> {
    let (mut call, sdp) = visit.prepare(DtlsVersions::Either).await?;
    let place = format!("{}?{query}", visit.offers_at());
    let reply = app.post(&place, SDP, sdp.into()).await?;
    diary.note(format!("{query}: {}", reply.status));
    let Some(path) = reply.location.filter(|_| reply.status == 201) else {
        return Ok(());
    };
    call.accept(&String::from_utf8_lossy(&reply.body))?;
    let session = (app, &*path);
    diary.await_media(query, WAIT, call, session).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_what_a_portal_says() {
        let said = r#"{"cameras": [{"id": "a", "stream": "rtmp://192.0.2.30/live/a"}]}"#;
        assert_eq!(addresses(said), ["rtmp://192.0.2.30/live/a"]);
    }
}
