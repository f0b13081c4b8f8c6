//! What of WHEP-01 is about somebody else's camera: who is logged in gets what is
//! theirs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::{evidence, unless};
use crate::{
    logins::{self, bearer, is_login, is_success},
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// Who has an account, what is theirs, and the sessions that they began.
#[derive(Default)]
struct Accounts {
    /// Users by their tokens.
    users: BTreeMap<String, String>,
    /// Cameras that a user was told of as theirs.
    cameras: BTreeMap<String, BTreeSet<String>>,
    /// Users by the addresses of their sessions.
    sessions: BTreeMap<String, String>,
}

impl Accounts {
    fn of(seen: &Seen<'_>) -> Self {
        let mut accounts = Self::default();
        let successes = || seen.signalled().filter(|asked| is_success(asked.response));
        for asked in successes().filter(|asked| is_login(asked.request)) {
            let user = text(&asked.request.body, "user");
            accounts
                .users
                .extend(text(&asked.response.body, "token").zip(user));
        }
        for asked in successes() {
            let token = bearer(asked.request);
            let Some(user) = token.and_then(|token| accounts.users.get(token)).cloned() else {
                continue;
            };
            let body = serde_json::from_slice::<Value>(&asked.response.body).ok();
            if let Some(listed) = body.as_ref().and_then(|o| o.get("cameras")?.as_array()) {
                let ids = listed
                    .iter()
                    .filter_map(|camera| camera.get("id")?.as_str());
                let theirs = accounts.cameras.entry(user.clone()).or_default();
                theirs.extend(ids.map(str::to_owned));
            }
            let location = asked.response.head.value("location");
            if let Some(location) = location.filter(|_| asked.request.sdp().is_some()) {
                let address = location.trim_end_matches('/').to_owned();
                accounts.sessions.insert(address, user);
            }
        }
        accounts
    }

    /// Of whom else that is which the user asks for, in words.
    fn foreign(&self, user: &str, path: &str) -> Option<&'static str> {
        let camera = path.strip_prefix("/whep/")?.split('/').next()?;
        let mut sessions = self.sessions.iter();
        let session = sessions.find(|(session, _)| {
            let rest = path.strip_prefix(session.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let theirs = self.cameras.get(user);
        match session {
            Some((_, owner)) if owner != user => Some("a session"),
            _ if theirs.is_some_and(|theirs| !theirs.contains(camera)) => Some("a camera"),
            _ => None,
        }
    }
}

/// Nobody gets what is of a camera that is not theirs, nor of a session that
/// somebody else began.
pub(in crate::requirement) fn of_others_alone(seen: &Seen<'_>) -> Outcome {
    let accounts = Accounts::of(seen);
    let (mut found, mut refused) = (Vec::new(), 0);
    for asked in seen.signalled() {
        let token = bearer(asked.request);
        let Some(user) = token.and_then(|token| accounts.users.get(token)) else {
            continue;
        };
        let method = &asked.request.head.method;
        let foreign = accounts.foreign(user, logins::path(asked.request));
        match (foreign, asked.response.head.status) {
            (Some(what), status @ 200..300) if method != "OPTIONS" => {
                let why = format!(
                    "{method} of {user} for {what} of somebody else was answered with {status}"
                );
                found.push(evidence(seen, asked.span, why));
            }
            (Some(_), _) => refused += 1,
            (None, _) => {}
        }
    }
    unless(found, || match refused {
        0 => Outcome::Inconclusive("nobody asked for a camera that is not theirs".into()),
        refused => Outcome::Pass(
            Assurance::Opened,
            format!("{refused} requests for a camera or a session of somebody else were refused"),
        ),
    })
}

/// A field of a JSON object that is text.
fn text(body: &[u8], name: &str) -> Option<String> {
    let object: Value = serde_json::from_slice(body).ok()?;
    Some(object.get(name)?.as_str()?.to_owned())
}
