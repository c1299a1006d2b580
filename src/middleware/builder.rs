use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::door::{Door, Mode};
use super::layer::BearerAuthLayer;
use crate::binding::Binding;
use crate::challenge::{ChallengerBuilder, RefusalAnswer};
use crate::clock::Clock;
use crate::credential::DEFAULT_MAX_LEN;
use crate::error::ConfigError;
use crate::head::RequestHead;
use crate::observe::AuthListener;
use crate::policy::{Policy, is_grpc_method, not_a_grpc_method};
use crate::refusal::Refusal;
use crate::scope::ScopeSet;
use crate::url::check_url;
use crate::verifier::TokenVerifier;

/// Sets up a [`BearerAuthLayer`]; ends with [`build`](Self::build).
///
/// ```
/// # use tower_bearer::{BearerAuthLayer, ConfigError, TokenVerifier};
/// use tower_bearer::policy::Policy;
///
/// # fn example(verifier: impl TokenVerifier + 'static) -> Result<BearerAuthLayer, ConfigError> {
/// BearerAuthLayer::builder(verifier)
///     .realm("orders")
///     .require(Policy::scope("orders:read"))
///     .build()
/// # }
/// ```
#[must_use = "a layer is made by `build`"]
pub struct BearerAuthLayerBuilder {
    verifier: Arc<dyn TokenVerifier>,
    challenger: ChallengerBuilder,
    max_header_len: usize,
    remove_credential: bool,
    mode: Mode,
    ignore_other_schemes: bool,
    allow_cors_preflight: bool,
    open_grpc_methods: Vec<String>,
    binding: Option<Binding>,
    policy: Option<Policy>,
}

impl BearerAuthLayerBuilder {
    pub(super) fn new(verifier: Arc<dyn TokenVerifier>) -> Self {
        Self {
            verifier,
            challenger: ChallengerBuilder::default(),
            max_header_len: DEFAULT_MAX_LEN,
            remove_credential: false,
            mode: Mode::Required,
            ignore_other_schemes: false,
            allow_cors_preflight: false,
            open_grpc_methods: Vec::new(),
            binding: None,
            policy: None,
        }
    }

    /// Names the protection space in challenges (`realm`, RFC 9110 §11.5). Printable ASCII.
    pub fn realm(mut self, realm: impl Into<Box<str>>) -> Self {
        self.challenger.realm = Some(realm.into());
        self
    }

    /// Tells clients in every challenge where the resource's metadata is (`resource_metadata`, RFC 9728 §5.1),
    /// from which they learn whom to ask for a token. The URL is that of a
    /// [`ResourceMetadata`](crate::metadata::ResourceMetadata), or of a document that is served elsewhere.
    ///
    /// ```
    /// # use tower_bearer::{BearerAuthLayer, ConfigError, TokenVerifier};
    /// use tower_bearer::metadata::ResourceMetadata;
    ///
    /// # fn example(verifier: impl TokenVerifier + 'static) -> Result<BearerAuthLayer, ConfigError> {
    /// let metadata = ResourceMetadata::builder("https://api.example.com/orders")
    ///     .authorization_server("https://id.example.com")
    ///     .build()?;
    /// BearerAuthLayer::builder(verifier).resource_metadata(metadata.url()).build()
    /// # }
    /// ```
    pub fn resource_metadata(mut self, url: impl Into<Box<str>>) -> Self {
        self.challenger.resource_metadata = Some(url.into());
        self
    }

    /// Names these scopes in every challenge (`scope`, RFC 6750 §3), beside those that the policy asks for.
    /// The layer does not ask for them itself.
    ///
    /// It is for a layer whose routes have policies of their own: a stranger is turned away before any
    /// route is reached, and learns from this which scopes to begin with.
    pub fn challenge_scopes(mut self, scopes: ScopeSet) -> Self {
        self.challenger.scope = scopes;
        self
    }

    /// The longest `Authorization` value that is read, in bytes; 8 KiB by default. A longer one is
    /// answered 400 before anything else is done with it.
    ///
    /// What the dearest token demands grows with it: some 0.2 MiB of heap at 8 KiB, and more than a
    /// megabyte from about 64 KiB on. Servers have limits of their own on the size of headers.
    pub fn max_header_len(mut self, bytes: usize) -> Self {
        self.max_header_len = bytes;
        self
    }

    /// Takes the `Authorization` header, and a proof of possession, off each request that carries a bearer credential or is let in
    /// unseen, before the inner service sees it. A credential of another scheme that is
    /// [ignored](Self::ignore_other_schemes) stays.
    pub fn remove_credential(mut self) -> Self {
        self.remove_credential = true;
        self
    }

    /// Lets requests without a credential in as anonymous.
    ///
    /// No `Authorization` header at all is anonymous; anything there that is not a good bearer credential is
    /// refused as ever.
    ///
    /// A policy by [`require`](Self::require) is held against anonymous callers too, and turns them away
    /// unless it admits [`anyone`](Policy::anyone) or those who are [`anonymous`](Policy::anonymous).
    pub fn optional(mut self) -> Self {
        self.mode = Mode::Optional;
        self
    }

    /// Lets a request without a credential in as anonymous where `open` says so, asked anew each time.
    /// Otherwise as [`optional`](Self::optional).
    ///
    /// ```
    /// # use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
    /// # use tower_bearer::{BearerAuthLayer, ConfigError, TokenVerifier};
    /// # fn example(verifier: impl TokenVerifier + 'static) -> Result<BearerAuthLayer, ConfigError> {
    /// let public = Arc::new(AtomicBool::new(false)); // a setting that changes at run time
    /// BearerAuthLayer::builder(verifier)
    ///     .optional_when(move |head| head.method == "GET" && public.load(Ordering::Relaxed))
    ///     .build()
    /// # }
    /// ```
    pub fn optional_when<F>(mut self, open: F) -> Self
    where
        F: Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static,
    {
        self.mode = Mode::OptionalWhen(Box::new(open));
        self
    }

    /// In optional mode, takes a credential of another scheme, such as `Basic`, for none at all, and
    /// leaves it for the inner service.
    pub fn ignore_other_schemes(mut self) -> Self {
        self.ignore_other_schemes = true;
        self
    }

    /// Passes CORS preflights on unseen: `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
    ///
    /// The inner service must not act on them. Better is a CORS layer outside this one.
    pub fn allow_cors_preflight(mut self) -> Self {
        self.allow_cors_preflight = true;
        self
    }

    /// Passes calls of one gRPC method on unseen, such as `/grpc.health.v1.Health/Check`, by its exact path.
    ///
    /// The path is compared as it stands where the layer is put: put the layer around the whole server.
    pub fn open_grpc_method(mut self, path: impl Into<String>) -> Self {
        self.open_grpc_methods.push(path.into());
        self
    }

    /// Has possession proved of what a token is bound to: by DPoP, or by the client's certificate
    /// ([`binding`](crate::binding)). Without it, bound tokens are refused. Said twice, the later counts.
    #[cfg(feature = "jwt")]
    pub fn binding(mut self, binding: impl Into<Binding>) -> Self {
        let binding = binding.into();
        self.challenger.schemes = binding.challenged();
        self.binding = Some(binding);
        self
    }

    /// Holds each caller against `policy`. Said twice, both must be met. The scopes that it asks for are named
    /// in every challenge.
    pub fn require(mut self, policy: Policy) -> Self {
        self.policy = Some(match self.policy {
            Some(held) => held.and(policy),
            None => policy,
        });
        self
    }

    /// Where the time comes from; the operating system by default.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.challenger.clock = Arc::new(clock);
        self
    }

    /// The `Retry-After` of a 503 whose cause names none; one second by default.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.challenger.retry_after = after;
        self
    }

    /// Answers every refusal as HTTP, whatever the request's content type.
    ///
    /// A gRPC refusal is HTTP 200. Where the status alone is looked at, as by a proxy that asks this service
    /// whether to let a request through, a client must not be able to choose that.
    pub fn without_grpc(mut self) -> Self {
        self.challenger.speaks_grpc = false;
        self
    }

    /// Calls `hook` with each HTTP refusal, to change its status and body.
    ///
    /// The head is `None` where the refusal comes from code, by an extractor or
    /// [`require`](crate::AuthenticatedUser::require). gRPC refusals are not shown to it.
    ///
    /// ```
    /// # use tower_bearer::{BearerAuthLayer, ConfigError, Reason, TokenVerifier};
    /// # fn example(verifier: impl TokenVerifier + 'static) -> Result<BearerAuthLayer, ConfigError> {
    /// BearerAuthLayer::builder(verifier)
    ///     .on_refusal(|refusal, _head, answer| {
    ///         let body = match refusal.reason() {
    ///             Reason::Missing => r#"{"msg":"Missing Authorization Header"}"#,
    ///             _ => r#"{"msg":"Refused"}"#,
    ///         };
    ///         answer.set_body("application/json", body);
    ///     })
    ///     .build()
    /// # }
    /// ```
    pub fn on_refusal<F>(mut self, hook: F) -> Self
    where
        F: Fn(&Refusal, Option<&RequestHead<'_>>, &mut RefusalAnswer) + Send + Sync + 'static,
    {
        self.challenger.hook = Some(Box::new(hook));
        self
    }

    /// Tells `listener` of each decision. Several may listen.
    pub fn listener(mut self, listener: impl AuthListener + 'static) -> Self {
        self.challenger.listeners.push(Arc::new(listener));
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// A [`ConfigError`] that names the setting which cannot be right.
    pub fn build(self) -> Result<BearerAuthLayer, ConfigError> {
        self.check()?;
        Ok(BearerAuthLayer::of(self.into_door()))
    }

    fn check(&self) -> Result<(), ConfigError> {
        if let Some(realm) = &self.challenger.realm
            && !realm.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        {
            return Err(ConfigError::new("realm", "not printable ASCII"));
        }
        if let Some(url) = &self.challenger.resource_metadata {
            check_url("resource_metadata", url)?;
        }
        if self.max_header_len < "Bearer x".len() {
            return Err(ConfigError::new(
                "max_header_len",
                "too short for any token",
            ));
        }
        if self.ignore_other_schemes && matches!(self.mode, Mode::Required) {
            return Err(ConfigError::new(
                "ignore_other_schemes",
                "has no effect unless the layer is optional",
            ));
        }
        for path in &self.open_grpc_methods {
            if !is_grpc_method(path) {
                return Err(not_a_grpc_method("open_grpc_method", path));
            }
        }
        self.policy.as_ref().map_or(Ok(()), Policy::no_mistake)
    }

    pub(super) fn into_door(mut self) -> Door {
        if let Some(policy) = &self.policy {
            self.challenger.asked = policy.asked_scopes();
        }
        Door {
            verifier: self.verifier,
            challenger: Arc::new(self.challenger.build()),
            max_header_len: self.max_header_len,
            remove_credential: self.remove_credential,
            mode: self.mode,
            ignore_other_schemes: self.ignore_other_schemes,
            allow_cors_preflight: self.allow_cors_preflight,
            open_grpc_methods: HashSet::from_iter(self.open_grpc_methods),
            binding: self.binding,
            policy: self.policy,
        }
    }
}

impl std::fmt::Debug for BearerAuthLayerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BearerAuthLayerBuilder")
            .field("verifier", &self.verifier)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
