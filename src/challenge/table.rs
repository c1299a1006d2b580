use http::StatusCode;

use super::header::ErrorCode;
use crate::refusal::Reason;

/// A line of the table: how a reason is answered.
pub(crate) struct Row {
    pub(crate) status: StatusCode,
    pub(crate) error: Option<ErrorCode>,
    pub(crate) description: &'static str,
    pub(crate) grpc: GrpcCode,
    pub(crate) challenged: bool,
}

/// The gRPC status codes that a refusal can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrpcCode {
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// The table.
pub(crate) fn row(reason: Reason) -> Row {
    match reason {
        Reason::Missing | Reason::OtherScheme | Reason::Anonymous => Row {
            status: StatusCode::UNAUTHORIZED,
            error: None,
            description: "a bearer token is required",
            grpc: GrpcCode::Unauthenticated,
            challenged: true,
        },
        Reason::Malformed | Reason::TooLarge => Row {
            status: StatusCode::BAD_REQUEST,
            error: Some(ErrorCode::InvalidRequest),
            description: "the authorization header is malformed",
            grpc: GrpcCode::Unauthenticated,
            challenged: true,
        },
        Reason::Invalid
        | Reason::Expired
        | Reason::NotYetValid
        | Reason::Revoked
        | Reason::Disabled
        | Reason::Unproved => Row {
            status: StatusCode::UNAUTHORIZED,
            error: Some(ErrorCode::InvalidToken),
            description: "the token is invalid, expired or revoked",
            grpc: GrpcCode::Unauthenticated,
            challenged: true,
        },
        Reason::InvalidProof | Reason::Replayed => Row {
            status: StatusCode::UNAUTHORIZED,
            error: Some(ErrorCode::InvalidDpopProof),
            description: "the proof of possession is not good for this request",
            grpc: GrpcCode::Unauthenticated,
            challenged: true,
        },
        Reason::NonceRequired => Row {
            status: StatusCode::UNAUTHORIZED,
            error: Some(ErrorCode::UseDpopNonce),
            description: "the proof of possession needs the nonce that is given here",
            grpc: GrpcCode::Unauthenticated,
            challenged: true,
        },
        Reason::InsufficientScope => Row {
            status: StatusCode::FORBIDDEN,
            error: Some(ErrorCode::InsufficientScope),
            description: "the token lacks a scope",
            grpc: GrpcCode::PermissionDenied,
            challenged: true,
        },
        Reason::Forbidden => Row {
            status: StatusCode::FORBIDDEN,
            error: Some(ErrorCode::InsufficientScope),
            description: "the caller may not do this",
            grpc: GrpcCode::PermissionDenied,
            challenged: true,
        },
        Reason::InsufficientAuthentication => Row {
            status: StatusCode::UNAUTHORIZED,
            error: Some(ErrorCode::InsufficientUserAuthentication),
            description: "a more recent or stronger login is required",
            grpc: GrpcCode::Unauthenticated,
            challenged: true,
        },
        Reason::RateLimited => Row {
            status: StatusCode::TOO_MANY_REQUESTS,
            error: None,
            description: "too many requests",
            grpc: GrpcCode::ResourceExhausted,
            challenged: false,
        },
        Reason::Unavailable => Row {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error: None,
            description: "the token could not be checked just now",
            grpc: GrpcCode::Unavailable,
            challenged: false,
        },
        Reason::Misconfigured => Row {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            error: None,
            description: "the service is misconfigured",
            grpc: GrpcCode::Internal,
            challenged: false,
        },
    }
}
