use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};

use super::body::Body;
use super::gate::Gate;

/// How an [`IdentityProvider`](super::IdentityProvider) fails.
///
/// A request is read, counted and remembered whatever the fault, but for one that no connection is left
/// for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is closed without an answer. Where every endpoint fails so, connections are closed
    /// as soon as they are made, and those that were open are cut.
    Down,
    /// As [`Down`](Self::Down) for every other request, the next one first.
    Flapping,
    /// The right answer, as it is when the request comes, but no sooner than the gate is opened.
    Held(Gate),
    /// An error of this status.
    Status(StatusCode),
    /// A redirect (302) to this URL.
    Redirect(String),
    /// A page for people, with status 200, such as the one of a proxy that is in the way.
    Html,
    /// JSON that ends in the middle, with status 200.
    BrokenJson,
    /// A connection that is cut in the middle of the body.
    CutOff,
    /// What might be the beginning of an answer, and goes on for 50 MB.
    Oversized,
    /// This answer in place of the right one.
    Answer(Response<Bytes>),
}

impl Fault {
    /// An [`Answer`](Self::Answer) of status 200 with this JSON, or with whatever it is.
    pub fn json(body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        Self::Answer(response)
    }
}

/// What comes of a request.
pub(super) enum Outcome {
    /// The connection ends without an answer.
    Closed,
    /// What would be answered without any fault.
    Right,
    /// The same, later.
    RightOnceOpen(Gate),
    Wrong(Response<Body>),
}

impl Outcome {
    /// What comes of the request that is the `number`th since this became the fault, from 0.
    pub(super) fn of(fault: Option<&Fault>, number: u64) -> Self {
        let Some(fault) = fault else {
            return Self::Right;
        };
        Self::Wrong(match fault {
            Fault::Down => return Self::Closed,
            Fault::Flapping if number.is_multiple_of(2) => return Self::Closed,
            Fault::Flapping => return Self::Right,
            Fault::Held(gate) => return Self::RightOnceOpen(gate.clone()),
            Fault::Status(status) => {
                let mut response = json(r#"{"error":"temporarily_unavailable"}"#);
                *response.status_mut() = *status;
                response
            }
            Fault::Redirect(to) => {
                let mut response = Response::new(Body::from(""));
                *response.status_mut() = StatusCode::FOUND;
                let to = HeaderValue::try_from(to.as_str()).expect("a URL to redirect to");
                response.headers_mut().insert(LOCATION, to);
                response
            }
            Fault::Html => typed(
                "text/html; charset=utf-8",
                Body::from("<!doctype html><title>Sign in</title><h1>Sign in to the network</h1>"),
            ),
            Fault::BrokenJson => json(BEGINNING),
            Fault::CutOff => {
                let mut response = typed("application/json", Body::cut_off(BEGINNING));
                let length = HeaderValue::from(2 * BEGINNING.len());
                response.headers_mut().insert(CONTENT_LENGTH, length);
                response
            }
            Fault::Oversized => typed("application/json", Body::spaces(BEGINNING, 50_000_000)),
            Fault::Answer(answer) => answer.clone().map(Body::from),
        })
    }
}

/// Of a JWK Set, of metadata, and of what introspection answers.
const BEGINNING: &str = r#"{"active":true,"issuer":"https://id.example.com","keys":[{"kty":"#;

fn json(text: &'static str) -> Response<Body> {
    typed("application/json", Body::from(text))
}

fn typed(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
