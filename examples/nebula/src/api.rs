//! What can be asked for, under `/api/v1`.

use axum::extract::State;
use axum::http::StatusCode;
use common::{Change, Kv};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tower_bearer::AuthenticatedUser;
use tower_bearer::issue::{IssueError, JwtIssuer, NewJwt, NewToken, TokenIssuer};
use tower_bearer::store::{Page, StoreError, TokenFilter, TokenRecord};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::{Account, Accounts};
use crate::envelope::{Answer, BadBody, Envelope, Failure, Input, Named, Refusals, success};

#[derive(Clone)]
pub struct App {
    pub accounts: Accounts,
    pub jwts: JwtIssuer,
    pub keys: TokenIssuer,
    pub kv: Kv,
}

/// What anybody may ask for.
pub fn open() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(login))
}

/// What a token is needed for.
pub fn guarded() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_key, list_keys_by_the_same_name))
        .routes(routes!(delete_key))
        .routes(routes!(list_keys))
        .routes(routes!(list_keys_for_short))
        .routes(routes!(credits))
}

#[derive(Deserialize, ToSchema)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Serialize, ToSchema)]
struct LoggedIn {
    id: u64,
    name: String,
    email: String,
    is_staff: bool,
    is_active: bool,
    #[serde(rename = "jwtToken")]
    jwt_token: String,
}

/// Gives out a JWT of two hours.
#[utoipa::path(
    post,
    path = "/login",
    request_body(content(
        (Credentials = "application/x-www-form-urlencoded"),
        (Credentials = "application/json"),
    )),
    responses(
        (status = 200, description = "A JWT", body = Envelope<LoggedIn>),
        Refusals, BadBody
    )
)]
async fn login(State(app): State<App>, Input(input): Input<Credentials>) -> Answer<LoggedIn> {
    let account = app.accounts.log_in(&input.username, &input.password);
    let Some(account) = account.await? else {
        let message = "Incorrect username or password".into();
        return Err(Failure(StatusCode::UNAUTHORIZED, message));
    };
    let role = [account.role()];
    let claims = json!({ "roles": role, "scopes": role });
    let jwt = NewJwt::new(&*account.email).claims(&claims);
    let issued = app.jwts.issue(jwt.map_err(IssueError::from)?)?;
    let data = LoggedIn {
        id: account.id,
        name: account.name,
        email: account.email,
        is_staff: account.is_staff,
        is_active: account.is_active,
        jwt_token: issued.token.reveal(),
    };
    success("Login successful", data)
}

#[derive(Deserialize, ToSchema)]
struct NewKey {
    name: String,
    description: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct MadeKey {
    id: u64,
    key: String,
    name: String,
    description: String,
}

/// Makes an API key, which is shown this once.
#[utoipa::path(
    post,
    path = "/api-keys",
    security(("bearer" = [])),
    request_body(content(
        (NewKey = "application/json"),
        (NewKey = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 200, description = "The key", body = Envelope<MadeKey>),
        Refusals, BadBody
    )
)]
async fn create_key(
    user: AuthenticatedUser,
    State(app): State<App>,
    Input(input): Input<NewKey>,
) -> Answer<MadeKey> {
    let name = input.name.trim().to_owned();
    let description = input.description.unwrap_or_default();
    check("name", &name, 1..=100)?;
    check("description", &description, 0..=1000)?;
    // The documentation's ids are numbers; the crate's are not.
    let next = |last: Option<u64>| {
        let id = last.unwrap_or(0) + 1;
        (Change::Put(id), id)
    };
    let id = app.kv.update("nebula_counters", "api_key", next).await?;
    let new = NewToken::api_key(user.subject())
        .name(&*name)
        .without_expiry()
        .attribute("number", id.to_string())
        .attribute("description", &*description);
    let minted = app.keys.mint_as(&user, new).await?;
    let data = MadeKey {
        id,
        key: minted.token.reveal(),
        name,
        description,
    };
    success("API key successfully created", data)
}

fn check(field: &str, text: &str, length: std::ops::RangeInclusive<usize>) -> Result<(), Failure> {
    let is_good = length.contains(&text.chars().count()) && !text.contains(char::is_control);
    if is_good {
        return Ok(());
    }
    let message = format!(
        "{field}: {} to {} characters of text",
        length.start(),
        length.end()
    );
    Err(Failure(StatusCode::UNPROCESSABLE_ENTITY, message))
}

#[derive(Serialize, ToSchema)]
struct Row {
    id: u64,
    name: String,
    description: String,
    /// The same for every key.
    partial_key_data: &'static str,
}

impl Row {
    fn of(record: &TokenRecord) -> Option<Self> {
        let text = |name: &str| record.attributes.get(name).map(ToString::to_string);
        Some(Self {
            id: text("number")?.parse().ok()?,
            name: record.name.as_deref().unwrap_or_default().into(),
            description: text("description").unwrap_or_default(),
            partial_key_data: "ak_...",
        })
    }
}

/// Lists the caller's keys.
#[utoipa::path(
    get,
    path = "/api_keys",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The keys, but for what is secret", body = Envelope<Vec<Row>>),
        Refusals
    )
)]
async fn list_keys(user: AuthenticatedUser, State(app): State<App>) -> Answer<Vec<Row>> {
    let rows = own_keys(&app, &user).await?;
    let rows = rows.iter().filter_map(Row::of).collect();
    success("API keys successfully retrieved", rows)
}

/// Lists the caller's keys, where they are made.
#[utoipa::path(
    get,
    path = "/api-keys",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The keys, but for what is secret", body = Envelope<Vec<Row>>),
        Refusals
    )
)]
async fn list_keys_by_the_same_name(user: AuthenticatedUser, app: State<App>) -> Answer<Vec<Row>> {
    list_keys(user, app).await
}

/// Lists the caller's keys, where the vendor's own tool looks for them.
#[utoipa::path(
    get,
    path = "/keys",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The keys, but for what is secret", body = Envelope<Vec<Row>>),
        Refusals
    )
)]
async fn list_keys_for_short(user: AuthenticatedUser, app: State<App>) -> Answer<Vec<Row>> {
    list_keys(user, app).await
}

/// Those that are good; the others stay in the store for a while.
async fn own_keys(app: &App, user: &AuthenticatedUser) -> Result<Vec<TokenRecord>, StoreError> {
    let (filter, mut page) = (TokenFilter::all(), Page::first(100));
    let mut all = Vec::new();
    loop {
        let some = app.keys.list(user.subject(), &filter, &page).await?;
        let Some(last) = some.last() else {
            return Ok(all);
        };
        page = Page::first(100).after(last.id.clone());
        all.extend(some.into_iter().filter(|key| key.revoked.is_none()));
    }
}

#[derive(Serialize, ToSchema)]
struct Nothing {}

/// Ends one of the caller's keys.
#[utoipa::path(
    delete,
    path = "/api-keys/{id}",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The key's number")),
    responses(
        (status = 200, description = "It is refused from now on", body = Envelope<Nothing>),
        (status = 404, description = "The caller has no such key"),
        Refusals
    )
)]
async fn delete_key(
    user: AuthenticatedUser,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Answer<Nothing> {
    let keys = own_keys(&app, &user).await?;
    let is_meant = |key: &&TokenRecord| Row::of(key).is_some_and(|row| row.id.to_string() == id);
    let key = keys.iter().find(is_meant).ok_or(StoreError::NotFound)?;
    if !app.keys.revoke(key.key()).await? {
        return Err(StoreError::NotFound.into());
    }
    success("API key successfully deleted", Nothing {})
}

#[derive(Serialize, ToSchema)]
struct Credits {
    /// A decimal number.
    available_balance: String,
}

/// The caller's credits.
#[utoipa::path(
    get,
    path = "/users/credits",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The credits", body = Envelope<Credits>),
        Refusals
    )
)]
async fn credits(user: AuthenticatedUser) -> Answer<Credits> {
    let account = user.data::<Account>().ok_or(StoreError::NotFound)?;
    let available_balance = account.available_balance.clone();
    let data = Credits { available_balance };
    success("User credit balance successfully retrieved", data)
}
