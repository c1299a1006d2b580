//! What a caller must have: on the router, on a route, on one handler, and in code.
//!
//! ```console
//! $ cargo run --example policies
//! $ curl -i http://127.0.0.1:3000/sites/7 -H 'Authorization: Bearer alice'
//! $ curl -i -X PUT http://127.0.0.1:3000/sites/7 -H 'Authorization: Bearer alice'
//! $ curl -i -X PUT http://127.0.0.1:3000/sites/8 -H 'Authorization: Bearer alice'
//! $ curl -i -X DELETE http://127.0.0.1:3000/sites/7 -H 'Authorization: Bearer alice'
//! $ curl -i -X DELETE http://127.0.0.1:3000/sites/7 -H 'Authorization: Bearer owner'
//! $ curl -i http://127.0.0.1:3000/bill -H 'Authorization: Bearer alice'
//! ```

use std::error::Error;
use std::time::Duration;

use axum::{Router, extract::Path, handler::Handler, routing::get};
use tower_bearer::caller::Denied;
use tower_bearer::clock::{Clock, SystemClock};
use tower_bearer::identity::{CredentialKind, Identity, RoleGrant};
use tower_bearer::policy::Policy;
use tower_bearer::scope::ScopeSet;
use tower_bearer::verifier::verify_fn;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Refusal, RequireLayer};

async fn show(Path(site): Path<String>) -> String {
    format!("site {site}\n")
}

async fn edit(Path(site): Path<String>) -> String {
    format!("edited site {site}\n")
}

// A condition that only the handler knows is held against the user in code.
async fn delete(user: AuthenticatedUser, Path(site): Path<String>) -> Result<String, Denied> {
    user.require(&Policy::role_on("owner", site.as_str()))?;
    Ok(format!("deleted site {site}\n"))
}

async fn bill() -> &'static str {
    "your bill\n"
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verifier = verify_fn(async |presented| {
        let logged_in = presented.now.saturating_sub(Duration::from_secs(3600));
        match presented.token.expose_secret() {
            "alice" => Ok(Identity::new("alice", CredentialKind::Session)
                .with_scopes(ScopeSet::from_static("sites"))
                .with_role(RoleGrant::on("editor", "7"))
                .with_auth_time(logged_in)),
            "owner" => Ok(Identity::new("olivia", CredentialKind::Session)
                .with_scopes(ScopeSet::from_static("sites"))
                .with_role(RoleGrant::new("editor"))
                .with_role(RoleGrant::on("owner", "7"))
                .with_auth_time(SystemClock.now())),
            _ => Err(Refusal::invalid("unknown")),
        }
    });

    // Whoever calls anything here needs the scope; whoever edits a site needs a role on that very site;
    // and who looks at a bill must have logged in within five minutes.
    let everywhere = BearerAuthLayer::builder(verifier)
        .realm("sites")
        .require(Policy::scope("sites"))
        .build()?;
    let editors = RequireLayer::new(Policy::role_on_requested("editor", |head| {
        head.uri.path().split('/').nth(2).map(str::to_owned)
    }))?;
    let fresh = RequireLayer::new(
        Policy::kind(CredentialKind::Session).and(Policy::max_age(Duration::from_secs(300))),
    )?;
    let app = Router::new()
        .route(
            "/sites/{site}",
            get(show).put(edit.layer(editors)).delete(delete),
        )
        .route("/bill", get(bill).layer(fresh))
        .layer(everywhere);

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
