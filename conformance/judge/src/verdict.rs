//! What can be said of a requirement, and how it is known.

use serde::Serialize;

use crate::mark::Mark;

/// What a check found, before presence is asked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It holds; how that is known, and in words what was seen.
    Pass(Assurance, String),
    /// It does not hold.
    Fail(String, Vec<Evidence>),
    /// What was seen does not allow to tell.
    Inconclusive(String),
    /// A probe looked and found that there is nothing to judge.
    NotApplicable(String),
    /// The harness could not look.
    Error(String),
}

/// The verdict on a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// Not known.
    Inconclusive,
    /// Nothing to judge.
    NotApplicable,
    /// The harness could not look.
    Error,
}

impl Verdict {
    /// Its name, as in reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Inconclusive => "inconclusive",
            Verdict::NotApplicable => "not applicable",
            Verdict::Error => "error",
        }
    }

    /// The one that stands for several.
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Option<Self> {
        verdicts
            .into_iter()
            .max_by_key(|verdict| verdict.severity())
    }

    /// Which verdict stands for several: the highest.
    pub fn severity(self) -> u8 {
        match self {
            Verdict::NotApplicable => 0,
            Verdict::Pass => 1,
            Verdict::Inconclusive => 2,
            Verdict::Error => 3,
            Verdict::Fail => 4,
        }
    }
}

/// How a pass is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// Decrypted with the escrowed key, and read.
    Opened,
    /// A handshake or record structure was seen; nothing was opened.
    Identified,
    /// No adversary succeeded.
    Absence,
}

/// Where to look, in a form that finds the packet in Wireshark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The capture, relative to the case.
    pub capture: String,
    /// Number of the frame; 0 in a stored file and in the log.
    pub packet: u64,
    /// Offset in the frame, or in the file.
    pub offset: usize,
    /// How many octets.
    pub length: usize,
    /// What is there.
    pub why: String,
    /// Recovered picture, relative to the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The mark in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
}

impl Evidence {
    /// Where in the capture or file, in words.
    pub(crate) fn place(&self) -> String {
        match self.packet {
            0 => format!("offset {}", self.offset),
            packet => format!("frame {packet}, offset {}", self.offset),
        }
    }
}
