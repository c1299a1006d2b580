use std::collections::BTreeMap;
use std::time::Duration;

use super::{TokenDigest, TokenKey, TokenSeed};
use crate::clock::Timestamp;
use crate::identity::{CredentialKind, RoleGrant};
use crate::scope::ScopeSet;

/// Everything that is kept about one token. The token itself is not.
///
/// Sessions, access tokens, API keys and bot tokens are all kept in this form: what sets them apart is
/// how they are minted and verified.
///
/// ```
/// use tower_bearer::clock::Timestamp;
/// use tower_bearer::identity::CredentialKind;
/// use tower_bearer::store::{TokenDigest, TokenRecord};
///
/// # let (digest, created) = (TokenDigest::from_bytes([0; 32]), Timestamp::EPOCH);
/// let mut record = TokenRecord::new("k-1", digest, CredentialKind::ApiKey, "alice", created);
/// record.name = Some("ci".into());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRecord {
    /// The record's name among those of its subject. It is no secret and may be logged.
    pub id: Box<str>,
    /// The digest by which the record is found.
    pub digest: TokenDigest,
    /// The name of the pepper under which the digest was made, or `None` for a plain SHA-256.
    pub pepper: Option<Box<str>>,
    /// Which sort of credential the token is.
    pub kind: CredentialKind,
    /// Whose token it is.
    pub subject: Box<str>,
    /// The name that the owner gave it.
    pub name: Option<Box<str>>,
    /// The client to which it was given.
    pub client_id: Option<Box<str>>,
    /// The session that it belongs to (`sid`), which may have several tokens: the refresh tokens of one
    /// login, one after another, are a family by this.
    pub session_id: Option<Box<str>>,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// The roles that it carries, each perhaps bound to a resource.
    pub roles: Vec<RoleGrant>,
    /// When it was minted.
    pub created: Timestamp,
    /// The moment from which it is no longer good, however much it is used, or `None` for never.
    pub expires: Option<Timestamp>,
    /// How long it stays good without being used, or `None` for as long as it lives.
    pub idle: Option<Duration>,
    /// When it was last used for a request that was let in.
    pub last_used: Option<Timestamp>,
    /// When it was ended before its time. A token with a time here is not good at any time.
    pub revoked: Option<Timestamp>,
    /// Whether it is switched off for now.
    pub disabled: bool,
    /// The id of the token that took its place.
    pub replaced_by: Option<Box<str>>,
    /// What the text of the token that takes its place is worked out from.
    pub seed: Option<TokenSeed>,
    /// The beginning of the token's text, by which its owner may know it again.
    pub display_start: Box<str>,
    /// When the person behind it logged in.
    pub auth_time: Option<Timestamp>,
    /// How strongly that login was authenticated.
    pub acr: Option<Box<str>>,
    /// What else the service keeps with it, such as a device or a description.
    pub attributes: BTreeMap<Box<str>, Box<str>>,
}

impl TokenRecord {
    /// A record with no more than this: nothing granted, no limit, never used.
    #[must_use]
    pub fn new(
        id: impl Into<Box<str>>,
        digest: TokenDigest,
        kind: CredentialKind,
        subject: impl Into<Box<str>>,
        created: Timestamp,
    ) -> Self {
        Self {
            id: id.into(),
            digest,
            pepper: None,
            kind,
            subject: subject.into(),
            name: None,
            client_id: None,
            session_id: None,
            scopes: ScopeSet::new(),
            roles: Vec::new(),
            created,
            expires: None,
            idle: None,
            last_used: None,
            revoked: None,
            disabled: false,
            replaced_by: None,
            seed: None,
            display_start: "".into(),
            auth_time: None,
            acr: None,
            attributes: BTreeMap::new(),
        }
    }

    /// What the record is addressed by.
    #[must_use]
    pub fn key(&self) -> TokenKey<'_> {
        TokenKey {
            subject: &self.subject,
            id: &self.id,
        }
    }

    /// How the token stands at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> TokenState {
        self.state_if_used(self.last_used, now)
    }

    /// Whether the token is good at `now`, or would be if it were not switched off: what counts towards a
    /// [`SubjectLimit`](super::SubjectLimit).
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.is_live_if_used(self.last_used, now)
    }

    /// When the token stops being good if it is not used again, or `None` if never.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.ends_if_used(self.last_used)
    }

    /// Whether the token may still be [replaced](super::TokenStore::replace): it is neither revoked nor was it
    /// replaced before.
    #[must_use]
    pub fn is_replaceable(&self) -> bool {
        self.revoked.is_none() && self.replaced_by.is_none()
    }

    /// Ends the token in favour of the one of id `heir`: at once, or if there is an overlap, when that is
    /// over. For stores, in [`replace`](super::TokenStore::replace).
    pub fn give_way_to(&mut self, heir: impl Into<Box<str>>, overlap: Duration, now: Timestamp) {
        self.replaced_by = Some(heir.into());
        if overlap.is_zero() {
            self.revoked = Some(now);
        } else {
            let end = now.saturating_add(overlap);
            self.expires = Some(self.expires.map_or(end, |expires| expires.min(end)));
        }
    }

    /// [`state`](Self::state), had the token been last used at `last_used`.
    pub(crate) fn state_if_used(&self, last_used: Option<Timestamp>, now: Timestamp) -> TokenState {
        if self.revoked.is_some() {
            TokenState::Revoked
        } else if self.disabled {
            TokenState::Disabled
        } else if self.expires.is_some_and(|end| now >= end) {
            TokenState::Expired
        } else if self.idle_end(last_used).is_some_and(|end| now >= end) {
            TokenState::Idle
        } else {
            TokenState::Active
        }
    }

    pub(crate) fn is_live_if_used(&self, last_used: Option<Timestamp>, now: Timestamp) -> bool {
        let end = self.ends_if_used(last_used);
        self.revoked.is_none() && end.is_none_or(|end| now < end)
    }

    /// [`ends_at`](Self::ends_at), had the token been last used at `last_used`.
    pub(crate) fn ends_if_used(&self, last_used: Option<Timestamp>) -> Option<Timestamp> {
        match (self.expires, self.idle_end(last_used)) {
            (Some(absolute), Some(idle)) => Some(absolute.min(idle)),
            (one, other) => one.or(other),
        }
    }

    fn idle_end(&self, last_used: Option<Timestamp>) -> Option<Timestamp> {
        let start = last_used.unwrap_or(self.created);
        self.idle.map(|idle| start.saturating_add(idle))
    }
}

/// How a token stands at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenState {
    /// It is good.
    Active,
    /// It was ended before its time.
    Revoked,
    /// It is switched off.
    Disabled,
    /// It is past its absolute limit.
    Expired,
    /// It was not used for as long as it may lie idle.
    Idle,
}
