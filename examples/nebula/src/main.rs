//! Nebula Block's authentication: JWTs of two hours from a login, and API keys without an end, on one header.
//!
//! ```console
//! $ cargo run -p nebula
//! $ BASE=http://127.0.0.1:8080/api/v1
//! $ curl -i $BASE/login -d username=testemail@gmail.com -d password=123456789
//! $ curl -i $BASE/users/credits -H "Authorization: Bearer $TOKEN"
//! $ curl -i $BASE/api-keys -H "Authorization: Bearer $TOKEN" -d '{"name": "ci", "description": "For the build"}'
//! $ curl -i $BASE/users/credits -H "Authorization: Bearer $KEY"
//! $ curl -i $BASE/api_keys -H "Authorization: Bearer $KEY"
//! $ curl -i -X DELETE $BASE/api-keys/1 -H "Authorization: Bearer $KEY"
//! ```
//!
//! `TOKEN` is the login's `jwtToken`, `KEY` the `key` that was made.

mod accounts;
mod api;
mod envelope;

use std::time::Duration;

use axum::{Json, Router, routing::get};
use common::{Settings, StartError, Stores, page, serve};
use tower_bearer::BearerAuthLayer;
use tower_bearer::identity::CredentialKind;
use tower_bearer::issue::{IssuePolicy, JwtIssuer, TokenIssuer};
use tower_bearer::store::TokenFormat;
use tower_bearer::verifier::{ApiKeyVerifier, TokenRouter, TokenVerifierExt};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, openapi};
use utoipa_axum::router::OpenApiRouter;

use accounts::Accounts;
use api::App;

const TWO_HOURS: Duration = Duration::from_secs(2 * 60 * 60);
/// How long the stores may take to say who a token is of.
const AT_MOST: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let settings = Settings::from_env()?;
    let stores = Stores::open(&settings, TWO_HOURS).await?;
    let accounts = Accounts::open(&stores.kv).await?;

    let jwts = JwtIssuer::builder(settings.jwt_key())
        .issuer("nebula")
        .audience("nebula")
        .token_type("JWT")
        .lifetime(TWO_HOURS)
        .clock(settings.clock())
        .build()?;
    // As documented, without the checksum by which a scanner would know a key that leaked.
    let format = TokenFormat::new("ak_")?.without_checksum();
    let by_either = IssuePolicy::strict().by_kinds([CredentialKind::Jwt, CredentialKind::ApiKey]);
    let keys = TokenIssuer::api_keys(stores.tokens.clone(), format.clone())?
        .with_policy(by_either)
        .with_clock(settings.clock());

    // The prefix alone decides which of the two a token is.
    let jwt_verifier = jwts.verifier().roles_claim("roles").scope_claim("scopes");
    let verifier = TokenRouter::builder()
        .prefix(
            "ak_",
            ApiKeyVerifier::new(stores.tokens.clone(), format.clone())?,
        )
        .jwt(jwt_verifier.build()?)
        .build()?
        .enriched(accounts.clone(), async |accounts, identity| {
            accounts.owner_of(identity).await
        })
        .deadline(AT_MOST);
    let layer = BearerAuthLayer::builder(verifier)
        .clock(settings.clock())
        .on_refusal(envelope::refused)
        .build()?;

    let app = App {
        accounts,
        jwts,
        keys,
        kv: stores.kv.clone(),
    };
    let api = OpenApiRouter::with_openapi(Api::openapi())
        .nest("/api/v1", api::open().merge(api::guarded().layer(layer)));
    let (api, description) = api.split_for_parts();
    let app = Router::new()
        .merge(api.with_state(app))
        .route("/openapi.json", get(async || Json(description)))
        .merge(page(include_str!("page.json")))
        .fallback(envelope::no_such_path)
        .method_not_allowed_fallback(envelope::no_such_method);
    serve(app, &settings, stores).await
}

/// What the server says of itself. The paths come from the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Nebula Block",
        description = "An example server of tower-bearer."
    ),
    modifiers(&Bearer)
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description =
            Some("A JWT from the login, or an API key, which begins with ak_.".into());
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}
