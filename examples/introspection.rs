//! Opaque tokens that an authorization server is asked about, also while it is down.
//!
//! The server is that of the test kit, in the same process. Two of its tokens are printed, and then:
//!
//! ```console
//! $ cargo run --example introspection --features cache,introspection,testing
//! $ curl -i http://127.0.0.1:3000/ -H "Authorization: Bearer $ALICE"
//! $ curl -i -X POST http://127.0.0.1:3000/server/down
//! $ curl -i http://127.0.0.1:3000/ -H "Authorization: Bearer $ALICE"
//! $ curl -i http://127.0.0.1:3000/ -H "Authorization: Bearer $BOB"
//! $ curl -i -X POST http://127.0.0.1:3000/server/up
//! ```
//!
//! Alice is remembered for a minute. Bob is answered 503 until the server is back, and never 401.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use tower_bearer::remote::HttpSettings;
use tower_bearer::testing::provider::{Endpoint, Fault, IdentityProvider};
use tower_bearer::verifier::introspection::{ClientAuthentication, IntrospectionVerifier};
use tower_bearer::verifier::{CacheSettings, TokenVerifierExt};
use tower_bearer::{AuthenticatedUser, BearerAuthLayer};

async fn hello(user: AuthenticatedUser) -> String {
    format!("hello, {}\n", user.subject())
}

async fn switch(State(server): State<IdentityProvider>, Path(state): Path<String>) -> StatusCode {
    match &*state {
        "down" => server.fail(Fault::Down),
        "up" => server.recover(),
        _ => return StatusCode::NOT_FOUND,
    }
    StatusCode::NO_CONTENT
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = IdentityProvider::start();
    let authentication =
        ClientAuthentication::secret_basic(server.client_id(), server.client_secret());
    let verifier =
        IntrospectionVerifier::builder(server.url(Endpoint::Introspection), authentication)
            .audience(server.audience())
            .recheck_after(Duration::from_secs(60))
            .http(HttpSettings::new().allow_plain_http()) // on this machine, and nowhere else
            .build()?;
    let settings = CacheSettings::new().max_age(Duration::from_secs(60));
    let app = Router::new()
        .route("/", get(hello))
        .layer(BearerAuthLayer::new(verifier.cached(settings)?))
        .route("/server/{state}", post(switch))
        .with_state(server.clone());

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    println!("ALICE={}", server.token("alice").issue_opaque());
    println!("BOB={}", server.token("bob").issue_opaque());
    axum::serve(listener, app).await?;
    Ok(())
}
