use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;

use super::builder::BearerAuthLayerBuilder;
use super::door::Door;
use super::service::BearerAuth;
use crate::verifier::TokenVerifier;

/// Guards a service: every request must carry a bearer token that the verifier accepts.
///
/// It fits axum routers, tonic servers and any tower service of HTTP requests whose response body can
/// carry a refusal ([`ResponseBody`](crate::challenge::ResponseBody)). A clone bumps one count.
///
/// ```
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// use tower_bearer::identity::{CredentialKind, Identity};
/// use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Refusal, verifier::verify_fn};
/// # use bytes::Bytes;
/// # use http::{Request, Response};
/// # use http_body_util::Full;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let verifier = verify_fn(async |presented| match presented.token.expose_secret() {
///     "spring-sale" => Ok(Identity::new("visitor", CredentialKind::Other)),
///     _ => Err(Refusal::invalid("no such coupon")),
/// });
/// let mut service = ServiceBuilder::new()
///     .layer(BearerAuthLayer::new(verifier))
///     .service_fn(async |request: Request<()>| {
///         let user = AuthenticatedUser::from_extensions(request.extensions())?;
///         Ok::<_, tower::BoxError>(Response::new(Full::new(Bytes::from(user.subject().to_owned()))))
///     });
///
/// let good = Request::get("/").header("authorization", "Bearer spring-sale").body(()).unwrap();
/// assert_eq!(service.ready().await.unwrap().call(good).await.unwrap().status(), 200);
/// let bare = Request::get("/").body(()).unwrap();
/// assert_eq!(service.ready().await.unwrap().call(bare).await.unwrap().status(), 401);
/// # });
/// ```
#[derive(Clone)]
pub struct BearerAuthLayer {
    door: Arc<Door>,
}

impl BearerAuthLayer {
    /// A layer with the defaults: no realm, a header of at most 8 KiB, no anonymous callers, no policy.
    #[must_use]
    pub fn new(verifier: impl TokenVerifier + 'static) -> Self {
        Self::of(BearerAuthLayerBuilder::new(Arc::new(verifier)).into_door())
    }

    /// A layer to be set up.
    pub fn builder(verifier: impl TokenVerifier + 'static) -> BearerAuthLayerBuilder {
        BearerAuthLayerBuilder::new(Arc::new(verifier))
    }

    pub(super) fn of(door: Door) -> Self {
        Self {
            door: Arc::new(door),
        }
    }
}

impl<S> Layer<S> for BearerAuthLayer {
    type Service = BearerAuth<S>;

    fn layer(&self, inner: S) -> BearerAuth<S> {
        BearerAuth::new(inner, Arc::clone(&self.door))
    }
}

impl fmt::Debug for BearerAuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BearerAuthLayer").field(&self.door).finish()
    }
}
