use std::time::Duration;

use super::refresh::{pair, random};
use super::{RefreshTokens, RenewError, SecretToken, TokenPair};
use crate::audit::AuditAction;
use crate::clock::Timestamp;
use crate::credential::BearerToken;
use crate::store::{StoreError, TokenFilter, TokenKey, TokenRecord, TokenSeed, TokenState, hmac};

const LABEL: &[u8] = b"tower-bearer refresh token successor";

/// Renewing.
impl RefreshTokens {
    /// Gives an access token and the next refresh token for one that was given out.
    ///
    /// # Errors
    /// If the token is not good, was spent before, or could not be judged.
    pub async fn renew(&self, refresh: &BearerToken) -> Result<TokenPair, RenewError> {
        let found = self.find(refresh).await?.ok_or(RenewError::Invalid)?;
        let now = self.tokens.clock.now();
        let record = found.record();
        match record.state(now) {
            TokenState::Active => self.spend(record, refresh, now).await,
            TokenState::Revoked => self.spent(record, refresh, now).await,
            _ => Err(RenewError::Invalid),
        }
    }

    async fn spend(
        &self,
        record: &TokenRecord,
        refresh: &BearerToken,
        now: Timestamp,
    ) -> Result<TokenPair, RenewError> {
        let text = self.successor(record, refresh)?;
        let mut next = record.clone();
        next.created = now;
        next.last_used = None;
        next.seed = Some(TokenSeed::from_bytes(random()?));
        let minted = self.tokens.dress(next, text, now)?;
        // Before the old one is spent: what fails here costs nobody their session.
        let access = self.access_token(&minted.record, now)?;
        let successor = minted.record.clone();
        let store = &self.tokens.store;
        match store
            .replace(&record.id, successor, Duration::ZERO, now)
            .await
        {
            Ok(()) => {
                self.tokens
                    .tell_successor(AuditAction::Renewed, &minted.record, &record.id);
                Ok(pair(access, minted.token, &minted.record))
            }
            // Somebody else was faster, or the answer to an earlier try was lost.
            Err(StoreError::Ended | StoreError::AlreadyExists) => {
                let spent = store.get(record.key()).await?;
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
            let heir = self.tokens.store.get(key).await?;
            if let Some(heir) = heir.filter(|heir| heir.state(now) == TokenState::Active) {
                let text = self.successor(record, refresh)?;
                let access = self.access_token(&heir, now)?;
                let token = SecretToken::new(text.to_string());
                return Ok(pair(access, token, &heir));
            }
        }
        let Some(session) = &record.session_id else {
            return Err(RenewError::Invalid);
        };
        let family = TokenFilter::all().session(session.clone());
        let ended = self.tokens.revoke_all(&record.subject, &family).await?;
        self.end_access(session).await?;
        match ended {
            // The family was over already.
            0 => Err(RenewError::Invalid),
            _ => Err(RenewError::Reused {
                subject: record.subject.clone(),
                session_id: session.clone(),
            }),
        }
    }

    fn successor(
        &self,
        record: &TokenRecord,
        refresh: &BearerToken,
    ) -> Result<zeroize::Zeroizing<String>, RenewError> {
        let seed = record.seed.ok_or(RenewError::Invalid)?;
        let bytes = hmac(refresh.expose_bytes(), &[LABEL, seed.as_bytes()]);
        Ok(self.tokens.format.of_bytes(&bytes))
    }
}
