//! A camera at its vendor's portal: it publishes to the relay over WHIP, and
//! wraps keys for those viewers whom its owner enrolled, whatever the relay
//! says of others.

mod publisher;
mod roster;

use std::{collections::BTreeSet, io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

use crate::{
    camera::Device,
    seal::{
        keys::{BearerToken, HpkePublicKey, OwnerPublicKey},
        tls::TlsVersion,
    },
    viewer::{
        rtsp::Address,
        webrtc::{App, AppError},
    },
    webrtc::DtlsVersions,
    world::{Disk, World},
};

/// How long it waits before it publishes again.
pub const PAUSE: Duration = Duration::from_secs(2);

/// Where the viewers are kept who were revoked: 32 octets each.
const REVOKED: &str = "portal-revoked";

/// What a camera needs to know to publish.
#[derive(Clone, Debug)]
pub struct PortalAccess {
    /// The relay.
    pub relay: SocketAddr,
    /// Whose certificates it trusts.
    pub authority: CertificateDer<'static>,
    /// What it shows.
    pub token: BearerToken,
    /// The owner that it was paired with, whose viewers may watch.
    pub owner: OwnerPublicKey,
    /// The versions of DTLS that it speaks.
    pub dtls: DtlsVersions,
}

/// What a camera knows of the portal.
#[derive(Debug)]
pub(crate) struct Portal {
    pub(crate) access: PortalAccess,
    revoked: watch::Sender<BTreeSet<HpkePublicKey>>,
}

impl Portal {
    /// With those who were revoked before.
    ///
    /// # Errors
    ///
    /// If the card fails.
    pub(crate) fn new(access: PortalAccess, disk: &dyn Disk) -> io::Result<Self> {
        let kept = match disk.list()?.iter().any(|name| name == REVOKED) {
            true => disk.read(REVOKED)?,
            false => Vec::new(),
        };
        let (keys, _) = kept.as_chunks();
        let revoked = keys.iter().map(|octets| HpkePublicKey(*octets)).collect();
        Ok(Self {
            access,
            revoked: watch::Sender::new(revoked),
        })
    }

    /// Lets a viewer watch no more, not even after a loss of power.
    ///
    /// # Errors
    ///
    /// If the card fails; the viewer is revoked until power is lost all the
    /// same.
    pub(crate) fn revoke(&self, viewer: HpkePublicKey, disk: &dyn Disk) -> io::Result<()> {
        let is_new = self
            .revoked
            .send_if_modified(|revoked| revoked.insert(viewer));
        if !is_new {
            return Ok(());
        }
        if !disk.list()?.iter().any(|name| name == REVOKED) {
            disk.create(REVOKED)?;
        }
        disk.append(REVOKED, &viewer.0)?;
        disk.sync(REVOKED)
    }

    /// Whether that viewer may watch no more.
    pub(crate) fn has_revoked(&self, viewer: &HpkePublicKey) -> bool {
        self.revoked.borrow().contains(viewer)
    }

    /// A connection to the relay, on which it shows its token.
    async fn connect(&self, world: &World) -> Result<App, AppError> {
        let PortalAccess {
            relay, authority, ..
        } = &self.access;
        let address = Address {
            endpoint: *relay,
            url: format!("https://{relay}/"),
            authority: Some(authority.clone()),
            versions: &[TlsVersion::Tls13],
        };
        let mut app = App::connect(&address, world).await?;
        app.token = Some(self.access.token.clone());
        Ok(app)
    }
}

/// Publishes for as long as the camera is on.
pub(crate) async fn run(device: Arc<Device>, portal: Arc<Portal>) {
    let clock = device.world.clock.clone();
    let mut roster = match roster::Roster::new(&device) {
        Ok(roster) => roster,
        // Without counters no key would be known to be new.
        Err(error) => return device.world.log.line(&format!("portal: {error}")),
    };
    loop {
        let why = match publisher::publish(&device, &portal, &mut roster).await {
            Ok(why) => why.to_owned(),
            Err(error) => error.to_string(),
        };
        device.world.log.line(&format!("portal: {why}"));
        clock.sleep_until(clock.unix() + PAUSE).await;
    }
}
