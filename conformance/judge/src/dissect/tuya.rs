//! Messages of Tuya's protocol between app and device (versions 3.1 to 3.5, as
//! tinytuya documents them), and of Xiaomi's miIO.

/// A message of Tuya's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Whether it is framed as in version 3.5, and sealed with AES-GCM.
    pub gcm: bool,
    /// Command.
    pub command: u32,
    /// What is between the header and what closes the message.
    pub content: &'a [u8],
    /// Its octets.
    pub length: usize,
}

/// Reads the message that octets begin with: its prefix, its length, and its
/// suffix there.
pub fn read(octets: &[u8]) -> Option<Message<'_>> {
    let word = |at: usize| {
        let octets = octets.get(at..).and_then(|rest| rest.first_chunk::<4>());
        octets.map(|octets| u32::from_be_bytes(*octets))
    };
    let (gcm, header, suffix) = match word(0)? {
        0x0000_55aa => (false, 16, 0x0000_aa55),
        0x0000_6699 => (true, 18, 0x0000_9966),
        _ => return None,
    };
    let shift = if gcm { 2 } else { 0 };
    let (command, length) = (word(8 + shift)?, usize::try_from(word(12 + shift)?).ok()?);
    let end = header + length.checked_add(if gcm { 4 } else { 0 })?;
    let content = octets.get(header..end.checked_sub(4)?)?;
    let closed = word(end - 4) == Some(suffix);
    (closed && command < 0x100).then_some(Message {
        gcm,
        command,
        content,
        length: end,
    })
}

/// A message of miIO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miio {
    /// Device; all ones in a greeting.
    pub device: u32,
    /// Octets of what is encrypted.
    pub content: usize,
}

/// Reads a datagram of miIO: magic, length, device, time and a digest.
pub fn miio(datagram: &[u8]) -> Option<Miio> {
    let &[0x21, 0x31, l0, l1, u0, u1, u2, u3, d0, d1, d2, d3, ..] = datagram.first_chunk::<32>()?
    else {
        return None;
    };
    let unknown = u32::from_be_bytes([u0, u1, u2, u3]);
    let content = datagram.len() - 32;
    let fits = usize::from(u16::from_be_bytes([l0, l1])) == datagram.len()
        && matches!(unknown, 0 | u32::MAX)
        && content.is_multiple_of(16);
    fits.then_some(Miio {
        device: u32::from_be_bytes([d0, d1, d2, d3]),
        content,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn message(command: u8, content: &[u8]) -> Vec<u8> {
        let mut octets = vec![0, 0, 0x55, 0xaa, 0, 0, 0, 1, 0, 0, 0, command, 0, 0, 0];
        octets.push(content.len() as u8 + 8);
        octets.extend(content);
        octets.extend([1, 2, 3, 4, 0, 0, 0xaa, 0x55]);
        octets
    }

    pub(crate) fn of_miio(device: [u8; 4], content: &[u8]) -> Vec<u8> {
        let mut octets = vec![0x21, 0x31, 0, 32 + content.len() as u8, 0, 0, 0, 0];
        octets.extend(device);
        octets.extend([7; 20]);
        octets.extend(content);
        octets
    }

    #[test]
    fn a_message_is_closed_where_its_length_says() {
        let octets = message(7, &[5; 32]);
        let read_ = read(&octets).unwrap();
        assert_eq!((read_.command, read_.length), (7, octets.len()));
        let mut wrong = octets.clone();
        wrong[15] -= 1;
        assert_eq!(read(&wrong), None);
        let octets = of_miio([1, 2, 3, 4], &[6; 48]);
        assert_eq!(miio(&octets).unwrap().content, 48);
        assert_eq!(miio(&octets[..79]), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..60)) {
            for prefix in [&[0, 0, 0x55, 0xaa][..], &[0, 0, 0x66, 0x99], &[0x21, 0x31], &[]] {
                let octets = [prefix, &octets].concat();
                let _ = (read(&octets), miio(&octets));
            }
        }
    }
}
