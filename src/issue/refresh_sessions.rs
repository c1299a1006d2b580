use std::collections::BTreeSet;

use super::{RefreshTokens, RenewError, TokenIssuer};
use crate::credential::BearerToken;
use crate::revocation::Target;
use crate::store::{Found, Page, REFRESH_KINDS, StoreError, TokenFilter, TokenRecord};

/// The sessions that refresh tokens belong to.
impl RefreshTokens {
    /// Reads the refresh tokens of a subject that `filter` means, oldest first. The one of a session that is
    /// [live](TokenRecord::is_live) stands for the session; those that were spent are listed until they are
    /// pruned.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        self.tokens.list(subject, filter, page).await
    }

    /// Ends a session: its refresh tokens, and with [`Revocations`](crate::revocation::Revocations) its
    /// access tokens. One that has ended stays so.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the subject has no such session, and otherwise if a store failed.
    pub async fn end(&self, subject: &str, session_id: &str) -> Result<(), StoreError> {
        let family = TokenFilter::all().session(session_id);
        // Access tokens are ended by the session alone, whosever it is.
        if self
            .list(subject, &family, &Page::first(1))
            .await?
            .is_empty()
        {
            return Err(StoreError::NotFound);
        }
        self.end_family(subject, session_id).await.map(drop)
    }

    /// Ends every session of a subject, as [`end`](Self::end) does, and says how many there were. A login
    /// that comes meanwhile may stay.
    ///
    /// # Errors
    /// If a store failed. Some sessions may have ended then; the call may be made again.
    pub async fn end_all(&self, subject: &str) -> Result<usize, StoreError> {
        self.end_but(subject, None).await
    }

    /// The same for every session but this one.
    ///
    /// # Errors
    /// As [`end_all`](Self::end_all) has.
    pub async fn end_others(&self, subject: &str, session_id: &str) -> Result<usize, StoreError> {
        self.end_but(subject, Some(session_id)).await
    }

    async fn end_but(&self, subject: &str, kept: Option<&str>) -> Result<usize, StoreError> {
        let refresh = TokenFilter::all().kinds(REFRESH_KINDS.iter().copied());
        let (mut page, now) = (Page::first(100), self.tokens.clock.now());
        let mut sessions = BTreeSet::new();
        loop {
            let listed = self.list(subject, &refresh, &page).await?;
            let live = listed.iter().filter(|record| record.is_live(now));
            sessions.extend(live.filter_map(|record| record.session_id.clone()));
            match listed.last() {
                Some(last) if listed.len() == page.limit() => page = page.after(&*last.id),
                _ => break,
            }
        }
        sessions.retain(|session| Some(&**session) != kept);
        for session in &sessions {
            self.end_family(subject, session).await?;
        }
        Ok(sessions.len())
    }

    /// Whose session a refresh token belongs to, for a logout that is handed one: subject and session.
    ///
    /// # Errors
    /// If the token is unknown, or could not be judged.
    pub async fn session_of(
        &self,
        refresh: &BearerToken,
    ) -> Result<(Box<str>, Box<str>), RenewError> {
        let found = self.find(refresh).await?.ok_or(RenewError::Invalid)?;
        let record = found.record();
        let session = record.session_id.clone().ok_or(RenewError::Invalid)?;
        Ok((record.subject.clone(), session))
    }

    pub(super) async fn find(&self, refresh: &BearerToken) -> Result<Option<Found>, RenewError> {
        let text = refresh.expose_bytes();
        if !self.tokens.format.matches_shape(text) {
            return Ok(None);
        }
        let TokenIssuer { store, digests, .. } = &self.tokens;
        let found = digests.find(text, &**store).await?;
        Ok(found.filter(|found| REFRESH_KINDS.contains(&found.record().kind)))
    }

    /// Ends the refresh tokens of a session and its access tokens, each whatever becomes of the other. Says
    /// how many refresh tokens were ended.
    pub(super) async fn end_family(
        &self,
        subject: &str,
        session_id: &str,
    ) -> Result<u64, StoreError> {
        let family = TokenFilter::all().session(session_id);
        let ended = self.tokens.revoke_all(subject, &family).await;
        let access = self.end_access(session_id).await;
        let ended = ended?;
        access?;
        Ok(ended)
    }

    pub(super) async fn end_access(&self, session_id: &str) -> Result<(), StoreError> {
        match &self.revocations {
            Some(revocations) => {
                let target = Target::session(self.access.issuer_name(), session_id);
                revocations.revoke(target).await
            }
            None => Ok(()),
        }
    }
}
