//! Protocols of text: SSDP, WS-Discovery and other XML, SIP, MGCP, JSON, syslog and
//! statsd in datagrams; mail, news, files, chat and terminals in streams.

use crate::{
    dissect::{Flow, Stream},
    inspect::Claim,
};

use super::datagrams::Message;

pub(super) const MESSAGES: &[Message] = &[
    Message {
        kind: "ssdp",
        name: "of SSDP",
        read: ssdp,
    },
    Message {
        kind: "sip",
        name: "of SIP",
        read: sip,
    },
    Message {
        kind: "ws-discovery",
        name: "of WS-Discovery",
        read: ws_discovery,
    },
    Message {
        kind: "sadp",
        name: "of SADP in XML",
        read: sadp,
    },
    Message {
        kind: "mgcp",
        name: "of MGCP",
        read: mgcp,
    },
    Message {
        kind: "syslog",
        name: "of syslog",
        read: syslog,
    },
    Message {
        kind: "dropbox",
        name: "of Dropbox LAN sync",
        read: dropbox,
    },
];

/// Text of whatever protocol, for what no other reads.
pub(super) const FALLBACKS: &[Message] = &[
    Message {
        kind: "json",
        name: "in JSON",
        read: json,
    },
    Message {
        kind: "xml",
        name: "in XML",
        read: xml,
    },
    Message {
        kind: "statsd",
        name: "of statsd",
        read: statsd,
    },
    Message {
        kind: "text",
        name: "of plain text",
        read: plain,
    },
];

/// Octets of a text that are looked at.
const MOST: usize = 64 << 10;
/// Octets of a word at most: what is longer may be Base64 of anything.
const LONGEST_WORD: usize = 200;

/// Text in ASCII or UTF-8 without control characters; how many bits that takes: a
/// third of the octets of chance are printable.
fn text(octets: &[u8]) -> Option<(&str, u32)> {
    let octets = octets.get(..octets.len().min(MOST))?;
    let octets = octets.strip_suffix(b"\0").unwrap_or(octets);
    let text = match std::str::from_utf8(octets) {
        Ok(text) => text,
        // Cut amid a character.
        Err(error) if octets.len() - error.valid_up_to() < 4 => {
            std::str::from_utf8(octets.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let clean = text
        .bytes()
        .all(|o| o >= 0x20 && o != 0x7f || b"\t\r\n".contains(&o));
    let octets = u32::try_from(text.len()).ok()?;
    (clean && !text.is_empty()).then_some((text, octets + octets / 4))
}

/// Whether the words of a text are short enough to hide nothing: none is very long,
/// and not most of it is in lines of Base64.
fn is_worded(text: &str) -> bool {
    const LONG: usize = 50;
    let words = text.split(|c: char| c.is_whitespace() || "\",;<>{}&".contains(c));
    let (mut long, mut longest) = (0, 0);
    for word in words {
        longest = longest.max(word.len());
        long += if word.len() >= LONG { word.len() } else { 0 };
    }
    longest <= LONGEST_WORD && (long <= 400 || long * 2 <= text.len())
}

/// UPnP Device Architecture 1.1 1.2, 1.3: requests and responses of HTTP in datagrams.
fn ssdp(octets: &[u8]) -> Option<u32> {
    const STARTS: [&[u8]; 4] = [b"M-SEARCH ", b"NOTIFY ", b"HTTP/1.1 200", b"HTTP/1.0 200"];
    let start = STARTS.iter().find(|start| octets.starts_with(start))?;
    let line = octets.split(|&o| o == b'\n').next()?;
    let http = start.starts_with(b"HTTP") || line.windows(7).any(|w| w == b"HTTP/1.");
    (http && line.len() < octets.len()).then(|| 8 * start.len() as u32 + 16)
}

/// RFC 3261 7: a request or a response, and what its headers say it is.
fn sip(octets: &[u8]) -> Option<u32> {
    let head = octets.get(..octets.len().min(1024))?;
    let line = head.split(|&o| o == b'\n').next()?.trim_ascii_end();
    let line = std::str::from_utf8(line).ok()?;
    let is_response = line.strip_prefix("SIP/2.0 ").is_some_and(|rest| {
        rest.get(..3)
            .is_some_and(|code| code.bytes().all(|o| o.is_ascii_digit()))
    });
    let is_request = line.strip_suffix(" SIP/2.0").is_some_and(|rest| {
        let (method, uri) = rest.split_once(' ').unwrap_or_default();
        !uri.is_empty() && method.bytes().all(|o| o.is_ascii_uppercase()) && method.len() >= 3
    });
    (is_response || is_request).then_some(8 * 8 + 8)
}

fn xml(octets: &[u8]) -> Option<u32> {
    let (text, bits) = text(octets)?;
    let trimmed = text.trim();
    let tagged = trimmed.starts_with('<') && trimmed.ends_with('>') && trimmed.len() >= 16;
    let named = trimmed
        .get(1..2)
        .is_some_and(|c| c.starts_with(|c: char| c.is_ascii_alphabetic() || "?!/".contains(c)));
    (tagged && named && is_worded(text)).then_some(bits)
}

fn ws_discovery(octets: &[u8]) -> Option<u32> {
    let bits = xml(octets)?;
    let named = find(octets, b"schemas.xmlsoap.org/ws/2005/04/discovery")
        || find(octets, b"docs.oasis-open.org/ws-dd/ns/discovery");
    named.then_some(bits)
}

/// Hikvision's search for devices.
fn sadp(octets: &[u8]) -> Option<u32> {
    let bits = xml(octets)?;
    let named =
        find(octets, b"<Probe>") || find(octets, b"<ProbeMatch>") || find(octets, b"<Hello>");
    (named && find(octets, b"<Uuid>")).then_some(bits)
}

fn find(octets: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(octets, what).is_some()
}

/// RFC 3435 3.2.1, 3.3: a command with transaction and version, or a response.
fn mgcp(octets: &[u8]) -> Option<u32> {
    const VERBS: [&str; 9] = [
        "EPCF", "CRCX", "MDCX", "DLCX", "RQNT", "NTFY", "AUEP", "AUCX", "RSIP",
    ];
    let (text, bits) = text(octets)?;
    let line = text.lines().next()?;
    let mut words = line.split(' ');
    let first = words.next()?;
    let transaction = words.next()?;
    let numbered =
        (1..=10).contains(&transaction.len()) && transaction.bytes().all(|o| o.is_ascii_digit());
    let is_command = VERBS.contains(&first) && line.contains("MGCP 1.0");
    let is_response = first.len() == 3 && first.bytes().all(|o| o.is_ascii_digit());
    (numbered && (is_command || is_response)).then_some(bits)
}

/// RFC 5424 6, RFC 3164 4.1.
fn syslog(octets: &[u8]) -> Option<u32> {
    let rest = octets.strip_prefix(b"<")?;
    let digits = rest.iter().take_while(|o| o.is_ascii_digit()).count();
    let priority: u16 = std::str::from_utf8(rest.get(..digits)?)
        .ok()?
        .parse()
        .ok()?;
    let behind = rest.get(digits..)?.strip_prefix(b">")?;
    let (text, bits) = text(behind)?;
    (priority <= 191 && text.len() >= 8).then_some(bits + 16)
}

fn json(octets: &[u8]) -> Option<u32> {
    let (text, bits) = text(octets)?;
    let trimmed = text.trim();
    if !trimmed.starts_with(['{', '[']) || trimmed.len() < 8 {
        return None;
    }
    let whole = octets.len() <= MOST;
    let parsed = whole && serde_json::from_str::<serde::de::IgnoredAny>(trimmed).is_ok();
    // What parses is more than text.
    (parsed && is_worded(trimmed)).then_some(bits + 16)
}

fn dropbox(octets: &[u8]) -> Option<u32> {
    let found = find(octets, b"\"host_int\"") && find(octets, b"\"namespaces\"");
    if found { json(octets) } else { None }
}

/// Lines of `name:value|type`.
fn statsd(octets: &[u8]) -> Option<u32> {
    let (text, bits) = text(octets)?;
    let line = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let mut parts = rest.split('|');
        let value = parts.next()?;
        let kind = parts.next()?;
        let number = value.parse::<f64>().is_ok() || kind == "s";
        (!name.is_empty() && number && matches!(kind, "c" | "g" | "ms" | "h" | "s" | "d" | "m"))
            .then_some(())
    };
    text.lines()
        .filter(|l| !l.is_empty())
        .all(|l| line(l).is_some())
        .then_some(bits + 8)
}

/// Text of which each line has words, and not few letters.
fn plain(octets: &[u8]) -> Option<u32> {
    let (text, bits) = text(octets)?;
    (text.len() >= 4 && is_worded(text)).then_some(bits)
}

/// What a side says in lines.
struct Said<'a> {
    lines: Vec<&'a str>,
    bits: u32,
}

/// The first lines of a direction that begins with text.
fn said(stream: &Stream) -> Option<Said<'_>> {
    let octets = stream.bytes.get(..stream.bytes.len().min(4096))?;
    let clean = octets
        .iter()
        .take_while(|&&o| o >= 0x20 && o != 0x7f || b"\t\r\n".contains(&o))
        .count();
    let cut = clean < octets.len();
    let text = octets.get(..clean)?;
    // What is not ASCII in it is Latin-1 or UTF-8; lines are told by their ASCII.
    let lines: Vec<&str> = text
        .split(|&o| o == b'\n')
        .map_while(|line| std::str::from_utf8(line.trim_ascii_end()).ok())
        .collect();
    let whole = match cut {
        true => lines
            .get(..lines.len().saturating_sub(1))
            .unwrap_or_default()
            .to_vec(),
        false => lines,
    };
    let lines: Vec<&str> = whole
        .into_iter()
        .filter(|line| !line.is_empty())
        .take(40)
        .collect();
    let octets: usize = lines.iter().map(|line| line.len()).sum();
    Some(Said {
        lines,
        bits: u32::try_from(octets).unwrap_or(u32::MAX),
    })
}

/// A protocol of lines.
struct Lines {
    kind: &'static str,
    name: &'static str,
    /// Verbs of a client, each at the beginning of a line or behind its tag.
    verbs: &'static [&'static str],
    /// Whether a line is one of a server.
    answers: fn(&str) -> bool,
}

const LINES: &[Lines] = &[
    Lines {
        kind: "smtp",
        name: "SMTP",
        verbs: &[
            "EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "RSET", "VRFY", "EXPN", "STARTTLS",
            "BDAT",
        ],
        answers: is_coded,
    },
    Lines {
        kind: "ftp",
        name: "FTP control",
        verbs: &[
            "USER", "PASS", "ACCT", "CWD", "CDUP", "PORT", "PASV", "EPSV", "EPRT", "TYPE", "RETR",
            "STOR", "APPE", "REST", "RNFR", "RNTO", "ABOR", "DELE", "RMD", "MKD", "PWD", "XPWD",
            "LIST", "NLST", "MLSD", "SITE", "SYST", "STAT", "FEAT", "OPTS", "SIZE", "MDTM", "AUTH",
            "PBSZ", "PROT", "CLNT", "NOOP", "QUIT", "HELP", "MLST",
        ],
        answers: is_coded,
    },
    Lines {
        kind: "nntp",
        name: "NNTP",
        verbs: &[
            "CAPABILITIES",
            "MODE",
            "GROUP",
            "ARTICLE",
            "HEAD",
            "BODY",
            "STAT",
            "NEXT",
            "LAST",
            "LISTGROUP",
            "POST",
            "IHAVE",
            "XOVER",
            "OVER",
            "XHDR",
            "AUTHINFO",
            "NEWNEWS",
            "NEWGROUPS",
            "DATE",
            "LIST",
        ],
        answers: is_coded,
    },
    Lines {
        kind: "pop3",
        name: "POP3",
        verbs: &[
            "USER", "PASS", "APOP", "STAT", "LIST", "RETR", "DELE", "NOOP", "RSET", "TOP", "UIDL",
            "CAPA", "AUTH", "STLS", "QUIT",
        ],
        answers: |line| {
            line.starts_with("+OK") || line.starts_with("-ERR") || line.starts_with("+ ")
        },
    },
    Lines {
        kind: "imap",
        name: "IMAP",
        verbs: &[
            "CAPABILITY",
            "NOOP",
            "LOGOUT",
            "STARTTLS",
            "AUTHENTICATE",
            "LOGIN",
            "SELECT",
            "EXAMINE",
            "CREATE",
            "DELETE",
            "LIST",
            "LSUB",
            "STATUS",
            "APPEND",
            "CHECK",
            "CLOSE",
            "EXPUNGE",
            "SEARCH",
            "FETCH",
            "STORE",
            "UID",
            "IDLE",
            "NAMESPACE",
            "ID",
            "ENABLE",
        ],
        answers: |line| {
            let second = line.split(' ').nth(1).unwrap_or_default();
            line.starts_with("* ")
                || line.starts_with("+ ")
                || line == "+"
                || matches!(second, "OK" | "NO" | "BAD")
        },
    },
    Lines {
        kind: "irc",
        name: "IRC",
        verbs: &[
            "NICK", "USER", "JOIN", "PRIVMSG", "NOTICE", "PING", "PONG", "MODE", "WHO", "WHOIS",
            "QUIT", "PART", "CAP", "PASS", "AWAY", "ISON", "TOPIC", "LIST", "NAMES", "USERHOST",
        ],
        answers: |line| {
            let coded = line.strip_prefix(':').and_then(|l| l.split(' ').nth(1));
            let known = |word: &str| {
                word.len() == 3 && word.bytes().all(|o| o.is_ascii_digit())
                    || [
                        "NOTICE", "PRIVMSG", "JOIN", "MODE", "PART", "QUIT", "NICK", "CAP", "PONG",
                        "TOPIC", "KICK",
                    ]
                    .contains(&word)
            };
            coded.is_some_and(known)
                || ["PING ", "NOTICE ", "ERROR :", "AUTHENTICATE "]
                    .iter()
                    .any(|w| line.starts_with(w))
        },
    },
    Lines {
        kind: "memcached",
        name: "memcached",
        verbs: &[
            "get",
            "gets",
            "set",
            "add",
            "replace",
            "delete",
            "incr",
            "decr",
            "stats",
            "version",
            "flush_all",
            "touch",
        ],
        answers: |line| {
            [
                "STORED",
                "NOT_STORED",
                "END",
                "DELETED",
                "NOT_FOUND",
                "ERROR",
                "OK",
                "EXISTS",
                "TOUCHED",
            ]
            .contains(&line)
                || [
                    "VALUE ",
                    "STAT ",
                    "VERSION ",
                    "CLIENT_ERROR ",
                    "SERVER_ERROR ",
                ]
                .iter()
                .any(|w| line.starts_with(w))
        },
    },
    Lines {
        kind: "beanstalkd",
        name: "beanstalkd",
        verbs: &[
            "put",
            "reserve",
            "reserve-with-timeout",
            "watch",
            "use",
            "ignore",
            "stats-job",
            "list-tubes",
        ],
        answers: |line| {
            [
                "INSERTED ",
                "RESERVED ",
                "USING ",
                "WATCHING ",
                "TIMED_OUT",
                "OK ",
            ]
            .iter()
            .any(|w| line.starts_with(w))
        },
    },
];

/// Three digits and a space, a hyphen or nothing (RFC 5321 4.2, RFC 959 4.2); lines
/// between the first and the last may begin with anything.
fn is_coded(line: &str) -> bool {
    let (code, rest) = line.split_at_checked(3).unwrap_or_default();
    let coded = code.bytes().all(|o| o.is_ascii_digit())
        && matches!(code.as_bytes().first(), Some(b'1'..=b'5'));
    coded && (rest.is_empty() || rest.starts_with([' ', '-']))
}

/// How many lines of an answer are an answer's.
fn answered(said: &Said<'_>, answers: fn(&str) -> bool) -> (usize, bool) {
    let count = said.lines.iter().filter(|line| answers(line)).count();
    let first = said.lines.first().is_some_and(|line| answers(line));
    (count, first)
}

/// How many lines of a client begin with a verb, or with a verb behind a tag.
fn asked(said: &Said<'_>, verbs: &[&str], tagged: bool) -> (usize, bool) {
    let is_verb = |line: &str| {
        let mut words = line.split(' ');
        if tagged {
            let tag = words.next().unwrap_or_default();
            if tag.is_empty() || tag.len() > 24 {
                return false;
            }
        }
        let word = words.next().unwrap_or_default();
        verbs.iter().any(|verb| verb.eq_ignore_ascii_case(word))
    };
    let count = said.lines.iter().filter(|line| is_verb(line)).count();
    (count, said.lines.first().is_some_and(|line| is_verb(line)))
}

/// A protocol of lines: what one side asks and the other answers, or one of them if
/// the other was not captured.
pub(super) fn dialogue(flow: &Flow) -> Option<Claim> {
    let sides = [(&flow.from_a, &flow.from_b), (&flow.from_b, &flow.from_a)];
    let mut best: Option<(usize, &Lines, usize, usize)> = None;
    for (client, server) in sides {
        let (asks, says) = (said(client)?, said(server)?);
        for lines in LINES {
            let (asks_n, asks_first) = asked(&asks, lines.verbs, lines.kind == "imap");
            let (says_n, says_first) = answered(&says, lines.answers);
            let silent = (client.bytes.is_empty(), server.bytes.is_empty());
            let agreed = match silent {
                (false, false) => {
                    asks_n > 0
                        && says_first
                        && (asks_first || !client.gaps.is_empty() || asks_n >= 2)
                }
                (false, true) => asks_first && asks_n * 2 > asks.lines.len() && asks_n >= 2,
                (true, false) => says_first && said_who(&says, lines),
                _ => false,
            };
            // A verb or an answer is two octets or more that are given.
            let bits = asks.bits.saturating_add(says.bits).saturating_add(16);
            let score = 2 * asks_n + says_n + if said_who(&says, lines) { 8 } else { 0 };
            if agreed && bits >= 32 && best.is_none_or(|(before, ..)| score > before) {
                best = Some((score, lines, asks_n, says_n));
            }
        }
    }
    let (_, lines, asks, says) = best?;
    let reason = format!(
        "{} in clear: at its beginning {asks} lines with commands and {says} with answers",
        lines.name
    );
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    let hidden = hidden(&flow.from_a) + hidden(&flow.from_b);
    let claim = match hidden {
        0 => Claim::other(lines.kind, reason),
        _ => Claim::unknown(lines.kind, format!("{reason}; {hidden} octets are no text")),
    };
    Some(claim.at(place))
}

/// Octets of a direction from the first on that is no text, if more follow that are
/// none than text in any language has: something else began there.
fn hidden(stream: &Stream) -> usize {
    let control = |o: &u8| *o < 0x20 && !b"\t\r\n\x1b\x0c".contains(o) || *o == 0x7f;
    let Some(first) = stream.bytes.iter().position(control) else {
        return 0;
    };
    let rest = stream.bytes.get(first..).unwrap_or_default();
    let controls = rest.iter().filter(|o| control(o)).count();
    // A tenth of random octets are control characters.
    if controls * 25 > rest.len() && controls >= 2 {
        rest.len()
    } else {
        0
    }
}

/// Whether a greeting says whose it is, which tells protocols with like answers apart.
fn said_who(said: &Said<'_>, lines: &Lines) -> bool {
    let greeting = said.lines.first().copied().unwrap_or_default();
    let upper = greeting.to_ascii_uppercase();
    match lines.kind {
        "smtp" => {
            greeting.starts_with("220")
                && (upper.contains("SMTP") || upper.contains("MAIL") || upper.contains("POSTFIX"))
        }
        "ftp" => greeting.starts_with("220") && !upper.contains("SMTP"),
        "nntp" => {
            greeting.starts_with("20")
                && (upper.contains("NNTP")
                    || upper.contains("NEWS")
                    || upper.contains("POSTING")
                    || upper.contains("INN"))
        }
        "pop3" => greeting.starts_with("+OK") && greeting.len() >= 8,
        "imap" => {
            greeting.starts_with("* OK")
                || greeting.starts_with("* PREAUTH")
                || greeting.starts_with("* BYE")
        }
        _ => {
            said.lines.len() >= 2
                && said.lines.iter().filter(|l| (lines.answers)(l)).count() * 2 > said.lines.len()
        }
    }
}

/// A flow that is text from the first octet to the last, in whatever language.
pub(super) fn prose(flow: &Flow) -> Option<Claim> {
    let mut octets = 0;
    for stream in [&flow.from_a, &flow.from_b] {
        if stream.bytes.is_empty() {
            continue;
        }
        for part in stream.bytes.chunks(MOST - 4) {
            // A chunk may begin amid a character.
            let begins = part
                .iter()
                .take(3)
                .take_while(|&&o| o & 0xc0 == 0x80)
                .count();
            let (text, _) = text(part.get(begins..)?)?;
            // A dialogue that describes sound and pictures is more than text.
            (is_worded(text) && !text.contains(" RTSP/1.0") && !text.starts_with("RTSP/1.0 "))
                .then_some(())?;
        }
        octets += stream.bytes.len();
    }
    // A third of chance is printable: 24 octets of it are one in 2^32.
    (octets >= 24).then_some(())?;
    let first = |stream: &Stream| {
        stream
            .bytes
            .iter()
            .find(|o| !o.is_ascii_whitespace())
            .copied()
    };
    let kind = match (first(&flow.from_a), first(&flow.from_b)) {
        (Some(b'{' | b'['), _) | (None, Some(b'{' | b'[')) => "json",
        (Some(b'<'), _) | (None, Some(b'<')) => "xml",
        _ => "text",
    };
    let reason = format!("all {octets} octets are readable text of short words");
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    Some(Claim::other(kind, reason).at(place))
}
