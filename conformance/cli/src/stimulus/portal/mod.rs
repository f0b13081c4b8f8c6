//! What is done at the vendor's portal: one file each, and what they begin with.

pub(super) mod active_relay;
pub(super) mod cameras;
pub(super) mod honest;
pub(super) mod reconnect;
pub(super) mod revoked;
pub(super) mod tokens;
pub(super) mod trespass;
pub(super) mod unenrolled;

use std::time::Duration;

use lightleak_sim::{
    seal::keys::BearerToken,
    viewer::{
        portal::{Portal, Watching},
        webrtc::{App, AppError, Call, Reply},
    },
    webrtc::DtlsVersions,
    world::World,
};

use super::{
    Diary, PortalVisit,
    webrtc::{JSON, SDP},
};
use crate::page::PAGE;

/// How long somebody watches who does something else then.
const GLANCE: Duration = Duration::from_millis(1500);

impl PortalVisit {
    /// Logged in.
    pub(super) async fn log_in(&self) -> Result<Portal, AppError> {
        self.log_in_from(&self.first.world).await
    }

    async fn log_in_from(&self, world: &World) -> Result<Portal, AppError> {
        let mut portal =
            Portal::log_in(&self.first.address, &self.first.credentials, world).await?;
        portal.player = self.player;
        Ok(portal)
    }

    /// A session with keys.
    pub(super) async fn watch(&self, portal: &mut Portal) -> Result<Watching, AppError> {
        let (viewer, owner) = (&self.first.viewer, &self.first.owner);
        portal
            .watch(&self.first.serial, DtlsVersions::Either, viewer, owner)
            .await
    }

    /// Somebody else on another host, logged in by the same account.
    async fn second(&self) -> Result<Portal, AppError> {
        self.log_in_from(&self.second.0).await
    }

    /// An offer of a viewer who has said nothing yet.
    async fn offer(&self) -> Result<(Call, String), AppError> {
        self.first.prepare(DtlsVersions::Either).await
    }

    /// Somebody else comes later, watches for a while and leaves.
    async fn join(
        &self,
        later: Duration,
        time: Duration,
        diary: &mut Diary,
    ) -> Result<(), AppError> {
        let (world, viewer) = &self.second;
        sleep(world, later).await;
        let mut portal = self.second().await?;
        let (camera, owner) = (&self.first.serial, &self.first.owner);
        let either = DtlsVersions::Either;
        let mut watching = portal.watch(camera, either, viewer, owner).await?;
        watching.watch(time).await?;
        portal.end(&watching.session).await?;
        diary.leave("a second viewer", watching).await;
        portal.app.close().await;
        Ok(())
    }

    /// Everything that is asked for with a token, with whatever token the app has.
    async fn every_request(&self, app: &mut App, offer: &str, session: &str, diary: &mut Diary) {
        let whep = self.first.offers_at();
        let key = format!("{session}/key");
        let news = format!("{key}?after=0");
        let requests = [
            ("GET", "/cameras", None, ""),
            ("POST", whep.as_str(), Some(SDP), offer),
            ("POST", &key, Some(JSON), "{}"),
            ("GET", &news, None, ""),
            ("DELETE", session, None, ""),
        ];
        for (method, path, media_type, body) in requests {
            let place = path.split('/').nth(1).unwrap_or_default();
            let reply = app.ask(method, path, media_type, body.into()).await;
            diary.reply(&format!("{method} /{place}"), reply);
        }
    }
}

async fn sleep(world: &World, duration: Duration) {
    world.clock.sleep_until(world.clock.unix() + duration).await;
}

/// A token that nobody was given.
fn wrong_token() -> BearerToken {
    BearerToken::shown(&"0".repeat(64))
}

impl Diary {
    /// Asks for the page and its parts.
    async fn load_page(&mut self, app: &mut App) {
        for part in PAGE.pins() {
            let reply = app.ask("GET", part.path, None, Vec::new()).await;
            self.reply(&format!("GET {}", part.path), reply);
        }
    }

    /// Notes the status of a reply, or why there is none.
    fn reply(&mut self, what: &str, reply: Result<Reply, AppError>) -> Option<Reply> {
        match reply {
            Ok(reply) => {
                self.note(format!("{what}: {}", reply.status));
                Some(reply)
            }
            Err(error) => {
                self.note(format!("{what}: failed to {error}"));
                None
            }
        }
    }

    /// Notes what was received, and closes.
    pub(super) async fn leave(&mut self, who: &str, watching: Watching) {
        let (counts, epochs) = (watching.counts(), watching.epochs);
        let received = watching.close().await;
        self.0.access_units += received.units.len() as u64;
        self.0.media_bytes += received.octets;
        self.note(format!(
            "{who}: {} access units, {} packets of sound in {epochs} epochs; refused: {} frames \
             and {} packets, without a key: {}, in clear: {}",
            received.units.len(),
            received.sound.len(),
            received.refused,
            counts.refused,
            received.without_key,
            received.clear
        ));
    }
}
