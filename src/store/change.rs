use std::num::NonZeroUsize;

use super::{TokenDigest, TokenRecord};
use crate::clock::Timestamp;

/// What shall be different about a record. What is not named stays as it is.
///
/// ```
/// use tower_bearer::store::TokenChange;
///
/// let change = TokenChange::new().name("nightly build").disabled(true);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenChange {
    pub(super) name: Option<Option<Box<str>>>,
    pub(super) disabled: Option<bool>,
    pub(super) expires: Option<Option<Timestamp>>,
    pub(super) digest: Option<(TokenDigest, Option<Box<str>>)>,
}

impl TokenChange {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another name.
    #[must_use]
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(Some(name.into()));
        self
    }

    /// No name.
    #[must_use]
    pub fn without_name(mut self) -> Self {
        self.name = Some(None);
        self
    }

    /// Switched off, or on again.
    #[must_use]
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = Some(disabled);
        self
    }

    /// Another absolute limit.
    #[must_use]
    pub fn expires_at(mut self, end: Timestamp) -> Self {
        self.expires = Some(Some(end));
        self
    }

    /// No absolute limit.
    #[must_use]
    pub fn without_expiry(mut self) -> Self {
        self.expires = Some(None);
        self
    }

    /// Found by another digest of the same text, made under the pepper of this name, or under none.
    #[must_use]
    pub fn digest(mut self, digest: TokenDigest, pepper: Option<Box<str>>) -> Self {
        self.digest = Some((digest, pepper));
        self
    }

    /// The digest by which the record shall be found, if it is another one.
    #[must_use]
    pub fn new_digest(&self) -> Option<&TokenDigest> {
        self.digest.as_ref().map(|(digest, _)| digest)
    }

    /// What it changes, for the audit trail.
    pub(crate) fn words(&self) -> &'static str {
        match (self.name.is_some(), self.disabled, self.expires.is_some()) {
            (false, None, false) => "nothing",
            (true, None, false) => "renamed",
            (false, Some(true), false) => "disabled",
            (false, Some(false), false) => "enabled",
            (false, None, true) => "new end",
            (true, Some(true), false) => "renamed, disabled",
            (true, Some(false), false) => "renamed, enabled",
            (true, None, true) => "renamed, new end",
            (false, Some(true), true) => "disabled, new end",
            (false, Some(false), true) => "enabled, new end",
            (true, Some(true), true) => "renamed, disabled, new end",
            (true, Some(false), true) => "renamed, enabled, new end",
        }
    }

    /// Changes `record`.
    pub fn apply(&self, record: &mut TokenRecord) {
        if let Some(name) = &self.name {
            record.name.clone_from(name);
        }
        if let Some(disabled) = self.disabled {
            record.disabled = disabled;
        }
        if let Some(expires) = self.expires {
            record.expires = expires;
        }
        if let Some((digest, pepper)) = &self.digest {
            record.digest = *digest;
            record.pepper.clone_from(pepper);
        }
    }
}

/// How many tokens of one kind a subject may have at a time.
///
/// Those count that are live: neither revoked nor over, be they switched off or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectLimit {
    /// How many there may be, the new one among them.
    pub max: NonZeroUsize,
    /// What happens to one more.
    pub when_full: WhenFull,
}

/// What happens when a subject has as many tokens as they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// The new one is refused.
    Refuse,
    /// The oldest end, by their time of minting and then by id, until the new one fits.
    EndOldest,
}
