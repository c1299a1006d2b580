use std::time::Duration;

use tower_bearer::ConfigError;
use tower_bearer::keys::{RemoteKeySet, VerifierKeys};
use tower_bearer::remote::HttpSettings;
use tower_bearer::verifier::jwt::JwtVerifier;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Inside the cluster, whose certificates are signed by its own authority.
pub async fn discover() -> Result<JwtVerifier, Box<dyn std::error::Error>> {
    let roots = std::fs::read_to_string("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")?;
    let http = HttpSettings::new().add_root_certificates(roots);
    let keys = RemoteKeySet::discover(ISSUER).http(http).start().await?;
    Ok(service_accounts(keys)?)
}

/// Tokens of service accounts of two namespaces, projected for this service.
pub fn service_accounts(keys: impl Into<VerifierKeys>) -> Result<JwtVerifier, ConfigError> {
    JwtVerifier::builder(keys)
        .issuer(ISSUER)
        .audience("https://orders.shop.svc")
        .tenant_at(["kubernetes.io", "namespace"])
        .require_claim_at(["kubernetes.io", "namespace"], ["shop", "billing"])
        // Not the tokens of a year that older clients are given.
        .max_lifetime(Duration::from_secs(24 * 3600))
        .build()
}
