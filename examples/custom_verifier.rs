//! A verifier of your own: one method, or a closure.
//!
//! ```console
//! $ cargo run --example custom_verifier
//! $ curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer spring-sale'
//! $ curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer winter-sale'
//! $ curl -i http://127.0.0.1:3000/
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use axum::{Router, routing::get};
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::verifier::{Presented, TokenVerifierExt};
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Refusal, TokenVerifier, async_trait};

/// Knows the coupons that were printed, and who printed each.
#[derive(Debug)]
struct Coupons {
    printed_by: HashMap<&'static str, &'static str>,
}

#[async_trait]
impl TokenVerifier for Coupons {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        // A database would be asked here. Were it down, the answer would be `Refusal::unavailable`, which is
        // a 503: an outage is no reason to tell a client that its token is bad.
        match self.printed_by.get(presented.token.expose_secret()) {
            Some(department) => Ok(Identity::new(*department, CredentialKind::Other)),
            None => Err(Refusal::invalid("no such coupon")),
        }
    }
}

/// What else is known about a department, looked up on each request.
#[derive(Debug)]
struct Budget(u32);

async fn redeem(user: AuthenticatedUser) -> String {
    let budget = user.data::<Budget>().map_or(0, |budget| budget.0);
    format!("a coupon of {}, who have {budget} left\n", user.subject())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let coupons = Coupons {
        printed_by: HashMap::from([("spring-sale", "marketing"), ("staff-sale", "canteen")]),
    };
    let verifier =
        coupons
            .deadline(Duration::from_millis(250))
            .enriched((), async |(), identity| match identity.subject() {
                "canteen" => Err(Refusal::disabled("the canteen was closed")),
                _ => Ok(identity.with_data(Budget(120))),
            });
    let app = Router::new()
        .route("/", get(redeem))
        .layer(BearerAuthLayer::new(verifier));

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
