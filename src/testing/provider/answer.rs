//! The right answers.

use base64_simd::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::body::Body;
use super::endpoint::Endpoint;
use super::introspection;
use super::state::State;

/// What is answered where nothing is wrong.
pub(super) fn right(state: &State, endpoint: Endpoint, request: &Request<Bytes>) -> Response<Body> {
    let method = match endpoint {
        Endpoint::Introspection => Method::POST,
        Endpoint::Elsewhere => return empty(StatusCode::NOT_FOUND),
        _ => Method::GET,
    };
    if request.method() != method {
        let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
        let method = HeaderValue::from_str(method.as_str()).expect("a method");
        response.headers_mut().insert(ALLOW, method);
        return response;
    }
    match endpoint {
        Endpoint::Introspection => introspection::answer(state, request),
        Endpoint::Jwks => {
            let set = state.jwks();
            document(state, endpoint, request, "application/jwk-set+json", set)
        }
        _ => {
            let metadata = Value::Object(metadata(state)).to_string();
            document(state, endpoint, request, "application/json", metadata)
        }
    }
}

/// What OpenID Connect Discovery 1.0 §3 and RFC 8414 §2 ask for. Of the endpoints that it names, those for
/// logins and for giving tokens out are not there.
fn metadata(state: &State) -> Map<String, Value> {
    let place = |name: &str| {
        format!(
            "{}{}/{name}",
            state.origin,
            state.path.trim_end_matches('/')
        )
    };
    let methods = [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
    ];
    let algorithm = state.keys.current().algorithm().as_str();
    let known = json!({
        "issuer": state.issuer,
        "authorization_endpoint": place("authorize"),
        "token_endpoint": place("token"),
        "jwks_uri": state.url(Endpoint::Jwks),
        "introspection_endpoint": state.url(Endpoint::Introspection),
        "introspection_endpoint_auth_methods_supported": methods,
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [algorithm],
    });
    let Value::Object(mut metadata) = known else {
        return Map::new();
    };
    metadata.extend(state.metadata());
    metadata.retain(|_, value| !value.is_null());
    metadata
}

/// A document that may be kept for five minutes, and asked for again by its `ETag`.
fn document(
    state: &State,
    endpoint: Endpoint,
    request: &Request<Bytes>,
    content_type: &'static str,
    text: String,
) -> Response<Body> {
    let digest = URL_SAFE_NO_PAD.encode_to_string(&Sha256::digest(&text)[..16]);
    let etag = HeaderValue::try_from(format!("\"{digest}\"")).expect("an ETag");
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=300"),
    );
    headers.insert(ETAG, etag);
    for (name, value) in state.headers(endpoint) {
        match value {
            Some(value) => headers.insert(name, value),
            None => headers.remove(name),
        };
    }
    if is_known(request.headers(), headers.get(ETAG)) {
        headers.remove(CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response.map(|_| Body::from(""));
    }
    response
}

/// Whether the client has the document as it is (RFC 9110 §13.1.2).
fn is_known(headers: &HeaderMap, etag: Option<&HeaderValue>) -> bool {
    etag.is_some() && headers.get(IF_NONE_MATCH) == etag
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from(""));
    *response.status_mut() = status;
    response
}
