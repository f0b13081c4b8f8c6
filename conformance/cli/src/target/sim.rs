//! Simulated cameras in simulated networks: every session has a network, a
//! camera and a clock of its own.

pub(super) mod keys;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use lightleak_case::Vantage;
use lightleak_sim::{
    camera::{Camera, Settings},
    claim::{Carriage, Claim},
    fault::{Decoy, Fault, Mutant, Surroundings},
    h264::EncoderConfig,
    neighbour,
    path::{Served, TransportPath, app_webrtc},
    record::Recording,
    relay::Relay,
    rtsp::digest::Credentials,
    seal::{
        keys::{Authority, KeyError, Password},
        recording,
        tls::TlsVersion,
    },
    signalling::AppAccess,
    sound::Sound,
    viewer::{recording::Owner, rtsp::Address},
    webrtc::DtlsVersions,
    world::{Held, Witness as _},
};

use crate::{
    declare,
    disk::MemoryDisk,
    log,
    net::record::Tap,
    stimulus::{CardVisit, Offers, PortalVisit, Visit, power_cut},
};

use super::{
    CAMERA, VISITOR, WARM_UP,
    notes::{Notes, lock},
    plan::{Files, Job, Plan, Progress, RecordError, Recorded, in_simulated_time},
    seeded::{Seeded, mix},
    site::Site,
};
use keys::{Keys, Portal};

/// More addresses of TEST-NET-1 (RFC 5737).
const RELAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 30));
const SECOND_VISITOR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 21));
const NEIGHBOURS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 98)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 99)),
];

/// How long tokens are good for: longer than any session needs one that does
/// not wait for the end.
const TOKEN_LIFETIME: Duration = Duration::from_secs(15);

/// Octets, before one of which a decoy's power is cut: a second's worth.
const POWER_CUT_SPAN: u32 = 75_000;

/// A camera to simulate.
#[derive(Clone, Copy, Debug)]
pub struct SimTarget {
    /// `sim`, or `sim:` and the id of a mutant or decoy.
    name: &'static str,
    fault: Fault,
    surroundings: Surroundings,
}

impl SimTarget {
    /// The honest camera.
    pub const HONEST: Self = Self {
        name: "honest",
        fault: Fault::NONE,
        surroundings: Surroundings::NONE,
    };

    /// The mutant or decoy of that id.
    pub fn find(id: &str) -> Option<Self> {
        Mutant::find(id)
            .map(Self::from)
            .or_else(|| Decoy::find(id).map(Self::from))
    }

    /// `sim` or `sim:ID`.
    pub fn name(&self) -> String {
        match self.name {
            "honest" => "sim".into(),
            id => format!("sim:{id}"),
        }
    }

    /// Runs every path and stimulus of the plan and writes the case.
    pub fn record(&self, plan: &Plan, progress: &dyn Progress) -> Result<(), RecordError> {
        let keys = Keys::new(plan.seed)?;
        let factory = match self.surroundings.factory {
            Some(image) => image.files()?,
            None => BTreeMap::new(),
        };
        plan.record(&plan.jobs(), &factory, progress, |job| {
            self.session(plan, job, &keys, &factory).map(Some)
        })
    }

    fn session(
        &self,
        plan: &Plan,
        job: &Job,
        keys: &Keys,
        factory: &Files,
    ) -> Result<Recorded, RecordError> {
        let notes = Arc::new(Notes::default());
        // The runtime has no other thread than this one.
        let _capture = log::capture(notes.clone());
        let card = MemoryDisk::new(factory.clone());
        in_simulated_time(self.play(plan, job, keys, notes, Arc::new(card)))
    }

    async fn play(
        &self,
        plan: &Plan<'_>,
        job: &Job,
        keys: &Keys,
        notes: Arc<Notes>,
        card: Arc<MemoryDisk>,
    ) -> Result<Recorded, RecordError> {
        let seed = plan.seed;
        let site = Site::new(seed, job.index, (notes, card), self.surroundings.rough);
        let Site {
            clock, notes, card, ..
        } = &site;
        let host = |address| site.host(address);
        // Elsewhere nothing is held between two protections.
        let is_webrtc = job.path.carriage == Carriage::Webrtc;
        let is_relayed = matches!(job.path.served, Served::Relay);
        let held = [(Held::Relay, is_relayed), (Held::Peer, is_webrtc)];
        let held = held.into_iter().filter(|(_, is_held)| *is_held);
        let held: Vec<_> = held
            .map(|(holder, _)| (holder, Tap::start(clock.clone(), false)))
            .collect();
        lock(&notes.held).clone_from(&held);

        let mut settings = settings(seed, &keys.authority)?;
        settings.nonce = plan.nonce;
        settings.video = plan.video;
        settings.quiet = self.surroundings.quiet;
        settings.begin = job.stimulus.begin;
        settings.archive = Some(plan.shared.archive.clone());
        // Nor is a camera paired whose app nobody asks for.
        if plan.paths.iter().any(|p| p.carriage == Carriage::Webrtc) {
            settings.app = Some(AppAccess {
                owner: keys.pairing.public(),
                dtls: DtlsVersions::Either,
                token_lifetime: TOKEN_LIFETIME,
                turn: None,
            });
        }
        let mut portal = Portal::new(seed, &settings.serial, keys)?;
        portal.settings.forwarding = job.stimulus.forwarding;
        let has_portal = |p: &&TransportPath| matches!(p.served, Served::Relay);
        let relay = match is_relayed {
            true => {
                settings.portal = Some(portal.access(keys));
                let relay = Relay::start(portal.settings.clone(), self.fault, host(RELAY));
                Some(relay.await?)
            }
            false => None,
        };
        let mut declaration = declare::device(&settings.serial, unit(seed), &[CAMERA]);
        declaration.device.owner_key = settings.app.as_ref().map(|app| app.owner.to_string());
        let list_key = keys.list.public();
        // A camera whose card nobody asks for keeps none.
        if plan.paths.iter().any(|p| matches!(p.served, Served::Card)) {
            settings.recording = Some(Recording {
                owner: keys.owner.recipient(),
                documents: keys.documents.public(),
                list_key: keys.list.clone(),
            });
            notes.secret(&keys.owner.escrow());
            notes.secret(&keys.documents.escrow());
            declaration.device.clip_list_key = Some(list_key.to_string());
        }
        let credentials = settings.credentials.clone();
        let serial = settings.serial.clone();
        let says = plan.talk_back();
        let camera = Camera::start(settings, self.fault, host(CAMERA)).await?;
        // Where the others are looked at, the camera keeps to itself.
        let mut elsewhere = plan.paths.iter().copied().filter(has_portal);
        let elsewhere = elsewhere.find(|_| !is_relayed);
        let elsewhere = elsewhere.map(|path| Claim::relay(path, portal.relay));
        let claims = || camera.claims.iter().chain(&elsewhere);
        declare::claims(&mut declaration, claims());
        let claim = claims().find(|c| c.path == job.path.id);
        let claim = claim.ok_or(RecordError::NoSuchPath(job.path.id))?;
        if self.surroundings.power_cut {
            let (world, card) = (host(VISITOR), card.clone());
            tokio::spawn(async move { power_cut::cut(&world, &card, POWER_CUT_SPAN).await });
        }
        if self.surroundings.lookalike_neighbour {
            const PORT: u16 = 5004;
            tokio::spawn(neighbour::listen(host(NEIGHBOURS[1]), PORT));
            let to = SocketAddr::new(NEIGHBOURS[1], PORT);
            tokio::spawn(neighbour::talk(host(NEIGHBOURS[0]), to));
        }

        clock.sleep_until(clock.unix() + WARM_UP).await;
        let (on_network, on_card) = (job.stimulus.at(job.path), job.stimulus.card);
        let at_portal = job.stimulus.portal.filter(|_| is_relayed);
        let at = |claim: &Claim, endpoint| Address {
            endpoint,
            url: claim.url.clone(),
            authority: Some(keys.authority.certificate()),
            versions: &[TlsVersion::Tls13],
        };
        let experience = match (claim.endpoint, on_network, on_card) {
            (Some(endpoint), ..) if let Some(run) = at_portal => {
                let mut own = claims().filter(|c| c.path == app_webrtc::PATH.id);
                let own = own.find_map(|claim| Some(at(claim, claim.endpoint?)));
                run(PortalVisit {
                    first: Visit {
                        world: host(VISITOR),
                        device: RELAY,
                        serial,
                        address: at(claim, endpoint),
                        credentials: portal.credentials(0),
                        owner: keys.pairing.clone(),
                        viewer: keys.viewer.clone(),
                        says,
                        offers: Offers::ToPortal,
                    },
                    second: (host(SECOND_VISITOR), keys.second_viewer.clone()),
                    other: portal.credentials(1),
                    own: own.map(|address| (address, credentials)),
                    token_lifetime: portal.settings.token_lifetime,
                    player: self.fault.portal.player,
                })
                .await
            }
            (Some(endpoint), Some(run), _) => {
                let visit = Visit {
                    world: host(VISITOR),
                    device: CAMERA,
                    serial,
                    address: at(claim, endpoint),
                    credentials,
                    owner: keys.pairing.clone(),
                    viewer: keys.viewer.clone(),
                    says,
                    offers: Offers::ToDevice,
                };
                if self.surroundings.second_viewer && job.stimulus.id == "honest" {
                    let second = Visit {
                        world: host(SECOND_VISITOR),
                        // Nobody says the same as somebody else.
                        says: Sound {
                            seed: !visit.says.seed,
                            ..visit.says
                        },
                        ..visit.clone()
                    };
                    let (first, second) = tokio::join!(run(visit), run(second));
                    first.and(second)
                } else {
                    run(visit).await
                }
            }
            (None, _, Some(run)) => {
                run(CardVisit {
                    world: host(VISITOR),
                    card: card.clone(),
                    owner: Owner {
                        identity: keys.owner.clone(),
                        documents: keys.documents.clone(),
                        device: list_key,
                    },
                    opens: self.fault.opens_clip.unwrap_or(recording::open),
                })
                .await
            }
            _ => return Err(RecordError::NoSuchPath(job.path.id)),
        };
        drop((camera, relay));
        // Connections that the camera dropped say so on the wire.
        tokio::task::yield_now().await;
        let held = held.iter().map(|(holder, tap)| {
            let vantage = match holder {
                Held::Relay => Vantage::Relay,
                Held::Peer => Vantage::Peer,
            };
            (vantage, tap.finish())
        });
        let held = held.collect();
        let record = job.record(self.name(), seed, experience);
        Ok(site.close(declaration, record, held))
    }
}

impl From<&Mutant> for SimTarget {
    fn from(mutant: &Mutant) -> Self {
        Self {
            name: mutant.id,
            fault: mutant.fault,
            surroundings: Surroundings::default(),
        }
    }
}

impl From<&Decoy> for SimTarget {
    fn from(decoy: &Decoy) -> Self {
        Self {
            name: decoy.id,
            fault: decoy.fault,
            surroundings: decoy.surroundings,
        }
    }
}

/// A camera's settings for a seed: the default camera of `run`, without a
/// recorder.
pub fn settings(seed: u64, authority: &Authority) -> Result<Settings, KeyError> {
    let unit = unit(seed);
    let serial = serial(unit);
    Ok(Settings {
        seed,
        unit,
        nonce: nonce(seed),
        name: name(unit),
        identity: authority.issue(&serial, &[CAMERA])?,
        serial,
        recording: None,
        app: None,
        portal: None,
        quiet: false,
        begin: None,
        archive: None,
        video: VIDEO,
        sub: SUB_VIDEO,
        credentials: credentials(seed),
    })
}

/// Size and rate of the default camera.
pub const VIDEO: EncoderConfig = EncoderConfig {
    width: 640,
    height: 360,
    frames_per_second: 15,
    bits_per_second: 600_000,
    key_frame_interval: 30,
};

/// Size and rate of the default camera's sub stream.
pub const SUB_VIDEO: EncoderConfig = EncoderConfig {
    width: 320,
    height: 180,
    frames_per_second: 10,
    bits_per_second: 150_000,
    key_frame_interval: 20,
};

/// Unit number of the camera with that seed.
pub(super) fn unit(seed: u64) -> u16 {
    (mix(seed) >> 48) as u16
}

/// Who may watch it.
pub(super) fn credentials(seed: u64) -> Credentials {
    Credentials {
        user: "viewer".into(),
        password: Password::random(&Seeded::new(seed, u64::MAX)),
    }
}

/// Its serial number.
pub fn serial(unit: u16) -> String {
    format!("LL-{unit:05}")
}

/// What is burnt into its picture.
pub fn name(unit: u16) -> String {
    format!("LIGHTLEAK {unit:05}")
}

/// Nonce of its mark.
pub(super) fn nonce(seed: u64) -> u32 {
    (mix(seed ^ 0x6d61_726b) >> 32) as u32
}
