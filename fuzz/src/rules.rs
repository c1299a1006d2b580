//! What a JWT must say: a second reading of the rules in the documentation of
//! `tower_bearer::verifier::jwt`, slow and plain.

use crate::Object;

pub const NOW: i64 = 1_700_000_000;
pub const LEEWAY: i64 = 30;
pub const ISSUER: &str = "https://id.example.com";
pub const AUDIENCE: &str = "api";

/// What a header says, where it is one that may be.
pub struct Header {
    pub alg: String,
    pub kid: Option<String>,
}

impl Header {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        // The longest that is read.
        if bytes.len() > 2048 {
            return None;
        }
        let header = Object::read(std::str::from_utf8(bytes).ok()?)?;
        if ["crit", "b64", "zip", "cty"]
            .iter()
            .any(|name| header.has(name))
        {
            return None;
        }
        let text = |name| header.get::<String>(name).ok();
        let mut typ = text("typ")?
            .unwrap_or("JWT".to_owned())
            .to_ascii_lowercase();
        if let Some(rest) = typ.strip_prefix("application/") {
            typ = rest.to_owned();
        }
        let (alg, kid) = (text("alg")??, text("kid")?);
        (typ == "jwt" || typ == "at+jwt").then_some(Self { alg, kid })
    }
}

/// RFC 7519 §4.1, as strictly as the crate promises. `None` is a claim of another type than it should be.
pub fn are_good(claims: &Object<'_>) -> Option<bool> {
    let text = |name| claims.get::<String>(name).ok();
    let millis = |name| {
        let seconds = claims.get::<f64>(name).ok()?;
        Some(seconds.map(|seconds| (seconds * 1000.0).floor()))
    };
    let _texts = (text("client_id")?, text("acr")?, text("sid")?);
    let _moment = millis("auth_time")?;
    let is_scope_byte = |b: u8| matches!(b, b'!' | b'#'..=b'[' | b']'..=b'~');
    let scope_is_good = match claims.get::<String>("scope") {
        Ok(text) => text.is_none_or(|text| text.bytes().all(|b| b == b' ' || is_scope_byte(b))),
        Err(_) => texts(claims, "scope")
            .ok()??
            .iter()
            .all(|scope| !scope.is_empty() && scope.bytes().all(is_scope_byte)),
    };
    let late = ((NOW + LEEWAY) * 1000) as f64;
    let early = ((NOW - LEEWAY) * 1000) as f64;
    let (exp, nbf, iat) = (millis("exp")??, millis("nbf")?, millis("iat")?);
    Some(
        text("iss")?? == ISSUER
            && !text("sub")??.is_empty()
            && texts(claims, "aud")
                .ok()??
                .iter()
                .any(|audience| audience == AUDIENCE)
            && text("jti")?.is_none_or(|id| !id.is_empty())
            && scope_is_good
            && exp > early
            && nbf.is_none_or(|nbf| nbf <= late)
            && iat.is_none_or(|iat| iat <= late)
            && !claims.has("cnf"),
    )
}

/// A string, or an array of strings.
pub fn texts(claims: &Object<'_>, name: &str) -> Result<Option<Vec<String>>, serde_json::Error> {
    match claims.get::<String>(name) {
        Ok(text) => Ok(text.map(|text| vec![text])),
        Err(_) => claims.get::<Vec<String>>(name),
    }
}
