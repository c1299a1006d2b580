use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::task::{Context, Poll};
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use sha2::{Digest, Sha256};
use tower_service::Service;

use super::signing_keys::SigningKeys;
use crate::challenge::ResponseBody;
use crate::document::{Document, cache_control};
use crate::error::ConfigError;

/// Serves the public half of [`SigningKeys`] as a JWK Set, for others to verify by.
///
/// It answers `GET` and `HEAD` with `application/jwk-set+json` (RFC 7517 §8.5), a `Cache-Control` and an
/// `ETag`, with 304 to an `If-None-Match` that names the set as it is, and any other method with 405. It
/// does not look at the path, so mount it where the issuer's metadata says, and outside of what asks for a
/// token:
///
#[cfg_attr(feature = "axum", doc = "```")]
#[cfg_attr(not(feature = "axum"), doc = "```ignore")]
/// use axum::Router;
/// use tower_bearer::ConfigError;
/// use tower_bearer::issue::{JwksService, SigningKeys};
///
/// fn routes(keys: &SigningKeys) -> Result<Router, ConfigError> {
///     Ok(Router::new().route_service("/.well-known/jwks.json", JwksService::new(keys)?))
/// }
/// ```
///
/// In plain tower the body is `Full<Bytes>` of `http-body-util`, or the one that
/// [`with_body`](Self::with_body) names.
pub struct JwksService<B = Full<Bytes>> {
    keys: SigningKeys,
    cache_control: HeaderValue,
    body: PhantomData<fn() -> B>,
}

impl JwksService {
    /// Serves these keys, as they are when asked. An answer may be kept for five minutes.
    ///
    /// # Errors
    /// If the keys are secrets, of which nothing is public.
    pub fn new(keys: impl Into<SigningKeys>) -> Result<Self, ConfigError> {
        let keys = keys.into();
        keys.require_public()?;
        Ok(Self {
            keys,
            cache_control: cache_control(Duration::from_secs(300)),
            body: PhantomData,
        })
    }
}

impl<B: ResponseBody> JwksService<B> {
    /// For how long an answer may be kept (`max-age`), in whole seconds. A key that is to sign is published
    /// for at least as long before, by [`with_publish_ahead`](SigningKeys::with_publish_ahead).
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.cache_control = cache_control(max_age);
        self
    }

    /// Answers with bodies of another type.
    #[must_use]
    pub fn with_body<C: ResponseBody>(self) -> JwksService<C> {
        JwksService {
            keys: self.keys,
            cache_control: self.cache_control,
            body: PhantomData,
        }
    }

    fn answer(&self, method: &Method, headers: &HeaderMap) -> Response<B> {
        let set = self.keys.public_set();
        let document = Document {
            content_type: "application/jwk-set+json",
            cache_control: &self.cache_control,
            etag: &etag(&set),
            body: &set,
        };
        document.answer(method, headers)
    }
}

impl<R, B: ResponseBody> Service<Request<R>> for JwksService<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        ready(Ok(self.answer(request.method(), request.headers())))
    }
}

impl<B> Clone for JwksService<B> {
    fn clone(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            cache_control: self.cache_control.clone(),
            body: PhantomData,
        }
    }
}

impl<B> fmt::Debug for JwksService<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksService")
            .field("keys", &self.keys)
            .field("cache_control", &self.cache_control)
            .finish_non_exhaustive()
    }
}

/// A strong validator (RFC 9110 §8.8.3) of these bytes.
fn etag(json: &[u8]) -> String {
    let digest = Sha256::digest(json);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode_to_string(&digest[..16]))
}
