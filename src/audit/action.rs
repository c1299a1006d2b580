use std::fmt;

use crate::observe::Outcome;
use crate::refusal::Reason;

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
    /// A token was renamed, switched off or on, or given another end. The event's detail says which.
    Changed,
    /// A token was ended.
    Revoked,
    /// So many tokens were ended at once.
    RevokedAll(u64),
    /// Those tokens that no store knows and that have this in common were ended. How many, nobody knows.
    RevokedBy(Common),
    /// A refresh token that was spent came again: it, or its successor, was stolen. Its family was ended,
    /// which has a line of its own.
    Reused,
    /// A caller was not let have a token issued.
    NotIssued(Reason),
    /// The holder of a token was given no other for it.
    NotRenewed(Reason),
    /// A caller was not let end a token.
    NotRevoked(Reason),
    /// Something was begun, and whether it took place is not known: the store gave no answer, or whoever
    /// asked went away before it did.
    Uncertain(Attempt),
}

/// What tokens that were ended at once have in common, beside their issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Common {
    /// The session.
    Session,
    /// The subject.
    Subject,
    /// The client that they were given to.
    Client,
    /// The key that signed them.
    Key,
    /// The issuer alone.
    Issuer,
}

/// What was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Attempt {
    /// See [`AuditAction::Issued`].
    Issue,
    /// See [`AuditAction::Renewed`].
    Renew,
    /// See [`AuditAction::Rotated`].
    Rotate,
    /// See [`AuditAction::Changed`].
    Change,
    /// See [`AuditAction::Revoked`].
    Revoke,
    /// See [`AuditAction::RevokedAll`].
    RevokeAll,
    /// See [`AuditAction::RevokedBy`].
    RevokeBy(Common),
}

impl AuditAction {
    /// The name of this action in logs and tables. What is uncertain has the name of what was begun, and is
    /// told by its [`outcome`](Self::outcome).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Issued | Self::Uncertain(Attempt::Issue) => "issued",
            Self::Renewed | Self::Uncertain(Attempt::Renew) => "renewed",
            Self::Rotated | Self::Uncertain(Attempt::Rotate) => "rotated",
            Self::Changed | Self::Uncertain(Attempt::Change) => "changed",
            Self::Revoked | Self::Uncertain(Attempt::Revoke) => "revoked",
            Self::RevokedAll(_) | Self::Uncertain(Attempt::RevokeAll) => "revoked_all",
            Self::RevokedBy(common) | Self::Uncertain(Attempt::RevokeBy(common)) => {
                common.revoked()
            }
            Self::Reused => "reused",
            Self::NotIssued(_) => "not_issued",
            Self::NotRenewed(_) => "not_renewed",
            Self::NotRevoked(_) => "not_revoked",
        }
    }

    /// How it went: the outcome of a request, the reason of a refusal, `unknown` where nobody knows, and
    /// `done` for everything else.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Request(outcome) => outcome.as_str(),
            Self::NotIssued(reason) | Self::NotRenewed(reason) | Self::NotRevoked(reason) => {
                reason.as_str()
            }
            Self::Uncertain(_) => "unknown",
            _ => "done",
        }
    }
}

impl Common {
    const fn revoked(self) -> &'static str {
        match self {
            Self::Session => "revoked_session",
            Self::Subject => "revoked_subject",
            Self::Client => "revoked_client",
            Self::Key => "revoked_key",
            Self::Issuer => "revoked_issuer",
        }
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
