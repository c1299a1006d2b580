use std::time::Duration;

use super::target::is_ended;
use super::{Revocation, Target};
use crate::identity::{CredentialKind, Identity};
use crate::store::{TokenFilter, TokenRecord};

/// Something that was ended, as one node tells it to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// A stored token: revoked, or replaced at once.
    Token {
        /// Whose token it is.
        subject: Box<str>,
        /// The record's id.
        id: Box<str>,
    },
    /// A stored token was switched off or on, given another end, or changed otherwise: what is remembered of
    /// it must be looked up again.
    Changed {
        /// Whose token it is.
        subject: Box<str>,
        /// The record's id.
        id: Box<str>,
    },
    /// Those stored tokens of a subject that a filter means.
    Tokens {
        /// Whose tokens they are.
        subject: Box<str>,
        /// Which of them.
        filter: TokenFilter,
    },
    /// Tokens that no store knows.
    Revocation(Revocation),
    /// Nobody knows what: whatever is remembered must be looked up again.
    Anything,
}

impl Ending {
    /// What a change of a record is to those who remember it: never an end for good, since a token that is
    /// switched off may be switched on again before they hear of it.
    #[must_use]
    pub fn of_update(record: &TokenRecord) -> Self {
        let (subject, id) = (record.subject.clone(), record.id.clone());
        Self::Changed { subject, id }
    }

    /// What it is to them that the token of this id is replaced, after an overlap.
    #[must_use]
    pub fn of_replacement(subject: &str, id: &str, overlap: Duration) -> Self {
        let (subject, id) = (subject.into(), id.into());
        if overlap.is_zero() {
            Self::Token { subject, id }
        } else {
            Self::Changed { subject, id }
        }
    }

    /// Whether this is about the credential of `identity`, without ending it.
    pub(crate) fn changes(&self, identity: &Identity) -> bool {
        match self {
            Self::Changed { subject, id } => {
                is_stored_for(identity, subject) && identity.credential_id() == Some(id)
            }
            _ => false,
        }
    }

    /// Whether the credential of `identity` was ended by this. Of [`Anything`](Self::Anything) it is not
    /// known, and `false`.
    pub(crate) fn ends(&self, identity: &Identity) -> bool {
        match self {
            Self::Token { subject, id } => {
                is_stored_for(identity, subject) && identity.credential_id() == Some(id)
            }
            Self::Tokens { subject, filter } => {
                is_stored_for(identity, subject) && filter.matches_identity(identity)
            }
            Self::Revocation(revocation) => {
                is_ended(identity.issued_at(), revocation.before)
                    && Target::of_identity(identity).contains(&revocation.target)
            }
            Self::Changed { .. } | Self::Anything => false,
        }
    }
}

fn is_stored_for(identity: &Identity, subject: &str) -> bool {
    identity.credential_kind() != CredentialKind::Jwt && identity.subject() == subject
}
