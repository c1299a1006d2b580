use tower_bearer::ConfigError;
use tower_bearer::keys::{RemoteKeySet, VerifierKeys};
use tower_bearer::verifier::jwt::JwtVerifier;

const ISSUER: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE";

pub async fn discover() -> Result<JwtVerifier, Box<dyn std::error::Error>> {
    let keys = RemoteKeySet::discover(ISSUER).start().await?;
    Ok(access_tokens(keys)?)
}

/// Access tokens that were given to the app client `1example23456789`.
pub fn access_tokens(keys: impl Into<VerifierKeys>) -> Result<JwtVerifier, ConfigError> {
    JwtVerifier::builder(keys)
        .issuer(ISSUER)
        // Access tokens have no `aud`, unless they were asked for with a resource.
        .audience("1example23456789")
        .audience_fallback("client_id")
        // An ID token has that very `aud`.
        .require_claim("token_use", "access")
        .require_client_id()
        .roles_claim("cognito:groups")
        .build()
}
