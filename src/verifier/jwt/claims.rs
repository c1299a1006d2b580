//! Reading a payload (RFC 7519 §4): one pass, borrowed, every claim of its right type.

use std::borrow::Cow;

use serde::de::MapAccess;

use super::rules::Rules;
use super::value::ClaimValue;
use crate::clock::Timestamp;
use crate::identity::{Confirmation, RoleGrant};
use crate::json::{self, Members, Shape, Value};
use crate::scope::ScopeSet;

/// The claims that are looked at.
pub(super) struct Claims<'a> {
    rules: &'a Rules,
    pub(super) issuer: Option<Cow<'a, str>>,
    pub(super) subject: Option<Cow<'a, str>>,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) client_id: Option<Cow<'a, str>>,
    pub(super) acr: Option<Cow<'a, str>>,
    pub(super) session_id: Option<Cow<'a, str>>,
    pub(super) audience: Audience,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) issued_at: Option<Timestamp>,
    /// `iat_ms`, where it is a whole number.
    issued_at_millis: Option<i64>,
    pub(super) auth_time: Option<Timestamp>,
    pub(super) scopes: ScopeSet,
    pub(super) roles: Vec<RoleGrant>,
    pub(super) bound: Bound,
    /// How many of the claims with a stated value have it.
    pub(super) stated: usize,
}

/// What the token is bound to, by `cnf` (RFC 7800).
#[derive(Debug)]
pub(super) enum Bound {
    ToNothing,
    To(Confirmation),
    /// To what is not understood here.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    Absent,
    Other,
    Ours,
}

impl<'a> Claims<'a> {
    /// Reads `payload`, or says what is malformed in it.
    pub(super) fn parse(payload: &'a str, rules: &'a Rules) -> Result<Self, &'static str> {
        let mut claims = Self {
            rules,
            issuer: None,
            subject: None,
            id: None,
            client_id: None,
            acr: None,
            session_id: None,
            audience: Audience::Absent,
            expires_at: None,
            not_before: None,
            issued_at: None,
            issued_at_millis: None,
            auth_time: None,
            scopes: ScopeSet::new(),
            roles: Vec::new(),
            bound: Bound::ToNothing,
            stated: 0,
        };
        json::read_object(payload, &mut claims, MALFORMED)?;
        Ok(claims)
    }

    /// When it was issued, to the millisecond where the token says so.
    pub(super) fn issued_exactly_at(&self) -> Option<Timestamp> {
        let stated = self.issued_at?;
        let exact = self.issued_at_millis.map(Timestamp::from_unix_millis);
        exact
            .filter(|exact| exact.as_unix_secs() == stated.as_unix_secs())
            .or(Some(stated))
    }

    fn read_audience<'de, A: MapAccess<'de>>(
        &mut self,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        let rules = self.rules;
        let (mut any, mut ours) = (false, false);
        value
            .texts(|audience| {
                any = true;
                ours |= rules.is_own_audience(&audience);
            })
            .map_err(|_| "aud is neither a string nor an array of strings")?;
        self.audience = match (any, ours) {
            (false, _) => return Err("aud is empty"),
            (true, false) => Audience::Other,
            (true, true) => Audience::Ours,
        };
        Ok(())
    }

    fn read_scopes<'de, A: MapAccess<'de>>(
        &mut self,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        let mut first = None;
        let mut more = Vec::new();
        let shape = value
            .texts(|text| match first {
                None => first = Some(text),
                Some(_) => more.push(text),
            })
            .map_err(|_| "the scope claim is neither a string nor an array of strings")?;
        self.scopes = match (shape, first) {
            (Shape::One, Some(text)) => text.parse(),
            (_, first) => ScopeSet::try_from_iter(first.into_iter().chain(more)),
        }
        .map_err(|_| "the scope claim is no list of scopes")?;
        Ok(())
    }

    fn read_roles<'de, A: MapAccess<'de>>(
        &mut self,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        let roles = &mut self.roles;
        match value.texts(|role| roles.push(RoleGrant::new(role))) {
            Ok(Shape::Array) => Ok(()),
            _ => Err("the roles claim is no array of strings"),
        }
    }

    /// Reads a string claim of RFC 7519 or RFC 9068, which may also have a stated value.
    fn read_text<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
        problem: &'static str,
    ) -> Result<Option<Cow<'de, str>>, &'static str> {
        let text = value.text().map_err(|_| problem)?;
        if let Some(wanted) = self.rules.stated_value(name) {
            self.count(matches!(wanted, ClaimValue::Text(wanted) if **wanted == *text))?;
        }
        Ok(Some(text))
    }

    fn read_stated<'de, A: MapAccess<'de>>(
        &mut self,
        wanted: &ClaimValue,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        let met = match wanted {
            ClaimValue::Text(wanted) => value.text().is_ok_and(|text| *text == **wanted),
            ClaimValue::Bool(wanted) => value.boolean().is_ok_and(|truth| truth == *wanted),
            ClaimValue::Integer(wanted) => value.integer().is_ok_and(|number| number == *wanted),
        };
        self.count(met)
    }

    fn count(&mut self, met: bool) -> Result<(), &'static str> {
        self.stated += 1;
        if met {
            Ok(())
        } else {
            Err("a claim has another value than the stated one")
        }
    }
}

impl<'a> Members<'a> for Claims<'a> {
    fn member<A: MapAccess<'a>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        let rules = self.rules;
        match name {
            "iss" => self.issuer = Some(value.text().map_err(|_| "iss is no string")?),
            "sub" => self.subject = self.read_text(name, value, "sub is no string")?,
            "aud" => self.read_audience(value)?,
            "exp" => self.expires_at = Some(value.date().map_err(|_| "exp is no number")?),
            "nbf" => self.not_before = Some(value.date().map_err(|_| "nbf is no number")?),
            "iat" => self.issued_at = Some(value.date().map_err(|_| "iat is no number")?),
            "jti" => self.id = Some(value.text().map_err(|_| "jti is no string")?),
            "client_id" => {
                self.client_id = self.read_text(name, value, "client_id is no string")?;
            }
            "acr" => self.acr = self.read_text(name, value, "acr is no string")?,
            "sid" => self.session_id = self.read_text(name, value, "sid is no string")?,
            "iat_ms" => {
                // Not registered, so another issuer may mean anything by it.
                let text = value.raw().map_err(|_| MALFORMED)?;
                self.issued_at_millis = serde_json::from_str(text.get()).ok();
            }
            "auth_time" => {
                self.auth_time = Some(value.date().map_err(|_| "auth_time is no number")?);
            }
            "cnf" => {
                let text = value.raw().map_err(|_| MALFORMED)?;
                self.bound = Bound::read(text.get());
            }
            _ if rules.scope_claim() == name => self.read_scopes(value)?,
            _ if rules.roles_claim() == Some(name) => self.read_roles(value)?,
            _ => match rules.stated_value(name) {
                Some(wanted) => self.read_stated(wanted, value)?,
                None => value.skip().map_err(|_| MALFORMED)?,
            },
        }
        Ok(())
    }
}

impl Bound {
    /// Reads a `cnf`. Each of its members must be proved, so with one that is not known none is of use.
    fn read(cnf: &str) -> Self {
        let mut members = Cnf { confirmation: None };
        match json::read_object(cnf, &mut members, UNKNOWN) {
            Ok(()) => members.confirmation.map_or(Self::Unknown, Self::To),
            Err(_) => Self::Unknown,
        }
    }
}

struct Cnf {
    confirmation: Option<Confirmation>,
}

impl<'a> Members<'a> for Cnf {
    fn member<A: MapAccess<'a>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        let text = |value: Value<'_, A>| value.text().map_err(|_| UNKNOWN);
        let read = match name {
            "jkt" => Confirmation::key(text(value)?),
            "x5t#S256" => Confirmation::certificate(text(value)?),
            _ => return Err(UNKNOWN),
        };
        let read = read.map_err(|_| UNKNOWN)?;
        self.confirmation = Some(match self.confirmation.take() {
            Some(held) => held.and(read),
            None => read,
        });
        Ok(())
    }
}

const UNKNOWN: &str = "the cnf binds to what is not known here";

pub(super) const MALFORMED: &str = "the payload is not one JSON object with unique members";
