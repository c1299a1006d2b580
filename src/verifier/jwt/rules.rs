//! What the claims of a token must say.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::claims::{Audience, Bound, Claims};
use super::value::ClaimValue;
use crate::clock::Timestamp;
use crate::identity::{CredentialKind, Identity, Parts};
use crate::keys::VerificationKey;
use crate::refusal::{Reason, Refusal};

/// Reads the payload as the type that the service asked for.
pub(super) type Typed = fn(&str) -> Option<Arc<dyn Any + Send + Sync>>;

#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// One of these, or any where there is none.
    pub(super) issuers: Vec<Arc<str>>,
    /// One of these, or any where there is none.
    pub(super) audiences: Vec<Box<str>>,
    pub(super) stated: Vec<(Box<str>, ClaimValue)>,
    pub(super) exp_required: bool,
    pub(super) nbf_required: bool,
    pub(super) iat_required: bool,
    pub(super) jti_required: bool,
    pub(super) client_id_required: bool,
    pub(super) leeway: Duration,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) scope_claim: Box<str>,
    pub(super) roles_claim: Option<Box<str>>,
    pub(super) kind: CredentialKind,
    pub(super) typed: Option<Typed>,
}

impl Rules {
    /// Whose token this is, its signature by `key` being good; or, without a key, would be.
    pub(super) fn judge(
        &self,
        payload: &str,
        key: Option<&VerificationKey>,
        now: Timestamp,
    ) -> Result<Identity, Refusal> {
        let claims = Claims::parse(payload, self).map_err(Refusal::invalid)?;
        let named = |refusal: Refusal| match claims.id.as_deref() {
            Some(id) => refusal.with_credential_id(id),
            None => refusal,
        };
        let issuer = self.check_issuer(&claims).map_err(named)?;
        self.check_presence(&claims).map_err(named)?;
        self.check_times(&claims, now).map_err(named)?;
        let confirmation = match claims.bound {
            Bound::ToNothing => None,
            Bound::To(ref confirmation) => Some(Box::new(confirmation.clone())),
            Bound::Unknown => {
                return Err(named(Refusal::new(
                    Reason::Unproved,
                    "the token is bound (cnf) to what cannot be proved here",
                )));
            }
        };
        let data = match self.typed {
            Some(read) => vec![read(payload).ok_or_else(|| {
                named(Refusal::invalid(
                    "the claims do not fit the service's own type",
                ))
            })?],
            None => Vec::new(),
        };
        let parts = Parts {
            issuer,
            issued_at: claims.issued_exactly_at(),
            client_id: claims.client_id.map(Into::into),
            session_id: claims.session_id.map(Into::into),
            key_id: key.and_then(VerificationKey::shared_kid),
            credential_id: claims.id.map(Into::into),
            scopes: claims.scopes,
            roles: claims.roles,
            auth_time: claims.auth_time,
            acr: claims.acr.map(Into::into),
            confirmation,
            data,
            ..Parts::new(claims.subject.unwrap_or_default(), self.kind)
        };
        Ok(parts.into_identity(claims.expires_at))
    }

    pub(super) fn is_own_audience(&self, audience: &str) -> bool {
        self.audiences.iter().any(|own| **own == *audience)
    }

    pub(super) fn stated_value(&self, name: &str) -> Option<&ClaimValue> {
        self.stated
            .iter()
            .find_map(|(claim, value)| (**claim == *name).then_some(value))
    }

    pub(super) fn scope_claim(&self) -> &str {
        &self.scope_claim
    }

    pub(super) fn roles_claim(&self) -> Option<&str> {
        self.roles_claim.as_deref()
    }

    fn check_issuer(&self, claims: &Claims<'_>) -> Result<Option<Arc<str>>, Refusal> {
        let issuer = claims.issuer.as_deref();
        if self.issuers.is_empty() {
            return Ok(issuer.map(Arc::from));
        }
        let issuer = issuer.ok_or(Refusal::invalid("iss is missing"))?;
        match self.issuers.iter().find(|own| ***own == *issuer) {
            Some(own) => Ok(Some(Arc::clone(own))),
            None => Err(Refusal::invalid("iss is none that is trusted")),
        }
    }

    fn check_presence(&self, claims: &Claims<'_>) -> Result<(), Refusal> {
        let problem = match claims.audience {
            Audience::Absent if !self.audiences.is_empty() => "aud is missing",
            Audience::Other if !self.audiences.is_empty() => "aud is another",
            _ if claims.subject.as_deref().is_none_or(str::is_empty) => "sub is missing or empty",
            _ if self.exp_required && claims.expires_at.is_none() => "exp is missing",
            _ if self.nbf_required && claims.not_before.is_none() => "nbf is missing",
            _ if self.iat_required && claims.issued_at.is_none() => "iat is missing",
            _ if claims.id.as_deref() == Some("") => "jti is empty",
            _ if self.jti_required && claims.id.is_none() => "jti is missing",
            _ if self.client_id_required
                && claims.client_id.as_deref().is_none_or(str::is_empty) =>
            {
                "client_id is missing or empty"
            }
            _ if claims.stated < self.stated.len() => "a claim with a stated value is missing",
            _ => return Ok(()),
        };
        Err(Refusal::invalid(problem))
    }

    fn check_times(&self, claims: &Claims<'_>, now: Timestamp) -> Result<(), Refusal> {
        let late = now.saturating_add(self.leeway);
        if let Some(end) = claims.expires_at
            && now >= end.saturating_add(self.leeway)
        {
            return Err(Refusal::expired("exp has passed"));
        }
        if claims.not_before.is_some_and(|start| late < start) {
            return Err(Refusal::new(Reason::NotYetValid, "nbf has not come"));
        }
        if claims.issued_at.is_some_and(|issued| late < issued) {
            return Err(Refusal::new(Reason::NotYetValid, "iat is in the future"));
        }
        if let (Some(max), Some(end), Some(issued)) =
            (self.max_lifetime, claims.expires_at, claims.issued_at)
            && end.since(issued) > max
        {
            return Err(Refusal::invalid("exp is too long after iat"));
        }
        Ok(())
    }
}
