//! API keys in PostgreSQL, under a pepper: renamed, switched off and on, rotated with an overlap, ended.
//!
//! ```console
//! $ export DATABASE_URL=postgres://user:password@localhost/database
//! $ export PEPPER=$(head -c 32 /dev/urandom | base64)
//! $ cargo run --features postgres --example postgres_api_keys
//! ```
//!
//! The server prints a first key, and then:
//!
//! ```console
//! $ curl -i -X POST http://127.0.0.1:3000/keys/laptop -H "Authorization: Bearer $KEY"
//! $ curl -i http://127.0.0.1:3000/keys -H "Authorization: Bearer $KEY"
//! $ curl -i -X POST http://127.0.0.1:3000/keys/$ID/rotate -H "Authorization: Bearer $KEY"
//! $ curl -i -X POST http://127.0.0.1:3000/keys/$ID/disable -H "Authorization: Bearer $KEY"
//! $ curl -i -X POST http://127.0.0.1:3000/keys/$ID/enable -H "Authorization: Bearer $KEY"
//! $ curl -i -X DELETE http://127.0.0.1:3000/keys/$ID -H "Authorization: Bearer $KEY"
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_bearer::identity::CredentialKind;
use tower_bearer::issue::{IssueError, IssuePolicy, Minted, NewToken, TokenIssuer};
use tower_bearer::node::Node;
use tower_bearer::store::{
    Digests, Page, Pepper, PostgresStore, StoreError, TokenFilter, TokenFormat, TokenKey,
    TokenRecord,
};
use tower_bearer::verifier::{ApiKeyVerifier, CacheSettings, TokenVerifierExt};
use tower_bearer::{AuthenticatedUser, BearerAuthLayer};

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

type Answer = Result<Json<Value>, StatusCode>;

async fn create(
    user: AuthenticatedUser,
    State(keys): State<TokenIssuer>,
    Path(name): Path<String>,
) -> Answer {
    let new = NewToken::api_key(user.subject()).name(name);
    keys.mint_as(&user, new)
        .await
        .map(shown_once)
        .map_err(failed)
}

async fn list(user: AuthenticatedUser, State(keys): State<TokenIssuer>) -> Answer {
    let (all, page) = (TokenFilter::all(), Page::first(100));
    let records = keys.list(user.subject(), &all, &page).await;
    let records = records.map_err(failed)?;
    Ok(Json(records.iter().map(row).collect()))
}

/// The old key is good for a day more, until it is replaced everywhere.
async fn rotate(
    user: AuthenticatedUser,
    State(keys): State<TokenIssuer>,
    Path(id): Path<String>,
) -> Answer {
    let rotated = keys.rotate(own(&user, &id), A_DAY).await;
    rotated.map(shown_once).map_err(failed)
}

async fn disable(
    user: AuthenticatedUser,
    State(keys): State<TokenIssuer>,
    Path(id): Path<String>,
) -> Answer {
    let changed = keys.disable(own(&user, &id)).await.map_err(failed)?;
    Ok(Json(row(&changed)))
}

async fn enable(
    user: AuthenticatedUser,
    State(keys): State<TokenIssuer>,
    Path(id): Path<String>,
) -> Answer {
    let changed = keys.enable(own(&user, &id)).await.map_err(failed)?;
    Ok(Json(row(&changed)))
}

async fn end(
    user: AuthenticatedUser,
    State(keys): State<TokenIssuer>,
    Path(id): Path<String>,
) -> Result<StatusCode, StatusCode> {
    let ended = keys.revoke(own(&user, &id)).await;
    ended.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Addressed by subject and id, so that nobody touches a key of somebody else.
fn own<'a>(user: &'a AuthenticatedUser, id: &'a str) -> TokenKey<'a> {
    TokenKey {
        subject: user.subject(),
        id,
    }
}

fn shown_once(minted: Minted) -> Json<Value> {
    Json(json!({ "id": minted.record.id, "key": minted.token.reveal() }))
}

fn row(record: &TokenRecord) -> Value {
    json!({
        "id": record.id,
        "name": record.name,
        "starts_with": record.display_start,
        "enabled": !record.disabled,
        "revoked": record.revoked.is_some(),
        "replaced_by": record.replaced_by,
    })
}

fn failed(error: impl Into<IssueError>) -> StatusCode {
    match error.into() {
        IssueError::Config(_) => StatusCode::BAD_REQUEST,
        IssueError::NotAllowed(_) => StatusCode::FORBIDDEN,
        IssueError::Store(StoreError::NotFound) => StatusCode::NOT_FOUND,
        IssueError::Store(StoreError::Ended) => StatusCode::CONFLICT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Arc::new(PostgresStore::connect(&std::env::var("DATABASE_URL")?).await?);
    let node = Node::builder(store.clone()).feed(store).start()?;
    let pepper = std::env::var("PEPPER")?.into_bytes();
    let digests = Digests::peppered(Pepper::new("2026", pepper)?);
    let format = TokenFormat::new("ak_")?;
    // Here a key may make others of its owner; by default only a session may.
    let policy = IssuePolicy::strict().by_kinds([CredentialKind::Session, CredentialKind::ApiKey]);
    let keys = TokenIssuer::api_keys(node.tokens(), format.clone())?
        .with_digests(digests.clone())
        .with_policy(policy);
    let verifier = ApiKeyVerifier::new(node.tokens(), format)?
        .with_digests(digests)
        .deadline(Duration::from_millis(250))
        .cached(CacheSettings::new())?;
    let first = keys.mint(NewToken::api_key("alice").name("first")).await?;

    let app = Router::new()
        .route("/keys", get(list))
        .route("/keys/{name_or_id}", post(create).delete(end))
        .route("/keys/{id}/rotate", post(rotate))
        .route("/keys/{id}/disable", post(disable))
        .route("/keys/{id}/enable", post(enable))
        .with_state(keys)
        .layer(BearerAuthLayer::new(verifier));

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    println!("KEY={}", first.token.reveal());
    let until_ctrl_c = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app)
        .with_graceful_shutdown(until_ctrl_c)
        .await?;
    node.shutdown(Duration::from_secs(5)).await?;
    Ok(())
}
