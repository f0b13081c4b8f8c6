//! SSH_MSG_KEXINIT (RFC 4253 7.1) in a packet in clear (RFC 4253 6).

/// SSH_MSG_KEXINIT.
const KEXINIT: u8 = 20;
/// Octets of a packet that are read at most.
const LONGEST: usize = 35_000;

/// What one end offers.
#[derive(Clone, Debug)]
pub(super) struct KexInit {
    /// The ten lists of names.
    lists: Vec<Vec<String>>,
}

impl KexInit {
    /// Reads the packet that octets begin with; `None` unless all its lengths fit.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let (length, rest) = octets.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let packet = rest.get(..length).filter(|_| length <= LONGEST)?;
        let &[padding, KEXINIT, ref body @ ..] = packet else {
            return None;
        };
        let end = body.len().checked_sub(usize::from(padding))?;
        let mut body = body.get(16..end)?;
        let mut lists = Vec::new();
        for _ in 0..10 {
            let (length, rest) = body.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let names = std::str::from_utf8(rest.get(..length)?).ok()?;
            lists.push(names.split(',').map(str::to_owned).collect());
            body = rest.get(length..)?;
        }
        // first_kex_packet_follows, and a reserved number.
        (body.len() == 5).then_some(Self { lists })
    }

    /// Ciphers of either direction that come of two offers, whoever is the client.
    pub(super) fn ciphers_with(&self, other: &Self) -> Vec<String> {
        let agreed = |list: usize| {
            let (one, two) = (self.lists.get(list)?, other.lists.get(list)?);
            one.iter().find(|name| two.contains(name)).cloned()
        };
        [2, 3].into_iter().filter_map(agreed).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    /// A packet that offers one cipher.
    pub(in super::super) fn kexinit(cipher: &str) -> Vec<u8> {
        let mut body = vec![20];
        body.extend([7; 16]);
        for list in 0..10 {
            let names = if matches!(list, 2 | 3) { cipher } else { "x,y" };
            body.extend((names.len() as u32).to_be_bytes());
            body.extend(names.as_bytes());
        }
        body.extend([0; 5]);
        let padding = 6;
        let mut packet = ((body.len() + 1 + padding) as u32).to_be_bytes().to_vec();
        packet.push(padding as u8);
        packet.extend(body);
        packet.extend([0; 6]);
        packet
    }
}
