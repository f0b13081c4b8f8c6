//! Which octets of a packet are what, for those packets that somebody wants to see.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::Class;
use crate::{
    dissect::Stream,
    stored::{Content, Stored},
};

/// Octets of packets by class: where they are in the packet, in order; what of a
/// packet is in no range was sent again, or has no place in its stream.
pub type Painting = BTreeMap<u64, Vec<(Range<usize>, Class)>>;

/// What is painted on; nothing unless packets are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Canvas {
    wanted: BTreeSet<u64>,
    painting: Painting,
}

impl Canvas {
    pub(super) fn of(wanted: BTreeSet<u64>) -> Self {
        Self {
            wanted,
            painting: Painting::new(),
        }
    }

    /// Those octets of that packet are of this class.
    pub(super) fn paint(&mut self, packet: u64, range: Range<usize>, class: Class) {
        if self.wanted.contains(&packet) && !range.is_empty() {
            self.painting
                .entry(packet)
                .or_default()
                .push((range, class));
        }
    }

    /// Those octets of that stream are of this class.
    pub(super) fn paint_stream(&mut self, stream: &Stream, range: &Range<usize>, class: Class) {
        if self.wanted.is_empty() {
            return;
        }
        let first = stream
            .pieces
            .partition_point(|piece| piece.at + piece.length <= range.start);
        let over = stream.pieces[first..]
            .iter()
            .take_while(|piece| piece.at < range.end);
        for piece in over {
            let start = range.start.max(piece.at) - piece.at;
            let end = range.end.min(piece.at + piece.length) - piece.at;
            let range = piece.offset + start..piece.offset + end;
            self.paint(piece.packet, range, class);
        }
    }

    pub(super) fn finish(mut self) -> Painting {
        for ranges in self.painting.values_mut() {
            ranges.sort_by_key(|(range, _)| range.start);
        }
        self.painting
    }
}

/// The same of a stored file.
pub fn paint_file(file: &Stored<'_>) -> Vec<(Range<usize>, Class)> {
    let whole = |class| vec![(0..file.octets.len(), class)];
    match &file.content {
        Content::Factory => whole(Class::Foreign),
        Content::Sealed(opened) => match &**opened {
            Ok(clip) => {
                let opened = &clip.file;
                let mut parts = vec![
                    (opened.header.clone(), Class::Header),
                    (opened.nonce.clone(), Class::Header),
                ];
                let mut at = opened.nonce.end;
                for chunk in &opened.chunks {
                    parts.push((at..chunk.tag.start, Class::Opened));
                    parts.push((chunk.tag.clone(), Class::Tag));
                    at = chunk.tag.end;
                }
                parts.push((at..file.octets.len(), Class::Unexplained));
                parts.retain(|(range, _)| !range.is_empty());
                parts
            }
            Err(error) if error.is_cut() => whole(Class::Header),
            Err(_) => whole(Class::Identified),
        },
        Content::Envelope(Ok(opened)) => vec![
            (opened.header.clone(), Class::Header),
            (opened.sealed.clone(), Class::Opened),
            (opened.tag.clone(), Class::Tag),
        ],
        Content::List(Ok(_)) | Content::Counters | Content::ViewerKeys => whole(Class::Header),
        Content::Envelope(Err(_)) | Content::List(Err(_)) | Content::Unknown => {
            whole(Class::Unexplained)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wanted_packets_are_painted_and_ranges_go_over_pieces() {
        let mut stream = Stream::default();
        stream.push(&[0; 10], 1, 54, 0);
        stream.push(&[0; 10], 2, 54, 0);
        stream.push(&[0; 10], 3, 60, 0);
        let mut canvas = Canvas::of(BTreeSet::from([1, 3]));
        canvas.paint_stream(&stream, &(5..25), Class::Opened);
        canvas.paint_stream(&stream, &(25..30), Class::Tag);
        canvas.paint(1, 0..54, Class::Header);
        let painting = canvas.finish();
        assert_eq!(
            painting[&1],
            [(0..54, Class::Header), (59..64, Class::Opened)]
        );
        assert_eq!(
            painting[&3],
            [(60..65, Class::Opened), (65..70, Class::Tag)]
        );
        assert!(!painting.contains_key(&2));
    }
}
