//! Endpoints that may be open to anonymous callers, by a setting that changes at run time.
//!
//! ```console
//! $ cargo run --example optional
//! $ curl -i http://127.0.0.1:3000/
//! $ curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer letmein'
//! $ curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer wrong'
//! $ curl -i -X POST http://127.0.0.1:3000/closed -H 'Authorization: Bearer letmein'
//! $ curl -i http://127.0.0.1:3000/
//! ```

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Router, http::Method};
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::verifier::verify_fn;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Refusal};

/// Whether strangers may read.
type Open = Arc<AtomicBool>;

async fn read(user: Option<AuthenticatedUser>) -> String {
    match user {
        Some(user) => format!("hello, {}\n", user.subject()),
        None => "hello, stranger\n".to_owned(),
    }
}

// Asks for a user, so an anonymous caller is turned away here even while reading is open.
async fn close(_user: AuthenticatedUser, State(open): State<Open>) -> &'static str {
    open.store(false, Ordering::Relaxed);
    "closed to strangers\n"
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verifier = verify_fn(async |presented| match presented.token.expose_secret() {
        "letmein" => Ok(Identity::new("alice", CredentialKind::Other)),
        _ => Err(Refusal::invalid("not the password")),
    });
    let open = Open::new(AtomicBool::new(true));
    let setting = Arc::clone(&open);
    // No credential is anonymous while the setting says so. A bad credential is refused all the same, and
    // so is one of another scheme: a broken login never turns into an anonymous request.
    let layer = BearerAuthLayer::builder(verifier)
        .optional_when(move |head| head.method == Method::GET && setting.load(Ordering::Relaxed))
        .build()?;
    let app = Router::new()
        .route("/", get(read))
        .route("/closed", post(close))
        .with_state(open)
        .layer(layer);

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
