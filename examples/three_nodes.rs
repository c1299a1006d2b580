//! Three nodes on one Redis, by one command: what is ended at one is over at all.
//!
//! ```console
//! $ cargo run --features redis,cache --example three_nodes
//! ```
//!
//! It starts a `redis-server` of its own, unless `REDIS_URL` names one, and three servers, each with a cache.
//! Log in at the first, use the token at all three, and end it at the second:
//!
//! ```console
//! $ curl -i -X POST http://127.0.0.1:3001/login -d alice
//! $ curl -i http://127.0.0.1:3002/ -H "Authorization: Bearer $TOKEN"
//! $ curl -i http://127.0.0.1:3003/ -H "Authorization: Bearer $TOKEN"
//! $ curl -i -X POST http://127.0.0.1:3002/logout -H "Authorization: Bearer $TOKEN"
//! $ curl -i http://127.0.0.1:3003/ -H "Authorization: Bearer $TOKEN"
//! ```
//!
//! Kill the Redis under it, and every answer is 503; start it again, and they are as before.

use std::error::Error;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::node::Node;
use tower_bearer::store::{RedisStore, TokenFormat, TokenKey};
use tower_bearer::verifier::{CacheSettings, OpaqueTokenVerifier, TokenVerifierExt};
use tower_bearer::{AuthenticatedUser, BearerAuthLayer};

const IDLE: Duration = Duration::from_secs(30 * 60);
const AT_MOST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a request waits for the store.
const PATIENCE: Duration = Duration::from_millis(250);

// Where a password would be checked first. That is not this crate's business.
async fn login(State(sessions): State<TokenIssuer>, name: String) -> Result<String, StatusCode> {
    let session = NewToken::session(name).idle(IDLE).lifetime(AT_MOST);
    match sessions.mint(session).await {
        Ok(minted) => Ok(minted.token.reveal()),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn home(user: AuthenticatedUser) -> String {
    format!("hello, {}\n", user.subject())
}

async fn logout(user: AuthenticatedUser, State(sessions): State<TokenIssuer>) -> StatusCode {
    let (subject, id) = (user.subject(), user.credential_id().unwrap_or_default());
    match sessions.revoke(TokenKey { subject, id }).await {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// One node: a connection to Redis, what it remembers, and the server in front of it.
async fn node(redis: &str) -> Result<(Node, Router), Box<dyn Error>> {
    let store = Arc::new(RedisStore::connect(redis).await?);
    let node = Node::builder(store.clone()).feed(store).start()?;
    let format = TokenFormat::new("st_")?;
    let sessions = TokenIssuer::opaque(node.tokens(), format.clone());
    let verifier = OpaqueTokenVerifier::new(node.tokens(), format)
        .deadline(PATIENCE)
        .cached(CacheSettings::new())?;
    let guarded = Router::new()
        .route("/", get(home))
        .route("/logout", post(logout))
        .layer(BearerAuthLayer::new(verifier));
    let app = Router::new().route("/login", post(login)).merge(guarded);
    Ok((node, app.with_state(sessions)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (redis, mut server) = match std::env::var("REDIS_URL") {
        Ok(url) => (url, None),
        Err(_) => (
            "redis://127.0.0.1:3009".to_owned(),
            Some(start_redis(3009)?),
        ),
    };
    let mut nodes = Vec::new();
    let mut servers = tokio::task::JoinSet::new();
    for number in 1..=3 {
        let (node, app) = node(&redis).await?;
        nodes.push(node);
        let address = match std::env::var("LISTEN") {
            Ok(address) => address,
            Err(_) => format!("127.0.0.1:300{number}"),
        };
        let listener = tokio::net::TcpListener::bind(address).await?;
        println!("listening on http://{}", listener.local_addr()?);
        servers.spawn(async move { axum::serve(listener, app).await });
    }
    tokio::signal::ctrl_c().await?;
    servers.shutdown().await;
    for node in nodes {
        node.shutdown(Duration::from_secs(5)).await?;
    }
    if let Some(server) = &mut server {
        server.kill()?;
        server.wait()?;
    }
    println!("closed");
    Ok(())
}

/// A Redis that forgets everything when it ends.
fn start_redis(port: u16) -> Result<Child, Box<dyn Error>> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(["--save", "", "--appendonly", "no", "--loglevel", "warning"]);
    let started = command.spawn();
    started.map_err(|error| format!("redis-server does not start: {error}").into())
}
