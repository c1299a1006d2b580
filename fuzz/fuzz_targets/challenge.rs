//! Writing a challenge.
//!
//! The input says which parameters to write, in any order and number: each begins with a letter for its
//! name, and ends with a byte that no text can hold. Read back by the grammar of RFC 9110 §11.6.1, what
//! was written must be one Bearer challenge with each of the parameters once, as first set, and each value
//! as it was but for what its parameter cannot hold.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use tower_bearer::challenge::{Challenge, ErrorCode};
use tower_bearer::scope::ScopeSet;

fuzz_target!(|input: &[u8]| {
    let mut challenge = Challenge::new();
    let mut expected = BTreeMap::new();
    for part in input.split(|byte| *byte == 0xff) {
        let text = String::from_utf8_lossy(part);
        let mut characters = text.chars();
        let name = characters.next();
        let value = characters.as_str();
        let (name, held) = match name {
            Some('r') => {
                challenge = challenge.realm(value);
                ("realm", printable(value))
            }
            Some('e') => {
                let code = CODES[value.len() % CODES.len()];
                challenge = challenge.error(code);
                ("error", code.as_str().to_owned())
            }
            Some('d') => {
                challenge = challenge.error_description(value);
                // RFC 6750 §3 allows neither a quote nor a backslash, escaped or not.
                (
                    "error_description",
                    printable(value).replace(['"', '\\'], "?"),
                )
            }
            Some('s') => {
                let scopes = value.split(' ').filter(|scope| !scope.is_empty());
                let Ok(scope) = ScopeSet::try_from_iter(scopes) else {
                    continue;
                };
                challenge = challenge.scope(&scope);
                ("scope", scope.as_str().to_owned())
            }
            Some('a') => {
                challenge = challenge.acr_values(value.split('|'));
                ("acr_values", printable(&value.replace('|', " ")))
            }
            Some('m') => {
                let seconds = value.bytes().fold(0, |sum: u64, byte| {
                    sum.wrapping_mul(256).wrapping_add(u64::from(byte))
                });
                challenge = challenge.max_age(seconds);
                ("max_age", seconds.to_string())
            }
            _ => continue,
        };
        expected.entry(name.to_owned()).or_insert(held);
    }
    let value = challenge.to_header_value();
    assert_eq!(value.as_bytes(), challenge.to_string().as_bytes());
    let read = read(value.as_bytes()).unwrap_or_else(|| panic!("no challenge: {value:?}"));
    assert_eq!(read, expected);
});

const CODES: [ErrorCode; 4] = [
    ErrorCode::InvalidRequest,
    ErrorCode::InvalidToken,
    ErrorCode::InsufficientScope,
    ErrorCode::InsufficientUserAuthentication,
];

/// What is left of a value in a quoted string of printable ASCII.
fn printable(value: &str) -> String {
    let keep = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
    value.chars().map(keep).collect()
}

/// The parameters of the one Bearer challenge that `value` is, each once.
///
/// `challenge = auth-scheme [ 1*SP #auth-param ]`, `auth-param = token "=" quoted-string`
fn read(value: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut rest = value.strip_prefix(b"Bearer")?;
    let mut separator: &[u8] = b" ";
    while !rest.is_empty() {
        rest = rest.strip_prefix(separator)?;
        separator = b", ";
        let name_len = rest.iter().position(|byte| *byte == b'=')?;
        let name = std::str::from_utf8(&rest[..name_len]).ok()?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            return None;
        }
        let (text, after) = quoted_string(&rest[name_len + 1..])?;
        rest = after;
        if parameters.insert(name.to_owned(), text).is_some() {
            return None;
        }
    }
    Some(parameters)
}

/// `DQUOTE *( qdtext / quoted-pair ) DQUOTE` (RFC 9110 §5.6.4) in printable ASCII, and what comes after.
fn quoted_string(bytes: &[u8]) -> Option<(String, &[u8])> {
    let mut text = String::new();
    let mut bytes = bytes.strip_prefix(b"\"")?.iter();
    loop {
        match *bytes.next()? {
            b'"' => return Some((text, bytes.as_slice())),
            b'\\' => match *bytes.next()? {
                escaped @ (b'"' | b'\\') => text.push(char::from(escaped)),
                _ => return None,
            },
            plain @ b' '..=b'~' => text.push(char::from(plain)),
            _ => return None,
        }
    }
}
