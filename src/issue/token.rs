use std::sync::Arc;
use std::time::Duration;

use super::{IssueError, IssuePolicy, NewToken, SecretToken};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::ConfigError;
use crate::identity::{CredentialKind, Identity};
use crate::store::{
    API_KEY_KINDS, OPAQUE_KINDS, Page, StoreError, TokenDigest, TokenFilter, TokenFormat, TokenKey,
    TokenRecord, TokenStore,
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
    store: Arc<dyn TokenStore>,
    format: TokenFormat,
    clock: Arc<dyn Clock>,
    kinds: &'static [CredentialKind],
    policy: IssuePolicy,
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

    /// With this policy for [`mint_as`](Self::mint_as) and [`replace_as`](Self::replace_as), in place of [`IssuePolicy::strict`].
    #[must_use]
    pub fn with_policy(mut self, policy: IssuePolicy) -> Self {
        self.policy = policy;
        self
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
        self.mint(new).await
    }

    /// Mints a token, whoever asks for it: for the service itself, such as at a login.
    ///
    /// # Errors
    /// If a setting of the token cannot be right, or the source of random numbers or the store failed.
    pub async fn mint(&self, new: NewToken) -> Result<Minted, IssueError> {
        let minted = self.prepare(new, self.clock.now())?;
        self.store.insert(minted.record.clone()).await?;
        Ok(minted)
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
        self.replace(id, new).await
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
        self.served(key).await?;
        self.store.revoke(key, self.clock.now()).await
    }

    /// Ends those tokens of a subject that `filter` means, and says how many this call ended.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn revoke_all(&self, subject: &str, filter: &TokenFilter) -> Result<u64, StoreError> {
        let filter = self.narrow(filter);
        self.store
            .revoke_all(subject, &filter, self.clock.now())
            .await
    }

    fn of(
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
        }
    }

    fn allow(&self, issuer: &Identity, new: &NewToken) -> Result<(), IssueError> {
        let judged = self.policy.judge(issuer, &new.wanted());
        judged.map_err(IssueError::NotAllowed)
    }

    fn prepare(&self, new: NewToken, now: Timestamp) -> Result<Minted, IssueError> {
        if !self.kinds.contains(&new.kind()) {
            let problem = format!("{} is not minted by this issuer", new.kind());
            return Err(ConfigError::new("kind", problem).into());
        }
        let mut record = new.into_record(now)?;
        let mut text = self.format.generate().map_err(IssueError::random)?;
        record.id = new_id(now).map_err(IssueError::random)?;
        record.digest = TokenDigest::of(text.as_bytes());
        record.display_start = self.format.display_start(&text).into();
        Ok(Minted {
            token: SecretToken::new(std::mem::take(&mut *text)),
            record,
        })
    }

    async fn served(&self, key: TokenKey<'_>) -> Result<(), StoreError> {
        match self.get(key).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::NotFound),
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
