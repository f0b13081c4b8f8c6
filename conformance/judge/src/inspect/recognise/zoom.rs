//! Zoom's media, by how a client and a server of it greet: 17 octets that come
//! back, and a session that every packet behind names. What it carries is sealed
//! with AES-GCM, as its makers document it.

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Place, Stream},
    inspect::{Claim, Scene},
};

/// Octets of a greeting up to the end of what comes back.
const GREETING: usize = 19;
/// Octets of an answer up to the end of the session.
const ANSWER: usize = 23;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Udp {
        return Vec::new();
    }
    let both = [(&flow.from_a, &flow.from_b), (&flow.from_b, &flow.from_a)];
    let claims = both
        .into_iter()
        .filter_map(|(client, server)| greeted(client, server));
    claims.take(1).collect()
}

fn greeted(client: &Stream, server: &Stream) -> Option<Claim> {
    let (piece, greeting) = client.parts().next()?;
    let token = match greeting.first_chunk::<GREETING>()? {
        [1, 0, token @ ..] if greeting.len() > 2 * GREETING => token,
        _ => return None,
    };
    let session = server.parts().take(8).find_map(|(_, answer)| {
        let (head, session) = answer.first_chunk::<ANSWER>()?.split_at(GREETING);
        let back = matches!(head, [2, 0, rest @ ..] if rest == token);
        back.then_some(session)
    })?;
    let parts = || [client, server].into_iter().flat_map(Stream::parts);
    let named = parts().filter(|(_, octets)| match octets {
        // Type, a sequence number and zero, then the session; or that behind more.
        [5, _, _, rest @ ..] => rest.starts_with(session),
        [3 | 4, rest @ ..] => {
            let head = rest.get(..16.min(rest.len())).unwrap_or_default();
            memchr::memmem::find(head, session).is_some()
        }
        _ => false,
    });
    let named = named.count();
    let place = Place {
        packet: piece.packet,
        offset: piece.offset,
    };
    let reason = format!(
        "a greeting of Zoom whose 17 octets the server gives back, and {named} of {} datagrams that name the session it answered with",
        parts().count()
    );
    (named >= 2).then(|| Claim::sealed("zoom", reason).at(Some(place)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::inspect::recognise::talk::{alone, noise, told, udp};

    use super::*;

    fn session() -> Vec<(bool, Vec<u8>)> {
        let token = noise(1, 17);
        let data = |from, sequence: u8| {
            (
                from,
                [&[5, 0, sequence][..], &[0, 1, 2, 3], &noise(3, 90)].concat(),
            )
        };
        vec![
            (true, [&[1, 0][..], &token, &noise(2, 100)].concat()),
            (
                false,
                [&[2, 0][..], &token, &[0, 1, 2, 3], &[0; 20]].concat(),
            ),
            data(true, 0),
            data(false, 0),
            data(true, 1),
        ]
    }

    #[test]
    fn a_greeting_that_comes_back_identifies_it() {
        let mut said = session();
        assert_eq!(
            told(recognise, &udp(&said)),
            Some(("sealed", "zoom".into()))
        );
        said[1].1[5] ^= 1;
        assert_eq!(told(recognise, &udp(&said)), None);
        let mut said = session();
        said.truncate(2);
        assert_eq!(told(recognise, &udp(&said)), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..80), cut in 0..120_usize) {
            let mut said = session();
            said[0].1.truncate(cut);
            said[1].1.truncate(cut / 2);
            said.push((true, octets));
            let _ = alone(recognise, &udp(&said));
        }
    }
}
