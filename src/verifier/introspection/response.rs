//! What an endpoint answered over HTTP, and whether it can be used.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde::de::MapAccess;

use super::breaker::{Blame, Fault};
use crate::clock::Timestamp;
use crate::json::{self, Members, Value};
use crate::remote::{Fetched, RemoteError};

pub(super) const JSON: &str = "application/json";
/// RFC 9701 §4.
pub(super) const SIGNED: &str = "application/token-introspection+jwt";

/// The longest wait that a server is granted.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// The body of an answer that is of `content_type`.
pub(super) fn body(
    fetched: Result<Fetched, RemoteError>,
    content_type: &str,
    now: Timestamp,
) -> Result<Bytes, Fault> {
    let answer = fetched.map_err(|error| {
        let blame = match error.is_silence() {
            true => Blame::Server,
            false => Blame::Answer,
        };
        Fault::new(error, blame)
    })?;
    if answer.status != StatusCode::OK {
        return Err(Fault {
            blame: blame(&answer),
            retry_after: retry_after(&answer, now),
            error: RemoteError::status(answer.status),
        });
    }
    if !is_of(&answer.headers, content_type) {
        return Err(Fault::content(match content_type {
            SIGNED => "the answer is not signed, by its content type",
            _ => "the answer is no JSON, by its content type",
        }));
    }
    Ok(answer.body)
}

impl Fault {
    pub(super) fn new(error: RemoteError, blame: Blame) -> Self {
        Self {
            error,
            blame,
            retry_after: None,
        }
    }

    pub(super) fn content(problem: &'static str) -> Self {
        Self::new(RemoteError::content(problem), Blame::Answer)
    }
}

fn blame(answer: &Fetched) -> Blame {
    match answer.status {
        StatusCode::UNAUTHORIZED => Blame::Credentials,
        StatusCode::FORBIDDEN => Blame::Rights,
        // RFC 6749 §5.2 leaves servers the choice where the credentials are in the form.
        StatusCode::BAD_REQUEST if names_the_client(&answer.body) => Blame::Credentials,
        StatusCode::TOO_MANY_REQUESTS => Blame::Server,
        status if status.is_server_error() => Blame::Server,
        _ => Blame::Answer,
    }
}

fn names_the_client(body: &[u8]) -> bool {
    struct Wrong(bool);

    impl<'de> Members<'de> for Wrong {
        fn member<A: MapAccess<'de>>(
            &mut self,
            name: &str,
            value: Value<'_, A>,
        ) -> Result<(), &'static str> {
            if name == "error" {
                self.0 = value.text().is_ok_and(|error| error == "invalid_client");
                return Ok(());
            }
            value.skip().map_err(|_| "")
        }
    }

    let mut wrong = Wrong(false);
    let read = std::str::from_utf8(body).map(|text| json::read_object(text, &mut wrong, ""));
    matches!(read, Ok(Ok(()))) && wrong.0
}

/// How long a server that is overloaded wants to be left alone (RFC 9110 §10.2.3).
fn retry_after(answer: &Fetched, now: Timestamp) -> Option<Duration> {
    if !matches!(
        answer.status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    ) {
        return None;
    }
    let text = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(secs) => Duration::from_secs(secs),
        Err(_) => {
            let date: SystemTime = httpdate::parse_http_date(text).ok()?;
            Timestamp::from(date).since(now)
        }
    };
    Some(wait.min(MAX_WAIT)).filter(|wait| !wait.is_zero())
}

fn is_of(headers: &HeaderMap, content_type: &str) -> bool {
    let text = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = text.unwrap_or_default().split(';').next();
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(content_type))
}
