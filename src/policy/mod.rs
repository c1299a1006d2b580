//! What a caller must have, beyond being who they are.
//!
//! A [`Policy`] is made of conditions joined by [`and`](Policy::and), [`or`](Policy::or) and
//! [`not`](Policy::negate). It is held against the identity and the request's head, in a layer
//! ([`BearerAuthLayer`](crate::BearerAuthLayer), [`RequireLayer`](crate::RequireLayer)) or in code
//! ([`AuthenticatedUser::require`](crate::AuthenticatedUser::require)). Where it is met it yields a
//! [`Permit`]; where it is not, a refusal:
//!
//! 1. An anonymous caller meets [`Policy::anyone`] and [`Policy::anonymous`] and nothing else, not even the
//!    opposite of a condition:
//!    [`Reason::Anonymous`](crate::Reason::Anonymous), 401 without `error`.
//! 2. A missing role, kind of credential or rule of the service's own:
//!    [`Reason::Forbidden`](crate::Reason::Forbidden), 403, naming nothing.
//! 3. A missing scope: [`Reason::InsufficientScope`](crate::Reason::InsufficientScope), 403, naming the
//!    scopes that the policy asks for.
//! 4. A login that is too old or too weak:
//!    [`Reason::InsufficientAuthentication`](crate::Reason::InsufficientAuthentication), 401 (RFC 9470).
//!
//! Of several conditions joined by `and`, the refusal that stands first in this list is the answer, except
//! that scopes and a login that are both missing are asked for at once, as the last, since one new token
//! brings both (RFC 9470 §3). What all the conditions ask for is named, and not only what is missing: the
//! scopes of all, the context classes that are good for all, the least age. Of several joined by `or`, the
//! refusal that stands last is the answer, since it is the easiest to cure.
//!
//! Every refusal names the scopes that the policy asks for ([`Refusal::scope`]), whatever the reason, so that
//! the challenge can tell a client which token to get (RFC 6750 §3). Where one of several scopes is enough,
//! it is the first.
//!
//! ```
//! use std::time::Duration;
//! use tower_bearer::identity::CredentialKind;
//! use tower_bearer::policy::Policy;
//!
//! let transfer = Policy::scope("payments:write")
//!     .and(Policy::kind(CredentialKind::Session))
//!     .and(Policy::max_age(Duration::from_secs(300)));
//! let read = Policy::scope("payments:read").or(Policy::role("auditor"));
//! ```

mod asked;
mod debug;
mod grpc_method;
mod judge;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::ConfigError;
use crate::head::RequestHead;
use crate::identity::{CredentialKind, Identity};
use crate::refusal::Refusal;
use crate::scope::ScopeSet;

pub(crate) use asked::AskedScopes;
pub(crate) use grpc_method::{is_grpc_method, not_a_grpc_method};

/// The proof that a policy was met. Only a policy makes one.
#[derive(Debug, Clone, Copy)]
pub struct Permit(());

/// A condition on the caller. A clone shares its contents.
#[derive(Clone)]
pub struct Policy {
    node: Arc<Node>,
}

type ResourceOf = dyn Fn(&RequestHead<'_>) -> Option<String> + Send + Sync;
type Check = dyn Fn(&Identity, Option<&RequestHead<'_>>) -> bool + Send + Sync;

pub(crate) enum Node {
    Anyone,
    Anonymous,
    Authenticated,
    Scopes(ScopeSet),
    Role(Box<str>),
    RoleOn(Box<str>, Box<str>),
    RoleOnRequested(Box<str>, Box<ResourceOf>),
    Kinds(Vec<CredentialKind>),
    MaxAge(Duration),
    Acr(Vec<Box<str>>),
    Check(Box<Check>),
    All(Vec<Policy>),
    Any(Vec<Policy>),
    Not(Policy),
    ByPath(HashMap<Box<str>, Policy>, Policy),
    Wrong(ConfigError),
}

impl Policy {
    /// Lets everybody in, anonymous callers too. So does whatever it is joined to by [`or`](Self::or).
    #[must_use]
    pub fn anyone() -> Self {
        Self::of(Node::Anyone)
    }

    /// Lets anonymous callers in and nobody else, as in `Policy::anonymous().or(Policy::scope("x"))`:
    /// strangers may pass, and those with a name need the scope.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::of(Node::Anonymous)
    }

    /// Asks for a caller with a name, and nothing more.
    #[must_use]
    pub fn authenticated() -> Self {
        Self::of(Node::Authenticated)
    }

    /// Asks for a scope.
    #[must_use]
    pub fn scope(scope: impl AsRef<str>) -> Self {
        Self::scopes([scope])
    }

    /// Asks for every one of these scopes.
    #[must_use]
    pub fn scopes<I>(scopes: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Self::of(match ScopeSet::try_from_iter(scopes) {
            Ok(scopes) if scopes.is_empty() => {
                Node::Wrong(ConfigError::new("scopes", "a policy names none"))
            }
            Ok(scopes) => Node::Scopes(scopes),
            Err(error) => Node::Wrong(ConfigError::new("scopes", error.to_string())),
        })
    }

    /// Asks for a role that is held everywhere.
    #[must_use]
    pub fn role(role: impl Into<Box<str>>) -> Self {
        Self::of(Node::Role(role.into()))
    }

    /// Asks for a role on `resource`, held there alone or everywhere.
    #[must_use]
    pub fn role_on(role: impl Into<Box<str>>, resource: impl Into<Box<str>>) -> Self {
        Self::of(Node::RoleOn(role.into(), resource.into()))
    }

    /// Asks for a role on the resource that the request is about, as `resource` reads it off the head.
    ///
    /// Where `resource` finds none, the role must be held everywhere. The path is read as it was sent:
    /// what is percent-encoded in it is for `resource` to decode, as the handler will.
    ///
    /// ```
    /// use tower_bearer::policy::Policy;
    ///
    /// let editor = Policy::role_on_requested("editor", |head| {
    ///     head.uri.path().split('/').nth(2).map(str::to_owned) // /sites/ID/pages
    /// });
    /// ```
    #[must_use]
    pub fn role_on_requested<F>(role: impl Into<Box<str>>, resource: F) -> Self
    where
        F: Fn(&RequestHead<'_>) -> Option<String> + Send + Sync + 'static,
    {
        Self::of(Node::RoleOnRequested(role.into(), Box::new(resource)))
    }

    /// Asks for a kind of credential.
    #[must_use]
    pub fn kind(kind: CredentialKind) -> Self {
        Self::kinds([kind])
    }

    /// Asks for one of these kinds of credential.
    #[must_use]
    pub fn kinds(kinds: impl IntoIterator<Item = CredentialKind>) -> Self {
        let kinds: Vec<_> = kinds.into_iter().collect();
        Self::of(match kinds.is_empty() {
            true => Node::Wrong(ConfigError::new("kinds", "a policy names none")),
            false => Node::Kinds(kinds),
        })
    }

    /// Asks that the login behind the credential (`auth_time`) be no older than `age` (RFC 9470).
    ///
    /// A credential that does not tell its login's time does not meet this, nor does one that tells a time
    /// more than 30 seconds ahead.
    #[must_use]
    pub fn max_age(age: Duration) -> Self {
        Self::of(Node::MaxAge(age))
    }

    /// Asks that the login behind the credential have one of these context classes (`acr`, RFC 9470).
    #[must_use]
    pub fn acr<I>(values: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        let values: Vec<Box<str>> = values.into_iter().map(Into::into).collect();
        // They go into the challenge, parted by spaces.
        let is_acr = |value: &str| !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic());
        Self::of(match values.iter().find(|value| !is_acr(value)) {
            Some(wrong) => Node::Wrong(ConfigError::new(
                "acr",
                format!("{wrong:?} is not printable ASCII without spaces"),
            )),
            None if values.is_empty() => {
                Node::Wrong(ConfigError::new("acr", "a policy names none"))
            }
            None => Node::Acr(values),
        })
    }

    /// Asks that `check` be true of the identity and the request's head.
    ///
    /// The head is absent where the policy is held against a user in code.
    #[must_use]
    pub fn check<F>(check: F) -> Self
    where
        F: Fn(&Identity, Option<&RequestHead<'_>>) -> bool + Send + Sync + 'static,
    {
        Self::of(Node::Check(Box::new(check)))
    }

    /// Asks for every one of these policies. None at all is a mistake, refused by the layer.
    #[must_use]
    pub fn all(policies: impl IntoIterator<Item = Self>) -> Self {
        let policies: Vec<_> = policies.into_iter().collect();
        Self::of(match policies.is_empty() {
            true => Node::Wrong(ConfigError::new("all", "a policy of no conditions")),
            false => Node::All(policies),
        })
    }

    /// Asks for one of these policies. None at all is a mistake, refused by the layer.
    #[must_use]
    pub fn any(policies: impl IntoIterator<Item = Self>) -> Self {
        let policies: Vec<_> = policies.into_iter().collect();
        Self::of(match policies.is_empty() {
            true => Node::Wrong(ConfigError::new("any", "a policy of no conditions")),
            false => Node::Any(policies),
        })
    }

    /// Asks for this and for `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::all([self, other])
    }

    /// Asks for this or for `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::any([self, other])
    }

    /// Asks for a caller with a name who does not meet this.
    #[must_use]
    pub fn negate(self) -> Self {
        Self::of(Node::Not(self))
    }

    /// Chooses the policy by the request's exact path, which for gRPC is its method:
    /// `/package.Service/Method`. A path that is not listed is held against `otherwise`. Without a request,
    /// in code, there is no path and the policy is not met.
    ///
    /// ```
    /// use tower_bearer::policy::Policy;
    ///
    /// let policy = Policy::by_grpc_method(
    ///     [
    ///         ("/shop.Orders/Get", Policy::scope("orders:read")),
    ///         ("/shop.Orders/Place", Policy::scope("orders:write")),
    ///     ],
    ///     Policy::role("admin"),
    /// );
    /// ```
    #[must_use]
    pub fn by_grpc_method<I, P>(methods: I, otherwise: Self) -> Self
    where
        I: IntoIterator<Item = (P, Self)>,
        P: Into<Box<str>>,
    {
        let mut by_path = HashMap::new();
        for (path, policy) in methods {
            let path = path.into();
            if !is_grpc_method(&path) {
                return Self::of(Node::Wrong(not_a_grpc_method("by_grpc_method", &path)));
            }
            if by_path.insert(path.clone(), policy).is_some() {
                let problem = format!("{path} is named twice");
                return Self::of(Node::Wrong(ConfigError::new("by_grpc_method", problem)));
            }
        }
        Self::of(Node::ByPath(by_path, otherwise))
    }

    /// Holds the policy against a caller (`None` is anonymous) at `now`.
    ///
    /// The head is `None` where there is no request at hand; a condition that needs one is not met then, nor
    /// is its opposite. [`role_on_requested`](Self::role_on_requested) is met there by a role that is held
    /// everywhere.
    ///
    /// # Errors
    /// Why it is not met, as the rules of this module say.
    pub fn judge(
        &self,
        caller: Option<&Identity>,
        head: Option<&RequestHead<'_>>,
        now: Timestamp,
    ) -> Result<Permit, Refusal> {
        self.hold(caller, head, now).map_err(|refusal| {
            let asked = asked::scopes(&self.node, head.map(|head| head.uri.path()));
            match refusal.scope() {
                None if !asked.is_empty() => refusal.with_scope(asked),
                _ => refusal,
            }
        })
    }

    /// As [`judge`](Self::judge), for a layer that knows the scopes beforehand: the refusal names them only
    /// where one is missing.
    pub(crate) fn hold(
        &self,
        caller: Option<&Identity>,
        head: Option<&RequestHead<'_>>,
        now: Timestamp,
    ) -> Result<Permit, Refusal> {
        judge::judge(&self.node, caller, head, now).map(|()| Permit(()))
    }

    /// The scopes that the policy asks for.
    pub(crate) fn asked_scopes(&self) -> AskedScopes {
        AskedScopes::of(&self.node)
    }

    /// That the policy can be right, for whoever builds a layer of it.
    pub(crate) fn no_mistake(&self) -> Result<(), ConfigError> {
        self.mistake().cloned().map_or(Ok(()), Err)
    }

    /// The first mistake in it.
    fn mistake(&self) -> Option<&ConfigError> {
        match &*self.node {
            Node::Wrong(error) => Some(error),
            Node::All(policies) | Node::Any(policies) => policies.iter().find_map(Self::mistake),
            Node::Not(policy) => policy.mistake(),
            Node::ByPath(by_path, otherwise) => {
                by_path.values().chain([otherwise]).find_map(Self::mistake)
            }
            _ => None,
        }
    }

    fn of(node: Node) -> Self {
        Self {
            node: Arc::new(node),
        }
    }
}
