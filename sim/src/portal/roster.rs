//! Who watches, as the relay says, and whom of them the camera wraps keys for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    Portal,
    publisher::{Broken, Next},
};
use crate::{
    camera::Device,
    delivery::{self, text},
    hex,
    http::JSON,
    relay::asks_in_clear,
    seal::{
        envelope::{Epoch, Epochs},
        keys::HpkePublicKey,
        sframe::{CounterError, Counters, DiskCounters, Suite},
    },
    viewer::webrtc::{App, AppError, LongPoll},
    webrtc::{SENDERS, Senders},
};

/// Who seals at the portal: the first two of all.
const SENDING: usize = 2;
/// How long viewers have to fetch their keys before anything is sealed with
/// them. So often epochs begin at most, whoever comes and goes.
const LEAD: Duration = Duration::from_millis(250);
/// The suite of SFrame.
const SUITE: Suite = Suite::Aes128Gcm;

/// The viewers, and the epochs of each sender.
pub(super) struct Roster {
    device: Arc<Device>,
    senders: Vec<Epochs>,
}

/// Sessions of viewers, with the keys that they showed.
type Viewers = BTreeMap<String, HpkePublicKey>;

/// Who is wrapped for, and who is not.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sorted {
    accepted: Viewers,
    refused: BTreeSet<String>,
}

impl Roster {
    /// # Errors
    ///
    /// [`Broken::Epoch`] if the card does not tell which epochs there were.
    pub(super) fn new(device: &Arc<Device>) -> Result<Self, Broken> {
        let names = SENDERS[..SENDING].iter().zip(0..);
        let epochs = names.map(|(sender, index)| {
            let disk = device.world.disk.clone();
            let counters = DiskCounters::open(disk, &format!("portal-{sender}"));
            let counters = Interleaved {
                counters: counters.map_err(crate::seal::sframe::SFrameError::from)?,
                index,
            };
            let name = format!("{}/{sender}", device.settings.serial);
            let suite = device.fault.sframe_suite.unwrap_or(SUITE);
            Ok(Epochs::new(suite, 0, &name, counters)?)
        });
        Ok(Self {
            device: device.clone(),
            senders: epochs.collect::<Result<_, Broken>>()?,
        })
    }

    /// Keeps up with who comes and goes, until the relay is gone.
    pub(super) async fn keep(
        &mut self,
        portal: &Portal,
        mut app: App,
        session: &str,
        next: mpsc::Sender<Next>,
    ) -> Result<&'static str, Broken> {
        let waiting = portal.connect(&self.device.world).await?;
        let path = format!("{session}/viewers");
        let mut poll = LongPoll::start(waiting, path, "version", 0);
        let mut revoked = portal.revoked.subscribe();
        let (mut present, mut known) = (Vec::new(), Sorted::default());
        let mut in_clear = false;
        loop {
            tokio::select! {
                biased;
                changed = revoked.changed() => {
                    if changed.is_err() {
                        return Ok("the camera is off");
                    }
                }
                news = poll.next() => match news {
                    Some(news) => {
                        let mut news = news?;
                        present = match news.get_mut("viewers").map(Value::take) {
                            Some(Value::Array(viewers)) => viewers,
                            _ => return Err(AppError::Answer("who watches").into()),
                        };
                    }
                    None => return Ok("the relay says nothing more"),
                },
            }
            if self.device.fault.portal.in_clear && present.iter().any(asks_in_clear) {
                in_clear = true;
                known = Sorted::default();
                if next.send(Next::FaultyClear).await.is_err() {
                    return Ok("nothing is sent any more");
                }
                continue;
            }
            if std::mem::take(&mut in_clear) && next.send(Next::Nobody).await.is_err() {
                return Ok("nothing is sent any more");
            }
            let sorted = self.sort(portal, &present);
            // Whoever is refused may ask again, and is told again.
            if sorted == known && sorted.refused.is_empty() {
                continue;
            }
            let is_other = sorted.accepted != known.accepted;
            let epoch = match is_other && !sorted.accepted.is_empty() {
                true => Some(self.begin(&sorted.accepted)?),
                false => None,
            };
            let path = format!("{session}/keys");
            let body = self.body(&sorted, epoch.as_deref());
            let body = body.to_string();
            let posted = app.post(&path, JSON, body.clone().into()).await;
            let posted = match posted {
                Ok(posted) => posted,
                // A connection on which nothing was said for long is closed.
                Err(_) => {
                    app = portal.connect(&self.device.world).await?;
                    app.post(&path, JSON, body.into()).await?
                }
            };
            posted.of("keys for viewers", 204)?;
            known = sorted;
            if !is_other {
                continue;
            }
            let then = match epoch {
                Some(epochs) => {
                    let clock = &self.device.world.clock;
                    clock.sleep_until(clock.unix() + LEAD).await;
                    let bases = epochs.into_iter().map(|epoch| epoch.base);
                    let bases = <[_; SENDING]>::try_from(bases.collect::<Vec<_>>());
                    // One for each sender.
                    let Ok(bases) = bases else {
                        return Ok("there are other senders");
                    };
                    Next::Sealed(Senders::new(bases, &self.device.fault)?)
                }
                None => Next::Nobody,
            };
            if next.send(then).await.is_err() {
                return Ok("nothing is sent any more");
            }
        }
    }

    /// Whoever shows what the owner signed is wrapped for, unless the owner took
    /// it back. What else the relay says of them counts for nothing.
    fn sort(&self, portal: &Portal, present: &[Value]) -> Sorted {
        let mut sorted = Sorted::default();
        for viewer in present {
            let octets = |name| text(viewer, name).and_then(hex::octets);
            let Some(session) = text(viewer, "session") else {
                continue;
            };
            let key = octets("viewer_key").and_then(|octets| octets.try_into().ok());
            let key = key.map(HpkePublicKey);
            let signature = octets("signature").unwrap_or_default();
            let is_theirs = |key: &HpkePublicKey| {
                let is_enrolled = portal.access.owner.enrolled(key, &signature);
                let is_revoked = portal.has_revoked(key);
                match self.device.fault.portal.wraps_for {
                    Some(decide) => decide(is_enrolled, is_revoked),
                    None => is_enrolled && !is_revoked,
                }
            };
            match key.filter(is_theirs) {
                Some(key) => {
                    sorted.accepted.insert(session.to_owned(), key);
                }
                None => {
                    sorted.refused.insert(session.to_owned());
                }
            }
        }
        sorted
    }

    /// Begins an epoch of each sender.
    fn begin(&mut self, viewers: &Viewers) -> Result<Vec<Epoch>, Broken> {
        let (world, fault) = (&self.device.world, &self.device.fault.portal);
        let keys: BTreeSet<_> = viewers.values().copied().collect();
        let epochs = self.senders.iter_mut();
        let epochs = epochs.map(|sender| sender.renew(keys.clone(), &*world.entropy));
        let mut epochs = epochs.collect::<Result<Vec<_>, _>>()?;
        if let Some(change) = fault.epochs {
            change(&self.device, &mut epochs);
        }
        for epoch in &epochs {
            world.witness.secret(&epoch.base.opening().escrow());
        }
        Ok(epochs)
    }

    /// What the relay is told: keys for each session, and who gets none.
    fn body(&self, sorted: &Sorted, epochs: Option<&[Epoch]>) -> Value {
        let epochs = epochs.unwrap_or_default();
        let deliveries = sorted.accepted.iter().map(|(session, key)| {
            let keys = epochs.iter().zip(SENDERS).filter_map(|(epoch, sender)| {
                let mut deliveries = epoch.deliveries.iter();
                let (_, octets) = deliveries.find(|(viewer, _)| viewer == key)?;
                delivery::write(sender, octets)
            });
            json!({"session": session, "keys": keys.collect::<Vec<_>>()})
        });
        let deliveries: Vec<_> = match epochs {
            [] => Vec::new(),
            _ => deliveries.collect(),
        };
        // Of all senders the same, and it only grows. None is 0, after which whoever
        // knows of none asks for the next.
        let kid = epochs.first().map(|epoch| epoch.base.opening().id().kid());
        let number = kid.unwrap_or_default() / SENDING as u64 + 1;
        let mut body = json!({
            "epoch": number, "deliveries": deliveries, "refused": sorted.refused,
        });
        if let Some(add) = self.device.fault.portal.delivers {
            add(epochs, &mut body);
        }
        body
    }
}

/// Counters that several senders have each their share of, so that none has a
/// KID of another.
struct Interleaved {
    counters: DiskCounters,
    index: u64,
}

impl Counters for Interleaved {
    fn reserve(&mut self, count: u64) -> Result<u64, CounterError> {
        const STEP: u64 = SENDING as u64;
        let first = self.counters.reserve(count)?;
        let shared = first.checked_mul(STEP).filter(|_| count == 1);
        let wanted = count;
        shared
            .map(|shared| shared | self.index)
            .ok_or(CounterError::Exhausted { wanted, left: 0 })
    }
}
