//! Envelopes from outside: another implementation opens what we seal, we open
//! what it seals, and who may not watch opens nothing.

use lightleak_sim::{
    seal::{
        envelope::{self, ENCAPSULATED, EnvelopeError, Epoch, EpochError, Epochs, OVERHEAD},
        keys::{HpkeKey, HpkePublicKey},
        sframe::{Frames, Receiver, SFrameError, Sender, Suite, VolatileCounters},
    },
    world::Entropy,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use rustls::crypto::{
    aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_128 as OTHER,
    hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey as OtherPublicKey},
};

/// Octets that repeat nowhere, and anybody can know.
struct Counting(std::sync::atomic::AtomicU64);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
            chunk.copy_from_slice(&mixed.to_be_bytes()[..chunk.len()]);
        }
    }
}

fn entropy(start: u64) -> Counting {
    Counting(start.into())
}

fn key(number: u8) -> HpkeKey {
    HpkeKey::new(&[number; 32]).expect("32 octets")
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    (prop_oneof![0..64_usize, 0..=256 * 1024_usize], any::<u8>())
        .prop_map(|(size, octet)| vec![octet; size])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn rustls_opens_what_we_seal(
        start in any::<u64>(),
        message in message(),
        info in vec(any::<u8>(), 0..100),
        associated in vec(any::<u8>(), 0..100),
        at in any::<Index>(),
    ) {
        let sealed = envelope::seal(&key(1).public(), &info, &associated, &message, &entropy(start));
        let mut sealed = sealed.expect("sealed");
        prop_assert_eq!(sealed.len(), message.len() + OVERHEAD);
        let open = |sealed: &[u8]| {
            let (encapsulated, ciphertext) = sealed.split_at(ENCAPSULATED);
            OTHER.open(
                &EncapsulatedSecret(encapsulated.to_vec()),
                &info,
                &associated,
                ciphertext,
                &HpkePrivateKey::from(vec![1; 32]),
            )
        };
        let opened = open(&sealed);
        prop_assert!(opened.is_ok_and(|opened| opened == message));
        // The highest bit of an X25519 share is not looked at (RFC 7748 5).
        *at.get_mut(&mut sealed) ^= 0x10;
        prop_assert!(open(&sealed).is_err());
    }

    #[test]
    fn we_open_what_rustls_seals(
        message in message(),
        info in vec(any::<u8>(), 0..100),
        associated in vec(any::<u8>(), 0..100),
        at in any::<Index>(),
    ) {
        let to = OtherPublicKey(key(1).public().0.to_vec());
        let (encapsulated, ciphertext) =
            OTHER.seal(&info, &associated, &message, &to).expect("sealed");
        let mut sealed = [encapsulated.0, ciphertext].concat();
        let opened = envelope::open(&sealed, &key(1), &info, &associated);
        prop_assert_eq!(opened.as_deref(), Ok(&message));
        let refused = Err(EnvelopeError::Authentication);
        let other = [&info[..], b"x"].concat();
        prop_assert_eq!(envelope::open(&sealed, &key(1), &other, &associated), refused.clone());
        prop_assert_eq!(envelope::open(&sealed, &key(1), &info, &other), refused.clone());
        prop_assert_eq!(envelope::open(&sealed, &key(2), &info, &associated), refused.clone());
        *at.get_mut(&mut sealed) ^= 0x10;
        prop_assert_eq!(envelope::open(&sealed, &key(1), &info, &associated), refused);
    }

    #[test]
    fn arbitrary_octets_are_refused(octets in vec(any::<u8>(), 0..200)) {
        prop_assert!(envelope::open(&octets, &key(1), b"", b"").is_err());
        prop_assert!(Epoch::receive(&octets, "LL-1", &key(1)).is_err());
    }
}

#[test]
fn a_key_of_low_order_is_refused() {
    let zero = HpkePublicKey([0; 32]);
    let refused = envelope::seal(&zero, b"", b"", b"x", &entropy(1));
    assert_eq!(refused, Err(EnvelopeError::PublicKey));
    let refused = envelope::open(&[0; OVERHEAD], &key(1), b"", b"");
    assert_eq!(refused, Err(EnvelopeError::Authentication));
    let refused = envelope::open(&[9; OVERHEAD - 1], &key(1), b"", b"");
    assert_eq!(refused, Err(EnvelopeError::Short(OVERHEAD - 1)));
}

/// A viewer, and what it was sent.
struct Viewer {
    key: HpkeKey,
    receiver: Option<Receiver>,
}

impl Viewer {
    fn new(number: u8) -> Self {
        Self {
            key: key(number),
            receiver: None,
        }
    }

    /// Tries everything that was sent to anybody; whether something was for it.
    fn receive(&mut self, epoch: &Epoch) -> bool {
        let mut keys = epoch
            .deliveries
            .iter()
            .filter_map(|(_, delivery)| Epoch::receive(delivery, "LL-1", &self.key).ok());
        let Some(key) = keys.next() else {
            return false;
        };
        match &mut self.receiver {
            Some(receiver) => {
                receiver.add_key(&key).expect("a new epoch");
                receiver.end_before(key.id().generation());
            }
            none => *none = Some(Receiver::new(&key).expect("a receiver")),
        }
        true
    }

    fn opens(&mut self, sealed: &[u8]) -> bool {
        let mut frames = Frames::new();
        frames.push(sealed, b"");
        let receiver = self.receiver.as_mut();
        receiver.is_some_and(|receiver| receiver.open(&mut frames)[0].is_ok())
    }
}

fn sealed(sender: &mut Sender) -> Vec<u8> {
    let mut frames = Frames::new();
    frames.push(b"frame", b"");
    sender.seal(&mut frames).expect("sealed");
    frames.iter().next().expect("a frame").to_vec()
}

fn sender(epoch: Epoch) -> Sender {
    Sender::new(epoch.base, VolatileCounters::default()).expect("a sender")
}

#[test]
fn whoever_comes_or_goes_a_new_epoch_begins() {
    let entropy = entropy(1);
    let mut epochs =
        Epochs::new(Suite::Aes128Gcm, 2, "LL-1", VolatileCounters::starting(1)).expect("epochs");
    let (mut first, mut second) = (Viewer::new(1), Viewer::new(2));

    let epoch = epochs.add(first.key.public(), &entropy).expect("begun");
    let epoch = epoch.expect("a new viewer");
    assert!(first.receive(&epoch) && !second.receive(&epoch));
    let mut alone = sender(epoch);
    let (early, late) = (sealed(&mut alone), sealed(&mut alone));
    assert!(first.opens(&early) && !second.opens(&early));

    let epoch = epochs.add(second.key.public(), &entropy).expect("begun");
    let epoch = epoch.expect("a new viewer");
    assert_eq!(epoch.deliveries.len(), 2);
    assert!(first.receive(&epoch) && second.receive(&epoch));
    let mut both = sender(epoch);
    let shared = sealed(&mut both);
    assert!(first.opens(&shared) && second.opens(&shared));
    // What was before stays closed to who comes, and is over for the other.
    assert!(!second.opens(&late) && !first.opens(&late));

    let gone = epochs.remove(&first.key.public(), &entropy).expect("begun");
    let epoch = gone.expect("was a viewer");
    assert!(!first.receive(&epoch) && second.receive(&epoch));
    let mut after = sender(epoch);
    let later = sealed(&mut after);
    assert!(second.opens(&later) && !first.opens(&later));
    assert_eq!(epochs.viewers().collect::<Vec<_>>(), [&second.key.public()]);
    assert!(both.id() < after.id());

    let nobody = epochs.remove(&first.key.public(), &entropy).expect("none");
    let again = epochs.add(second.key.public(), &entropy).expect("none");
    assert!(nobody.is_none() && again.is_none());
}

#[test]
fn a_delivery_is_for_one_viewer_of_one_sender() {
    let mut epochs =
        Epochs::new(Suite::Aes256Gcm, 2, "LL-1", VolatileCounters::starting(5)).expect("epochs");
    let epoch = epochs.add(key(1).public(), &entropy(1)).expect("begun");
    let epoch = epoch.expect("a new viewer");
    let delivery = &epoch.deliveries[0].1;
    let received = Epoch::receive(delivery, "LL-1", &key(1)).expect("received");
    let expected = epoch.base.opening();
    assert_eq!(received.expose(), expected.expose());
    assert_eq!(
        (received.suite(), received.id()),
        (Suite::Aes256Gcm, expected.id())
    );
    assert_eq!(received.id().generation(), 5);
    let refused = |delivery: &[u8], sender, viewer| {
        let refused = Epoch::receive(delivery, sender, &viewer);
        matches!(
            refused,
            Err(EpochError::Envelope(EnvelopeError::Authentication))
        )
    };
    assert!(refused(delivery, "LL-2", key(1)));
    assert!(refused(delivery, "LL-1", key(2)));
    for at in 0..delivery.len() {
        let mut changed = delivery.clone();
        changed[at] ^= 1;
        assert!(refused(&changed, "LL-1", key(1)), "octet {at}");
    }
}

#[test]
fn epochs_that_can_not_begin_leave_the_viewers_as_they_are() {
    let mut epochs = Epochs::new(
        Suite::Aes128Gcm,
        0,
        "LL-1",
        VolatileCounters::starting(u64::MAX - 1),
    )
    .expect("epochs");
    let low = epochs.add(HpkePublicKey([0; 32]), &entropy(1)).err();
    let public = EnvelopeError::PublicKey;
    assert!(matches!(low, Some(EpochError::Envelope(error)) if error == public));
    assert_eq!(epochs.viewers().len(), 0);
    let exhausted = epochs.add(key(1).public(), &entropy(1)).err();
    let text = exhausted.map(|error| error.to_string());
    assert_eq!(
        text.as_deref(),
        Some("counters are exhausted: 1 wanted, 0 left")
    );
    assert_eq!(epochs.viewers().len(), 0);
    let bits = Epochs::new(Suite::Aes128Gcm, 5, "LL-1", VolatileCounters::default()).err();
    assert!(matches!(
        bits,
        Some(EpochError::SFrame(SFrameError::RatchetBits(5)))
    ));
}
