//! axum: extractors, responses and the response body.

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;

use crate::caller::{AuthenticatedUser, Denied};
use crate::challenge::ResponseBody;
use crate::head::RequestHead;

impl<S: Sync> FromRequestParts<S> for AuthenticatedUser {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Denied> {
        Self::from_extensions(&parts.extensions)
            .inspect_err(|denied| denied.report(&RequestHead::of_parts(parts)))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for AuthenticatedUser {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Denied> {
        Self::optional_from_extensions(&parts.extensions)
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        Self::into_response(self)
    }
}

impl ResponseBody for Body {
    fn from_bytes(bytes: Bytes) -> Self {
        Self::from(bytes)
    }
}
