//! Offers of WebRTC that are to be refused, or whose media are to be withheld:
//! what each says is changed in the SDP, and all goes on as if that were right.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    viewer::webrtc::{App, AppError},
    webrtc::DtlsVersions,
};

use super::{Diary, Stimulus, Visit, webrtc::SDP};

/// How long media may take to come: more than ICE and DTLS need.
const WAIT: Duration = Duration::from_secs(5);

/// With the fingerprint of another certificate.
pub const OTHER_FINGERPRINT: Stimulus = Stimulus {
    id: "wrong-fingerprint",
    title: "an offer with the fingerprint of another certificate, with each version of DTLS",
    webrtc: Some(|visit| Box::pin(offer_others(visit))),
    portal: Some(|visit| Box::pin(offer_others(visit.first))),
    ..Stimulus::NOTHING
};

/// With a fingerprint by a hash that is broken.
pub const WEAK_FINGERPRINT: Stimulus = Stimulus {
    id: "weak-fingerprint",
    title: "offers with fingerprints by MD5 and MD2 alone",
    webrtc: Some(|visit| Box::pin(offer_all(visit, WEAK))),
    portal: Some(|visit| Box::pin(offer_all(visit.first, WEAK))),
    ..Stimulus::NOTHING
};

/// With profiles that do not protect.
pub const AVPF: Stimulus = Stimulus {
    id: "avpf-offer",
    title: "offers of RTP/AVPF and RTP/AVP, with and without fingerprint, and of SAVPF without",
    webrtc: Some(|visit| Box::pin(offer_all(visit, UNPROTECTED))),
    portal: Some(|visit| Box::pin(offer_all(visit.first, UNPROTECTED))),
    ..Stimulus::NOTHING
};

/// With keys in the SDP.
pub const SDES: Stimulus = Stimulus {
    id: "sdes-offer",
    title: "offers with keys in the SDP (RFC 4568), in place of a fingerprint and beside it",
    webrtc: Some(|visit| Box::pin(offer_all(visit, KEYS))),
    portal: Some(|visit| Box::pin(offer_all(visit.first, KEYS))),
    ..Stimulus::NOTHING
};

const WEAK: &[Change<'_>] = &[
    ("MD5", |sdp| with_hash(sdp, "md5")),
    ("MD2", |sdp| with_hash(sdp, "md2")),
];

const UNPROTECTED: &[Change<'_>] = &[
    ("RTP/AVPF", |sdp| plain(&with_profile(sdp, "RTP/AVPF"))),
    ("RTP/AVP", |sdp| plain(&with_profile(sdp, "RTP/AVP"))),
    ("RTP/AVPF with a fingerprint", |sdp| {
        with_profile(sdp, "RTP/AVPF")
    }),
    ("SAVPF without a fingerprint", plain),
];

const KEYS: &[Change<'_>] = &[
    ("keys beside a fingerprint", with_keys),
    ("keys in place of a fingerprint", |sdp| {
        plain(&with_keys(sdp))
    }),
    ("keys in place of a fingerprint, RTP/SAVPF", |sdp| {
        plain(&with_keys(&with_profile(sdp, "RTP/SAVPF")))
    }),
];

/// What is offered, and what is changed for it.
type Change<'a> = (&'a str, fn(&str) -> String);

async fn offer_others(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    for versions in [DtlsVersions::Dtls12, DtlsVersions::Dtls13] {
        let name = format!("{versions:?}");
        offer(&visit, versions, (&name, other_fingerprint), &mut diary).await;
    }
    diary.0
}

async fn offer_all(visit: Visit, changes: &[Change<'_>]) -> Experience {
    let mut diary = Diary::default();
    for change in changes {
        offer(&visit, DtlsVersions::Either, *change, &mut diary).await;
    }
    diary.0
}

async fn offer(visit: &Visit, versions: DtlsVersions, change: Change<'_>, diary: &mut Diary) {
    if let Err(error) = try_offer(visit, versions, change, diary).await {
        diary.note(format!("{}: failed to {error}", change.0));
    }
}

async fn try_offer(
    visit: &Visit,
    versions: DtlsVersions,
    (name, change): Change<'_>,
    diary: &mut Diary,
) -> Result<(), AppError> {
    let mut app = App::connect(&visit.address, &visit.world).await?;
    app.log_in(&visit.credentials).await?;
    let (mut call, sdp) = visit.prepare(versions).await?;
    let reply = app
        .post(&visit.offers_at(), SDP, change(&sdp).into())
        .await?;
    diary.note(format!("{name}: {}", reply.status));
    let Some(path) = reply.location.filter(|_| reply.status == 201) else {
        return Ok(());
    };
    // What it says may be nothing that fits.
    let answer = String::from_utf8_lossy(&reply.body).into_owned();
    if let Err(error) = call.accept(&answer) {
        diary.note(format!("{name}: the answer: {error}"));
    }
    let keys = visit.ask_for_keys(&mut app, &path).await?;
    diary.note(format!("{name}: keys: {}", keys.status));
    let session = (&mut app, &*path);
    diary.await_media(name, WAIT, call, session).await;
    Ok(())
}

/// With another first octet in each fingerprint.
fn other_fingerprint(sdp: &str) -> String {
    each_line(sdp, |line| {
        let (before, octets) = line.split_once("a=fingerprint:sha-256 ")?;
        let other = if octets.starts_with("00") { "01" } else { "00" };
        let rest = octets.get(2..).unwrap_or_default();
        Some(format!("{before}a=fingerprint:sha-256 {other}{rest}"))
    })
}

/// With fingerprints of 16 octets by that hash.
fn with_hash(sdp: &str, hash: &str) -> String {
    each_line(sdp, |line| {
        let octets = line.strip_prefix("a=fingerprint:sha-256 ")?;
        let octets = octets.get(..16 * 3 - 1).unwrap_or_default();
        Some(format!("a=fingerprint:{hash} {octets}"))
    })
}

fn with_profile(sdp: &str, profile: &str) -> String {
    sdp.replace("UDP/TLS/RTP/SAVPF", profile)
}

/// Without anything that says how DTLS goes.
fn plain(sdp: &str) -> String {
    let lines = sdp.split_inclusive("\r\n");
    let of_dtls = ["a=fingerprint:", "a=setup:"];
    let lines = lines.filter(|line| !of_dtls.iter().any(|start| line.starts_with(start)));
    lines.collect()
}

/// With a key in each section (RFC 4568 9.1).
fn with_keys(sdp: &str) -> String {
    each_line(sdp, |line| {
        let mid = line.starts_with("a=mid:").then_some(line)?;
        let key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
        Some(format!(
            "{mid}\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}"
        ))
    })
}

/// With some lines changed.
fn each_line(sdp: &str, change: impl Fn(&str) -> Option<String>) -> String {
    let lines = sdp.split("\r\n");
    let lines = lines.map(|line| change(line).unwrap_or_else(|| line.to_owned()));
    lines.collect::<Vec<_>>().join("\r\n")
}
