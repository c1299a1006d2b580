//! The body of a revocation request: `application/x-www-form-urlencoded` (RFC 7009 §2.1).

use std::future::poll_fn;
use std::pin::pin;

use bytes::{Buf, Bytes};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;

use crate::challenge::ResponseBody;

/// Three times what a token may be long, as every character may be escaped, and a hint.
const MAX_LEN: usize = 32 * 1024;

/// What is wrong with a request, as RFC 6749 §5.2 says it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Problem {
    /// The body is no form.
    NoForm,
    /// The body is too large, or ended early.
    TooLarge,
    /// There is no token, or more than one.
    Token,
    /// Such tokens cannot be ended (RFC 7009 §2.2.1).
    Unsupported,
}

/// Reads the one token that a form names.
pub(super) async fn token<B: Body>(headers: &HeaderMap, body: B) -> Result<String, Problem> {
    if !is_form(headers) {
        return Err(Problem::NoForm);
    }
    let text = read(body).await?;
    let parameters = form_urlencoded::parse(&text);
    // Without a value is without the parameter (RFC 6749 §3.1).
    let mut tokens = parameters.filter(|(name, value)| name == "token" && !value.is_empty());
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => Ok(token.into_owned()),
        _ => Err(Problem::Token),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = text.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn read<B: Body>(body: B) -> Result<Vec<u8>, Problem> {
    let mut body = pin!(body);
    let mut text = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(frame) = frame else {
            return Err(Problem::NoForm);
        };
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        if text.len() + data.remaining() > MAX_LEN {
            return Err(Problem::TooLarge);
        }
        while data.has_remaining() {
            let len = data.chunk().len();
            text.extend_from_slice(data.chunk());
            data.advance(len);
        }
    }
    Ok(text)
}

impl Problem {
    pub(super) fn answer<B: ResponseBody>(self) -> Response<B> {
        let (status, error, description) = match self {
            Self::NoForm => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "the body is no form",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "invalid_request",
                "the form is too large",
            ),
            Self::Token => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "the form must name one token",
            ),
            Self::Unsupported => (
                StatusCode::BAD_REQUEST,
                "unsupported_token_type",
                "such a token cannot be revoked",
            ),
        };
        let body = format!(r#"{{"error":"{error}","error_description":"{description}"}}"#);
        let mut response = Response::new(B::from_bytes(Bytes::from(body)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
