//! Clips that are not sealed with age: as they are, or through what somebody
//! took for encryption.

use std::io::{self, Write as _};

use aws_lc_rs::cipher::{AES_128, EncryptingKey, UnboundCipherKey};

use super::age_by_hand::random;
use crate::{
    camera::Device,
    seal::{
        keys::OwnerRecipient,
        recording::{Card, ClipFile, Extent},
    },
    seeded::Seeded,
};

/// A clip as it is.
pub fn faulty_plain(
    device: &Device,
    _owner: &OwnerRecipient,
    name: &str,
) -> io::Result<Box<dyn ClipFile>> {
    FaultyClip::create(device, name, 1, |_, _| Ok(()))
}

/// AES-128 block by block, with a key that is thrown away.
pub fn faulty_ecb(
    device: &Device,
    _owner: &OwnerRecipient,
    name: &str,
) -> io::Result<Box<dyn ClipFile>> {
    let key: [u8; 16] = random(device);
    let key = UnboundCipherKey::new(&AES_128, &key).and_then(EncryptingKey::ecb);
    let key = key.map_err(io::Error::other)?;
    FaultyClip::create(device, name, AES_BLOCK, move |_, blocks| {
        key.encrypt(blocks).map_err(io::Error::other).map(drop)
    })
}

/// XOR with [`xor_table`], again and again.
pub fn faulty_xor(
    device: &Device,
    _owner: &OwnerRecipient,
    name: &str,
) -> io::Result<Box<dyn ClipFile>> {
    let table = xor_table();
    FaultyClip::create(device, name, 1, move |position, octets| {
        let at = (position % XOR_TABLE as u64) as usize;
        let table = table.iter().cycle().skip(at);
        octets.iter_mut().zip(table).for_each(|(o, t)| *o ^= t);
        Ok(())
    })
}

/// Octets of [`xor_table`].
pub const XOR_TABLE: usize = 64 * 1024;

/// The same in every camera, as if it were in the firmware.
pub fn xor_table() -> Vec<u8> {
    let mut numbers = Seeded::new(0, TABLE);
    let words = (0..XOR_TABLE / 8).flat_map(|_| numbers.next().to_be_bytes());
    words.collect()
}

/// What numbers are drawn for.
const TABLE: u64 = 5;

const AES_BLOCK: usize = 16;

/// Changes whole blocks, which begin at a position in the file.
type Change = dyn FnMut(u64, &mut [u8]) -> io::Result<()> + Send;

struct FaultyClip {
    card: Card,
    block: usize,
    change: Box<Change>,
    position: u64,
    /// Less than a block.
    waiting: Vec<u8>,
}

impl FaultyClip {
    fn create(
        device: &Device,
        name: &str,
        block: usize,
        change: impl FnMut(u64, &mut [u8]) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Box<dyn ClipFile>> {
        Ok(Box::new(Self {
            card: Card::create(device.world.disk.clone(), name)?,
            block,
            change: Box::new(change),
            position: 0,
            waiting: Vec::new(),
        }))
    }
}

impl ClipFile for FaultyClip {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(plaintext);
        let whole = self.waiting.len() / self.block * self.block;
        let rest = self.waiting.split_off(whole);
        let mut blocks = std::mem::replace(&mut self.waiting, rest);
        (self.change)(self.position, &mut blocks)?;
        self.position += whole as u64;
        self.card.write_all(&blocks)
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn extent(&self) -> Extent {
        self.card.extent()
    }

    fn finish(mut self: Box<Self>) -> io::Result<Extent> {
        if !self.waiting.is_empty() {
            let padding = vec![0; self.block - self.waiting.len()];
            self.write(&padding)?;
        }
        self.card.flush()?;
        Ok(self.card.extent())
    }
}
