//! What a camera's RTSP URLs name: one presentation with one video track.

use rtsp_types::Url;

use super::sdp;

/// Path of the presentation.
pub const PRESENTATION: &str = "main";

/// A resource of the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// The presentation.
    Presentation,
    /// Its video track.
    Video,
}

impl Resource {
    /// What a URL names, if it is ours. A query says nothing to us.
    pub(super) fn find(url: &Url) -> Option<Self> {
        let path = url.path().strip_prefix('/')?;
        let path = path.strip_suffix('/').unwrap_or(path);
        match path.strip_prefix(PRESENTATION)? {
            "" => Some(Resource::Presentation),
            rest if rest.strip_prefix('/') == Some(sdp::VIDEO_CONTROL) => Some(Resource::Video),
            _ => None,
        }
    }

    /// The base of the presentation's relative URLs, at the address that the
    /// client used; a password that it put there is not repeated.
    pub(super) fn base(url: &Url) -> Url {
        let mut base = url.clone();
        base.set_path(&format!("/{PRESENTATION}/"));
        base.set_query(None);
        base.set_fragment(None);
        // Both fail only where there is no host, and then there is no user.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_resources_exist() {
        let found = |url: &str| Resource::find(&Url::parse(url).unwrap());
        for url in ["rtsps://192.0.2.1/main", "rtsps://[::1]:322/main/?live"] {
            assert_eq!(found(url), Some(Resource::Presentation), "{url}");
        }
        for url in ["rtsps://h/main/video", "rtsp://h:554/main/video/"] {
            assert_eq!(found(url), Some(Resource::Video), "{url}");
        }
        for url in [
            "rtsps://h",
            "rtsps://h/",
            "rtsps://h/other",
            "rtsps://h/mainvideo",
            "rtsps://h/main/audio",
            "rtsps://h/main/video/video",
            "rtsps://h/Main",
            "mailto:main",
        ] {
            assert_eq!(found(url), None, "{url}");
        }
    }

    #[test]
    fn the_base_has_neither_password_nor_query() {
        let url = Url::parse("rtsps://viewer:secret@h:1/main/video?a#b").unwrap();
        assert_eq!(Resource::base(&url).as_str(), "rtsps://h:1/main/");
    }
}
