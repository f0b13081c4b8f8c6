//! Contents in parts (RFC 2046 5.1): `multipart/x-mixed-replace`, one picture after
//! the other, and `multipart/form-data`, what is handed in.

use std::ops::Range;

/// Parts that are read of one content.
const MOST: usize = 4096;

/// Where a part lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its headers.
    pub head: Range<usize>,
    /// What follows them, up to the next boundary.
    pub body: Range<usize>,
}

/// Where the parts lie. Without a boundary, the content says what it
/// is: its first line begins with two hyphens.
pub(super) fn parts(content: &[u8], boundary: Option<&str>) -> Vec<Part> {
    // Servers are known to name a boundary with its hyphens, or without.
    let told = boundary.map(|b| b.trim_start_matches('-').as_bytes().to_vec());
    let own = || {
        let begin = content.iter().position(|o| !b"\r\n".contains(o))?;
        let line = content.get(begin..)?.strip_prefix(b"--")?;
        let end = memchr::memchr(b'\n', line.get(..line.len().min(200))?)?;
        let name = line.get(..end)?.trim_ascii_end();
        let name = name
            .iter()
            .skip_while(|o| **o == b'-')
            .copied()
            .collect::<Vec<_>>();
        (name.len() >= 3 && name.iter().all(u8::is_ascii_graphic)).then_some(name)
    };
    let Some(name) = told.filter(|t| !t.is_empty()).or_else(own) else {
        return Vec::new();
    };
    let name = [b"--", &name[..]].concat();
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(found) = content
        .get(at..)
        .and_then(|rest| memchr::memmem::find(rest, &name))
    {
        let head = at + found + name.len();
        let rest = content.get(head..).unwrap_or_default();
        let Some(end) = crate::dissect::http::head_end(&rest[..rest.len().min(4096)]) else {
            break;
        };
        let body = head + end;
        let rest = content.get(body..).unwrap_or_default();
        // A part may tell its length; that may be wrong.
        let next = memchr::memmem::find(rest, &name).unwrap_or(rest.len());
        parts.push(Part {
            head: head..body,
            body: body..body + next,
        });
        at = body + next;
        if parts.len() == MOST {
            break;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_with_the_boundary_and_without() {
        let content = b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\none\r\n--frame\r\n\
            Content-Length: 3\r\n\r\ntwo\r\n--frame--\r\n";
        for boundary in [Some("frame"), Some("--frame"), None] {
            let parts = parts(content, boundary);
            let bodies: Vec<_> = parts
                .iter()
                .map(|p| content[p.body.clone()].trim_ascii())
                .collect();
            assert_eq!(bodies, [b"one", b"two"], "{boundary:?}");
        }
        let first = &parts(content, Some("frame"))[0];
        assert!(content[first.head.clone()].starts_with(b"\r\nContent-Type: image/jpeg"));
        assert_eq!(parts(b"plain text\r\n\r\nmore", None), []);
    }
}
