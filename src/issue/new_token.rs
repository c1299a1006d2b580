use std::time::Duration;

use super::policy::Wanted;
use crate::audit::AuditTarget;
use crate::clock::Timestamp;
use crate::error::ConfigError;
use crate::identity::{CredentialKind, RoleGrant};
use crate::scope::ScopeSet;
use crate::store::{TokenDigest, TokenRecord};

/// What a token that is to be minted shall be.
///
/// A session or access token needs a limit, or is made [`without_expiry`](Self::without_expiry). API keys
/// and bot tokens live until they are revoked, unless a limit is set.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::identity::RoleGrant;
/// use tower_bearer::issue::NewToken;
///
/// let token = NewToken::access_token("alice")
///     .name("deploy")
///     .role(RoleGrant::on("editor", "site-1"))
///     .lifetime(Duration::from_secs(90 * 24 * 60 * 60));
/// ```
#[derive(Debug, Clone)]
#[must_use = "a new token is minted by a TokenIssuer"]
pub struct NewToken {
    // With nothing of its own for an id, a digest and a time, until it is minted.
    record: TokenRecord,
    limit: Limit,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    Unset,
    Waived,
    After(Duration),
    At(Timestamp),
}

impl NewToken {
    /// A session of `subject`, as a login gives it.
    pub fn session(subject: impl Into<Box<str>>) -> Self {
        Self::of(CredentialKind::Session, subject.into())
    }

    /// An access token of `subject`, for a purpose.
    pub fn access_token(subject: impl Into<Box<str>>) -> Self {
        Self::of(CredentialKind::AccessToken, subject.into())
    }

    /// An API key of `subject`.
    pub fn api_key(subject: impl Into<Box<str>>) -> Self {
        Self::of(CredentialKind::ApiKey, subject.into())
    }

    /// A token of the bot `subject`.
    pub fn bot_token(subject: impl Into<Box<str>>) -> Self {
        Self::of(CredentialKind::BotToken, subject.into())
    }

    /// With a name, by which its owner tells it from others.
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.record.name = Some(name.into());
        self
    }

    /// Given to this client.
    pub fn client_id(mut self, client_id: impl Into<Box<str>>) -> Self {
        self.record.client_id = Some(client_id.into());
        self
    }

    /// With these scopes.
    pub fn scopes(mut self, scopes: ScopeSet) -> Self {
        self.record.scopes = scopes;
        self
    }

    /// With one role more.
    pub fn role(mut self, grant: RoleGrant) -> Self {
        self.record.roles.push(grant);
        self
    }

    /// Good for this long, however much it is used.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.limit = Limit::After(lifetime);
        self
    }

    /// Good until `end`, however much it is used.
    pub fn expires_at(mut self, end: Timestamp) -> Self {
        self.limit = Limit::At(end);
        self
    }

    /// Good until it is revoked.
    pub fn without_expiry(mut self) -> Self {
        self.limit = Limit::Waived;
        self
    }

    /// Good only while it is used at least this often.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.record.idle = Some(idle);
        self
    }

    /// As part of this session (`sid`), which may have other tokens and is ended as a whole by
    /// [`TokenFilter::session`](crate::store::TokenFilter::session).
    pub fn session_id(mut self, session_id: impl Into<Box<str>>) -> Self {
        self.record.session_id = Some(session_id.into());
        self
    }

    /// From a login at this time.
    pub fn auth_time(mut self, at: Timestamp) -> Self {
        self.record.auth_time = Some(at);
        self
    }

    /// From a login of this strength.
    pub fn acr(mut self, acr: impl Into<Box<str>>) -> Self {
        self.record.acr = Some(acr.into());
        self
    }

    /// With something of the service's own, such as a device or a description.
    pub fn attribute(mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.record.attributes.insert(name.into(), value.into());
        self
    }

    pub(super) fn kind(&self) -> CredentialKind {
        self.record.kind
    }

    /// What a policy weighs of it.
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted::of_record(&self.record)
    }

    /// What an audit trail says of it, before it is minted.
    pub(super) fn audit_target(&self) -> AuditTarget {
        let mut target = AuditTarget::new(self.record.kind, self.record.subject.clone());
        target.name.clone_from(&self.record.name);
        target
    }

    /// The record as of `now`, still without id and digest.
    pub(super) fn into_record(self, now: Timestamp) -> Result<TokenRecord, ConfigError> {
        let mut record = self.record;
        if record.subject.is_empty() {
            return Err(ConfigError::new("subject", "empty"));
        }
        if record.idle.is_some_and(|idle| idle.as_millis() == 0) {
            return Err(ConfigError::new("idle", "less than a millisecond"));
        }
        record.created = now;
        record.expires = match self.limit {
            Limit::Unset if record.idle.is_none() && needs_limit(record.kind) => {
                return Err(ConfigError::new(
                    "lifetime",
                    "neither lifetime nor idle is set; without_expiry() does without",
                ));
            }
            Limit::Unset | Limit::Waived => None,
            Limit::After(lifetime) if lifetime.as_millis() == 0 => {
                return Err(ConfigError::new("lifetime", "less than a millisecond"));
            }
            Limit::After(lifetime) => Some(now.saturating_add(lifetime)),
            Limit::At(end) if end <= now => {
                return Err(ConfigError::new("expires_at", "not in the future"));
            }
            Limit::At(end) => Some(end),
        };
        Ok(record)
    }

    fn of(kind: CredentialKind, subject: Box<str>) -> Self {
        let digest = TokenDigest::from_bytes([0; 32]);
        Self {
            record: TokenRecord::new("", digest, kind, subject, Timestamp::EPOCH),
            limit: Limit::Unset,
        }
    }
}

fn needs_limit(kind: CredentialKind) -> bool {
    matches!(kind, CredentialKind::Session | CredentialKind::AccessToken)
}
