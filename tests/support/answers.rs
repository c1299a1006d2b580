//! Responses as a client sees them, and what every refusal must look like.

use std::fmt;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

use super::challenge;

/// A whole response.
pub struct Seen {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub extensions: Extensions,
    pub body: Bytes,
    pub trailers: HeaderMap,
}

impl Seen {
    pub async fn of<B>(response: Response<B>) -> Self
    where
        B: Body,
        B::Error: fmt::Debug,
    {
        let (parts, body) = response.into_parts();
        let collected = body.collect().await.expect("a whole body");
        Self {
            status: parts.status,
            headers: parts.headers,
            extensions: parts.extensions,
            trailers: collected.trailers().cloned().unwrap_or_default(),
            body: collected.to_bytes(),
        }
    }

    /// A header that occurs once, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} occurs twice");
        Some(value.to_str().expect("printable ASCII"))
    }

    pub fn challenge(&self) -> challenge::Challenge {
        challenge::bearer(&self.headers)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The status of a gRPC response, be it in the headers or in the trailers.
    pub fn grpc_status(&self) -> Option<&str> {
        let at_end = self.trailers.get("grpc-status");
        let status = self.headers.get("grpc-status").or(at_end)?;
        Some(status.to_str().unwrap())
    }

    /// Everything that went over the wire.
    pub fn text(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let mut text = format!("{} {body}", self.status);
        for (name, value) in self.headers.iter().chain(&self.trailers) {
            let value = String::from_utf8_lossy(value.as_bytes());
            text.push_str(&format!("\n{name}: {value}"));
        }
        text
    }
}

/// Sends one request to a service, when it is ready.
pub async fn send<S, B, R>(service: &S, request: Request<B>) -> Seen
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: fmt::Debug,
    R: Body,
    R::Error: fmt::Debug,
{
    Seen::of(service.clone().oneshot(request).await.expect("a response")).await
}

/// A request with one `Authorization` header.
pub fn with_token(token: &str) -> Request<String> {
    request("/", &[format!("Bearer {token}").as_bytes()])
}

/// A request without credentials.
pub fn bare() -> Request<String> {
    request("/", &[])
}

/// A `GET` of `path` with these `Authorization` headers.
pub fn request(path: &str, authorization: &[&[u8]]) -> Request<String> {
    let mut request = Request::new(String::new());
    *request.uri_mut() = path.parse().unwrap();
    for value in authorization {
        let value = http::HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().append("authorization", value);
    }
    request
}

/// A gRPC call of `path`.
pub fn grpc_request(path: &str, authorization: &[&[u8]]) -> Request<String> {
    let mut request = request(path, authorization);
    *request.method_mut() = http::Method::POST;
    let kind = http::HeaderValue::from_static("application/grpc");
    request.headers_mut().insert("content-type", kind);
    request
}

/// What a refused client is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub status: u16,
    pub error: Option<&'static str>,
    pub grpc: u16,
}

impl Told {
    pub const NO_CREDENTIAL: Self = Self::new(401, None, 16);
    pub const MALFORMED: Self = Self::new(400, Some("invalid_request"), 16);
    pub const INVALID: Self = Self::new(401, Some("invalid_token"), 16);
    pub const BAD_PROOF: Self = Self::new(401, Some("invalid_dpop_proof"), 16);
    pub const NONCE: Self = Self::new(401, Some("use_dpop_nonce"), 16);
    pub const FORBIDDEN: Self = Self::new(403, Some("insufficient_scope"), 7);
    pub const WEAK_LOGIN: Self = Self::new(401, Some("insufficient_user_authentication"), 16);
    pub const LIMITED: Self = Self::new(429, None, 8);
    pub const DOWN: Self = Self::new(503, None, 14);
    pub const MISWIRED: Self = Self::new(500, None, 13);

    const fn new(status: u16, error: Option<&'static str>, grpc: u16) -> Self {
        Self {
            status,
            error,
            grpc,
        }
    }

    /// What is said in a `Bearer` challenge. What is wrong with a proof is nothing that this scheme has a word
    /// for (RFC 6750 §3.1).
    pub fn bearer_error(self) -> Option<&'static str> {
        self.error.filter(|error| !error.contains("dpop"))
    }

    fn is_challenged(self) -> bool {
        matches!(self.status, 400 | 401 | 403)
    }

    /// Holds a response to a plain HTTP request against this.
    pub fn assert_http(self, seen: &Seen, realm: Option<&str>) {
        assert_eq!(seen.status.as_u16(), self.status, "{}", seen.text());
        assert_eq!(seen.header("cache-control"), Some("no-store"));
        assert_eq!(
            seen.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(seen.header("grpc-status"), None);
        self.assert_challenge(seen, realm);

        let problem = seen.json();
        let member = |name: &str| problem.get(name).and_then(|value| value.as_str());
        assert_eq!(problem["status"], self.status);
        assert_eq!(member("type"), Some("about:blank"));
        assert_eq!(member("title"), seen.status.canonical_reason());
        assert_eq!(member("error"), self.error);
        assert!(member("detail").is_some_and(|detail| !detail.is_empty()));
    }

    /// Holds a response to a gRPC call against this: trailers only.
    pub fn assert_grpc(self, seen: &Seen, realm: Option<&str>) {
        assert_eq!(seen.status, 200, "{}", seen.text());
        assert_eq!(seen.header("grpc-status"), Some(&*self.grpc.to_string()));
        assert!(seen.header("grpc-message").is_some_and(|m| !m.is_empty()));
        assert_eq!(seen.header("content-type"), Some("application/grpc"));
        assert_eq!(seen.header("cache-control"), Some("no-store"));
        assert!(seen.body.is_empty() && seen.trailers.is_empty());
        self.assert_challenge(seen, realm);
    }

    fn assert_challenge(self, seen: &Seen, realm: Option<&str>) {
        if !self.is_challenged() {
            assert_eq!(seen.header("www-authenticate"), None);
            return;
        }
        let challenge = seen.challenge();
        assert_eq!(challenge.get("realm"), realm);
        assert_eq!(challenge.get("error"), self.bearer_error());
        let described = challenge.get("error_description").is_some();
        assert_eq!(described, self.bearer_error().is_some(), "{challenge:?}");
    }
}
