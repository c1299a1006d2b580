use std::sync::Arc;

use serde_json::Value;
use tower_bearer::ConfigError;
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::{Identity, RoleGrant};
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::{Algorithm, RemoteKeySet};
use tower_bearer::remote::HttpSettings;
use tower_bearer::testing::provider::{Endpoint, IdentityProvider};
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::verifier::{Answer, Presented};
use tower_bearer::{Reason, Refusal};

/// What an access token never has but by its own file.
const USUAL: [&str; 7] = ["iss", "sub", "aud", "client_id", "iat", "exp", "jti"];

/// A provider's tokens, by its file, and its keys, served.
pub struct Site {
    pub provider: IdentityProvider,
    file: Value,
    now: Timestamp,
}

impl Site {
    pub fn of(file: &str) -> Self {
        let file: Value = serde_json::from_str(file).unwrap();
        let first = file["tokens"].as_object().unwrap().values().next().unwrap();
        let kid = first["header"]["kid"].as_str().unwrap().to_owned();
        let pem = include_str!("../fixtures/rsa2048.pk8.pem");
        let key = SigningKey::from_pem(Algorithm::RS256, pem).unwrap();
        Self {
            provider: IdentityProvider::builder()
                .signing_key(key.with_kid(kid))
                .start(),
            now: Timestamp::from_unix_secs(file["now"].as_i64().unwrap()),
            file,
        }
    }

    /// The token of this name, signed.
    pub fn token(&self, name: &str) -> String {
        self.token_with(name, &Value::Null)
    }

    /// The token of this name with other members in its header.
    pub fn token_with(&self, name: &str, header: &Value) -> String {
        let written = &self.file["tokens"][name];
        let mut token = self.provider.token("").header("typ", Value::Null);
        for claim in USUAL {
            token = token.without(claim);
        }
        let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
        for (name, value) in members(&written["header"])
            .into_iter()
            .chain(members(header))
        {
            token = token.header(&name, value);
        }
        for (name, value) in members(&written["payload"]) {
            token = token.claim(&name, value);
        }
        token.issue()
    }

    /// A verifier by this configuration, with the keys that the provider publishes.
    pub async fn verifier(
        &self,
        config: impl FnOnce(RemoteKeySet) -> Result<JwtVerifier, ConfigError>,
    ) -> Verifier<'_> {
        let keys = RemoteKeySet::builder(self.provider.url(Endpoint::Jwks))
            .http(HttpSettings::new().allow_plain_http())
            .clock(ManualClock::new(self.now))
            .start();
        Verifier {
            site: self,
            inner: Arc::new(config(keys.await.unwrap()).unwrap()),
        }
    }
}

pub struct Verifier<'a> {
    site: &'a Site,
    inner: Arc<JwtVerifier>,
}

impl Verifier<'_> {
    pub async fn judge(&self, token: &str) -> Result<Identity, Refusal> {
        let presented = Presented::new(BearerToken::new(token).unwrap(), self.site.now);
        Answer::of(&self.inner, &presented).wait().await
    }

    /// Whom the token of this name names.
    pub async fn admit(&self, name: &str) -> Identity {
        self.judge(&self.site.token(name)).await.unwrap()
    }

    /// The tokens of these names are refused, each for its reason.
    pub async fn refuse(&self, tokens: &[(&str, &str)]) {
        for (name, detail) in tokens {
            let refusal = match self.judge(&self.site.token(name)).await {
                Ok(identity) => panic!("{name} is let in: {identity:?}"),
                Err(refusal) => refusal,
            };
            assert_eq!(refusal.reason(), Reason::Invalid, "{name}: {refusal}");
            assert!(refusal.detail().contains(detail), "{name}: {refusal}");
        }
    }
}

pub fn roles(identity: &Identity) -> Vec<&str> {
    identity.roles().iter().map(RoleGrant::role).collect()
}

pub fn scopes(identity: &Identity) -> &str {
    identity.scopes().as_str()
}
