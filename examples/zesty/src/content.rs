//! The Instances API, and a stand-in for the Media API: things to try a session or token on.

use std::collections::BTreeSet;

use axum::extract::State;
use common::{Change, StartError};
use serde::{Deserialize, Serialize};
use tower_bearer::AuthenticatedUser;
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::access::{Right, instances_of, may, requires};
use crate::answer::{Answer, ApiError, Envelope, Json, Path};
use crate::{App, zuid};

pub(crate) fn routes() -> Result<OpenApiRouter<App>, StartError> {
    Ok(OpenApiRouter::new()
        .routes(routes!(models).layer(requires(Right::Read)?))
        .routes(routes!(model).layer(requires(Right::Read)?))
        .routes(routes!(create_model).layer(requires(Right::Create)?))
        .routes(routes!(update_model).layer(requires(Right::Update)?))
        .routes(routes!(delete_model).layer(requires(Right::Delete)?))
        .routes(routes!(publish_model).layer(requires(Right::Publish)?))
        .routes(routes!(files, create_file)))
}

/// A kind of content.
#[derive(Serialize, Deserialize)]
struct Model {
    #[serde(rename = "ZUID")]
    zuid: String,
    name: String,
    label: String,
    published: bool,
}

/// One of the two is enough.
#[derive(Deserialize, ToSchema)]
struct ModelNames {
    name: Option<String>,
    label: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct File {
    id: String,
    filename: String,
    #[serde(rename = "instanceZUID")]
    instance: String,
}

#[derive(Deserialize, ToSchema)]
struct NewFile {
    filename: String,
    #[serde(rename = "instanceZUID")]
    instance: String,
}

/// The content models of an instance.
#[utoipa::path(get, path = "/{instance}/v1/content/models", tag = "Instances",
    params(("instance" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn models(State(app): State<App>, Path(instance): Path<String>) -> Result<Answer, ApiError> {
    let models = app.kv.list::<Model>(&collection(&instance)).await?;
    Ok(Answer::ok(models))
}

/// Makes a content model.
#[utoipa::path(post, path = "/{instance}/v1/content/models", tag = "Instances",
    params(("instance" = String, Path)), request_body = ModelNames,
    responses((status = 201, body = Envelope), ApiError))]
async fn create_model(
    State(app): State<App>,
    Path(instance): Path<String>,
    Json(new): Json<ModelNames>,
) -> Result<Answer, ApiError> {
    let ModelNames { name, label } = new;
    let Some(either) = name.clone().or(label.clone()) else {
        return Err(ApiError::bad_request("A model needs a name or label."));
    };
    let model = Model {
        zuid: zuid("6")?,
        name: name.unwrap_or(either.clone()),
        label: label.unwrap_or(either),
        published: false,
    };
    let models = collection(&instance);
    app.kv.insert(&models, &model.zuid, &model).await?;
    Ok(Answer::created(model))
}

/// A content model.
#[utoipa::path(get, path = "/{instance}/v1/content/models/{model}", tag = "Instances",
    params(("instance" = String, Path), ("model" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn model(
    State(app): State<App>,
    Path((instance, model)): Path<(String, String)>,
) -> Result<Answer, ApiError> {
    let model = app.kv.get::<Model>(&collection(&instance), &model).await?;
    Ok(Answer::ok(model.ok_or_else(ApiError::not_found)?))
}

/// Gives a content model other names.
#[utoipa::path(put, path = "/{instance}/v1/content/models/{model}", tag = "Instances",
    params(("instance" = String, Path), ("model" = String, Path)), request_body = ModelNames,
    responses((status = 200, body = Envelope), ApiError))]
async fn update_model(
    State(app): State<App>,
    Path((instance, model)): Path<(String, String)>,
    Json(new): Json<ModelNames>,
) -> Result<Answer, ApiError> {
    let rename = |model: &mut Model| {
        model.name = new.name.clone().unwrap_or(model.name.clone());
        model.label = new.label.clone().unwrap_or(model.label.clone());
    };
    change_model(&app, &instance, &model, rename).await
}

/// Publishes a content model.
#[utoipa::path(post, path = "/{instance}/v1/content/models/{model}/publishings", tag = "Instances",
    params(("instance" = String, Path), ("model" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn publish_model(
    State(app): State<App>,
    Path((instance, model)): Path<(String, String)>,
) -> Result<Answer, ApiError> {
    change_model(&app, &instance, &model, |model| model.published = true).await
}

/// Deletes a content model.
#[utoipa::path(delete, path = "/{instance}/v1/content/models/{model}", tag = "Instances",
    params(("instance" = String, Path), ("model" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn delete_model(
    State(app): State<App>,
    Path((instance, model)): Path<(String, String)>,
) -> Result<Answer, ApiError> {
    let remove = |found: Option<Model>| match found {
        Some(model) => (Change::Delete, Some(model)),
        None => (Change::Keep, None),
    };
    let models = collection(&instance);
    let removed = app.kv.update(&models, &model, remove).await?;
    Ok(Answer::ok(removed.ok_or_else(ApiError::not_found)?))
}

/// The media files of all instances that one has a role on.
#[utoipa::path(get, path = "/media/v1/files", tag = "Media",
    responses((status = 200, body = Envelope), ApiError))]
async fn files(user: AuthenticatedUser, State(app): State<App>) -> Result<Answer, ApiError> {
    let instances: BTreeSet<_> = instances_of(&user, Right::Read).collect();
    let mut files = Vec::new();
    for instance in instances {
        files.extend(app.kv.list::<File>(&format!("files {instance}")).await?);
    }
    Ok(Answer::ok(files))
}

/// Makes a media file.
#[utoipa::path(post, path = "/media/v1/files", tag = "Media", request_body = NewFile,
    responses((status = 201, body = Envelope), ApiError))]
async fn create_file(
    user: AuthenticatedUser,
    State(app): State<App>,
    Json(new): Json<NewFile>,
) -> Result<Answer, ApiError> {
    user.require(&may(Right::Create, &new.instance))?;
    let file = File {
        id: zuid("3")?,
        filename: new.filename,
        instance: new.instance,
    };
    let files = format!("files {}", file.instance);
    app.kv.insert(&files, &file.id, &file).await?;
    Ok(Answer::created(file))
}

async fn change_model(
    app: &App,
    instance: &str,
    model: &str,
    change: impl Fn(&mut Model),
) -> Result<Answer, ApiError> {
    let change = |found: Option<Model>| match found {
        Some(mut model) => {
            change(&mut model);
            let answer = Answer::ok(&model);
            (Change::Put(model), Some(answer))
        }
        None => (Change::Keep, None),
    };
    let changed = app.kv.update(&collection(instance), model, change).await?;
    changed.ok_or_else(ApiError::not_found)
}

fn collection(instance: &str) -> String {
    format!("models {instance}")
}
