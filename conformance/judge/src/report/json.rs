//! JSON: schema `lightleak.report/1`.

use super::Report;

/// The report as indented JSON with a final newline.
pub fn write(report: &Report) -> String {
    let mut text =
        serde_json::to_string_pretty(report).expect("a report has no maps with odd keys");
    text.push('\n');
    text
}
