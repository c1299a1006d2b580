//! What a token says of itself, before anything is known to be true. For routing, never for trust.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use serde::de::MapAccess;

use super::jws::{MAX_HEADER_LEN, Parts};
use crate::json::{self, Members, Value};
use crate::keys::base64url;
use crate::refusal::Refusal;

/// Whether `token` is three parts of which the first is a JSON object with an `alg`.
///
/// A token that has this shape and is no JWT that anybody accepts, `none` for instance, still goes to a
/// JWT verifier, which says so.
pub(crate) fn has_jwt_shape(token: &[u8]) -> bool {
    let mut buffer = [const { MaybeUninit::uninit() }; MAX_HEADER_LEN];
    Parts::of(token)
        .and_then(|parts| base64url::decode(parts.header, &mut buffer))
        .is_some_and(|header| member(header, "alg").is_some())
}

/// Hands the `iss` that the token's payload states, if it does, to `then`. Nobody has vouched for it yet.
pub(crate) fn with_untrusted_issuer<T>(token: &[u8], then: impl FnOnce(&str) -> T) -> Option<T> {
    let parts = Parts::of(token)?;
    let read = parts.with_payload(|payload| {
        let issuer = member(payload, "iss").ok_or(NO_ISSUER)?;
        Ok::<_, Refusal>(then(&issuer))
    });
    read.ok()
}

const NO_ISSUER: Refusal = Refusal::invalid("the token states no iss");

/// The member `name`, a string, of the object that `json` is.
fn member<'a>(json: &'a [u8], name: &'static str) -> Option<Cow<'a, str>> {
    let text = std::str::from_utf8(json).ok()?;
    let mut wanted = Wanted { name, found: None };
    json::read_object(text, &mut wanted, "").ok()?;
    wanted.found
}

struct Wanted<'a> {
    name: &'static str,
    found: Option<Cow<'a, str>>,
}

impl<'de> Members<'de> for Wanted<'de> {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        if name == self.name {
            self.found = Some(value.text().map_err(|_| "")?);
            Ok(())
        } else {
            value.skip().map_err(|_| "")
        }
    }
}

#[cfg(test)]
mod tests {
    use base64_simd::URL_SAFE_NO_PAD;

    use super::*;

    fn token(header: &str, payload: &str) -> Vec<u8> {
        let [header, payload] =
            [header, payload].map(|part| URL_SAFE_NO_PAD.encode_to_string(part));
        format!("{header}.{payload}.c2ln").into_bytes()
    }

    #[test]
    fn a_token_with_a_header_that_has_alg_looks_like_a_jwt() {
        assert!(has_jwt_shape(&token(r#"{"alg":"none"}"#, "x")));
        assert!(!has_jwt_shape(&token(r#"{"typ":"JWT"}"#, "{}")));
        assert!(!has_jwt_shape(&token(r#"{"alg":1}"#, "{}")));
        assert!(!has_jwt_shape(&token(r#"["alg"]"#, "{}")));
        assert!(!has_jwt_shape(b"ak_secret.with.dots"));
        assert!(!has_jwt_shape(b"eyJhbGciOiJub25lIn0.e30"));
        assert!(!has_jwt_shape(b"eyJhbGciOiJub25lIn0.e30..e30"));
        assert!(!has_jwt_shape(b""));
    }

    #[test]
    fn the_issuer_is_what_an_unambiguous_payload_states() {
        let issuer = |payload| with_untrusted_issuer(&token("{}", payload), str::to_owned);
        assert_eq!(issuer(r#"{"iss":"a","sub":"b"}"#).as_deref(), Some("a"));
        assert_eq!(issuer(r#"{"iss":"a","iss":"b"}"#), None);
        assert_eq!(issuer(r#"{"iss":["a"]}"#), None);
        assert_eq!(issuer("{}"), None);
        assert_eq!(issuer("no JSON"), None);
    }
}
