//! Sessions in an SQLite file: they outlive a restart of the server.
//!
//! ```console
//! $ cargo run --features sqlite --example sqlite_sessions
//! $ curl -i -X POST http://127.0.0.1:3000/login -H "User-Agent: my laptop" -d alice
//! $ curl -i http://127.0.0.1:3000/sessions -H "Authorization: Bearer $TOKEN"
//! ```
//!
//! Stop it with Ctrl-C, start it again, and the session is still good. Then:
//!
//! ```console
//! $ curl -i -X DELETE http://127.0.0.1:3000/sessions/others -H "Authorization: Bearer $TOKEN"
//! $ curl -i -X DELETE http://127.0.0.1:3000/sessions/current -H "Authorization: Bearer $TOKEN"
//! ```

use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_bearer::clock::Timestamp;
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::node::Node;
use tower_bearer::store::{
    Page, SqliteStore, StoreError, SubjectLimit, TokenFilter, TokenFormat, TokenKey, TokenRecord,
    WhenFull,
};
use tower_bearer::verifier::OpaqueTokenVerifier;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer};

const IDLE: Duration = Duration::from_secs(30 * 60);
const AT_MOST: Duration = Duration::from_secs(24 * 60 * 60);

// Where a password would be checked first. That is not this crate's business.
async fn login(
    State(sessions): State<TokenIssuer>,
    headers: HeaderMap,
    name: String,
) -> Result<String, StatusCode> {
    let device = headers.get(header::USER_AGENT);
    let device = device.and_then(|value| value.to_str().ok());
    let session = NewToken::session(name)
        .idle(IDLE)
        .lifetime(AT_MOST)
        .attribute("device", device.unwrap_or("unknown"));
    match sessions.mint(session).await {
        Ok(minted) => Ok(minted.token.reveal()),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

async fn list(
    user: AuthenticatedUser,
    State(sessions): State<TokenIssuer>,
) -> Result<Json<Vec<Value>>, StatusCode> {
    let (all, page) = (TokenFilter::all(), Page::first(100));
    let listed = sessions.list(user.subject(), &all, &page).await;
    let row = |record: &TokenRecord| {
        json!({
            "id": record.id,
            "device": record.attributes.get("device"),
            "current": Some(&*record.id) == user.credential_id(),
            "last_used": record.last_used.map(Timestamp::as_unix_secs),
            "ended": record.revoked.is_some(),
        })
    };
    match listed {
        Ok(records) => Ok(Json(records.iter().map(row).collect())),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn end_current(user: AuthenticatedUser, State(sessions): State<TokenIssuer>) -> StatusCode {
    let (subject, id) = (user.subject(), user.credential_id().unwrap_or_default());
    done(&sessions.revoke(TokenKey { subject, id }).await)
}

async fn end_others(user: AuthenticatedUser, State(sessions): State<TokenIssuer>) -> StatusCode {
    let others = TokenFilter::all().except(user.credential_id().unwrap_or_default());
    done(&sessions.revoke_all(user.subject(), &others).await)
}

fn done<T>(result: &Result<T, StoreError>) -> StatusCode {
    match result {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::var("DATABASE").unwrap_or("sessions.db".into());
    let store = Arc::new(SqliteStore::open(path).await?);
    // Several of these servers may share the file: each hears from it what the others end.
    let node = Node::builder(store.clone()).feed(store).start()?;
    let format = TokenFormat::new("st_")?;
    let three = SubjectLimit {
        max: NonZeroUsize::new(3).ok_or("none")?,
        when_full: WhenFull::EndOldest,
    };
    let sessions = TokenIssuer::opaque(node.tokens(), format.clone()).with_limit(three);

    let guarded = Router::new()
        .route("/sessions", get(list))
        .route("/sessions/current", delete(end_current))
        .route("/sessions/others", delete(end_others))
        .layer(BearerAuthLayer::new(OpaqueTokenVerifier::new(
            node.tokens(),
            format,
        )));
    let app = Router::new()
        .route("/login", post(login))
        .merge(guarded)
        .with_state(sessions);

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let until_ctrl_c = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app)
        .with_graceful_shutdown(until_ctrl_c)
        .await?;
    // The last uses of the sessions, which were not written yet.
    node.shutdown(Duration::from_secs(5)).await?;
    println!("closed");
    Ok(())
}
