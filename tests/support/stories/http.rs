//! The house over HTTP: an axum router, and a client that speaks HTTP/1.1.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tower_bearer::{AuthenticatedUser, async_trait};

use super::answers::Seen;
use super::caller::{Caller, Code, Refused};
use super::house::{House, OPEN, Wrong};
use super::wire::serve_axum;

/// Serves a house, and gives a client of it.
pub async fn serve(house: House) -> Box<dyn Caller> {
    let layer = house.layer();
    let mut router = Router::new().route("/{verb}", post(guarded)).layer(layer);
    for verb in OPEN {
        let open = async move |State(house): State<House>, asked: String| {
            answer(house.open(verb, &read(&asked)).await)
        };
        router = router.route(&format!("/{verb}"), post(open));
    }
    let to = serve_axum(router.with_state(house)).await;
    let client = Client::builder(TokioExecutor::new()).build_http();
    Box::new(HttpCaller { to, client })
}

async fn guarded(
    user: AuthenticatedUser,
    State(house): State<House>,
    Path(verb): Path<String>,
    asked: String,
) -> Response {
    answer(house.guarded(&verb, &user, &read(&asked)).await)
}

fn read(asked: &str) -> Value {
    serde_json::from_str(asked).unwrap()
}

fn answer(result: Result<Value, Wrong>) -> Response {
    match result {
        Ok(value) => value.to_string().into_response(),
        Err(Wrong::Denied(denied)) => denied.into_response(),
        Err(Wrong::InvalidGrant) => {
            let body = r#"{"error":"invalid_grant"}"#;
            (StatusCode::BAD_REQUEST, body).into_response()
        }
        Err(Wrong::NoSuchToken) => StatusCode::NOT_FOUND.into_response(),
        Err(Wrong::Failed(what)) => (StatusCode::INTERNAL_SERVER_ERROR, what).into_response(),
    }
}

struct HttpCaller {
    to: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

#[async_trait]
impl Caller for HttpCaller {
    async fn call(&self, verb: &str, token: Option<&str>, asked: &Value) -> Result<Value, Refused> {
        let mut request = Request::post(format!("http://{}/{verb}", self.to));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(asked.to_string().into())).unwrap();
        let seen = Seen::of(self.client.request(request).await.unwrap()).await;
        if seen.status == StatusCode::OK {
            return Ok(seen.json());
        }
        let words = String::from_utf8(seen.body.to_vec()).unwrap();
        Err(Refused::new(
            Code::Http(seen.status.as_u16()),
            seen.headers,
            words,
        ))
    }
}
