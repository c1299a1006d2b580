//! Where the records of opaque tokens and API keys are kept.
//!
//! A token is random text in a [`TokenFormat`]; what is known about it is its [`TokenRecord`], found by
//! the [`TokenDigest`] of that text. The text itself is kept nowhere. A [`TokenStore`] holds the records
//! for the verifiers, which look tokens up, and for the
//! [`TokenIssuer`](crate::issue::TokenIssuer), which mints, lists and ends them.
//!
//! [`MemoryStore`] serves one process and forgets when it ends.
#![cfg_attr(
    feature = "sqlite",
    doc = "[`SqliteStore`] keeps records in a file, for the processes of one machine."
)]
#![cfg_attr(
    feature = "postgres",
    doc = "[`PostgresStore`] keeps them on a server, for any number of nodes."
)]
#![cfg_attr(
    feature = "redis",
    doc = "[`RedisStore`] keeps them in Redis or a cluster of it, for any number of nodes."
)]

mod change;
mod digest;
mod digests;
mod format;
mod found;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod query;
mod record;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::identity::CredentialKind;

pub use crate::error::StoreError;

#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use self::redis::{RedisStore, RedisStoreBuilder};
pub use change::{SubjectLimit, TokenChange, WhenFull};
pub use digest::{TokenDigest, TokenSeed};
#[cfg(feature = "jwt")]
pub(crate) use digests::hmac;
pub use digests::{Digests, Pepper};
pub use format::TokenFormat;
pub use found::Found;
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresStore, PostgresStoreBuilder};
pub use query::{Page, TokenFilter, TokenKey, TokenUse};
pub use record::{TokenRecord, TokenState};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteStore, SqliteStoreBuilder};

/// The kinds that are minted and verified as opaque tokens.
pub(crate) const OPAQUE_KINDS: &[CredentialKind] = &[
    CredentialKind::Session,
    CredentialKind::AccessToken,
    CredentialKind::BotToken,
];
/// The kinds that are minted and verified as API keys.
pub(crate) const API_KEY_KINDS: &[CredentialKind] = &[CredentialKind::ApiKey];
/// The kind that buys other tokens, and that no verifier lets in.
#[cfg(feature = "jwt")]
pub(crate) const REFRESH_KINDS: &[CredentialKind] = &[CredentialKind::RefreshToken];

/// Keeps the records of tokens.
///
/// # Contract
/// - A record is found by its digest, and addressed by its subject and id together: a store spread over
///   several machines keeps all the records of one subject in one place, and what is promised here never
///   spans two subjects. The way from a digest to its record may lie elsewhere; it is laid first, and one
///   that leads to no record finds nothing.
/// - Digests are unique among all records, ids among those of one subject. Both, and subjects, are
///   compared byte by byte. A text that a store cannot hold, such as one with a NUL, is an error and
///   never a changed text.
/// - Every call that changes records, but [`touch`](Self::touch) and [`prune`](Self::prune), is atomic, and
///   those of one subject take place one after another: an insert that races with `revoke_all` is either
///   ended by it or comes after it. When one has returned `Ok`, it is durable, and every later call sees
///   it. When one has failed with [`StoreError::Unavailable`], it may have taken place or may yet.
/// - A revoked record stays revoked, whatever else is done to it.
/// - What a newer version of the store has written into a record beside what is known here stays there when
///   the record is changed; a kind that is not known is read as
///   [`CredentialKind::Other`].
/// - A store judges no token. It returns records that are expired, revoked or disabled like any other,
///   and is told the time where it needs one. Expiry by the store's own clock may tidy up after
///   [`prune`](Self::prune) would have, never before.
/// - A failure is an error, never an absent record.
/// - A future that is dropped leaves nothing half done.
/// - A store that wraps another forwards [`find_now`](Self::find_now) to it.
///
/// The `testing` feature has tests of this contract, `testing::store::conformance`.
#[async_trait]
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// Adds a record.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] if its digest, or its id among its subject's, is taken.
    async fn insert(&self, record: TokenRecord) -> Result<(), StoreError>;

    /// Adds a record, unless its subject then had more live tokens of its kind at `now` than `limit` says.
    /// Returns the ids of those that were ended to make room.
    ///
    /// # Errors
    /// As for [`insert`](Self::insert); [`StoreError::LimitReached`] if there is no room and none is made.
    async fn insert_within(
        &self,
        record: TokenRecord,
        limit: SubjectLimit,
        now: Timestamp,
    ) -> Result<Vec<Box<str>>, StoreError>;

    /// Finds the record of a token.
    async fn find(&self, digest: &TokenDigest) -> Result<Option<Found>, StoreError>;

    /// Does what [`find`](Self::find) does if nothing has to be waited for, and says `None` otherwise.
    ///
    /// A store that answers here spares each request a boxed future.
    fn find_now(&self, digest: &TokenDigest) -> Option<Result<Option<Found>, StoreError>> {
        let _ = digest;
        None
    }

    /// Reads one record, with its latest use.
    async fn get(&self, key: TokenKey<'_>) -> Result<Option<TokenRecord>, StoreError>;

    /// Reads the records of a subject that `filter` means, with their latest uses, in the order of their
    /// ids' bytes. A page has fewer than its limit only where the listing ends.
    async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError>;

    /// Records uses. Of several times for one record the latest stays, in whatever order they come;
    /// nothing else about a record changes, and one that is not there is passed over.
    ///
    /// Each use is recorded for itself: where there is an error, some may have been.
    async fn touch(&self, uses: &[TokenUse<'_>]) -> Result<(), StoreError>;

    /// Ends a token. Says whether this call did: for one that was revoked before, `false`, and the time
    /// of that stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such record.
    async fn revoke(&self, key: TokenKey<'_>, at: Timestamp) -> Result<bool, StoreError>;

    /// Ends those tokens of a subject that `filter` means, and says how many this call ended.
    async fn revoke_all(
        &self,
        subject: &str,
        filter: &TokenFilter,
        at: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Changes a record, and returns it as it is then.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such record, [`StoreError::Ended`] if it is revoked, and
    /// [`StoreError::AlreadyExists`] if another record has the digest that it shall have; the store is then
    /// as it was.
    async fn update(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError>;

    /// Adds the successor and ends the token of this id among those of the successor's subject, with no
    /// moment between at which both are good, or neither. The old one is revoked; or, if there is an
    /// overlap, expires that much later, unless it would have earlier. Either way its
    /// [`replaced_by`](TokenRecord::replaced_by) is the successor's id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such record, [`StoreError::Ended`] if it is revoked or was
    /// replaced before, and [`StoreError::AlreadyExists`] as for [`insert`](Self::insert); the store is then as it was.
    async fn replace(
        &self,
        id: &str,
        successor: TokenRecord,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Removes records of tokens that were revoked, or whose time was over, at `before` or earlier: at
    /// most `limit` of them. Says how many; as long as that is `limit`, more may be left. A store that has to
    /// look for them may stop after a bounded time, with fewer; the next call goes on from there.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError>;
}

#[async_trait]
impl<S: TokenStore + ?Sized> TokenStore for Arc<S> {
    async fn insert(&self, record: TokenRecord) -> Result<(), StoreError> {
        (**self).insert(record).await
    }

    async fn insert_within(
        &self,
        record: TokenRecord,
        limit: SubjectLimit,
        now: Timestamp,
    ) -> Result<Vec<Box<str>>, StoreError> {
        (**self).insert_within(record, limit, now).await
    }

    async fn find(&self, digest: &TokenDigest) -> Result<Option<Found>, StoreError> {
        (**self).find(digest).await
    }

    fn find_now(&self, digest: &TokenDigest) -> Option<Result<Option<Found>, StoreError>> {
        (**self).find_now(digest)
    }

    async fn get(&self, key: TokenKey<'_>) -> Result<Option<TokenRecord>, StoreError> {
        (**self).get(key).await
    }

    async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        (**self).list(subject, filter, page).await
    }

    async fn touch(&self, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
        (**self).touch(uses).await
    }

    async fn revoke(&self, key: TokenKey<'_>, at: Timestamp) -> Result<bool, StoreError> {
        (**self).revoke(key, at).await
    }

    async fn revoke_all(
        &self,
        subject: &str,
        filter: &TokenFilter,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        (**self).revoke_all(subject, filter, at).await
    }

    async fn update(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError> {
        (**self).update(key, change).await
    }

    async fn replace(
        &self,
        id: &str,
        successor: TokenRecord,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        (**self).replace(id, successor, overlap, now).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        (**self).prune(before, limit).await
    }
}
