//! TOML documents that say in `schema` what they are.

use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Error, file};

/// No declaration or session record is near this, in octets.
const LIMIT: u64 = 16 << 20;

/// Reads the document of that schema, which must exist.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, schema: &str) -> Result<T, Error> {
    let Some(text) = file::read_text(path, LIMIT)? else {
        return Err(file::damaged(
            path,
            format!("is missing; a case needs it, with schema = \"{schema}\""),
        ));
    };
    parse(&text, schema).map_err(|what| file::damaged(path, what))
}

/// Writes the document.
pub(crate) fn write<T: Serialize>(path: &Path, document: &T) -> Result<(), Error> {
    let text = toml::to_string(document).map_err(|e| file::damaged(path, e.to_string()))?;
    file::write(path, text.as_bytes())
}

/// The value of `schema` in the file, if it is TOML and has one.
pub(crate) fn schema(path: &Path) -> Option<String> {
    let text = file::read_text(path, LIMIT).ok()??;
    toml::from_str::<Header>(&text).ok()?.schema
}

#[derive(Deserialize)]
struct Header {
    schema: Option<String>,
}

/// Looks at `schema` first: fields of another version must not be reported as
/// unknown ones.
fn parse<T: DeserializeOwned>(text: &str, schema: &str) -> Result<T, String> {
    // The message names line and column, over several lines.
    let trimmed = |e: toml::de::Error| e.to_string().trim_end().to_owned();
    let header: Header = toml::from_str(text).map_err(trimmed)?;
    match header.schema {
        Some(found) if found == schema => toml::from_str(text).map_err(trimmed),
        Some(found) => Err(format!("expected schema \"{schema}\", found \"{found}\"")),
        None => Err(format!("expected schema \"{schema}\", found none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Declaration, SessionRecord};

    const DECLARATION: &str = r#"
schema = "lightleak.declaration/1"
[device]
vendor = "v"
model = "m"
serial = "s"
firmware = "f"
unit = 1
addresses = ["192.0.2.1", "2001:db8::1"]
[[endpoints]]
transport = "tcp"
address = "192.0.2.1"
port = 322
path = "nvr.rtsps"
[[paths]]
id = "nvr.rtsps"
url = "rtsps://192.0.2.1/main"
carriage = "rtsp-interleaved"
hop = "tls"
end_to_end = "none"
"#;

    fn declaration(text: &str) -> Result<Declaration, String> {
        parse(text, Declaration::SCHEMA)
    }

    #[test]
    fn declaration_made_by_hand_is_read() {
        let declaration = declaration(DECLARATION).unwrap();
        assert_eq!(declaration.device.addresses.len(), 2);
        assert_eq!(
            declaration.path("nvr.rtsps").unwrap().url,
            "rtsps://192.0.2.1/main"
        );
    }

    #[test]
    fn other_schema_is_named_before_its_unknown_fields() {
        let text = DECLARATION
            .replace("declaration/1", "declaration/2")
            .replace("unit", "number");
        assert_eq!(
            declaration(&text).unwrap_err(),
            r#"expected schema "lightleak.declaration/1", found "lightleak.declaration/2""#
        );
        assert_eq!(
            parse::<SessionRecord>("", SessionRecord::SCHEMA).unwrap_err(),
            r#"expected schema "lightleak.session/1", found none"#
        );
    }

    #[test]
    fn unknown_field_is_named_with_its_line() {
        let text = DECLARATION.replace("serial = \"s\"", "serial = \"s\"\ncolour = \"white\"");
        assert_eq!(
            declaration(&text).unwrap_err(),
            "TOML parse error at line 7, column 1\n  |\n7 | colour = \"white\"\n  | ^^^^^^\n\
             unknown field `colour`, expected one of `vendor`, `model`, `serial`, `firmware`, `unit`, `addresses`, `clip_list_key`, `owner_key`"
        );
    }

    #[test]
    fn broken_toml_is_named_with_its_line() {
        let message = declaration("schema = \n").unwrap_err();
        assert!(
            message.starts_with("TOML parse error at line 1, column 10\n"),
            "{message}"
        );
    }
}
