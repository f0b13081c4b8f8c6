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
    record::{Recording, beside::Document},
    seal::keys::{Authority, HpkeKey, ListKey, OwnerIdentity},
    sound::SoundPacket,
    viewer::recording::{Contents, Owner},
    world::{Clock, Log, Net, Witness, World},
};

pub const CAMERA: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
const VISITOR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 20));

pub struct Studio {
    pub card: Arc<MemoryDisk>,
    pub owner: Owner,
    /// Another host in its network.
    pub visitor: Arc<dyn Net>,
    clock: Arc<dyn Clock>,
    notes: Arc<Notes>,
    _camera: Camera,
}

impl Studio {
    /// Switches an honest camera on.
    pub async fn start(video: EncoderConfig) -> Self {
        Self::with_fault(video, Fault::NONE).await
    }

    /// Switches a camera with a fault on.
    pub async fn with_fault(video: EncoderConfig, fault: Fault) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        let notes = Arc::new(Notes::default());
        let card = Arc::new(MemoryDisk::default());
        let identity = OwnerIdentity::generate();
        let documents = HpkeKey::new(&[5; 32]).unwrap();
        let list_key = ListKey::from_seed(&[1; 32]).unwrap();
        let device = list_key.public();
        let mut settings = settings(1, &Authority::new().unwrap()).unwrap();
        settings.video = video;
        settings.recording = Some(Recording {
            owner: identity.recipient(),
            documents: documents.public(),
            list_key,
        });
        let network = Network::new(Tap::start(clock.clone(), false));
        let world = World {
            net: network.host(CAMERA),
            disk: card.clone(),
            log: notes.clone(),
            witness: notes.clone(),
            clock: clock.clone(),
            entropy: Arc::new(OsEntropy),
        };
        let camera = Camera::start(settings, fault, world).await.unwrap();
        Self {
            card,
            owner: Owner {
                identity,
                documents,
                device,
            },
            visitor: network.host(VISITOR),
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
        self.notes.units.lock().unwrap().clone()
    }

    /// The ledger of the sound.
    pub fn packets(&self) -> Vec<SoundPacket> {
        self.notes.packets.lock().unwrap().clone()
    }

    /// The ledger of a track of thumbnails or events.
    pub fn documents(&self, track: &str) -> Vec<Document> {
        let documents = self.notes.documents.lock().unwrap();
        let of_track = documents.iter().filter(|(t, _)| t == track);
        of_track.map(|(_, document)| document.clone()).collect()
    }

    /// The escrow.
    pub fn secrets(&self) -> Vec<String> {
        self.notes.secrets.lock().unwrap().clone()
    }

    /// What the camera logged.
    pub fn log(&self) -> Vec<String> {
        self.notes.log.lock().unwrap().clone()
    }

    /// What the owner finds.
    pub fn contents(&self) -> Contents {
        let log = self.log();
        assert!(log.is_empty(), "the camera complains: {log:?}");
        self.owner.read(&*self.card).unwrap()
    }

    /// Names of the files whose names begin so, sorted.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let files = self.card.files().into_keys();
        files.filter(|name| name.starts_with(prefix)).collect()
    }
}

#[derive(Default)]
struct Notes {
    units: Mutex<Vec<AccessUnit>>,
    packets: Mutex<Vec<SoundPacket>>,
    documents: Mutex<Vec<(String, Document)>>,
    secrets: Mutex<Vec<String>>,
    log: Mutex<Vec<String>>,
}

impl Witness for Notes {
    fn access_unit(&self, _track: &str, unit: &AccessUnit) {
        self.units.lock().unwrap().push(unit.clone());
    }

    fn sound(&self, _track: &str, packet: &SoundPacket) {
        self.packets.lock().unwrap().push(packet.clone());
    }

    fn document(&self, track: &str, document: &Document) {
        let mut documents = self.documents.lock().unwrap();
        documents.push((track.into(), document.clone()));
    }

    fn secret(&self, line: &str) {
        self.secrets.lock().unwrap().push(line.into());
    }
}

impl Log for Notes {
    fn line(&self, line: &str) {
        self.log.lock().unwrap().push(line.into());
    }
}
