//! Reading a credential from a request's headers.
//!
//! The input is any number of `Authorization` values, one a line. They are read under several caps, and
//! each time the outcome must be the one that the grammar of RFC 9110 §11.4 and RFC 6750 §2.1 gives,
//! read byte by byte: the same token, or a refusal for the same reason.
#![no_main]

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use tower_bearer::Reason;
use tower_bearer::credential::{BearerToken, DEFAULT_MAX_LEN, from_headers};

fuzz_target!(|input: &[u8]| {
    let mut headers = HeaderMap::new();
    let mut values = Vec::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(AUTHORIZATION, value);
            values.push(line);
        }
    }
    for max_len in [0, 16, 256, DEFAULT_MAX_LEN] {
        let token = from_headers(&mut headers, max_len);
        match &token {
            Ok(token) => assert_eq!(token.expose_bytes(), token.expose_secret().as_bytes()),
            Err(refusal) => assert!(refusal.credential_id().is_none()),
        }
        let read = token
            .as_ref()
            .map(BearerToken::expose_bytes)
            .map_err(|refusal| refusal.reason());
        assert_eq!(
            read,
            credential(&values, max_len),
            "at most {max_len} bytes"
        );
    }
    // Whatever came of them, they print no more.
    assert!(headers.values().all(HeaderValue::is_sensitive));
    if let Ok(text) = std::str::from_utf8(input) {
        let token = BearerToken::new(text);
        assert_eq!(token.is_ok(), token68_len(input) == Some(input.len()));
    }
});

/// `credentials = auth-scheme [ 1*SP ( token68 / #auth-param ) ]`, in one header, where the scheme is
/// Bearer and a token68 is all that may follow.
fn credential<'a>(values: &[&'a [u8]], max_len: usize) -> Result<&'a [u8], Reason> {
    let value = match values {
        [] => return Err(Reason::Missing),
        [value] if value.len() > max_len => return Err(Reason::TooLarge),
        [value] => *value,
        _ => return Err(Reason::Malformed),
    };
    let mut place = 0;
    while place < value.len() && TCHAR.contains(&value[place]) {
        place += 1;
    }
    let scheme = value[..place].to_ascii_lowercase();
    let after_scheme = value.get(place);
    if scheme.is_empty() || !matches!(after_scheme, None | Some(b' ' | b'\t')) {
        return Err(Reason::Malformed);
    }
    if scheme != *b"bearer" {
        return Err(if has_folded_bearer(&value[place..]) {
            Reason::Malformed
        } else {
            Reason::OtherScheme
        });
    }
    let mut spaces = 0;
    while value.get(place) == Some(&b' ') {
        place += 1;
        spaces += 1;
    }
    match token68_len(&value[place..]) {
        Some(len) if spaces > 0 && place + len == value.len() => Ok(&value[place..]),
        _ => Err(Reason::Malformed),
    }
}

/// Whether a comma comes before a scheme that is Bearer, as where two headers became one.
fn has_folded_bearer(mut rest: &[u8]) -> bool {
    while let Some(comma) = rest.iter().position(|byte| *byte == b',') {
        rest = &rest[comma + 1..];
        let mut word = rest;
        while let [b' ' | b'\t', more @ ..] = word {
            word = more;
        }
        if let Some((scheme, after)) = word.split_at_checked(6)
            && scheme.eq_ignore_ascii_case(b"bearer")
            && matches!(after.first(), None | Some(b' ' | b'\t' | b','))
        {
            return true;
        }
    }
    false
}

/// `token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`: how much of the beginning of
/// `bytes` is one.
fn token68_len(bytes: &[u8]) -> Option<usize> {
    let mut len = 0;
    while len < bytes.len() && TOKEN68.contains(&bytes[len]) {
        len += 1;
    }
    if len == 0 {
        return None;
    }
    while bytes.get(len) == Some(&b'=') {
        len += 1;
    }
    Some(len)
}

/// RFC 9110 §5.6.2.
const TCHAR: &[u8] =
    b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// RFC 9110 §11.2.
const TOKEN68: &[u8] = b"-._~+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
