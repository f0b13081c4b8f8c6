//! Who is logged in: bearer tokens that expire, and a pause for who guesses.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hyper::{
    StatusCode,
    header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::json;

use crate::{
    http::{Answer, Request},
    rtsp::digest::Credentials,
    seal::keys::BearerToken,
    world::World,
};

/// How long a token is good for.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(600);
/// How many log-ins of a user may fail in a row before there is a pause.
pub const MOST_FAILURES: u32 = 5;
/// How long the pause is: 20 random characters are not found at 5 a minute.
pub const PAUSE: Duration = Duration::from_secs(60);

/// Octets of the body of a log-in that are read: user and password.
const LONGEST_LOGIN: usize = 1024;

/// The tokens of those who logged in.
pub(crate) struct Access {
    state: Mutex<State>,
    /// How many tokens of a user are good at a time. The oldest goes.
    most_tokens: usize,
    lifetime: Duration,
}

#[derive(Default)]
struct State {
    /// The oldest first.
    tokens: Vec<(BearerToken, Grant)>,
    next: u64,
    /// By user; those whom nobody knows share one place.
    attempts: BTreeMap<Option<String>, Attempts>,
}

#[derive(Default)]
struct Attempts {
    failures: u32,
    paused_until: Duration,
}

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Whose it is.
    pub(crate) user: String,
    /// Tells it from the others of that user.
    pub(crate) number: u64,
    /// Until when it is good.
    end: Duration,
}

impl Access {
    pub(crate) fn new(most_tokens: usize, lifetime: Duration) -> Self {
        Self {
            state: Mutex::default(),
            most_tokens,
            lifetime,
        }
    }

    /// Answers a log-in: `user` and `password` in, `token` and `expires_in` out.
    ///
    /// # Errors
    ///
    /// Why not: 400, 401, or 429 while there is a pause.
    pub(crate) async fn log_in<'a>(
        &self,
        known: impl Iterator<Item = &'a Credentials>,
        request: Request,
        world: &World,
    ) -> Result<Answer, Answer> {
        let fields = request.json(LONGEST_LOGIN).await?;
        let text = |name| fields.get(name).and_then(|value| value.as_str());
        let (Some(user), Some(password)) = (text("user"), text("password")) else {
            return Err(Answer::of(StatusCode::BAD_REQUEST));
        };
        let same = |a: &str, b: &str| verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok();
        // All are looked at, so that it takes as long whatever is wrong.
        let (mut named, mut is_right) = (None, false);
        for credentials in known {
            let is_named = same(user, &credentials.user);
            is_right |= is_named & same(password, credentials.password.expose());
            named = is_named.then_some(&credentials.user).or(named);
        }
        match self.attempt(named.cloned(), is_right, world) {
            LogIn::Token(token) => {
                let lifetime = self.lifetime.as_secs();
                let body = json!({"token": token.expose(), "expires_in": lifetime});
                Ok(Answer::of(StatusCode::OK).json(&body))
            }
            // Nothing of HTTP's own authentication is meant.
            LogIn::Wrong => Err(unauthorized("Bearer")),
            LogIn::Paused(left) => {
                let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
                let answer = Answer::of(StatusCode::TOO_MANY_REQUESTS);
                Err(answer.with(RETRY_AFTER, seconds.to_string()))
            }
        }
    }

    /// What the token of a request stands for (RFC 6750 2.1, 3).
    ///
    /// # Errors
    ///
    /// 401 without one that is good.
    pub(crate) fn admitted(&self, request: &Request, world: &World) -> Result<Grant, Answer> {
        let shown = bearer(request).ok_or_else(|| unauthorized("Bearer"))?;
        let now = world.clock.unix();
        let state = self.state();
        let mut tokens = state.tokens.iter();
        let found = tokens.find(|(token, grant)| grant.end > now && token.is(&shown));
        found
            .map(|(_, grant)| grant.clone())
            .ok_or_else(invalid_token)
    }

    /// Makes a token good no more.
    pub(crate) fn log_out(&self, grant: &Grant) {
        self.state().tokens.retain(|(_, other)| other != grant);
    }

    /// How many tokens there are.
    pub(crate) fn tokens(&self) -> usize {
        self.state().tokens.len()
    }

    /// Takes the outcome of a look at a password into account.
    fn attempt(&self, user: Option<String>, is_right: bool, world: &World) -> LogIn {
        let now = world.clock.unix();
        let mut state = self.state();
        let attempts = state.attempts.entry(user.clone()).or_default();
        let left = attempts.paused_until.checked_sub(now);
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            return LogIn::Paused(left);
        }
        let Some(user) = user.filter(|_| is_right) else {
            attempts.failures += 1;
            if attempts.failures >= MOST_FAILURES {
                attempts.failures = 0;
                attempts.paused_until = now + PAUSE;
            }
            return LogIn::Wrong;
        };
        attempts.failures = 0;
        state.tokens.retain(|(_, grant)| grant.end > now);
        let of_user = |(_, grant): &&(BearerToken, Grant)| grant.user == user;
        if state.tokens.iter().filter(of_user).count() >= self.most_tokens
            && let Some(oldest) = state.tokens.iter().position(|one| of_user(&one))
        {
            state.tokens.remove(oldest);
        }
        let token = BearerToken::random(&*world.entropy);
        world.witness.secret(&token.escrow(&user));
        let grant = Grant {
            user,
            number: state.next,
            end: now + self.lifetime,
        };
        state.next += 1;
        state.tokens.push((token.clone(), grant));
        LogIn::Token(token)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a log-in went.
enum LogIn {
    Token(BearerToken),
    Wrong,
    /// Not looked at; after this time it is again.
    Paused(Duration),
}

impl Grant {
    /// Of a user who showed no token.
    pub(crate) fn faulty(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            number: u64::MAX,
            end: Duration::MAX,
        }
    }
}

/// The token that a request shows.
pub(crate) fn bearer(request: &Request) -> Option<BearerToken> {
    let (scheme, token) = request.field(AUTHORIZATION)?.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    is_bearer.then(|| BearerToken::shown(token))
}

/// 401, with how to authenticate.
pub(crate) fn unauthorized(challenge: &str) -> Answer {
    Answer::of(StatusCode::UNAUTHORIZED).with(WWW_AUTHENTICATE, challenge)
}

/// 401 for who shows a token that is good for nothing.
pub(crate) fn invalid_token() -> Answer {
    unauthorized("Bearer error=\"invalid_token\"")
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({} tokens)", self.tokens())
    }
}
