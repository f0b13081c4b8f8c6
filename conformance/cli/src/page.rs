//! The page of the vendor's portal, which a relay is handed: the simulator has
//! no files.

use std::sync::LazyLock;

use lightleak_sim::relay::page::{Page, Part};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The page and its parts.
pub static PAGE: LazyLock<Page> = LazyLock::new(|| {
    let part = |(path, media_type, text): (_, _, &str)| Part {
        path,
        media_type,
        text: text.to_owned(),
    };
    let parts = [
        ("/", HTML, include_str!("page/portal.html")),
        ("/portal.css", STYLE, include_str!("page/portal.css")),
        ("/hpke.js", SCRIPT, include_str!("page/hpke.js")),
        ("/viewer-key.js", SCRIPT, include_str!("page/viewer-key.js")),
        ("/playback.js", SCRIPT, include_str!("page/playback.js")),
        ("/portal.js", SCRIPT, include_str!("page/portal.js")),
        ("/worker.js", SCRIPT, include_str!("page/worker.js")),
    ];
    Page::new(parts.map(part).into())
});

#[cfg(test)]
mod tests {
    use super::PAGE;

    #[test]
    fn every_part_is_pinned_once_and_no_hash_is_missing() {
        assert_eq!(PAGE.pins().len(), 7);
        let page = include_str!("page/portal.html");
        assert_eq!(page.matches("{/").count(), 6);
    }
}
