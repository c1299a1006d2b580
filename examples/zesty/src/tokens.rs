//! Access tokens: each an instance's own, with a role on it.

use std::time::Duration;

use axum::extract::State;
use common::{Kv, KvError, StartError};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_bearer::AuthenticatedUser;
use tower_bearer::clock::{Clock, Timestamp};
use tower_bearer::identity::CredentialKind;
use tower_bearer::issue::NewToken;
use tower_bearer::policy::Policy;
use tower_bearer::store::{Page, TokenChange, TokenFilter, TokenKey, TokenRecord};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::{Right, may, requires};
use crate::answer::{Answer, ApiError, Asked, Envelope, Json, Path};

/// From creation, however much a token is used.
pub(crate) const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const LISTED_AT_ONCE: usize = 100;
const LONGEST_NAME: usize = 255;

pub(crate) fn routes() -> Result<OpenApiRouter<App>, StartError> {
    let list = OpenApiRouter::new().routes(routes!(list));
    Ok(OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(get, renew, delete))
        .merge(list.route_layer(requires(Right::Grant)?)))
}

#[derive(Deserialize, ToSchema)]
struct NewAccessToken {
    #[serde(rename = "roleZUID")]
    role: String,
    name: String,
}

#[derive(Deserialize, ToSchema)]
struct NewName {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Action {
    action: String,
}

/// Issues an access token. Its value is shown now, and not again.
#[utoipa::path(post, path = "/v1/tokens", tag = "Accounts", request_body = NewAccessToken,
    responses((status = 201, body = Envelope), ApiError))]
async fn create(
    user: AuthenticatedUser,
    State(app): State<App>,
    Json(wanted): Json<NewAccessToken>,
) -> Result<Answer, ApiError> {
    let role = app.role(&wanted.role).await?;
    let token = NewToken::access_token(&*role.instance)
        .name(checked(wanted.name)?)
        .role(role.grant())
        .attribute("role", role.zuid)
        .lifetime(LIFETIME);
    let minted = app.tokens.mint_as(&user, token).await;
    let minted = minted.map_err(|error| ApiError::not_issued(&user, error))?;
    let id = &minted.record.id;
    app.kv.insert("tokens", id, &role.instance).await?;
    let mut row = row(&minted.record);
    row["token"] = minted.token.reveal().into();
    Ok(Answer::created(row))
}

/// The access tokens of an instance.
#[utoipa::path(get, path = "/v1/instances/{instance}/tokens", tag = "Accounts",
    params(("instance" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn list(State(app): State<App>, Path(instance): Path<String>) -> Result<Answer, ApiError> {
    let all = TokenFilter::all().kinds([CredentialKind::AccessToken]);
    let now = app.clock.now();
    let mut rows = Vec::new();
    let mut page = Page::first(LISTED_AT_ONCE);
    loop {
        let records = app.tokens.list(&instance, &all, &page).await?;
        rows.extend(records.iter().filter(|it| it.is_live(now)).map(row));
        match records.last() {
            Some(last) if records.len() == LISTED_AT_ONCE => page = page.after(&*last.id),
            _ => return Ok(Answer::ok(rows)),
        }
    }
}

/// An access token, without its value.
#[utoipa::path(get, path = "/v1/tokens/{token}", tag = "Accounts",
    params(("token" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn get(
    user: AuthenticatedUser,
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<Answer, ApiError> {
    let record = find(&app, &token).await?;
    user.require(&may(Right::Grant, &record.subject))?;
    Ok(Answer::ok(row(&record)))
}

/// Gives an access token another 90 days from now, and perhaps a new name. Its value stays.
#[utoipa::path(put, path = "/v1/tokens/{token}", tag = "Accounts", request_body = NewName,
    params(("token" = String, Path), ("action" = String, Query, description = "`renew`")),
    responses((status = 200, body = Envelope), ApiError))]
async fn renew(
    user: AuthenticatedUser,
    State(app): State<App>,
    Path(token): Path<String>,
    Asked(query): Asked<Action>,
    Json(NewName { name }): Json<NewName>,
) -> Result<Answer, ApiError> {
    if query.action != "renew" {
        return Err(ApiError::bad_request("The one action is `renew`."));
    }
    let record = find(&app, &token).await?;
    let end = app.clock.now().saturating_add(LIFETIME);
    let mut change = TokenChange::new().expires_at(end);
    if let Some(name) = name {
        change = change.name(checked(name)?);
    }
    let renewed = app.tokens.update_as(&user, record.key(), &change).await;
    let renewed = renewed.map_err(|error| ApiError::not_issued(&user, error))?;
    Ok(Answer::ok(row(&renewed)))
}

/// Ends an access token.
#[utoipa::path(delete, path = "/v1/tokens/{token}", tag = "Accounts",
    params(("token" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn delete(
    user: AuthenticatedUser,
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<Answer, ApiError> {
    let record = find(&app, &token).await?;
    let in_person = Policy::kind(CredentialKind::Session);
    user.require(&may(Right::Grant, &record.subject).and(in_person))?;
    app.tokens.acting_for(&user).revoke(record.key()).await?;
    Ok(Answer::ok(json!({ "ZUID": record.id })))
}

/// The record of an access token that is not over.
async fn find(app: &App, id: &str) -> Result<TokenRecord, ApiError> {
    let instance = instance_of(&app.kv, id).await?;
    let subject = &instance.ok_or_else(ApiError::not_found)?;
    let record = app.tokens.get(TokenKey { subject, id }).await?;
    let live = record.filter(|record| record.is_live(app.clock.now()));
    live.ok_or_else(ApiError::not_found)
}

/// The instance whose access token has this id.
pub(crate) async fn instance_of(kv: &Kv, id: &str) -> Result<Option<String>, KvError> {
    kv.get("tokens", id).await
}

fn checked(name: String) -> Result<String, ApiError> {
    match name.trim() {
        "" => Err(ApiError::bad_request("A token needs a name.")),
        _ if name.len() > LONGEST_NAME => Err(ApiError::bad_request("The name is too long.")),
        _ => Ok(name),
    }
}

fn row(record: &TokenRecord) -> Value {
    let date_of = |moment: Timestamp| date(moment.as_unix_millis());
    json!({
        "ZUID": record.id,
        "name": record.name,
        "roleZUID": record.attributes.get("role"),
        "createdAt": date_of(record.created),
        "expiry": record.expires.map(date_of),
    })
}

/// As RFC 3339 has it.
pub(crate) fn date(unix_millis: i64) -> Option<String> {
    let moment = jiff::Timestamp::from_millisecond(unix_millis);
    Some(moment.ok()?.to_string())
}
