//! The page of the vendor's portal, which a relay is handed: the simulator has
//! no files.

use lightleak_sim::relay::page::Page;

/// The page and its parts.
pub const PAGE: Page = Page {
    html: include_str!("../../../sim/src/relay/page/portal.html"),
    script: include_str!("../../../sim/src/relay/page/portal.js"),
    worker: include_str!("../../../sim/src/relay/page/worker.js"),
    style: include_str!("../../../sim/src/relay/page/portal.css"),
};
