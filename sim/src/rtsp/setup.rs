//! DESCRIBE and SETUP (RFC 2326 10.2, 10.4), and the keys that they deliver
//! where the profile is RTP/SAVP (ONVIF Streaming 8.2.1.1).

use std::fmt;

use rtsp_types::{
    HeaderName, Request, StatusCode,
    headers::{ALLOW, CONTENT_BASE, CONTENT_TYPE, SESSION, TRANSPORT},
};

use super::{
    answer::Answer,
    key_management,
    protection::{Offer, Protection},
    resource::{Form, Keying, Track},
    sdp::{self, Description},
    server::{PLAYING, SESSION_TIMEOUT, Server},
    session::{Carrier, KeyRefused, Session, master_key},
    transport::{Profile, Transport},
    udp::UdpPair,
};
use crate::{fault::clear_udp::FaultyUdp, seal::srtp::SrtpError};

impl Server {
    pub(super) async fn describe(&mut self, form: Form, base: &str) -> Result<Answer, Answer> {
        let key_frame = self.device.video(form.presentation).key_frame().await;
        let mut keys = Vec::new();
        if let Some(keying) = form.keying {
            for track in form.presentation.tracks() {
                let attribute = self.offer(form, keying, *track);
                keys.push(attribute.map_err(|error| self.refuse_key(&error))?);
            }
        }
        let mut body = sdp::describe(&Description {
            address: self.local.ip(),
            name: &self.device.settings.name,
            nal_units: &key_frame.nal_units,
            tracks: form.presentation.tracks(),
            keys: &keys,
        });
        if let Some(change) = self.device.fault.description {
            change(&mut body);
        }
        Ok(Answer::ok()
            .with(CONTENT_BASE, base)
            .with(CONTENT_TYPE, "application/sdp")
            .with_body(body))
    }

    /// Another key for a track, in place of one that nobody took.
    fn offer(&mut self, form: Form, keying: Keying, track: Track) -> Result<String, SrtpError> {
        let offer = Offer::new(&self.device, form, keying, track)?;
        let attribute = offer.attribute(&self.device);
        self.offers
            .retain(|other| (other.form, other.track) != (form, track));
        self.offers.push(offer);
        Ok(attribute)
    }

    pub(super) async fn setup(
        &mut self,
        request: &Request<Vec<u8>>,
        form: Form,
        track: Track,
    ) -> Result<Answer, Answer> {
        let fresh = match request.header(&SESSION) {
            Some(_) => self.session_of(request, form).map(|_| None)?,
            None => {
                let id = format!("{:016x}", self.device.random_u64());
                Some(Session::new(id, form))
            }
        };
        if self.session.as_ref().is_some_and(Session::is_playing) {
            return Err(Answer::of(StatusCode::MethodNotValidInThisState).with(ALLOW, PLAYING));
        }
        let offers = request
            .header(&TRANSPORT)
            .map(|h| Transport::parse(h.as_str()))
            .unwrap_or_default();
        let profile = self.service.profile;
        let Some(offer) = offers
            .iter()
            .find(|o| self.device.accepts_transport(profile, o, track))
        else {
            return Err(Answer::of(StatusCode::UnsupportedTransport));
        };
        let session = fresh.as_ref().or(self.session.as_ref());
        let channels = session.map(|s| s.free_channels(track, offer.interleaved));
        let (carrier, transport) = self.carrier(offer, channels.unwrap_or((0, 1))).await?;
        let device = self.device.clone();
        let keyed = match form.keying {
            Some(keying) if offer.profile() == Some(Profile::Savp) => {
                let keyed = self.keyed(request, form, keying, track, fresh.as_ref());
                Some(keyed.map_err(|error| self.refuse_key(&error))?)
            }
            _ => None,
        };
        if fresh.is_some() {
            self.session = fresh;
        }
        let Some(session) = &mut self.session else {
            return Err(Answer::of(StatusCode::SessionNotFound));
        };
        let ssrc = session
            .set_up(&device, track, carrier, keyed)
            .map_err(|_| Answer::of(StatusCode::InternalServerError))?;
        let timeout = SESSION_TIMEOUT.as_secs();
        let transport = Transport { ssrc, ..transport };
        Ok(Answer::ok()
            .with(SESSION, format!("{};timeout={timeout}", session.id))
            .with(TRANSPORT, transport.to_string()))
    }

    /// What carries a track, and how SETUP answers.
    async fn carrier(
        &self,
        offer: &Transport,
        (rtp, rtcp): (u8, u8),
    ) -> Result<(Carrier, Transport), Answer> {
        let (world, peer) = (&self.device.world, self.peer.ip());
        if offer.is_interleaved() {
            let transport = Transport {
                protocol: offer.protocol.clone(),
                interleaved: Some((rtp, rtcp)),
                ..Transport::interleaved(rtp)
            };
            return Ok((Carrier::Interleaved(rtp, rtcp), transport));
        }
        let opened = match offer.profile() {
            Some(Profile::Savp) => UdpPair::open(&*world.net, peer, offer)
                .await
                .map(|(udp, transport)| (Carrier::Udp(udp), transport)),
            _ => FaultyUdp::open(world, peer, offer)
                .await
                .map(|(udp, transport)| (Carrier::Faulty(udp), transport)),
        };
        opened.map_err(|_| Answer::of(StatusCode::UnsupportedTransport))
    }

    /// The key of a track: what the client brings, what DESCRIBE handed out,
    /// or none if the track goes on with what it has.
    fn keyed(
        &mut self,
        request: &Request<Vec<u8>>,
        form: Form,
        keying: Keying,
        track: Track,
        fresh: Option<&Session>,
    ) -> Result<Option<Protection>, KeyRefused> {
        let brought = match request.header(&header_name()) {
            Some(value) => {
                let message = key_management::read_header(value.as_str())?;
                let key = master_key(&message, keying)?;
                key.escrow(&self.device);
                Some(key)
            }
            None => None,
        };
        let at = self
            .offers
            .iter()
            .position(|offer| (offer.form, offer.track) == (form, track));
        let offered = at.map(|at| self.offers.swap_remove(at));
        let session = fresh.or(self.session.as_ref());
        let has_one = session.is_some_and(|s| s.has_key(track));
        let device = &self.device;
        let (ssrc, master, viewer) = match (brought, offered) {
            // What knows no MKI brings the key of its own RTCP only.
            (Some(viewer), Some(offer)) if !keying.mki => (offer.ssrc, offer.master, Some(viewer)),
            (Some(_), None) if !keying.mki => return Err(KeyRefused::None),
            (Some(master), offer) => {
                let ssrc = offer.map(|offer| offer.ssrc);
                (ssrc.unwrap_or(device.random_u64() as u32), master, None)
            }
            (None, Some(offer)) => (offer.ssrc, offer.master, None),
            (None, None) if has_one => return Ok(None),
            (None, None) => return Err(KeyRefused::None),
        };
        if session.is_some_and(|s| s.uses(&master, track)) {
            return Err(KeyRefused::Taken);
        }
        Ok(Some(Protection::new(
            device,
            ssrc,
            master,
            viewer.as_ref(),
        )?))
    }

    /// Logs why, but no key.
    pub(super) fn refuse_key(&self, error: &dyn fmt::Display) -> Answer {
        self.log(&format!("key management: {error}"));
        Answer::key_management_failure()
    }
}

/// `KeyMgmt`.
fn header_name() -> HeaderName {
    HeaderName::from_static_str(key_management::HEADER).expect("the name is ASCII")
}
