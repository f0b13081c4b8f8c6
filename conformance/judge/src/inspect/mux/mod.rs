//! Files that players know, made of what packets brought: one file per container.

pub mod adts;
pub mod grey;
pub mod ivf;
pub mod jfif;
pub mod ogg;
#[cfg(test)]
mod testing;
pub mod wav;

/// A byte stream of NAL units (Annex B of ITU-T H.264, H.265 and H.266).
pub fn annex_b<'a>(nal_units: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut file = Vec::new();
    for nal in nal_units {
        file.extend([0, 0, 0, 1]);
        file.extend_from_slice(nal);
    }
    file
}
