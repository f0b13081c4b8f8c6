//! A viewer at the vendor's portal, as the page is one: it logs in, watches, and
//! follows from epoch to epoch, each as a step of its own.

use std::time::Duration;

use serde_json::Value;

use super::{
    rtsp::Address,
    webrtc::{App, AppError, Call, LongPoll, Received, Reply, SessionAddress},
};
use crate::{
    delivery::{self, text},
    fault::PlayerFault,
    rtsp::digest::Credentials,
    seal::{
        envelope::Epoch,
        keys::{HpkeKey, OwnerKey, SFrameOpeningKey},
    },
    webrtc::{Counts, DtlsVersions, SENDERS},
    world::World,
};

/// A connection to the portal.
pub struct Portal {
    /// What is asked there.
    pub app: App,
    /// What a faulty viewer plays that it should refuse.
    pub player: Option<PlayerFault>,
    address: Address,
}

/// A camera, as the portal lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its serial number.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Whether it publishes.
    pub live: bool,
}

impl Portal {
    /// Connects, with TLS.
    ///
    /// # Errors
    ///
    /// [`AppError::Connect`], or [`AppError::Http`].
    pub async fn connect(address: &Address, world: &World) -> Result<Self, AppError> {
        Ok(Self {
            app: App::connect(address, world).await?,
            player: None,
            address: address.clone(),
        })
    }

    /// Connects, and logs in.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), or [`AppError::Status`].
    pub async fn log_in(
        address: &Address,
        credentials: &Credentials,
        world: &World,
    ) -> Result<Self, AppError> {
        let mut portal = Self::connect(address, world).await?;
        portal.app.log_in(credentials).await?;
        Ok(portal)
    }

    /// The user's cameras.
    ///
    /// # Errors
    ///
    /// [`AppError::Status`] if the portal refuses.
    pub async fn cameras(&mut self) -> Result<Vec<Listed>, AppError> {
        const WHAT: &str = "cameras";
        let reply = self.app.ask("GET", "/cameras", None, Vec::new()).await?;
        let fields = reply.json(WHAT, 200)?;
        let cameras = fields.get("cameras").and_then(Value::as_array);
        let listed = |camera: &Value| {
            Some(Listed {
                id: text(camera, "id")?.to_owned(),
                name: text(camera, "name")?.to_owned(),
                live: camera.get("live")?.as_bool()?,
            })
        };
        let cameras = cameras.and_then(|cameras| cameras.iter().map(listed).collect());
        cameras.ok_or(AppError::Answer(WHAT))
    }

    /// Begins a session, without keys yet.
    ///
    /// # Errors
    ///
    /// [`AppError::Status`] if the portal refuses.
    pub async fn join(
        &mut self,
        camera: &str,
        versions: DtlsVersions,
    ) -> Result<Watching, AppError> {
        let (mut call, offer) = Call::prepare_to_watch(self.app.world(), versions).await?;
        let session = self
            .app
            .offer_to(&format!("/whep/{camera}"), &offer)
            .await?;
        call.accept(&session.answer)?;
        if let Some(fault) = self.player {
            call.faulty_play(fault);
        }
        Ok(Watching {
            session,
            camera: camera.to_owned(),
            call,
            keys: None,
            epochs: 0,
            is_wrapped_for: true,
        })
    }

    /// Begins a session, and asks for keys as a viewer whom that owner enrols.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join) and [`enrol`](Self::enrol).
    pub async fn watch(
        &mut self,
        camera: &str,
        versions: DtlsVersions,
        viewer: &HpkeKey,
        owner: &OwnerKey,
    ) -> Result<Watching, AppError> {
        let mut watching = self.join(camera, versions).await?;
        self.enrol(&mut watching, viewer, owner).await?;
        Ok(watching)
    }

    /// Asks for keys as a viewer whom that owner enrols, and for those of later
    /// epochs from then on.
    ///
    /// # Errors
    ///
    /// [`AppError::Status`] if the portal or the camera refuses;
    /// [`AppError::Epoch`] if what it gives is not for this viewer.
    pub async fn enrol(
        &mut self,
        watching: &mut Watching,
        viewer: &HpkeKey,
        owner: &OwnerKey,
    ) -> Result<(), AppError> {
        self.app.world().witness.secret(&viewer.escrow());
        let signature = owner.enrol(&viewer.public());
        let path = format!("{}/key", watching.session.path);
        let reply = self.app.show(&path, &viewer.public(), &signature).await?;
        let fields = reply.json("keys", 200)?;
        let epoch = watching.take_keys(&fields, viewer)?;
        let mut waiting = App::connect(&self.address, self.app.world()).await?;
        waiting.token.clone_from(&self.app.token);
        let news = LongPoll::start(waiting, path, "epoch", epoch);
        watching.keys = Some((news, viewer.clone()));
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// [`AppError::Status`] if the portal refuses.
    pub async fn end(&mut self, session: &SessionAddress) -> Result<(), AppError> {
        self.app.end(&session.path).await
    }

    /// Logs out.
    ///
    /// # Errors
    ///
    /// [`AppError::Http`] if there is no response.
    pub async fn log_out(&mut self) -> Result<Reply, AppError> {
        self.app.ask("POST", "/logout", None, Vec::new()).await
    }
}

/// A session of somebody who watches.
pub struct Watching {
    /// Where it is.
    pub session: SessionAddress,
    camera: String,
    call: Call,
    /// Where keys of later epochs come from, and whose they are.
    keys: Option<(LongPoll, HpkeKey)>,
    /// How many epochs it got keys of.
    pub epochs: u64,
    /// Whether the camera wraps keys for it still.
    pub is_wrapped_for: bool,
}

impl Watching {
    /// Watches for so long; whether the portal still sends then.
    ///
    /// # Errors
    ///
    /// [`AppError::Peer`] if the connection is broken; [`AppError`] if keys are
    /// not what they should be.
    pub async fn watch(&mut self, duration: Duration) -> Result<bool, AppError> {
        let clock = self.call.world().clock.clone();
        let end = clock.unix() + duration;
        loop {
            let left = end.saturating_sub(clock.unix());
            let Some((news, viewer)) = &mut self.keys else {
                return self.call.watch(left).await;
            };
            let viewer = viewer.clone();
            let news = tokio::select! {
                biased;
                news = news.next() => news,
                goes_on = self.call.watch(left) => return goes_on,
            };
            match news {
                Some(Ok(fields)) => {
                    self.take_keys(&fields, &viewer)?;
                }
                Some(Err(AppError::Status(_, 403))) => {
                    self.is_wrapped_for = false;
                    self.keys = None;
                }
                // What it has opens what comes until the next epoch.
                Some(Err(_)) | None => self.keys = None,
            }
        }
    }

    /// What was received.
    pub fn received(&self) -> &Received {
        &self.call.received
    }

    /// What was dropped, and why.
    pub fn counts(&self) -> Counts {
        self.call.counts()
    }

    /// The connection for media.
    pub fn call(&mut self) -> &mut Call {
        &mut self.call
    }

    /// Says goodbye.
    pub async fn close(self) -> Received {
        self.call.close().await
    }

    /// Takes the keys of an epoch, and gives its number.
    fn take_keys(&mut self, fields: &Value, viewer: &HpkeKey) -> Result<u64, AppError> {
        let wrong = || AppError::Answer("keys");
        let epoch = fields.get("epoch").and_then(Value::as_u64);
        let keys = fields.get("keys").and_then(Value::as_array);
        let (epoch, keys) = (epoch.ok_or_else(wrong)?, keys.ok_or_else(wrong)?);
        let find = |sender| -> Result<SFrameOpeningKey, AppError> {
            let delivery = delivery::find(keys, sender).ok_or_else(wrong)?;
            let name = format!("{}/{sender}", self.camera);
            Ok(Epoch::receive(&delivery, &name, viewer)?)
        };
        let [video, sound, _] = SENDERS;
        let keys = [find(video)?, find(sound)?];
        self.call.begin_epoch(&keys)?;
        self.epochs += 1;
        Ok(epoch)
    }
}
