//! Answers that are signed (RFC 9701).

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::credential::BearerToken;
use crate::error::ConfigError;
use crate::keys::VerifierKeys;
use crate::refusal::Refusal;
use crate::remote::RemoteError;
use crate::verifier::jwt::JwtVerifier;
use crate::verifier::{Answer, Presented};

/// How far the server's clock may be off at least, and how old an answer may be beside that. An answer is made
/// for the question; an older one may be somebody else's copy.
const LEEWAY: Duration = Duration::from_secs(30);

/// Whose signature answers must have, and for whom they must be.
#[derive(Debug)]
pub(super) struct SignedAnswers {
    verifier: Arc<JwtVerifier>,
    leeway: Duration,
}

/// What is in an answer, beside `iss`, `aud` and `iat`.
#[derive(Deserialize)]
struct Envelope {
    token_introspection: Box<RawValue>,
}

impl SignedAnswers {
    pub(super) fn new(
        keys: VerifierKeys,
        issuer: Arc<str>,
        audience: Box<str>,
        leeway: Duration,
    ) -> Result<Self, ConfigError> {
        let leeway = leeway.max(LEEWAY);
        let verifier = JwtVerifier::builder(keys)
            .issuer(issuer)
            .audience(audience)
            .token_type("token-introspection+jwt")
            .allow_missing_exp()
            .require_iat()
            .allow_nameless()
            .leeway(leeway)
            .claims::<Envelope>()
            .build()?;
        Ok(Self {
            verifier: Arc::new(verifier),
            leeway,
        })
    }

    /// Hands what is in the answer to `then`, if it is one that may be taken at `now`.
    pub(super) async fn open<T>(
        &self,
        body: &[u8],
        now: Timestamp,
        then: impl FnOnce(&str) -> T,
    ) -> Result<T, RemoteError> {
        let refused = |refusal: Refusal| {
            RemoteError::content("the answer is not signed as it must be").with_source(refusal)
        };
        let token = std::str::from_utf8(body).ok().map(BearerToken::new);
        let Some(Ok(token)) = token else {
            return Err(RemoteError::content("the answer is no JWT"));
        };
        let judged = Answer::of(&self.verifier, &Presented::new(token, now));
        let envelope = judged.wait().await.map_err(refused)?;
        let oldest = now.saturating_sub(self.leeway + LEEWAY);
        if envelope.issued_at().is_none_or(|made| made < oldest) {
            return Err(RemoteError::content("the answer is an old one, by its iat"));
        }
        match envelope.data::<Envelope>() {
            Some(envelope) => Ok(then(envelope.token_introspection.get())),
            None => Err(RemoteError::content(
                "the answer has no token_introspection",
            )),
        }
    }
}
