//! How the author of a framework builds on this crate: a type of their own around any verifier.
//!
//! `acme` stands for the framework's crate. It adds what its users want everywhere, here a tenant taken from
//! the subject and a count of the refusals, and lets them bring whatever verifier they have.
//!
//! ```console
//! $ cargo run --example wrapping_framework
//! $ curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer blue-alice'
//! $ curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer nobody'
//! ```

use std::error::Error;

use axum::{Router, routing::get};
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::verifier::verify_fn;
use tower_bearer::{AuthenticatedUser, Refusal};

mod acme {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tower_bearer::identity::Identity;
    use tower_bearer::observe::{AuthEvent, Outcome};
    use tower_bearer::verifier::{Answer, Presented};
    use tower_bearer::{BearerAuthLayer, ConfigError, Refusal, TokenVerifier, async_trait};

    /// The tenant that a caller belongs to.
    #[derive(Debug)]
    pub struct Tenant(pub String);

    /// A verifier that finds the tenant of whomever the inner one accepts.
    #[derive(Debug)]
    pub struct TenantVerifier {
        inner: Arc<dyn TokenVerifier>,
    }

    impl TenantVerifier {
        pub fn new(inner: impl TokenVerifier + 'static) -> Self {
            Self {
                inner: Arc::new(inner),
            }
        }
    }

    #[async_trait]
    impl TokenVerifier for TenantVerifier {
        async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
            find_tenant(self.inner.verify(presented).await?)
        }

        // A wrapper forwards `begin`, or each request pays for a boxed future even where the inner verifier
        // answers at once. `testing::verifier` has the check for it.
        fn begin(&self, presented: &Presented) -> Option<Answer> {
            Some(match Answer::of(&self.inner, presented) {
                Answer::Now(verified) => Answer::Now(verified.and_then(find_tenant)),
                Answer::Later(verified) => {
                    Answer::Later(Box::pin(async move { find_tenant(verified.await?) }))
                }
            })
        }
    }

    fn find_tenant(identity: Identity) -> Result<Identity, Refusal> {
        let tenant = identity.subject().split_once('/').map(|(tenant, _)| tenant);
        match tenant.map(|tenant| Tenant(tenant.to_owned())) {
            Some(tenant) => Ok(identity.with_data(tenant)),
            None => Err(Refusal::forbidden("a caller of no tenant")),
        }
    }

    /// The framework's own front: one call, one realm, one counter.
    pub fn guard(
        verifier: impl TokenVerifier + 'static,
        refusals: Arc<AtomicU64>,
    ) -> Result<BearerAuthLayer, ConfigError> {
        BearerAuthLayer::builder(TenantVerifier::new(verifier))
            .realm("acme")
            .listener(move |event: &AuthEvent<'_>| {
                if let Outcome::Refused(_) = event.outcome {
                    refusals.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build()
    }
}

async fn hello(user: AuthenticatedUser) -> String {
    let tenant = user
        .data::<acme::Tenant>()
        .map_or("none", |tenant| &tenant.0);
    format!("{} of {tenant}\n", user.subject())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verifier = verify_fn(async |presented| match presented.token.expose_secret() {
        "blue-alice" => Ok(Identity::new("blue/alice", CredentialKind::Other)),
        "nobody" => Ok(Identity::new("nobody", CredentialKind::Other)),
        _ => Err(Refusal::invalid("unknown")),
    });
    let app = Router::new()
        .route("/", get(hello))
        .layer(acme::guard(verifier, Default::default())?);

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
