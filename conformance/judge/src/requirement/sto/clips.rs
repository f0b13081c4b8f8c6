//! How clips are sealed and vouched for: STO-02, STO-03.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use lightleak_case::Vantage;
use sha2::{Digest as _, Sha256};

use super::{in_file, is_copy, kept, known, unless};
use crate::{
    adversary::cryptanalyst::ecb,
    dissect::clip_list::{End, Entry},
    open::age::{AgeError, OpenedFile},
    seen::Seen,
    stored::{Clip, Content, Stored},
    verdict::{Assurance, Evidence, Outcome},
};

/// The clips that the device vouches for, looked at.
#[derive(Default)]
struct Vouched {
    wrong: Vec<Evidence>,
    /// Why of one nothing is known.
    unknown: Option<String>,
    clips: usize,
    chunks: usize,
    /// Clips that end before their final chunk.
    cut: usize,
}

pub(super) fn authentic(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let kept = match kept(seen) {
        Ok(kept) => kept,
        Err(outcome) => return outcome,
    };
    let mut vouched = Vouched::default();
    let mut entries: BTreeMap<&str, &Entry> = BTreeMap::new();
    let mut lists = 0;
    for file in &kept {
        match &file.content {
            Content::List(Ok(list)) => {
                lists += 1;
                if let End::Wrong(wrong) = &list.end {
                    let why = format!("{}: {wrong}", file.name);
                    let at = in_file(seen, file.name, wrong.range.clone(), why);
                    vouched.wrong.push(at);
                }
                for entry in &list.entries {
                    entries.insert(&entry.name, entry);
                }
            }
            Content::List(Err(error)) => {
                lists += 1;
                vouched.unknown = Some(format!("{}: {error}", file.name));
            }
            _ => {}
        }
    }
    let mut gone = 0;
    for entry in entries.values() {
        match seen.stored.iter().find(|file| file.name == entry.name) {
            Some(file) => vouched.look(seen, file, entry),
            // It may have made room for others.
            None => gone += 1,
        }
    }
    if lists == 0 {
        vouched.unlisted(seen, &kept);
    }
    let Vouched {
        wrong,
        unknown,
        clips,
        chunks,
        cut,
    } = vouched;
    unless(wrong, || match unknown {
        Some(why) => Outcome::Inconclusive(why),
        None if clips == 0 => Outcome::Inconclusive(format!(
            "of the clips that the device vouches for none is there, and {gone} are gone"
        )),
        None => {
            let pass = Outcome::Pass(
                Assurance::Opened,
                format!(
                    "{clips} clips that the device vouches for open in {chunks} chunks, each in its place; {cut} were cut, and are not called complete"
                ),
            );
            known(seen, pass)
        }
    })
}

impl Vouched {
    /// A file and what the device says of it.
    fn look(&mut self, seen: &Seen<'_>, file: &Stored<'_>, entry: &Entry) {
        let name = file.name;
        let all = 0..file.octets.len();
        let mut wrong = |range: Range<usize>, why: String| {
            self.wrong.push(in_file(seen, name, range, why));
        };
        let length = usize::try_from(entry.length).unwrap_or(usize::MAX);
        match file.octets.get(..length) {
            None => wrong(
                all.end..all.end,
                format!(
                    "the device vouches for {length} octets of {name}, and there are {}",
                    all.end
                ),
            ),
            Some(octets) if Sha256::digest(octets)[..] != entry.sha256 => wrong(
                0..length,
                format!("{name} is not what the device vouches for: its SHA-256 is another"),
            ),
            Some(_) if entry.closed && length < all.end => wrong(
                length..all.end,
                format!(
                    "{name} is called complete, and {} octets follow",
                    all.end - length
                ),
            ),
            Some(_) => {}
        }
        let opened = match &file.content {
            Content::Sealed(opened) => opened,
            _ => {
                let blocks = repeated_blocks(file.octets);
                let (range, how) = blocks.unwrap_or((all, String::new()));
                wrong(
                    range,
                    format!(
                        "the device vouches for {name}, of which nothing authenticates: it is no age file{how}"
                    ),
                );
                return;
            }
        };
        match &**opened {
            Ok(clip) => {
                self.open(seen, file, clip, entry);
                self.clips += 1;
                self.chunks += clip.file.chunks.len();
            }
            Err(AgeError::NoMatch { .. }) => {
                self.unknown = Some(format!("no escrowed identity opens {name}"));
            }
            Err(error) if error.is_cut() && !entry.closed => {
                self.clips += 1;
                self.cut += 1;
            }
            Err(error) => wrong(all, format!("{name}: {error}")),
        }
    }

    fn open(&mut self, seen: &Seen<'_>, file: &Stored<'_>, clip: &Clip, entry: &Entry) {
        let (name, opened) = (file.name, &clip.file);
        let mut wrong = |range: Range<usize>, why: String| {
            self.wrong.push(in_file(seen, name, range, why));
        };
        for deviation in &opened.deviations {
            let chunk = opened.chunks.get(deviation.chunk);
            let end = chunk.map_or(file.octets.len(), |chunk| chunk.tag.end);
            wrong(deviation.offset..end, format!("{name}: {deviation}"));
        }
        let end = opened.chunks.last().map_or(opened.nonce.end, |c| c.tag.end);
        match &opened.stopped {
            Some(error) if !error.is_cut() => {
                wrong(end..file.octets.len(), format!("{name}: {error}"));
            }
            Some(error) if entry.closed => wrong(
                end..file.octets.len(),
                format!("{name} is called complete, and {error}"),
            ),
            Some(_) => self.cut += 1,
            None => {}
        }
        let proof = seen.prove_clips(std::iter::once(clip));
        if seen.ledger_bytes > 0 && proof.foreign > 0 {
            let why = format!(
                "the device vouches for {name}, and {} units in it are none that it produced",
                proof.foreign
            );
            self.wrong
                .push(in_file(seen, name, 0..file.octets.len(), why));
        }
    }

    /// Nobody vouches for anything.
    fn unlisted(&mut self, seen: &Seen<'_>, kept: &[&Stored<'_>]) {
        let mut sealed = kept
            .iter()
            .filter(|f| matches!(f.content, Content::Sealed(_)));
        let Some(file) = sealed.next() else {
            self.unknown = Some("there is neither an age file nor a clip list".into());
            return;
        };
        let why = format!(
            "there is no clip list: whether {} is the device's own, nobody can tell",
            file.name
        );
        // Power may have been cut before there was one.
        match seen.session.record.stimulus.as_str() {
            "honest" => self.wrong.push(in_file(seen, file.name, 0..0, why)),
            _ => self.unknown = Some(why),
        }
    }
}

/// Blocks of ciphertext that repeat, if they do: where, and in words.
fn repeated_blocks(octets: &[u8]) -> Option<(Range<usize>, String)> {
    let found = ecb::repeats(&[octets], &[])?;
    let first = found.pairs.first()?;
    let (a, b) = (first.first.1, first.second.1);
    let how = format!(
        ", and {} blocks of {} octets repeat as in ECB, the first at offsets {a} and {b}",
        found.pairs.len(),
        ecb::BLOCK
    );
    Some((b..b + first.length, how))
}

pub(super) fn never_twice(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let kept = match kept(seen) {
        Ok(kept) => kept,
        Err(outcome) => return outcome,
    };
    let mut opened: Vec<(&Stored<'_>, &OpenedFile)> = Vec::new();
    for file in kept {
        let Some(clip) = file.clip() else { continue };
        // A copy, whole or cut, seals nothing.
        if !opened.iter().any(|(other, _)| is_copy(file, other)) {
            opened.push((file, &clip.file));
        }
    }
    let mut found = Vec::new();
    for (index, (file, clip)) in opened.iter().enumerate() {
        for (other, before) in &opened[..index] {
            let at = |range: &Range<usize>, what: &str| {
                let why = format!("{} and {} have {what}", other.name, file.name);
                in_file(seen, file.name, range.clone(), why)
            };
            if clip.file_key == before.file_key {
                found.push(at(&clip.header, "the same file key"));
            }
            if file.octets[clip.nonce.clone()] == other.octets[before.nonce.clone()] {
                found.push(at(&clip.nonce, "the same nonce"));
            }
            let shares = |f: &Stored<'_>, c: &OpenedFile| -> Vec<Vec<u8>> {
                let stanzas = c.stanzas.iter().filter(|s| s.kind == "X25519");
                let lines = stanzas.map(|s| first_line(&f.octets[s.range.clone()]).to_vec());
                lines.collect()
            };
            let theirs = shares(other, before);
            if shares(file, clip)
                .iter()
                .any(|share| theirs.contains(share))
            {
                found.push(at(&clip.header, "the same ephemeral share"));
            }
        }
    }
    let chunks = repeated_nonces(seen, &opened, &mut found);
    unless(found, || match opened.len() {
        0 => Outcome::Inconclusive("no clip opens with the escrowed identities".into()),
        clips => {
            let pass = Outcome::Pass(
                Assurance::Opened,
                format!(
                    "{clips} clips have a file key, a nonce and a share each, and their {chunks} chunks a key and nonce each"
                ),
            );
            known(seen, pass)
        }
    })
}

/// Chunks that differ and are under one key and nonce. How many there are in all.
fn repeated_nonces(
    seen: &Seen<'_>,
    opened: &[(&Stored<'_>, &OpenedFile)],
    found: &mut Vec<Evidence>,
) -> usize {
    let mut sealed = HashMap::new();
    let mut chunks = 0;
    for (file, clip) in opened {
        let mut repeated = 0;
        let mut first = None;
        for chunk in &clip.chunks {
            chunks += 1;
            let octets: &[u8] = &file.octets[chunk.sealed.start..chunk.tag.end];
            let nonce = (clip.payload_key.expose(), chunk.counter, chunk.last);
            let &mut (name, before) = sealed.entry(nonce).or_insert((file.name, octets));
            if before != octets {
                repeated += 1;
                first = first.or(Some((name, chunk)));
            }
        }
        if let Some((name, chunk)) = first {
            let why = format!(
                "{repeated} chunks of {} are under a key and nonce that sealed something else, the first under that of counter {} in {name}",
                file.name, chunk.counter
            );
            let range = chunk.sealed.start..chunk.tag.end;
            found.push(in_file(seen, file.name, range, why));
        }
    }
    chunks
}

fn first_line(stanza: &[u8]) -> &[u8] {
    stanza
        .split(|octet| *octet == b'\n')
        .next()
        .unwrap_or_default()
}
