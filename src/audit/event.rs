use std::net::IpAddr;

use super::AuditAction;
use crate::clock::Timestamp;
use crate::identity::{CredentialKind, Identity};
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
    /// Why it was refused, or what was changed, in words of the code.
    pub detail: Option<&'static str>,
    /// How many lines before this one the sink dropped, since the last one that it did not.
    pub lost_before: u64,
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

/// The token that something was done to, or what those have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditTarget {
    /// Of which kind it is, or `None` where several kinds were ended, or it is not known.
    pub kind: Option<CredentialKind>,
    /// Whose token it is, or `None` where that is not known, or the actor is a token of the same person, who
    /// is not named.
    pub subject: Option<Box<str>>,
    /// Its id, or `None` where several were ended.
    pub id: Option<Box<str>>,
    /// Its name.
    pub name: Option<Box<str>>,
    /// The id of the token whose place it took.
    pub replaces: Option<Box<str>>,
    /// Who vouches for it, if that is not this service's store (`iss`).
    pub issuer: Option<Box<str>>,
    /// The session that it belongs to (`sid`).
    pub session_id: Option<Box<str>>,
    /// The client whose tokens were ended.
    pub client_id: Option<Box<str>>,
    /// The key whose tokens were ended (`kid`).
    pub key_id: Option<Box<str>>,
    /// Before when those tokens were issued that were ended, or `None` for all of them.
    pub issued_before: Option<Timestamp>,
}

impl AuditTarget {
    /// A token, or some, of this kind and subject.
    #[must_use]
    pub fn new(kind: impl Into<Option<CredentialKind>>, subject: impl Into<Box<str>>) -> Self {
        Self {
            kind: kind.into(),
            subject: Some(subject.into()),
            ..Self::default()
        }
    }

    /// The token that has this record.
    pub(crate) fn of_record(record: &TokenRecord) -> Self {
        let mut target = Self::new(record.kind, record.subject.clone());
        target.id = Some(record.id.clone());
        target.name.clone_from(&record.name);
        target.session_id.clone_from(&record.session_id);
        target
    }

    /// The credential that this identity was verified by.
    pub(crate) fn of_identity(identity: &Identity) -> Self {
        let mut target = Self::new(identity.credential_kind(), identity.subject());
        target.id = identity.credential_id().map(Into::into);
        target.name = identity.credential_name().map(Into::into);
        target.issuer = identity.issuer().map(Into::into);
        target.session_id = identity.session_id().map(Into::into);
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
