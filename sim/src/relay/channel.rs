//! What a relay knows of one camera: who publishes, who watches, and what the
//! camera gave each viewer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use serde_json::{Value, json};
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

use super::{CameraAccount, MOST_VIEWERS};
use crate::{access::Grant, webrtc::Packet};

/// How many batches a slow viewer may lag behind: some two seconds.
const BACKLOG: usize = 128;
/// Commands that wait for a session.
const MOST_COMMANDS: usize = 4;

/// One camera.
pub(super) struct Channel {
    pub(super) account: CameraAccount,
    /// What it sends, to all who watch.
    pub(super) packets: broadcast::Sender<Arc<Batch>>,
    /// The first access unit, where a faulty relay keeps it.
    kept: OnceLock<Arc<Batch>>,
    /// Some viewer needs a key frame.
    pub(super) key_frame: Notify,
    /// Counts who comes and goes.
    roster: watch::Sender<u64>,
    state: Mutex<State>,
}

/// Packets of one track that belong together, so that viewers are woken once.
#[derive(Debug)]
pub(super) struct Batch {
    /// The publication that they are of.
    pub(super) source: u64,
    pub(super) packets: Vec<Packet>,
}

#[derive(Default)]
struct State {
    publisher: Option<Publisher>,
    /// By the id of their session.
    viewers: BTreeMap<String, Viewer>,
}

struct Publisher {
    session: String,
    commands: mpsc::Sender<Command>,
    is_live: bool,
}

/// A session of somebody who watches.
struct Viewer {
    grant: Grant,
    commands: mpsc::Sender<Command>,
    /// Key and signature, in hexadecimal, as they were shown.
    shown: Option<(String, String)>,
    keys: watch::Sender<Keys>,
}

/// What the camera says to a viewer's key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Keys {
    /// Nothing yet.
    Awaited,
    /// Keys of media, each sealed to the viewer.
    Given { epoch: u64, keys: Arc<Value> },
    /// It wraps none for it.
    Refused,
}

impl Keys {
    /// Whether these are of a later epoch, or none will come.
    pub(super) fn is_after(&self, epoch: u64) -> bool {
        match self {
            Self::Awaited => false,
            Self::Given { epoch: given, .. } => *given > epoch,
            Self::Refused => true,
        }
    }
}

/// What a session is told.
#[derive(Debug)]
pub(super) enum Command {
    /// It ends at once, and says when it has.
    End(oneshot::Sender<()>),
}

/// A session that begins: where it takes commands.
pub(super) type Commands = mpsc::Receiver<Command>;

impl Channel {
    pub(super) fn new(account: &CameraAccount) -> Self {
        Self {
            account: account.clone(),
            packets: broadcast::Sender::new(BACKLOG),
            kept: OnceLock::new(),
            key_frame: Notify::new(),
            // So that whoever knows of nothing yet hears at once.
            roster: watch::Sender::new(1),
            state: Mutex::default(),
        }
    }

    /// Takes a publisher in; one that was there before is told to end.
    pub(super) fn publish(&self, session: &str) -> Commands {
        let (commands, taken) = mpsc::channel(MOST_COMMANDS);
        let publisher = Publisher {
            session: session.to_owned(),
            commands,
            is_live: false,
        };
        // Without its sender, the one before ends.
        self.state().publisher = Some(publisher);
        taken
    }

    /// Says that media of a publisher can come.
    pub(super) fn set_live(&self, session: &str) {
        if let Some(publisher) = self.state().publisher_of(session) {
            publisher.is_live = true;
        }
    }

    /// Whether media of a publisher can come.
    pub(super) fn is_live(&self) -> bool {
        let state = self.state();
        state.publisher.as_ref().is_some_and(|p| p.is_live)
    }

    /// Whether that is the session of the publisher.
    pub(super) fn is_published_by(&self, session: &str) -> bool {
        self.state().publisher_of(session).is_some()
    }

    /// Forgets a publisher.
    pub(super) fn unpublish(&self, session: &str) -> Option<mpsc::Sender<Command>> {
        let mut state = self.state();
        state.publisher_of(session)?;
        state.publisher.take().map(|publisher| publisher.commands)
    }

    /// Takes a viewer in, if there is room.
    pub(super) fn watch(
        &self,
        session: &str,
        grant: Grant,
    ) -> Option<(Commands, watch::Receiver<Keys>)> {
        let mut state = self.state();
        if state.viewers.len() >= MOST_VIEWERS {
            return None;
        }
        let (commands, taken) = mpsc::channel(MOST_COMMANDS);
        let (keys, given) = watch::channel(Keys::Awaited);
        let viewer = Viewer {
            grant,
            commands,
            shown: None,
            keys,
        };
        state.viewers.insert(session.to_owned(), viewer);
        Some((taken, given))
    }

    /// What the camera says to a viewer of that user.
    pub(super) fn keys_of(&self, session: &str, user: &str) -> Option<watch::Receiver<Keys>> {
        let state = self.state();
        let viewer = state.viewers.get(session);
        let viewer = viewer.filter(|viewer| viewer.grant.user == user)?;
        Some(viewer.keys.subscribe())
    }

    /// Puts the key that a viewer shows into the roster.
    pub(super) fn show(&self, session: &str, viewer_key: &str, signature: &str) {
        let mut state = self.state();
        let Some(viewer) = state.viewers.get_mut(session) else {
            return;
        };
        let shown = Some((viewer_key.to_owned(), signature.to_owned()));
        let is_given = matches!(*viewer.keys.borrow(), Keys::Given { .. });
        if viewer.shown == shown && is_given {
            return;
        }
        viewer.shown = shown;
        viewer.keys.send_replace(Keys::Awaited);
        drop(state);
        self.changed();
    }

    /// Forgets a viewer.
    pub(super) fn unwatch(&self, session: &str) -> Option<mpsc::Sender<Command>> {
        let viewer = self.state().viewers.remove(session)?;
        if viewer.shown.is_some() {
            self.changed();
        }
        Some(viewer.commands)
    }

    /// Forgets a viewer, if it is one of that user.
    pub(super) fn unwatch_of(&self, session: &str, user: &str) -> Option<mpsc::Sender<Command>> {
        self.keys_of(session, user)?;
        self.unwatch(session)
    }

    /// Forgets all viewers who watch by that token.
    pub(super) fn unwatch_all(&self, grant: &Grant) -> Vec<mpsc::Sender<Command>> {
        let state = self.state();
        let viewers = state.viewers.iter();
        let theirs = viewers.filter(|(_, viewer)| viewer.grant == *grant);
        let theirs: Vec<_> = theirs.map(|(session, _)| session.clone()).collect();
        drop(state);
        theirs
            .iter()
            .filter_map(|session| self.unwatch(session))
            .collect()
    }

    /// Keeps the first access unit of all.
    pub(super) fn faulty_keep(&self, batch: &Arc<Batch>) {
        self.kept.get_or_init(|| batch.clone());
    }

    /// What was kept.
    pub(super) fn faulty_kept(&self) -> Option<&Arc<Batch>> {
        self.kept.get()
    }

    /// Who comes and goes, counted.
    pub(super) fn versions(&self) -> watch::Receiver<u64> {
        self.roster.subscribe()
    }

    /// Those who showed a key.
    pub(super) fn roster(&self) -> Vec<Value> {
        let state = self.state();
        let viewers = state.viewers.iter().filter_map(|(session, viewer)| {
            let (viewer_key, signature) = viewer.shown.as_ref()?;
            Some(json!({
                "session": session, "viewer_key": viewer_key, "signature": signature,
            }))
        });
        viewers.collect()
    }

    /// Hands what the camera says to a viewer on.
    pub(super) fn say(&self, session: &str, keys: Keys) {
        if let Some(viewer) = self.state().viewers.get(session)
            && viewer.shown.is_some()
        {
            viewer.keys.send_replace(keys);
        }
    }

    fn changed(&self) {
        self.roster.send_modify(|version| *version += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn publisher_of(&mut self, session: &str) -> Option<&mut Publisher> {
        self.publisher.as_mut().filter(|p| p.session == session)
    }
}
