use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::body::ResponseBody;
use super::table::Row;
use super::written::DPOP_NONCE;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// How a server says when to try again (gRPC proposal A6), in milliseconds.
const GRPC_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// Whether the request speaks gRPC: its content type is `application/grpc`, in any letter case, alone or
/// followed by `+`, `;` or `-`.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    grpc_type(headers).is_some()
}

/// A trailers-only answer: HTTP 200, the status in the headers, no body.
pub(super) fn answer<B: ResponseBody>(
    row: &Row,
    metadata: HeaderMap,
    request: &HeaderMap,
) -> Response<B> {
    let mut response = Response::new(B::from_bytes(Bytes::new()));
    let headers = response.headers_mut();
    *headers = metadata;
    headers.insert(CONTENT_TYPE, grpc_type(request).unwrap_or(GRPC));
    headers.insert(GRPC_STATUS, HeaderValue::from(row.grpc as u16));
    headers.insert(GRPC_MESSAGE, HeaderValue::from_static(row.description));
    response
}

/// What a gRPC refusal says besides its status; the challenge is that of the HTTP answer.
pub(super) fn metadata(http: &HeaderMap, after: Option<Duration>) -> HeaderMap {
    let mut metadata = HeaderMap::with_capacity(6);
    metadata.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for challenge in http.get_all(WWW_AUTHENTICATE) {
        metadata.append(WWW_AUTHENTICATE, challenge.clone());
    }
    if let Some(nonce) = http.get(DPOP_NONCE) {
        metadata.insert(DPOP_NONCE, nonce.clone());
    }
    if let Some(after) = after {
        metadata.insert(GRPC_PUSHBACK, HeaderValue::from(whole_millis(after)));
    }
    metadata
}

/// Rounded up, so that nobody comes back too early; proposal A6 has a signed 32-bit integer.
fn whole_millis(after: Duration) -> i32 {
    i32::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
}

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

fn grpc_type(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(CONTENT_TYPE)?.as_bytes();
    let (kind, rest) = value.split_at_checked(GRPC.len())?;
    if !kind.eq_ignore_ascii_case(GRPC.as_bytes()) {
        return None;
    }
    match rest.first() {
        None | Some(b'+' | b';') => Some(GRPC),
        Some(b' ' | b'\t') if rest.trim_ascii_start().starts_with(b";") => Some(GRPC),
        // gRPC-Web clients look for their own type.
        Some(b'-') if rest.to_ascii_lowercase().starts_with(b"-web-text") => {
            Some(HeaderValue::from_static("application/grpc-web-text"))
        }
        Some(b'-') => Some(HeaderValue::from_static("application/grpc-web")),
        Some(_) => None,
    }
}
