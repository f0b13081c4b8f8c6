//! What a recogniser says of a flow.

use crate::{
    decoder::{Elementary, Picture, Sound},
    dissect::Place,
};

use super::Label;

/// What a recogniser says of a flow, or of a part of it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The protocol, or the carriage and the codec in it: `tls1.3`, `rtp/h264`,
    /// `http/jpeg`. Lower case, no spaces.
    pub kind: String,
    /// What it means for who listens.
    pub standing: Standing,
    /// How that is known: what was seen, and where.
    pub reason: String,
    /// Where what is claimed begins.
    pub place: Option<Place>,
    /// Whether all octets of the flow are a part of it, as far as they were captured.
    pub is_whole: bool,
}

/// What a protocol means for who listens.
#[derive(Clone, Debug)]
pub enum Standing {
    /// Media in clear.
    Clear {
        /// What shows it.
        proof: Proof,
        /// The media, each as a file that a player plays.
        media: Vec<Elementary>,
    },
    /// Encrypted, and identified by a handshake or by its structure.
    Sealed {
        /// Why that is weak, as somebody would say it who was asked.
        weak: Option<String>,
    },
    /// Known by its form, and nobody can tell what is inside.
    Unknown,
    /// In clear, and no media.
    Other,
}

/// What shows that media are in clear.
#[derive(Clone, Debug)]
pub enum Proof {
    /// Their structure: of a dialogue that was parsed or of a codec, over more than
    /// chance can explain.
    Structure,
    /// Nothing, unless one of them is played.
    Playing,
    /// Nothing, unless most of the pictures play that lie between those that were made
    /// in place of what nobody can read. They are tried where nothing else plays.
    Remainder {
        /// Pictures that were made.
        made: usize,
        /// Pictures that lie between them.
        between: usize,
    },
    /// They were played.
    Played {
        /// Pictures that were decoded.
        frames: usize,
        /// The first of them.
        pictures: Vec<Picture>,
        /// Sound that was decoded.
        sounds: Vec<Sound>,
    },
}

impl Claim {
    /// In clear, and no media.
    pub fn other(kind: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(kind, Standing::Other, reason)
    }

    /// Sealed, and not weak.
    pub fn sealed(kind: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(kind, Standing::Sealed { weak: None }, reason)
    }

    /// Media whose structure shows that they are in clear.
    pub fn clear(
        kind: impl Into<String>,
        media: Vec<Elementary>,
        reason: impl Into<String>,
    ) -> Self {
        let proof = Proof::Structure;
        Self::new(kind, Standing::Clear { proof, media }, reason)
    }

    /// What may be media in clear: it is if one of them plays.
    pub fn playable(
        kind: impl Into<String>,
        media: Vec<Elementary>,
        reason: impl Into<String>,
    ) -> Self {
        let proof = Proof::Playing;
        Self::new(kind, Standing::Clear { proof, media }, reason)
    }

    /// What may be left in clear of media: it is if most of its pictures play, of which
    /// some were made and some lie between those.
    pub fn remainder(
        kind: impl Into<String>,
        file: Elementary,
        (made, between): (usize, usize),
        reason: impl Into<String>,
    ) -> Self {
        let proof = Proof::Remainder { made, between };
        let media = vec![file];
        Self::new(kind, Standing::Clear { proof, media }, reason)
    }

    /// Known by its form, and nobody can tell what is inside.
    pub fn unknown(kind: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(kind, Standing::Unknown, reason)
    }

    /// The same, which is weak for that reason, if there is one.
    #[must_use]
    pub fn weak(mut self, why: Option<String>) -> Self {
        if let Standing::Sealed { weak } = &mut self.standing {
            *weak = why;
        }
        self
    }

    /// The same, which begins there.
    #[must_use]
    pub fn at(self, place: Option<Place>) -> Self {
        Self { place, ..self }
    }

    /// The same, which is all that the flow has, if it is so.
    #[must_use]
    pub fn whole(self, is_whole: bool) -> Self {
        Self { is_whole, ..self }
    }

    /// What it comes to.
    pub fn label(&self) -> Label {
        match &self.standing {
            Standing::Clear { proof, .. } => match proof {
                Proof::Structure | Proof::Played { .. } => Label::Leak,
                Proof::Playing | Proof::Remainder { .. } => Label::Undetermined,
            },
            Standing::Sealed { .. } => Label::Sealed,
            Standing::Unknown => Label::Undetermined,
            Standing::Other => Label::Other,
        }
    }

    /// Pictures of it that were decoded before it was claimed.
    pub(super) fn frames(&self) -> usize {
        match &self.standing {
            Standing::Clear {
                proof: Proof::Played { frames, .. },
                ..
            } => *frames,
            _ => 0,
        }
    }

    fn new(kind: impl Into<String>, standing: Standing, reason: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            standing,
            reason: reason.into(),
            place: None,
            is_whole: false,
        }
    }
}
