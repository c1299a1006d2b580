use crate::clock::Timestamp;
use crate::identity::{CredentialKind, Identity};

use super::TokenRecord;

/// What a record is addressed by: whose it is, and its id among theirs.
///
/// Both are any text at all, and a store takes neither to be well-behaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenKey<'a> {
    /// Whose token it is.
    pub subject: &'a str,
    /// The record's id.
    pub id: &'a str,
}

/// A use of a token, to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenUse<'a> {
    /// The token's record.
    pub key: TokenKey<'a>,
    /// When a request with it was let in.
    pub at: Timestamp,
}

/// Which of a subject's records are meant.
///
/// ```
/// use tower_bearer::identity::CredentialKind;
/// use tower_bearer::store::TokenFilter;
///
/// // Every session but the one at hand.
/// let others = TokenFilter::all().kinds([CredentialKind::Session]).except("s-1");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenFilter {
    kinds: Option<Box<[CredentialKind]>>,
    session_id: Option<Box<str>>,
    except: Option<Box<str>>,
}

impl TokenFilter {
    /// All of them.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Only those of these kinds; of none, if none is given.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = CredentialKind>) -> Self {
        self.kinds = Some(kinds.into_iter().collect());
        self
    }

    /// Only those that belong to this session.
    #[must_use]
    pub fn session(mut self, session_id: impl Into<Box<str>>) -> Self {
        self.session_id = Some(session_id.into());
        self
    }

    /// Not the one of this id.
    #[must_use]
    pub fn except(mut self, id: impl Into<Box<str>>) -> Self {
        self.except = Some(id.into());
        self
    }

    /// The kinds that are meant, or `None` for every kind.
    #[must_use]
    pub fn only_kinds(&self) -> Option<&[CredentialKind]> {
        self.kinds.as_deref()
    }

    /// The session whose tokens are meant, or `None` for any and none.
    #[must_use]
    pub fn only_session(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// The id of the record that is not meant.
    #[must_use]
    pub fn excepted(&self) -> Option<&str> {
        self.except.as_deref()
    }

    /// Whether `record` is meant.
    #[must_use]
    pub fn matches(&self, record: &TokenRecord) -> bool {
        self.means(record.kind, record.session_id.as_deref(), Some(&record.id))
    }

    /// Whether the token is meant that `identity` was verified by.
    pub(crate) fn matches_identity(&self, identity: &Identity) -> bool {
        self.means(
            identity.credential_kind(),
            identity.session_id(),
            identity.credential_id(),
        )
    }

    fn means(&self, kind: CredentialKind, session_id: Option<&str>, id: Option<&str>) -> bool {
        self.only_kinds().is_none_or(|kinds| kinds.contains(&kind))
            && self
                .only_session()
                .is_none_or(|session| session_id == Some(session))
            && self.excepted().is_none_or(|excepted| id != Some(excepted))
    }
}

/// Which part of a listing is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    after: Option<Box<str>>,
    limit: usize,
}

impl Page {
    /// The first `limit` records.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// Those that come after the record of this id, whether or not it is still there.
    #[must_use]
    pub fn after(mut self, id: impl Into<Box<str>>) -> Self {
        self.after = Some(id.into());
        self
    }

    /// The id after which the page begins.
    #[must_use]
    pub fn start(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// How many records the page may have.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }
}
