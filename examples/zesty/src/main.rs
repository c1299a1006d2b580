//! Zesty.io's authentication: sessions for people, which slide, and access tokens for programs, each with a
//! role on one instance, at the Auth, Accounts, Instances and Media APIs.
//!
//! ```console
//! $ cargo run -p zesty
//! $ curl -i http://127.0.0.1:8080/login -F email=owner@example.com -F password=password
//! $ SESSION=…
//! $ curl -i http://127.0.0.1:8080/v1/instances -H "Authorization: Bearer $SESSION"
//! $ INSTANCE=8-f48cf3a682-7fthvk
//! $ curl -i http://127.0.0.1:8080/v1/instances/$INSTANCE/roles -H "Authorization: Bearer $SESSION"
//! $ curl -i http://127.0.0.1:8080/v1/tokens -H "Authorization: Bearer $SESSION" \
//!     --json "{\"name\": \"ci\", \"roleZUID\": \"30-cu5t0m-$INSTANCE\"}"
//! $ TOKEN=…
//! $ curl -i http://127.0.0.1:8080/$INSTANCE/v1/content/models -H "Authorization: Bearer $TOKEN"
//! $ curl -i http://127.0.0.1:8080/$INSTANCE/v1/env/audits -H "Authorization: Bearer $SESSION"
//! $ curl -i http://127.0.0.1:8080/logout -H "Authorization: Bearer $SESSION"
//! ```

mod access;
mod accounts;
mod answer;
mod audits;
mod auth;
mod content;
mod demo;
mod tokens;

use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use common::{Attempts, AuditLog, Kv, Passwords, ServerClock, Settings, StartError, Stores, serve};
use tower_bearer::BearerAuthLayer;
use tower_bearer::issue::TokenIssuer;
use tower_bearer::store::TokenFormat;
use tower_bearer::verifier::{OpaqueTokenVerifier, TokenVerifierExt};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::access::Role;
use crate::answer::ApiError;

const FAILURES: u32 = 5;
const LOCKED_FOR: Duration = Duration::from_secs(15 * 60);
const PAGE: &str = include_str!("page.json");

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct App {
    kv: Kv,
    tokens: TokenIssuer,
    passwords: Passwords,
    attempts: Attempts,
    audits: AuditLog,
    clock: ServerClock,
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let settings = Settings::from_env()?;
    let stores = Stores::open(&settings, tokens::LIFETIME).await?;
    let (kv, clock) = (stores.kv.clone(), settings.clock());
    let (audits, trail) = audits::start(&kv)?;
    // One format for both: what is before the random part tells nothing but whose server it is.
    let format = TokenFormat::new("zesty_")?;
    let issuer = TokenIssuer::opaque(stores.tokens.clone(), format.clone());
    let app = App {
        tokens: issuer
            .with_clock(clock.clone())
            .with_policy(access::who_may_issue())
            .with_audit(trail.clone()),
        passwords: Passwords::new()?,
        attempts: Attempts::new(&kv, clock.clone(), FAILURES, LOCKED_FOR),
        audits: audits.clone(),
        clock: clock.clone(),
        kv: kv.clone(),
    };
    demo::begin(&app).await?;

    let verifier =
        OpaqueTokenVerifier::new(stores.tokens.clone(), format).enriched(kv, access::with_roles);
    let layer = BearerAuthLayer::builder(verifier)
        .realm("zesty")
        .clock(clock)
        .on_refusal(answer::in_an_envelope)
        .listener(trail)
        .build()?;
    serve(routes(app, layer)?, &settings, stores).await?;
    audits.shutdown().await;
    Ok(())
}

fn routes(app: App, layer: BearerAuthLayer) -> Result<Router, StartError> {
    let guarded = OpenApiRouter::new()
        .merge(auth::routes()?)
        .merge(accounts::routes()?)
        .merge(tokens::routes()?)
        .merge(content::routes()?)
        .merge(audits::routes()?)
        .route_layer(layer);
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(auth::open_routes())
        .merge(guarded)
        .split_for_parts();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", bearer);
    Ok(router
        .with_state(app)
        .route("/openapi.json", get(async move || Json(document)))
        .merge(common::page(PAGE))
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown_path))
}

/// Zesty.io's Auth, Accounts, Instances and Media APIs, as far as they are about who may do what.
#[derive(OpenApi)]
#[openapi(info(title = "Zesty.io"), security(("bearer" = [])))]
struct Document;

async fn unknown_path() -> ApiError {
    ApiError::not_found()
}

async fn wrong_method() -> ApiError {
    let why = "The method is not one of this path's.".to_owned();
    ApiError::Said(StatusCode::METHOD_NOT_ALLOWED, why)
}

impl App {
    /// The role of this ZUID.
    async fn role(&self, zuid: &str) -> Result<Role, ApiError> {
        let role = self.kv.get("roles", zuid).await?;
        role.ok_or_else(ApiError::not_found)
    }
}

/// A new ZUID: the kind of what it names, and 64 random bits.
fn zuid(kind: &str) -> Result<String, ApiError> {
    let random = getrandom::u64().map_err(|error| answer::unavailable(&error))?;
    let (long, short) = (random >> 24, random & 0xff_ffff);
    Ok(format!("{kind}-{long:010x}-{short:06x}"))
}
