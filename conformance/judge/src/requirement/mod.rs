//! The requirements: rows by area, as the catalogue has them. No parsing here.

mod class;
mod coverage;
mod dtls;
mod fail_closed;
pub mod framework;
mod iot;
mod keystream;
mod portal;
mod rtmp;
mod rtsp;
mod sdes;
mod sframe;
mod srtp;
mod sto;
mod tls;
mod webrtc;
mod xc;

use lightleak_case::{TransportPath, Vantage};
use serde::Serialize;

use crate::{
    dissect::Span,
    presence::Need,
    seen::Seen,
    verdict::{Evidence, Outcome},
};

/// Every requirement, area by area.
pub fn all() -> impl Iterator<Item = &'static Requirement> {
    [
        xc::ROWS,
        coverage::ROWS,
        fail_closed::ROWS,
        keystream::ROWS,
        sto::ROWS,
        rtsp::ROWS,
        rtsp::SAVP_ROWS,
        srtp::ROWS,
        srtp::GCM_ROWS,
        srtp::HEADER_ROWS,
        sdes::ROWS,
        dtls::ROWS,
        webrtc::ROWS,
        sframe::ROWS,
        portal::ROWS,
        rtmp::ROWS,
        tls::ROWS,
        iot::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// One testable sentence.
#[derive(Debug)]
pub struct Requirement {
    /// Its id in the catalogue.
    pub id: &'static str,
    /// How binding it is in the secure profile.
    pub level: Level,
    /// How binding it is in the standard profile: what its source demands.
    pub standard: Level,
    /// The sentence.
    pub title: &'static str,
    /// Who says so.
    pub source: Quote,
    /// Which paths it speaks of.
    pub expects: fn(&TransportPath) -> bool,
    /// Where it is looked at.
    pub vantages: &'static [Vantage],
    /// Without which a pass would mean nothing.
    pub needs: &'static [Need],
    /// The stimuli whose sessions show it.
    pub stimuli: Stimuli,
    /// Those without which the others show too little: a case has to have a
    /// session of each path with each of them that can be done to it.
    pub indispensable: &'static [&'static str],
    /// Looks at a session from a vantage.
    pub check: fn(&Seen<'_>, Vantage) -> Outcome,
}

impl Requirement {
    /// How binding it is in `profile`; `strict` raises Should.
    pub fn level_in(&self, profile: Profile, strict: bool) -> Level {
        let level = match profile {
            Profile::Secure => self.level,
            Profile::Standard => self.standard,
        };
        if strict && level == Level::Should {
            Level::Must
        } else {
            level
        }
    }
}

/// A sentence of a standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quote {
    /// Document, with its edition.
    pub document: &'static str,
    /// Clause.
    pub clause: &'static str,
    /// The sentence.
    pub text: &'static str,
    /// How the sentence was read.
    pub read: Reading,
}

/// How a quoted sentence was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// In the standard's own text.
    InText,
    /// In another document that quotes it.
    SecondHand,
}

/// How binding a requirement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// MUST, MUST NOT, shall, shall not.
    Must,
    /// SHOULD.
    Should,
    /// Reported, never counted.
    Info,
}

impl Level {
    /// Its name, as in reports.
    pub fn name(self) -> &'static str {
        match self {
            Level::Must => "must",
            Level::Should => "should",
            Level::Info => "info",
        }
    }
}

/// How much is demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// What the standards demand.
    Standard,
    /// What a camera that promises encryption has to do: options of the
    /// standards that leave the picture readable are not options here.
    #[default]
    Secure,
}

impl Profile {
    /// Its name, as in reports.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Standard => "standard",
            Profile::Secure => "secure",
        }
    }
}

/// The stimuli whose sessions show a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stimuli {
    /// Every session.
    All,
    /// Sessions with these stimuli.
    Only(&'static [&'static str]),
}

impl Stimuli {
    /// Whether that stimulus is among them.
    pub fn contain(self, id: &str) -> bool {
        match self {
            Stimuli::All => true,
            Stimuli::Only(ids) => ids.contains(&id),
        }
    }
}

/// Evidence at a vantage, there in a stored file (by name) if it is one.
fn evidence_at(
    seen: &Seen<'_>,
    (vantage, file, at): (Vantage, Option<&str>, Span),
    why: String,
) -> Evidence {
    let mut capture = format!("{}/{}", seen.session.folder, vantage.file());
    if let Some(file) = file {
        capture = format!("{capture}/{file}");
    }
    Evidence {
        capture,
        packet: at.packet,
        offset: at.offset,
        length: at.length,
        why,
        ..Evidence::default()
    }
}

/// A fail with what was found, or that outcome.
fn unless(found: Vec<Evidence>, outcome: impl FnOnce() -> Outcome) -> Outcome {
    match found.first() {
        Some(first) => Outcome::Fail(first.why.clone(), found),
        None => outcome(),
    }
}

/// Evidence in the session's capture.
fn evidence(seen: &Seen<'_>, at: Span, why: String) -> Evidence {
    evidence_at(seen, (Vantage::Wire, None, at), why)
}
