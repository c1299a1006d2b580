use tower_bearer::ConfigError;
use tower_bearer::keys::{RemoteKeySet, VerifierKeys};
use tower_bearer::verifier::jwt::JwtVerifier;

const ISSUER: &str = "https://id.example.com/realms/shop";

pub async fn discover() -> Result<JwtVerifier, Box<dyn std::error::Error>> {
    let keys = RemoteKeySet::discover(ISSUER).start().await?;
    Ok(access_tokens(keys)?)
}

/// Access tokens of the realm `shop` for the client `orders-api`.
pub fn access_tokens(keys: impl Into<VerifierKeys>) -> Result<JwtVerifier, ConfigError> {
    JwtVerifier::builder(keys)
        .issuer(ISSUER)
        .audience("orders-api")
        // Neither an ID token nor a refresh token: those are signed by the same realm.
        .require_claim("typ", "Bearer")
        .client_id_fallback("azp")
        .roles_at(["realm_access", "roles"])
        .roles_at(["resource_access", "orders-api", "roles"])
        .build()
}
