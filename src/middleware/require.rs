use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::future::Settled;
use crate::caller::{Anonymous, AuthenticatedUser, Denied};
use crate::challenge::ResponseBody;
use crate::error::ConfigError;
use crate::head::RequestHead;
use crate::policy::Policy;

/// Holds the callers of one route, handler or gRPC service against a policy.
///
/// It belongs inside a [`BearerAuthLayer`](crate::BearerAuthLayer), and its refusals speak as that layer
/// does. Without one it answers 500, and an error in the log says which layer to add.
///
#[cfg_attr(feature = "axum", doc = "```")]
#[cfg_attr(not(feature = "axum"), doc = "```ignore")]
/// use axum::{Router, routing::{delete, get}};
/// use tower_bearer::{BearerAuthLayer, ConfigError, RequireLayer, TokenVerifier, policy::Policy};
///
/// # async fn list() {} async fn remove() {}
/// fn app(verifier: impl TokenVerifier + 'static) -> Result<Router, ConfigError> {
///     let write = RequireLayer::new(Policy::scope("orders:write"))?;
///     Ok(Router::new()
///         .route("/orders/{id}", delete(remove).layer(write))
///         .route("/orders", get(list))
///         .layer(BearerAuthLayer::new(verifier)))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct RequireLayer {
    policy: Policy,
}

impl RequireLayer {
    /// A layer that holds callers against `policy`.
    ///
    /// # Errors
    /// A [`ConfigError`] where the policy cannot be right: a scope that is none, no conditions at all.
    pub fn new(policy: Policy) -> Result<Self, ConfigError> {
        policy.no_mistake()?;
        Ok(Self { policy })
    }
}

impl<S> Layer<S> for RequireLayer {
    type Service = Require<S>;

    fn layer(&self, inner: S) -> Require<S> {
        Require {
            inner,
            policy: self.policy.clone(),
        }
    }
}

/// A service with a policy, made by [`RequireLayer`].
#[derive(Debug, Clone)]
pub struct Require<S> {
    inner: S,
    policy: Policy,
}

impl<S, B, R> Service<Request<B>> for Require<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: ResponseBody,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = RequireFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let settled = match check(&self.policy, &RequestHead::of(&request)) {
            Ok(()) => Settled::inner(self.inner.call(request)),
            Err(response) => Settled::refused(response),
        };
        RequireFuture { settled }
    }
}

pin_project! {
    /// The future of the response of a service with a policy.
    #[derive(Debug)]
    pub struct RequireFuture<F, R> {
        #[pin]
        settled: Settled<F, Response<R>>,
    }
}

impl<F, R, E> Future for RequireFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().settled.poll(cx)
    }
}

fn check<R: ResponseBody>(policy: &Policy, head: &RequestHead<'_>) -> Result<(), Response<R>> {
    let user = head.extensions.get::<AuthenticatedUser>();
    let challenger = match (user, head.extensions.get::<Anonymous>()) {
        (Some(user), _) => user.challenger(),
        (None, Some(anonymous)) => &anonymous.challenger,
        (None, None) => return Err(Denied::without_layer().into_response_to(head)),
    };
    let identity = user.map(AuthenticatedUser::identity);
    let now = challenger.clock.now();
    let Err(refusal) = policy.judge(identity, Some(head), now) else {
        return Ok(());
    };
    challenger.report(&refusal, identity, Some(head), now);
    Err(challenger.answer(refusal, Some(head)))
}
