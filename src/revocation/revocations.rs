use std::sync::Arc;
use std::time::Duration;

use super::doubt::Doubt;
use super::told::told;
use super::{Ending, Recent, Revocation, RevocationStore, Target, Watch, is_ended};
use crate::audit::{Attempt, Attempted, AuditAction, AuditTarget, AuditTrail};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::store::StoreError;

/// The greatest leeway that a verifier may be given.
const GREATEST_LEEWAY: Duration = Duration::from_secs(300);

/// Ends tokens that no store knows, and tells whether one was ended. A clone is the same.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use tower_bearer::clock::{Clock, SystemClock};
/// use tower_bearer::revocation::{MemoryRevocations, Revocations, Target};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let a_week = Duration::from_secs(7 * 24 * 3600);
/// let revocations = Revocations::new(Arc::new(MemoryRevocations::new()), a_week)?;
///
/// // Log alice out everywhere.
/// let alice = Target::subject("https://id.example.com", "alice");
/// revocations.revoke_issued_before(alice, SystemClock.now()).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Revocations {
    store: Arc<dyn RevocationStore>,
    recent: Arc<Recent>,
    longest: Duration,
    clock: Arc<dyn Clock>,
    audit: Option<AuditTrail>,
    actor: Option<Identity>,
}

impl Revocations {
    /// Keeps revocations in `store`, for as long as any token that is issued may live: `longest`.
    /// [`Duration::MAX`] where some live for ever; then nothing is forgotten but single tokens that end.
    ///
    /// # Errors
    /// If `longest` is no time at all.
    pub fn new(store: Arc<dyn RevocationStore>, longest: Duration) -> Result<Self, ConfigError> {
        if longest.is_zero() {
            let problem = "no token lives for no time at all";
            return Err(ConfigError::new("longest", problem));
        }
        Ok(Self {
            store,
            recent: Arc::new(Recent::new()),
            longest,
            clock: Arc::new(SystemClock),
            audit: None,
            actor: None,
        })
    }

    /// By this clock in place of the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Told to this audit trail, whatever is ended.
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

    /// Ends one credential: the one that `identity` was verified by.
    ///
    /// # Errors
    /// If the store failed; and [`StoreError::NotFound`] if the identity names no credential.
    pub async fn revoke_credential(&self, identity: &Identity) -> Result<(), StoreError> {
        let (trail, actor) = (self.audit(), self.actor());
        self.revoke_credential_for(identity, trail, actor).await
    }

    /// Ends the credential of `identity`, and tells that to `trail`.
    pub(super) async fn revoke_credential_for(
        &self,
        identity: &Identity,
        trail: Option<&AuditTrail>,
        actor: Option<&Identity>,
    ) -> Result<(), StoreError> {
        let id = identity.credential_id().ok_or(StoreError::NotFound)?;
        let target = Target::token(identity.issuer().unwrap_or(""), id);
        let until = identity
            .expires_at()
            .map_or(Timestamp::MAX, |end| end.saturating_add(GREATEST_LEEWAY));
        let revocation = Revocation::new(target, Timestamp::MAX, until);
        let of_identity = || AuditTarget::of_identity(identity);
        let attempt = Attempted::begin(trail, actor, &*self.clock, Attempt::Revoke, of_identity);
        let put = self.put(revocation).await;
        attempt.end(&put, |()| Some(AuditAction::Revoked));
        put
    }

    /// Ends the tokens of a target for good: such as a session, or a key that was lost.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn revoke(&self, target: Target) -> Result<(), StoreError> {
        let until = self.forgettable(self.clock.now());
        self.end(Revocation::new(target, Timestamp::MAX, until))
            .await
    }

    /// Ends those tokens of a target that were issued before a moment; see [`Revocation::before`].
    ///
    /// # Errors
    /// If the store failed.
    pub async fn revoke_issued_before(
        &self,
        target: Target,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        let until = self.forgettable(before.max(self.clock.now()));
        self.end(Revocation::new(target, before, until)).await
    }

    /// Forgets what no token could be ended by any more: at most `limit`. Says how many; as long as that is
    /// `limit`, more may be left.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn prune(&self, limit: usize) -> Result<u64, StoreError> {
        self.prune_before(self.clock.now(), limit).await
    }

    /// Forgets what no token could be ended by any more since `before`.
    pub(crate) async fn prune_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.store.prune(before, limit).await
    }

    /// Takes note that something was ended, here or elsewhere. Nodes that hear of endings by a way of their
    /// own call this.
    pub fn note(&self, ending: Ending) {
        self.recent.note(ending);
    }

    /// Whether everything that other nodes end is heard of here. While it is not, caches look everything
    /// up.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.recent.is_trusted()
    }

    pub(crate) fn recent(&self) -> &Arc<Recent> {
        &self.recent
    }

    pub(crate) fn store(&self) -> &Arc<dyn RevocationStore> {
        &self.store
    }

    fn forgettable(&self, from: Timestamp) -> Timestamp {
        from.saturating_add(self.longest)
            .saturating_add(GREATEST_LEEWAY)
    }

    pub(super) fn audit(&self) -> Option<&AuditTrail> {
        self.audit.as_ref()
    }

    pub(super) fn actor(&self) -> Option<&Identity> {
        self.actor.as_ref()
    }

    /// Ends tokens, and tells it.
    async fn end(&self, revocation: Revocation) -> Result<(), StoreError> {
        let (attempt, done, target) = told(&revocation);
        let (trail, actor) = (self.audit(), self.actor());
        let attempt = Attempted::begin(trail, actor, &*self.clock, attempt, || target);
        let put = self.put(revocation).await;
        attempt.end(&put, |()| Some(done));
        put
    }

    async fn put(&self, revocation: Revocation) -> Result<(), StoreError> {
        let doubt = Doubt::begin(&self.recent);
        self.store.put(&revocation).await?;
        self.recent.note(Ending::Revocation(revocation));
        doubt.end();
        Ok(())
    }
}

/// What the store's answer means for a token that is otherwise good.
pub(crate) fn judge(
    identity: Identity,
    latest: Option<Timestamp>,
    seen: u64,
    recent: &Arc<Recent>,
) -> Result<Identity, Refusal> {
    if latest.is_some_and(|before| is_ended(identity.issued_at(), before)) {
        let refusal = Refusal::revoked("token was revoked");
        return Err(match identity.credential_id() {
            Some(id) => refusal.with_credential_id(id),
            None => refusal,
        });
    }
    Ok(identity.watched(|identity, then| Watch::new(recent, seen, identity, then)))
}
