//! What an inspection found, for people and for programs.

mod json;
mod terminal;

use lightleak_case::TransportProtocol;

use crate::{
    inspect::{Inspected, Inspection},
    mark::Mark,
};

pub use json::write as json;
pub use terminal::write as terminal;

/// An inspected capture.
#[derive(Debug)]
pub struct Capture<'a> {
    /// Its file, as it was named.
    pub file: String,
    /// What was found in it.
    pub inspection: &'a Inspection,
    /// What of the file could not be read, and why.
    pub damage: Option<String>,
    /// Files that were written, of which flow.
    pub files: Vec<Saved>,
}

/// A file that was written: a picture, or media that nobody here can play.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Index of the flow.
    pub flow: usize,
    /// Its name.
    pub file: String,
    /// Columns and rows, if it is a picture.
    pub size: Option<(usize, usize)>,
    /// What was read from the mark in it.
    pub mark: Option<Mark>,
}

impl Capture<'_> {
    fn saved(&self, flow: usize) -> impl Iterator<Item = &Saved> {
        self.files.iter().filter(move |saved| saved.flow == flow)
    }
}

/// The word for the transport protocol of a flow.
fn transport(flow: &Inspected) -> &'static str {
    match flow.transport {
        TransportProtocol::Tcp => "tcp",
        TransportProtocol::Udp => "udp",
        TransportProtocol::Sctp => "sctp",
    }
}
