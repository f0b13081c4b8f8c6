//! The signalling of WebRTC, over HTTPS: who is logged in, which sessions there
//! are, and which offers are taken.

pub(crate) mod resource;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    access::Access,
    fault::Fault,
    hex::Hex,
    seal::keys::OwnerPublicKey,
    webrtc::{Command, DtlsVersions, TurnServer},
    world::{BoxFuture, World},
};

pub use crate::access::{MOST_FAILURES, PAUSE, TOKEN_LIFETIME};
pub use crate::offer::OfferError;

/// How many tokens are good at a time: a household's phones. The oldest goes.
pub const MOST_TOKENS: usize = 64;
/// How many sessions there are at a time: each seals the video once more.
pub const MOST_SESSIONS: usize = 16;

/// What a camera needs to know to serve apps.
#[derive(Clone, Debug)]
pub struct AppAccess {
    /// The owner that it was paired with, whose viewers may watch.
    pub owner: OwnerPublicKey,
    /// The versions of DTLS that it speaks.
    pub dtls: DtlsVersions,
    /// How long a token is good for: [`TOKEN_LIFETIME`], but where somebody waits
    /// for its end.
    pub token_lifetime: Duration,
    /// Where apps reach it that can't reach it itself.
    pub turn: Option<TurnServer>,
}

/// The signalling of one camera.
pub struct Signalling {
    pub(crate) app: AppAccess,
    pub(crate) access: Access,
    state: Mutex<State>,
    tasks: mpsc::UnboundedSender<BoxFuture<'static, ()>>,
}

#[derive(Default)]
struct State {
    sessions: BTreeMap<String, mpsc::Sender<Command>>,
}

/// A new id of a session, which nobody guesses.
pub(crate) fn session_id(world: &World) -> String {
    let mut octets = [0; 16];
    world.entropy.fill(&mut octets);
    Hex(&octets).to_string()
}

/// Runs what is handed to it, and ends it when it ends itself.
pub(crate) type Sessions = mpsc::UnboundedReceiver<BoxFuture<'static, ()>>;

impl Signalling {
    /// The signalling of a camera, and what runs its sessions.
    pub(crate) fn new(app: AppAccess, fault: &Fault) -> (Self, Sessions) {
        let (tasks, sessions) = mpsc::unbounded_channel();
        let signalling = Self {
            access: Access::new(MOST_TOKENS, app.token_lifetime).faulty(fault.token_lifetime),
            app,
            state: Mutex::default(),
            tasks,
        };
        (signalling, sessions)
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
            biased;
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
        let (tokens, sessions) = (self.access.tokens(), self.state().sessions.len());
        write!(f, "Signalling({tokens} tokens, {sessions} sessions)")
    }
}
