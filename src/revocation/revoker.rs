use std::sync::Arc;

use super::Revocations;
use crate::audit::{Attempt, Attempted, AuditAction, AuditTarget, AuditTrail};
use crate::clock::{Clock, SystemClock};
use crate::identity::{CredentialKind, Identity};
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::store::{StoreError, TokenKey, TokenStore};

/// Ends the credential that somebody was verified by: a logout, of stored tokens and JWTs alike.
///
/// A stored token is ended in its store. A JWT, and what a verifier of your own accepts, is in none and is
/// ended by [`Revocations`]. Both take effect on this node when the call returns, if the store is a
/// [`Node`](crate::node::Node)'s and the verifier is
/// [`revocable`](crate::verifier::TokenVerifierExt::revocable).
///
/// ```
/// use tower_bearer::AuthenticatedUser;
/// use tower_bearer::revocation::Revoker;
/// use tower_bearer::store::StoreError;
///
/// async fn log_out(revoker: &Revoker, user: &AuthenticatedUser) -> Result<(), StoreError> {
///     revoker.revoke(user.identity()).await
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Revoker {
    tokens: Option<Arc<dyn TokenStore>>,
    revocations: Option<Revocations>,
    own_issuer: Option<Box<str>>,
    administrators: Option<Policy>,
    clock: Arc<dyn Clock>,
    audit: Option<AuditTrail>,
    actor: Option<Identity>,
}

impl Default for Revoker {
    fn default() -> Self {
        Self::new()
    }
}

impl Revoker {
    /// One that can end nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tokens: None,
            revocations: None,
            own_issuer: None,
            administrators: None,
            clock: Arc::new(SystemClock),
            audit: None,
            actor: None,
        }
    }

    /// Ends stored tokens in `tokens`, which is the store that their verifier asks.
    #[must_use]
    pub fn with_tokens(mut self, tokens: Arc<dyn TokenStore>) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Ends other tokens by `revocations`, which are those that their verifier asks.
    #[must_use]
    pub fn with_revocations(mut self, revocations: Revocations) -> Self {
        self.revocations = Some(revocations);
        self
    }

    /// Takes the subjects of this issuer to be those of the stored tokens. Otherwise the `alice` of an issuer
    /// is somebody else than the `alice` of a session.
    #[must_use]
    pub fn with_own_issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.own_issuer = Some(issuer.into());
        self
    }

    /// Lets those who meet this policy end anybody's credential, by [`permits`](Self::permits). It is held
    /// against them without a request.
    #[must_use]
    pub fn with_administrators(mut self, policy: Policy) -> Self {
        self.administrators = Some(policy);
        self
    }

    /// By this clock in place of the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Told to this audit trail, whatever is ended, or refused to be by
    /// [`RevocationEndpoint`](super::RevocationEndpoint). Where it is not set, what is ended by
    /// [`Revocations`] is told to the trail of those, if they have one.
    #[must_use]
    pub fn with_audit(mut self, trail: AuditTrail) -> Self {
        self.audit = Some(trail);
        self
    }

    /// A copy whose audit trail names `caller` as the one who acts. It changes nothing about what may be done.
    #[must_use]
    pub fn acting_for(&self, caller: &Identity) -> Self {
        Self {
            actor: Some(caller.clone()),
            ..self.clone()
        }
    }

    /// Ends the credential that `identity` was verified by. One that has ended stays so. Whether somebody may
    /// do this is for [`permits`](Self::permits) to say.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if nothing here knows such a credential, and otherwise if a store failed.
    pub async fn revoke(&self, identity: &Identity) -> Result<(), StoreError> {
        let id = identity.credential_id().ok_or(StoreError::NotFound)?;
        if let Some(tokens) = &self.tokens
            && is_stored(identity)
        {
            let subject = identity.subject();
            let of_identity = || AuditTarget::of_identity(identity);
            let (trail, actor) = (self.audit.as_ref(), self.actor.as_ref());
            let attempt =
                Attempted::begin(trail, actor, &*self.clock, Attempt::Revoke, of_identity);
            let revoked = tokens.revoke(TokenKey { subject, id }, self.clock.now());
            let revoked = revoked.await;
            attempt.end(&revoked, |ended| ended.then_some(AuditAction::Revoked));
            match revoked {
                // A JWT may be known by the name of a kind that is stored.
                Err(StoreError::NotFound) if self.revocations.is_some() => {}
                revoked => return revoked.map(drop),
            }
        }
        match &self.revocations {
            Some(revocations) => {
                let trail = self.audit.as_ref().or(revocations.audit());
                let actor = self.actor.as_ref().or(revocations.actor());
                revocations
                    .revoke_credential_for(identity, trail, actor)
                    .await
            }
            None => Err(StoreError::NotFound),
        }
    }

    /// Whether `caller` may end the credential that `other` was verified by: one of the same subject, or one
    /// that was given to the same client (RFC 7009 §2.1), within one issuer; or anybody's, for those who meet
    /// the policy for [administrators](Self::with_administrators).
    #[must_use]
    pub fn permits(&self, caller: &Identity, other: &Identity) -> bool {
        let is_same_client =
            caller.client_id().is_some() && caller.client_id() == other.client_id();
        let is_own = self.house(caller) == self.house(other)
            && (caller.subject() == other.subject() || is_same_client);
        is_own || self.is_administrator(caller)
    }

    /// Whether `caller` may end stored tokens of `subject`.
    #[cfg(feature = "jwt")]
    pub(super) fn permits_subject(&self, caller: &Identity, subject: &str) -> bool {
        let is_own = self.house(caller).is_none() && caller.subject() == subject;
        is_own || self.is_administrator(caller)
    }

    /// Whether there is a way to end the credential that `identity` was verified by.
    pub(super) fn can_revoke(&self, identity: &Identity) -> bool {
        let is_known = self.tokens.is_some() && is_stored(identity);
        identity.credential_id().is_some() && (is_known || self.revocations.is_some())
    }

    /// Tells that `caller` may not end a token.
    pub(super) fn tell_refused(
        &self,
        caller: &Identity,
        refusal: &Refusal,
        target: impl FnOnce() -> AuditTarget,
    ) {
        let revocations = self.revocations.as_ref();
        let trail = self.audit.as_ref();
        if let Some(trail) = trail.or(revocations.and_then(Revocations::audit)) {
            let action = AuditAction::NotRevoked(refusal.reason());
            let (now, detail) = (self.clock.now(), Some(refusal.detail()));
            trail.tell(now, action, target(), Some(caller), detail);
        }
    }

    pub(super) fn administrators(&self) -> Option<&Policy> {
        self.administrators.as_ref()
    }

    fn is_administrator(&self, caller: &Identity) -> bool {
        let now = self.clock.now();
        let judge = |policy: &Policy| policy.judge(Some(caller), None, now).is_ok();
        self.administrators.as_ref().is_some_and(judge)
    }

    /// Whose subjects an identity's is one of: `None` for those of the stored tokens.
    fn house<'i>(&self, identity: &'i Identity) -> Option<&'i str> {
        let is_foreign = |issuer: &&str| self.own_issuer.as_deref() != Some(*issuer);
        identity.issuer().filter(is_foreign)
    }
}

fn is_stored(identity: &Identity) -> bool {
    !matches!(
        identity.credential_kind(),
        CredentialKind::Jwt | CredentialKind::Other
    )
}
