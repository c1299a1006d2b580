use std::time::Duration;

use super::policy::Wanted;
use super::token::successor;
use super::{IssueError, Minted, TokenIssuer};
use crate::audit::{Attempt, AuditAction, AuditTarget};
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::store::{Page, StoreError, TokenChange, TokenFilter, TokenKey, TokenRecord};

/// What can be done with a token that lives on.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::issue::{IssueError, TokenIssuer};
/// use tower_bearer::store::{TokenChange, TokenKey};
///
/// async fn example(keys: TokenIssuer, subject: &str, id: &str) -> Result<(), IssueError> {
///     let key = TokenKey { subject, id };
///     keys.update(key, &TokenChange::new().name("nightly build")).await?;
///     keys.disable(key).await?;
///     keys.enable(key).await?;
///
///     // A new key in its place; the old one is good for a day more, until it is replaced everywhere.
///     let rotated = keys.rotate(key, Duration::from_secs(24 * 60 * 60)).await?;
///     println!("keep it, it is not shown again: {}", rotated.token.reveal());
///     Ok(())
/// }
/// ```
impl TokenIssuer {
    /// Gives a token another name or end, or switches it off or on; returns its record as it is then.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such token, [`StoreError::Ended`] if it is revoked; a
    /// [`ConfigError`] if its digest shall be another, which is not for here; and otherwise if the store
    /// failed.
    pub async fn update(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, IssueError> {
        if change.new_digest().is_some() {
            let problem = "it goes with the token's text, which stays";
            return Err(ConfigError::new("digest", problem).into());
        }
        let record = self.served(key).await?;
        let attempt = self.attempt(Attempt::Change, || AuditTarget::of_record(&record));
        let attempt = attempt.in_detail(change.words());
        let updated = self.store.update(key, change).await;
        attempt.end(&updated, |_| Some(AuditAction::Changed));
        Ok(updated?)
    }

    /// As [`update`](Self::update), for `issuer`, the caller of a request: if the policy would let them have
    /// the token as it is minted anew, with its subject, scopes and roles. For a change that makes more of a
    /// token, such as a later end.
    ///
    /// # Errors
    /// [`IssueError::NotAllowed`] if it would not, and otherwise as for [`update`](Self::update).
    pub async fn update_as(
        &self,
        issuer: &Identity,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, IssueError> {
        let record = self.served(key).await?;
        let target = || AuditTarget::of_record(&record);
        self.allow(issuer, &Wanted::of_record(&record), target)?;
        self.acting_for(issuer).update(key, change).await
    }

    /// Switches a token off, until it is [`enabled`](Self::enable).
    ///
    /// # Errors
    /// As for [`update`](Self::update).
    pub async fn disable(&self, key: TokenKey<'_>) -> Result<TokenRecord, IssueError> {
        self.update(key, &TokenChange::new().disabled(true)).await
    }

    /// Switches a token on again.
    ///
    /// # Errors
    /// As for [`update`](Self::update).
    pub async fn enable(&self, key: TokenKey<'_>) -> Result<TokenRecord, IssueError> {
        self.update(key, &TokenChange::new().disabled(false)).await
    }

    /// Mints a token in place of another: same name, scopes, roles, client and attributes. One that ends is
    /// followed by one that lives as long from now on. The old one is good for the overlap, unless it ends
    /// earlier by itself.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such token, [`StoreError::Ended`] if it is revoked, over, or
    /// was rotated before, and otherwise if the source of random numbers or the store failed.
    pub async fn rotate(&self, key: TokenKey<'_>, overlap: Duration) -> Result<Minted, IssueError> {
        let now = self.clock.now();
        let old = self.served(key).await?;
        if !old.is_live(now) {
            return Err(StoreError::Ended.into());
        }
        let mut record = old.clone();
        record.created = now;
        record.last_used = None;
        record.expires = old
            .expires
            .map(|end| now.saturating_add(end.since(old.created)));
        let text = self.format.generate().map_err(IssueError::random)?;
        let minted = self.dress(record, text, now)?;
        let attempt = self.attempt(Attempt::Rotate, || successor(&minted.record, key.id));
        let record = minted.record.clone();
        let replaced = self.store.replace(key.id, record, overlap, now).await;
        attempt.end(&replaced, |()| Some(AuditAction::Rotated));
        replaced?;
        Ok(minted)
    }
}

/// Reading what was minted, and ending it.
impl TokenIssuer {
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
        let attempt = self.attempt(Attempt::Revoke, || AuditTarget::of_record(&record));
        let revoked = self.store.revoke(key, self.clock.now()).await;
        attempt.end(&revoked, |ended| ended.then_some(AuditAction::Revoked));
        revoked
    }

    /// Ends those tokens of a subject that `filter` means, and says how many this call ended.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn revoke_all(&self, subject: &str, filter: &TokenFilter) -> Result<u64, StoreError> {
        let filter = self.narrow(filter);
        let attempt = self.attempt(Attempt::RevokeAll, || {
            let only = match filter.only_kinds() {
                Some([kind]) => Some(*kind),
                _ => None,
            };
            let mut target = AuditTarget::new(only, subject);
            target.session_id = filter.only_session().map(Into::into);
            target
        });
        let now = self.clock.now();
        let ended = self.store.revoke_all(subject, &filter, now).await;
        attempt.end(&ended, |ended| {
            (*ended > 0).then_some(AuditAction::RevokedAll(*ended))
        });
        ended
    }

    /// The record of a token that is of the kinds of this issuer.
    pub(super) async fn served(&self, key: TokenKey<'_>) -> Result<TokenRecord, StoreError> {
        self.get(key).await?.ok_or(StoreError::NotFound)
    }

    fn narrow(&self, filter: &TokenFilter) -> TokenFilter {
        let asked = filter.only_kinds().unwrap_or(self.kinds);
        let kinds = asked.iter().filter(|kind| self.kinds.contains(kind));
        filter.clone().kinds(kinds.copied())
    }
}
