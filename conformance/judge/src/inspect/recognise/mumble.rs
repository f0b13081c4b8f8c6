//! Mumble's question who is there (Mumble protocol, "UDP ping"): in clear, of
//! everybody, before anybody signs in.

use std::collections::BTreeSet;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Stream},
    inspect::{Claim, Scene},
};

/// Octets of a question: zero, and an identifier.
const QUESTION: usize = 12;
/// Octets of an answer: version, identifier, users, most users, bandwidth.
const ANSWER: usize = 24;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Udp {
        return Vec::new();
    }
    let both = [(&flow.from_a, &flow.from_b), (&flow.from_b, &flow.from_a)];
    let claims = both.into_iter().filter_map(|(client, server)| {
        let questions = identifiers(client, |octets| {
            let (head, id) = octets.split_first_chunk::<4>()?;
            (octets.len() == QUESTION && *head == [0; 4]).then_some(id)
        })?;
        let answers = identifiers(server, |octets| {
            let version = octets.first_chunk::<4>()?;
            let fits = octets.len() == ANSWER && version[0] == 0 && version[1] <= 2;
            octets.get(4..12).filter(|_| fits && *version != [0; 4])
        })?;
        let answered = answers.intersection(&questions).count();
        let reason = format!(
            "{} questions of Mumble who is there, {answered} of them answered in clear",
            questions.len()
        );
        let place = client.place(0);
        (answered > 0).then(|| Claim::other("mumble-ping", reason).at(place))
    });
    claims.take(1).collect()
}

/// The identifiers of a direction; `None` if a datagram has none.
fn identifiers<'a>(
    stream: &'a Stream,
    of: impl Fn(&'a [u8]) -> Option<&'a [u8]>,
) -> Option<BTreeSet<&'a [u8]>> {
    stream.parts().map(|(_, octets)| of(octets)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::inspect::recognise::talk::{alone, told, udp};

    use super::*;

    #[test]
    fn an_answer_has_the_identifier_of_its_question() {
        let question = [&[0; 4][..], &[7; 8]].concat();
        let mut answer = [&[0, 1, 3, 4][..], &[7; 8], &[0; 12]].concat();
        let flow = udp(&[(true, question.clone()), (false, answer.clone())]);
        assert_eq!(
            told(recognise, &flow),
            Some(("other", "mumble-ping".into()))
        );
        answer[5] = 8;
        assert_eq!(
            told(recognise, &udp(&[(true, question), (false, answer)])),
            None
        );
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..30)) {
            let _ = alone(recognise, &udp(&[(true, octets.clone()), (false, octets)]));
        }
    }
}
