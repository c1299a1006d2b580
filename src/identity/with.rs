use std::any::Any;
use std::sync::Arc;

use super::{Confirmation, Identity, Parts, RoleGrant};
use crate::clock::Timestamp;
use crate::scope::ScopeSet;

/// An identity with something more, or something else.
impl Identity {
    /// With the issuer.
    #[must_use]
    pub fn with_issuer(self, issuer: impl Into<Arc<str>>) -> Self {
        self.edit(|parts| parts.issuer = Some(issuer.into()))
    }

    /// With the tenant that the caller belongs to.
    #[must_use]
    pub fn with_tenant(self, tenant: impl Into<Arc<str>>) -> Self {
        self.edit(|parts| parts.tenant = Some(tenant.into()))
    }

    /// With the client that acts.
    #[must_use]
    pub fn with_client_id(self, client_id: impl Into<Box<str>>) -> Self {
        self.edit(|parts| parts.client_id = Some(client_id.into()))
    }

    /// With the session that the credential belongs to.
    #[must_use]
    pub fn with_session_id(self, session_id: impl Into<Box<str>>) -> Self {
        self.edit(|parts| parts.session_id = Some(session_id.into()))
    }

    /// With the key that signed the credential.
    #[must_use]
    pub fn with_key_id(self, key_id: impl Into<Arc<str>>) -> Self {
        self.edit(|parts| parts.key_id = Some(key_id.into()))
    }

    /// With the credential's id.
    #[must_use]
    pub fn with_credential_id(self, id: impl Into<Box<str>>) -> Self {
        self.edit(|parts| parts.credential_id = Some(id.into()))
    }

    /// With the credential's name.
    #[must_use]
    pub fn with_credential_name(self, name: impl Into<Box<str>>) -> Self {
        self.edit(|parts| parts.credential_name = Some(name.into()))
    }

    /// With these scopes in place of those held.
    #[must_use]
    pub fn with_scopes(self, scopes: ScopeSet) -> Self {
        self.edit(|parts| parts.scopes = scopes)
    }

    /// With one role more.
    #[must_use]
    pub fn with_role(self, grant: RoleGrant) -> Self {
        self.edit(|parts| parts.roles.push(grant))
    }

    /// With these roles in place of those held.
    #[must_use]
    pub fn with_roles(self, grants: impl IntoIterator<Item = RoleGrant>) -> Self {
        self.edit(|parts| parts.roles = grants.into_iter().collect())
    }

    /// With the time of issue.
    #[must_use]
    pub fn with_issued_at(self, at: Timestamp) -> Self {
        self.edit(|parts| parts.issued_at = Some(at))
    }

    /// With the time at which the credential stops being good.
    #[must_use]
    pub fn with_expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// With a time from which whoever remembers this identity has its credential judged again.
    ///
    /// For a verifier that knows that it may say otherwise later: the end of a sliding session that is not
    /// used meanwhile, or the time for which an authorization server lets its answer be kept.
    #[must_use]
    pub fn with_recheck_at(mut self, at: Timestamp) -> Self {
        self.recheck_at = Some(at);
        self
    }

    /// With the time of the login.
    #[must_use]
    pub fn with_auth_time(self, at: Timestamp) -> Self {
        self.edit(|parts| parts.auth_time = Some(at))
    }

    /// With the strength of the login.
    #[must_use]
    pub fn with_acr(self, acr: impl Into<Box<str>>) -> Self {
        self.edit(|parts| parts.acr = Some(acr.into()))
    }

    /// Bound to a key or certificate.
    #[must_use]
    pub fn with_confirmation(self, confirmation: Confirmation) -> Self {
        self.edit(|parts| parts.confirmation = Some(Box::new(confirmation)))
    }

    /// With a value of the service's own, found again by its type; one held under that type is replaced.
    #[must_use]
    pub fn with_data<T: Any + Send + Sync>(self, value: T) -> Self {
        self.edit(|parts| {
            parts.data.retain(|held| !held.is::<T>());
            parts.data.push(Arc::new(value));
        })
    }

    /// This identity as the record of its credential has it: with its kind and name, and the earlier end.
    #[cfg(feature = "tokens")]
    pub(crate) fn backed_by(mut self, record: &Self) -> Self {
        let earlier = |one: Option<Timestamp>, other| one.min(other).or(one).or(other);
        self.expires_at = earlier(self.expires_at, record.expires_at);
        self.recheck_at = earlier(self.recheck_at, record.recheck_at);
        self.edit(|parts| {
            parts.kind = record.parts.kind;
            parts
                .credential_name
                .clone_from(&record.parts.credential_name);
        })
    }

    fn edit(mut self, change: impl FnOnce(&mut Parts)) -> Self {
        change(Arc::make_mut(&mut self.parts));
        self
    }
}
