//! The keys of one run, and who is known at the vendor's server.

use std::{net::SocketAddr, time::Duration};

use lightleak_sim::{
    portal::PortalAccess,
    relay::{self, Account, CameraAccount, RelaySettings},
    rtsp::digest::Credentials,
    seal::keys::{
        Authority, BearerToken, HpkeKey, KeyError, ListKey, OwnerIdentity, OwnerKey, Password,
    },
    webrtc::DtlsVersions,
    world::Entropy,
};

use super::RELAY;
use crate::{page::PAGE, target::seeded::Seeded};

/// Stream of random octets that the list's key is made of.
const LIST_KEY: u64 = u64::MAX - 1;

/// Stream of random octets that the owner's key for documents is made of.
const DOCUMENTS_KEY: u64 = u64::MAX - 2;

/// Streams of random octets that the owner's key for pairing, and the key of an
/// app, are made of.
const PAIRING_KEY: u64 = u64::MAX - 3;
const VIEWER_KEY: u64 = u64::MAX - 4;
const SECOND_VIEWER_KEY: u64 = u64::MAX - 5;

/// Streams of random octets that what a camera shows its relay, and passwords
/// of accounts there, are made of.
const DEVICE_TOKEN: u64 = u64::MAX - 6;
const PORTAL_PASSWORDS: u64 = u64::MAX - 7;

/// Another camera at the same portal.
const OTHER_CAMERA: &str = "LL-OTHER";

/// How long a token is good for there: longer than any session but that which
/// waits for its end.
const PORTAL_TOKEN_LIFETIME: Duration = Duration::from_secs(30);

/// Keys of one run.
pub(in crate::target) struct Keys {
    pub(in crate::target) authority: Authority,
    pub(super) owner: OwnerIdentity,
    pub(super) documents: HpkeKey,
    pub(super) list: ListKey,
    pub(in crate::target) pairing: OwnerKey,
    pub(in crate::target) viewer: HpkeKey,
    pub(super) second_viewer: HpkeKey,
}

impl Keys {
    /// That of the list is of the seed, since the declaration names it.
    pub(in crate::target) fn new(seed: u64) -> Result<Self, KeyError> {
        let mut list = [0; 32];
        Seeded::new(seed, LIST_KEY).fill(&mut list);
        Ok(Self {
            authority: Authority::new()?,
            owner: OwnerIdentity::generate(),
            documents: HpkeKey::random(&Seeded::new(seed, DOCUMENTS_KEY))?,
            list: ListKey::from_seed(&list)?,
            pairing: OwnerKey::random(&Seeded::new(seed, PAIRING_KEY))?,
            viewer: HpkeKey::random(&Seeded::new(seed, VIEWER_KEY))?,
            second_viewer: HpkeKey::random(&Seeded::new(seed, SECOND_VIEWER_KEY))?,
        })
    }
}

/// The vendor's server of one run: the camera's owner has an account there, and
/// somebody else with another camera.
pub(super) struct Portal {
    pub(super) relay: SocketAddr,
    pub(super) settings: RelaySettings,
}

impl Portal {
    pub(super) fn new(seed: u64, serial: &str, keys: &Keys) -> Result<Self, KeyError> {
        let passwords = Seeded::new(seed, PORTAL_PASSWORDS);
        let account = |user: &str, camera: &str| Account {
            credentials: Credentials {
                user: user.into(),
                password: Password::random(&passwords),
            },
            cameras: vec![camera.into()],
        };
        let tokens = Seeded::new(seed, DEVICE_TOKEN);
        let camera = |serial: &str, name: &str| CameraAccount {
            serial: serial.into(),
            name: name.into(),
            token: BearerToken::random(&tokens),
        };
        Ok(Self {
            relay: SocketAddr::new(RELAY, relay::PORT),
            settings: RelaySettings {
                identity: keys.authority.issue("relay", &[RELAY])?,
                accounts: vec![
                    account("portal-viewer", serial),
                    account("neighbour", OTHER_CAMERA),
                ],
                cameras: vec![camera(serial, "Front door"), camera(OTHER_CAMERA, "Garden")],
                dtls: DtlsVersions::Either,
                page: PAGE.clone(),
                token_lifetime: PORTAL_TOKEN_LIFETIME,
                forwarding: None,
            },
        })
    }

    /// What the camera needs to know of it.
    pub(super) fn access(&self, keys: &Keys) -> PortalAccess {
        PortalAccess {
            relay: self.relay,
            authority: keys.authority.certificate(),
            token: self.settings.cameras[0].token.clone(),
            owner: keys.pairing.public(),
            dtls: DtlsVersions::Either,
        }
    }

    /// Those of the owner, and those of somebody else.
    pub(super) fn credentials(&self, account: usize) -> Credentials {
        self.settings.accounts[account].credentials.clone()
    }
}
