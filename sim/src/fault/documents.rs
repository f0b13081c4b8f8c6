//! What lies beside the clips, written by somebody who took it for harmless.

use std::io;

use crate::{
    camera::Device,
    fault::recorder::encipher,
    record::beside::{Document, THUMBNAIL_PREFIX, seal},
    seal::keys::HpkePublicKey,
};

/// Leaves thumbnails in clear, and seals events.
pub fn faulty_thumbnail(
    device: &Device,
    owner: &HpkePublicKey,
    document: &Document,
) -> io::Result<(String, Vec<u8>)> {
    match document.name.starts_with(THUMBNAIL_PREFIX) {
        true => Ok((document.name.clone(), document.octets.clone())),
        false => seal(device, owner, document),
    }
}

/// Leaves events in clear, and seals thumbnails.
pub fn faulty_events(
    device: &Device,
    owner: &HpkePublicKey,
    document: &Document,
) -> io::Result<(String, Vec<u8>)> {
    match document.name.starts_with(THUMBNAIL_PREFIX) {
        true => seal(device, owner, document),
        false => Ok((document.name.clone(), document.octets.clone())),
    }
}

/// Enciphers the headers of a thumbnail (AES-128 in CTR mode, the key is thrown
/// away), and leaves the data of its scan in clear; seals events.
pub fn faulty_thumbnail_head(
    device: &Device,
    owner: &HpkePublicKey,
    document: &Document,
) -> io::Result<(String, Vec<u8>)> {
    const START_OF_SCAN: [u8; 2] = [0xff, 0xda];
    if !document.name.starts_with(THUMBNAIL_PREFIX) {
        return seal(device, owner, document);
    }
    let mut octets = document.octets.clone();
    let head = octets.windows(2).position(|run| run == START_OF_SCAN);
    let head = head.unwrap_or(octets.len());
    encipher(device, &mut octets[..head])?;
    Ok((format!("{}.enc", document.name), octets))
}
