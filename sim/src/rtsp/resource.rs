//! What a camera's RTSP URLs name: two presentations, each with a
//! video track, the main one with sound.

use rtsp_types::Url;

use super::sdp;

/// Path of the presentation that transport paths lead to.
pub const PRESENTATION: &str = Presentation::Main.path();

/// What a camera shows of its scene, in one of two sizes; the term is RTSP's
/// (RFC 2326 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presentation {
    /// The main stream.
    Main,
    /// The sub stream: smaller, for previews and thin lines.
    Sub,
}

impl Presentation {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Main, Self::Sub];

    /// Its path in a URL.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Sub => "sub",
        }
    }

    /// The base of its relative URLs, at the address that the client used; a
    /// password that it put there is not repeated.
    pub(super) fn base(self, url: &Url) -> Url {
        let mut base = url.clone();
        base.set_path(&format!("/{}/", self.path()));
        base.set_query(None);
        base.set_fragment(None);
        // Both fail only where there is no host, and then there is no user.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base
    }
}

/// A resource of the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// Of which presentation.
    pub(super) presentation: Presentation,
    /// What of it.
    pub(super) part: Part,
}

/// A part of a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// One of its tracks.
    Track(Track),
}

/// A track of a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// Video.
    Video,
    /// Sound, of the main presentation only.
    Sound,
}

impl Resource {
    /// What a URL names, if it is ours. A query says nothing to us.
    pub(super) fn find(url: &Url) -> Option<Self> {
        let path = url.path().strip_prefix('/')?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let (presentation, part) = match path.split_once('/') {
            None => (path, Part::Whole),
            Some((presentation, sdp::VIDEO_CONTROL)) => (presentation, Part::Track(Track::Video)),
            Some((presentation, sdp::SOUND_CONTROL)) if presentation == PRESENTATION => {
                (presentation, Part::Track(Track::Sound))
            }
            Some(_) => return None,
        };
        let mut all = Presentation::ALL.into_iter();
        let presentation = all.find(|p| p.path() == presentation)?;
        Some(Self { presentation, part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_presentations_with_a_track_exist() {
        let found = |url: &str| {
            let resource = Resource::find(&Url::parse(url).unwrap())?;
            Some((resource.presentation, resource.part))
        };
        for (url, presentation, part) in [
            ("rtsps://192.0.2.1/main", Presentation::Main, Part::Whole),
            (
                "rtsps://[::1]:322/main/?live",
                Presentation::Main,
                Part::Whole,
            ),
            (
                "rtsps://h/main/video",
                Presentation::Main,
                Part::Track(Track::Video),
            ),
            (
                "rtsp://h:554/main/video/",
                Presentation::Main,
                Part::Track(Track::Video),
            ),
            (
                "rtsps://h/main/audio",
                Presentation::Main,
                Part::Track(Track::Sound),
            ),
            ("rtsps://h/sub", Presentation::Sub, Part::Whole),
            (
                "rtsps://h/sub/video",
                Presentation::Sub,
                Part::Track(Track::Video),
            ),
        ] {
            assert_eq!(found(url), Some((presentation, part)), "{url}");
        }
        for url in [
            "rtsps://h",
            "rtsps://h/",
            "rtsps://h/other",
            "rtsps://h/mainvideo",
            "rtsps://h/sub/audio",
            "rtsps://h/main/video/video",
            "rtsps://h/main/sub",
            "rtsps://h/Main",
            "mailto:main",
        ] {
            assert_eq!(found(url), None, "{url}");
        }
    }

    #[test]
    fn the_base_has_neither_password_nor_query() {
        let url = Url::parse("rtsps://viewer:secret@h:1/main/video?a#b").unwrap();
        let base = |presentation: Presentation| presentation.base(&url).to_string();
        assert_eq!(base(Presentation::Main), "rtsps://h:1/main/");
        assert_eq!(base(Presentation::Sub), "rtsps://h:1/sub/");
    }
}
