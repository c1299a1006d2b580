//! tonic: the response body, the service's name, and refusals as statuses.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::Extensions;
use http_body_util::Full;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::{Code, Status};

use crate::caller::Denied;
use crate::challenge::{GrpcCode, ResponseBody, row};
use crate::middleware::{BearerAuth, Require};

impl ResponseBody for Body {
    fn from_bytes(bytes: Bytes) -> Self {
        Self::new(Full::new(bytes))
    }
}

impl<S: NamedService> NamedService for BearerAuth<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: NamedService> NamedService for Require<S> {
    const NAME: &'static str = S::NAME;
}

impl From<Denied> for Status {
    fn from(denied: Denied) -> Self {
        let row = row(denied.refusal().reason());
        let code = match row.grpc {
            GrpcCode::PermissionDenied => Code::PermissionDenied,
            GrpcCode::ResourceExhausted => Code::ResourceExhausted,
            GrpcCode::Internal => Code::Internal,
            GrpcCode::Unavailable => Code::Unavailable,
            GrpcCode::Unauthenticated => Code::Unauthenticated,
        };
        let metadata = MetadataMap::from_headers(denied.grpc_metadata());
        let mut status = Self::with_metadata(code, row.description, metadata);
        status.set_source(Arc::new(denied));
        status
    }
}

/// Whether a method answered with a status that was made of a [`Denied`].
pub(crate) fn is_denied(extensions: &Extensions) -> bool {
    let status = extensions.get::<Status>();
    status
        .and_then(Error::source)
        .is_some_and(<dyn Error>::is::<Denied>)
}
