use std::borrow::Cow;

use serde::de::MapAccess;

use crate::json::{self, Members, Value};
use crate::keys::Algorithm;

/// What a token's header says (RFC 7515 §4.1).
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<Cow<'a, str>>,
    pub(super) typ: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    /// Reads a decoded header, or says why tokens with such a header are refused.
    ///
    /// Keys that a token brings along or points to (`jwk`, `jku`, `x5u`, `x5c`) are passed over: they say
    /// nothing about who signed.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| MALFORMED)?;
        let mut read = Read::default();
        json::read_object(text, &mut read, MALFORMED)?;
        let name = read.alg.ok_or("the header has no alg")?;
        Ok(Self {
            algorithm: name
                .parse()
                .map_err(|_| "the header's alg is none that is supported")?,
            kid: read.kid,
            typ: read.typ,
        })
    }
}

/// Which `typ` a token may have (RFC 8725 §3.11).
#[derive(Debug, Clone)]
pub(super) enum TokenType {
    /// None, `JWT` or `at+jwt`.
    Usual,
    /// One of these.
    OneOf(Box<[Box<str>]>),
}

impl TokenType {
    pub(super) fn admits(&self, typ: Option<&str>) -> bool {
        // RFC 7515 §4.1.9: "application/" may be left out, and media types have no letter case.
        let typ = typ.map(without_application);
        match (self, typ) {
            (Self::Usual, None) => true,
            (Self::Usual, Some(typ)) => {
                typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt")
            }
            (Self::OneOf(_), None) => false,
            (Self::OneOf(wanted), Some(typ)) => {
                wanted.iter().any(|wanted| typ.eq_ignore_ascii_case(wanted))
            }
        }
    }
}

pub(crate) fn without_application(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}

const MALFORMED: &str = "the header is not one JSON object with unique members";

#[derive(Default)]
struct Read<'a> {
    alg: Option<Cow<'a, str>>,
    kid: Option<Cow<'a, str>>,
    typ: Option<Cow<'a, str>>,
}

impl<'de> Members<'de> for Read<'de> {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        match name {
            "alg" => self.alg = Some(value.text().map_err(|_| "the header's alg is no string")?),
            "kid" => self.kid = Some(value.text().map_err(|_| "the header's kid is no string")?),
            "typ" => self.typ = Some(value.text().map_err(|_| "the header's typ is no string")?),
            // RFC 7515 §4.1.11: no extension is understood here, so none may be critical.
            "crit" => return Err("the header has crit"),
            "b64" => return Err("the header has b64"),
            "zip" => return Err("the header has zip"),
            "cty" => return Err("the header has cty"),
            _ => value.skip().map_err(|_| MALFORMED)?,
        }
        Ok(())
    }
}
