//! API keys: made, listed, used and ended by their owner, over HTTP.
//!
//! The server prints a first key, and then:
//!
//! ```console
//! $ cargo run --example api_keys
//! $ curl -i -X POST http://127.0.0.1:3000/keys/laptop -H "Authorization: Bearer $KEY"
//! $ curl -i http://127.0.0.1:3000/keys -H "Authorization: Bearer $KEY"
//! $ curl -i -X DELETE http://127.0.0.1:3000/keys/$ID -H "Authorization: Bearer $KEY"
//! ```

use std::error::Error;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_bearer::issue::{IssueError, NewToken, TokenIssuer};
use tower_bearer::store::{MemoryStore, Page, StoreError, TokenFilter, TokenFormat, TokenKey};
use tower_bearer::verifier::ApiKeyVerifier;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer};

async fn create(
    user: AuthenticatedUser,
    State(keys): State<TokenIssuer>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let minted = keys
        .mint(NewToken::api_key(user.subject()).name(name))
        .await?;
    // The only time that the key itself is seen: what is kept of it is a digest.
    Ok(Json(
        json!({ "id": minted.record.id, "key": minted.token.reveal() }),
    ))
}

async fn list(
    user: AuthenticatedUser,
    State(keys): State<TokenIssuer>,
) -> Result<Json<Vec<Value>>, Failure> {
    let page = Page::first(100);
    let records = keys
        .list(user.subject(), &TokenFilter::all(), &page)
        .await?;
    let row = |record: &tower_bearer::store::TokenRecord| {
        json!({
            "id": record.id,
            "name": record.name,
            "starts_with": record.display_start,
            "revoked": record.revoked.is_some(),
        })
    };
    Ok(Json(records.iter().map(row).collect()))
}

async fn end(
    user: AuthenticatedUser,
    State(keys): State<TokenIssuer>,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    // Addressed by subject and id, so that nobody ends a key of somebody else.
    let subject = user.subject();
    keys.revoke(TokenKey { subject, id: &id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What goes wrong with the keys, as a response.
struct Failure(StatusCode);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::NotFound => StatusCode::NOT_FOUND,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        })
    }
}

impl From<IssueError> for Failure {
    fn from(_: IssueError) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Arc::new(MemoryStore::new());
    let format = TokenFormat::new("ak_")?;
    let keys = TokenIssuer::api_keys(store.clone(), format.clone())?;
    let first = keys.mint(NewToken::api_key("alice").name("first")).await?;

    let app = Router::new()
        .route("/keys", get(list))
        .route("/keys/{name_or_id}", post(create).delete(end))
        .with_state(keys)
        .layer(BearerAuthLayer::new(ApiKeyVerifier::new(store, format)?));

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    println!("KEY={}", first.token.reveal());
    axum::serve(listener, app).await?;
    Ok(())
}
