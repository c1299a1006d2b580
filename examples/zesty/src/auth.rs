//! The Auth API: sessions.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{ConnectInfo, Multipart, State};
use axum::http::StatusCode;
use common::{StartError, Verdict};
use serde_json::json;
use tower_bearer::identity::CredentialKind;
use tower_bearer::issue::NewToken;
use tower_bearer::policy::Policy;
use tower_bearer::store::TokenKey;
use tower_bearer::{AuthenticatedUser, RequireLayer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::User;
use crate::answer::{Answer, ApiError, Envelope};

/// How long a session lasts after its last use.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// The longest that an address can be (RFC 5321).
const LONGEST_EMAIL: usize = 254;

pub(crate) fn open_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(login))
}

pub(crate) fn routes() -> Result<OpenApiRouter<App>, StartError> {
    let in_person = RequireLayer::new(Policy::kind(CredentialKind::Session))?;
    let logout = OpenApiRouter::new().routes(routes!(logout));
    Ok(OpenApiRouter::new()
        .routes(routes!(verify))
        .merge(logout.route_layer(in_person)))
}

#[derive(Default, ToSchema)]
struct Credentials {
    email: String,
    password: String,
}

/// Begins a session.
#[utoipa::path(post, path = "/login", tag = "Auth", security(()),
    request_body(content = Credentials, content_type = "multipart/form-data"),
    responses((status = 200, body = Envelope), ApiError))]
async fn login(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Answer, ApiError> {
    let Credentials { email, password } = read(form?).await?;
    if app.attempts.begin(&email, from.ip()).await? == Verdict::Locked {
        let why = "The account is locked after too many failures. Try again later.".to_owned();
        return Err(ApiError::Said(StatusCode::FORBIDDEN, why));
    }
    let user = match app.kv.get::<String>("emails", &email).await? {
        Some(zuid) => app.kv.get::<User>("users", &zuid).await?,
        None => None,
    };
    let kept = user.as_ref().map(|user| &*user.password);
    let is_right = app.passwords.is_right(kept, &password).await;
    let Some(user) = user.filter(|_| is_right) else {
        let why = "The e-mail or password is wrong.".to_owned();
        return Err(ApiError::Said(StatusCode::UNAUTHORIZED, why));
    };
    app.attempts.right(&email, from.ip()).await?;
    let session = NewToken::session(&*user.zuid).idle(IDLE);
    let minted = app.tokens.mint(session).await?;
    let token = minted.token.reveal();
    Ok(Answer::told(
        "Login successful",
        json!({ "token": token, "userZuid": user.zuid }),
    ))
}

async fn read(mut form: Multipart) -> Result<Credentials, ApiError> {
    let mut read = Credentials::default();
    while let Some(field) = form.next_field().await? {
        match field.name() {
            Some("email") => read.email = field.text().await?.trim().to_ascii_lowercase(),
            Some("password") => read.password = field.text().await?,
            _ => {}
        }
    }
    if read.email.is_empty() || read.password.is_empty() || read.email.len() > LONGEST_EMAIL {
        return Err(ApiError::bad_request(
            "The form needs an `email` and a `password`.",
        ));
    }
    Ok(read)
}

/// Whether the session, or access token, is good. An access token is nobody's.
#[utoipa::path(get, path = "/verify", tag = "Auth",
    responses((status = 200, body = Envelope), ApiError))]
async fn verify(user: AuthenticatedUser) -> Answer {
    if user.credential_kind() == CredentialKind::Session {
        Answer::told("Session valid", json!({ "userZuid": user.subject() }))
    } else {
        Answer::told("Token valid", json!({}))
    }
}

/// Ends this session, and no other.
#[utoipa::path(get, path = "/logout", tag = "Auth",
    responses((status = 200, body = Envelope), ApiError))]
async fn logout(user: AuthenticatedUser, State(app): State<App>) -> Result<Answer, ApiError> {
    let (subject, id) = (user.subject(), user.credential_id().unwrap_or_default());
    let sessions = app.tokens.acting_for(&user);
    sessions.revoke(TokenKey { subject, id }).await?;
    Ok(Answer::told("Logout successful", json!({})))
}
