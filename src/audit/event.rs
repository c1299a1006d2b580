use std::fmt;
use std::net::IpAddr;

use crate::clock::Timestamp;
use crate::identity::{CredentialKind, Identity};
use crate::observe::Outcome;
use crate::refusal::Reason;
use crate::store::TokenRecord;

/// One line of the audit trail. There is no secret in it, and no query of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEvent {
    /// A random number by which a line that is written twice is known as one.
    pub id: u128,
    /// When it was.
    pub at: Timestamp,
    /// What was done.
    pub action: AuditAction,
    /// By whom, as far as that is known.
    pub actor: Option<Actor>,
    /// By which credential.
    pub credential: Option<Credential>,
    /// Which token was issued, changed or ended.
    pub target: Option<AuditTarget>,
    /// The request's method.
    pub method: Option<Box<str>>,
    /// What the request was for: the path of its target, which for gRPC names the method. At most 1024 bytes.
    pub resource: Option<Box<str>>,
    /// Where the request came from.
    pub client_addr: Option<IpAddr>,
    /// Why it was refused, in words of the code.
    pub detail: Option<&'static str>,
    /// How many lines before this one the sink dropped, since the last one that it did not.
    pub lost_before: u64,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditAction {
    /// A request was decided upon.
    Request(Outcome),
    /// A token was issued.
    Issued,
    /// A token was issued to the holder of another, which stays good or was a refresh token.
    Renewed,
    /// A token took the place of another.
    Rotated,
    /// A token was renamed, switched off or on, or given another end.
    Changed,
    /// A token was ended.
    Revoked,
    /// So many tokens were ended at once.
    RevokedAll(u64),
    /// A caller was not let have a token issued.
    NotIssued(Reason),
}

impl AuditAction {
    /// The name of this action in logs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Issued => "issued",
            Self::Renewed => "renewed",
            Self::Rotated => "rotated",
            Self::Changed => "changed",
            Self::Revoked => "revoked",
            Self::RevokedAll(_) => "revoked_all",
            Self::NotIssued(_) => "not_issued",
        }
    }

    /// How it went: the outcome of a request, the reason why nothing was issued, and `done` for everything
    /// else.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Request(outcome) => outcome.as_str(),
            Self::NotIssued(reason) => reason.as_str(),
            _ => "done",
        }
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who did it, as the trail names them.
///
/// What is done by an access token, an API key or a bot token is done in the token's name: the person behind
/// it is not named, neither here nor as the owner of the token that it is done to. A token without a name is
/// named by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actor {
    /// A user, by their subject.
    User(Box<str>),
    /// A token, by its name.
    Token(Box<str>),
}

impl Actor {
    /// Who acts by `identity`.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        if !acts_in_its_own_name(identity.credential_kind()) {
            return Self::User(identity.subject().into());
        }
        let name = identity.credential_name().filter(|name| !name.is_empty());
        let name = name.or(identity.credential_id());
        Self::Token(name.unwrap_or("").into())
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::User(name) | Self::Token(name) => name,
        }
    }
}

/// Whether what is done by a credential of this kind is done in its name, and not in the person's.
pub(crate) const fn acts_in_its_own_name(kind: CredentialKind) -> bool {
    matches!(
        kind,
        CredentialKind::AccessToken | CredentialKind::ApiKey | CredentialKind::BotToken
    )
}

/// The credential that was presented.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credential {
    /// Of which kind it is, where it was verified.
    pub kind: Option<CredentialKind>,
    /// Its id.
    pub id: Option<Box<str>>,
    /// The name that its owner gave it.
    pub name: Option<Box<str>>,
}

/// The token that something was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditTarget {
    /// Of which kind it is, or `None` where several kinds were ended.
    pub kind: Option<CredentialKind>,
    /// Whose token it is, or `None` where the actor is a token of the same person, who is not named.
    pub subject: Option<Box<str>>,
    /// Its id, or `None` where several were ended.
    pub id: Option<Box<str>>,
    /// Its name.
    pub name: Option<Box<str>>,
    /// The id of the token whose place it took.
    pub replaces: Option<Box<str>>,
}

impl AuditTarget {
    /// A token, or some, of this kind and subject.
    #[must_use]
    pub fn new(kind: impl Into<Option<CredentialKind>>, subject: impl Into<Box<str>>) -> Self {
        Self {
            kind: kind.into(),
            subject: Some(subject.into()),
            id: None,
            name: None,
            replaces: None,
        }
    }

    /// The token that has this record.
    pub(crate) fn of_record(record: &TokenRecord) -> Self {
        let mut target = Self::new(record.kind, record.subject.clone());
        target.id = Some(record.id.clone());
        target.name.clone_from(&record.name);
        target
    }

    /// This token, as what is done by `actor` may name it.
    pub(super) fn done_by(mut self, actor: &Identity) -> Self {
        let is_hidden = acts_in_its_own_name(actor.credential_kind());
        if is_hidden && self.subject.as_deref() == Some(actor.subject()) {
            self.subject = None;
        }
        self
    }
}
