//! What administrators set.

use axum::Json;
use axum::extract::State;
use common::{Change, Kv, KvError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::Permissions;
use crate::answer::{BadBody, Failure, Input, Message, Refusals, done};
use crate::caller::{Administrator, App};

const PLACE: (&str, &str) = ("sachet_settings", "server");

#[derive(Default, Serialize, Deserialize, ToSchema)]
pub struct Values {
    /// What callers without a token may do.
    pub default_permissions: Permissions,
}

/// The settings, as they are now. A clone is the same.
#[derive(Clone)]
pub struct ServerSettings(Kv);

impl ServerSettings {
    pub fn new(kv: &Kv) -> Self {
        Self(kv.clone())
    }

    pub async fn get(&self) -> Result<Values, KvError> {
        Ok(self.0.get(PLACE.0, PLACE.1).await?.unwrap_or_default())
    }

    async fn change(&self, changes: Changes) -> Result<(), KvError> {
        let change = |values: Option<Values>| {
            let mut values = values.unwrap_or_default();
            if let Some(permissions) = &changes.default_permissions {
                values.default_permissions.clone_from(permissions);
            }
            (Change::Put(values), ())
        };
        self.0.update(PLACE.0, PLACE.1, change).await
    }
}

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, modify, replace))
}

/// The settings.
#[utoipa::path(
    get,
    path = "/admin/settings",
    security(("bearer" = [])),
    responses((status = 200, description = "The settings", body = Values), Refusals)
)]
async fn show(_: Administrator, State(app): State<App>) -> Result<Json<Values>, Failure> {
    Ok(Json(app.settings.get().await?))
}

#[derive(Deserialize, ToSchema)]
struct Changes {
    default_permissions: Option<Permissions>,
}

/// Changes the settings that are given.
#[utoipa::path(
    patch,
    path = "/admin/settings",
    security(("bearer" = [])),
    request_body = Changes,
    responses((status = 200, description = "Changed", body = Message), Refusals, BadBody)
)]
async fn modify(
    _: Administrator,
    State(app): State<App>,
    Input(changes): Input<Changes>,
) -> Result<Json<Message>, Failure> {
    app.settings.change(changes).await?;
    Ok(done("Settings changed."))
}

/// Replaces all settings.
#[utoipa::path(
    put,
    path = "/admin/settings",
    security(("bearer" = [])),
    request_body = Values,
    responses((status = 200, description = "Changed", body = Message), Refusals, BadBody)
)]
async fn replace(
    _: Administrator,
    State(app): State<App>,
    Input(values): Input<Values>,
) -> Result<Json<Message>, Failure> {
    let default_permissions = Some(values.default_permissions);
    let changes = Changes {
        default_permissions,
    };
    app.settings.change(changes).await?;
    Ok(done("Settings changed."))
}
