//! Who is logged in: bearer tokens (RFC 6750) that log-ins over HTTP gave, as
//! far as those could be opened, and which requests show one that is good.

use crate::{adversary::cryptanalyst::shown::Shown, dissect::http::Message, webrtc::Signalled};

/// How far behind its end a token may still be taken, in nanoseconds: what clocks
/// and the way make of it.
const GRACE: u64 = 1_000_000_000;
/// How far packets may be out of order, in nanoseconds: an answer may be captured
/// behind what its reader asks then.
const DISORDER: u64 = 100_000_000;
/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// The tokens of a session.
#[derive(Clone, Debug, Default)]
pub struct Logins(Vec<Token>);

#[derive(Clone)]
struct Token {
    value: String,
    /// When it was given, and when it ends, if that was said, in nanoseconds since
    /// 1970.
    given: u64,
    end: Option<u64>,
    /// When somebody logged out with it.
    logged_out: Option<u64>,
}

/// What a request shows of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A token that is good.
    LoggedIn,
    /// No token.
    Stranger,
    /// A token that no log-in gave.
    Unknown,
    /// A token whose time was over.
    Expired,
    /// A token with which somebody logged out.
    LoggedOut,
}

impl Standing {
    /// Who that is, in words.
    pub fn who(self) -> &'static str {
        match self {
            Self::LoggedIn => "somebody who is logged in",
            Self::Stranger => "somebody without a token",
            Self::Unknown => "somebody with a token that no log-in gave",
            Self::Expired => "somebody with a token whose time was over",
            Self::LoggedOut => "somebody who had logged out",
        }
    }
}

/// Shows no token.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({} to {:?})", self.given, self.end)
    }
}

impl Logins {
    /// Reads what was asked and answered; `time` is when a packet was captured.
    pub fn of<'a>(
        signalled: impl Iterator<Item = Signalled<'a>>,
        time: impl Fn(u64) -> Option<u64>,
    ) -> Self {
        let (mut tokens, mut logouts) = (Vec::<Token>::new(), Vec::new());
        for asked in signalled.filter(|asked| is_success(asked.response)) {
            let Some(at) = time(asked.span.packet) else {
                continue;
            };
            if is_login(asked.request) {
                tokens.extend(given(asked.response, at));
            } else if path(asked.request).ends_with("/logout") {
                logouts.extend(bearer(asked.request).map(|token| (token.to_owned(), at)));
            }
        }
        for (value, at) in logouts {
            let same = tokens.iter_mut().filter(|token| token.value == value);
            same.for_each(|token| token.logged_out = Some(at));
        }
        Self(tokens)
    }

    /// What a request shows that was answered at that time.
    pub fn standing(&self, request: &Message, at: u64) -> Standing {
        let Some(shown) = bearer(request) else {
            return Standing::Stranger;
        };
        let mut known = self.0.iter().filter(|token| token.value == shown);
        match known.next() {
            None => Standing::Unknown,
            Some(token) if token.given > at.saturating_add(DISORDER) => Standing::Unknown,
            Some(token) if token.end.is_some_and(|end| at > end.saturating_add(GRACE)) => {
                Standing::Expired
            }
            Some(token) if token.logged_out.is_some_and(|out| at > out) => Standing::LoggedOut,
            Some(_) => Standing::LoggedIn,
        }
    }
}

/// Whether it tells a name and a password.
pub fn is_login(request: &Message) -> bool {
    request.head.method == "POST" && Shown::login(&request.body).is_some()
}

/// Whether it says that what was asked is done.
pub fn is_success(response: &Message) -> bool {
    (200..300).contains(&response.head.status)
}

/// What is asked for, without a query.
pub fn path(request: &Message) -> &str {
    let target = request.head.target.split('?').next();
    target.unwrap_or_default().trim_end_matches('/')
}

/// The token that a request shows (RFC 6750 2.1).
pub fn bearer(request: &Message) -> Option<&str> {
    let (scheme, token) = request.head.value("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token in an answer (as RFC 6749 5.1 names its lifetime).
fn given(response: &Message, at: u64) -> Option<Token> {
    let object: serde_json::Value = serde_json::from_slice(&response.body).ok()?;
    let token = object.get("token").or_else(|| object.get("access_token"))?;
    let lifetime = object.get("expires_in").and_then(serde_json::Value::as_u64);
    Some(Token {
        value: token.as_str()?.to_owned(),
        given: at,
        end: lifetime.map(|seconds| at.saturating_add(seconds.saturating_mul(SECOND))),
        logged_out: None,
    })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;
    use crate::dissect::{Span, http::Head};

    fn message(method: &str, target: &str, token: Option<&str>, body: &str) -> Message {
        let headers = token.map(|t| ("authorization".to_owned(), format!("Bearer {t}")));
        Message {
            head: Head {
                method: method.into(),
                target: target.into(),
                headers: headers.into_iter().collect(),
                ..Head::default()
            },
            body: body.into(),
            ..Message::default()
        }
    }

    fn answer(status: u16, body: &str) -> Message {
        let mut answer = message("", "", None, body);
        answer.head.status = status;
        answer
    }

    /// The packet's number is its time in seconds.
    fn logins(exchanges: &[(Message, Message)]) -> Logins {
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 443));
        let asked = (1..).zip(exchanges).map(|(packet, (request, response))| {
            let span = Span {
                packet,
                offset: 0,
                length: 0,
            };
            Signalled {
                server,
                request,
                response,
                span,
            }
        });
        Logins::of(asked, |packet| Some(packet * SECOND))
    }

    #[test]
    fn a_token_is_good_from_its_log_in_to_its_end() {
        let login = r#"{"user":"u","password":"p"}"#;
        let logins = logins(&[
            (
                message("POST", "/login", None, login),
                answer(200, r#"{"token":"a","expires_in":10}"#),
            ),
            (
                message("POST", "/login", None, login),
                answer(401, r#"{"token":"b"}"#),
            ),
            (
                message("POST", "/login", None, login),
                answer(200, r#"{"token":"c"}"#),
            ),
            (message("POST", "/logout", Some("c"), ""), answer(204, "")),
        ]);
        let standing = |token, seconds: u64| {
            let request = message("POST", "/webrtc", token, "");
            logins.standing(&request, seconds * SECOND)
        };
        assert_eq!(standing(None, 5), Standing::Stranger);
        assert_eq!(standing(Some("b"), 5), Standing::Unknown);
        assert_eq!(standing(Some("a"), 0), Standing::Unknown);
        assert_eq!(standing(Some("a"), 12), Standing::LoggedIn);
        assert_eq!(standing(Some("a"), 13), Standing::Expired);
        assert_eq!(standing(Some("c"), 4), Standing::LoggedIn);
        assert_eq!(standing(Some("c"), 5), Standing::LoggedOut);
    }
}
