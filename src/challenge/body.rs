use bytes::Bytes;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt, Either, Full};

/// A response body that a refusal can be written into.
///
/// It is what the layer asks of the service inside it. It is implemented for the bodies of axum and tonic
/// and for those of `http-body-util`; a body of your own implements it in one line.
#[diagnostic::on_unimplemented(
    message = "a refusal cannot be written into the response body `{Self}`",
    label = "this response body cannot carry a refusal",
    note = "wrap the inner service so that it answers with a body that can: \
            `.map_response(|r: http::Response<_>| r.map(axum::body::Body::new))`, \
            or `tonic::body::Body::new` under tonic",
    note = "or implement `tower_bearer::challenge::ResponseBody` for a body type of your own"
)]
pub trait ResponseBody: Sized {
    /// A body of these bytes.
    fn from_bytes(bytes: Bytes) -> Self;
}

impl ResponseBody for Full<Bytes> {
    fn from_bytes(bytes: Bytes) -> Self {
        Self::new(bytes)
    }
}

impl<E> ResponseBody for BoxBody<Bytes, E>
where
    E: 'static,
{
    fn from_bytes(bytes: Bytes) -> Self {
        Full::new(bytes).map_err(|never| match never {}).boxed()
    }
}

impl<E> ResponseBody for UnsyncBoxBody<Bytes, E>
where
    E: 'static,
{
    fn from_bytes(bytes: Bytes) -> Self {
        Full::new(bytes)
            .map_err(|never| match never {})
            .boxed_unsync()
    }
}

impl<L: ResponseBody, R> ResponseBody for Either<L, R> {
    fn from_bytes(bytes: Bytes) -> Self {
        Self::Left(L::from_bytes(bytes))
    }
}
