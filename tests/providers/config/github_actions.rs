use tower_bearer::ConfigError;
use tower_bearer::keys::{RemoteKeySet, VerifierKeys};
use tower_bearer::verifier::jwt::JwtVerifier;

const ISSUER: &str = "https://token.actions.githubusercontent.com";

pub async fn discover() -> Result<JwtVerifier, Box<dyn std::error::Error>> {
    let keys = RemoteKeySet::discover(ISSUER).start().await?;
    Ok(deployments(keys)?)
}

/// Jobs that deploy the main branch of one repository to production.
pub fn deployments(keys: impl Into<VerifierKeys>) -> Result<JwtVerifier, ConfigError> {
    JwtVerifier::builder(keys)
        .issuer(ISSUER)
        .audience("https://deploy.example.com")
        // Names can be given up and taken by somebody else, and ids cannot.
        .require_claim("repository_owner_id", "65")
        .require_claim("repository_id", "74")
        .require_claim("ref", "refs/heads/main")
        .require_claim("environment", "production")
        .tenant_claim("repository_owner")
        .build()
}
