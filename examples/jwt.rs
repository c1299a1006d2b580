//! JWTs of an issuer that signs with a private key, several of them in a JWK Set.
//!
//! ```console
//! $ cargo run --example jwt
//! ```
//!
//! It prints a token and curl lines to paste.

use std::error::Error;
use std::time::Duration;

use axum::{Router, routing::get};
use serde::{Deserialize, Serialize};
use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey};
use tower_bearer::keys::{Algorithm, KeySet};
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer};

/// The service's own claims.
#[derive(Debug, Serialize, Deserialize)]
struct Plan {
    plan: String,
    #[serde(rename = "type")]
    token_type: String,
}

async fn plan(user: AuthenticatedUser) -> String {
    let plan = user.data::<Plan>().map_or("none", |claims| &claims.plan);
    format!("{} is on the plan {plan}\n", user.subject())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // An identity provider stands elsewhere, as a rule, and only its public keys are here.
    let old = SigningKey::generate(Algorithm::EdDSA)?.with_kid("2026-01");
    let new = SigningKey::generate(Algorithm::EdDSA)?.with_kid("2026-02");
    let public = KeySet::new([
        old.verification_key().clone(),
        new.verification_key().clone(),
    ])?;

    // Issuer and audience are a must: leaving one out is an error here, not a hole later.
    let verifier = JwtVerifier::builder(public)
        .issuer("https://id.example.com")
        .audience("https://api.example.com")
        .require_claim("type", "access")
        .claims::<Plan>()
        .build()?;
    let app = Router::new()
        .route("/", get(plan))
        .layer(BearerAuthLayer::new(verifier));

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let at = format!("http://{}", listener.local_addr()?);
    println!("listening on {at}");

    let issuer = JwtIssuer::builder(new)
        .issuer("https://id.example.com")
        .audience("https://api.example.com")
        .lifetime(Duration::from_secs(600))
        .build()?;
    for token_type in ["access", "refresh"] {
        let claims = Plan {
            plan: "gold".to_owned(),
            token_type: token_type.to_owned(),
        };
        let issued = issuer.issue(NewJwt::new("alice").claims(&claims)?)?;
        let token = issued.token.reveal();
        println!("{token_type} token:\ncurl -i {at}/ -H 'Authorization: Bearer {token}'");
    }
    axum::serve(listener, app).await?;
    Ok(())
}
