//! Who the caller is, by which credential, until when, and with which scopes and roles.
//!
//! A [`TokenVerifier`](crate::TokenVerifier) yields an [`Identity`]; a handler meets it inside an
//! [`AuthenticatedUser`](crate::AuthenticatedUser). Nothing in it is secret: tokens are named by id and
//! never held.

mod admission;
mod confirmation;
mod kind;
mod role;
mod with;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::scope::ScopeSet;

pub use admission::OnAdmitted;
pub(crate) use admission::PendingUse;
pub use confirmation::{Confirmation, InvalidThumbprint};
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

/// What an [`Identity`] shares between its clones.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) subject: Box<str>,
    pub(crate) issuer: Option<Arc<str>>,
    pub(crate) tenant: Option<Arc<str>>,
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
    pub(crate) confirmation: Option<Box<Confirmation>>,
    pub(crate) data: Vec<Arc<dyn Any + Send + Sync>>,
}

impl Parts {
    pub(crate) fn new(subject: impl Into<Box<str>>, kind: CredentialKind) -> Self {
        Self {
            subject: subject.into(),
            issuer: None,
            tenant: None,
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
            confirmation: None,
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

    /// The tenant that the caller belongs to: a customer's organisation, a directory, a namespace.
    ///
    /// Where one issuer speaks for several tenants, a subject may be a name within its tenant alone. Then
    /// the two together name the caller.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.parts.tenant.as_deref()
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

    /// The key or certificate that the credential is bound to (`cnf` of RFC 7800), of which whoever presents
    /// it must prove possession.
    #[must_use]
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.parts.confirmation.as_deref()
    }

    /// What was attached under the type `T`: typed claims, or what an enrichment looked up.
    #[must_use]
    pub fn data<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.parts
            .data
            .iter()
            .find_map(|held| held.downcast_ref::<T>())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &*self.parts;
        f.debug_struct("Identity")
            .field("subject", &parts.subject)
            .field("issuer", &parts.issuer)
            .field("tenant", &parts.tenant)
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
            .field("confirmation", &parts.confirmation)
            .finish_non_exhaustive()
    }
}
