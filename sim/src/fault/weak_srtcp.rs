//! Who opens the RTCP of viewers and minds what it must discard.

use crate::seal::{
    keys::SrtpMasterKey,
    srtp::{
        CounterMode, Kdf, Label, Mki, RTCP_HEADER, Receiver, ReceiverOptions, RtcpOpener,
        SrtpError, number,
    },
};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpFlaw {
    /// Whatever was there before is taken again.
    NoReplayList,
    /// Tags are not looked at, in counter mode.
    NullAuthentication,
    /// What does not authenticate is taken as it is.
    TakesClear,
}

/// Makes one for a hook.
pub fn faulty_rtcp(
    flaw: RtcpFlaw,
    key: &SrtpMasterKey,
    options: &ReceiverOptions,
) -> Result<Box<dyn RtcpOpener>, SrtpError> {
    Ok(Box::new(FaultyRtcp {
        flaw,
        key: key.clone(),
        options: options.clone(),
        receiver: Receiver::new(key, options.clone())?,
    }))
}

struct FaultyRtcp {
    flaw: RtcpFlaw,
    key: SrtpMasterKey,
    options: ReceiverOptions,
    receiver: Receiver,
}

impl RtcpOpener for FaultyRtcp {
    fn open_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<u32, SrtpError> {
        match self.flaw {
            RtcpFlaw::NoReplayList => {
                Receiver::new(&self.key, self.options.clone())?.open_rtcp(packet)
            }
            RtcpFlaw::TakesClear => {
                let clear = packet.clone();
                let opened = self.receiver.open_rtcp(packet);
                if opened.is_err() {
                    *packet = clear;
                }
                Ok(opened.unwrap_or(0))
            }
            RtcpFlaw::NullAuthentication if self.key.suite().is_aead() => {
                self.receiver.open_rtcp(packet)
            }
            RtcpFlaw::NullAuthentication => self.decrypt(packet),
        }
    }

    fn rekey(&mut self, key: &SrtpMasterKey, mki: Option<&Mki>) -> Result<(), SrtpError> {
        self.key = key.clone();
        self.options.mki = mki.cloned();
        self.receiver.rekey(key, mki)
    }
}

impl FaultyRtcp {
    /// Header, ciphertext, E flag and index, MKI, tag (RFC 3711 3.4).
    fn decrypt(&self, packet: &mut Vec<u8>) -> Result<u32, SrtpError> {
        const INDEX: usize = 4;
        let suite = self.key.suite();
        let mki = self
            .options
            .mki
            .as_ref()
            .map_or(0, |mki| mki.octets().len());
        let tail = INDEX + mki + suite.rtcp_tag_length();
        let Some(end) = packet
            .len()
            .checked_sub(tail)
            .filter(|end| *end >= RTCP_HEADER)
        else {
            return Err(SrtpError::Short {
                length: packet.len(),
                least: RTCP_HEADER + tail,
            });
        };
        let index = number(&packet[end..end + INDEX]) & 0x7fff_ffff;
        let kdf = Kdf::new(&self.key)?;
        let (mut key, mut salt) = (vec![0; suite.key_length()], vec![0; suite.salt_length()]);
        kdf.derive(Label::RtcpEncryption, &mut key)?;
        kdf.derive(Label::RtcpSalt, &mut salt)?;
        let ssrc = number(&packet[4..8]);
        let iv = number(&salt) ^ ssrc << 48 ^ index;
        packet.truncate(end);
        CounterMode::new(&key)?.apply(iv << 16, &mut packet[RTCP_HEADER..])?;
        Ok(index as u32)
    }
}
