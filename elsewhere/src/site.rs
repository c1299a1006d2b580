//! A service behind the layer, with keys from elsewhere.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::keys::remote::RemoteKeySetBuilder;
use tower_bearer::keys::{RemoteKeySet, VerifierKeys};
use tower_bearer::remote::HttpSettings;
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::{BearerAuthLayer, TokenVerifier};

use crate::tally::Answers;

pub(crate) const AUDIENCE: &str = "https://api.example.com";

/// The service.
#[derive(Clone)]
pub(crate) struct Door(
    BoxCloneSyncService<Request<Full<Bytes>>, Response<Full<Bytes>>, Infallible>,
);

impl Door {
    /// Before a service that says 200.
    pub(crate) fn new(verifier: impl TokenVerifier + 'static) -> Self {
        let inner = service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
        });
        let layer = BearerAuthLayer::new(verifier);
        Self(BoxCloneSyncService::new(layer.layer(inner)))
    }

    /// For access tokens of that issuer.
    pub(crate) fn of_issuer(issuer: &str, keys: impl Into<VerifierKeys>) -> Self {
        let verifier = JwtVerifier::rfc9068(keys, issuer, AUDIENCE).build();
        Self::new(verifier.expect("a verifier"))
    }

    /// Asks once, and says what was answered.
    pub(crate) async fn ask(&self, token: &str) -> StatusCode {
        let request = Request::builder()
            .header("authorization", format!("Bearer {token}"))
            .body(Full::default())
            .expect("a request");
        let Ok(response) = self.0.clone().oneshot(request).await;
        response.status()
    }

    /// Asks once, and notes what was answered and how long it took.
    pub(crate) async fn note(&self, token: &str, answers: &mut Answers) {
        let begun = Instant::now();
        let status = self.ask(token).await;
        answers.add(status, begun.elapsed());
    }
}

/// A door with the keys that it goes by.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) keys: RemoteKeySet,
    pub(crate) door: Door,
}

impl Site {
    pub(crate) async fn start(issuer: &str, keys: RemoteKeySetBuilder) -> Self {
        let keys = keys.http(http()).start().await;
        Self::new(issuer, keys.expect("the keys"))
    }

    /// Without any key yet.
    pub(crate) fn start_cold(issuer: &str, keys: RemoteKeySetBuilder) -> Self {
        let keys = keys.http(http()).start_lazily();
        Self::new(issuer, keys.expect("settings that are right"))
    }

    fn new(issuer: &str, keys: RemoteKeySet) -> Self {
        Self {
            door: Door::of_issuer(issuer, &keys),
            keys,
        }
    }
}

/// By plain HTTP on this machine, where a busy processor may take its time.
pub(crate) fn http() -> HttpSettings {
    let patience = Duration::from_secs(5);
    let http = HttpSettings::new().allow_plain_http();
    http.connect_timeout(patience).timeout(patience)
}
