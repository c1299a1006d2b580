//! Who the caller is, by which credential, until when, and with which scopes and roles.
//!
//! A [`TokenVerifier`](crate::TokenVerifier) yields an [`Identity`]; a handler meets it inside an
//! [`AuthenticatedUser`](crate::AuthenticatedUser). Nothing in it is secret: tokens are named by id and
//! never held.

mod kind;
mod role;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::refusal::Refusal;
use crate::scope::ScopeSet;

pub use kind::{CredentialKind, UnknownCredentialKind};
pub use role::RoleGrant;

/// A caller, as a verifier found it. A clone shares its contents and bumps one count.
///
/// ```
/// use tower_bearer::identity::{CredentialKind, Identity, RoleGrant};
///
/// let identity = Identity::new("alice", CredentialKind::ApiKey)
///     .with_scopes("orders:read".parse()?)
///     .with_role(RoleGrant::on("editor", "site-1"));
/// assert!(identity.has_role_on("editor", "site-1"));
/// assert!(!identity.has_role("editor"));
/// # Ok::<(), tower_bearer::scope::InvalidScope>(())
/// ```
#[derive(Clone)]
pub struct Identity {
    parts: Arc<Parts>,
    // Apart from the rest, since a sliding limit moves while the rest is shared.
    expires_at: Option<Timestamp>,
    recheck_at: Option<Timestamp>,
    on_admitted: Option<Arc<dyn OnAdmitted>>,
}

/// Has the last word on each request that an identity is about to be let in for, and is told of it so.
///
/// A verifier attaches one with [`Identity::with_on_admitted`]; the layer calls it once the policy is
/// met, just before the inner service. A request that was refused before does not count as a use.
pub trait OnAdmitted: Send + Sync {
    /// A request is let in at `now`, unless this refuses it. Called on the request's path: it must not
    /// block.
    ///
    /// # Errors
    /// If the credential was ended while the request was under way.
    fn admitted(&self, now: Timestamp) -> Result<(), Refusal>;

    /// Whether an identity that was found earlier may still be taken from memory. Where it may not, its
    /// credential is judged again.
    fn is_current(&self) -> bool {
        true
    }
}

/// What an [`Identity`] shares between its clones.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) subject: Box<str>,
    pub(crate) issuer: Option<Arc<str>>,
    pub(crate) client_id: Option<Box<str>>,
    pub(crate) session_id: Option<Box<str>>,
    pub(crate) key_id: Option<Arc<str>>,
    pub(crate) kind: CredentialKind,
    pub(crate) credential_id: Option<Box<str>>,
    pub(crate) credential_name: Option<Box<str>>,
    pub(crate) scopes: ScopeSet,
    pub(crate) roles: Vec<RoleGrant>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) auth_time: Option<Timestamp>,
    pub(crate) acr: Option<Box<str>>,
    pub(crate) data: Vec<Arc<dyn Any + Send + Sync>>,
}

impl Parts {
    pub(crate) fn new(subject: impl Into<Box<str>>, kind: CredentialKind) -> Self {
        Self {
            subject: subject.into(),
            issuer: None,
            client_id: None,
            session_id: None,
            key_id: None,
            kind,
            credential_id: None,
            credential_name: None,
            scopes: ScopeSet::new(),
            roles: Vec::new(),
            issued_at: None,
            auth_time: None,
            acr: None,
            data: Vec::new(),
        }
    }

    pub(crate) fn into_identity(self, expires_at: Option<Timestamp>) -> Identity {
        Identity {
            parts: Arc::new(self),
            expires_at,
            recheck_at: None,
            on_admitted: None,
        }
    }
}

impl Identity {
    /// A caller known by `subject`, with no scope and no role, whose credential does not expire.
    #[must_use]
    pub fn new(subject: impl Into<Box<str>>, kind: CredentialKind) -> Self {
        Parts::new(subject, kind).into_identity(None)
    }

    /// The caller's name within the issuer (`sub` of RFC 7519).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.parts.subject
    }

    /// Who vouches for the caller (`iss` of RFC 7519).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.parts.issuer.as_deref()
    }

    /// The client that acts (`client_id` of RFC 9068).
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.parts.client_id.as_deref()
    }

    /// The session that the credential belongs to (`sid` of OpenID Connect).
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.parts.session_id.as_deref()
    }

    /// The key that signed the credential (`kid` of RFC 7515).
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.parts.key_id.as_deref()
    }

    /// Which sort of credential was presented.
    #[must_use]
    pub fn credential_kind(&self) -> CredentialKind {
        self.parts.kind
    }

    /// The id of the credential: `jti` of a JWT, the record's id of a stored token. It may be logged.
    #[must_use]
    pub fn credential_id(&self) -> Option<&str> {
        self.parts.credential_id.as_deref()
    }

    /// The name that its owner gave the credential.
    #[must_use]
    pub fn credential_name(&self) -> Option<&str> {
        self.parts.credential_name.as_deref()
    }

    /// What the credential may be used for.
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.parts.scopes
    }

    /// Whether the credential has `scope`.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.parts.scopes.contains(scope)
    }

    /// The roles held, each perhaps bound to a resource.
    #[must_use]
    pub fn roles(&self) -> &[RoleGrant] {
        &self.parts.roles
    }

    /// Whether `role` is held everywhere.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.parts
            .roles
            .iter()
            .any(|grant| grant.role() == role && grant.resource().is_none())
    }

    /// Whether `role` is held on `resource`, be it there alone or everywhere.
    #[must_use]
    pub fn has_role_on(&self, role: &str, resource: &str) -> bool {
        self.parts.roles.iter().any(|grant| {
            grant.role() == role && grant.resource().is_none_or(|bound| bound == resource)
        })
    }

    /// When the credential was issued.
    #[must_use]
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.parts.issued_at
    }

    /// When the credential ends (`exp` of RFC 7519), or `None` where it does not expire.
    ///
    /// A JWT may be good for the verifier's leeway longer. For a session that slides, this is the end as of
    /// this request.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// The moment from which this identity is not to be taken from memory, or `None` where its end alone
    /// says so.
    #[must_use]
    pub fn recheck_at(&self) -> Option<Timestamp> {
        self.recheck_at
    }

    /// When the person behind the credential last logged in (`auth_time`).
    #[must_use]
    pub fn auth_time(&self) -> Option<Timestamp> {
        self.parts.auth_time
    }

    /// How strongly that login was authenticated (`acr`).
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.parts.acr.as_deref()
    }

    /// What was attached under the type `T`: typed claims, or what an enrichment looked up.
    #[must_use]
    pub fn data<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.parts
            .data
            .iter()
            .find_map(|held| held.downcast_ref::<T>())
    }

    /// With the issuer.
    #[must_use]
    pub fn with_issuer(self, issuer: impl Into<Arc<str>>) -> Self {
        self.edit(|parts| parts.issuer = Some(issuer.into()))
    }

    /// With the client that acts.
    #[must_use]
    pub fn with_client_id(self, client_id: impl Into<Box<str>>) -> Self {
        self.edit(|parts| parts.client_id = Some(client_id.into()))
    }

    /// With the session that the credential belongs to.
    #[must_use]
    pub fn with_session_id(self, session_id: impl Into<Box<str>>) -> Self {
        self.edit(|parts| parts.session_id = Some(session_id.into()))
    }

    /// With the key that signed the credential.
    #[must_use]
    pub fn with_key_id(self, key_id: impl Into<Arc<str>>) -> Self {
        self.edit(|parts| parts.key_id = Some(key_id.into()))
    }

    /// With the credential's id.
    #[must_use]
    pub fn with_credential_id(self, id: impl Into<Box<str>>) -> Self {
        self.edit(|parts| parts.credential_id = Some(id.into()))
    }

    /// With the credential's name.
    #[must_use]
    pub fn with_credential_name(self, name: impl Into<Box<str>>) -> Self {
        self.edit(|parts| parts.credential_name = Some(name.into()))
    }

    /// With these scopes in place of those held.
    #[must_use]
    pub fn with_scopes(self, scopes: ScopeSet) -> Self {
        self.edit(|parts| parts.scopes = scopes)
    }

    /// With one role more.
    #[must_use]
    pub fn with_role(self, grant: RoleGrant) -> Self {
        self.edit(|parts| parts.roles.push(grant))
    }

    /// With these roles in place of those held.
    #[must_use]
    pub fn with_roles(self, grants: impl IntoIterator<Item = RoleGrant>) -> Self {
        self.edit(|parts| parts.roles = grants.into_iter().collect())
    }

    /// With the time of issue.
    #[must_use]
    pub fn with_issued_at(self, at: Timestamp) -> Self {
        self.edit(|parts| parts.issued_at = Some(at))
    }

    /// With the time at which the credential stops being good.
    #[must_use]
    pub fn with_expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// With a time from which whoever remembers this identity has its credential judged again.
    ///
    /// For a verifier that knows that it may say otherwise later: the end of a sliding session that is not
    /// used meanwhile, or the time for which an authorization server lets its answer be kept.
    #[must_use]
    pub fn with_recheck_at(mut self, at: Timestamp) -> Self {
        self.recheck_at = Some(at);
        self
    }

    /// With the time of the login.
    #[must_use]
    pub fn with_auth_time(self, at: Timestamp) -> Self {
        self.edit(|parts| parts.auth_time = Some(at))
    }

    /// With the strength of the login.
    #[must_use]
    pub fn with_acr(self, acr: impl Into<Box<str>>) -> Self {
        self.edit(|parts| parts.acr = Some(acr.into()))
    }

    /// With a value of the service's own, found again by its type; one held under that type is replaced.
    #[must_use]
    pub fn with_data<T: Any + Send + Sync>(self, value: T) -> Self {
        self.edit(|parts| {
            parts.data.retain(|held| !held.is::<T>());
            parts.data.push(Arc::new(value));
        })
    }

    /// With something that has the last word on each request, and is told of those that are let in.
    #[must_use]
    pub fn with_on_admitted(mut self, listener: Arc<dyn OnAdmitted>) -> Self {
        self.on_admitted = Some(listener);
        self
    }

    /// This identity for one request: its end as of now, its end if the request is not let in, and what is
    /// told if it is.
    #[cfg(feature = "tokens")]
    pub(crate) fn for_request(
        mut self,
        expires_at: Option<Timestamp>,
        recheck_at: Option<Timestamp>,
        on_admitted: Option<Arc<dyn OnAdmitted>>,
    ) -> Self {
        self.expires_at = expires_at;
        self.recheck_at = recheck_at;
        self.on_admitted = on_admitted;
        self
    }

    /// This identity as the record of its credential has it: with its kind and name, and the earlier end.
    #[cfg(feature = "tokens")]
    pub(crate) fn backed_by(mut self, record: &Self) -> Self {
        let earlier = |one: Option<Timestamp>, other| one.min(other).or(one).or(other);
        self.expires_at = earlier(self.expires_at, record.expires_at);
        self.recheck_at = earlier(self.recheck_at, record.recheck_at);
        self.edit(|parts| {
            parts.kind = record.parts.kind;
            parts
                .credential_name
                .clone_from(&record.parts.credential_name);
        })
    }

    /// This identity with a listener around the one that it has, which is handed an identity without any.
    #[cfg(feature = "tokens")]
    pub(crate) fn watched<L: OnAdmitted + 'static>(
        mut self,
        wrap: impl FnOnce(Self, Option<Arc<dyn OnAdmitted>>) -> L,
    ) -> Self {
        let inner = self.on_admitted.take();
        self.on_admitted = Some(Arc::new(wrap(self.clone(), inner)));
        self
    }

    /// Asks whoever has the last word, and tells them that a request is let in by this identity at `now`.
    ///
    /// The layer does this; so does whoever lets requests in by a verifier without the layer.
    ///
    /// # Errors
    /// If the credential was ended since the identity was made.
    pub fn admitted(&self, now: Timestamp) -> Result<(), Refusal> {
        match &self.on_admitted {
            Some(listener) => listener.admitted(now),
            None => Ok(()),
        }
    }

    /// Whether this identity, found earlier, may still be taken from memory; a cache asks.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let listener = self.on_admitted.as_deref();
        listener.is_none_or(OnAdmitted::is_current)
    }

    fn edit(mut self, change: impl FnOnce(&mut Parts)) -> Self {
        change(Arc::make_mut(&mut self.parts));
        self
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &*self.parts;
        f.debug_struct("Identity")
            .field("subject", &parts.subject)
            .field("issuer", &parts.issuer)
            .field("client_id", &parts.client_id)
            .field("session_id", &parts.session_id)
            .field("key_id", &parts.key_id)
            .field("credential_kind", &parts.kind)
            .field("credential_id", &parts.credential_id)
            .field("credential_name", &parts.credential_name)
            .field("scopes", &parts.scopes)
            .field("roles", &parts.roles)
            .field("issued_at", &parts.issued_at)
            .field("expires_at", &self.expires_at)
            .field("auth_time", &parts.auth_time)
            .field("acr", &parts.acr)
            .finish_non_exhaustive()
    }
}
