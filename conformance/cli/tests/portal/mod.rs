//! The path `portal.webrtc`: a camera, the vendor's relay, and viewers.

mod attacks;
mod media;
mod publishing;
mod requests;
mod site;
mod viewers;
