//! Users, as administrators manage them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tower_bearer::AuthenticatedUser;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::{Account, Permission, Permissions};
use crate::answer::{BadBody, Created, Failure, Input, Message, Named, Refusals, created, done};
use crate::auth::{NOT_YOURS, TAKEN};
use crate::caller::{Administrator, App};
use crate::paging::{Asked, Listing, Paging};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, modify, replace, delete))
}

/// A user as they are shown.
#[derive(Serialize, ToSchema)]
struct Profile {
    username: String,
    permissions: Permissions,
    register_date: String,
}

impl From<Account> for Profile {
    fn from(account: Account) -> Self {
        Self {
            username: account.username,
            permissions: account.permissions,
            register_date: account.register_date,
        }
    }
}

/// Lists the users.
#[utoipa::path(
    get,
    path = "/users",
    security(("bearer" = [])),
    params(Asked),
    responses((status = 200, description = "A page of them", body = Listing<Profile>), Refusals, BadBody)
)]
async fn list(
    _: Administrator,
    State(app): State<App>,
    paging: Paging,
) -> Result<Json<Listing<Profile>>, Failure> {
    let all = app.accounts.list().await?;
    Ok(Json(paging.of(all.into_iter().map(Profile::from))))
}

/// All that can be said of a user.
#[derive(Deserialize, ToSchema)]
struct User {
    username: String,
    password: String,
    #[serde(default)]
    permissions: Permissions,
}

/// Makes a user.
#[utoipa::path(
    post,
    path = "/users",
    security(("bearer" = [])),
    request_body = User,
    responses(
        (status = 201, description = "Where they are", body = Created),
        (status = 409, description = "There is one of that name", body = Message),
        Refusals, BadBody
    )
)]
async fn create(
    _: Administrator,
    State(app): State<App>,
    Input(new): Input<User>,
) -> Result<(StatusCode, Json<Created>), Failure> {
    let name = &*new.username;
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    if !(1..=64).contains(&name.len()) || !name.chars().all(is_plain) || TAKEN.contains(&name) {
        return Err(Failure::bad_request("No user can have this name."));
    }
    check_password(Some(&new.password))?;
    let made = app.accounts.register(name, &new.password, new.permissions);
    if !made.await? {
        let message = "There is a user of this name.";
        return Err(Failure::new(StatusCode::CONFLICT, message));
    }
    Ok(created(format!("/users/{name}")))
}

/// One user: oneself, or for administrators anybody.
#[utoipa::path(
    get,
    path = "/users/{username}",
    security(("bearer" = [])),
    params(("username" = String, Path)),
    responses((status = 200, description = "The user", body = Profile), Refusals)
)]
async fn show(
    user: AuthenticatedUser,
    State(app): State<App>,
    Named(name): Named<String>,
) -> Result<Json<Profile>, Failure> {
    let may = user.subject() == name || user.has_scope(Permission::Admin.code());
    match app.accounts.get(&name).await? {
        Some(account) if may => Ok(Json(account.into())),
        // The same, so that nobody learns who there is.
        _ => Err(Failure::forbidden(NOT_YOURS)),
    }
}

#[derive(Deserialize, ToSchema)]
struct Changes {
    password: Option<String>,
    permissions: Option<Permissions>,
}

/// Changes what is given of a user.
#[utoipa::path(
    patch,
    path = "/users/{username}",
    security(("bearer" = [])),
    params(("username" = String, Path)),
    request_body = Changes,
    responses(
        (status = 200, description = "Changed", body = Message),
        (status = 404, description = "There is no such user", body = Message),
        Refusals, BadBody
    )
)]
async fn modify(
    _: Administrator,
    State(app): State<App>,
    Named(name): Named<String>,
    Input(changes): Input<Changes>,
) -> Result<Json<Message>, Failure> {
    change(&app, &name, &changes).await
}

#[derive(Deserialize, ToSchema)]
struct Replacement {
    username: String,
    password: String,
    permissions: Permissions,
}

/// Changes all that can be changed of a user.
#[utoipa::path(
    put,
    path = "/users/{username}",
    security(("bearer" = [])),
    params(("username" = String, Path)),
    request_body = Replacement,
    responses(
        (status = 200, description = "Changed", body = Message),
        (status = 404, description = "There is no such user", body = Message),
        Refusals, BadBody
    )
)]
async fn replace(
    _: Administrator,
    State(app): State<App>,
    Named(name): Named<String>,
    Input(all): Input<Replacement>,
) -> Result<Json<Message>, Failure> {
    if all.username != name {
        return Err(Failure::bad_request("A user keeps their name."));
    }
    let changes = Changes {
        password: Some(all.password),
        permissions: Some(all.permissions),
    };
    change(&app, &name, &changes).await
}

async fn change(app: &App, name: &str, changes: &Changes) -> Result<Json<Message>, Failure> {
    let password = changes.password.as_deref();
    check_password(password)?;
    let permissions = changes.permissions.as_ref();
    if app.accounts.change(name, permissions, password).await? {
        Ok(done("User modified."))
    } else {
        Err(no_such_user())
    }
}

/// Deletes a user, and with them whatever their tokens were good for.
#[utoipa::path(
    delete,
    path = "/users/{username}",
    security(("bearer" = [])),
    params(("username" = String, Path)),
    responses(
        (status = 200, description = "Deleted", body = Message),
        (status = 404, description = "There is no such user", body = Message),
        Refusals
    )
)]
async fn delete(
    _: Administrator,
    State(app): State<App>,
    Named(name): Named<String>,
) -> Result<Json<Message>, Failure> {
    if app.accounts.delete(&name).await? {
        Ok(done("User deleted."))
    } else {
        Err(no_such_user())
    }
}

fn no_such_user() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "There is no such user.")
}

fn check_password(password: Option<&str>) -> Result<(), Failure> {
    match password {
        Some("") => Err(Failure::bad_request("The password is empty.")),
        _ => Ok(()),
    }
}
