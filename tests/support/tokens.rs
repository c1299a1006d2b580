//! What the tests of stored tokens share.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::Identity;
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::store::{MemoryStore, TokenFormat, TokenRecord};
use tower_bearer::verifier::{ApiKeyVerifier, OpaqueTokenVerifier, Presented};
use tower_bearer::{Refusal, TokenVerifier};

/// Sessions as `st_` and API keys as `ak_`, in one store, at 1000 seconds past the epoch.
pub(crate) struct Desk {
    pub(crate) clock: ManualClock,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) format: TokenFormat,
    pub(crate) issuer: TokenIssuer,
    pub(crate) verifier: OpaqueTokenVerifier,
    pub(crate) keys: TokenIssuer,
    pub(crate) key_verifier: ApiKeyVerifier,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new(secs(1000));
        let store = Arc::new(MemoryStore::new());
        let (format, key_format) = (shape("st_"), shape("ak_").without_checksum());
        let issuer = TokenIssuer::opaque(store.clone(), format.clone());
        let keys = TokenIssuer::api_keys(store.clone(), key_format.clone());
        let key_verifier = ApiKeyVerifier::new(store.clone(), key_format);
        Self {
            issuer: issuer.with_clock(clock.clone()),
            verifier: OpaqueTokenVerifier::new(store.clone(), format.clone()),
            keys: keys.expect("an issuer of keys").with_clock(clock.clone()),
            key_verifier: key_verifier.expect("a verifier of keys"),
            clock,
            store,
            format,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn mint(&self, new: NewToken) -> (String, TokenRecord) {
        let minted = self.issuer.mint(new).await.expect("minting");
        (minted.token.reveal(), minted.record)
    }

    pub(crate) async fn session(&self, subject: &str) -> (String, TokenRecord) {
        let new = NewToken::session(subject).lifetime(Duration::from_secs(3600));
        self.mint(new).await
    }

    pub(crate) async fn mint_key(&self, subject: &str) -> (String, TokenRecord) {
        let minted = self.keys.mint(NewToken::api_key(subject)).await;
        let minted = minted.expect("minting");
        (minted.token.reveal(), minted.record)
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Identity, Refusal> {
        verify(&self.verifier, token, self.now()).await
    }

    pub(crate) async fn verify_key(&self, token: &str) -> Result<Identity, Refusal> {
        verify(&self.key_verifier, token, self.now()).await
    }
}

pub(crate) async fn verify(
    verifier: &dyn TokenVerifier,
    token: &str,
    now: Timestamp,
) -> Result<Identity, Refusal> {
    verifier.verify(&Presented::new(present(token), now)).await
}

pub(crate) fn present(token: &str) -> BearerToken {
    BearerToken::new(token).expect("a token68")
}

pub(crate) fn secs(secs: i64) -> Timestamp {
    Timestamp::from_unix_secs(secs)
}

pub(crate) fn shape(prefix: &str) -> TokenFormat {
    TokenFormat::new(prefix).expect("a prefix")
}
