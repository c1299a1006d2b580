//! A client that proves possession of its key (RFC 9449), for tests of services that ask for it.
//!
//! ```
//! use tower_bearer::testing::dpop::Client;
//!
//! # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
//! let client = Client::new();
//! let token = "a token that the test's issuer binds to client.confirmation()";
//! let proof = client.proof("GET", "https://api.example.com/orders", token).sign();
//! let request = http::Request::get("/orders")
//!     .header("authorization", format!("DPoP {token}"))
//!     .header("dpop", proof);
//! # }
//! ```

use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::jws;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::identity::Confirmation;
use crate::issue::SigningKey;
use crate::keys::Algorithm;

/// A client with a key pair.
#[derive(Debug, Clone)]
pub struct Client {
    key: SigningKey,
}

impl Client {
    /// A client with an Ed25519 key of its own.
    ///
    /// # Panics
    /// If no crypto back end is compiled in, or there is no randomness.
    #[must_use]
    pub fn new() -> Self {
        Self::with_key(SigningKey::generate(Algorithm::EdDSA).expect("an Ed25519 key"))
    }

    /// A client with this key.
    #[must_use]
    pub fn with_key(key: SigningKey) -> Self {
        Self { key }
    }

    /// What the tokens of this client are bound to.
    ///
    /// # Panics
    /// If its key is a shared secret.
    #[must_use]
    pub fn confirmation(&self) -> Confirmation {
        let thumbprint = self.key.verification_key().thumbprint();
        Confirmation::key(thumbprint.expect("a public key")).expect("a thumbprint")
    }

    /// Begins a proof for one request with `token`, made now by the system's clock, with a `jti` of its own.
    ///
    /// # Panics
    /// If there is no randomness.
    pub fn proof(&self, method: &str, url: &str, token: &str) -> Proof<'_> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).expect("randomness");
        let public = self.key.verification_key().jwk();
        let mut header = Map::new();
        header.insert("typ".into(), json!("dpop+jwt"));
        header.insert("alg".into(), json!(self.key.algorithm().as_str()));
        header.insert("jwk".into(), public.unwrap_or_default());
        let mut claims = Map::new();
        claims.insert("jti".into(), json!(URL_SAFE_NO_PAD.encode_to_string(id)));
        claims.insert("htm".into(), json!(method));
        claims.insert("htu".into(), json!(url));
        claims.insert("iat".into(), json!(SystemClock.now().as_unix_secs()));
        let hash = URL_SAFE_NO_PAD.encode_to_string(Sha256::digest(token));
        claims.insert("ath".into(), json!(hash));
        Proof {
            key: &self.key,
            header,
            claims,
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

/// A proof being made, good unless something about it is changed.
#[derive(Debug, Clone)]
#[must_use = "a proof is made by `sign`"]
pub struct Proof<'a> {
    key: &'a SigningKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Proof<'_> {
    /// Made at this time (`iat`).
    pub fn at(self, now: Timestamp) -> Self {
        self.claim("iat", now.as_unix_secs())
    }

    /// With a nonce of the server's.
    pub fn nonce(self, nonce: &str) -> Self {
        self.claim("nonce", nonce)
    }

    /// With this claim, in place of the one there is.
    ///
    /// # Panics
    /// If the value does not serialize.
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Self {
        self.claims.insert(name.into(), to_value(value));
        self
    }

    /// Without this claim.
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// With this header parameter, in place of the one there is.
    ///
    /// # Panics
    /// If the value does not serialize.
    pub fn header(mut self, name: &str, value: impl Serialize) -> Self {
        self.header.insert(name.into(), to_value(value));
        self
    }

    /// Without this header parameter.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// The proof: the value of the header `DPoP`.
    ///
    /// # Panics
    /// If the back end fails to sign.
    #[must_use]
    pub fn sign(&self) -> String {
        jws::sign(self.key, &self.header, &self.claims)
    }
}

fn to_value(value: impl Serialize) -> Value {
    serde_json::to_value(value).expect("a value of JSON")
}
