//! Writing JSON by hand, where all that is written is text.

use std::fmt::Write;

/// Writes `text` as a JSON string, quotes included.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\0'..='\x1f' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// Writes `texts` as an array of JSON strings.
pub(crate) fn push_strings<'a>(out: &mut String, texts: impl IntoIterator<Item = &'a str>) {
    out.push('[');
    for (place, text) in texts.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        push_string(out, text);
    }
    out.push(']');
}
