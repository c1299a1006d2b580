//! A provider, and a service that goes by its keys.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::Identity;
use tower_bearer::keys::RemoteKeySet;
use tower_bearer::keys::remote::RemoteKeySetBuilder;
use tower_bearer::remote::HttpSettings;
use tower_bearer::testing::provider::{Endpoint, IdentityProvider};
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::verifier::{Answer, Presented};
use tower_bearer::{Reason, Refusal, TokenVerifier};

use crate::support::clock::clock;

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);

/// A provider whose clock stands still.
pub fn provider() -> (IdentityProvider, ManualClock) {
    let clock = clock();
    let provider = IdentityProvider::builder().clock(clock.clone()).start();
    (provider, clock)
}

/// Plain HTTP, and more time than a busy machine needs.
pub fn http() -> HttpSettings {
    HttpSettings::new()
        .allow_plain_http()
        .connect_timeout(Duration::from_secs(20))
        .timeout(Duration::from_secs(60))
}

/// The provider's keys by URL.
pub fn keys_of(provider: &IdentityProvider, clock: &ManualClock) -> RemoteKeySetBuilder {
    RemoteKeySet::builder(provider.url(Endpoint::Jwks))
        .http(http())
        .clock(clock.clone())
}

pub struct Service {
    pub provider: IdentityProvider,
    pub clock: ManualClock,
    pub keys: RemoteKeySet,
    pub verifier: Arc<JwtVerifier>,
}

impl Service {
    /// One that has fetched keys once.
    pub async fn started() -> Self {
        let (provider, clock) = provider();
        let keys = keys_of(&provider, &clock).start().await.unwrap();
        Self::with(provider, clock, keys)
    }

    pub fn with(provider: IdentityProvider, clock: ManualClock, keys: RemoteKeySet) -> Self {
        let verifier = JwtVerifier::builder(&keys)
            .issuer(provider.issuer())
            .audience(provider.audience());
        Self {
            verifier: Arc::new(verifier.build().unwrap()),
            provider,
            clock,
            keys,
        }
    }

    /// A token of the key that signs now, for an hour and more.
    pub fn token(&self) -> String {
        self.provider.token("alice").lifetime(240 * MINUTE).issue()
    }

    /// A token that would be good, if there were a key of that name.
    pub fn forged(&self, kid: impl std::fmt::Display) -> String {
        let good = self.token();
        let (_, rest) = good.split_once('.').unwrap();
        let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#);
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode_to_string(header))
    }

    /// How often the keys were asked for.
    pub fn fetches(&self) -> u64 {
        self.provider.count(Endpoint::Jwks)
    }

    /// What is said of the token, however long that takes.
    pub async fn ask(&self, token: &str) -> Result<Identity, Refusal> {
        Answer::of(&self.verifier, &presented(token, self.clock.now()))
            .wait()
            .await
    }

    /// What is said of the token without waiting for anything, or `None`.
    pub fn at_once(&self, token: &str) -> Option<Result<Identity, Refusal>> {
        match self.verifier.begin(&presented(token, self.clock.now()))? {
            Answer::Now(judged) => Some(judged),
            Answer::Later(_) => None,
        }
    }

    /// Lets the time pass after which keys are fetched again, and has that done.
    pub async fn refresh_by_time(&self, token: &str) {
        self.clock.advance(5 * MINUTE);
        let _ = self.at_once(token);
        self.keys.settled().await;
    }
}

pub fn presented(token: &str, now: Timestamp) -> Presented {
    Presented::new(BearerToken::new(token).unwrap(), now)
}

#[track_caller]
pub fn assert_admitted(judged: Result<Identity, Refusal>) {
    assert_eq!(judged.expect("a good token").subject(), "alice");
}

#[track_caller]
pub fn assert_refused(judged: Result<Identity, Refusal>, reason: Reason) -> Refusal {
    let refusal = judged.expect_err("the token should be refused");
    assert_eq!(refusal.reason(), reason, "{refusal}");
    refusal
}
