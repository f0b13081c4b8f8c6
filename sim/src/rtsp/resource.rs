//! What a camera's RTSP URLs name: two presentations, each with a
//! video track, the main one with sound; with SRTP each in several forms.

use rtsp_types::Url;

use super::{mikey::Policy, sdp, transport::Profile};
use crate::seal::srtp::Suite;

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

    /// Its tracks, in the order of its description.
    pub(super) const fn tracks(self) -> &'static [Track] {
        match self {
            Self::Main => &[Track::Video, Track::Sound],
            Self::Sub => &[Track::Video],
        }
    }
}

/// How the SRTP of a URL is keyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keying {
    /// The suite.
    pub suite: Suite,
    /// Whether packets carry an MKI, and keys are written as ONVIF Streaming
    /// 8.2 says. Where they do not, keys are written as clients want them that
    /// know no MKI, GStreamer's `rtspsrc` among them.
    pub mki: bool,
}

impl Keying {
    /// That of a URL that says nothing of it (ONVIF Streaming 5.1.1.4).
    pub const DEFAULT: Self = Self {
        suite: Suite::AesCm128HmacSha1_80,
        mki: true,
    };
}

/// First segment of the path of URLs without MKIs.
const NO_MKI: &str = "no-mki";

/// A presentation in one of its forms. Those of SRTP have a keying:
/// `/main` the default one, `/AEAD_AES_128_GCM/main` that of another suite of
/// ONVIF, `/no-mki/AEAD_AES_128_GCM/main` the same without MKIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) presentation: Presentation,
    /// None with RTP/AVP.
    pub(super) keying: Option<Keying>,
}

impl Form {
    /// The base of its relative URLs, at the address that the client used; a
    /// password that it put there is not repeated.
    pub(super) fn base(self, url: &Url) -> Url {
        let mut path = format!("{}/", self.presentation.path());
        if let Some(Keying { suite, mki }) = self.keying {
            if suite != Keying::DEFAULT.suite || !mki {
                path = format!("{suite}/{path}");
            }
            if !mki {
                path = format!("{NO_MKI}/{path}");
            }
        }
        let mut base = url.clone();
        base.set_path(&path);
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
    pub(super) form: Form,
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

impl Part {
    /// Whether that track is of this part.
    pub(super) fn has(self, track: Track) -> bool {
        match self {
            Self::Whole => true,
            Self::Track(own) => own == track,
        }
    }
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
    /// What a URL names, if it is ours and of that profile. A query says
    /// nothing to us.
    pub(super) fn find(url: &Url, profile: Profile) -> Option<Self> {
        let path = url.path().strip_prefix('/')?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let (keying, path) = match profile {
            Profile::Avp => (None, path),
            Profile::Savp => {
                let (keying, path) = keying(path);
                (Some(keying), path)
            }
        };
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
        let form = Form {
            presentation,
            keying,
        };
        Some(Self { form, part })
    }
}

/// What the first segments of a path say of the keying, and the others.
fn keying(mut path: &str) -> (Keying, &str) {
    let mut keying = Keying::DEFAULT;
    if let Some((NO_MKI, rest)) = path.split_once('/') {
        keying.mki = false;
        path = rest;
    }
    if let Some((name, rest)) = path.split_once('/')
        && let Some(suite) = Policy::SUITES.into_iter().find(|s| s.name() == name)
    {
        keying.suite = suite;
        path = rest;
    }
    (keying, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_presentations_with_a_track_exist() {
        let found = |url: &str| {
            let resource = Resource::find(&Url::parse(url).unwrap(), Profile::Avp)?;
            assert_eq!(resource.form.keying, None);
            Some((resource.form.presentation, resource.part))
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
            "rtsps://h/no-mki/main",
            "mailto:main",
        ] {
            assert_eq!(found(url), None, "{url}");
        }
    }

    #[test]
    fn the_base_has_neither_password_nor_query() {
        let url = Url::parse("rtsps://viewer:secret@h:1/main/video?a#b").unwrap();
        let base = |presentation| {
            let keying = None;
            let form = Form {
                presentation,
                keying,
            };
            form.base(&url).to_string()
        };
        assert_eq!(base(Presentation::Main), "rtsps://h:1/main/");
        assert_eq!(base(Presentation::Sub), "rtsps://h:1/sub/");
    }

    #[test]
    fn with_srtp_every_form_has_a_path_that_leads_to_it() {
        let found = |path: &str| {
            let url = Url::parse(&format!("rtsps://h{path}")).unwrap();
            let resource = Resource::find(&url, Profile::Savp)?;
            assert_eq!(
                Resource::find(&resource.form.base(&url), Profile::Savp),
                Some(Resource {
                    part: Part::Whole,
                    ..resource
                })
            );
            let Keying { suite, mki } = resource.form.keying?;
            Some((suite, mki, resource.form.presentation, resource.part))
        };
        let (main, sub) = (Presentation::Main, Presentation::Sub);
        let video = Part::Track(Track::Video);
        for (path, suite, mki, presentation, part) in [
            ("/main", Suite::AesCm128HmacSha1_80, true, main, Part::Whole),
            ("/sub/video", Suite::AesCm128HmacSha1_80, true, sub, video),
            (
                "/AEAD_AES_256_GCM/main/",
                Suite::AeadAes256Gcm,
                true,
                main,
                Part::Whole,
            ),
            (
                "/no-mki/AES_CM_128_HMAC_SHA1_80/main/video",
                Suite::AesCm128HmacSha1_80,
                false,
                main,
                video,
            ),
            (
                "/no-mki/AEAD_AES_128_GCM/sub",
                Suite::AeadAes128Gcm,
                false,
                sub,
                Part::Whole,
            ),
        ] {
            assert_eq!(
                found(path),
                Some((suite, mki, presentation, part)),
                "{path}"
            );
        }
        // Not one of ONVIF's suites; nothing; the wrong order.
        for path in [
            "/AES_CM_128_HMAC_SHA1_32/main",
            "/no-mki",
            "/AEAD_AES_128_GCM/no-mki/main",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }
}
