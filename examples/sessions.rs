//! Opaque sessions that slide by 30 minutes with each use, and end by themselves after a day.
//!
//! ```console
//! $ cargo run --example sessions
//! $ curl -i -X POST http://127.0.0.1:3000/login -d alice
//! $ curl -i http://127.0.0.1:3000/ -H "Authorization: Bearer $TOKEN"
//! $ curl -i -X POST http://127.0.0.1:3000/logout -H "Authorization: Bearer $TOKEN"
//! ```
//!
//! The login answers with the token, to be put into `TOKEN`. After a logout, log in again:
//!
//! ```console
//! $ curl -i -X POST http://127.0.0.1:3000/logout/everywhere -H "Authorization: Bearer $TOKEN"
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tower_bearer::clock::Timestamp;
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::store::{MemoryStore, TokenFilter, TokenFormat, TokenKey};
use tower_bearer::verifier::OpaqueTokenVerifier;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer};

const IDLE: Duration = Duration::from_secs(30 * 60);
const AT_MOST: Duration = Duration::from_secs(24 * 60 * 60);

// Where a password would be checked first. That is not this crate's business.
async fn login(State(sessions): State<TokenIssuer>, name: String) -> Result<String, StatusCode> {
    let session = NewToken::session(name).idle(IDLE).lifetime(AT_MOST);
    match sessions.mint(session).await {
        Ok(minted) => Ok(minted.token.reveal()),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

async fn home(user: AuthenticatedUser) -> String {
    let end = user.expires_at().map(Timestamp::as_unix_secs);
    format!("hello, {}; good until {end:?}\n", user.subject())
}

// Ends the session that was presented, and no other of this user.
async fn logout(user: AuthenticatedUser, State(sessions): State<TokenIssuer>) -> StatusCode {
    let (subject, id) = (user.subject(), user.credential_id().unwrap_or_default());
    match sessions.revoke(TokenKey { subject, id }).await {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn logout_everywhere(
    user: AuthenticatedUser,
    State(sessions): State<TokenIssuer>,
) -> StatusCode {
    match sessions
        .revoke_all(user.subject(), &TokenFilter::all())
        .await
    {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Arc::new(MemoryStore::new());
    let format = TokenFormat::new("st_")?;
    let sessions = TokenIssuer::opaque(store.clone(), format.clone());

    let guarded = Router::new()
        .route("/", get(home))
        .route("/logout", post(logout))
        .route("/logout/everywhere", post(logout_everywhere))
        .layer(BearerAuthLayer::new(OpaqueTokenVerifier::new(
            store, format,
        )));
    // What needs no token stands outside of the layer, not on a list within it.
    let app = Router::new()
        .route("/login", post(login))
        .merge(guarded)
        .with_state(sessions);

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
