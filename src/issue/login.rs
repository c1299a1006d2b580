use crate::clock::Timestamp;
use crate::error::ConfigError;
use crate::identity::CredentialKind;
use crate::scope::ScopeSet;
use crate::store::{TokenDigest, TokenRecord};

/// Who logged in, for [`RefreshTokens::login`](super::RefreshTokens::login).
///
/// ```
/// use tower_bearer::issue::Login;
///
/// let login = Login::new("alice")
///     .client_id("web")
///     .scopes("orders:read".parse()?)
///     .attribute("device", "Firefox on Linux");
/// # Ok::<(), tower_bearer::scope::InvalidScope>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a login begins no session by itself"]
pub struct Login {
    record: TokenRecord,
}

impl Login {
    /// This subject, just now.
    pub fn new(subject: impl Into<Box<str>>) -> Self {
        let digest = TokenDigest::from_bytes([0; 32]);
        let kind = CredentialKind::RefreshToken;
        Self {
            record: TokenRecord::new("", digest, kind, subject, Timestamp::EPOCH),
        }
    }

    /// By this client.
    pub fn client_id(mut self, client_id: impl Into<Box<str>>) -> Self {
        self.record.client_id = Some(client_id.into());
        self
    }

    /// For these scopes.
    pub fn scopes(mut self, scopes: ScopeSet) -> Self {
        self.record.scopes = scopes;
        self
    }

    /// So strongly authenticated.
    pub fn acr(mut self, acr: impl Into<Box<str>>) -> Self {
        self.record.acr = Some(acr.into());
        self
    }

    /// With something that the service keeps with the session, such as the device.
    pub fn attribute(mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        self.record.attributes.insert(name.into(), value.into());
        self
    }

    pub(super) fn into_record(mut self, now: Timestamp) -> Result<TokenRecord, ConfigError> {
        if self.record.subject.is_empty() {
            return Err(ConfigError::new("subject", "it is empty"));
        }
        self.record.created = now;
        self.record.auth_time = Some(now);
        Ok(self.record)
    }
}
