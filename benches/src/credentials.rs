//! The verifiers that are measured, with a good token and a forged one for each.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use serde::Serialize;
use tower_bearer::TokenVerifier;
use tower_bearer::clock::{Clock, SystemClock};
use tower_bearer::credential::BearerToken;
use tower_bearer::issue::{JwtIssuer, NewJwt, NewToken, SigningKey, TokenIssuer};
use tower_bearer::keys::Algorithm;
use tower_bearer::node::Node;
use tower_bearer::store::{MemoryStore, TokenFormat};
use tower_bearer::verifier::{
    ApiKeyVerifier, CacheSettings, OpaqueTokenVerifier, Presented, TokenVerifierExt,
};

use crate::check;
use crate::copied::Keys;
use crate::databases::Database;

const RSA: &str = include_str!("../../tests/fixtures/rsa2048.pk8.pem");
const P256: &str = include_str!("../../tests/fixtures/p256.pk8.pem");
const ED25519: &str = include_str!("../../tests/fixtures/ed25519.pk8.pem");
const RSA_PUBLIC: &str = include_str!("../../tests/fixtures/rsa2048.pub.pem");
const P256_PUBLIC: &str = include_str!("../../tests/fixtures/p256.pub.pem");
const ED25519_PUBLIC: &str = include_str!("../../tests/fixtures/ed25519.pub.pem");
const SECRET: [u8; 32] = [7; 32];

/// A verifier to measure.
pub struct Credential {
    /// What it is called in the table.
    pub name: &'static str,
    /// The verifier.
    pub verifier: Arc<dyn TokenVerifier>,
    /// A token that it accepts.
    pub good: String,
    /// A token that it refuses.
    pub forged: String,
    /// The rival's keys for the same token, where the rival takes such tokens.
    pub copied: Option<Keys>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// An opaque session token in the memory store.
pub async fn opaque() -> Credential {
    let store = Arc::new(MemoryStore::new());
    let format = TokenFormat::new("st_").expect("a prefix");
    let issuer = TokenIssuer::opaque(store.clone(), format.clone());
    let session = NewToken::session("alice").idle(Duration::from_secs(1800));
    let good = issuer.mint(session).await.expect("a token").token.reveal();
    Credential {
        name: "opaque token, memory store",
        verifier: Arc::new(OpaqueTokenVerifier::new(store, format)),
        forged: forge(&good),
        good,
        copied: None,
    }
}

/// An API key in the memory store.
pub async fn api_key() -> Credential {
    let store = Arc::new(MemoryStore::new());
    let format = TokenFormat::new("ak_").expect("a prefix");
    let issuer = TokenIssuer::api_keys(store.clone(), format.clone()).expect("an issuer");
    let key = NewToken::api_key("alice");
    let good = issuer.mint(key).await.expect("a key").token.reveal();
    Credential {
        name: "API key, memory store",
        verifier: Arc::new(ApiKeyVerifier::new(store, format).expect("a verifier")),
        forged: forge(&good),
        good,
        copied: None,
    }
}

/// A JWT of about 400 bytes, new to its verifier each time.
pub fn jwt(algorithm: Algorithm) -> Credential {
    let (name, key, copied) = match algorithm {
        Algorithm::HS256 => (
            "JWT new, HS256",
            SigningKey::from_secret(algorithm, SECRET),
            Ok(DecodingKey::from_secret(&SECRET)),
        ),
        Algorithm::RS256 => (
            "JWT new, RS256-2048",
            SigningKey::from_pem(algorithm, RSA),
            DecodingKey::from_rsa_pem(RSA_PUBLIC.as_bytes()),
        ),
        Algorithm::EdDSA => (
            "JWT new, EdDSA",
            SigningKey::from_pem(algorithm, ED25519),
            DecodingKey::from_ed_pem(ED25519_PUBLIC.as_bytes()),
        ),
        _ => (
            "JWT new, ES256",
            SigningKey::from_pem(Algorithm::ES256, P256),
            DecodingKey::from_ec_pem(P256_PUBLIC.as_bytes()),
        ),
    };
    let issuer = JwtIssuer::builder(key.expect("a key"))
        .issuer("https://id.example.com")
        .audience("https://api.example.com")
        .lifetime(Duration::from_secs(3600))
        .build()
        .expect("an issuer");
    let new = NewJwt::new("alice")
        .client_id("web")
        .scopes("orders:read orders:write".parse().expect("scopes"));
    let issued = issuer.issue(with_ballast(new)).expect("a token");
    let good = issued.token.reveal();
    let rival = algorithm.as_str().parse().expect("an algorithm");
    Credential {
        name,
        verifier: Arc::new(issuer.verifier().build().expect("a verifier")),
        forged: forge(&good),
        good,
        copied: Some(Keys::new(rival, copied.expect("a key"))),
    }
}

/// A JWT of 800 bytes that a cache has seen before. Which algorithm does not matter to it.
pub fn jwt_seen() -> Credential {
    let (issuer, ballast) = jwt_of_800();
    let issued = issuer.issue(new_jwt_of_800(ballast)).expect("a token");
    let good = issued.token.reveal();
    let verifier = issuer.verifier().build().expect("a verifier");
    Credential {
        name: "JWT seen before, 800 bytes",
        verifier: Arc::new(verifier.cached(CacheSettings::new()).expect("a cache")),
        forged: forge(&good),
        good,
        copied: None,
    }
}

/// A session that a cache has seen before, of a store that is not in this process. All of those are alike to
/// it: the store is asked once.
pub async fn session_seen() -> Credential {
    let database = Database::sqlite().await;
    let node = Node::builder(database.tokens.clone());
    let node = node.start().expect("a node");
    let format = TokenFormat::new("st_").expect("a prefix");
    let issuer = TokenIssuer::opaque(node.tokens(), format.clone());
    let session = NewToken::session("alice").idle(Duration::from_secs(1800));
    let good = issuer.mint(session).await.expect("a token").token.reveal();
    let verifier = OpaqueTokenVerifier::new(node.tokens(), format);
    // Longer than the bench: the store is out of reach then.
    let settings = CacheSettings::new().max_age(Duration::from_secs(3600));
    let verifier = verifier.cached(settings).expect("a cache");
    let token = BearerToken::new(&good).expect("a token");
    let presented = Presented::new(token, SystemClock.now());
    let seen = verifier.verify(&presented).await;
    check(seen.is_ok(), "a good credential is let in");
    Credential {
        name: "session seen before, SQLite and a node",
        verifier: Arc::new(verifier),
        forged: forge(&good),
        good,
        copied: None,
    }
}

/// An issuer of JWTs of 800 bytes, and the ballast that makes them as long.
pub fn jwt_of_800() -> (JwtIssuer, usize) {
    let key = SigningKey::from_secret(Algorithm::HS256, SECRET).expect("a key");
    let issuer = JwtIssuer::builder(key)
        .issuer("https://id.example.com")
        .audience("https://api.example.com")
        .lifetime(Duration::from_secs(3600))
        .build()
        .expect("an issuer");
    let len = |ballast| {
        let issued = issuer.issue(new_jwt_of_800(ballast)).expect("a token");
        issued.token.reveal().len()
    };
    let ballast = (0..).find(|ballast| len(*ballast) >= 800);
    (
        issuer,
        ballast.expect("a ballast that makes it long enough"),
    )
}

/// One of them.
pub fn new_jwt_of_800(ballast: usize) -> NewJwt {
    #[derive(Serialize)]
    struct Ballast {
        ballast: String,
    }
    NewJwt::new("alice")
        .client_id("web")
        .scopes("orders:read orders:write".parse().expect("scopes"))
        .claims(&Ballast {
            ballast: "x".repeat(ballast),
        })
        .expect("claims")
}

fn with_ballast(new: NewJwt) -> NewJwt {
    #[derive(Serialize)]
    struct Ballast {
        name: &'static str,
        email: &'static str,
        locale: &'static str,
    }
    new.claims(&Ballast {
        name: "Alice Example",
        email: "alice@example.com",
        locale: "en-GB",
    })
    .expect("claims")
}

/// The token with one character changed in its middle.
fn forge(good: &str) -> String {
    let mut bytes = good.as_bytes().to_vec();
    let middle = bytes.len() * 3 / 4;
    bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).expect("ASCII")
}
