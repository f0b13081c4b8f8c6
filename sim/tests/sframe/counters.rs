//! No counter is used twice, whatever happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, ErrorKind},
    sync::{Arc, Mutex, MutexGuard},
};

use lightleak_sim::{
    seal::sframe::{
        CounterError, Counters, DiskCounters, Frames, Header, KeyId, RESERVED, SFrameError, Sender,
        Suite, VolatileCounters,
    },
    world::Disk,
};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::support::{base, ends, seal};

/// A card that loses power at a call: what was not synchronised may be there in
/// part, or with octets that were never written.
#[derive(Default)]
struct Card(Mutex<State>);

#[derive(Clone, Default)]
struct State {
    /// Content, and how much of it is safe.
    files: BTreeMap<String, (Vec<u8>, usize)>,
    /// Calls until power is gone.
    calls_left: Option<usize>,
}

impl Card {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("not poisoned")
    }

    /// The card as it is found after power was lost, and with power again.
    fn after_loss(&self, kept: Index, garbage: &[u8]) -> Arc<Self> {
        let mut state = self.state().clone();
        state.calls_left = None;
        for (content, safe) in state.files.values_mut() {
            let unsafe_octets = content.len() - *safe;
            let at = *safe + kept.index(unsafe_octets + 1);
            for (at, octet) in (at..content.len()).zip(garbage.iter().cycle()) {
                content[at] = *octet;
            }
            if garbage.is_empty() {
                content.truncate(at);
            }
            *safe = content.len();
        }
        Arc::new(Self(Mutex::new(state)))
    }

    fn call<T>(&self, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        match &mut state.calls_left {
            Some(0) => return Err(ErrorKind::BrokenPipe.into()),
            Some(left) => *left -= 1,
            None => {}
        }
        act(&mut state)
    }
}

impl Disk for Card {
    fn create(&self, name: &str) -> io::Result<()> {
        self.call(|state| {
            let new = state.files.insert(name.to_owned(), (Vec::new(), 0));
            new.map_or(Ok(()), |_| Err(ErrorKind::AlreadyExists.into()))
        })
    }

    fn append(&self, name: &str, octets: &[u8]) -> io::Result<()> {
        self.call(|state| {
            let file = state.files.get_mut(name).ok_or(ErrorKind::NotFound)?;
            file.0.extend_from_slice(octets);
            Ok(())
        })
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.call(|state| {
            let file = state.files.get_mut(name).ok_or(ErrorKind::NotFound)?;
            file.1 = file.0.len();
            Ok(())
        })
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.call(|state| Ok(state.files.get(name).ok_or(ErrorKind::NotFound)?.0.clone()))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.call(|state| Ok(state.files.keys().cloned().collect()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.call(|state| {
            let removed = state.files.remove(name);
            removed.map(drop).ok_or(ErrorKind::NotFound.into())
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_loss_of_power_makes_a_counter_come_twice(
        lives in vec(
            (
                0..30_usize,
                vec(prop_oneof![1..4_u64, 1..3 * RESERVED], 1..10),
                any::<Index>(),
                prop_oneof![Just(vec![]), Just(vec![0]), vec(any::<u8>(), 1..9)],
            ),
            1..8,
        ),
    ) {
        let mut card = Arc::new(Card::default());
        let mut behind = 0;
        for (calls, batches, kept, garbage) in lives {
            card.state().calls_left = Some(calls);
            if let Ok(mut counters) = DiskCounters::open(card.clone(), "counters") {
                for count in batches {
                    // What was handed out was used, even if power is lost next.
                    if let Ok(first) = counters.reserve(count) {
                        prop_assert!(first >= behind, "{first} below {behind}");
                        behind = first + count;
                    }
                }
            }
            card = card.after_loss(kept, &garbage);
        }
        let opened = DiskCounters::open(card, "counters");
        let first = opened.and_then(|mut counters| counters.reserve(1));
        prop_assert!(first.is_ok_and(|first| first >= behind));
    }
}

#[test]
fn a_sender_that_starts_again_goes_on_behind() {
    let card = Arc::new(Card::default());
    let mut used = BTreeSet::new();
    for _ in 0..5 {
        let counters = DiskCounters::open(card.clone(), "counters").expect("a card");
        let mut sender =
            Sender::new(base(Suite::Aes128Gcm, KeyId::new(1), 1), counters).expect("a sender");
        for _ in 0..10 {
            let sealed = seal(&mut sender, b"frame", b"").expect("sealed");
            let ctr = Header::read(&sealed).expect("a header").ctr;
            assert!(used.insert(ctr), "{ctr} twice");
        }
        assert_eq!(card.state().files.len(), 1);
    }
    let last = used.last().copied().expect("frames");
    assert_eq!(last, 4 * (RESERVED + 10) - 4 * 9 + 9, "{used:?}");
}

#[test]
fn what_nobody_can_tell_is_an_error() {
    let open = |files: &[(&str, &[u8])]| {
        let files = files
            .iter()
            .map(|(name, octets)| ((*name).to_owned(), (octets.to_vec(), octets.len())));
        let state = State {
            files: files.collect(),
            calls_left: None,
        };
        DiskCounters::open(Arc::new(Card(Mutex::new(state))), "counters")
            .and_then(|mut counters| counters.reserve(1))
    };
    let record = |limit: u64| [limit.to_be_bytes(), (!limit).to_be_bytes()].concat();
    let damaged = [record(5), vec![0; 16], record(9)].concat();
    assert_eq!(
        open(&[("counters.0", &damaged)]),
        Err(CounterError::Damaged(1))
    );
    assert_eq!(open(&[("counters.3", b"x")]), Err(CounterError::Damaged(0)));
    // The very first record was cut off; the record of the next file was.
    assert_eq!(open(&[("counters.0", b"x")]), Ok(0));
    assert_eq!(
        open(&[("counters.2", &record(7)), ("counters.3", b"")]),
        Ok(7)
    );
    // The last record may have been whole once.
    let last = [record(5), vec![0; 16]].concat();
    assert_eq!(open(&[("counters.4", &last)]), Ok(5 + 2 * RESERVED));
    // Others' files.
    assert_eq!(
        open(&[("counters.x", b"x"), ("counter.5", &record(5))]),
        Ok(0)
    );
}

#[test]
fn a_card_that_fails_seals_nothing() {
    let card = Arc::new(Card::default());
    let counters = DiskCounters::open(card.clone(), "counters").expect("a card");
    let mut sender =
        Sender::new(base(Suite::Aes128Gcm, KeyId::new(1), 1), counters).expect("a sender");
    card.state().calls_left = Some(1);
    let mut frames = Frames::new();
    frames.push(b"frame", b"");
    let failed = CounterError::Disk(ErrorKind::BrokenPipe).into();
    assert_eq!(sender.seal(&mut frames), Err(failed));
    assert!(frames.iter().all(<[u8]>::is_empty));
}

/// Hands out the same counters again and again.
struct Repeating(u64);

impl Counters for Repeating {
    fn reserve(&mut self, _count: u64) -> Result<u64, CounterError> {
        Ok(self.0)
    }
}

#[test]
fn a_counter_that_was_used_is_refused() {
    let key = base(Suite::Aes128Gcm, KeyId::new(1), 1);
    let mut sender = Sender::new(key, Repeating(7)).expect("a sender");
    assert!(seal(&mut sender, b"frame", b"").is_ok());
    let used = SFrameError::CounterUsed { ctr: 7, least: 8 };
    assert_eq!(seal(&mut sender, b"other", b""), Err(used));
    assert_eq!(used.to_string(), "counter is 7, not at least 8");
}

#[test]
fn exhausted_counters_seal_nothing_more() {
    let (mut sender, mut receiver) = ends(Suite::Aes128Gcm, KeyId::new(1), u64::MAX - 2);
    let mut frames = Frames::new();
    (0..3).for_each(|_| frames.push(b"frame", b""));
    let exhausted = |wanted, left| SFrameError::from(CounterError::Exhausted { wanted, left });
    assert_eq!(sender.seal(&mut frames), Err(exhausted(3, 2)));
    assert!(frames.iter().all(<[u8]>::is_empty));
    for _ in 0..2 {
        let sealed = seal(&mut sender, b"frame", b"").expect("sealed");
        assert!(crate::support::open(&mut receiver, &sealed, b"").is_ok());
    }
    assert_eq!(seal(&mut sender, b"frame", b""), Err(exhausted(1, 0)));
    let mut counters = VolatileCounters::default();
    assert_eq!(counters.reserve(u64::MAX), Ok(0));
    assert!(counters.reserve(1).is_err());
}
