use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::Identity;
use tower_bearer::keys::RemoteKeySet;
use tower_bearer::keys::remote::RemoteKeySetBuilder;
use tower_bearer::remote::HttpSettings;
use tower_bearer::verifier::Presented;
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::{Reason, Refusal, TokenVerifier};

use crate::servers::OidcProvider;

pub(crate) const AUDIENCE: &str = "https://api.example.com";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const INTERVAL: Duration = Duration::from_secs(5 * 60);
pub(crate) const COOL_DOWN: Duration = Duration::from_secs(30);
/// What failed is tried again after a cool-down, or somewhat later.
pub(crate) const RETRY: Duration = COOL_DOWN.saturating_mul(2);
pub(crate) const MAX_STALE: Duration = Duration::from_secs(20 * 60);

/// What an exchange may take where the machine is busy and nothing is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Plain HTTP, on which an exchange may take so long.
pub(crate) fn http(timeout: Duration) -> HttpSettings {
    let http = HttpSettings::new().allow_plain_http();
    http.connect_timeout(timeout).timeout(timeout)
}

/// What takes the provider's tokens, by a clock of its own that begins with the present.
pub(crate) struct Site {
    pub(crate) clock: ManualClock,
    pub(crate) keys: RemoteKeySet,
    pub(crate) verifier: Arc<JwtVerifier>,
}

impl Site {
    pub(crate) async fn by_discovery(provider: &OidcProvider) -> Self {
        let keys = RemoteKeySet::discover(provider.issuer());
        Self::with(provider, keys, PATIENCE).await
    }

    /// With keys from the set at this port, where an exchange may take so long.
    pub(crate) async fn through(provider: &OidcProvider, port: u16, timeout: Duration) -> Self {
        let keys = RemoteKeySet::builder(format!("http://127.0.0.1:{port}/jwks"));
        Self::with(provider, keys, timeout).await
    }

    async fn with(provider: &OidcProvider, keys: RemoteKeySetBuilder, timeout: Duration) -> Self {
        let clock = ManualClock::new(Timestamp::from(SystemTime::now()));
        let keys = keys
            .http(http(timeout))
            .refresh_interval(INTERVAL)
            .cool_down(COOL_DOWN)
            .max_stale(MAX_STALE)
            .clock(clock.clone());
        let keys = keys.start().await.unwrap();
        let verifier = JwtVerifier::rfc9068(&keys, provider.issuer(), AUDIENCE);
        Self {
            clock,
            keys,
            verifier: Arc::new(verifier.build().unwrap()),
        }
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Identity, Refusal> {
        let token = BearerToken::new(token).unwrap();
        let presented = Presented::new(token, self.clock.now());
        self.verifier.verify(&presented).await
    }

    pub(crate) async fn reason(&self, token: &str) -> Reason {
        self.verify(token).await.unwrap_err().reason()
    }

    /// Goes on by so much, with a request then, and until what that began is over.
    pub(crate) async fn go_on(&self, by: Duration, token: &str) -> Result<Identity, Refusal> {
        self.clock.advance(by);
        let answer = self.verify(token).await;
        self.keys.settled().await;
        answer
    }
}
