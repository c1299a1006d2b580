//! Reading a payload (RFC 7519 §4): one pass, borrowed, every claim of its right type.

use std::borrow::Cow;

use serde::de::MapAccess;

use super::bound::Bound;
use super::rules::Rules;
use super::sources::{self, Node, Origin, Reading};
use super::value::ClaimValue;
use crate::clock::Timestamp;
use crate::identity::RoleGrant;
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
    /// The texts that the service asked for. Empty where it asked for none.
    kept: Vec<Option<Cow<'a, str>>>,
    /// How many of the claims with a stated value have it.
    pub(super) stated: usize,
    /// How many of the claims that must be there are.
    pub(super) present: usize,
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
            kept: vec![None; rules.sources.kept],
            stated: 0,
            present: 0,
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

    /// The first of these texts that is there.
    pub(super) fn first_of(&self, origins: &[Origin]) -> Option<&str> {
        origins.iter().find_map(|origin| match origin {
            Origin::Subject => self.subject.as_deref(),
            Origin::ClientId => self.client_id.as_deref(),
            Origin::Kept(place) => self.kept[*place].as_deref(),
        })
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
        let scopes = match (shape, first) {
            (Shape::One, Some(text)) => text.parse(),
            (_, first) => ScopeSet::try_from_iter(first.into_iter().chain(more)),
        }
        .map_err(|_| "the scope claim is no list of scopes")?;
        self.scopes = if self.scopes.is_empty() {
            scopes
        } else {
            self.scopes.union(&scopes)
        };
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
    fn read_text<A: MapAccess<'a>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
        problem: &'static str,
    ) -> Result<Option<Cow<'a, str>>, &'static str> {
        let text = value.text().map_err(|_| problem)?;
        if let Some(Reading::Plain {
            stated: Some(values),
            ..
        }) = self.rules.sources.find(name)
        {
            self.count(is_one_of(values, &text))?;
        }
        Ok(Some(text))
    }

    /// Reads a claim as a setting says.
    fn read_as<A: MapAccess<'a>>(
        &mut self,
        reading: &'a Reading,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        match reading {
            Reading::Scopes => self.read_scopes(value),
            Reading::Roles => self.read_roles(value),
            Reading::Inside(nodes) => {
                let mut inside = Inside {
                    claims: self,
                    nodes,
                };
                value.object(
                    &mut inside,
                    "a claim that holds others is not one object with unique members",
                )
            }
            Reading::Plain {
                kept: Some(place),
                stated,
            } => {
                let text = value
                    .text()
                    .map_err(|_| "a claim that names the caller, client or tenant is no string")?;
                if let Some(values) = stated {
                    self.count(is_one_of(values, &text))?;
                }
                self.kept[*place] = Some(text);
                Ok(())
            }
            Reading::Plain {
                kept: None,
                stated: Some(values),
            } => self.read_stated(values, value),
            Reading::Plain {
                kept: None,
                stated: None,
            } => value.skip().map_err(|_| MALFORMED),
        }
    }

    fn read_stated<A: MapAccess<'a>>(
        &mut self,
        values: &[ClaimValue],
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        let met = if values.iter().all(ClaimValue::is_text) {
            value.text().is_ok_and(|text| is_one_of(values, &text))
        } else {
            let written = value.raw().map_err(|_| OTHER_VALUE)?.get();
            values.iter().any(|wanted| wanted.is_written_as(written))
        };
        self.count(met)
    }

    fn count(&mut self, met: bool) -> Result<(), &'static str> {
        self.stated += 1;
        if met { Ok(()) } else { Err(OTHER_VALUE) }
    }
}

impl<'a> Members<'a> for Claims<'a> {
    fn member<A: MapAccess<'a>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        let rules = self.rules;
        if rules.present.iter().any(|wanted| **wanted == *name) {
            self.present += 1;
        }
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
            _ => match rules.sources.find(name) {
                Some(reading) => self.read_as(reading, value)?,
                None => value.skip().map_err(|_| MALFORMED)?,
            },
        }
        Ok(())
    }
}

/// The members of a claim that holds others.
struct Inside<'c, 'a> {
    claims: &'c mut Claims<'a>,
    nodes: &'a [Node],
}

impl<'a> Members<'a> for Inside<'_, 'a> {
    fn member<A: MapAccess<'a>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        match sources::find(self.nodes, name) {
            Some(reading) => self.claims.read_as(reading, value),
            None => value.skip().map_err(|_| MALFORMED),
        }
    }
}

fn is_one_of(values: &[ClaimValue], text: &str) -> bool {
    values
        .iter()
        .any(|value| matches!(value, ClaimValue::Text(wanted) if **wanted == *text))
}

/// What is said of claims that are well formed, and are not those that were asked for.
pub(super) const OTHER_VALUE: &str = "a claim has another value than the stated one";

pub(super) const MALFORMED: &str = "the payload is not one JSON object with unique members";
