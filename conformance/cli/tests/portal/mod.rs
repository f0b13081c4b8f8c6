//! The path `portal.webrtc`: a camera, the vendor's relay, and viewers.

mod media;
mod publishing;
mod requests;
mod site;
mod viewers;
