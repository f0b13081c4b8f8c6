//! WHIP-03: nobody guesses the address of a session.

use lightleak_case::Vantage;

use super::super::{evidence, unless};
use crate::{
    logins::is_success,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// Bits that are enough not to be guessed (RFC 4122 4.4 has 122).
const ENOUGH: usize = 112;
/// Of so many characters one may be that of another address at the same place;
/// by chance it is one of 16 in hexadecimal.
const SHARED: usize = 2;

pub(super) fn is_random(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let made = seen
        .signalled()
        .filter(|asked| is_success(asked.response) && asked.request.sdp().is_some());
    let ids = made.filter_map(|asked| {
        let location = asked.response.head.value("location")?;
        let id = location.trim_end_matches('/').rsplit('/').next()?;
        Some((id, asked.span))
    });
    let ids: Vec<_> = ids.collect();
    let mut found = Vec::new();
    for (index, (id, span)) in ids.iter().enumerate() {
        if bits(id) < ENOUGH {
            let why = format!("a session's address has {} bits at most", bits(id));
            found.push(evidence(seen, *span, why));
            continue;
        }
        let same = |other: &str| {
            let pairs = id.chars().zip(other.chars());
            pairs.filter(|(a, b)| a == b).count()
        };
        let others = ids[..index].iter().map(|(other, _)| same(other));
        // What is by chance the same is far less than half.
        if let Some(same) = others.max().filter(|same| SHARED * same > id.len()) {
            let why = format!(
                "{same} of the {} characters of a session's address are those of another",
                id.len()
            );
            found.push(evidence(seen, *span, why));
        }
    }
    unless(found, || match ids.len() {
        0 | 1 => Outcome::Inconclusive("fewer than two sessions were made".into()),
        all => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{all} addresses of sessions, of {ENOUGH} bits or more, and unlike one another"
            ),
        ),
    })
}

/// How many an id can have: 4 a hexadecimal digit, 6 another character.
fn bits(id: &str) -> usize {
    let digits = id.chars().filter(|c| c.is_ascii_alphanumeric());
    match id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        true => 4 * digits.count(),
        false => 6 * digits.count(),
    }
}
