//! One server, HTTP and gRPC on one port, that takes three kinds of credential on one header.
//!
//! ```console
//! $ cargo run --example quickstart
//! ```
//!
//! It prints a fresh credential of each kind, and curl lines to paste. Tokens are kept in memory.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, routing::get};
use tonic::service::Routes;
use tower_bearer::issue::{JwtIssuer, NewJwt, NewToken, SecretToken, SigningKey, TokenIssuer};
use tower_bearer::keys::Algorithm;
use tower_bearer::policy::Policy;
use tower_bearer::store::{MemoryStore, TokenFormat};
use tower_bearer::verifier::{ApiKeyVerifier, OpaqueTokenVerifier, TokenRouter};
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, RequireLayer};

mod greeter;
use greeter::{Hello, greeter_server::GreeterServer};

async fn whoami(user: AuthenticatedUser) -> String {
    format!("{} by {}\n", user.subject(), user.credential_kind())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let hour = Duration::from_secs(3600);
    let jwts = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA)?)
        .issuer("https://quickstart.example")
        .audience("quickstart")
        .lifetime(hour)
        .build()?;
    let store = Arc::new(MemoryStore::new());
    let (key, session) = (TokenFormat::new("ak_")?, TokenFormat::new("st_")?);
    let keys = TokenIssuer::api_keys(store.clone(), key.clone())?;
    let sessions = TokenIssuer::opaque(store.clone(), session.clone());

    let verifier = TokenRouter::builder()
        .prefix("ak_", ApiKeyVerifier::new(store.clone(), key)?)
        .prefix("st_", OpaqueTokenVerifier::new(store, session))
        .jwt(jwts.verifier().build()?)
        .build()?;
    let counters = Policy::by_grpc_method(
        [("/demo.Greeter/Count", Policy::scope("count"))],
        Policy::authenticated(),
    );
    let layer = BearerAuthLayer::builder(verifier)
        .realm("quickstart")
        .require(counters)
        .build()?;
    let readers = RequireLayer::new(Policy::scope("orders:read"))?;
    let app = Router::new()
        .route("/whoami", get(whoami))
        .route("/orders", get(async || "no orders\n").layer(readers))
        .merge(Routes::new(GreeterServer::new(Hello)).into_axum_router())
        .layer(layer);

    let jwt = jwts.issue(NewJwt::new("alice").scopes("orders:read".parse()?))?;
    let session = sessions.mint(NewToken::session("bob").idle(hour)).await?;
    let key = keys.mint(NewToken::api_key("carol").name("ci")).await?;
    let ended = sessions.mint(NewToken::session("dave").idle(hour)).await?;
    sessions.revoke(ended.record.key()).await?;
    let tokens = [jwt.token, session.token, key.token, ended.token].map(SecretToken::reveal);

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let at = format!("http://{}", listener.local_addr()?);
    println!("listening on {at}, until Ctrl-C");
    print_curl_lines(&at, tokens.each_ref().map(String::as_str));

    let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    let server = axum::serve(listener, app);
    server.with_graceful_shutdown(interrupted).await?;
    println!("closed");
    Ok(())
}

fn print_curl_lines(at: &str, [jwt, session, key, ended]: [&str; 4]) {
    println!("\nJWT      {jwt}\nsession  {session}\nAPI key  {key}\n");
    let get = |what: &str, path: &str, token: &str| {
        println!("{what}:\ncurl -i {at}{path} -H 'Authorization: Bearer {token}'");
    };
    get("200, a JWT", "/whoami", jwt);
    get("200, a session", "/whoami", session);
    get("200, an API key", "/whoami", key);
    get("200, a JWT that has the scope", "/orders", jwt);
    get("403, an API key that has not", "/orders", key);
    get("401, an ended session", "/whoami", ended);
    get("401, half a JWT", "/whoami", &jwt[..jwt.len() / 2]);
    get("401, a mistyped key", "/whoami", &key.to_uppercase());
    get("400, two words", "/whoami", "two words");
    get("400, over 8 KiB", "/whoami", &"x".repeat(8192));
    let (x, y) = (
        "-H 'Authorization: Bearer x'",
        "-H 'Authorization: Bearer y'",
    );
    println!("400, two headers:\ncurl -i {at}/whoami {x} {y}");
    println!("401, no credential:\ncurl -i {at}/whoami");
    println!("401, another scheme:\ncurl -i {at}/whoami -u alice:secret");
    // Five zeros are an empty message. A refusal waits for none, which cuts curl short.
    let message = r"printf '\0\0\0\0\0' | curl -i -o - --data-binary @-";
    let grpc = |what: &str, curl: &str, method: &str, token: &str| {
        println!(
            "{what}:\n{curl} --http2-prior-knowledge {at}/demo.Greeter/{method} \
            -H 'Content-Type: application/grpc' -H 'TE: trailers' -H 'Authorization: Bearer {token}'"
        );
    };
    grpc("gRPC status 0", message, "Hello", jwt);
    grpc("gRPC status 7, no scope", "curl -i -X POST", "Count", key);
    grpc(
        "gRPC status 16, an ended session",
        "curl -i -X POST",
        "Hello",
        ended,
    );
}
