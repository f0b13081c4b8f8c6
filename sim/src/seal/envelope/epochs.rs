//! Who may watch: a base key per epoch, wrapped for each viewer.

use std::{collections::BTreeSet, fmt};

use super::{EnvelopeError, HpkeKey, HpkePublicKey, open, seal};
use crate::{
    seal::{
        keys::{KeyError, SFrameBaseKey, SFrameOpeningKey},
        sframe::{Counters, KeyId, SFrameError, Suite},
    },
    world::Entropy,
};

/// What a base key is wrapped for.
const INFO: &[u8] = b"lightleak sframe base key 1";

/// The viewers of one sender, and its epochs. Whoever comes or goes, a new
/// epoch begins, under a fresh base key that nothing before tells of: who comes
/// opens nothing that was sealed before, and who goes nothing that is sealed
/// later (RFC 9605 5.1, 7.3).
pub struct Epochs {
    suite: Suite,
    ratchet_bits: u8,
    sender: String,
    generations: Box<dyn Counters>,
    viewers: BTreeSet<HpkePublicKey>,
}

/// An epoch that begins.
#[derive(Debug)]
pub struct Epoch {
    /// What the sender seals with.
    pub base: SFrameBaseKey,
    /// What each viewer is sent.
    pub deliveries: Vec<(HpkePublicKey, Vec<u8>)>,
}

impl Epochs {
    /// The epochs of a sender of that name, without viewers. `generations`
    /// number them, and number no other's with the same name.
    ///
    /// # Errors
    ///
    /// [`EpochError::SFrame`] for more bits for ratchet steps than there may be.
    pub fn new(
        suite: Suite,
        ratchet_bits: u8,
        sender: &str,
        generations: impl Counters + 'static,
    ) -> Result<Self, EpochError> {
        KeyId::ratcheted(0, ratchet_bits)?;
        Ok(Self {
            suite,
            ratchet_bits,
            sender: sender.to_owned(),
            generations: Box::new(generations),
            viewers: BTreeSet::new(),
        })
    }

    /// Whoever may watch.
    pub fn viewers(&self) -> impl ExactSizeIterator<Item = &HpkePublicKey> {
        self.viewers.iter()
    }

    /// Lets a viewer watch from now on; nothing if that was so already.
    ///
    /// # Errors
    ///
    /// [`EpochError`] if the epoch can't begin; the viewers are as before then.
    pub fn add(
        &mut self,
        viewer: HpkePublicKey,
        entropy: &dyn Entropy,
    ) -> Result<Option<Epoch>, EpochError> {
        let mut viewers = self.viewers.clone();
        match viewers.insert(viewer) {
            true => self.begin(viewers, entropy).map(Some),
            false => Ok(None),
        }
    }

    /// Lets a viewer watch no more; nothing if that was so already.
    ///
    /// # Errors
    ///
    /// [`EpochError`] if the epoch can't begin; the viewers are as before then.
    pub fn remove(
        &mut self,
        viewer: &HpkePublicKey,
        entropy: &dyn Entropy,
    ) -> Result<Option<Epoch>, EpochError> {
        let mut viewers = self.viewers.clone();
        match viewers.remove(viewer) {
            true => self.begin(viewers, entropy).map(Some),
            false => Ok(None),
        }
    }

    /// Lets these viewers watch from now on, and no others. An epoch begins
    /// whether they are the same as before or not: one of them may have lost its
    /// key.
    ///
    /// # Errors
    ///
    /// [`EpochError`] if the epoch can't begin; the viewers are as before then.
    pub fn renew(
        &mut self,
        viewers: BTreeSet<HpkePublicKey>,
        entropy: &dyn Entropy,
    ) -> Result<Epoch, EpochError> {
        self.begin(viewers, entropy)
    }

    fn begin(
        &mut self,
        viewers: BTreeSet<HpkePublicKey>,
        entropy: &dyn Entropy,
    ) -> Result<Epoch, EpochError> {
        let generation = self.generations.reserve(1).map_err(SFrameError::from)?;
        let id = KeyId::ratcheted(generation, self.ratchet_bits)?;
        let base = SFrameBaseKey::random(self.suite, id, entropy);
        let key = base.opening();
        let wrap = |viewer: &HpkePublicKey| {
            let delivery = deliver(&key, &self.sender, viewer, entropy)?;
            Ok((*viewer, delivery))
        };
        let deliveries = viewers
            .iter()
            .map(wrap)
            .collect::<Result<_, EpochError>>()?;
        self.viewers = viewers;
        Ok(Epoch { base, deliveries })
    }
}

impl fmt::Debug for Epochs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suite, sender, .. } = self;
        write!(
            f,
            "Epochs({suite}, {sender}, {} viewers)",
            self.viewers.len()
        )
    }
}

/// A key for one viewer: suite (2 octets), KID (8) and bits for ratchet steps
/// (1) in clear, and the octets of the key in an envelope that all of them, and
/// the sender's name, are bound to.
///
/// # Errors
///
/// [`EpochError::Envelope`] for a viewer's key that gives no secret.
pub fn deliver(
    key: &SFrameOpeningKey,
    sender: &str,
    viewer: &HpkePublicKey,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, EpochError> {
    let id = key.id();
    let mut delivery = key.suite().value().to_be_bytes().to_vec();
    delivery.extend(id.kid().to_be_bytes());
    delivery.push(id.ratchet_bits());
    let associated = [&delivery[..], sender.as_bytes()].concat();
    delivery.extend(seal(viewer, INFO, &associated, key.expose(), entropy)?);
    Ok(delivery)
}

/// Octets of a delivery before its envelope.
pub(crate) const HEAD: usize = 11;

impl Epoch {
    /// The key in what a viewer was sent by the sender of that name.
    ///
    /// # Errors
    ///
    /// [`EpochError`] if it is for another viewer, from another sender, or was
    /// changed.
    pub fn receive(
        delivery: &[u8],
        sender: &str,
        viewer: &HpkeKey,
    ) -> Result<SFrameOpeningKey, EpochError> {
        let Some((head, envelope)) = delivery.split_first_chunk::<HEAD>() else {
            return Err(EpochError::Short(delivery.len()));
        };
        let [s0, s1, kid @ .., ratchet_bits] = *head;
        let associated = [&head[..], sender.as_bytes()].concat();
        // Nothing of the head is used before it is authenticated.
        let key = open(envelope, viewer, INFO, &associated)?;
        let value = u16::from_be_bytes([s0, s1]);
        let suite = Suite::from_value(value).ok_or(EpochError::Suite(value))?;
        let id = KeyId::of(u64::from_be_bytes(kid), ratchet_bits)?;
        Ok(SFrameOpeningKey::new(suite, id, &key)?)
    }
}

/// Why an epoch does not begin, or a key is not received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EpochError {
    /// A delivery of this many octets.
    #[error("delivery is {0} octets long, not at least {HEAD}")]
    Short(usize),
    /// A suite that there is not.
    #[error("suite is {0:#06x}, which no suite has")]
    Suite(u16),
    /// The envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// KID or counters.
    #[error(transparent)]
    SFrame(#[from] SFrameError),
}
