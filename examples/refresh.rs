//! Access tokens of ten minutes, and refresh tokens that are spent one after another (RFC 9700).
//!
//! ```console
//! $ cargo run --example refresh
//! $ curl -i -X POST http://127.0.0.1:3000/login -d alice
//! $ curl -i http://127.0.0.1:3000/ -H "Authorization: Bearer $ACCESS"
//! $ curl -i -X POST http://127.0.0.1:3000/renew -d "$REFRESH"
//! ```
//!
//! Renew with the same token again: within ten seconds it gives the same successor, as a second tab needs it.
//! After that it was stolen, and the session is over:
//!
//! ```console
//! $ sleep 10; curl -i -X POST http://127.0.0.1:3000/renew -d "$REFRESH"
//! $ curl -i http://127.0.0.1:3000/ -H "Authorization: Bearer $ACCESS"
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_bearer::credential::BearerToken;
use tower_bearer::issue::{JwtIssuer, Login, RefreshTokens, RenewError, SigningKey, TokenPair};
use tower_bearer::keys::Algorithm;
use tower_bearer::revocation::{MemoryRevocations, Revocations};
use tower_bearer::store::{MemoryStore, TokenFormat};
use tower_bearer::verifier::TokenVerifierExt;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const THIRTY_DAYS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

// Where a password would be checked first. That is not this crate's business.
async fn login(State(tokens): State<RefreshTokens>, name: String) -> Answer {
    match tokens.login(Login::new(name)).await {
        Ok(pair) => Ok(shown(pair)),
        Err(_) => Err(refused(StatusCode::BAD_REQUEST, "invalid_request")),
    }
}

async fn renew(State(tokens): State<RefreshTokens>, token: String) -> Answer {
    let Ok(token) = BearerToken::new(&token) else {
        return Err(refused(StatusCode::BAD_REQUEST, "invalid_grant"));
    };
    match tokens.renew(&token).await {
        Ok(pair) => Ok(shown(pair)),
        Err(error) => {
            // Where somebody is told that a token was stolen. The client learns nothing of that.
            println!("no renewal: {error}");
            Err(match error {
                RenewError::Issue(_) => {
                    refused(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
                }
                _ => refused(StatusCode::BAD_REQUEST, "invalid_grant"),
            })
        }
    }
}

async fn logout(user: AuthenticatedUser, State(tokens): State<RefreshTokens>) -> StatusCode {
    let session = user.session_id().unwrap_or_default();
    match tokens.end(user.subject(), session).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn home(user: AuthenticatedUser) -> String {
    format!("hello, {}\n", user.subject())
}

/// The answer of RFC 6749 §5.1.
fn shown(pair: TokenPair) -> Json<Value> {
    Json(json!({
        "access_token": pair.access.token.reveal(),
        "token_type": "Bearer",
        "expires_in": TEN_MINUTES.as_secs(),
        "refresh_token": pair.refresh.reveal(),
    }))
}

/// The answer of RFC 6749 §5.2.
fn refused(status: StatusCode, error: &str) -> (StatusCode, Json<Value>) {
    (status, Json(json!({ "error": error })))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let access = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA)?)
        .issuer("https://id.example.com")
        .audience("https://api.example.com")
        .lifetime(TEN_MINUTES)
        .build()?;
    let revocations = Revocations::new(Arc::new(MemoryRevocations::new()), TEN_MINUTES)?;
    let verifier = access.verifier().build()?.revocable(revocations.clone());
    let (store, format) = (Arc::new(MemoryStore::new()), TokenFormat::new("rt_")?);
    let tokens =
        RefreshTokens::new(store, format, access, THIRTY_DAYS)?.with_revocations(revocations);

    let guarded = Router::new()
        .route("/", get(home))
        .route("/logout", post(logout))
        .layer(BearerAuthLayer::new(verifier));
    let app = Router::new()
        .route("/login", post(login))
        .route("/renew", post(renew))
        .merge(guarded)
        .with_state(tokens);

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
