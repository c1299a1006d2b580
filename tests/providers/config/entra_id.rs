use tower_bearer::ConfigError;
use tower_bearer::keys::{RemoteKeySet, VerifierKeys};
use tower_bearer::verifier::jwt::JwtVerifier;

/// The application (client) id of the API's own registration.
const API: &str = "6e74172b-be56-4843-9ff4-e66a39bb12e3";
/// The directory (tenant) id.
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

pub async fn discover() -> Result<JwtVerifier, Box<dyn std::error::Error>> {
    let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    let keys = RemoteKeySet::discover(issuer).start().await?;
    Ok(one_tenant(keys)?)
}

/// The metadata of `common` name a template as their issuer, so that its keys are named by their URL.
pub async fn many() -> Result<JwtVerifier, Box<dyn std::error::Error>> {
    let url = "https://login.microsoftonline.com/common/discovery/v2.0/keys";
    let keys = RemoteKeySet::builder(url).start().await?;
    Ok(many_tenants(keys, [TENANT])?)
}

/// Version 2 access tokens of one tenant.
pub fn one_tenant(keys: impl Into<VerifierKeys>) -> Result<JwtVerifier, ConfigError> {
    many_tenants(keys, [TENANT])
}

/// Those of several tenants, whose tokens are signed with the same keys.
pub fn many_tenants(
    keys: impl Into<VerifierKeys>,
    tenants: impl IntoIterator<Item = &'static str>,
) -> Result<JwtVerifier, ConfigError> {
    JwtVerifier::builder(keys)
        // The issuer is that of the token's own tenant, and the tenant is one of these.
        .issuer_template("https://login.microsoftonline.com/{tenantid}/v2.0")
        .tenant_claim("tid")
        .require_claim_in("tid", tenants)
        .audience(API)
        .require_claim("ver", "2.0")
        // An access token names the client that acts, and an ID token does not.
        .client_id_fallback("azp")
        .require_client_id()
        .scope_claim("scp")
        .roles_claim("roles")
        // `sub` is another for each application; `oid` is the same within a tenant.
        .subject_claim("oid")
        .build()
}
