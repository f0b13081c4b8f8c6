//! Those who have no keys and want the picture. They believe no label, port,
//! entropy or device.

pub mod carver;
pub mod cryptanalyst;
pub mod eavesdropper;
pub mod known_plaintext;
pub mod media_player;
