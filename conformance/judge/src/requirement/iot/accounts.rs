//! Accounts that anybody can use: IOT-01, IOT-03.

use std::collections::BTreeSet;

use lightleak_case::Vantage;

use super::super::evidence;
use crate::{
    adversary::cryptanalyst::{
        dictionary::{Guess, Origin},
        guessable::{self, Identifiers},
    },
    probe,
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
};

/// Of how many users, beside those of the escrow, passwords are guessed.
const MOST_USERS: usize = 16;

/// How many escrowed secrets are attacked: the first of a session tell how its
/// keys are made.
const MOST_SECRETS: usize = 32;

pub(super) fn not_guessable(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let is_ours = |g: &Guess| !matches!(g.origin, Origin::Firmware(_));
    let attack = Attack::of(seen, is_ours);
    for (user, password) in seen.escrow().credentials {
        let same = |g: &&Guess| is_ours(g) && g.password == password;
        if let Some(guess) = attack.guesses.iter().find(same) {
            let why = format!("the password of {user} is guessable: {}", words(guess));
            return Outcome::Fail(why, attack.let_in);
        }
    }
    attack.conclude("no guessable password is among those that were let in")
}

pub(super) fn not_hard_coded(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let attack = Attack::of(seen, |g| matches!(g.origin, Origin::Firmware(_)));
    if !attack.let_in.is_empty() {
        return attack.conclude("");
    }
    let escrow = seen.escrow();
    let passwords = escrow.credentials.iter();
    let passwords = passwords.map(|(user, p)| (format!("the password of {user}"), p.as_bytes()));
    let secrets = escrow.secrets.iter();
    let secrets = secrets.map(|(label, octets)| (label.clone(), octets.as_slice()));
    let secrets: Vec<_> = passwords.chain(secrets).collect();
    if secrets.is_empty() {
        return Outcome::Inconclusive("no secret was escrowed".into());
    }
    let device = &seen.declaration.device;
    let identifiers = Identifiers {
        texts: vec![device.serial.clone(), device.model.clone()],
        addresses: device.addresses.clone(),
        ..Identifiers::default()
    };
    for (index, (name, octets)) in secrets.iter().enumerate() {
        if let Some(key) = guessable::published(octets) {
            let why = format!("{name} is a published key: {} {}", key.source, key.clause);
            return Outcome::Fail(why, Vec::new());
        }
        let made = (index < MOST_SECRETS)
            .then(|| guessable::derivation(octets, &identifiers))
            .flatten();
        if let Some(how) = made {
            let why = format!("{name} is made of what everybody knows: {how}");
            return Outcome::Fail(why, Vec::new());
        }
    }
    Outcome::Pass(
        Assurance::Absence,
        format!(
            "{} escrowed secrets are not published, nor made of identifiers; {} published passwords were refused",
            secrets.len(),
            attack.refused
        ),
    )
}

/// What guesses do to the passwords whose proofs were seen.
struct Attack {
    guesses: Vec<Guess>,
    /// Guesses that the device let in.
    let_in: Vec<Evidence>,
    /// How many it refused.
    refused: usize,
    /// How many proofs it took that are of none.
    others: usize,
}

impl Attack {
    fn of(seen: &Seen<'_>, relevant: impl Fn(&Guess) -> bool) -> Self {
        let proofs = probe::shown(seen);
        // Whoever sees a proof sees whose it is.
        let users: BTreeSet<_> = proofs.iter().map(|(s, ..)| s.user().to_owned()).collect();
        let mut attack = Self {
            guesses: probe::guesses_of(seen, users.into_iter().take(MOST_USERS)),
            let_in: Vec::new(),
            refused: 0,
            others: 0,
        };
        let mut known = BTreeSet::new();
        for (shown, status, span) in proofs {
            let of = |g: &&Guess| relevant(g) && shown.is_of(&g.user, &g.password);
            let Some(guess) = attack.guesses.iter().find(of) else {
                attack.others += usize::from((200..300).contains(&status));
                continue;
            };
            match status {
                200..300 if known.insert(guess) => {
                    let why = format!("{} was let in with {}", guess.user, words(guess));
                    attack.let_in.push(evidence(seen, span, why));
                }
                401 | 403 => attack.refused += 1,
                _ => {}
            }
        }
        attack
    }

    fn conclude(self, harmless: &str) -> Outcome {
        if let Some(first) = self.let_in.first() {
            return Outcome::Fail(first.why.clone(), self.let_in);
        }
        if self.refused == 0 && self.others == 0 {
            return Outcome::Inconclusive("no answer to anybody with a password was seen".into());
        }
        Outcome::Pass(
            Assurance::Absence,
            format!("{} guesses were refused; {harmless}", self.refused),
        )
    }
}

fn words(guess: &Guess) -> String {
    match &guess.origin {
        Origin::Default => format!("the usual password {:?}", guess.password),
        Origin::Identifier(how) => format!("the password {:?}, {how}", guess.password),
        Origin::Firmware(source) => format!("a password of firmware ({source})"),
    }
}
