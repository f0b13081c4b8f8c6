//! Frames and requests that carry keys, for clients that seal their media.

use rtsp_types::{
    HeaderName, Method, Response,
    headers::{CONTENT_TYPE, TRANSPORT},
};

use super::{RtspViewer, ViewerError};
use crate::rtsp::{connection::Incoming, key_management, mikey::Message, transport::Transport};

impl RtspViewer {
    /// SETUP of the track with that name, and the key that it brings along
    /// (RFC 4567 3.2), if it brings one.
    pub async fn setup_track(
        &mut self,
        track: &str,
        transport: &Transport,
        key: Option<&Message>,
    ) -> Result<Response<Vec<u8>>, ViewerError> {
        let mut headers = vec![(TRANSPORT, transport.to_string())];
        let track = format!("/{track}");
        if let Some(key) = key {
            let name = HeaderName::from_static_str(key_management::HEADER);
            let url = format!("{}{track}", self.url);
            let value = key_management::header(key, &url);
            headers.extend(name.ok().map(|name| (name, value)));
        }
        self.ask(Method::Setup, &track, &headers).await
    }

    /// GET_PARAMETER or SET_PARAMETER with that body, of the track with that
    /// name or of the presentation if it is empty.
    pub async fn parameter(
        &mut self,
        method: Method,
        track: &str,
        body: &str,
    ) -> Result<Response<Vec<u8>>, ViewerError> {
        let headers = [(CONTENT_TYPE, "text/parameters".to_owned())];
        let track = match track {
            "" => String::new(),
            track => format!("/{track}"),
        };
        self.ask_once(&method, &track, &headers, body.as_bytes())
            .await
    }

    /// GET_PARAMETER of the keys (ONVIF Streaming 8.2.1.3).
    pub async fn ask_for_key(&mut self) -> Result<Response<Vec<u8>>, ViewerError> {
        let body = format!("{}\r\n", key_management::MIKEY);
        self.parameter(Method::GetParameter, "", &body).await
    }

    /// The next interleaved frame and its channel; `None` when the camera has
    /// closed the connection. Nothing is counted. May be dropped at any await.
    pub async fn frame(&mut self) -> Result<Option<(u8, Vec<u8>)>, ViewerError> {
        loop {
            match self.connection.next().await? {
                Some(Incoming::Frame(frame)) => {
                    return Ok(Some((frame.channel_id(), frame.into_body())));
                }
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// Sends an interleaved frame.
    pub async fn send_frame(&mut self, channel: u8, octets: &[u8]) -> Result<(), ViewerError> {
        // RTCP is far shorter than 2^16 octets.
        let length = (octets.len() as u16).to_be_bytes();
        let frame = [&[b'$', channel], &length[..], octets].concat();
        Ok(self.connection.send(&frame).await?)
    }
}
