//! Programs that are not ours, against the real binary: players pull from
//! `lightleak serve`, and an analyser reads what `lightleak run` recorded.

mod ffmpeg;
mod ffprobe;
mod serve;
mod support;
mod tshark;
