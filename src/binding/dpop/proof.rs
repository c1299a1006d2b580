//! Reading a proof: its signature by the key that it brings along, and its claims (RFC 9449 §4.2).

use std::borrow::Cow;

use serde::de::MapAccess;

use super::invalid;
use crate::clock::Timestamp;
use crate::json::{self, Members, Value};
use crate::keys::{Algorithm, VerificationKey, base64url};
use crate::refusal::{Reason, Refusal};
use crate::verifier::jwt::{Parts, without_application};

/// A proof whose signature is good, by the key that it was to be.
pub(super) struct Proof {
    payload: Vec<u8>,
}

impl Proof {
    /// Checks what does not depend on the request; `jkt` is the thumbprint of the key that it must be by.
    pub(super) fn verify(text: &str, jkt: &str, algorithms: &[Algorithm]) -> Result<Self, Refusal> {
        let parts = Parts::of(text.as_bytes())
            .ok_or(invalid("the proof is not three parts between two dots"))?;
        let decode = |part| {
            base64url::decode_to_vec(part)
                .ok_or(invalid("a part of the proof is not canonical base64url"))
        };
        let key = key_in(&decode(parts.header)?, algorithms).map_err(invalid)?;
        if key.thumbprint().as_deref() != Some(jkt) {
            let problem = "the proof is by another key than the token is bound to";
            return Err(Refusal::new(Reason::Unproved, problem));
        }
        let payload = decode(parts.payload)?;
        if !key.is_good(parts.signed, &decode(parts.signature)?) {
            return Err(invalid("the proof's signature is not good"));
        }
        Ok(Self { payload })
    }

    pub(super) fn claims(&self) -> Result<Claims<'_>, &'static str> {
        let text = std::str::from_utf8(&self.payload).map_err(|_| MALFORMED)?;
        let mut read = ReadClaims::default();
        json::read_object(text, &mut read, MALFORMED)?;
        let id = read.jti.ok_or("the proof has no jti")?;
        if id.is_empty() || id.len() > MAX_ID_LEN {
            return Err("the proof's jti is empty, or longer than 256 bytes");
        }
        Ok(Claims {
            id,
            method: read.htm.ok_or("the proof has no htm")?,
            url: read.htu.ok_or("the proof has no htu")?,
            issued_at: read.iat.ok_or("the proof has no iat")?,
            token_hash: read.ath.ok_or("the proof has no ath")?,
            nonce: read.nonce,
        })
    }
}

/// What a proof says.
pub(super) struct Claims<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) method: Cow<'a, str>,
    pub(super) url: Cow<'a, str>,
    pub(super) issued_at: Timestamp,
    pub(super) token_hash: Cow<'a, str>,
    pub(super) nonce: Option<Cow<'a, str>>,
}

const MAX_ID_LEN: usize = 256;

const MALFORMED: &str = "the proof's payload is not one JSON object with unique members";
const MALFORMED_HEADER: &str = "the proof's header is not one JSON object with unique members";

/// The key in a header.
fn key_in(header: &[u8], algorithms: &[Algorithm]) -> Result<VerificationKey, &'static str> {
    let text = std::str::from_utf8(header).map_err(|_| MALFORMED_HEADER)?;
    let mut read = Header::default();
    json::read_object(text, &mut read, MALFORMED_HEADER)?;
    let typ = read.typ.ok_or("the proof has no typ")?;
    // RFC 7515 §4.1.9: media types have no letter case, and "application/" may be there.
    if !without_application(&typ).eq_ignore_ascii_case("dpop+jwt") {
        return Err("the proof's typ is another");
    }
    let alg = read.alg.ok_or("the proof has no alg")?;
    let allowed = |algorithm: &&Algorithm| algorithm.as_str() == &*alg;
    let algorithm = algorithms
        .iter()
        .find(allowed)
        .ok_or("the proof's alg is none that is allowed")?;
    let jwk = read.jwk.ok_or("the proof has no jwk")?;
    VerificationKey::from_jwk_for(*algorithm, jwk)
        .map_err(|_| "the proof's jwk is no good public key for its alg")
}

#[derive(Default)]
struct Header<'a> {
    typ: Option<Cow<'a, str>>,
    alg: Option<Cow<'a, str>>,
    jwk: Option<&'a str>,
}

impl<'de> Members<'de> for Header<'de> {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        match name {
            "typ" => self.typ = Some(value.text().map_err(|_| "the proof's typ is no string")?),
            "alg" => self.alg = Some(value.text().map_err(|_| "the proof's alg is no string")?),
            "jwk" => self.jwk = Some(value.raw().map_err(|_| MALFORMED_HEADER)?.get()),
            "crit" | "b64" | "zip" | "cty" => {
                return Err("the proof's header has crit, b64, zip or cty");
            }
            _ => value.skip().map_err(|_| MALFORMED_HEADER)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct ReadClaims<'a> {
    jti: Option<Cow<'a, str>>,
    htm: Option<Cow<'a, str>>,
    htu: Option<Cow<'a, str>>,
    iat: Option<Timestamp>,
    ath: Option<Cow<'a, str>>,
    nonce: Option<Cow<'a, str>>,
}

impl<'de> Members<'de> for ReadClaims<'de> {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        match name {
            "jti" => self.jti = Some(value.text().map_err(|_| "the proof's jti is no string")?),
            "htm" => self.htm = Some(value.text().map_err(|_| "the proof's htm is no string")?),
            "htu" => self.htu = Some(value.text().map_err(|_| "the proof's htu is no string")?),
            "iat" => self.iat = Some(value.date().map_err(|_| "the proof's iat is no number")?),
            "ath" => self.ath = Some(value.text().map_err(|_| "the proof's ath is no string")?),
            "nonce" => {
                let text = value.text();
                self.nonce = Some(text.map_err(|_| "the proof's nonce is no string")?);
            }
            _ => value.skip().map_err(|_| MALFORMED)?,
        }
        Ok(())
    }
}
