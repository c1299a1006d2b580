use super::target::is_ended;
use super::{Revocation, Target};
use crate::identity::{CredentialKind, Identity};
use crate::store::TokenFilter;

/// Something that was ended, as one node tells it to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// A stored token: revoked, replaced at once, or switched off.
    Token {
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
            Self::Anything => false,
        }
    }
}

fn is_stored_for(identity: &Identity, subject: &str) -> bool {
    identity.credential_kind() != CredentialKind::Jwt && identity.subject() == subject
}
