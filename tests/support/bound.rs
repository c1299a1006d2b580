//! Tokens that are bound to their holder, and a layer that has possession proved.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request};
use tower::Layer;
use tower_bearer::binding::{Binding, Dpop, DpopBuilder};
use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::identity::Confirmation;
use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey};
use tower_bearer::keys::Algorithm;
use tower_bearer::middleware::{BearerAuth, BearerAuthLayerBuilder};
use tower_bearer::replay::MemoryReplayStore;
use tower_bearer::testing::dpop::{Client, Proof};
use tower_bearer::verifier::{TokenVerifierExt, jwt::JwtVerifier};
use tower_bearer::{BearerAuthLayer, Refusal, TokenVerifier};

use super::answers::{Seen, send};
use super::challenge::{Challenge, parse};
use super::clock::clock;
use super::inner::Inner;
use super::verifiers::Pace;

pub const SITE: &str = "https://api.example.com";

/// An issuer, a client with a key, and the time.
pub struct Desk {
    pub clock: ManualClock,
    pub issuer: JwtIssuer,
    pub client: Client,
}

impl Desk {
    pub fn new() -> Self {
        let clock = clock();
        let issuer = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).unwrap())
            .issuer("https://id.example.com")
            .audience(SITE)
            .lifetime(Duration::from_secs(86_400))
            .clock(clock.clone())
            .build()
            .unwrap();
        Self {
            clock,
            issuer,
            client: Client::new(),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn verifier(&self) -> JwtVerifier {
        self.issuer.verifier().build().unwrap()
    }

    pub fn at_pace(&self, pace: Pace) -> Arc<dyn TokenVerifier> {
        match pace {
            Pace::Now => Arc::new(self.verifier()),
            Pace::Later => Arc::new(self.verifier().enriched((), async |(), identity| {
                tokio::task::yield_now().await;
                Ok(identity)
            })),
        }
    }

    pub fn token(&self, new: NewJwt) -> String {
        self.issuer.issue(new).unwrap().token.reveal()
    }

    pub fn free_token(&self) -> String {
        self.token(NewJwt::new("alice"))
    }

    pub fn bound_to(&self, confirmation: Confirmation) -> String {
        self.token(NewJwt::new("alice").bound_to(confirmation))
    }

    /// A token bound to the client's key.
    pub fn bound_token(&self) -> String {
        self.bound_to(self.client.confirmation())
    }

    /// A good proof for `GET /orders` with this token, made now.
    pub fn proof(&self, token: &str) -> Proof<'_> {
        let url = format!("{SITE}/orders");
        self.client.proof("GET", &url, token).at(self.now())
    }

    pub fn layer(&self, binding: impl Into<Binding>) -> BearerAuthLayerBuilder {
        BearerAuthLayer::builder(self.verifier())
            .clock(self.clock.clone())
            .binding(binding)
    }
}

pub fn dpop() -> DpopBuilder {
    Dpop::builder(Arc::new(MemoryReplayStore::new())).url(SITE)
}

pub fn guarded(builder: BearerAuthLayerBuilder) -> BearerAuth<Inner> {
    builder.build().unwrap().layer(Inner::default())
}

/// A request for the orders, with these headers.
pub fn orders(headers: &[(&'static str, &str)]) -> Request<String> {
    let mut request = Request::get("/orders").body(String::new()).unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

/// One that presents a token with its proof.
pub fn proved(token: &str, proof: &Proof<'_>) -> Request<String> {
    let authorization = format!("DPoP {token}");
    orders(&[("authorization", &authorization), ("dpop", &proof.sign())])
}

pub fn bearing(token: &str) -> Request<String> {
    orders(&[("authorization", &format!("Bearer {token}"))])
}

/// Why a response is a refusal.
pub fn refusal(seen: &Seen) -> &Refusal {
    seen.extensions.get().expect("a refusal")
}

/// The challenges of a response, each in a header of its own.
pub fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let parsed = headers.get_all("www-authenticate").iter().map(|value| {
        let mut challenges = parse(value.as_bytes()).unwrap();
        assert_eq!(challenges.len(), 1, "{value:?}");
        challenges.remove(0)
    });
    parsed.collect()
}

pub async fn ask(service: &BearerAuth<Inner>, request: Request<String>) -> Seen {
    send(service, request).await
}
