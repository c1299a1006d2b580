use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::table::Row;
use crate::refusal::Refusal;
use crate::scope::ScopeSet;
use crate::write_json::push_string;

/// The nonce that the next proof is to have (RFC 9449 §8.1).
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// What an HTTP client is told, before any hook: the headers and the document.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Written {
    pub(super) fn new(
        row: &Row,
        challenges: impl IntoIterator<Item = HeaderValue>,
        retry_after: Option<Duration>,
        refusal: &Refusal,
        scope: &ScopeSet,
    ) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for challenge in challenges {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
        if let Some(nonce) = refusal.dpop_nonce() {
            headers.insert(DPOP_NONCE, nonce.clone());
        }
        if let Some(after) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
        }
        Self {
            headers,
            body: problem(row, row.status, scope),
        }
    }
}

/// A problem document (RFC 9457), with `error` and `scope` as in the challenge.
pub(super) fn problem(row: &Row, status: StatusCode, scope: &ScopeSet) -> Bytes {
    let mut text = String::from(r#"{"type":"about:blank","title":"#);
    push_string(&mut text, status.canonical_reason().unwrap_or_default());
    text.push_str(r#","status":"#);
    text.push_str(status.as_str());
    text.push_str(r#","detail":"#);
    push_string(&mut text, row.description);
    if let Some(error) = row.error {
        text.push_str(r#","error":"#);
        push_string(&mut text, error.as_str());
    }
    if !scope.is_empty() {
        text.push_str(r#","scope":"#);
        push_string(&mut text, scope.as_str());
    }
    text.push('}');
    Bytes::from(text)
}

/// Rounded up, so that nobody comes back too early.
fn whole_seconds(after: Duration) -> u64 {
    after
        .as_secs()
        .saturating_add(u64::from(after.subsec_nanos() > 0))
}
