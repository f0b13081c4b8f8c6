//! The signalling of WebRTC, over HTTPS: who is logged in, which sessions there
//! are, and which offers are taken.

mod offer;
pub(crate) mod resource;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    hex::Hex,
    seal::keys::{BearerToken, OwnerPublicKey},
    webrtc::{Command, DtlsVersions},
    world::{BoxFuture, World},
};

pub use offer::OfferError;

/// How long a token is good for.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(600);
/// How many log-ins may fail in a row before there is a pause.
pub const MOST_FAILURES: u32 = 5;
/// How long the pause is: 20 random characters are not found at 5 a minute.
pub const PAUSE: Duration = Duration::from_secs(60);
/// How many tokens are good at a time: a household's phones. The oldest goes.
pub const MOST_TOKENS: usize = 64;
/// How many sessions there are at a time: each seals the video once more.
pub const MOST_SESSIONS: usize = 16;

/// What a camera needs to know to serve apps.
#[derive(Clone, Copy, Debug)]
pub struct AppAccess {
    /// The owner that it was paired with, whose viewers may watch.
    pub owner: OwnerPublicKey,
    /// The versions of DTLS that it speaks.
    pub dtls: DtlsVersions,
    /// How long a token is good for: [`TOKEN_LIFETIME`], but where somebody waits
    /// for its end.
    pub token_lifetime: Duration,
}

/// The signalling of one camera.
pub struct Signalling {
    pub(crate) access: AppAccess,
    state: Mutex<State>,
    tasks: mpsc::UnboundedSender<BoxFuture<'static, ()>>,
}

#[derive(Default)]
struct State {
    tokens: Vec<(BearerToken, Duration)>,
    failures: u32,
    paused_until: Duration,
    sessions: BTreeMap<String, mpsc::Sender<Command>>,
}

/// A new id of a session, which nobody guesses.
pub(crate) fn session_id(world: &World) -> String {
    let mut octets = [0; 16];
    world.entropy.fill(&mut octets);
    Hex(&octets).to_string()
}

/// How a log-in went.
#[derive(Debug)]
pub(crate) enum LogIn {
    Token(BearerToken),
    Wrong,
    /// Not looked at; after this time it is again.
    Paused(Duration),
}

/// Runs what is handed to it, and ends it when it ends itself.
pub(crate) type Sessions = mpsc::UnboundedReceiver<BoxFuture<'static, ()>>;

impl Signalling {
    /// The signalling of a camera, and what runs its sessions.
    pub(crate) fn new(access: AppAccess) -> (Self, Sessions) {
        let (tasks, sessions) = mpsc::unbounded_channel();
        let signalling = Self {
            access,
            state: Mutex::default(),
            tasks,
        };
        (signalling, sessions)
    }

    /// Takes the outcome of a look at a password into account. A token is good
    /// for that long.
    pub(crate) fn log_in(
        &self,
        user: &str,
        is_right: bool,
        lifetime: Duration,
        world: &World,
    ) -> LogIn {
        let now = world.clock.unix();
        let mut state = self.state();
        if let Some(left) = state.paused_until.checked_sub(now).filter(|l| !l.is_zero()) {
            return LogIn::Paused(left);
        }
        if !is_right {
            state.failures += 1;
            if state.failures >= MOST_FAILURES {
                state.failures = 0;
                state.paused_until = now + PAUSE;
            }
            return LogIn::Wrong;
        }
        state.failures = 0;
        state.tokens.retain(|(_, end)| *end > now);
        if state.tokens.len() >= MOST_TOKENS {
            state.tokens.remove(0);
        }
        let token = BearerToken::random(&*world.entropy);
        world.witness.secret(&token.escrow(user));
        state
            .tokens
            .push((token.clone(), now.saturating_add(lifetime)));
        LogIn::Token(token)
    }

    /// Whether whoever shows that token is logged in.
    pub(crate) fn admits(&self, shown: &BearerToken, now: Duration) -> bool {
        let state = self.state();
        let mut tokens = state.tokens.iter();
        tokens.any(|(token, end)| *end > now && token.is(shown))
    }

    /// Whether there may be one more session.
    pub(crate) fn has_room(&self) -> bool {
        self.state().sessions.len() < MOST_SESSIONS
    }

    /// Begins a session of that id.
    pub(crate) fn begin(
        self: &Arc<Self>,
        id: &str,
        commands: mpsc::Sender<Command>,
        session: impl Future<Output = ()> + Send + 'static,
    ) {
        self.state().sessions.insert(id.to_owned(), commands);
        let (signalling, id) = (self.clone(), id.to_owned());
        let run = async move {
            session.await;
            signalling.end(&id);
        };
        // Without anybody who runs it, the camera is off.
        let _ = self.tasks.send(Box::pin(run));
    }

    /// Where a session takes commands.
    pub(crate) fn session(&self, id: &str) -> Option<mpsc::Sender<Command>> {
        self.state().sessions.get(id).cloned()
    }

    /// Forgets a session.
    pub(crate) fn end(&self, id: &str) -> Option<mpsc::Sender<Command>> {
        self.state().sessions.remove(id)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs sessions for as long as it is not dropped.
pub(crate) async fn run(mut sessions: Sessions) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            session = sessions.recv() => match session {
                Some(session) => {
                    tasks.spawn(session);
                }
                None => return,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

impl fmt::Debug for Signalling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let (tokens, sessions) = (state.tokens.len(), state.sessions.len());
        write!(f, "Signalling({tokens} tokens, {sessions} sessions)")
    }
}
