//! What the tests of introspection share: a provider, a verifier that asks it, and the time.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used
)]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tower_bearer::clock::{Clock, ManualClock};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::Identity;
use tower_bearer::remote::HttpSettings;
use tower_bearer::testing::provider::{Endpoint, Fault, IdentityProvider};
use tower_bearer::verifier::introspection::{
    ClientAuthentication, IntrospectionVerifier, IntrospectionVerifierBuilder,
};
use tower_bearer::verifier::{Answer, Presented};
use tower_bearer::{Reason, Refusal, TokenVerifier};

use super::support::clock::clock;

pub const SEC: Duration = Duration::from_secs(1);

pub struct Desk {
    pub clock: ManualClock,
    pub provider: IdentityProvider,
}

impl Desk {
    pub fn new() -> Self {
        let clock = clock();
        let provider = IdentityProvider::builder().clock(clock.clone()).start();
        Self { clock, provider }
    }

    /// Who the provider takes this service for.
    pub fn by_secret(&self) -> ClientAuthentication {
        let provider = &self.provider;
        ClientAuthentication::secret_basic(provider.client_id(), provider.client_secret())
    }

    /// A verifier that states nothing about the token, not even for whom it is.
    pub fn bare(&self, authentication: ClientAuthentication) -> IntrospectionVerifierBuilder {
        IntrospectionVerifier::builder(self.provider.url(Endpoint::Introspection), authentication)
            .http(http())
    }

    /// A verifier with nothing but what must be stated.
    pub fn plain(&self) -> IntrospectionVerifierBuilder {
        self.bare(self.by_secret())
            .audience(self.provider.audience())
    }

    pub fn presented(&self, token: &str) -> Presented {
        Presented::new(BearerToken::new(token).unwrap(), self.clock.now())
    }

    pub async fn ask<V: TokenVerifier + 'static>(
        &self,
        verifier: &Arc<V>,
        token: &str,
    ) -> Result<Identity, Refusal> {
        Answer::of(verifier, &self.presented(token)).wait().await
    }

    /// What a verifier makes of a token of which the provider tells this.
    pub async fn told(
        &self,
        verifier: IntrospectionVerifierBuilder,
        answer: impl ToString,
    ) -> Result<Identity, Refusal> {
        let fault = Fault::json(answer.to_string());
        self.provider.fail_at(Endpoint::Introspection, fault);
        let verifier = Arc::new(verifier.build().unwrap());
        let judged = self.ask(&verifier, "a-token").await;
        self.provider.recover();
        judged
    }

    /// An answer that the plain verifier accepts, with some of its members changed; `null` takes one away.
    pub fn answer(&self, changes: Value) -> Value {
        let now = self.clock.now().as_unix_secs();
        let mut answer = json!({
            "active": true, "sub": "alice", "aud": self.provider.audience(), "exp": now + 60,
        });
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                answer.as_object_mut().unwrap().remove(name);
            } else {
                answer[name] = value.clone();
            }
        }
        answer
    }

    pub fn questions(&self) -> u64 {
        self.provider.count(Endpoint::Introspection)
    }

    /// The form of the last question.
    pub fn form(&self) -> Vec<(String, String)> {
        let asked = self.provider.requests(Endpoint::Introspection);
        let form = asked.last().unwrap().body().clone();
        form_urlencoded::parse(&form).into_owned().collect()
    }
}

pub fn http() -> HttpSettings {
    HttpSettings::new().allow_plain_http().timeout(20 * SEC)
}

/// Why a token was refused, to the words of the cause.
#[track_caller]
pub fn assert_refused(judged: Result<Identity, Refusal>, reason: Reason, words: &str) {
    let refusal = judged.expect_err("the token should be refused");
    assert_eq!(refusal.reason(), reason, "{refusal}: {refusal:?}");
    let mut told = refusal.to_string();
    let mut cause = std::error::Error::source(&refusal);
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    assert!(told.contains(words), "{told} says nothing of {words:?}");
}
