use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tower_bearer::testing::provider::{Endpoint, IdentityProvider};

/// A client that keeps its connections and hides no failure.
pub(crate) struct Client(hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>);

impl Client {
    pub(crate) fn new() -> Self {
        let mut builder = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        builder.retry_canceled_requests(false);
        Self(builder.build_http())
    }

    pub(crate) fn get(&self, url: &str) -> impl Future<Output = Answer> + use<> {
        self.send(Request::get(url).body(Full::default()).unwrap())
    }

    pub(crate) async fn json(&self, url: &str) -> Value {
        let response = self.get(url).await.unwrap();
        assert_eq!(response.status(), 200, "{url}");
        serde_json::from_slice(response.body()).unwrap()
    }

    pub(crate) fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        form: String,
    ) -> impl Future<Output = Answer> + use<> {
        let mut request = Request::new(Full::from(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.parse().unwrap();
        *request.headers_mut() = headers;
        let form = "application/x-www-form-urlencoded".parse().unwrap();
        request.headers_mut().insert(CONTENT_TYPE, form);
        self.send(request)
    }

    pub(crate) fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = Answer> + use<> {
        let client = self.0.clone();
        async move {
            let response = client.request(request).await.map_err(told)?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(told)?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        }
    }
}

/// An answer with its body, or what went wrong.
type Answer = Result<Response<Bytes>, String>;

fn told(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

/// The keys as they are published.
pub(crate) async fn jwks(provider: &IdentityProvider) -> Value {
    Client::new().json(&provider.url(Endpoint::Jwks)).await
}

/// The names of the published keys.
pub(crate) async fn kids(provider: &IdentityProvider) -> Vec<String> {
    let set = jwks(provider).await;
    let keys = set["keys"].as_array().unwrap();
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    keys.iter().map(kid).collect()
}
