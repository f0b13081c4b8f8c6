//! Parameters (RFC 2326 10.8 and 10.9). A camera has none: GET_PARAMETER and
//! SET_PARAMETER without a body are signs of life, and every name in a body is
//! one that is not understood.

/// The names in the body of such a request, in order: one for each line, with
/// or without a value behind a colon.
pub(super) fn names(body: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(body)
        .lines()
        .filter_map(|line| line.split(':').next())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// The body of a refusal: the names that are not understood.
pub(super) fn refused(names: &[String]) -> Vec<u8> {
    let lines = names.iter().map(|name| format!("{name}\r\n"));
    lines.collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_lines_with_and_without_values() {
        let body = b"packets_received\r\n\r\n jitter : 3\nbarparam: barstuff";
        let read = names(body);
        assert_eq!(read, ["packets_received", "jitter", "barparam"]);
        assert_eq!(
            refused(&read),
            b"packets_received\r\njitter\r\nbarparam\r\n"
        );
        for nothing in [&b""[..], b"\r\n", b" : "] {
            assert!(names(nothing).is_empty());
        }
    }
}
