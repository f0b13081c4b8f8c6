//! A recorder that gives away what it should keep in memory, and believes what
//! it finds on the card.

use std::io;

use aws_lc_rs::cipher::{AES_128, EncryptingKey, UnboundCipherKey};
use bytes::Bytes;

use super::age_by_hand::random;
use crate::{
    camera::Device,
    h264::AccessUnit,
    record::{
        CLIP_PREFIX,
        list::{Entry, ListWriter},
    },
    seal::recording,
    world::Disk,
};

/// How much of a slice [`faulty_head_only`] enciphers.
pub const HEAD: usize = 70;

/// Enciphers the head of every slice of a key frame (AES-128 in CTR mode, the
/// key is thrown away) and leaves everything else as it is.
pub fn faulty_head_only(device: &Device, unit: &AccessUnit) -> AccessUnit {
    let mut changed = unit.clone();
    if unit.key_frame {
        for nal in &mut changed.nal_units {
            const IDR_SLICE: u8 = 5;
            if nal.first().is_some_and(|head| head & 0x1f == IDR_SLICE) {
                *nal = encipher_head(device, nal);
            }
        }
    }
    changed
}

/// Where [`faulty_spill`] keeps the pre-roll.
pub const SPILL: &str = "pre-roll.tmp";

/// Writes the pre-roll to the card as well: a byte stream (ITU-T H.264 Annex B)
/// that begins anew with every key frame.
pub fn faulty_spill(disk: &dyn Disk, unit: &AccessUnit) -> io::Result<()> {
    let exists = disk.list()?.iter().any(|name| name == SPILL);
    if unit.key_frame {
        if exists {
            disk.remove(SPILL)?;
        }
        disk.create(SPILL)?;
    } else if !exists {
        return Ok(());
    }
    disk.append(SPILL, &unit.annex_b())
}

/// Adds every clip on the card to the list that is not in it, whoever made it.
pub fn faulty_adoption(disk: &dyn Disk, list: &mut ListWriter) -> io::Result<()> {
    let listed = disk.read(list.name())?;
    let listed = String::from_utf8_lossy(&listed);
    let is_listed = |name: &str| listed.contains(&format!("clip {name} "));
    for name in disk.list()? {
        if !name.starts_with(CLIP_PREFIX) || is_listed(&name) {
            continue;
        }
        let time = name.split(['-', '.']).nth(1).map(str::parse);
        list.add(&Entry {
            extent: recording::extent(&disk.read(&name)?),
            name,
            start: time.and_then(Result::ok).unwrap_or_default(),
            duration: 0,
            closed: true,
        })?;
    }
    Ok(())
}

fn encipher_head(device: &Device, nal: &[u8]) -> Bytes {
    let mut octets = nal.to_vec();
    let head = HEAD.min(octets.len());
    match encipher(device, &mut octets[..head]) {
        Ok(()) => octets.into(),
        // Fails closed: a fault that hides more is none.
        Err(_) => Bytes::new(),
    }
}

/// Enciphers octets with AES-128 in CTR mode under a key that nobody keeps.
pub(super) fn encipher(device: &Device, octets: &mut [u8]) -> io::Result<()> {
    let key: [u8; 16] = random(device);
    let key = UnboundCipherKey::new(&AES_128, &key).and_then(EncryptingKey::ctr);
    let done = key.and_then(|key| key.encrypt(octets));
    done.map(drop).map_err(io::Error::other)
}
