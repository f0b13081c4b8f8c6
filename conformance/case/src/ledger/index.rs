//! `<track>.idx`: a line that names the columns, then one per access unit with
//! tabs between the fields.

use std::str::FromStr;

use super::{Track, Unit};

/// First line of an index.
pub(super) const HEADER: &str = "# lightleak.ledger/1 offset length number time_ns key_frame";

/// Units of the index of a track of that length, or what is wrong in which line.
pub(super) fn read(text: &str, length: usize) -> Result<Vec<Unit>, String> {
    let units = parse(text)?;
    check(&units, length)?;
    Ok(units)
}

/// The index of the track, or why it could not be read again.
pub(super) fn write(track: &Track) -> Result<String, String> {
    check(&track.units, track.bytes.len())?;
    let mut text = format!("{HEADER}\n");
    for unit in &track.units {
        text += &format!(
            "{}\t{}\t{}\t{}\t{}\n",
            unit.offset,
            unit.length,
            unit.number,
            unit.time_ns,
            u8::from(unit.key_frame)
        );
    }
    Ok(text)
}

fn parse(text: &str) -> Result<Vec<Unit>, String> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    if !header.split_whitespace().eq(HEADER.split_whitespace()) {
        return Err(format!(
            "line 1: expected {HEADER:?}, found {:?}",
            shown(header)
        ));
    }
    lines
        .zip(2..)
        .map(|(line, number)| parse_line(line).map_err(|what| format!("line {number}: {what}")))
        .collect()
}

fn parse_line(line: &str) -> Result<Unit, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let &[offset, length, number, time_ns, key_frame] = fields.as_slice() else {
        return Err(format!(
            "expected 5 fields with tabs between, found {}",
            fields.len()
        ));
    };
    Ok(Unit {
        offset: field("offset", offset)?,
        length: field("length", length)?,
        number: field("number", number)?,
        time_ns: field("time_ns", time_ns)?,
        key_frame: match key_frame {
            "0" => false,
            "1" => true,
            other => return Err(format!("key_frame {:?} is neither 0 nor 1", shown(other))),
        },
    })
}

fn field<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("{name} {:?} is no number of its range", shown(value)))
}

/// As much of the text as belongs into a message.
fn shown(text: &str) -> &str {
    let end = text.char_indices().nth(60).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// Whether the units cover a track of that length without gap or overlap.
fn check(units: &[Unit], length: usize) -> Result<(), String> {
    let mut end = 0usize;
    for (unit, line) in units.iter().zip(2..) {
        if unit.offset != end {
            return Err(format!(
                "line {line}: offset {}, where the unit before ends at {end}",
                unit.offset
            ));
        }
        end = match end.checked_add(unit.length) {
            Some(end) if end <= length => end,
            _ => {
                return Err(format!(
                    "line {line}: {} octets at offset {} are beyond the {length} of the track",
                    unit.length, unit.offset
                ));
            }
        };
    }
    if end < length {
        return Err(format!(
            "the units end at {end}, and the track has {length} octets"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn random_index_never_panics(text in "(# lightleak.ledger/1 offset length number time_ns key_frame\n)?([0-9]{0,21}\t?|\n|.){0,20}", length in 0usize..100) {
            let _ = read(&text, length);
        }
    }

    #[test]
    fn index_of_another_version_is_refused() {
        assert_eq!(
            read("# lightleak.ledger/2 offset\n", 0).unwrap_err(),
            "line 1: expected \"# lightleak.ledger/1 offset length number time_ns key_frame\", \
             found \"# lightleak.ledger/2 offset\""
        );
    }
}
