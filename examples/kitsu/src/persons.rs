//! `data/persons`: people and bots, managed by administrators.

#![allow(unused_qualifications, reason = "in what utoipa writes")]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use common::StartError;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};
use tower_bearer::clock::{Clock, Timestamp};
use tower_bearer::{AuthenticatedUser, Refusal, RequireLayer, policy::Policy};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Kitsu;
use crate::error::{ApiError, Body, Guarded, Path, Query};
use crate::people::{Account, Person, Role, normal};
use crate::tokens::end_of;

const ADMIN: &str = "admin";
const SHORTEST_PASSWORD: usize = 8;

pub fn routes() -> Result<OpenApiRouter<Kitsu>, StartError> {
    let admins = RequireLayer::new(Policy::role(ADMIN))?;
    let managed = OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(remove))
        .route_layer(admins);
    Ok(OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(update))
        .merge(managed))
}

#[derive(Deserialize, ToSchema)]
struct NewPerson {
    first_name: String,
    #[serde(default)]
    last_name: String,
    email: String,
    #[serde(default)]
    role: Role,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    departments: Vec<String>,
    #[serde(default)]
    is_bot: bool,
    /// Of a person; without one, nobody can log in by it.
    password: Option<String>,
    /// The last day of a bot's token.
    #[schema(value_type = Option<String>, format = Date)]
    expiration_date: Option<Date>,
}

fn yes() -> bool {
    true
}

/// What of a person is to be another; the rest stays.
#[derive(Deserialize, ToSchema)]
struct Changes {
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    role: Option<Role>,
    active: Option<bool>,
    departments: Option<Vec<String>>,
    /// Of a bot: if it is here at all, `null` or not, the bot gets another token, and the one before ends.
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = Option<String>, format = Date)]
    expiration_date: Option<Option<Date>>,
}

fn even_null<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Date>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A person; and of a bot the token, in the one answer that it was made for.
#[derive(Serialize, ToSchema)]
struct Shown {
    #[serde(flatten)]
    person: Person,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    id: Option<String>,
    email: Option<String>,
    /// `true` or `false`, in any letter case.
    is_bot: Option<String>,
}

/// Everybody, or those that are asked for.
#[utoipa::path(get, path = "/data/persons", params(Filter), security(("bearer" = [])),
    responses((status = 200, body = [Person]), Guarded))]
async fn list(
    State(kitsu): State<Kitsu>,
    Query(filter): Query<Filter>,
) -> Result<Json<Vec<Person>>, ApiError> {
    let mut people = kitsu.people.all().await?;
    if let Some(id) = filter.id {
        people.retain(|person| person.id == id);
    }
    if let Some(email) = filter.email {
        people.retain(|person| person.email == normal(&email));
    }
    if let Some(is_bot) = filter.is_bot {
        people.retain(|person| person.is_bot == is_bot.eq_ignore_ascii_case("true"));
    }
    Ok(Json(people))
}

/// One person or bot.
#[utoipa::path(get, path = "/data/persons/{id}", params(("id" = String, Path)), security(("bearer" = [])),
    responses((status = 200, body = Person), (status = 404), Guarded))]
async fn show(
    State(kitsu): State<Kitsu>,
    Path(id): Path<String>,
) -> Result<Json<Person>, ApiError> {
    let account = kitsu.people.get(&id).await?;
    Ok(Json(account.ok_or_else(ApiError::not_found)?.person))
}

/// Makes a person or a bot.
#[utoipa::path(post, path = "/data/persons", request_body = NewPerson, security(("bearer" = [])),
    responses((status = 201, body = Shown), (status = 400), Guarded))]
async fn create(
    State(kitsu): State<Kitsu>,
    Body(new): Body<NewPerson>,
) -> Result<(StatusCode, Json<Shown>), ApiError> {
    let now = kitsu.clock.now();
    check_email(&new.email)?;
    check_end(new.expiration_date, now)?;
    let mut person = Person::new(&new.first_name, &new.last_name, &new.email);
    person.role = new.role;
    person.active = new.active;
    person.departments = new.departments;
    person.is_bot = new.is_bot;
    person.expiration_date = new.expiration_date.filter(|_| new.is_bot);
    let password = match new.password.filter(|_| !new.is_bot) {
        Some(password) if password.len() < SHORTEST_PASSWORD => {
            return Err(ApiError::validation("password", "Too short: 8 at least."));
        }
        Some(password) => Some(kitsu.passwords.hash(&password).await?),
        None => None,
    };
    let account = Account { person, password };
    if !kitsu.people.add(&account).await? {
        return Err(ApiError::bad_request("This e-mail address is taken."));
    }
    let access_token = match &account.person {
        bot if bot.is_bot => Some(kitsu.tokens.regenerate(bot, now).await?),
        _ => None,
    };
    let person = account.person;
    let shown = Shown {
        person,
        access_token,
    };
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Changes a person or a bot: anybody by an administrator, and one's own name by oneself.
#[utoipa::path(put, path = "/data/persons/{id}", params(("id" = String, Path)), request_body = Changes,
    security(("bearer" = [])),
    responses((status = 200, body = Shown), (status = 400), (status = 404), Guarded))]
async fn update(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
    Path(id): Path<String>,
    Body(changes): Body<Changes>,
) -> Result<Json<Shown>, ApiError> {
    let now = kitsu.clock.now();
    let is_admin = user.has_role(ADMIN);
    if !is_admin && user.subject() != id {
        let refusal = Refusal::forbidden("people are managed by administrators");
        return Err(user.deny(refusal).into());
    }
    if let Some(email) = changes.email.as_ref().filter(|_| is_admin) {
        check_email(email)?;
    }
    let end = changes.expiration_date.filter(|_| is_admin);
    check_end(end.flatten(), now)?;
    let account = kitsu.people.get(&id).await?;
    account.ok_or_else(ApiError::not_found)?;
    let edit = |person: &mut Person| changes.apply(person, is_admin);
    let (before, person) = match kitsu.people.change(&id, edit).await? {
        Some(changed) => changed,
        None => return Err(ApiError::bad_request("This e-mail address is taken.")),
    };
    if before.active && !person.active {
        kitsu.tokens.end_all(&person, now).await?;
    }
    let access_token = match end {
        Some(_) if person.is_bot => Some(kitsu.tokens.regenerate(&person, now).await?),
        _ => None,
    };
    Ok(Json(Shown {
        person,
        access_token,
    }))
}

/// Removes a person or a bot, and ends whatever tokens they have.
#[utoipa::path(delete, path = "/data/persons/{id}", params(("id" = String, Path)), security(("bearer" = [])),
    responses((status = 204), (status = 404), Guarded))]
async fn remove(
    State(kitsu): State<Kitsu>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let removed = kitsu.people.remove(&id).await?;
    let person = removed.ok_or_else(ApiError::not_found)?;
    kitsu.tokens.end_all(&person, kitsu.clock.now()).await?;
    kitsu.factors.forget(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Changes {
    /// What is not a person's own to change stays, and nothing is said about it: so does Kitsu.
    fn apply(&self, person: &mut Person, is_admin: bool) {
        if let Some(first) = &self.first_name {
            person.first_name.clone_from(first);
        }
        if let Some(last) = &self.last_name {
            person.last_name.clone_from(last);
        }
        person.name_in_full();
        if !is_admin {
            return;
        }
        if let Some(email) = &self.email {
            person.email = normal(email);
        }
        person.role = self.role.unwrap_or(person.role);
        person.active = self.active.unwrap_or(person.active);
        if let Some(departments) = &self.departments {
            person.departments.clone_from(departments);
        }
        if let Some(end) = self.expiration_date.filter(|_| person.is_bot) {
            person.expiration_date = end;
        }
    }
}

fn check_email(email: &str) -> Result<(), ApiError> {
    let named = |(name, host): (&str, &str)| !name.is_empty() && !host.is_empty();
    match email.trim().split_once('@').is_some_and(named) {
        true => Ok(()),
        false => Err(ApiError::validation("email", "Not an e-mail address.")),
    }
}

fn check_end(date: Option<Date>, now: Timestamp) -> Result<(), ApiError> {
    match date.is_some_and(|date| end_of(date) <= now) {
        true => Err(ApiError::validation("expiration_date", "It is over.")),
        false => Ok(()),
    }
}
