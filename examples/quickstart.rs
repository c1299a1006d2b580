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
use tokio_stream::Empty;
use tonic::{Request, Response, Status, service::Routes};
use tower_bearer::issue::{JwtIssuer, NewJwt, NewToken, SigningKey, TokenIssuer};
use tower_bearer::keys::Algorithm;
use tower_bearer::policy::Policy;
use tower_bearer::store::{MemoryStore, TokenFormat};
use tower_bearer::verifier::{ApiKeyVerifier, OpaqueTokenVerifier, TokenRouter};
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, RequireLayer};

mod greeter;
use greeter::greeter_server::{Greeter, GreeterServer};
use greeter::{HelloReply, HelloRequest};

async fn whoami(user: AuthenticatedUser) -> String {
    format!("{} by {}\n", user.subject(), user.credential_kind())
}

struct Hello;

#[tonic::async_trait]
impl Greeter for Hello {
    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let user = request.extensions().get::<AuthenticatedUser>();
        let message = format!(
            "hello, {}\n",
            user.map_or("stranger", |user| user.subject())
        );
        Ok(Response::new(HelloReply { message }))
    }

    type CountStream = Empty<Result<HelloReply, Status>>;

    async fn count(&self, _: Request<HelloRequest>) -> Result<Response<Self::CountStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }
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
    let layer = BearerAuthLayer::builder(verifier)
        .realm("quickstart")
        .require(Policy::by_grpc_method(
            [("/demo.Greeter/Count", Policy::scope("count"))],
            Policy::authenticated(),
        ))
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

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let at = format!("http://{}", listener.local_addr()?);
    println!("listening on {at}\n");
    let (jwt, session, key) = (
        jwt.token.reveal(),
        session.token.reveal(),
        key.token.reveal(),
    );
    println!("JWT      {jwt}\nsession  {session}\nAPI key  {key}\n");
    print_curl_lines(&at, &jwt, &session, &key, &ended.token.reveal());

    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    println!("closed");
    Ok(())
}

fn print_curl_lines(at: &str, jwt: &str, session: &str, key: &str, ended: &str) {
    let get = |path: &str, token: &str| {
        println!("curl -i {at}{path} -H 'Authorization: Bearer {token}'");
    };
    let grpc = |method: &str, token: &str| {
        println!(
            "printf '\\0\\0\\0\\0\\0' | curl -i -o - --http2-prior-knowledge {at}/demo.Greeter/{method} \
             -H 'Content-Type: application/grpc' -H 'TE: trailers' -H 'Authorization: Bearer {token}' \
             --data-binary @-"
        );
    };
    println!("200, each kind of credential:");
    get("/whoami", jwt);
    get("/whoami", session);
    get("/whoami", key);
    println!("200, the JWT has the scope:");
    get("/orders", jwt);
    println!("gRPC status 0:");
    grpc("Hello", jwt);
    println!("401, no credential, and one of another scheme:");
    println!("curl -i {at}/whoami");
    println!("curl -i {at}/whoami -u alice:secret");
    println!("400, not one credential:");
    get("/whoami", "two words");
    println!(
        "curl -i {at}/whoami -H 'Authorization: Bearer {key}' -H 'Authorization: Bearer {key}'"
    );
    println!("401, a token that is tampered with, mistyped, or ended:");
    get("/whoami", &jwt[..jwt.len() - 2]);
    get("/whoami", &key.to_uppercase());
    get("/whoami", ended);
    println!("403, the API key has no scope:");
    get("/orders", key);
    println!("gRPC status 16, and 7:");
    grpc("Hello", ended);
    grpc("Count", key);
    println!("\nCtrl-C stops the server.");
}
