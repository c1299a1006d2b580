//! `{"status", "message"}`, in which every refusal is answered.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use common::{KvError, StartError};
use serde::Serialize;
use serde_json::json;
use tower_bearer::caller::Denied;
use tower_bearer::challenge::RefusalAnswer;
use tower_bearer::issue::IssueError;
use tower_bearer::store::StoreError;
use tower_bearer::{Reason, Refusal, RequestHead};
use utoipa::{IntoResponses, ToSchema};

/// What was done, or why nothing was.
#[derive(Serialize, ToSchema)]
pub struct Message {
    /// `success` or `fail`.
    status: &'static str,
    message: String,
}

pub fn done(message: &str) -> Json<Message> {
    let message = message.into();
    Json(Message {
        status: "success",
        message,
    })
}

/// Where something new is.
#[derive(Serialize, ToSchema)]
pub struct Created {
    status: &'static str,
    url: String,
}

pub fn created(url: String) -> (StatusCode, Json<Created>) {
    let status = "success";
    (StatusCode::CREATED, Json(Created { status, url }))
}

/// Why nothing was done: the layer's words about the caller, or the handler's.
pub enum Failure {
    Denied(Denied),
    Said(StatusCode, String),
}

impl Failure {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self::Said(status, message.into())
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Denied(denied) => denied.into_response(),
            Self::Said(status, message) => {
                let challenge =
                    (status == StatusCode::UNAUTHORIZED).then_some([(WWW_AUTHENTICATE, "Bearer")]);
                (status, challenge, Json(fail(message))).into_response()
            }
        }
    }
}

fn fail(message: String) -> Message {
    Message {
        status: "fail",
        message,
    }
}

/// The layer's refusals, in Sachet's words.
pub fn refused(refusal: &Refusal, _: Option<&RequestHead<'_>>, answer: &mut RefusalAnswer) {
    let message = match refusal.reason() {
        Reason::Missing | Reason::Anonymous => "Missing auth token",
        Reason::OtherScheme => "Malformed Authorization header.",
        Reason::Malformed | Reason::TooLarge => {
            answer.set_status(StatusCode::UNAUTHORIZED);
            "Malformed Authorization header."
        }
        Reason::Expired | Reason::Revoked => "Token has expired.",
        Reason::InsufficientScope => "Missing permissions to access this page.",
        Reason::Unavailable => UNAVAILABLE,
        Reason::Misconfigured => "Internal error.",
        _ => "Invalid auth token.",
    };
    let body = json!(fail(message.into())).to_string();
    answer.set_body("application/json", body);
}

const UNAVAILABLE: &str = "Temporarily unavailable.";

pub async fn no_such_path() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "Not found.")
}

pub async fn no_such_method() -> Failure {
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.")
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<KvError> for Failure {
    fn from(error: KvError) -> Self {
        unavailable(&error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        unavailable(&error)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        unavailable(&*error)
    }
}

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::NotAllowed(refusal) => Self::forbidden(refusal.detail()),
            error => unavailable(&error),
        }
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Failure {
    tracing::warn!(error, "something that the answer depends on failed");
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE)
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::UNPROCESSABLE_ENTITY => Self::bad_request(rejection.body_text()),
            status => Self::new(status, rejection.body_text()),
        }
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

/// A body of JSON.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(Failure))]
pub struct Input<T>(pub T);

/// A part of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
pub struct Named<T>(pub T);

/// What whoever asks about something may be told instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers and makes none")]
pub enum Refusals {
    #[response(status = 401, description = "No good token, and none is not enough")]
    Unauthorized(#[to_schema] Message),
    #[response(status = 403, description = "The permission is missing")]
    Forbidden(#[to_schema] Message),
    #[response(status = 503, description = "A store gave no answer")]
    Unavailable(#[to_schema] Message),
}

/// What whoever sends something may be told besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers and makes none")]
pub enum BadBody {
    #[response(status = 400, description = "The body is not what it should be")]
    BadRequest(#[to_schema] Message),
    #[response(status = 413, description = "The body is too large")]
    TooLarge(#[to_schema] Message),
    #[response(status = 415, description = "The body is of another type")]
    Unsupported(#[to_schema] Message),
}
