use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use tower_service::Service;

use super::resource::ResourceMetadata;
use crate::challenge::ResponseBody;
use crate::document::{Document, cache_control, empty};
use crate::error::ConfigError;

/// Serves the metadata of the resources of a host (RFC 9728 §3), to be mounted outside of the layer.
///
/// 1. A path that is not exactly that of one of the resources is 404.
/// 2. `GET` and `HEAD` are answered with the document, a `Cache-Control` and an `ETag`, or with 304 to an
///    `If-None-Match` that names the document as it is.
/// 3. `OPTIONS` is answered 204, so that a browser may ask with headers of its own; any other method 405.
/// 4. Every answer may be read by pages of other origins: there is nothing secret in it.
///
/// It compares the whole path, so a router must not shorten it: in axum mount it by `route_service`, at
/// [`path`](ResourceMetadata::path) or, for several resources, as here:
///
#[cfg_attr(feature = "axum", doc = "```")]
#[cfg_attr(not(feature = "axum"), doc = "```ignore")]
/// use axum::Router;
/// use tower_bearer::ConfigError;
/// use tower_bearer::metadata::{ResourceMetadata, ResourceMetadataService};
///
/// fn routes(orders: ResourceMetadata, stock: ResourceMetadata) -> Result<Router, ConfigError> {
///     let service = ResourceMetadataService::new([orders, stock])?;
///     Ok(Router::new()
///         .route_service("/.well-known/oauth-protected-resource/{*resource}", service))
/// }
/// ```
///
/// In plain tower the body is `Full<Bytes>` of `http-body-util`, or the one that
/// [`with_body`](Self::with_body) names.
pub struct ResourceMetadataService<B = Full<Bytes>> {
    documents: Arc<HashMap<Box<str>, Stored>>,
    cache_control: HeaderValue,
    body: PhantomData<fn() -> B>,
}

struct Stored {
    json: Bytes,
    etag: Box<str>,
}

impl ResourceMetadataService {
    /// Serves these. An answer may be kept for five minutes.
    ///
    /// # Errors
    /// If there is none, or if two would be at the same path, as those of one path on two hosts are.
    pub fn new(resources: impl IntoIterator<Item = ResourceMetadata>) -> Result<Self, ConfigError> {
        let bad = |problem| Err(ConfigError::new("resources", problem));
        let mut documents = HashMap::new();
        for resource in resources {
            let target = resource.target();
            let stored = Stored::new(resource.to_json());
            if documents.insert(target.into(), stored).is_some() {
                return bad(format!("two have their metadata at {target}"));
            }
        }
        if documents.is_empty() {
            return bad("there is none".to_owned());
        }
        Ok(Self {
            documents: Arc::new(documents),
            cache_control: cache_control(Duration::from_secs(300)),
            body: PhantomData,
        })
    }
}

impl<B: ResponseBody> ResourceMetadataService<B> {
    /// For how long an answer may be kept (`max-age`), in whole seconds.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.cache_control = cache_control(max_age);
        self
    }

    /// Answers with bodies of another type.
    #[must_use]
    pub fn with_body<C: ResponseBody>(self) -> ResourceMetadataService<C> {
        ResourceMetadataService {
            documents: self.documents,
            cache_control: self.cache_control,
            body: PhantomData,
        }
    }

    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response<B> {
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut response = match self.documents.get(target) {
            None => empty(StatusCode::NOT_FOUND),
            Some(_) if method == Method::OPTIONS => preflight(),
            Some(stored) => Document {
                content_type: "application/json",
                cache_control: &self.cache_control,
                etag: &stored.etag,
                body: &stored.json,
            }
            .answer(method, headers),
        };
        if let Some(allow) = response.headers_mut().get_mut(ALLOW) {
            *allow = METHODS;
        }
        let anybody = HeaderValue::from_static("*");
        let head = response.headers_mut();
        head.insert(ACCESS_CONTROL_ALLOW_ORIGIN, anybody);
        response
    }
}

impl Stored {
    fn new(json: String) -> Self {
        let mut hasher = DefaultHasher::new();
        json.hash(&mut hasher);
        Self {
            etag: format!("\"{:016x}\"", hasher.finish()).into(),
            json: json.into(),
        }
    }
}

impl<R, B: ResponseBody> Service<Request<R>> for ResourceMetadataService<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        let answer = self.answer(request.method(), request.uri(), request.headers());
        ready(Ok(answer))
    }
}

impl<B> Clone for ResourceMetadataService<B> {
    fn clone(&self) -> Self {
        Self {
            documents: Arc::clone(&self.documents),
            cache_control: self.cache_control.clone(),
            body: PhantomData,
        }
    }
}

impl<B> fmt::Debug for ResourceMetadataService<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceMetadataService")
            .field("paths", &self.documents.keys())
            .field("cache_control", &self.cache_control)
            .finish_non_exhaustive()
    }
}

/// Clients of MCP send a header of their own, for which a browser asks first.
fn preflight<B: ResponseBody>() -> Response<B> {
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ALLOW, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    response
}

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
