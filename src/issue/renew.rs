use std::time::Duration;

use super::refresh::{pair, random};
use super::token::successor;
use super::{IssueError, RefreshTokens, RenewError, SecretToken, TokenPair};
use crate::audit::{Attempt, AuditAction, AuditTarget};
use crate::clock::Timestamp;
use crate::credential::BearerToken;
use crate::refusal::Reason;
use crate::store::{Found, StoreError, TokenKey, TokenRecord, TokenSeed, TokenState, hmac};

const LABEL: &[u8] = b"tower-bearer refresh token successor";

/// Renewing.
impl RefreshTokens {
    /// Gives an access token and the next refresh token for one that was given out.
    ///
    /// # Errors
    /// If the token is not good, was spent before, or could not be judged.
    pub async fn renew(&self, refresh: &BearerToken) -> Result<TokenPair, RenewError> {
        let now = self.tokens.clock.now();
        let found = match self.find(refresh).await {
            Ok(found) => found,
            Err(error) => {
                let target = AuditTarget::default();
                self.refused(Reason::Unavailable, target, "no look at the token");
                return Err(error);
            }
        };
        let record = found.as_ref().map(Found::record);
        let state = record.map(|record| record.state(now));
        let renewed = match (record, state) {
            (Some(record), Some(TokenState::Active)) => self.spend(record, refresh, now).await,
            (Some(record), Some(TokenState::Revoked)) => self.spent(record, refresh, now).await,
            _ => Err(RenewError::Invalid),
        };
        if let Err(error) = &renewed {
            let target = record.map(AuditTarget::of_record).unwrap_or_default();
            self.tell_refused(error, state, target);
        }
        renewed
    }

    /// Tells why a token bought nothing, where that was not told yet.
    fn tell_refused(&self, error: &RenewError, state: Option<TokenState>, target: AuditTarget) {
        let (reason, detail) = match (error, state) {
            (RenewError::Invalid, None) => (Reason::Invalid, "unknown refresh token"),
            (RenewError::Invalid, Some(TokenState::Expired)) => {
                (Reason::Expired, "refresh token has expired")
            }
            (RenewError::Invalid, Some(TokenState::Idle)) => {
                (Reason::Expired, "refresh token was idle for too long")
            }
            (RenewError::Invalid, Some(TokenState::Disabled)) => {
                (Reason::Disabled, "refresh token is disabled")
            }
            (RenewError::Invalid, Some(TokenState::Revoked)) => {
                (Reason::Revoked, "refresh token was ended")
            }
            (RenewError::Invalid, Some(TokenState::Active)) => {
                (Reason::Invalid, "refresh token went away meanwhile")
            }
            // Told where it was found, or with the change to which there was no answer.
            (RenewError::Reused { .. } | RenewError::Issue(IssueError::Store(_)), _) => return,
            (RenewError::Issue(_), _) => (Reason::Unavailable, "no token could be made"),
        };
        self.refused(reason, target, detail);
    }

    /// Reads a record, to judge a token of the family of `record`.
    async fn look(
        &self,
        key: TokenKey<'_>,
        record: &TokenRecord,
    ) -> Result<Option<TokenRecord>, StoreError> {
        let found = self.tokens.store.get(key).await;
        if found.is_err() {
            let target = AuditTarget::of_record(record);
            self.refused(Reason::Unavailable, target, "no look at the family");
        }
        found
    }

    fn refused(&self, reason: Reason, target: AuditTarget, detail: &'static str) {
        let action = AuditAction::NotRenewed(reason);
        self.tokens.tell(action, target, detail);
    }

    async fn spend(
        &self,
        record: &TokenRecord,
        refresh: &BearerToken,
        now: Timestamp,
    ) -> Result<TokenPair, RenewError> {
        let text = self.successor_text(record, refresh)?;
        let mut next = record.clone();
        next.created = now;
        next.last_used = None;
        next.seed = Some(TokenSeed::from_bytes(random()?));
        let minted = self.tokens.dress(next, text, now)?;
        // Before the old one is spent: what fails here costs nobody their session.
        let access = self.access_token(&minted.record, now)?;
        let attempt = self
            .tokens
            .attempt(Attempt::Renew, || successor(&minted.record, &record.id));
        let next = minted.record.clone();
        let replaced = self
            .tokens
            .store
            .replace(&record.id, next, Duration::ZERO, now)
            .await;
        attempt.end(&replaced, |()| Some(AuditAction::Renewed));
        match replaced {
            Ok(()) => Ok(pair(access, minted.token, &minted.record)),
            // Somebody else was faster, or the answer to an earlier try was lost.
            Err(StoreError::Ended | StoreError::AlreadyExists) => {
                let spent = self.look(record.key(), record).await?;
                let spent = spent.ok_or(RenewError::Invalid)?;
                self.spent(&spent, refresh, now).await
            }
            Err(StoreError::NotFound) => Err(RenewError::Invalid),
            Err(error) => Err(error.into()),
        }
    }

    /// What becomes of a token that is no longer good: its successor once more, or the family's end.
    async fn spent(
        &self,
        record: &TokenRecord,
        refresh: &BearerToken,
        now: Timestamp,
    ) -> Result<TokenPair, RenewError> {
        // Ended by a logout, and not by being spent.
        let (Some(heir), Some(spent)) = (&record.replaced_by, record.revoked) else {
            return Err(RenewError::Invalid);
        };
        if record.expires.is_some_and(|end| now >= end) {
            return Err(RenewError::Invalid);
        }
        if now < spent.saturating_add(self.grace) {
            let key = TokenKey {
                subject: &record.subject,
                id: heir,
            };
            let heir = self.look(key, record).await?;
            if let Some(heir) = heir.filter(|heir| heir.state(now) == TokenState::Active) {
                let text = self.successor_text(record, refresh)?;
                let access = self.access_token(&heir, now)?;
                let token = SecretToken::new(text.to_string());
                let target = successor(&heir, &record.id);
                let detail = "once more, within the grace";
                self.tokens.tell(AuditAction::Renewed, target, detail);
                return Ok(pair(access, token, &heir));
            }
        }
        let Some(session) = &record.session_id else {
            return Err(RenewError::Invalid);
        };
        let ended = self.end_family(&record.subject, session).await;
        // If it is not known whether the family ended, this is not heard of again.
        if !matches!(ended, Ok(0)) {
            let target = AuditTarget::of_record(record);
            let detail = "refresh token was used twice";
            self.tokens.tell(AuditAction::Reused, target, detail);
        }
        match ended? {
            // The family was over already.
            0 => Err(RenewError::Invalid),
            _ => Err(RenewError::Reused {
                subject: record.subject.clone(),
                session_id: session.clone(),
            }),
        }
    }

    /// The text of the token that takes the place of this one.
    fn successor_text(
        &self,
        record: &TokenRecord,
        refresh: &BearerToken,
    ) -> Result<zeroize::Zeroizing<String>, RenewError> {
        let seed = record.seed.ok_or(RenewError::Invalid)?;
        let bytes = hmac(refresh.expose_bytes(), &[LABEL, seed.as_bytes()]);
        Ok(self.tokens.format.of_bytes(&bytes))
    }
}
