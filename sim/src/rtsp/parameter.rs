//! Parameters (RFC 2326 10.8 and 10.9). A camera has one, and only where it
//! sends SRTP: `mikey`, the key of a stream (ONVIF Streaming 8.2.1). Without a
//! body GET_PARAMETER and SET_PARAMETER are signs of life, and every other name
//! in a body is one that is not understood.

use rtsp_types::{
    Method, Request, StatusCode,
    headers::{CONTENT_TYPE, SESSION},
};

use super::{
    answer::Answer,
    key_management::{self, MIKEY},
    resource::{Part, Resource},
    server::Server,
    transport::Profile,
};

/// Content type of a body of parameters.
const PARAMETERS: &str = "text/parameters";

impl Server {
    /// RFC 2326 10.8, 10.9: of a session or of none.
    pub(super) fn parameter(
        &mut self,
        request: &Request<Vec<u8>>,
        resource: Resource,
    ) -> Result<Answer, Answer> {
        let session = match request.header(&SESSION) {
            Some(_) => Some(self.session_of(request, resource.form)?.id.clone()),
            None => None,
        };
        let accepts = self.device.fault.accepts_parameter;
        let keyed = self.service.profile == Profile::Savp && session.is_some();
        let lines = lines(request.body());
        let (keys, others): (Vec<_>, Vec<_>) = lines
            .into_iter()
            .partition(|(name, _)| keyed && name == MIKEY);
        let mut names: Vec<_> = others.into_iter().map(|(name, _)| name).collect();
        if let Some(accepts) = accepts {
            names.retain(|name| !accepts(name));
        }
        let answer = if !names.is_empty() {
            // RFC 2326 11.3.1: then nothing of the request is done.
            Answer::of(StatusCode::ParameterNotUnderstood)
                .with(CONTENT_TYPE, PARAMETERS)
                .with_body(refused(&names))
        } else if keys.is_empty() {
            Answer::ok()
        } else if *request.method() == Method::SetParameter {
            for (_, value) in &keys {
                self.rekey(resource.part, value)?;
            }
            Answer::ok()
        } else {
            let session = self.session.as_ref();
            let messages = session.map(|session| session.messages(&self.device, resource.part));
            let lines = messages.unwrap_or_default();
            let lines = lines.iter().map(key_management::parameter);
            Answer::ok()
                .with(CONTENT_TYPE, PARAMETERS)
                .with_body(lines.collect::<String>().into_bytes())
        };
        Ok(match session {
            Some(id) => answer.with(SESSION, id),
            None => answer,
        })
    }

    /// ONVIF Streaming 8.2.1.2.
    fn rekey(&mut self, part: Part, value: &str) -> Result<(), Answer> {
        let device = self.device.clone();
        let message = key_management::read(value).map_err(|error| self.refuse_key(&error))?;
        let Some(session) = &mut self.session else {
            return Err(Answer::of(StatusCode::SessionNotFound));
        };
        let done = session.rekey(&device, part, &message);
        done.map_err(|error| self.refuse_key(&error))
    }
}

/// The names in the body of such a request, in order, one for each line; with
/// the value behind a colon, if there is one.
fn lines(body: &[u8]) -> Vec<(String, String)> {
    String::from_utf8_lossy(body)
        .lines()
        .map(|line| line.split_once(':').unwrap_or((line, "")))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

/// The body of a refusal: the names that are not understood.
fn refused(names: &[String]) -> Vec<u8> {
    let lines = names.iter().map(|name| format!("{name}\r\n"));
    lines.collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_lines_with_and_without_values() {
        let body = b"packets_received\r\n\r\n jitter : 3\nbarparam: barstuff";
        let read = lines(body);
        let value = |at: usize| read[at].1.as_str();
        assert_eq!((value(0), value(1), value(2)), ("", "3", "barstuff"));
        let names: Vec<_> = read.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["packets_received", "jitter", "barparam"]);
        assert_eq!(
            refused(&names),
            b"packets_received\r\njitter\r\nbarparam\r\n"
        );
        for nothing in [&b""[..], b"\r\n", b" : "] {
            assert!(lines(nothing).is_empty());
        }
    }
}
