//! What is said of files.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use common::Change;
use serde::Deserialize;
use tower_bearer::AuthenticatedUser;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::Permission;
use crate::answer::{BadBody, Created, Failure, Input, Message, Named, Refusals, created, done};
use crate::caller::{App, CREATE, DELETE, LIST, LOCK, MODIFY, May, READ};
use crate::paging::{Asked, Listing, Paging};
use crate::shares::{Share, Shown};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, modify, replace, delete))
        .routes(routes!(lock))
        .routes(routes!(unlock))
}

/// Lists everybody's files.
#[utoipa::path(
    get,
    path = "/files",
    security((), ("bearer" = [])),
    params(Asked),
    responses((status = 200, description = "A page of them", body = Listing<Shown>), Refusals, BadBody)
)]
async fn list(
    _: May<LIST>,
    State(app): State<App>,
    paging: Paging,
) -> Result<Json<Listing<Shown>>, Failure> {
    let all = app.shares.list().await?;
    Ok(Json(paging.of(all.into_iter().map(Shown::from))))
}

#[derive(Deserialize, ToSchema)]
struct NewShare {
    file_name: Option<String>,
}

/// Makes a file without content.
#[utoipa::path(
    post,
    path = "/files",
    security((), ("bearer" = [])),
    request_body = NewShare,
    responses((status = 201, description = "Where it is", body = Created), Refusals, BadBody)
)]
async fn create(
    May(user): May<CREATE>,
    State(app): State<App>,
    Input(new): Input<NewShare>,
) -> Result<(StatusCode, Json<Created>), Failure> {
    check_name(new.file_name.as_deref())?;
    let owner = user.as_ref().map(|user| user.subject());
    let id = app.shares.add(owner, new.file_name).await?;
    Ok(created(format!("/files/{id}")))
}

/// One file.
#[utoipa::path(
    get,
    path = "/files/{id}",
    security((), ("bearer" = [])),
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "The file", body = Shown),
        (status = 404, description = "There is no such file", body = Message),
        Refusals
    )
)]
async fn show(
    _: May<READ>,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Result<Json<Shown>, Failure> {
    let share = app.shares.get(&id).await?;
    Ok(Json(share.into()))
}

#[derive(Deserialize, ToSchema)]
struct Changes {
    file_name: Option<String>,
    owner_name: Option<String>,
}

/// Changes what is given of one of the caller's own files.
#[utoipa::path(
    patch,
    path = "/files/{id}",
    security((), ("bearer" = [])),
    params(("id" = String, Path)),
    request_body = Changes,
    responses(
        (status = 200, description = "Changed", body = Message),
        (status = 404, description = "There is no such file", body = Message),
        (status = 423, description = "It is locked", body = Message),
        Refusals, BadBody
    )
)]
async fn modify(
    May(user): May<MODIFY>,
    State(app): State<App>,
    Named(id): Named<String>,
    Input(changes): Input<Changes>,
) -> Result<Json<Message>, Failure> {
    change(&app, user.as_ref(), &id, changes).await
}

#[derive(Deserialize, ToSchema)]
struct Replacement {
    file_name: String,
    owner_name: String,
}

/// Changes all that can be changed of one of the caller's own files.
#[utoipa::path(
    put,
    path = "/files/{id}",
    security((), ("bearer" = [])),
    params(("id" = String, Path)),
    request_body = Replacement,
    responses(
        (status = 200, description = "Changed", body = Message),
        (status = 404, description = "There is no such file", body = Message),
        (status = 423, description = "It is locked", body = Message),
        Refusals, BadBody
    )
)]
async fn replace(
    May(user): May<MODIFY>,
    State(app): State<App>,
    Named(id): Named<String>,
    Input(all): Input<Replacement>,
) -> Result<Json<Message>, Failure> {
    let changes = Changes {
        file_name: Some(all.file_name),
        owner_name: Some(all.owner_name),
    };
    change(&app, user.as_ref(), &id, changes).await
}

async fn change(
    app: &App,
    user: Option<&AuthenticatedUser>,
    id: &str,
    changes: Changes,
) -> Result<Json<Message>, Failure> {
    check_name(changes.file_name.as_deref())?;
    if let Some(owner) = &changes.owner_name
        && app.accounts.get(owner).await?.is_none()
    {
        return Err(Failure::bad_request("There is no such user."));
    }
    let changed = app.shares.change(id, |mut share| {
        check_own(&share, user)?;
        check_unlocked(&share)?;
        if let Some(name) = &changes.file_name {
            share.file_name.clone_from(name);
        }
        if let Some(owner) = &changes.owner_name {
            share.owner_name = Some(owner.clone());
        }
        Ok(Change::Put(share))
    });
    changed.await?;
    Ok(done("Share modified."))
}

/// Deletes anybody's file.
#[utoipa::path(
    delete,
    path = "/files/{id}",
    security((), ("bearer" = [])),
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "Deleted", body = Message),
        (status = 404, description = "There is no such file", body = Message),
        (status = 423, description = "It is locked", body = Message),
        Refusals
    )
)]
async fn delete(
    _: May<DELETE>,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Result<Json<Message>, Failure> {
    let deleted = app.shares.change(&id, |share| {
        check_unlocked(&share)?;
        Ok(Change::Delete)
    });
    let share = deleted.await?;
    if let Some(content) = &share.content {
        app.shares.drop_content(content).await?;
    }
    Ok(done("Share deleted."))
}

/// Locks a file against changes.
#[utoipa::path(
    post,
    path = "/files/{id}/lock",
    security((), ("bearer" = [])),
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "Locked", body = Message),
        (status = 404, description = "There is no such file", body = Message),
        Refusals
    )
)]
async fn lock(
    _: May<LOCK>,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Result<Json<Message>, Failure> {
    set_locked(&app, &id, true).await?;
    Ok(done("Share locked."))
}

/// Ends the lock.
#[utoipa::path(
    post,
    path = "/files/{id}/unlock",
    security((), ("bearer" = [])),
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "Not locked any more", body = Message),
        (status = 404, description = "There is no such file", body = Message),
        Refusals
    )
)]
async fn unlock(
    _: May<LOCK>,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Result<Json<Message>, Failure> {
    set_locked(&app, &id, false).await?;
    Ok(done("Share unlocked."))
}

async fn set_locked(app: &App, id: &str, locked: bool) -> Result<(), Failure> {
    let changed = app.shares.change(id, |mut share| {
        share.locked = locked;
        Ok(Change::Put(share))
    });
    changed.await?;
    Ok(())
}

/// Whoever has the permission to change files may change their own, and administrators all.
pub fn check_own(share: &Share, user: Option<&AuthenticatedUser>) -> Result<(), Failure> {
    let is_own = share.owner_name.as_deref() == user.map(|user| user.subject());
    let is_administrator = user.is_some_and(|user| user.has_scope(Permission::Admin.code()));
    if is_own || is_administrator {
        return Ok(());
    }
    Err(Failure::forbidden("Share is somebody else's."))
}

pub fn check_unlocked(share: &Share) -> Result<(), Failure> {
    match share.locked {
        true => Err(Failure::new(StatusCode::LOCKED, "Share is locked.")),
        false => Ok(()),
    }
}

fn check_name(name: Option<&str>) -> Result<(), Failure> {
    let is_good = |name: &str| (1..=255).contains(&name.len()) && !name.contains(char::is_control);
    match name {
        Some(name) if !is_good(name) => Err(Failure::bad_request(
            "A file's name has 1 to 255 bytes of text.",
        )),
        _ => Ok(()),
    }
}
