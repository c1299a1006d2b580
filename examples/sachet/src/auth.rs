//! Login, extension, logout, and who one is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use common::ServerClock;
use serde::{Deserialize, Serialize};
use tower_bearer::clock::Clock;
use tower_bearer::credential::BearerToken;
use tower_bearer::issue::{Extension, JwtIssuer, NewJwt, SecretToken};
use tower_bearer::revocation::Revoker;
use tower_bearer::scope::ScopeSet;
use tower_bearer::verifier::Presented;
use tower_bearer::{AuthenticatedUser, Reason, TokenVerifier};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::{Permissions, permissions_of};
use crate::answer::{BadBody, Failure, Input, Message, Refusals, done};
use crate::caller::App;

/// What gives out tokens, and ends them.
#[derive(Clone)]
pub struct Tokens {
    pub jwts: JwtIssuer,
    pub extension: Extension,
    /// Tells good tokens from others, whatever became of their accounts.
    pub good_jwts: Arc<dyn TokenVerifier>,
    pub revoker: Revoker,
    pub clock: ServerClock,
}

/// What anybody may ask for, with whatever token.
pub fn open() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(login))
}

pub fn guarded() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(extend))
        .routes(routes!(logout))
        .routes(routes!(change_password))
        .routes(routes!(whoami))
        // Who asks by GET asks for the user of that name, and there is none.
        .route("/users/login", get(nobodys_page))
        .route("/users/extend", get(nobodys_page))
        .route("/users/logout", get(nobodys_page))
        .route("/users/password", get(nobodys_page))
}

/// No account can have one of these names.
pub const TAKEN: [&str; 4] = ["login", "extend", "logout", "password"];

async fn nobodys_page(_: AuthenticatedUser) -> Failure {
    Failure::forbidden(NOT_YOURS)
}

pub const NOT_YOURS: &str = "You are not authorized to view this page.";

#[derive(Serialize, ToSchema)]
struct AuthToken {
    auth_token: String,
    message: &'static str,
    status: &'static str,
    username: String,
}

impl AuthToken {
    fn new(token: SecretToken, username: &str, message: &'static str) -> Json<Self> {
        Json(Self {
            auth_token: token.reveal(),
            message,
            status: "success",
            username: username.into(),
        })
    }
}

#[derive(Deserialize, ToSchema)]
struct Credentials {
    username: Option<String>,
    password: Option<String>,
}

/// Gives out a token of seven days.
#[utoipa::path(
    post,
    path = "/users/login",
    request_body = Credentials,
    responses(
        (status = 200, description = "A token", body = AuthToken),
        (status = 401, description = "No such user, or another password", body = Message),
        (status = 503, description = "A store gave no answer", body = Message),
        BadBody
    )
)]
async fn login(
    State(app): State<App>,
    Input(input): Input<Credentials>,
) -> Result<Json<AuthToken>, Failure> {
    let (name, password) = (
        input.username.unwrap_or_default(),
        input.password.unwrap_or_default(),
    );
    let Some(account) = app.accounts.log_in(&name, &password).await? else {
        let message = "Invalid credentials.";
        return Err(Failure::new(StatusCode::UNAUTHORIZED, message));
    };
    let jwt = NewJwt::new(&*account.username).session_id(&*account.id);
    let issued = app.tokens.jwts.issue(jwt)?;
    Ok(AuthToken::new(issued.token, &name, "Logged in."))
}

/// Gives out another token of seven days, and leaves the old one good.
#[utoipa::path(
    post,
    path = "/users/extend",
    security(("bearer" = [])),
    responses((status = 200, description = "A token", body = AuthToken), Refusals)
)]
async fn extend(
    user: AuthenticatedUser,
    State(app): State<App>,
) -> Result<Json<AuthToken>, Failure> {
    // The permissions are the account's, and no token's.
    let without_scopes = |jwt: NewJwt| jwt.scopes(ScopeSet::new());
    let issued = app.tokens.extension.extend_with(&user, without_scopes)?;
    let message = "Renewed token.";
    Ok(AuthToken::new(issued.token, user.subject(), message))
}

#[derive(Deserialize, ToSchema)]
struct Logout {
    token: String,
}

/// Revokes the token in the body, which may be another than the one in the header.
#[utoipa::path(
    post,
    path = "/users/logout",
    security(("bearer" = [])),
    request_body = Logout,
    responses((status = 200, description = "It is revoked", body = Message), Refusals, BadBody)
)]
async fn logout(
    user: AuthenticatedUser,
    State(app): State<App>,
    Input(input): Input<Logout>,
) -> Result<Json<Message>, Failure> {
    let tokens = &app.tokens;
    let token = BearerToken::new(&input.token);
    let token = token.map_err(|_| Failure::bad_request("Invalid auth token."))?;
    let presented = Presented::new(token, tokens.clock.now());
    let other = tokens.good_jwts.verify(&presented).await;
    let other = other.map_err(|refusal| match refusal.reason() {
        Reason::Expired => Failure::bad_request("Token already expired."),
        Reason::Revoked => Failure::bad_request("Token already revoked."),
        Reason::Unavailable => user.deny(refusal).into(),
        _ => Failure::bad_request("Invalid auth token."),
    })?;
    if !tokens.revoker.permits(&user, &other) {
        return Err(Failure::forbidden(
            "You are not allowed to revoke this token.",
        ));
    }
    tokens.revoker.revoke(&other).await?;
    Ok(done("Token revoked."))
}

#[derive(Deserialize, ToSchema)]
struct NewPassword {
    old: String,
    new: String,
}

/// Changes the caller's password. Tokens stay good.
#[utoipa::path(
    post,
    path = "/users/password",
    security(("bearer" = [])),
    request_body = NewPassword,
    responses((status = 200, description = "It is changed", body = Message), Refusals, BadBody)
)]
async fn change_password(
    user: AuthenticatedUser,
    State(app): State<App>,
    Input(input): Input<NewPassword>,
) -> Result<Json<Message>, Failure> {
    let account = app.accounts.log_in(user.subject(), &input.old).await?;
    if account.is_none() {
        return Err(Failure::forbidden("Invalid password."));
    }
    if input.new.is_empty() {
        return Err(Failure::bad_request("The new password is empty."));
    }
    let new = Some(&*input.new);
    app.accounts.change(user.subject(), None, new).await?;
    Ok(done("Password changed."))
}

#[derive(Serialize, ToSchema)]
struct Who {
    /// `null` for a caller without a token.
    username: Option<String>,
    permissions: Permissions,
}

/// Who the caller is, and what they may do.
#[utoipa::path(
    get,
    path = "/whoami",
    security((), ("bearer" = [])),
    responses((status = 200, description = "The caller", body = Who), Refusals)
)]
async fn whoami(
    user: Option<AuthenticatedUser>,
    State(app): State<App>,
) -> Result<Json<Who>, Failure> {
    Ok(Json(match user {
        Some(user) => Who {
            username: Some(user.subject().into()),
            permissions: permissions_of(&user),
        },
        None => Who {
            username: None,
            permissions: app.settings.get().await?.default_permissions,
        },
    }))
}
