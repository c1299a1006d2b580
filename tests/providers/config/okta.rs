use tower_bearer::ConfigError;
use tower_bearer::keys::{RemoteKeySet, VerifierKeys};
use tower_bearer::verifier::jwt::JwtVerifier;

const ISSUER: &str = "https://shop.okta.com/oauth2/default";

pub async fn discover() -> Result<JwtVerifier, Box<dyn std::error::Error>> {
    let keys = RemoteKeySet::discover(ISSUER).start().await?;
    Ok(access_tokens(keys)?)
}

/// Access tokens of a custom authorization server.
pub fn access_tokens(keys: impl Into<VerifierKeys>) -> Result<JwtVerifier, ConfigError> {
    JwtVerifier::builder(keys)
        .issuer(ISSUER)
        .audience("api://default")
        // An access token names the client that acts, and an ID token does not.
        .client_id_claim("cid")
        .require_client_id()
        .scope_claim("scp")
        .roles_claim("groups")
        // `sub` is the login, which may change; `uid` is there for people, and not for services.
        .subject_claim("uid")
        .subject_fallback("sub")
        .build()
}
