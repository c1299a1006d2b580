//! What an authorization server tells of a token (RFC 7662 §2.2).

use std::borrow::Cow;

use serde::de::MapAccess;

use super::Judge;
use crate::identity::Identity;
use crate::json::{self, Members, Value};
use crate::refusal::{Reason, Refusal};
use crate::verifier::Presented;

/// What an authorization server tells of a token beside what an [`Identity`] has room for; found by
/// [`Identity::data`].
///
/// ```
/// use tower_bearer::identity::Identity;
/// use tower_bearer::verifier::introspection::Introspected;
///
/// fn name(identity: &Identity) -> &str {
///     let told = identity.data::<Introspected>();
///     told.and_then(Introspected::username).unwrap_or(identity.subject())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspected {
    username: Option<Box<str>>,
    token_type: Option<Box<str>>,
}

impl Introspected {
    /// A name that a person can read (`username`). Another person may have it tomorrow: whom the token names is
    /// [`Identity::subject`].
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The token's type, mostly `Bearer` (`token_type`).
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }
}

impl Judge {
    /// Judges a token by what `text`, a JSON object, says of it; or says what is wrong with that.
    pub(super) fn judge(
        &self,
        text: &str,
        presented: &Presented,
    ) -> Result<Result<Identity, Refusal>, &'static str> {
        let told = Told::parse(text)?;
        if !told.active.ok_or("the answer has no active")? {
            return Ok(Err(INACTIVE));
        }
        let judged = self.rules.judge_told(text, presented.now)?;
        Ok(judged.and_then(|identity| self.admit(identity, told, presented)))
    }

    fn admit(
        &self,
        identity: Identity,
        told: Told<'_>,
        presented: &Presented,
    ) -> Result<Identity, Refusal> {
        let named = |refusal: Refusal| match identity.credential_id() {
            Some(id) => refusal.with_credential_id(id),
            None => refusal,
        };
        self.check_type(told.token_type.as_deref(), &identity)
            .map_err(named)?;
        let recheck_at = presented.now.saturating_add(self.recheck_after);
        let identity = identity.with_recheck_at(recheck_at);
        let identity = match told.into_introspected() {
            Some(told) => identity.with_data(told),
            None => identity,
        };
        presented.unless_unproved(identity)
    }

    fn check_type(&self, token_type: Option<&str>, identity: &Identity) -> Result<(), Refusal> {
        let is = |name: &str| token_type.is_some_and(|own| own.eq_ignore_ascii_case(name));
        let is_bound_to_key = || {
            let confirmation = identity.confirmation();
            confirmation.is_some_and(|bound| bound.jkt().is_some())
        };
        match token_type {
            None if self.token_type_required => Err(Refusal::invalid("token_type is missing")),
            None => Ok(()),
            Some(_) if is("Bearer") || is("access_token") => Ok(()),
            Some(_) if is("DPoP") && is_bound_to_key() => Ok(()),
            Some(_) if is("DPoP") => Err(Refusal::new(
                Reason::Unproved,
                "token_type is DPoP, and no cnf says which key the token is bound to",
            )),
            Some(_) => Err(Refusal::invalid("token_type is another")),
        }
    }
}

const INACTIVE: Refusal = Refusal::invalid("the authorization server says that it is not active");

const MALFORMED: &str = "the answer is not one JSON object with unique members";

/// The members that are no claims.
#[derive(Default)]
struct Told<'a> {
    active: Option<bool>,
    username: Option<Cow<'a, str>>,
    token_type: Option<Cow<'a, str>>,
}

impl<'a> Told<'a> {
    fn parse(text: &'a str) -> Result<Self, &'static str> {
        let mut told = Self::default();
        json::read_object(text, &mut told, MALFORMED)?;
        Ok(told)
    }

    fn into_introspected(self) -> Option<Introspected> {
        if self.username.is_none() && self.token_type.is_none() {
            return None;
        }
        Some(Introspected {
            username: self.username.map(Into::into),
            token_type: self.token_type.map(Into::into),
        })
    }
}

impl<'de> Members<'de> for Told<'de> {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        match name {
            "active" => {
                let active = value.boolean().map_err(|_| "active is not true or false")?;
                self.active = Some(active);
            }
            "username" => {
                self.username = Some(value.text().map_err(|_| "username is no string")?);
            }
            "token_type" => {
                self.token_type = Some(value.text().map_err(|_| "token_type is no string")?);
            }
            _ => value.skip().map_err(|_| MALFORMED)?,
        }
        Ok(())
    }
}
