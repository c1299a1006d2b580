//! The envelope that every answer comes in, refusals too.

use std::collections::BTreeMap;

use axum::Json as JsonBody;
use axum::extract::multipart::{MultipartError, MultipartRejection};
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use common::KvError;
use serde::Serialize;
use serde_json::{Value, json};
use tower_bearer::caller::Denied;
use tower_bearer::challenge::RefusalAnswer;
use tower_bearer::issue::IssueError;
use tower_bearer::store::StoreError;
use tower_bearer::{AuthenticatedUser, Reason, Refusal, RequestHead};
use utoipa::openapi::{RefOr, Response as Documented};
use utoipa::{IntoResponses, ToSchema};

/// What every body looks like. Refusals say why in both words: `message` is the Auth API's, `error` that of
/// the others.
#[derive(Serialize, ToSchema)]
pub(crate) struct Envelope {
    code: u16,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// What was asked for.
pub(crate) struct Answer(StatusCode, Envelope);

/// Why it is not given.
pub(crate) enum ApiError {
    /// By a rule of who may do what.
    Denied(Denied),
    /// For another reason.
    Said(StatusCode, String),
}

/// The envelope of a status, still empty.
fn envelope(status: StatusCode) -> Envelope {
    Envelope {
        code: status.as_u16(),
        status: status.canonical_reason().unwrap_or_default().to_owned(),
        message: None,
        error: None,
        meta: None,
        data: None,
    }
}

fn refused(status: StatusCode, why: &str) -> Envelope {
    Envelope {
        message: Some(why.to_owned()),
        error: Some(why.to_owned()),
        ..envelope(status)
    }
}

impl Answer {
    pub(crate) fn ok(data: impl Serialize) -> Self {
        Self::of(StatusCode::OK, data)
    }

    pub(crate) fn created(data: impl Serialize) -> Self {
        Self::of(StatusCode::CREATED, data)
    }

    /// An answer of the Auth API.
    pub(crate) fn told(message: &str, meta: Value) -> Self {
        let body = Envelope {
            message: Some(message.to_owned()),
            meta: Some(meta),
            ..envelope(StatusCode::OK)
        };
        Self(StatusCode::OK, body)
    }

    fn of(status: StatusCode, data: impl Serialize) -> Self {
        let body = Envelope {
            data: Some(json!(data)),
            ..envelope(status)
        };
        Self(status, body)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Self(status, body) = self;
        let not_kept = [(header::CACHE_CONTROL, "no-store")];
        (status, not_kept, JsonBody(body)).into_response()
    }
}

impl ApiError {
    pub(crate) fn bad_request(why: &str) -> Self {
        Self::Said(StatusCode::BAD_REQUEST, why.to_owned())
    }

    pub(crate) fn not_found() -> Self {
        Self::Said(StatusCode::NOT_FOUND, "There is no such thing.".to_owned())
    }

    /// What became of a token that `user` asked for.
    pub(crate) fn not_issued(user: &AuthenticatedUser, error: IssueError) -> Self {
        match error {
            IssueError::NotAllowed(refusal) => Self::Denied(user.deny(refusal)),
            error => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Denied(denied) => denied.into_response(),
            Self::Said(status, why) => Answer(status, refused(status, &why)).into_response(),
        }
    }
}

/// Puts a refusal of the layer into the envelope.
pub(crate) fn in_an_envelope(
    refusal: &Refusal,
    _head: Option<&RequestHead<'_>>,
    answer: &mut RefusalAnswer,
) {
    let why = match refusal.reason() {
        Reason::Missing | Reason::OtherScheme => "No session or access token was sent.",
        Reason::Malformed | Reason::TooLarge => {
            answer.set_status(StatusCode::UNAUTHORIZED);
            "The Authorization header is none of a session or access token."
        }
        Reason::Forbidden => "The role of this user or token does not allow it.",
        Reason::Unavailable => "It cannot be told now who this is. Try again later.",
        _ => "The session or access token is not valid.",
    };
    // Texts and numbers always make JSON.
    let body = serde_json::to_vec(&refused(answer.status(), why)).unwrap_or_default();
    answer.set_body("application/json", body);
}

pub(crate) fn unavailable(error: &(dyn std::error::Error + 'static)) -> ApiError {
    tracing::error!(error, "a request was not answered");
    let why = "A store gives no answer. Try again later.".to_owned();
    ApiError::Said(StatusCode::SERVICE_UNAVAILABLE, why)
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<KvError> for ApiError {
    fn from(error: KvError) -> Self {
        unavailable(&error)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound | StoreError::Ended => Self::not_found(),
            error => unavailable(&error),
        }
    }
}

impl From<IssueError> for ApiError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Config(error) => Self::bad_request(&error.to_string()),
            IssueError::Store(error) => error.into(),
            error => unavailable(&error),
        }
    }
}

/// Says what axum says of a request that cannot be read.
macro_rules! in_axums_words {
    ($($rejection:ty),*) => {$(
        impl From<$rejection> for ApiError {
            fn from(rejection: $rejection) -> Self {
                Self::Said(rejection.status(), rejection.body_text())
            }
        }
    )*};
}

in_axums_words!(
    JsonRejection,
    PathRejection,
    QueryRejection,
    MultipartRejection,
    MultipartError
);

#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(ApiError))]
pub(crate) struct Json<T>(pub(crate) T);

#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub(crate) struct Path<T>(pub(crate) T);

#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub(crate) struct Asked<T>(pub(crate) T);

/// What any call may be answered, for the OpenAPI document.
impl IntoResponses for ApiError {
    fn responses() -> BTreeMap<String, RefOr<Documented>> {
        let refusals = [
            (400, "The request makes no sense"),
            (401, "Not a good session or access token"),
            (403, "Not allowed by the role, or locked"),
            (404, "There is no such thing"),
            (413, "The body is too large"),
            (415, "The body is of another type"),
            (422, "The body lacks something, or has it wrong"),
            (503, "A store gives no answer"),
        ];
        let document = |(status, what): (u16, &str)| {
            let schema = utoipa::openapi::Ref::from_schema_name("Envelope");
            let content = utoipa::openapi::ContentBuilder::new()
                .schema(Some(schema))
                .build();
            let response = utoipa::openapi::ResponseBuilder::new()
                .description(what)
                .content("application/json", content)
                .build();
            (status.to_string(), RefOr::T(response))
        };
        refusals.into_iter().map(document).collect()
    }
}
