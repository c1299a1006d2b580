//! What is in files.

use axum::Json;
use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartError, MultipartRejection};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use common::Change;
use tower_bearer::AuthenticatedUser;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{BadBody, Failure, Message, Named, Refusals, done};
use crate::caller::{App, CREATE, MODIFY, May, READ};
use crate::files::{check_own, check_unlocked};
use crate::shares::{Share, not_found};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(download, upload, replace))
}

/// A form of one file, of 1 MiB at most.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is read part by part")]
struct Upload {
    #[schema(format = Binary, value_type = String)]
    upload: Vec<u8>,
}

/// Gives a file its content, once.
#[utoipa::path(
    post,
    path = "/files/{id}/content",
    security((), ("bearer" = [])),
    params(("id" = String, Path)),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "It has", body = Message),
        (status = 404, description = "There is no such file", body = Message),
        (status = 423, description = "It is locked, or has content", body = Message),
        Refusals, BadBody
    )
)]
async fn upload(
    May(user): May<CREATE>,
    State(app): State<App>,
    Named(id): Named<String>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<(StatusCode, Json<Message>), Failure> {
    put(&app, user.as_ref(), &id, false, form).await?;
    Ok((StatusCode::CREATED, done("Share has been initialized.")))
}

/// Gives one of the caller's own files other content.
#[utoipa::path(
    put,
    path = "/files/{id}/content",
    security((), ("bearer" = [])),
    params(("id" = String, Path)),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "It has", body = Message),
        (status = 404, description = "There is no such file", body = Message),
        (status = 423, description = "It is locked, or has no content yet", body = Message),
        Refusals, BadBody
    )
)]
async fn replace(
    May(user): May<MODIFY>,
    State(app): State<App>,
    Named(id): Named<String>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Json<Message>, Failure> {
    put(&app, user.as_ref(), &id, true, form).await?;
    Ok(done("Share has been modified."))
}

async fn put(
    app: &App,
    user: Option<&AuthenticatedUser>,
    id: &str,
    is_replaced: bool,
    form: Result<Multipart, MultipartRejection>,
) -> Result<(), Failure> {
    let check = |share: &Share| {
        check_own(share, user)?;
        check_unlocked(share)?;
        if share.content.is_some() == is_replaced {
            return Ok(());
        }
        let message = match is_replaced {
            true => "Share has no content yet.",
            false => "Share has content already.",
        };
        Err(Failure::new(StatusCode::LOCKED, message))
    };
    let share = app.shares.get(id).await?;
    check(&share)?;
    let bytes = read(form?).await?;
    let place = app.shares.keep_content(&bytes).await?;
    // Of two at once one is late, and what it brought is dropped.
    let changed = app.shares.change(id, |mut share| {
        check(&share)?;
        share.content = Some(place.clone());
        Ok(Change::Put(share))
    });
    let changed = changed.await;
    let dropped = match &changed {
        Ok(before) => before.content.as_ref(),
        Err(_) => Some(&place),
    };
    if let Some(dropped) = dropped {
        app.shares.drop_content(dropped).await?;
    }
    changed.map(drop)
}

async fn read(mut form: Multipart) -> Result<Vec<u8>, Failure> {
    while let Some(part) = form.next_field().await? {
        if part.name() == Some("upload") {
            return Ok(part.bytes().await?.into());
        }
        if part.name() == Some("dztotalchunks") && part.text().await? != "1" {
            let message = "A file is sent in one piece here.";
            return Err(Failure::bad_request(message));
        }
    }
    Err(Failure::bad_request("Missing upload."))
}

/// What is in a file.
#[utoipa::path(
    get,
    path = "/files/{id}/content",
    security((), ("bearer" = [])),
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "The content", content_type = "application/octet-stream"),
        (status = 404, description = "There is no such file, or nothing in it", body = Message),
        Refusals
    )
)]
async fn download(
    _: May<READ>,
    State(app): State<App>,
    Named(id): Named<String>,
) -> Result<Response, Failure> {
    let share = app.shares.get(&id).await?;
    let content = match &share.content {
        Some(place) => app.shares.content(place).await?,
        None => None,
    };
    let content = content.ok_or_else(not_found)?;
    // Whatever somebody sent, no browser is to run it here.
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CONTENT_DISPOSITION, disposition(&share.file_name)),
    ];
    Ok((headers, content).into_response())
}

/// RFC 6266: as it is where every client reads that alike, and else in UTF-8.
fn disposition(name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if name.bytes().all(is_plain) {
        return format!("attachment; filename={name}");
    }
    let encoded: String = name
        .bytes()
        .map(|b| match is_plain(b) {
            true => char::from(b).to_string(),
            false => format!("%{b:02X}"),
        })
        .collect();
    format!("attachment; filename*=UTF-8''{encoded}")
}

impl From<MultipartRejection> for Failure {
    fn from(rejection: MultipartRejection) -> Self {
        let message = "Send a form of one file (multipart/form-data).";
        match rejection.status() {
            StatusCode::BAD_REQUEST => Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message),
            status => Self::new(status, rejection.body_text()),
        }
    }
}

impl From<MultipartError> for Failure {
    fn from(error: MultipartError) -> Self {
        Self::new(error.status(), error.body_text())
    }
}
