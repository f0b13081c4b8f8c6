//! Handshake messages, put together from their fragments (RFC 6347 4.2.2,
//! RFC 9147 5.2).

use std::collections::BTreeMap;

use super::super::tls::{self, Reader};

/// Octets of a fragment before its part of the message.
const HEADER: usize = 12;
/// Octets of a message that are put together.
const LONGEST: usize = 1 << 16;
/// Messages of one end that are put together.
const MOST: usize = 256;

/// A handshake message.
pub type Message = tls::Message;

/// Puts messages together, whose fragments may come in any order and again.
#[derive(Clone, Debug, Default)]
pub struct Fragments {
    /// By message_seq.
    messages: BTreeMap<u16, Partial>,
}

#[derive(Clone, Debug)]
struct Partial {
    at: usize,
    kind: u8,
    body: Vec<u8>,
    /// Which octets of it are there.
    there: Vec<bool>,
    missing: usize,
    /// Whether it was handed out.
    done: bool,
}

impl Fragments {
    /// Takes the fragment of the next handshake record, which begins at `at`;
    /// gives the messages that it completes. A message that comes again in
    /// other words takes the place of the one before.
    pub fn push(&mut self, at: usize, record: &[u8]) -> Vec<Message> {
        let mut reader = Reader::new(record);
        let mut whole = Vec::new();
        while reader.left() >= HEADER {
            let Some(fragment) = Fragment::read(&mut reader) else {
                break;
            };
            whole.extend(self.add(at, &fragment));
        }
        whole
    }

    fn add(&mut self, at: usize, fragment: &Fragment<'_>) -> Option<Message> {
        let length = fragment.length;
        if length > LONGEST || fragment.offset + fragment.part.len() > length {
            return None;
        }
        let known = self.messages.get(&fragment.sequence);
        if known.is_none() && self.messages.len() >= MOST {
            return None;
        }
        if known.is_none_or(|partial| partial.contradicts(fragment)) {
            let new = Partial {
                at,
                kind: fragment.kind,
                body: vec![0; length],
                there: vec![false; length],
                missing: length,
                done: false,
            };
            self.messages.insert(fragment.sequence, new);
        }
        let partial = self.messages.get_mut(&fragment.sequence)?;
        let range = fragment.offset..fragment.offset + fragment.part.len();
        partial
            .body
            .get_mut(range.clone())?
            .copy_from_slice(fragment.part);
        for there in partial.there.get_mut(range)? {
            partial.missing -= usize::from(!*there);
            *there = true;
        }
        if partial.missing > 0 || std::mem::replace(&mut partial.done, true) {
            return None;
        }
        Some(Message {
            at: partial.at,
            kind: partial.kind,
            body: partial.body.clone(),
        })
    }
}

impl Partial {
    fn contradicts(&self, fragment: &Fragment<'_>) -> bool {
        let range = fragment.offset..fragment.offset + fragment.part.len();
        let (body, there) = (self.body.get(range.clone()), self.there.get(range));
        let (Some(body), Some(there)) = (body, there) else {
            return true;
        };
        let differs = body.iter().zip(there).zip(fragment.part);
        let mut differs = differs.map(|((own, there), other)| *there && own != other);
        self.kind != fragment.kind || self.body.len() != fragment.length || differs.any(|d| d)
    }
}

struct Fragment<'a> {
    kind: u8,
    length: usize,
    sequence: u16,
    offset: usize,
    part: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let u24 = |reader: &mut Reader<'_>| {
            let (high, low) = (reader.u8()?, reader.u16()?);
            Some(usize::from(high) << 16 | usize::from(low))
        };
        Some(Self {
            kind: reader.u8()?,
            length: u24(reader)?,
            sequence: reader.u16()?,
            offset: u24(reader)?,
            part: reader.vector24()?,
        })
    }
}
