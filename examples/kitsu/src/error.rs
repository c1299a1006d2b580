use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use common::{KvError, StartError};
use serde_json::{Value, json};
use tower_bearer::ConfigError;
use tower_bearer::caller::Denied;
use tower_bearer::issue::IssueError;
use tower_bearer::store::StoreError;
use utoipa::IntoResponses;

use crate::second_factor::Kind;

/// Why a request is not served, in Kitsu's words.
#[derive(Debug)]
pub enum ApiError {
    /// With this status and body.
    Answer(StatusCode, Value),
    /// Turned away by a policy: the layer in front has the words.
    Denied(Denied),
}

/// The refusals that any guarded call may meet.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "read by the derive alone")]
pub enum Guarded {
    /// The token is missing, expired, revoked or not good here.
    #[response(status = 401)]
    Unauthorized,
    /// The caller may not do this.
    #[response(status = 403)]
    Forbidden,
    /// The store is down.
    #[response(status = 503)]
    Unavailable,
}

/// A body of JSON.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(ApiError))]
pub struct Body<T>(pub T);

/// The query after `?`.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub struct Query<T>(pub T);

/// What the path names.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub struct Path<T>(pub T);

impl ApiError {
    pub fn message(status: StatusCode, message: &str) -> Self {
        Self::Answer(status, json!({"error": true, "message": message}))
    }

    pub fn bad_request(message: &str) -> Self {
        Self::message(StatusCode::BAD_REQUEST, message)
    }

    pub fn not_found() -> Self {
        Self::message(StatusCode::NOT_FOUND, "Not found.")
    }

    /// One field of the body is not as it must be.
    pub fn validation(field: &str, message: &str) -> Self {
        let errors = json!([{"field": field, "message": message}]);
        let body =
            json!({"error": true, "message": "Validation error.", "data": {"errors": errors}});
        Self::Answer(StatusCode::BAD_REQUEST, body)
    }

    /// The same for an unknown e-mail address and a wrong password.
    pub fn wrong_password() -> Self {
        let body = json!({"login": false, "message": "Wrong email or password."});
        Self::Answer(StatusCode::BAD_REQUEST, body)
    }

    pub fn inactive() -> Self {
        let message = "User is inactive, he cannot log in.";
        let body = json!({"error": true, "login": false, "unactive": true, "message": message});
        Self::Answer(StatusCode::UNAUTHORIZED, body)
    }

    pub fn too_many_attempts() -> Self {
        let message = "Too many failed login attempts: try again in a minute.";
        // The spelling is Kitsu's.
        let body = json!({
            "error": true, "login": false, "too_many_failed_login_attemps": true, "message": message,
        });
        Self::Answer(StatusCode::BAD_REQUEST, body)
    }

    pub fn missing_otp(preferred: Option<Kind>, enabled: &[Kind]) -> Self {
        let body = json!({
            "error": true,
            "login": false,
            "missing_OTP": true,
            "message": "A second factor is needed.",
            "preferred_two_factor_authentication": preferred,
            "two_factor_authentication_enabled": enabled,
        });
        Self::Answer(StatusCode::BAD_REQUEST, body)
    }

    pub fn wrong_otp() -> Self {
        let message = "OTP verification failed.";
        let body = json!({"error": true, "login": false, "wrong_OTP": true, "message": message});
        Self::Answer(StatusCode::BAD_REQUEST, body)
    }

    fn unavailable() -> Self {
        let message = "The store doesn't seem reachable.";
        Self::message(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// What is nobody's fault but the server's: told to the log, and not to the client.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!("a request failed: {error}");
        let message = "A server error occurred. Please contact your administrator.";
        Self::message(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Answer(status @ StatusCode::SERVICE_UNAVAILABLE, body) => {
                (status, [(header::RETRY_AFTER, "1")], Json(body)).into_response()
            }
            Self::Answer(status, body) => (status, Json(body)).into_response(),
            Self::Denied(denied) => denied.into_response(),
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match &rejection {
            JsonRejection::JsonDataError(_) => {
                // What was sent is not repeated: it may be a password.
                let text = rejection.body_text();
                match text
                    .split_once("missing field `")
                    .and_then(|(_, rest)| rest.split_once('`'))
                {
                    Some((field, _)) => Self::validation(field, "Field required."),
                    None => Self::validation("body", "A field is of a wrong type."),
                }
            }
            JsonRejection::JsonSyntaxError(_) => Self::validation("body", "Not valid JSON."),
            JsonRejection::MissingJsonContentType(_) => {
                Self::message(rejection.status(), "Content-Type must be application/json.")
            }
            _ => Self::message(rejection.status(), "The body cannot be read."),
        }
    }
}

impl From<QueryRejection> for ApiError {
    fn from(_: QueryRejection) -> Self {
        Self::validation("query", "A parameter is missing or of a wrong type.")
    }
}

impl From<PathRejection> for ApiError {
    fn from(_: PathRejection) -> Self {
        Self::not_found()
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<KvError> for ApiError {
    fn from(error: KvError) -> Self {
        tracing::warn!("{error}");
        Self::unavailable()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::warn!("{error}");
        Self::unavailable()
    }
}

impl From<IssueError> for ApiError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Store(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<ConfigError> for ApiError {
    fn from(error: ConfigError) -> Self {
        Self::internal(&error)
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        Self::internal(&error)
    }
}
