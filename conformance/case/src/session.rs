//! `session.toml`: what was done to the device, and what the client says that
//! it experienced. The second part is a claim of our own client: the judge
//! derives it from the wire wherever it can.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, toml_file};

/// One path x stimulus x condition, recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRecord {
    /// Always [`SessionRecord::SCHEMA`].
    pub schema: String,
    /// Transport path.
    pub path: String,
    /// What was done.
    pub stimulus: String,
    /// The circumstances; `default` unless named otherwise.
    pub condition: String,
    /// What the harness was pointed at, for people; no verdict looks at it.
    pub target: String,
    /// The seed of scene and plan.
    pub seed: u64,
    /// What the client says.
    pub experience: Experience,
}

impl SessionRecord {
    /// The value of `schema`.
    pub const SCHEMA: &str = "lightleak.session/1";

    /// Reads the file, which must exist. Another schema, unknown fields and
    /// malformed TOML are [`Error::Damaged`] with the place.
    pub fn read(path: &Path) -> Result<Self, Error> {
        toml_file::read(path, Self::SCHEMA)
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        toml_file::write(path, self)
    }
}

/// What the client says that it experienced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Experience {
    /// Access units that it received.
    pub access_units: u64,
    /// Octets of media that it received.
    pub media_bytes: u64,
    /// One line per thing that it did and what came back.
    pub steps: Vec<String>,
}

impl Experience {
    /// The same, and what another client says behind it.
    pub fn and(mut self, other: Self) -> Self {
        self.access_units += other.access_units;
        self.media_bytes += other.media_bytes;
        self.steps.extend(other.steps);
        self
    }
}

/// Where a tap sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Vantage {
    /// The network.
    Wire,
    /// What the vendor's server holds after the protection of the hop from the
    /// device is taken off, and before that of the hop to a viewer is put on.
    Relay,
    /// What a viewer holds after the hop's protection is taken off, and before
    /// that from end to end is: whoever ends the hop could read it.
    Peer,
    /// What the device stored.
    Rest,
    /// The lines that it logged.
    Log,
}

impl Vantage {
    /// All of them, in the order in which they are judged.
    pub const ALL: &[Vantage] = &[
        Vantage::Wire,
        Vantage::Relay,
        Vantage::Peer,
        Vantage::Rest,
        Vantage::Log,
    ];

    /// Those that are captured packet by packet.
    pub const CAPTURED: &[Vantage] = &[Vantage::Wire, Vantage::Relay, Vantage::Peer];

    /// Its name, as in reports.
    pub fn name(self) -> &'static str {
        match self {
            Vantage::Wire => "wire",
            Vantage::Relay => "relay",
            Vantage::Peer => "peer",
            Vantage::Rest => "rest",
            Vantage::Log => "log",
        }
    }

    /// Name of its capture, folder or file in the session's folder.
    pub fn file(self) -> &'static str {
        match self {
            Vantage::Wire => "wire.pcapng",
            Vantage::Relay => "relay.pcapng",
            Vantage::Peer => "peer.pcapng",
            Vantage::Rest => "rest",
            Vantage::Log => "log.txt",
        }
    }
}
