//! Blocks and files, written octet by octet.

use lightleak_case::Capture;

pub const SHB: u32 = 0x0A0D_0D0A;
pub const IDB: u32 = 1;
pub const PB: u32 = 2;
pub const SPB: u32 = 3;
pub const NRB: u32 = 4;
pub const ISB: u32 = 5;
pub const EPB: u32 = 6;
pub const SYSTEMD_JOURNAL: u32 = 9;
pub const CUSTOM: u32 = 0x0BAD;

/// Writes blocks in one byte order.
#[derive(Clone, Copy)]
pub struct Order {
    pub big: bool,
}

pub const ORDERS: [Order; 2] = [Order { big: false }, Order { big: true }];
pub const LITTLE: Order = ORDERS[0];

impl Order {
    pub fn u16(self, n: u16) -> Vec<u8> {
        self.ordered(n.to_be_bytes())
    }

    pub fn u32(self, n: u32) -> Vec<u8> {
        self.ordered(n.to_be_bytes())
    }

    pub fn u64(self, n: u64) -> Vec<u8> {
        self.ordered(n.to_be_bytes())
    }

    pub fn ordered<const N: usize>(self, mut bytes: [u8; N]) -> Vec<u8> {
        if !self.big {
            bytes.reverse();
        }
        bytes.to_vec()
    }

    pub fn block(self, block_type: u32, body: &[&[u8]]) -> Vec<u8> {
        let mut body = body.concat();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = self.u32(body.len() as u32 + 12);
        [&self.u32(block_type), &length, &body, &length]
            .map(Vec::as_slice)
            .concat()
    }

    pub fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = [&self.u16(code), &self.u16(value.len() as u16)]
            .map(Vec::as_slice)
            .concat();
        option.extend(value);
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    pub fn section(self) -> Vec<u8> {
        let body = [
            self.u32(0x1A2B_3C4D),
            self.u16(1),
            self.u16(0),
            self.u64(u64::MAX),
        ];
        self.block(SHB, &[&body.concat()])
    }

    pub fn interface(self, link_type: u16, snap_length: u32, options: &[Vec<u8>]) -> Vec<u8> {
        let body = [self.u16(link_type), self.u16(0), self.u32(snap_length)];
        self.block(IDB, &[&body.concat(), &options.concat()])
    }

    pub fn enhanced(self, interface: u32, ticks: u64, data: &[u8], original: u32) -> Vec<u8> {
        self.enhanced_with(interface, ticks, data, original, &[])
    }

    pub fn enhanced_with(
        self,
        interface: u32,
        ticks: u64,
        data: &[u8],
        original: u32,
        options: &[u8],
    ) -> Vec<u8> {
        let head = [
            self.u32(interface),
            self.u32((ticks >> 32) as u32),
            self.u32(ticks as u32),
            self.u32(data.len() as u32),
            self.u32(original),
        ];
        let padding = vec![0; data.len().next_multiple_of(4) - data.len()];
        self.block(EPB, &[&head.concat(), data, &padding, options])
    }

    pub fn statistics(self, interface: u32, options: &[Vec<u8>]) -> Vec<u8> {
        let head = [self.u32(interface), self.u64(0)];
        self.block(ISB, &[&head.concat(), &options.concat()])
    }
}

/// What a good capture of these blocks holds.
pub fn read(blocks: &[Vec<u8>]) -> Capture {
    Capture::read(&blocks.concat()).unwrap()
}

pub fn message(blocks: &[Vec<u8>]) -> String {
    Capture::read(&blocks.concat()).unwrap_err().to_string()
}

/// A classic pcap of one packet, its first word being that magic number.
pub fn classic(order: Order, magic: u32) -> Vec<u8> {
    let header = [
        order.u32(magic),
        order.u16(2),
        order.u16(4),
        order.u64(0),
        order.u32(65535),
        // The upper bits tell of a frame check sequence of 4 octets.
        order.u32(0x4400_0001),
    ];
    let record = [
        order.u32(2),
        order.u32(5),
        order.u32(3),
        order.u32(60),
        b"abc".to_vec(),
    ];
    [header.concat(), record.concat()].concat()
}
