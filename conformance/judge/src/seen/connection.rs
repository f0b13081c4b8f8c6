//! What one flow is, and the RTSP dialogue in it.

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{
        Flow, Span, Stream, dtls, http,
        rtsp::{self, Dialogue, Message},
        tls::{self, TlsReading},
    },
    open::{self, OpenError, Opened, dtls::OpenedDtls, keylog::KeyLog},
};

/// What one flow is.
#[derive(Debug, Default)]
pub struct Connection {
    /// It is TLS.
    pub tls: Option<TlsReading>,
    /// Its TLS, opened with the escrowed keys.
    pub opened: Option<Result<Opened, OpenError>>,
    /// It speaks RTSP: inside TLS if that was opened, else in clear.
    pub dialogue: Option<Dialogue>,
    /// What is asked and answered over HTTP inside TLS, if that was opened.
    pub exchanges: Vec<http::Exchange>,
    /// It has DTLS in it.
    pub dtls: Option<dtls::Reading>,
    /// Its DTLS, opened with the escrowed keys.
    pub opened_dtls: Option<Result<OpenedDtls, OpenError>>,
}

impl Connection {
    /// What the escrowed keys opened.
    pub fn opened(&self) -> Option<&Opened> {
        self.opened.as_ref().and_then(|opened| opened.as_ref().ok())
    }

    /// What the escrowed keys opened of its DTLS.
    pub fn opened_dtls(&self) -> Option<&OpenedDtls> {
        self.opened_dtls
            .as_ref()
            .and_then(|opened| opened.as_ref().ok())
    }

    /// What `a` of its flow said, or `b`: as it was opened, or as it is.
    pub fn said<'a>(&'a self, flow: &'a Flow, from_a: bool) -> &'a Stream {
        match (from_a, self.opened()) {
            (true, None) => &flow.from_a,
            (false, None) => &flow.from_b,
            (true, Some(opened)) => &opened.from_a,
            (false, Some(opened)) => &opened.from_b,
        }
    }

    /// Why not all data of it were opened, if there are any that are protected.
    pub fn broken(&self) -> Option<&OpenError> {
        if let Some(Err(error)) = &self.opened_dtls {
            // A handshake that ended before anything was protected has no keys.
            let is_protected = self.dtls.as_ref().is_some_and(|d| {
                let mut records = d.client.records.iter().chain(&d.server.records);
                records.any(|record| record.epoch > 0)
            });
            return Some(error).filter(|_| is_protected);
        }
        let data = |records: &[tls::Record]| {
            let is_data = |r: &tls::Record| r.content_type == tls::APPLICATION_DATA;
            records.iter().any(is_data)
        };
        let tls = self.tls.as_ref()?;
        if tls.server_hello.is_none() || !(data(&tls.from_a) || data(&tls.from_b)) {
            return None;
        }
        match self.opened.as_ref()? {
            Ok(opened) => opened.stopped.as_ref(),
            Err(error) => Some(error),
        }
    }

    pub(super) fn read(flow: &Flow, keys: &KeyLog) -> Self {
        if flow.transport != TransportProtocol::Tcp {
            let dtls = dtls::read(flow);
            let opened = dtls.as_ref().map(|d| open::dtls::open(flow, d, keys));
            return Self {
                dtls,
                opened_dtls: opened,
                ..Self::default()
            };
        }
        let tls = tls::read(flow);
        let opened = tls.as_ref().map(|reading| open::open(flow, reading, keys));
        let dialogue = match (&tls, &opened) {
            (None, _) => rtsp::read(&flow.from_a, &flow.from_b),
            (_, Some(Ok(opened))) => rtsp::read(&opened.from_a, &opened.from_b),
            _ => None,
        };
        let exchanges = match &opened {
            Some(Ok(opened)) if dialogue.is_none() => http::read(&opened.from_a, &opened.from_b),
            _ => Vec::new(),
        };
        Self {
            tls,
            opened,
            dialogue,
            exchanges,
            ..Self::default()
        }
    }
}

/// An RTSP dialogue with the device.
#[derive(Clone, Copy, Debug)]
pub struct Served<'a> {
    /// What was said.
    pub dialogue: &'a Dialogue,
    /// What the device said, in octets.
    pub stream: &'a Stream,
    /// Whether it was inside TLS, and opened with the escrowed keys.
    pub opened: bool,
}

impl<'a> Served<'a> {
    /// Whether somebody asked that media stop, or start again.
    pub(super) fn paused(self) -> bool {
        let requests = |method: &str| {
            let exchanges = &self.dialogue.exchanges;
            exchanges
                .iter()
                .filter(|e| e.request.method == method)
                .count()
        };
        requests("PAUSE") > 0 || requests("PLAY") > 1
    }

    /// Requests that were answered, the answer, and where that lies.
    pub fn answered(self) -> impl Iterator<Item = (&'a Message, &'a Message, Span)> {
        self.dialogue.exchanges.iter().filter_map(move |exchange| {
            let response = exchange.response.as_ref()?;
            let span = self
                .stream
                .span(response.range.start, response.range.len())?;
            Some((&exchange.request, response, span))
        })
    }
}
