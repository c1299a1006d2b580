//! Why a request was not let in.
//!
//! A [`Refusal`] is a [`Reason`] from a closed set, with what is useful to know on this side: a detail
//! for the log, the id of the credential, the underlying error. None of it reaches the client; the
//! answer that does is chosen from the reason alone, in [`challenge`](crate::challenge).

mod reason;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::scope::ScopeSet;

pub use reason::Reason;

/// Why a request was refused, for this side of the door.
///
/// Cheap to make: a refusal with a reason and a fixed detail allocates nothing.
///
/// ```
/// use tower_bearer::{Reason, Refusal};
///
/// let refusal = Refusal::disabled("account is closed");
/// assert_eq!(refusal.reason(), Reason::Disabled);
/// assert_eq!(refusal.to_string(), "disabled: account is closed");
/// ```
#[derive(Clone)]
pub struct Refusal {
    reason: Reason,
    detail: &'static str,
    extra: Option<Box<Extra>>,
}

#[derive(Clone, Default)]
struct Extra {
    credential_id: Option<Box<str>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    scope: ScopeSet,
    acr_values: Vec<Box<str>>,
    max_age: Option<Duration>,
    retry_after: Option<Duration>,
    dpop_nonce: Option<HeaderValue>,
}

impl Refusal {
    /// A refusal for `reason`; `detail` says more, in the log alone.
    ///
    /// The detail is a fixed text, so that no part of a token can get into it.
    #[must_use]
    pub const fn new(reason: Reason, detail: &'static str) -> Self {
        Self {
            reason,
            detail,
            extra: None,
        }
    }

    /// [`Reason::Invalid`].
    #[must_use]
    pub const fn invalid(detail: &'static str) -> Self {
        Self::new(Reason::Invalid, detail)
    }

    /// [`Reason::Expired`].
    #[must_use]
    pub const fn expired(detail: &'static str) -> Self {
        Self::new(Reason::Expired, detail)
    }

    /// [`Reason::Revoked`].
    #[must_use]
    pub const fn revoked(detail: &'static str) -> Self {
        Self::new(Reason::Revoked, detail)
    }

    /// [`Reason::Disabled`].
    #[must_use]
    pub const fn disabled(detail: &'static str) -> Self {
        Self::new(Reason::Disabled, detail)
    }

    /// [`Reason::Forbidden`].
    #[must_use]
    pub const fn forbidden(detail: &'static str) -> Self {
        Self::new(Reason::Forbidden, detail)
    }

    /// [`Reason::InsufficientScope`], naming the scopes that are needed.
    #[must_use]
    pub fn insufficient_scope(needed: ScopeSet) -> Self {
        Self::new(Reason::InsufficientScope, "a scope is missing").edit(|e| e.scope = needed)
    }

    /// [`Reason::InsufficientAuthentication`] (RFC 9470): the authentication context classes of which
    /// one is needed, and how old the login may be.
    #[must_use]
    pub fn insufficient_authentication<I>(acr_values: I, max_age: Option<Duration>) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        Self::new(
            Reason::InsufficientAuthentication,
            "the login is too old or too weak",
        )
        .edit(|e| {
            e.acr_values = acr_values.into_iter().map(Into::into).collect();
            e.max_age = max_age;
        })
    }

    /// [`Reason::RateLimited`], with the time after which to try again.
    #[must_use]
    pub fn rate_limited(retry_after: Duration) -> Self {
        Self::new(Reason::RateLimited, "too many requests").with_retry_after(retry_after)
    }

    /// [`Reason::Unavailable`]: what the decision depends on gave no answer.
    #[must_use]
    pub const fn unavailable(detail: &'static str) -> Self {
        Self::new(Reason::Unavailable, detail)
    }

    /// This refusal, naming the scopes that are needed (`scope`, RFC 6750 §3).
    ///
    /// ```
    /// use tower_bearer::Refusal;
    /// use tower_bearer::scope::ScopeSet;
    ///
    /// // RFC 9470 §3: a stronger login and a scope, in one challenge.
    /// let refusal = Refusal::insufficient_authentication(["phr"], None)
    ///     .with_scope(ScopeSet::from_static("payments:write"));
    /// ```
    #[must_use]
    pub fn with_scope(self, needed: ScopeSet) -> Self {
        self.edit(|e| e.scope = needed)
    }

    /// This refusal, naming the credential by its id (never by its text).
    #[must_use]
    pub fn with_credential_id(self, id: impl Into<Box<str>>) -> Self {
        self.edit(|e| e.credential_id = Some(id.into()))
    }

    /// This refusal, with the error that led to it.
    #[must_use]
    pub fn with_source(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.edit(|e| e.source = Some(Arc::new(source)))
    }

    /// This refusal, with the time after which to try again (`Retry-After`).
    #[must_use]
    pub fn with_retry_after(self, after: Duration) -> Self {
        self.edit(|e| e.retry_after = Some(after))
    }

    /// The reason.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// What is said about it in the log.
    #[must_use]
    pub const fn detail(&self) -> &'static str {
        self.detail
    }

    /// The id of the credential, where it is known.
    #[must_use]
    pub fn credential_id(&self) -> Option<&str> {
        self.extra.as_ref()?.credential_id.as_deref()
    }

    /// The scopes that are needed, where the refusal names them.
    #[must_use]
    pub fn scope(&self) -> Option<&ScopeSet> {
        let scope = &self.extra.as_ref()?.scope;
        (!scope.is_empty()).then_some(scope)
    }

    /// The authentication context classes of which one is needed.
    pub fn acr_values(&self) -> impl Iterator<Item = &str> {
        self.extra
            .iter()
            .flat_map(|e| e.acr_values.iter().map(|v| &**v))
    }

    /// How old the login may be.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        self.extra.as_ref()?.max_age
    }

    /// When to try again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.extra.as_ref()?.retry_after
    }

    /// This refusal, naming the credential by its id, where it has one.
    pub(crate) fn naming(self, credential_id: Option<&str>) -> Self {
        match credential_id {
            Some(id) => self.with_credential_id(id),
            None => self,
        }
    }

    /// This refusal, with the nonce to be used next (`DPoP-Nonce`, RFC 9449 §9).
    #[cfg(feature = "jwt")]
    pub(crate) fn with_dpop_nonce(self, nonce: HeaderValue) -> Self {
        self.edit(|e| e.dpop_nonce = Some(nonce))
    }

    /// The nonce to be used next.
    pub(crate) fn dpop_nonce(&self) -> Option<&HeaderValue> {
        self.extra.as_ref()?.dpop_nonce.as_ref()
    }

    /// Whether the answer must be written anew, because it tells more than its reason.
    pub(crate) fn has_parameters(&self) -> bool {
        self.extra.as_ref().is_some_and(|e| {
            !e.scope.is_empty()
                || !e.acr_values.is_empty()
                || e.max_age.is_some()
                || e.retry_after.is_some()
                || e.dpop_nonce.is_some()
        })
    }

    fn edit(mut self, change: impl FnOnce(&mut Extra)) -> Self {
        change(self.extra.get_or_insert_default());
        self
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Refusal");
        out.field("reason", &self.reason)
            .field("detail", &self.detail);
        if let Some(extra) = &self.extra {
            out.field("credential_id", &extra.credential_id)
                .field("scope", &extra.scope)
                .field("acr_values", &extra.acr_values)
                .field("max_age", &extra.max_age)
                .field("retry_after", &extra.retry_after)
                .field("source", &extra.source);
        }
        out.finish()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.extra.as_ref()?.source.as_ref()?;
        Some(&**source)
    }
}
