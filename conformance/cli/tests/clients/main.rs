//! Programs that are not ours, against the real binary: players pull from
//! `lightleak serve`, an analyser and `age` read what `lightleak run` recorded, and
//! decoders get what is sealed.

mod age;
mod aiortc;
mod browser;
mod chromium;
mod covered;
mod ffmpeg;
mod ffprobe;
mod gstreamer;
mod janus;
mod page;
mod pipeline;
mod portal;
mod report_page;
mod rtp_dump;
mod schema;
mod serve;
mod shim;
mod support;
mod tshark;
mod turn;
