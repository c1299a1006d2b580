//! A document at hand, answered as HTTP caches need it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::challenge::ResponseBody;

/// What is answered to `GET` and `HEAD`.
pub(crate) struct Document<'a> {
    pub(crate) content_type: &'static str,
    pub(crate) cache_control: &'a HeaderValue,
    /// A strong validator (RFC 9110 §8.8.3), with its quotes.
    pub(crate) etag: &'a str,
    pub(crate) body: &'a Bytes,
}

impl Document<'_> {
    /// The answer to a request for it: 304 where `If-None-Match` names it, 405 to other methods.
    pub(crate) fn answer<B: ResponseBody>(
        &self,
        method: &Method,
        headers: &HeaderMap,
    ) -> Response<B> {
        if method != Method::GET && method != Method::HEAD {
            let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
            let methods = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, methods);
            return response;
        }
        let is_known = names(headers, self.etag);
        let body = if is_known || method == Method::HEAD {
            Bytes::new()
        } else {
            self.body.clone()
        };
        let mut response = Response::new(B::from_bytes(body));
        let head = response.headers_mut();
        head.insert(CACHE_CONTROL, self.cache_control.clone());
        if let Ok(etag) = HeaderValue::from_str(self.etag) {
            head.insert(ETAG, etag);
        }
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            head.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            head.insert(CONTENT_LENGTH, self.body.len().into());
        }
        response
    }
}

/// An answer without a body.
pub(crate) fn empty<B: ResponseBody>(status: StatusCode) -> Response<B> {
    let mut response = Response::new(B::from_bytes(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// For how long anybody may keep an answer, in whole seconds.
pub(crate) fn cache_control(max_age: Duration) -> HeaderValue {
    let text = format!("public, max-age={}", max_age.as_secs());
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("no-cache"))
}

/// Whether `If-None-Match` names the document, by weak comparison (RFC 9110 §13.1.2).
fn names(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == etag)
}
