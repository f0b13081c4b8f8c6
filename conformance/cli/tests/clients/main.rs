//! Programs that are not ours, against the real binary: players pull from
//! `lightleak serve`, and an analyser and `age` read what `lightleak run` recorded.

mod age;
mod ffmpeg;
mod ffprobe;
mod gstreamer;
mod schema;
mod serve;
mod support;
mod tshark;
