//! DNS (RFC 1035) over UDP, and multicast DNS (RFC 6762).

use std::collections::BTreeMap;

use super::{Reader, Role, Route};

/// Port of DNS.
pub const PORT: u16 = 53;
/// Port of multicast DNS.
pub const MDNS_PORT: u16 = 5353;

/// Longest name, each label with its length octet (RFC 1035 2.3.4).
const LONGEST_NAME: usize = 255;
/// QTYPE of all records (RFC 1035 3.2.3).
const ANY: u16 = 255;
/// CLASS IN.
const IN: u16 = 1;
/// The top bit of a class: unicast response wanted in a question, cache flush
/// in a record (RFC 6762 18.12, 18.13).
const MULTICAST_BIT: u16 = 0x8000;

/// Flags: QR, and OPCODE with the one reserved bit, which are zero.
const RESPONSE: u16 = 0x8000;
const ALWAYS_ZERO: u16 = 0x7840;

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const HINFO: u16 = 13;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const NAPTR: u16 = 35;
const DNAME: u16 = 39;
const OPT: u16 = 41;
const DS: u16 = 43;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
const DNSKEY: u16 = 48;
const NSEC3: u16 = 50;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
const CAA: u16 = 257;
const TYPES: [u16; 21] = [
    A, NS, CNAME, SOA, PTR, HINFO, MX, TXT, AAAA, SRV, NAPTR, DNAME, OPT, DS, RRSIG, NSEC, DNSKEY,
    NSEC3, SVCB, HTTPS, CAA,
];

/// Options of EDNS: NSID, owner, client subnet, cookie, keep-alive, padding,
/// extended error.
const OPTIONS: [u16; 7] = [3, 4, 8, 10, 11, 12, 15];
const PADDING: u16 = 12;

/// Reads a query to a server, or its response.
pub(super) fn read(reader: &mut Reader<'_>, route: Route) -> Option<Option<Role>> {
    let mut message = Message::new(reader, false);
    let counts = message.header()?;
    if counts.questions != 1 {
        return None;
    }
    match counts.response {
        true if route.from == PORT => {
            message.sections(&counts)?;
            Some(Some(Role::SenderServes))
        }
        // A query has nothing but the question and its EDNS record.
        false if route.to == PORT && counts.records[..2] == [0, 0] && counts.records[2] <= 1 => {
            message.sections(&counts)?;
            let edns_alone = message.others == 0;
            edns_alone.then_some(Some(Role::ReceiverServes))
        }
        _ => None,
    }
}

/// Reads a message of multicast DNS; nobody is the server of the other.
pub(super) fn read_multicast(reader: &mut Reader<'_>, _: Route) -> Option<Option<Role>> {
    let mut message = Message::new(reader, true);
    let counts = message.header()?;
    message.sections(&counts)?;
    Some(None)
}

struct Message<'r, 'a> {
    reader: &'r mut Reader<'a>,
    multicast: bool,
    /// Where labels begin, and how long the name is from there on.
    names: BTreeMap<usize, usize>,
    /// How many records that are not OPT were read.
    others: usize,
}

struct Counts {
    response: bool,
    questions: u16,
    /// Answers, authorities, additional records.
    records: [u16; 3],
}

impl<'r, 'a> Message<'r, 'a> {
    fn new(reader: &'r mut Reader<'a>, multicast: bool) -> Self {
        Self {
            reader,
            multicast,
            names: BTreeMap::new(),
            others: 0,
        }
    }

    fn header(&mut self) -> Option<Counts> {
        let _id = self.reader.take_free(2)?;
        let flags = self.reader.u16()?;
        let counts = Counts {
            response: flags & RESPONSE != 0,
            questions: self.reader.u16()?,
            records: [self.reader.u16()?, self.reader.u16()?, self.reader.u16()?],
        };
        (flags & ALWAYS_ZERO == 0).then_some(counts)
    }

    fn sections(&mut self, counts: &Counts) -> Option<()> {
        for _ in 0..counts.questions {
            self.name()?;
            let kind = self.reader.u16()?;
            let known = TYPES.contains(&kind) || kind == ANY;
            let class = self.class(self.multicast)?;
            if !known || !matches!(class, IN | ANY) {
                return None;
            }
        }
        for count in counts.records {
            for _ in 0..count {
                self.record()?;
            }
        }
        Some(())
    }

    fn class(&mut self, multicast: bool) -> Option<u16> {
        let class = self.reader.u16()?;
        Some(if multicast {
            class & !MULTICAST_BIT
        } else {
            class
        })
    }

    fn record(&mut self) -> Option<()> {
        let name = self.reader.at();
        self.name()?;
        let kind = self.reader.u16()?;
        if kind == OPT {
            // Size of the sender's buffer; extended RCODE, version 0 and flags.
            let _size = self.reader.u16()?;
            let of_root = self.reader.at() == name + 5;
            let version = self.reader.u32()? >> 16 & 0xff;
            let length = usize::from(self.reader.u16()?);
            let end = self.reader.at() + length;
            return (of_root && version == 0).then(|| self.edns(end))?;
        }
        self.others += 1;
        let class = self.class(self.multicast)?;
        let _ttl = self.reader.u32()?;
        let length = usize::from(self.reader.u16()?);
        let end = self.reader.at() + length;
        self.data(kind, end)?;
        (class == IN && self.reader.at() == end).then_some(())
    }

    fn data(&mut self, kind: u16, end: usize) -> Option<()> {
        match kind {
            A => self.reader.take_free(4).map(|_| ()),
            AAAA => self.reader.take_free(16).map(|_| ()),
            NS | CNAME | PTR | DNAME => self.name(),
            SOA => {
                self.name()?;
                self.name()?;
                self.reader.take_free(20).map(|_| ())
            }
            MX => {
                self.reader.take(2)?;
                self.name()
            }
            SRV => {
                self.reader.take(6)?;
                self.name()
            }
            HINFO => {
                self.string()?;
                self.string()
            }
            TXT => {
                self.string()?;
                while self.reader.at() < end {
                    self.string()?;
                }
                Some(())
            }
            NAPTR => {
                self.reader.take(4)?;
                for _ in 0..3 {
                    self.string()?;
                }
                self.name()
            }
            NSEC => {
                self.name()?;
                self.rest(end)
            }
            // Its signer may be what later names point to.
            RRSIG => {
                self.reader.take_free(18)?;
                self.name()?;
                self.rest(end)
            }
            SVCB | HTTPS => {
                self.reader.take(2)?;
                self.name()?;
                self.parameters(end)
            }
            DS | DNSKEY | NSEC3 | CAA => self.rest(end),
            _ => None,
        }
    }

    /// Options of EDNS (RFC 6891 6.1.2).
    fn edns(&mut self, end: usize) -> Option<()> {
        while self.reader.at() < end {
            let code = self.reader.u16()?;
            let length = usize::from(self.reader.u16()?);
            let data = self.reader.take_free(length)?;
            let padded = code != PADDING || data.iter().all(|&octet| octet == 0);
            if !OPTIONS.contains(&code) || !padded {
                return None;
            }
        }
        (self.reader.at() == end).then_some(())
    }

    /// SvcParams (RFC 9460 2.2): their keys ascend.
    fn parameters(&mut self, end: usize) -> Option<()> {
        let mut before = None;
        while self.reader.at() < end {
            let key = Some(self.reader.u16()?);
            let length = usize::from(self.reader.u16()?);
            self.reader.take_free(length)?;
            if key <= before {
                return None;
            }
            before = key;
        }
        Some(())
    }

    /// What is left of the record, which its sender chose freely.
    fn rest(&mut self, end: usize) -> Option<()> {
        let left = end.checked_sub(self.reader.at())?;
        self.reader.take_free(left).map(|_| ())
    }

    /// A character-string (RFC 1035 3.3).
    fn string(&mut self) -> Option<()> {
        let length = usize::from(self.reader.u8()?);
        self.reader.take_free(length).map(|_| ())
    }

    /// A name. What it points to has to be a name that was read before, so no
    /// octets hide between records, and nothing goes round in circles.
    fn name(&mut self) -> Option<()> {
        let mut labels = Vec::new();
        let mut length = loop {
            let at = self.reader.at();
            match self.reader.u8()? {
                0 => break 1,
                octets @ 1..=63 => {
                    let label = self.reader.take_free(usize::from(octets))?;
                    if !is_label(label, self.multicast) {
                        return None;
                    }
                    labels.push((at, usize::from(octets) + 1));
                }
                high @ 0xc0.. => {
                    let low = self.reader.u8()?;
                    let target = u16::from_be_bytes([high & 0x3f, low]);
                    break *self.names.get(&usize::from(target))?;
                }
                _ => return None,
            }
        };
        for (at, octets) in labels.into_iter().rev() {
            length += octets;
            self.names.insert(at, length);
        }
        (length <= LONGEST_NAME).then_some(())
    }
}

/// Letters, digits, hyphen and underscore; in multicast DNS any text in UTF-8
/// (RFC 6762 16).
fn is_label(label: &[u8], multicast: bool) -> bool {
    match multicast {
        true => str::from_utf8(label).is_ok_and(|text| !text.chars().any(char::is_control)),
        false => {
            let legal = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
            label.iter().all(legal) || label == b"*"
        }
    }
}
