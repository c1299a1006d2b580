//! The Accounts API: instances, who is on them, and roles.

use std::collections::BTreeMap;

use axum::extract::State;
use common::StartError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower_bearer::AuthenticatedUser;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Right, Role, SystemRole, User, instances_of, may, requires};
use crate::answer::{Answer, ApiError, Envelope, Json, Path};
use crate::{App, zuid};

pub(crate) fn routes() -> Result<OpenApiRouter<App>, StartError> {
    let read = OpenApiRouter::new()
        .routes(routes!(get))
        .routes(routes!(users))
        .routes(routes!(roles));
    Ok(OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(create_role))
        .merge(read.route_layer(requires(Right::Read)?)))
}

/// A site.
#[derive(Serialize, Deserialize)]
pub(crate) struct Instance {
    #[serde(rename = "ZUID")]
    pub(crate) zuid: String,
    #[serde(rename = "ID")]
    pub(crate) id: u32,
    pub(crate) name: String,
}

#[derive(Deserialize, ToSchema)]
struct NewRole {
    name: String,
    /// The instance.
    #[serde(rename = "entityZUID")]
    instance: String,
    #[serde(rename = "systemRoleZUID")]
    system_role: String,
}

/// The instances that one has a role on.
#[utoipa::path(get, path = "/v1/instances", tag = "Accounts",
    responses((status = 200, body = Envelope), ApiError))]
async fn list(user: AuthenticatedUser, State(app): State<App>) -> Result<Answer, ApiError> {
    // By their ids, so that none is there twice.
    let mut instances = BTreeMap::new();
    for zuid in instances_of(&user, Right::Read) {
        if let Some(instance) = app.kv.get::<Instance>("instances", zuid).await? {
            instances.insert(instance.id, instance);
        }
    }
    Ok(Answer::ok(instances.into_values().collect::<Vec<_>>()))
}

/// An instance.
#[utoipa::path(get, path = "/v1/instances/{instance}", tag = "Accounts",
    params(("instance" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn get(State(app): State<App>, Path(instance): Path<String>) -> Result<Answer, ApiError> {
    let found = app.kv.get::<Instance>("instances", &instance).await?;
    Ok(Answer::ok(found.ok_or_else(ApiError::not_found)?))
}

/// The users of an instance, each with their role.
#[utoipa::path(get, path = "/v1/instances/{instance}/users/roles", tag = "Accounts",
    params(("instance" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn users(State(app): State<App>, Path(instance): Path<String>) -> Result<Answer, ApiError> {
    let users = app.kv.list::<User>("users").await?;
    let row = |user: &User| {
        let role = user.roles.iter().find(|role| role.instance == instance)?;
        Some(json!({
            "ZUID": user.zuid,
            "email": user.email,
            "firstName": user.first_name,
            "lastName": user.last_name,
            "role": with_rights(role),
        }))
    };
    Ok(Answer::ok(users.iter().filter_map(row).collect::<Vec<_>>()))
}

/// The roles that there are on an instance.
#[utoipa::path(get, path = "/v1/instances/{instance}/roles", tag = "Accounts",
    params(("instance" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn roles(State(app): State<App>, Path(instance): Path<String>) -> Result<Answer, ApiError> {
    let roles = app.kv.list::<Role>("roles").await?;
    let there = roles.iter().filter(|role| role.instance == instance);
    Ok(Answer::ok(there.map(with_rights).collect::<Vec<_>>()))
}

/// Makes a custom role: a system role under a name of its own.
#[utoipa::path(post, path = "/v1/roles", tag = "Accounts", request_body = NewRole,
    responses((status = 201, body = Envelope), ApiError))]
async fn create_role(
    user: AuthenticatedUser,
    State(app): State<App>,
    Json(new): Json<NewRole>,
) -> Result<Answer, ApiError> {
    user.require(&may(Right::Grant, &new.instance))?;
    if new.name.trim().is_empty() {
        return Err(ApiError::bad_request("A role needs a name."));
    }
    if SystemRole::find(&new.system_role).is_none() {
        return Err(ApiError::bad_request("There is no such system role."));
    }
    let role = Role {
        zuid: zuid("30")?,
        name: new.name,
        instance: new.instance,
        system_role: new.system_role,
    };
    app.kv.insert("roles", &role.zuid, &role).await?;
    Ok(Answer::created(with_rights(&role)))
}

fn with_rights(role: &Role) -> Value {
    let mut row = json!(role);
    row["systemRole"] = json!(SystemRole::find(&role.system_role));
    row
}
