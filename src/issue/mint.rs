use std::num::NonZeroUsize;
use std::time::Duration;

use zeroize::Zeroizing;

use super::policy::Wanted;
use super::token::successor;
use super::{IssueError, NewToken, SecretToken, TokenIssuer};
use crate::audit::{Attempt, AuditAction, AuditTarget};
use crate::clock::Timestamp;
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::refusal::Reason;
use crate::store::{StoreError, SubjectLimit, TokenKey, TokenRecord, WhenFull};

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

/// Minting.
impl TokenIssuer {
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
        self.allow(issuer, &new.wanted(), || new.audit_target())?;
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
        let attempt = self.attempt(Attempt::Rotate, || successor(&minted.record, id));
        let record = minted.record.clone();
        let replaced = self.store.replace(id, record, Duration::ZERO, now).await;
        attempt.end(&replaced, |()| Some(AuditAction::Rotated));
        replaced?;
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
        self.allow(issuer, &new.wanted(), || new.audit_target())?;
        self.acting_for(issuer).replace(id, new).await
    }

    pub(super) fn allow(
        &self,
        issuer: &Identity,
        wanted: &Wanted<'_>,
        target: impl FnOnce() -> AuditTarget,
    ) -> Result<(), IssueError> {
        let judged = self.policy.judge(issuer, wanted);
        if let (Err(refusal), Some(trail)) = (&judged, &self.audit) {
            trail.not_issued(self.clock.now(), refusal, target(), issuer);
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
        let now = record.created;
        let attempt = self.attempt(Attempt::Issue, || AuditTarget::of_record(&minted.record));
        let added = match limit {
            None => self.store.insert(record).await.map(|()| Vec::new()),
            Some(limit) => self.store.insert_within(record, limit, now).await,
        };
        attempt.end(&added, |_| Some(AuditAction::Issued));
        if let Err(StoreError::LimitReached) = &added {
            let target = AuditTarget::of_record(&minted.record);
            let refused = AuditAction::NotIssued(Reason::Forbidden);
            self.tell(refused, target, "subject has as many tokens as they may");
        }
        minted.ended = added?;
        for id in &minted.ended {
            let mut target = AuditTarget::new(minted.record.kind, minted.record.subject.clone());
            target.id = Some(id.clone());
            let detail = "made room for another";
            self.tell(AuditAction::Revoked, target, detail);
        }
        Ok(minted)
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
