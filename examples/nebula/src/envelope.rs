//! `{"data", "message", "status"}`, in which everything is answered.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use common::KvError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower_bearer::challenge::RefusalAnswer;
use tower_bearer::issue::IssueError;
use tower_bearer::store::StoreError;
use tower_bearer::{Reason, Refusal, RequestHead};
use utoipa::{IntoResponses, ToSchema};

/// An answer.
#[derive(Serialize, ToSchema)]
pub struct Envelope<T> {
    data: T,
    message: String,
    /// `success` or `failed`.
    status: &'static str,
}

/// What a handler answers.
pub type Answer<T> = Result<Json<Envelope<T>>, Failure>;

/// A success.
pub fn success<T>(message: &str, data: T) -> Answer<T> {
    Ok(Json(Envelope {
        data,
        message: message.into(),
        status: "success",
    }))
}

/// No success.
pub struct Failure(pub StatusCode, pub String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let challenge =
            (self.0 == StatusCode::UNAUTHORIZED).then_some([(WWW_AUTHENTICATE, "Bearer")]);
        (self.0, challenge, Json(failed(&self.1))).into_response()
    }
}

fn failed(message: &str) -> Envelope<Value> {
    Envelope {
        data: json!({}),
        message: message.into(),
        status: "failed",
    }
}

/// The layer's refusals: a header that is no bearer credential is a bad credential here.
pub fn refused(refusal: &Refusal, _: Option<&RequestHead<'_>>, answer: &mut RefusalAnswer) {
    let message = match refusal.reason() {
        Reason::Missing | Reason::OtherScheme => "Not authenticated",
        Reason::Malformed | Reason::TooLarge => {
            answer.set_status(StatusCode::UNAUTHORIZED);
            "Malformed Authorization header"
        }
        Reason::Forbidden | Reason::InsufficientScope => "Not allowed",
        Reason::Unavailable => "Temporarily unavailable",
        Reason::Misconfigured => "Internal error",
        _ => "Could not validate credentials",
    };
    let body = json!(failed(message)).to_string();
    answer.set_body("application/json", body);
}

pub async fn no_such_path() -> Failure {
    Failure(StatusCode::NOT_FOUND, "Not found".into())
}

pub async fn no_such_method() -> Failure {
    Failure(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed".into())
}

impl From<KvError> for Failure {
    fn from(error: KvError) -> Self {
        unavailable(&error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        IssueError::from(error).into()
    }
}

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Config(error) => Self(StatusCode::BAD_REQUEST, error.to_string()),
            IssueError::NotAllowed(refusal) => {
                Self(StatusCode::FORBIDDEN, refusal.detail().to_owned())
            }
            IssueError::Store(StoreError::NotFound) => {
                Self(StatusCode::NOT_FOUND, "API key not found".into())
            }
            error => unavailable(&error),
        }
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Failure {
    tracing::warn!(error, "a store gave no answer");
    let message = "Temporarily unavailable".into();
    Failure(StatusCode::SERVICE_UNAVAILABLE, message)
}

/// A part of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
pub struct Named<T>(pub T);

impl From<PathRejection> for Failure {
    fn from(_: PathRejection) -> Self {
        Self(StatusCode::NOT_FOUND, "Not found".into())
    }
}

/// What whoever asks may be told instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers and makes none")]
pub enum Refusals {
    #[response(status = 401, description = "No good credential")]
    Unauthorized(#[to_schema] Envelope<Value>),
    #[response(status = 503, description = "A store gave no answer")]
    Unavailable(#[to_schema] Envelope<Value>),
}

/// What whoever sends something may be told besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers and makes none")]
pub enum BadBody {
    #[response(status = 400, description = "The body is no text")]
    BadRequest(#[to_schema] Envelope<Value>),
    #[response(status = 413, description = "The body is too large")]
    TooLarge(#[to_schema] Envelope<Value>),
    #[response(status = 415, description = "The body is neither a form nor JSON")]
    Unsupported(#[to_schema] Envelope<Value>),
    #[response(
        status = 422,
        description = "A field is missing, or not what it should be"
    )]
    Unprocessable(#[to_schema] Envelope<Value>),
}

/// A body that is a form or JSON. The documentation's own examples send JSON under a form's type, with a comma
/// behind the last member.
pub struct Input<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let content_type = request.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let media_type = content_type.and_then(|value| value.split(';').next());
        let is_json = match media_type
            .map(|text| text.trim().to_ascii_lowercase())
            .as_deref()
        {
            Some("application/json") => true,
            Some("application/x-www-form-urlencoded") => false,
            _ => {
                let message = "Send a form or JSON".into();
                return Err(Failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
            }
        };
        let text = String::from_request(request, state).await;
        let text = text.map_err(|error| Failure(error.status(), error.body_text()))?;
        let read = if text.trim_start().starts_with('{') {
            read_json(&text).map_err(|error| error.to_string())
        } else if is_json {
            Err("not a JSON object".into())
        } else {
            serde_urlencoded::from_str(&text).map_err(|error| error.to_string())
        };
        match read {
            Ok(read) => Ok(Self(read)),
            Err(message) => Err(Failure(StatusCode::UNPROCESSABLE_ENTITY, message)),
        }
    }
}

fn read_json<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    let without_comma = || {
        let members = text.trim_end().strip_suffix('}')?.trim_end();
        Some(format!("{}}}", members.strip_suffix(',')?))
    };
    match without_comma() {
        Some(text) => serde_json::from_str(&text),
        None => serde_json::from_str(text),
    }
}
