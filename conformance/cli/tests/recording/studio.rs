//! A camera that records onto a card in memory.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use lightleak::{
    disk::MemoryDisk,
    net::{
        memory::{Network, VirtualClock},
        os::OsEntropy,
        record::Tap,
    },
    target::sim::settings,
};
use lightleak_sim::{
    camera::Camera,
    fault::Fault,
    h264::{AccessUnit, EncoderConfig},
    record::Recording,
    seal::keys::{Authority, ListKey, OwnerIdentity},
    sound::SoundPacket,
    viewer::recording::{Contents, Owner},
    world::{Clock, Log, Witness, World},
};

const CAMERA: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));

pub struct Studio {
    pub card: Arc<MemoryDisk>,
    pub owner: Owner,
    clock: Arc<dyn Clock>,
    notes: Arc<Notes>,
    _camera: Camera,
}

impl Studio {
    /// Switches an honest camera on.
    pub async fn start(video: EncoderConfig) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        let notes = Arc::new(Notes::default());
        let card = Arc::new(MemoryDisk::default());
        let identity = OwnerIdentity::generate();
        let list_key = ListKey::generate().unwrap();
        let device = list_key.public();
        let mut settings = settings(1, &Authority::new().unwrap()).unwrap();
        settings.video = video;
        settings.recording = Some(Recording {
            owner: identity.recipient(),
            list_key,
        });
        let world = World {
            net: Network::new(Tap::start(clock.clone(), false)).host(CAMERA),
            disk: card.clone(),
            log: notes.clone(),
            witness: notes.clone(),
            clock: clock.clone(),
            entropy: Arc::new(OsEntropy),
        };
        let camera = Camera::start(settings, Fault::NONE, world).await.unwrap();
        Self {
            card,
            owner: Owner { identity, device },
            clock,
            notes,
            _camera: camera,
        }
    }

    /// Lets a camera record for so long.
    pub async fn record(video: EncoderConfig, time: Duration) -> Self {
        let studio = Self::start(video).await;
        studio.wait(time).await;
        studio
    }

    pub async fn wait(&self, time: Duration) {
        self.clock.sleep_until(self.clock.unix() + time).await;
    }

    /// The ledger.
    pub fn units(&self) -> Vec<AccessUnit> {
        self.notes.0.lock().unwrap().clone()
    }

    /// What the owner finds.
    pub fn contents(&self) -> Contents {
        self.owner.read(&*self.card).unwrap()
    }

    /// Names of the files whose names begin so, sorted.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let files = self.card.files().into_keys();
        files.filter(|name| name.starts_with(prefix)).collect()
    }
}

#[derive(Default)]
struct Notes(Mutex<Vec<AccessUnit>>);

impl Witness for Notes {
    fn access_unit(&self, _track: &str, unit: &AccessUnit) {
        self.0.lock().unwrap().push(unit.clone());
    }

    fn sound(&self, _: &str, _: &SoundPacket) {}

    fn secret(&self, _line: &str) {}
}

impl Log for Notes {
    fn line(&self, line: &str) {
        panic!("the camera complains: {line}");
    }
}
