use tower_bearer::ConfigError;
use tower_bearer::keys::{RemoteKeySet, VerifierKeys};
use tower_bearer::verifier::jwt::{JwtVerifier, JwtVerifierBuilder};

const CLIENT: &str = "1234987819200.apps.googleusercontent.com";

pub async fn discover() -> Result<JwtVerifier, Box<dyn std::error::Error>> {
    let keys = RemoteKeySet::discover("https://accounts.google.com")
        .start()
        .await?;
    Ok(people(keys)?)
}

fn id_tokens(keys: impl Into<VerifierKeys>) -> JwtVerifierBuilder {
    JwtVerifier::builder(keys)
        // Both spellings are in use.
        .issuer("https://accounts.google.com")
        .issuer("accounts.google.com")
        .client_id_fallback("azp")
}

/// ID tokens of people who signed in at the client, of the Workspace domain `example.com`.
pub fn people(keys: impl Into<VerifierKeys>) -> Result<JwtVerifier, ConfigError> {
    id_tokens(keys)
        .audience(CLIENT)
        .tenant_claim("hd")
        .require_claim("hd", "example.com")
        .build()
}

/// ID tokens of service accounts, made for this service's URL.
pub fn services(keys: impl Into<VerifierKeys>) -> Result<JwtVerifier, ConfigError> {
    id_tokens(keys)
        .audience("https://orders.example.com")
        .require_claim("email_verified", true)
        .require_claim_in("email", ["billing@shop-prod.iam.gserviceaccount.com"])
        .build()
}
