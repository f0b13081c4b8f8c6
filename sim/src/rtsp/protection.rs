//! The SRTP of one track of one viewer.

use super::{
    key_management,
    mikey::{CryptoSession, Message, Policy},
    resource::{Form, Keying, Track},
};
use crate::{
    camera::Device,
    rtp::{Packets, ntp_time},
    seal::{
        keys::{KeyData, SrtpMasterKey},
        srtp::{
            Begin, Counters, Lifetime, Mki, Receiver, ReceiverOptions, RtcpOpener, RtpSealer,
            Sender, SenderOptions, SrtpError,
        },
    },
};

/// A master key and what says that packets are under it.
pub(super) struct MasterKey {
    pub(super) key: SrtpMasterKey,
    pub(super) mki: Option<Mki>,
}

/// What DESCRIBE hands out for a track: each time another key, and another
/// SSRC (RFC 3711 9.1: no two RTP sessions share a master key).
pub(super) struct Offer {
    pub(super) form: Form,
    pub(super) track: Track,
    pub(super) ssrc: u32,
    pub(super) master: MasterKey,
}

/// Octets of the MKIs that we choose, as in the examples of ONVIF Streaming
/// 8.2.1.
const MKI_LENGTH: usize = 4;

impl MasterKey {
    /// A fresh one.
    pub(super) fn random(device: &Device, keying: Keying) -> Result<Self, SrtpError> {
        let key = match device.fault.srtp_key {
            Some(make) => make(device, keying.suite),
            None => SrtpMasterKey::random(keying.suite, &*device.world.entropy),
        };
        let mki = match keying.mki {
            true => {
                let mut octets = [0; MKI_LENGTH];
                device.world.entropy.fill(&mut octets);
                Some(Mki::new(&octets)?)
            }
            false => None,
        };
        let master = Self { key, mki };
        master.escrow(device);
        Ok(master)
    }

    /// Whether both are the same key.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.key.expose_key() == other.key.expose_key()
    }

    /// Tells the witness.
    pub(super) fn escrow(&self, device: &Device) {
        let line = self.key.escrow(self.mki.as_ref());
        device.world.witness.secret(&line);
    }

    /// The message that delivers it, for a stream whose roll-over counter is
    /// that.
    pub(super) fn message(&self, device: &Device, ssrc: u32, roc: u32) -> Message {
        let mut rand = vec![0; 16];
        device.world.entropy.fill(&mut rand);
        let (key, mki) = (&self.key, self.mki.as_ref());
        let key = match mki {
            // ONVIF Streaming 8.2: TEK for AES-CM, TEK+SALT for the others.
            Some(_) if key.suite().is_aead() => KeyData::with_salt(key, mki),
            // What knows no MKI knows no TEK+SALT either.
            _ => KeyData::joined(key, mki),
        };
        let policy = 0;
        let mut message = Message {
            csb_id: device.random_u64() as u32,
            sessions: vec![CryptoSession { policy, ssrc, roc }],
            timestamp: ntp_time(device.world.clock.unix()),
            rand,
            policy: Some(Policy::of(self.key.suite())),
            key,
        };
        if let Some(change) = device.fault.mikey {
            change(&mut message);
        }
        message
    }
}

impl Offer {
    /// A fresh one.
    pub(super) fn new(
        device: &Device,
        form: Form,
        keying: Keying,
        track: Track,
    ) -> Result<Self, SrtpError> {
        Ok(Self {
            form,
            track,
            ssrc: device.random_u64() as u32,
            master: MasterKey::random(device, keying)?,
        })
    }

    /// The value of `key-mgmt` in the session description.
    pub(super) fn attribute(&self, device: &Device) -> String {
        let roc = first_counters(device).roc;
        key_management::attribute(&self.master.message(device, self.ssrc, roc))
    }
}

/// Seals what goes to a viewer, and opens its RTCP.
pub(super) struct Protection {
    pub(super) ssrc: u32,
    pub(super) master: MasterKey,
    sealer: Box<dyn RtpSealer>,
    opener: Box<dyn RtcpOpener>,
    /// Whether the viewer seals its RTCP with the same key.
    shared: bool,
    /// RTCP packets that were discarded.
    discarded: u64,
}

impl Protection {
    /// For a stream that has not begun. The viewer's RTCP is under `viewer`,
    /// or under the same key if it has brought none.
    pub(super) fn new(
        device: &Device,
        ssrc: u32,
        master: MasterKey,
        viewer: Option<&MasterKey>,
    ) -> Result<Self, SrtpError> {
        let options = SenderOptions {
            mki: master.mki.clone(),
            lifetime: device.settings.begin.map_or(Lifetime::MOST, Begin::left),
            counters: first_counters(device),
            ..SenderOptions::default()
        };
        let sealer = match device.fault.srtp {
            Some(make) => make(&master.key, &options)?,
            None => Box::new(Sender::new(&master.key, options)?),
        };
        let MasterKey { key, mki } = viewer.unwrap_or(&master);
        let options = ReceiverOptions {
            mki: mki.clone(),
            ..ReceiverOptions::default()
        };
        let opener: Box<dyn RtcpOpener> = match device.fault.srtcp {
            Some(make) => make(key, &options)?,
            None => Box::new(Receiver::new(key, options)?),
        };
        let shared = viewer.is_none();
        Ok(Self {
            ssrc,
            master,
            sealer,
            opener,
            shared,
            discarded: 0,
        })
    }

    /// Octets that a packet becomes longer.
    pub(super) fn overhead(&self) -> usize {
        self.sealer.overhead()
    }

    /// Seals packets and a report, if there is one. What can't be sealed is
    /// empty afterwards.
    pub(super) fn seal(
        &mut self,
        packets: &mut Packets,
        report: &mut Vec<u8>,
    ) -> Result<(), SrtpError> {
        self.sealer.seal(packets)?;
        match report.is_empty() {
            true => Ok(()),
            false => self.sealer.seal_rtcp(report),
        }
    }

    /// Opens RTCP of the viewer. What is not authentic, was there before, or
    /// is our own that comes back, is discarded (RFC 3711 3.3, 3.3.2).
    pub(super) fn open(&mut self, packet: &mut Vec<u8>) -> Result<(), Discarded> {
        let own = packet.get(4..8) == Some(&self.ssrc.to_be_bytes()[..]);
        let opened = match own {
            true => Err(None),
            false => self.opener.open_rtcp(packet).map_err(Some),
        };
        opened.map(drop).map_err(|error| {
            self.discarded += 1;
            Discarded {
                error,
                count: self.discarded,
            }
        })
    }

    /// Goes on under another key. Roll-over counter and SRTCP index stay as
    /// they are (ONVIF Streaming 8.2.1.2, RFC 3711 3.3.1).
    pub(super) fn rekey(&mut self, master: MasterKey) -> Result<(), SrtpError> {
        self.sealer.rekey(&master.key, master.mki.as_ref())?;
        if self.shared {
            self.opener.rekey(&master.key, master.mki.as_ref())?;
        }
        self.master = master;
        Ok(())
    }

    /// The message that a viewer needs to join now (ONVIF Streaming 8.2.1.3:
    /// it has the current roll-over counter).
    pub(super) fn message(&self, device: &Device) -> Message {
        let counters = self.sealer.counters(self.ssrc);
        let counters = counters.unwrap_or(first_counters(device));
        self.master.message(device, self.ssrc, counters.roc)
    }
}

/// What streams begin with.
fn first_counters(device: &Device) -> Counters {
    let begin = device.settings.begin;
    begin.map(|begin| begin.counters).unwrap_or_default()
}

/// RTCP was discarded.
pub(super) struct Discarded {
    /// Why; none if it was our own.
    pub(super) error: Option<SrtpError>,
    /// How many packets have been until now.
    pub(super) count: u64,
}
