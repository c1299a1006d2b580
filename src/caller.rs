//! The caller, as handlers meet them: [`AuthenticatedUser`], and [`Denied`] for those turned away in code.
//!
//! # In a test
//! With the feature `testing`, [`testing::log_in_as`](crate::testing::log_in_as) makes an
//! [`AuthenticatedUser`] for a handler that is called by itself. A test of a whole router goes through a
//! layer. Its verifier may believe whatever it is told: here the token is the name, and `admin-` before it
//! gives the role.
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use tower::ServiceExt;
//! use tower_bearer::identity::{CredentialKind, Identity, RoleGrant};
//! use tower_bearer::{AuthenticatedUser, BearerAuthLayer, verifier::verify_fn};
//!
//! async fn me(user: AuthenticatedUser) -> String {
//!     user.subject().to_owned()
//! }
//!
//! fn routes() -> Router {
//!     Router::new().route("/me", get(me)) // the service puts its real layer around this
//! }
//!
//! # #[tokio::main] async fn main() {
//! let believing = verify_fn(async |presented| {
//!     let token = presented.token.expose_secret();
//!     let name = token.strip_prefix("admin-");
//!     let identity = Identity::new(name.unwrap_or(token), CredentialKind::Other);
//!     Ok(match name {
//!         Some(_) => identity.with_role(RoleGrant::new("admin")),
//!         None => identity,
//!     })
//! });
//! let app = routes().layer(BearerAuthLayer::new(believing));
//!
//! let request = Request::get("/me").header("authorization", "Bearer admin-alice");
//! let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
//! assert_eq!(response.status(), 200);
//! # }
//! ```

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use http::{Extensions, Response};

use crate::challenge::{Challenger, ChallengerBuilder, ResponseBody};
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::policy::{Permit, Policy};
use crate::refusal::{Reason, Refusal};

/// The caller of a request that a [`BearerAuthLayer`](crate::BearerAuthLayer) let in.
///
/// Reads as the [`Identity`] that it holds. A clone bumps two counts.
///
/// - In axum it is an extractor. `Option<AuthenticatedUser>` is `None` for an anonymous caller, and only
///   where a layer in optional mode let one in.
/// - In tonic and plain tower it is in the request's extensions: [`from_extensions`](Self::from_extensions).
///
/// Without any layer in front, both are a wiring fault: 500, and an error in the log that says which layer
/// to add.
#[derive(Clone)]
pub struct AuthenticatedUser {
    identity: Identity,
    challenger: Arc<Challenger>,
}

/// The mark of a caller without a name, left by a layer that let them in.
#[derive(Clone)]
pub(crate) struct Anonymous {
    pub(crate) challenger: Arc<Challenger>,
}

impl AuthenticatedUser {
    /// The caller, from a request's extensions. Of an error here listeners hear nothing; of one by the
    /// extractor they do.
    ///
    /// # Errors
    /// A [`Denied`] with [`Reason::Anonymous`] for an anonymous caller, and with [`Reason::Misconfigured`]
    /// where no layer saw the request.
    pub fn from_extensions(extensions: &Extensions) -> Result<Self, Denied> {
        match Self::optional_from_extensions(extensions)? {
            Some(user) => Ok(user),
            None => Err(Denied::new(
                Refusal::new(Reason::Anonymous, "the handler asks for a caller"),
                extensions
                    .get::<Anonymous>()
                    .map(|anonymous| Arc::clone(&anonymous.challenger)),
            )),
        }
    }

    /// The caller, or `None` for an anonymous one.
    ///
    /// # Errors
    /// A [`Denied`] with [`Reason::Misconfigured`] where no layer saw the request.
    pub fn optional_from_extensions(extensions: &Extensions) -> Result<Option<Self>, Denied> {
        if let Some(user) = extensions.get::<Self>() {
            return Ok(Some(user.clone()));
        }
        if extensions.get::<Anonymous>().is_some() {
            return Ok(None);
        }
        Err(Denied::without_layer())
    }

    /// Who the caller is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Holds the caller against `policy`.
    ///
    /// # Errors
    /// A [`Denied`], which is an axum response and a `tonic::Status` in the name of the layer that let the
    /// caller in.
    ///
    /// ```
    /// use tower_bearer::{AuthenticatedUser, policy::Policy, caller::Denied};
    ///
    /// async fn delete_site(user: AuthenticatedUser) -> Result<&'static str, Denied> {
    ///     user.require(&Policy::role_on("owner", "site-1"))?;
    ///     Ok("deleted")
    /// }
    /// ```
    pub fn require(&self, policy: &Policy) -> Result<Permit, Denied> {
        let now = self.challenger.clock.now();
        let identity = Some(&self.identity);
        let judged = policy.judge(identity, None, now);
        judged.map_err(|refusal| self.deny(refusal))
    }

    /// Turns the caller away for a reason that code found, as the layer in front would. Listeners hear of
    /// it.
    ///
    /// ```
    /// use tower_bearer::{AuthenticatedUser, Refusal, caller::Denied};
    ///
    /// async fn download(user: AuthenticatedUser) -> Result<&'static str, Denied> {
    ///     if user.client_id().is_none() {
    ///         return Err(user.deny(Refusal::forbidden("downloads are for known clients")));
    ///     }
    ///     Ok("…")
    /// }
    /// ```
    #[must_use]
    pub fn deny(&self, refusal: Refusal) -> Denied {
        let now = self.challenger.clock.now();
        self.challenger
            .report(&refusal, Some(&self.identity), None, now);
        Denied::new(refusal, Some(Arc::clone(&self.challenger)))
    }

    pub(crate) fn new(identity: Identity, challenger: Arc<Challenger>) -> Self {
        Self {
            identity,
            challenger,
        }
    }

    pub(crate) fn challenger(&self) -> &Arc<Challenger> {
        &self.challenger
    }
}

impl Deref for AuthenticatedUser {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

impl fmt::Debug for AuthenticatedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthenticatedUser")
            .field(&self.identity)
            .finish()
    }
}

/// A caller turned away in code: by an extractor, or by [`AuthenticatedUser::require`].
///
/// It is an axum response and turns into a `tonic::Status`; both speak as the layer in front does.
/// A handler's own error holds one by `From<Denied>`, and answers it by [`into_response`](Self::into_response).
#[derive(Clone)]
pub struct Denied {
    inner: Box<Inner>,
}

#[derive(Clone)]
struct Inner {
    refusal: Refusal,
    challenger: Arc<Challenger>,
}

impl Denied {
    /// Why.
    #[must_use]
    pub fn refusal(&self) -> &Refusal {
        &self.inner.refusal
    }

    /// The answer to a plain HTTP request.
    #[must_use]
    pub fn into_response<B: ResponseBody>(self) -> Response<B> {
        let Inner {
            refusal,
            challenger,
        } = *self.inner;
        challenger.answer(refusal, None)
    }

    /// The answer to the request with this head, which may be gRPC.
    #[must_use]
    pub fn into_response_to<B: ResponseBody>(self, head: &RequestHead<'_>) -> Response<B> {
        let Inner {
            refusal,
            challenger,
        } = *self.inner;
        challenger.answer(refusal, Some(head))
    }

    /// Tells the layer's listeners. Of a missing layer, the log was told already.
    #[cfg(feature = "axum")]
    pub(crate) fn report(&self, head: &RequestHead<'_>) {
        let Inner {
            refusal,
            challenger,
        } = &*self.inner;
        if refusal.reason() == Reason::Misconfigured {
            return;
        }
        challenger.report(refusal, None, Some(head), challenger.clock.now());
    }

    #[cfg(feature = "tonic")]
    pub(crate) fn grpc_metadata(&self) -> http::HeaderMap {
        self.inner.challenger.grpc_metadata(&self.inner.refusal)
    }

    pub(crate) fn without_layer() -> Self {
        #[cfg(feature = "tracing")]
        tracing::error!(
            target: "tower_bearer",
            "no BearerAuthLayer saw this request: add `.layer(BearerAuthLayer::new(verifier))` to the \
             router or server, outside of what asks for the caller"
        );
        Self::new(
            Refusal::new(
                Reason::Misconfigured,
                "no BearerAuthLayer saw this request: add `.layer(BearerAuthLayer::new(verifier))`",
            ),
            None,
        )
    }

    fn new(refusal: Refusal, challenger: Option<Arc<Challenger>>) -> Self {
        let challenger =
            challenger.unwrap_or_else(|| Arc::new(ChallengerBuilder::default().build()));
        Self {
            inner: Box::new(Inner {
                refusal,
                challenger,
            }),
        }
    }
}

impl fmt::Debug for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Denied").field(&self.inner.refusal).finish()
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.refusal.fmt(f)
    }
}

impl std::error::Error for Denied {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.inner.refusal)
    }
}
