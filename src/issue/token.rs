use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::{IssueError, IssuePolicy, NewToken, SecretToken};
use zeroize::Zeroizing;

use crate::audit::{AuditAction, AuditTarget, AuditTrail};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::ConfigError;
use crate::identity::{CredentialKind, Identity};
use crate::store::{
    API_KEY_KINDS, Digests, OPAQUE_KINDS, Page, StoreError, SubjectLimit, TokenFilter, TokenFormat,
    TokenKey, TokenRecord, TokenStore, WhenFull,
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
    kinds: &'static [CredentialKind],
    policy: IssuePolicy,
    pub(super) digests: Digests,
    pub(super) limit: Option<SubjectLimit>,
    audit: Option<AuditTrail>,
    actor: Option<Identity>,
}

/// A token that was just minted.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "a token that is not revealed is lost"]
pub struct Minted {
    /// The token, to be shown once.
    pub token: SecretToken,
    /// What the store keeps about it.
    pub record: TokenRecord,
    /// The ids of the subject's tokens that were ended to make room for it.
    pub ended: Vec<Box<str>>,
}

/// One live token of a kind, the newest.
pub(super) const ONE: SubjectLimit = SubjectLimit {
    max: NonZeroUsize::MIN,
    when_full: WhenFull::EndOldest,
};

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

    /// With this policy for [`mint_as`](Self::mint_as) and [`replace_as`](Self::replace_as), in place of [`IssuePolicy::strict`].
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

    /// Mints a token that `issuer`, the caller of a request, asks for: if the policy lets them.
    ///
    /// ```
    /// use tower_bearer::AuthenticatedUser;
    /// use tower_bearer::issue::{IssueError, NewToken, TokenIssuer};
    ///
    /// async fn new_key(user: &AuthenticatedUser, keys: &TokenIssuer) -> Result<String, IssueError> {
    ///     let minted = keys.mint_as(user, NewToken::api_key(user.subject())).await?;
    ///     Ok(minted.token.reveal())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`IssueError::NotAllowed`] if it does not, and otherwise as for [`mint`](Self::mint).
    pub async fn mint_as(&self, issuer: &Identity, new: NewToken) -> Result<Minted, IssueError> {
        self.allow(issuer, &new)?;
        self.acting_for(issuer).mint(new).await
    }

    /// Mints a token, whoever asks for it: for the service itself, such as at a login.
    ///
    /// # Errors
    /// If a setting of the token cannot be right, or the source of random numbers or the store failed;
    /// [`StoreError::LimitReached`] if the subject has as many tokens as they may, and none is ended.
    pub async fn mint(&self, new: NewToken) -> Result<Minted, IssueError> {
        let minted = self.prepare(new, self.clock.now())?;
        self.add(minted, self.limit).await
    }

    /// Mints the one token of its kind that a subject has: whatever else they had of it ends at the same
    /// moment, so that there are never two, nor none.
    ///
    /// ```
    /// # async fn example(bots: tower_bearer::issue::TokenIssuer) -> Result<(), tower_bearer::issue::IssueError> {
    /// use tower_bearer::issue::NewToken;
    ///
    /// let token = bots.regenerate(NewToken::bot_token("render-farm")).await?.token;
    /// # drop(token); Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`mint`](Self::mint).
    pub async fn regenerate(&self, new: NewToken) -> Result<Minted, IssueError> {
        let minted = self.prepare(new, self.clock.now())?;
        self.add(minted, Some(ONE)).await
    }

    /// Mints a token in place of the one of the same subject that has this id, which ends at the same
    /// moment.
    ///
    /// # Errors
    /// As for [`mint`](Self::mint); [`StoreError::NotFound`] if there is no such token, and
    /// [`StoreError::Ended`] if it is revoked.
    pub async fn replace(&self, id: &str, new: NewToken) -> Result<Minted, IssueError> {
        let now = self.clock.now();
        let minted = self.prepare(new, now)?;
        let subject = &minted.record.subject;
        self.served(TokenKey { subject, id }).await?;
        self.store
            .replace(id, minted.record.clone(), Duration::ZERO, now)
            .await?;
        self.tell_successor(AuditAction::Rotated, &minted.record, id);
        Ok(minted)
    }

    /// As [`replace`](Self::replace), for `issuer`, the caller of a request: if the policy lets them have
    /// the new token.
    ///
    /// # Errors
    /// [`IssueError::NotAllowed`] if it does not, and otherwise as for [`replace`](Self::replace).
    pub async fn replace_as(
        &self,
        issuer: &Identity,
        id: &str,
        new: NewToken,
    ) -> Result<Minted, IssueError> {
        self.allow(issuer, &new)?;
        self.acting_for(issuer).replace(id, new).await
    }

    /// Reads one record.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn get(&self, key: TokenKey<'_>) -> Result<Option<TokenRecord>, StoreError> {
        let record = self.store.get(key).await?;
        Ok(record.filter(|record| self.kinds.contains(&record.kind)))
    }

    /// Reads the records of a subject that `filter` means, oldest first. Those that have ended are among
    /// them until they are pruned; [`TokenRecord::state`] tells them apart.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        self.store.list(subject, &self.narrow(filter), page).await
    }

    /// Ends a token. Says whether this call did, or `false` if it was revoked before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such token, and otherwise if the store failed.
    pub async fn revoke(&self, key: TokenKey<'_>) -> Result<bool, StoreError> {
        let record = self.served(key).await?;
        let revoked = self.store.revoke(key, self.clock.now()).await?;
        if revoked {
            self.tell(AuditAction::Revoked, &record);
        }
        Ok(revoked)
    }

    /// Ends those tokens of a subject that `filter` means, and says how many this call ended.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn revoke_all(&self, subject: &str, filter: &TokenFilter) -> Result<u64, StoreError> {
        let filter = self.narrow(filter);
        let now = self.clock.now();
        let ended = self.store.revoke_all(subject, &filter, now).await?;
        if let Some(trail) = &self.audit
            && ended > 0
        {
            let only = match filter.only_kinds() {
                Some([kind]) => Some(*kind),
                _ => None,
            };
            let target = AuditTarget::new(only, subject);
            let action = AuditAction::RevokedAll(ended);
            trail.record(now, action, target, self.actor.as_ref());
        }
        Ok(ended)
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

    fn allow(&self, issuer: &Identity, new: &NewToken) -> Result<(), IssueError> {
        let judged = self.policy.judge(issuer, &new.wanted());
        if let (Err(refusal), Some(trail)) = (&judged, &self.audit) {
            trail.not_issued(self.clock.now(), refusal, new.audit_target(), issuer);
        }
        judged.map_err(IssueError::NotAllowed)
    }

    fn prepare(&self, new: NewToken, now: Timestamp) -> Result<Minted, IssueError> {
        let record = self.check(new, now)?;
        let text = self.format.generate().map_err(IssueError::random)?;
        self.dress(record, text, now)
    }

    /// The record of a token that this issuer may mint, still without id and digest.
    pub(super) fn check(&self, new: NewToken, now: Timestamp) -> Result<TokenRecord, ConfigError> {
        if !self.kinds.contains(&new.kind()) {
            let problem = format!("{} is not minted by this issuer", new.kind());
            return Err(ConfigError::new("kind", problem));
        }
        new.into_record(now)
    }

    /// Gives a record the id and the digest of a token of this text.
    pub(super) fn dress(
        &self,
        mut record: TokenRecord,
        mut text: Zeroizing<String>,
        now: Timestamp,
    ) -> Result<Minted, IssueError> {
        record.id = new_id(now).map_err(IssueError::random)?;
        record.digest = self.digests.digest(text.as_bytes());
        record.pepper = self.digests.pepper().map(Into::into);
        record.display_start = self.format.display_start(&text).into();
        Ok(Minted {
            token: SecretToken::new(std::mem::take(&mut *text)),
            record,
            ended: Vec::new(),
        })
    }

    pub(super) async fn add(
        &self,
        mut minted: Minted,
        limit: Option<SubjectLimit>,
    ) -> Result<Minted, IssueError> {
        let record = minted.record.clone();
        match limit {
            None => self.store.insert(record).await?,
            Some(limit) => {
                let now = record.created;
                minted.ended = self.store.insert_within(record, limit, now).await?;
            }
        }
        self.tell(AuditAction::Issued, &minted.record);
        for id in &minted.ended {
            let mut target = AuditTarget::new(minted.record.kind, minted.record.subject.clone());
            target.id = Some(id.clone());
            self.tell_of(AuditAction::Revoked, target);
        }
        Ok(minted)
    }

    /// The record of a token that is of the kinds of this issuer.
    pub(super) async fn served(&self, key: TokenKey<'_>) -> Result<TokenRecord, StoreError> {
        self.get(key).await?.ok_or(StoreError::NotFound)
    }

    pub(super) fn tell(&self, action: AuditAction, record: &TokenRecord) {
        if self.audit.is_some() {
            self.tell_of(action, AuditTarget::of_record(record));
        }
    }

    /// Tells of a token that took the place of the one of this id.
    pub(super) fn tell_successor(&self, action: AuditAction, record: &TokenRecord, old: &str) {
        if self.audit.is_some() {
            let mut target = AuditTarget::of_record(record);
            target.replaces = Some(old.into());
            self.tell_of(action, target);
        }
    }

    fn tell_of(&self, action: AuditAction, target: AuditTarget) {
        if let Some(trail) = &self.audit {
            trail.record(self.clock.now(), action, target, self.actor.as_ref());
        }
    }

    fn narrow(&self, filter: &TokenFilter) -> TokenFilter {
        let asked = filter.only_kinds().unwrap_or(self.kinds);
        let kinds = asked.iter().filter(|kind| self.kinds.contains(kind));
        filter.clone().kinds(kinds.copied())
    }
}

/// An id: the time in milliseconds, so that ids are in the order of minting, and 80 random bits.
fn new_id(now: Timestamp) -> Result<Box<str>, getrandom::Error> {
    let millis = u64::try_from(now.as_unix_millis()).unwrap_or(0);
    let mut random = [0; 16];
    getrandom::fill(&mut random[6..])?;
    random[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Ok(format!("{:032x}", u128::from_be_bytes(random)).into())
}
