//! The extractor that is copied from axum's JWT example into service after service, with its validation
//! as it is there: `exp` and the signature. It does less than the layer, and is the rival all the same.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::{RequestPartsExt, Router, routing::get};
use axum_extra::TypedHeader;
use axum_extra::headers::{Authorization, authorization::Bearer};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

/// The claims of the example.
#[derive(Debug, Deserialize)]
pub struct Claims {
    sub: String,
}

/// What the extractor is set up with.
#[derive(Clone)]
pub struct Keys {
    decoding: DecodingKey,
    validation: Validation,
}

impl Keys {
    /// Keys for one algorithm.
    #[must_use]
    pub fn new(algorithm: Algorithm, decoding: DecodingKey) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.validate_aud = false;
        Self {
            decoding,
            validation,
        }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl FromRequestParts<Keys> for Claims {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, keys: &Keys) -> Result<Self, StatusCode> {
        let TypedHeader(Authorization(bearer)) = parts
            .extract::<TypedHeader<Authorization<Bearer>>>()
            .await
            .map_err(|_| StatusCode::UNAUTHORIZED)?;
        let token = decode::<Self>(bearer.token(), &keys.decoding, &keys.validation)
            .map_err(|_| StatusCode::UNAUTHORIZED)?;
        Ok(token.claims)
    }
}

async fn handler(claims: Claims) -> &'static str {
    std::hint::black_box(&claims.sub);
    "ok"
}

/// A router with the extractor in front of its one handler.
pub fn router(keys: Keys) -> Router {
    Router::new().route("/", get(handler)).with_state(keys)
}
