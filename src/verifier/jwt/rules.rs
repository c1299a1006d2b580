//! What the claims of a token must say.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::bound::Bound;
#[cfg(feature = "introspection")]
use super::claims::OTHER_VALUE;
use super::claims::{Audience, Claims};
use super::sources::{Origin, Sources};
use super::template::{IssuerTemplate, is_meant};
use crate::clock::Timestamp;
use crate::identity::{CredentialKind, Identity, Parts};
use crate::keys::VerificationKey;
use crate::refusal::{Reason, Refusal};

/// Reads the payload as the type that the service asked for.
pub(super) type Typed = fn(&str) -> Option<Arc<dyn Any + Send + Sync>>;

/// What claims must say, and what is read from them.
#[derive(Debug, Clone)]
pub(in crate::verifier) struct Rules {
    /// One of these or of the templates, or any where there is none of either.
    pub(super) issuers: Vec<Arc<str>>,
    pub(super) issuer_templates: Vec<IssuerTemplate>,
    /// One of these, or any where there is none.
    pub(super) audiences: Vec<Box<str>>,
    /// Where the audience is looked for in a token without `aud`.
    pub(super) other_audience: Option<Origin>,
    /// Claims that must be there, whatever they are.
    pub(super) present: Vec<Box<str>>,
    pub(super) exp_required: bool,
    pub(super) nbf_required: bool,
    pub(super) iat_required: bool,
    pub(super) jti_required: bool,
    pub(super) client_id_required: bool,
    pub(super) leeway: Duration,
    pub(super) max_lifetime: Option<Duration>,
    /// What is read from where, besides what has a meaning of its own.
    pub(super) sources: Sources,
    /// The subject is the first of these that is there. Without any, nobody need be named.
    pub(super) subject: Vec<Origin>,
    /// The client is the first of these that is there.
    pub(super) client_id: Vec<Origin>,
    pub(super) tenant: Tenant,
    pub(super) kind: CredentialKind,
    pub(super) typed: Option<Typed>,
}

/// Which tenant identities have.
#[derive(Debug, Clone)]
pub(super) enum Tenant {
    None,
    Fixed(Arc<str>),
    Claimed(Origin),
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
        self.admit(claims, payload, key, now)
    }

    /// As [`judge`](Self::judge), of what somebody who is trusted tells of a token. If they tell it wrongly, that
    /// is no refusal, and is said apart.
    #[cfg(feature = "introspection")]
    pub(in crate::verifier) fn judge_told(
        &self,
        payload: &str,
        now: Timestamp,
    ) -> Result<Result<Identity, Refusal>, &'static str> {
        match Claims::parse(payload, self) {
            Ok(claims) => Ok(self.admit(claims, payload, None, now)),
            Err(OTHER_VALUE) => Ok(Err(Refusal::invalid(OTHER_VALUE))),
            Err(problem) => Err(problem),
        }
    }

    fn admit(
        &self,
        claims: Claims<'_>,
        payload: &str,
        key: Option<&VerificationKey>,
        now: Timestamp,
    ) -> Result<Identity, Refusal> {
        let named = |refusal: Refusal| match claims.id.as_deref() {
            Some(id) => refusal.with_credential_id(id),
            None => refusal,
        };
        let issuer = self.check_issuer(&claims, key).map_err(named)?;
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
        let subject = claims.first_of(&self.subject).unwrap_or_default();
        let base = Parts::new(subject, self.kind);
        let parts = Parts {
            issuer,
            tenant: self.tenant_of(&claims),
            issued_at: claims.issued_exactly_at(),
            client_id: claims.first_of(&self.client_id).map(Into::into),
            session_id: claims.session_id.map(Into::into),
            key_id: key.and_then(VerificationKey::shared_kid),
            credential_id: claims.id.map(Into::into),
            scopes: claims.scopes,
            roles: claims.roles,
            auth_time: claims.auth_time,
            acr: claims.acr.map(Into::into),
            confirmation,
            data,
            ..base
        };
        Ok(parts.into_identity(claims.expires_at))
    }

    pub(super) fn is_own_audience(&self, audience: &str) -> bool {
        self.audiences.iter().any(|own| **own == *audience)
    }

    fn tenant_of(&self, claims: &Claims<'_>) -> Option<Arc<str>> {
        match &self.tenant {
            Tenant::None => None,
            Tenant::Fixed(tenant) => Some(Arc::clone(tenant)),
            Tenant::Claimed(_) => self.claimed_tenant(claims).map(Arc::from),
        }
    }

    fn claimed_tenant<'c>(&self, claims: &'c Claims<'_>) -> Option<&'c str> {
        match self.tenant {
            Tenant::Claimed(origin) => claims.first_of(&[origin]),
            _ => None,
        }
    }

    fn audience_of(&self, claims: &Claims<'_>) -> Audience {
        match (claims.audience, self.other_audience) {
            (Audience::Absent, Some(origin)) => match claims.first_of(&[origin]) {
                None => Audience::Absent,
                Some(audience) if self.is_own_audience(audience) => Audience::Ours,
                Some(_) => Audience::Other,
            },
            (audience, _) => audience,
        }
    }

    fn check_issuer(
        &self,
        claims: &Claims<'_>,
        key: Option<&VerificationKey>,
    ) -> Result<Option<Arc<str>>, Refusal> {
        let issuer = claims.issuer.as_deref();
        if self.issuers.is_empty() && self.issuer_templates.is_empty() {
            return Ok(issuer.map(Arc::from));
        }
        let issuer = issuer.ok_or(Refusal::invalid("iss is missing"))?;
        if let Some(own) = self.issuers.iter().find(|own| ***own == *issuer) {
            return Ok(Some(Arc::clone(own)));
        }
        let tenant = self.claimed_tenant(claims).unwrap_or_default();
        if self
            .issuer_templates
            .iter()
            .any(|own| own.makes(issuer, tenant))
        {
            return match key.and_then(VerificationKey::issuer) {
                Some(meant) if !is_meant(meant, issuer, tenant) => {
                    Err(Refusal::invalid("the key signs for another issuer"))
                }
                _ => Ok(Some(issuer.into())),
            };
        }
        Err(Refusal::invalid("iss is none that is trusted"))
    }

    fn check_presence(&self, claims: &Claims<'_>) -> Result<(), Refusal> {
        let client_id = claims.first_of(&self.client_id);
        let problem = match self.audience_of(claims) {
            Audience::Absent if !self.audiences.is_empty() => "aud is missing",
            Audience::Other if !self.audiences.is_empty() => "aud is another",
            _ if !self.subject.is_empty()
                && claims.first_of(&self.subject).is_none_or(str::is_empty) =>
            {
                "sub is missing or empty"
            }
            _ if self.claimed_tenant(claims) == Some("") => "the tenant claim is empty",
            _ if self.exp_required && claims.expires_at.is_none() => "exp is missing",
            _ if self.nbf_required && claims.not_before.is_none() => "nbf is missing",
            _ if self.iat_required && claims.issued_at.is_none() => "iat is missing",
            _ if claims.id.as_deref() == Some("") => "jti is empty",
            _ if self.jti_required && claims.id.is_none() => "jti is missing",
            _ if self.client_id_required && client_id.is_none_or(str::is_empty) => {
                "client_id is missing or empty"
            }
            _ if claims.stated < self.sources.stated => "a claim with a stated value is missing",
            _ if claims.present < self.present.len() => "a claim that is required is missing",
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
