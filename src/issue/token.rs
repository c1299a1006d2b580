use std::sync::Arc;

use super::IssuePolicy;
use crate::audit::{Attempt, Attempted, AuditAction, AuditTarget, AuditTrail};
use crate::clock::{Clock, SystemClock};
use crate::error::ConfigError;
use crate::identity::{CredentialKind, Identity};
use crate::store::{
    API_KEY_KINDS, Digests, OPAQUE_KINDS, SubjectLimit, TokenFormat, TokenRecord, TokenStore,
};

/// Mints, lists and ends the tokens that an
/// [`OpaqueTokenVerifier`](crate::verifier::OpaqueTokenVerifier) or an
/// [`ApiKeyVerifier`](crate::verifier::ApiKeyVerifier) accepts.
///
/// It sees only the kinds that it mints: an issuer of API keys neither lists nor ends a session, though
/// both be in one store.
///
/// ```
/// use std::sync::Arc;
/// use tower_bearer::issue::{NewToken, TokenIssuer};
/// use tower_bearer::store::{MemoryStore, Page, TokenFilter, TokenFormat, TokenKey};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let issuer = TokenIssuer::api_keys(store, TokenFormat::new("ak_")?)?;
///
/// let minted = issuer.mint(NewToken::api_key("alice").name("ci")).await?;
/// println!("keep it, it is not shown again: {}", minted.token.reveal());
///
/// let keys = issuer.list("alice", &TokenFilter::all(), &Page::first(10)).await?;
/// assert_eq!(keys, [minted.record]);
///
/// let key = TokenKey { subject: "alice", id: &keys[0].id };
/// assert!(issuer.revoke(key).await?);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct TokenIssuer {
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) format: TokenFormat,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) kinds: &'static [CredentialKind],
    pub(super) policy: IssuePolicy,
    pub(super) digests: Digests,
    pub(super) limit: Option<SubjectLimit>,
    pub(super) audit: Option<AuditTrail>,
    pub(super) actor: Option<Identity>,
}

impl TokenIssuer {
    /// An issuer of sessions, access tokens and bot tokens.
    #[must_use]
    pub fn opaque(store: Arc<dyn TokenStore>, format: TokenFormat) -> Self {
        Self::of(OPAQUE_KINDS, store, format)
    }

    /// An issuer of API keys.
    ///
    /// # Errors
    /// If the format has no prefix.
    pub fn api_keys(store: Arc<dyn TokenStore>, format: TokenFormat) -> Result<Self, ConfigError> {
        format.require_prefix()?;
        Ok(Self::of(API_KEY_KINDS, store, format))
    }

    /// By this clock in place of the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// With this policy for [`mint_as`](Self::mint_as), [`replace_as`](Self::replace_as) and
    /// [`update_as`](Self::update_as), in place of [`IssuePolicy::strict`].
    #[must_use]
    pub fn with_policy(mut self, policy: IssuePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// With digests that are made in another way than by a plain SHA-256. The verifier is to have the same.
    #[must_use]
    pub fn with_digests(mut self, digests: Digests) -> Self {
        self.digests = digests;
        self
    }

    /// With a limit on how many live tokens of one kind a subject has, for what [`mint`](Self::mint) mints.
    #[must_use]
    pub fn with_limit(mut self, limit: SubjectLimit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Told to this audit trail, whatever is minted, changed or ended.
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

    pub(super) fn of(
        kinds: &'static [CredentialKind],
        store: Arc<dyn TokenStore>,
        format: TokenFormat,
    ) -> Self {
        Self {
            store,
            format,
            clock: Arc::new(SystemClock),
            kinds,
            policy: IssuePolicy::strict(),
            digests: Digests::plain(),
            limit: None,
            audit: None,
            actor: None,
        }
    }

    /// What is told of something that is being done to tokens.
    pub(super) fn attempt(
        &self,
        attempt: Attempt,
        target: impl FnOnce() -> AuditTarget,
    ) -> Attempted<'_> {
        let (trail, actor) = (self.audit.as_ref(), self.actor.as_ref());
        Attempted::begin(trail, actor, &*self.clock, attempt, target)
    }

    /// Tells of a token that was not given out.
    pub(super) fn tell(&self, action: AuditAction, target: AuditTarget, detail: &'static str) {
        if let Some(trail) = &self.audit {
            let (now, actor) = (self.clock.now(), self.actor.as_ref());
            trail.tell(now, action, target, actor, Some(detail));
        }
    }
}

/// The token of this record, in place of the one of this id.
pub(super) fn successor(record: &TokenRecord, old: &str) -> AuditTarget {
    let mut target = AuditTarget::of_record(record);
    target.replaces = Some(old.into());
    target
}
