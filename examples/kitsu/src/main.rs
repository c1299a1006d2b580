//! Kitsu's authentication (cgwire/zou), as its own client gazu speaks it: access tokens of seven days and
//! refresh tokens of fifteen, second factors, and bots with a token each.
//!
//! ```console
//! $ cargo run -p kitsu
//! $ curl -i http://127.0.0.1:8080/api/auth/login -H "Content-Type: application/json" \
//!     -d '{"email": "admin@example.com", "password": "mysecretpassword"}'
//! $ curl -i http://127.0.0.1:8080/api/data/projects -H "Authorization: Bearer $TOKEN"
//! $ curl -i http://127.0.0.1:8080/api/data/persons -H "Authorization: Bearer $TOKEN" \
//!     -H "Content-Type: application/json" -d '{"first_name": "Farm", "email": "farm@example.com", "is_bot": true}'
//! $ curl -i http://127.0.0.1:8080/api/data/projects -H "Authorization: Bearer $BOT_TOKEN"
//! $ curl -i http://127.0.0.1:8080/api/auth/logout -H "Authorization: Bearer $TOKEN"
//! ```
//!
//! `LISTEN`, `STORE`, `JWT_SECRET` and `TEST_CLOCK` are those of all the example servers. `MAILBOX` is the file
//! that mail is written to, and `ORIGIN` whose pages may use security keys: `http://localhost` unless set, on
//! any port, so open the page by that name.

mod codes;
mod enrolment;
mod error;
mod fido;
mod listings;
mod mail;
mod people;
mod persons;
mod production;
mod second_factor;
mod security_keys;
mod sessions;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use common::{Attempts, Passwords, ServerClock, Settings, StartError, Stores};
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use error::ApiError;
use mail::Mailbox;
use people::{Account, People, Person, Role};
use production::{ADMIN_ID, ARTIST_ID, Production};
use second_factor::SecondFactors;
use tokens::Tokens;

/// What handlers share.
#[derive(Clone)]
struct Kitsu {
    clock: ServerClock,
    people: People,
    factors: SecondFactors,
    attempts: Attempts,
    passwords: Passwords,
    tokens: Tokens,
    mail: Mailbox,
    production: Arc<Production>,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Kitsu",
    description = "Authentication as in Kitsu, and what a caller is assigned to",
    version = "1.0.0",
    license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
))]
struct Described;

const FIVE_WRONG: u32 = 5;
const A_MINUTE: Duration = Duration::from_secs(60);
const DEMO_PASSWORD: &str = "mysecretpassword";

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let settings = Settings::from_env()?;
    let stores = Stores::open(&settings, tokens::LONGEST).await?;
    let clock = settings.clock();
    let kitsu = Kitsu {
        people: People::new(&stores.kv),
        factors: SecondFactors::new(&stores.kv)?,
        attempts: Attempts::new(&stores.kv, clock.clone(), FIVE_WRONG, A_MINUTE),
        passwords: Passwords::new()?,
        tokens: Tokens::new(&settings, &stores)?,
        mail: Mailbox::open().await?,
        production: Arc::new(Production::demo()?),
        clock,
    };
    kitsu.greet().await?;
    let app = app(&settings, &stores, kitsu)?;
    common::serve(app, &settings, stores).await
}

fn app(settings: &Settings, stores: &Stores, kitsu: Kitsu) -> Result<Router, StartError> {
    let guarded = sessions::guarded()?
        .merge(enrolment::guarded()?)
        .merge(security_keys::guarded()?)
        .merge(persons::routes()?)
        .merge(listings::guarded())
        .route_layer(kitsu.tokens.door(settings, stores, &kitsu.people)?);
    let renewal =
        sessions::renewal().route_layer(kitsu.tokens.renewal_door(settings, &kitsu.people)?);
    let public = OpenApiRouter::new()
        .routes(routes!(version))
        .merge(sessions::public())
        .merge(enrolment::public())
        .merge(security_keys::public());
    let api = public.merge(guarded).merge(renewal);
    let (app, mut description) = OpenApiRouter::with_openapi(Described::openapi())
        .nest("/api", api)
        .split_for_parts();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let bearer = SecurityScheme::Http(bearer.bearer_format("JWT").build());
    let components = description.components.get_or_insert_default();
    components.add_security_scheme("bearer", bearer);
    let description = serde_json::to_value(&description)?;
    Ok(app
        .route("/openapi.json", get(async || Json(description)))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || {
            ApiError::message(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.")
        })
        .with_state(kitsu)
        .merge(common::page(include_str!("page.json"))))
}

/// That the server is there.
#[utoipa::path(get, path = "/", responses((status = 200, body = Object)))]
async fn version() -> Json<Value> {
    Json(json!({"api": "Zou", "version": env!("CARGO_PKG_VERSION")}))
}

impl Kitsu {
    /// Makes the demo accounts, unless they are there, and tells of them.
    async fn greet(&self) -> Result<(), StartError> {
        let mut admin = Person::new("Ada", "Admin", "admin@example.com");
        ADMIN_ID.clone_into(&mut admin.id);
        admin.role = Role::Admin;
        let mut artist = Person::new("Art", "Artist", "artist@example.com");
        ARTIST_ID.clone_into(&mut artist.id);
        for person in [admin, artist] {
            println!(
                "{} / {DEMO_PASSWORD} ({})",
                person.email,
                person.role.as_str()
            );
            if self.people.get(&person.id).await?.is_none() {
                let password = Some(self.passwords.hash(DEMO_PASSWORD).await?);
                self.people.add(&Account { person, password }).await?;
            }
        }
        println!("mail is written to {}", self.mail.path.display());
        Ok(())
    }
}
