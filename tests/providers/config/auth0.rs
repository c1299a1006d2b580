use tower_bearer::ConfigError;
use tower_bearer::keys::{RemoteKeySet, VerifierKeys};
use tower_bearer::verifier::jwt::{JwtVerifier, JwtVerifierBuilder};

// With its slash.
const ISSUER: &str = "https://shop.eu.auth0.com/";
const AUDIENCE: &str = "https://api.example.com";

pub async fn discover() -> Result<JwtVerifier, Box<dyn std::error::Error>> {
    let keys = RemoteKeySet::discover(ISSUER).start().await?;
    Ok(by_scope(keys)?)
}

fn access_tokens(keys: impl Into<VerifierKeys>) -> JwtVerifierBuilder {
    JwtVerifier::builder(keys)
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .client_id_fallback("azp")
        .roles_claim("https://example.com/roles")
        .tenant_claim("org_id")
}

/// Scopes are what the client was granted (`scope`).
pub fn by_scope(keys: impl Into<VerifierKeys>) -> Result<JwtVerifier, ConfigError> {
    access_tokens(keys).build()
}

/// Scopes are what the user may do (`permissions`), whichever client they use.
pub fn by_permission(keys: impl Into<VerifierKeys>) -> Result<JwtVerifier, ConfigError> {
    access_tokens(keys).scope_claim("permissions").build()
}
