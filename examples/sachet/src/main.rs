//! Sachet's authentication: JWTs of seven days that are extended and revoked, permissions that are the
//! account's own, and what strangers may do by a setting.
//!
//! ```console
//! $ cargo run -p sachet
//! $ BASE=http://127.0.0.1:8080
//! $ curl -i $BASE/users/login --json '{"username": "user", "password": "userpassword"}'
//! $ curl -i $BASE/users/user -H "Authorization: Bearer $TOKEN"
//! $ curl -i -X POST $BASE/users/extend -H "Authorization: Bearer $TOKEN"
//! $ curl -i $BASE/files -H "Authorization: Bearer $TOKEN" --json '{"file_name": "notes.txt"}'
//! $ curl -i $BASE/files/$ID/content -H "Authorization: Bearer $TOKEN" -F upload=@Cargo.toml
//! $ curl -i "$BASE/files?page=1&per_page=3" -H "Authorization: Bearer $TOKEN"
//! $ curl -i $BASE/users/logout -H "Authorization: Bearer $TOKEN" --json "{\"token\": \"$TOKEN\"}"
//! ```
//!
//! Log in as `admin` with `adminpassword`, and let strangers read and list:
//!
//! ```console
//! $ curl -i -X PATCH $BASE/admin/settings -H "Authorization: Bearer $ADMIN" --json '{"default_permissions": ["LIST", "READ"]}'
//! $ curl -i $BASE/files
//! $ curl -i $BASE/whoami
//! ```

mod accounts;
mod answer;
mod auth;
mod caller;
mod content;
mod files;
mod paging;
mod settings;
mod shares;
mod users;

use std::sync::Arc;
use std::time::Duration;

use axum::{Json, Router, routing::get};
use common::{Settings, StartError, Stores, page, serve};
use tower_bearer::issue::{Extension, JwtIssuer};
use tower_bearer::policy::Policy;
use tower_bearer::revocation::Revoker;
use tower_bearer::verifier::TokenVerifierExt;
use tower_bearer::{BearerAuthLayer, TokenVerifier};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, openapi};
use utoipa_axum::router::OpenApiRouter;

use accounts::Accounts;
use auth::Tokens;
use caller::App;
use settings::ServerSettings;
use shares::Shares;

const SEVEN_DAYS: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long the stores may take to say who a token is of.
const AT_MOST: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let settings = Settings::from_env()?;
    let stores = Stores::open(&settings, SEVEN_DAYS).await?;
    let accounts = Accounts::open(&stores.kv, settings.clock()).await?;

    let jwts = JwtIssuer::builder(settings.jwt_key())
        .issuer("sachet")
        .audience("sachet")
        .token_type("JWT")
        .lifetime(SEVEN_DAYS)
        .clock(settings.clock())
        .build()?;
    let good_jwts = jwts.verifier().require_jti().build()?;
    let good_jwts: Arc<dyn TokenVerifier> =
        Arc::new(good_jwts.revocable(stores.revocations.clone()));
    let verifier = good_jwts
        .clone()
        .enriched(accounts.clone(), async |accounts, identity| {
            accounts.owner_of(identity).await
        })
        .deadline(AT_MOST);
    // A caller without a token is nobody, and what nobody may do is a setting; a bad token is refused.
    let layer = BearerAuthLayer::builder(verifier)
        .optional()
        .clock(settings.clock())
        .on_refusal(answer::refused)
        .build()?;
    let tokens = Tokens {
        extension: Extension::leaving_the_old_one_valid(jwts.clone()),
        jwts,
        good_jwts,
        revoker: Revoker::new()
            .with_revocations(stores.revocations.clone())
            .with_administrators(Policy::scope("ADMIN"))
            .with_clock(settings.clock()),
        clock: settings.clock(),
    };

    let app = App {
        accounts,
        tokens,
        shares: Shares::new(&stores.kv),
        settings: ServerSettings::new(&stores.kv),
    };
    let guarded = auth::guarded()
        .merge(users::routes())
        .merge(settings::routes())
        .merge(files::routes())
        .merge(content::routes())
        .layer(layer);
    let api = OpenApiRouter::with_openapi(Api::openapi()).merge(auth::open());
    let (api, description) = api.merge(guarded).split_for_parts();
    let app = Router::new()
        .merge(api.with_state(app))
        .route("/openapi.json", get(async || Json(description)))
        .merge(page(include_str!("page.json")))
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::no_such_method);
    serve(app, &settings, stores).await
}

/// What the server says of itself. The paths come from the routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Sachet", description = "An example server of tower-bearer."),
    modifiers(&Bearer)
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".into());
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}
