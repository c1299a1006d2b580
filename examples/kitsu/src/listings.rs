//! What the caller is assigned to: projects, assets, shots, tasks.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tower_bearer::AuthenticatedUser;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Kitsu;
use crate::error::{ApiError, Guarded, Path};
use crate::production::{Entity, EntityType, Named, Project, Task};
use crate::tokens::person;

pub fn guarded() -> OpenApiRouter<Kitsu> {
    OpenApiRouter::new()
        .routes(routes!(projects))
        .routes(routes!(open_projects))
        .routes(routes!(user_projects))
        .routes(routes!(assets))
        .routes(routes!(listing))
}

/// What something is listed of.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Parent {
    Projects,
    Sequences,
    Assets,
    Shots,
    Scenes,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Children {
    AssetTypes,
    Sequences,
    Shots,
    Scenes,
    Tasks,
    TaskTypes,
}

/// One of the listings.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "tells the description what may be in the answer")]
enum Listed {
    Named(Named),
    Entity(Entity),
    Task(Task),
}

/// The caller's projects; all of them, for an administrator.
#[utoipa::path(get, path = "/data/projects", security(("bearer" = [])),
    responses((status = 200, body = [Project]), Guarded))]
async fn projects(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
) -> Result<Json<Vec<Project>>, ApiError> {
    Ok(Json(kitsu.production.projects(person(&user)?)))
}

/// The same: all projects here are open.
#[utoipa::path(get, path = "/data/projects/open", security(("bearer" = [])),
    responses((status = 200, body = [Project]), Guarded))]
async fn open_projects(
    user: AuthenticatedUser,
    state: State<Kitsu>,
) -> Result<Json<Vec<Project>>, ApiError> {
    projects(user, state).await
}

/// The same.
#[utoipa::path(get, path = "/data/user/projects/open", security(("bearer" = [])),
    responses((status = 200, body = [Project]), Guarded))]
async fn user_projects(
    user: AuthenticatedUser,
    state: State<Kitsu>,
) -> Result<Json<Vec<Project>>, ApiError> {
    projects(user, state).await
}

/// The assets of a type that the caller has a task on.
#[utoipa::path(get, path = "/data/user/projects/{id}/asset-types/{asset_type}/assets",
    params(("id" = String, Path), ("asset_type" = String, Path)), security(("bearer" = [])),
    responses((status = 200, body = [Entity]), (status = 404), Guarded))]
async fn assets(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
    Path((project, asset_type)): Path<(String, String)>,
) -> Result<Json<Vec<Entity>>, ApiError> {
    let mine = kitsu.production.assignments(person(&user)?);
    let assets = mine.assets(&project, &asset_type);
    Ok(Json(assets.ok_or_else(ApiError::not_found)?))
}

/// What below a project, sequence, asset, shot or scene the caller has a task on, and the tasks themselves.
///
/// Projects have asset types and sequences; sequences have shots and scenes; all but projects have tasks and
/// task types.
#[utoipa::path(get, path = "/data/user/{parent}/{id}/{children}",
    params(("parent" = Parent, Path), ("id" = String, Path), ("children" = Children, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = [Listed]), (status = 404), Guarded))]
async fn listing(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
    Path((parent, id, children)): Path<(Parent, String, Children)>,
) -> Result<Response, ApiError> {
    let mine = kitsu.production.assignments(person(&user)?);
    match (parent, children) {
        (Parent::Projects, Children::AssetTypes) => answer(mine.asset_types(&id)),
        (Parent::Projects, Children::Sequences) => answer(mine.sequences(&id)),
        (Parent::Sequences, Children::Shots) => answer(mine.parts(&id, EntityType::Shot)),
        (Parent::Sequences, Children::Scenes) => answer(mine.parts(&id, EntityType::Scene)),
        (parent, Children::Tasks) => answer(mine.tasks(&id, parent.entity()?)),
        (parent, Children::TaskTypes) => answer(mine.task_types(&id, parent.entity()?)),
        _ => Err(ApiError::not_found()),
    }
}

impl Parent {
    fn entity(self) -> Result<EntityType, ApiError> {
        match self {
            Self::Projects => Err(ApiError::not_found()),
            Self::Sequences => Ok(EntityType::Sequence),
            Self::Assets => Ok(EntityType::Asset),
            Self::Shots => Ok(EntityType::Shot),
            Self::Scenes => Ok(EntityType::Scene),
        }
    }
}

fn answer<T: Serialize>(listed: Option<Vec<T>>) -> Result<Response, ApiError> {
    match listed {
        Some(listed) => Ok(Json(listed).into_response()),
        None => Err(ApiError::not_found()),
    }
}
