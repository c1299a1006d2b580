//! `auth/login` and what follows: who one is, renewing, logging out.

use std::net::{IpAddr, SocketAddr};

use axum::Json;
use axum::extract::{ConnectInfo, State};
use common::{StartError, Verdict};
use serde::{Deserialize, Serialize};
use tower_bearer::clock::Clock;
use tower_bearer::identity::CredentialKind;
use tower_bearer::policy::Policy;
use tower_bearer::{AuthenticatedUser, RequireLayer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Kitsu;
use crate::error::{ApiError, Body, Guarded};
use crate::people::{Person, normal};
use crate::second_factor::{Factors, Kind, Outcome, Proof};
use crate::tokens::person;

/// For people alone: a bot has no session, and no second factor.
pub fn people_only() -> Result<RequireLayer, StartError> {
    Ok(RequireLayer::new(Policy::kind(CredentialKind::Jwt))?)
}

pub fn public() -> OpenApiRouter<Kitsu> {
    OpenApiRouter::new().routes(routes!(login))
}

pub fn guarded() -> Result<OpenApiRouter<Kitsu>, StartError> {
    let of_people = OpenApiRouter::new().routes(routes!(logout));
    let of_people = of_people.route_layer(people_only()?);
    Ok(OpenApiRouter::new()
        .routes(routes!(authenticated))
        .merge(of_people))
}

pub fn renewal() -> OpenApiRouter<Kitsu> {
    OpenApiRouter::new().routes(routes!(refresh_token))
}

#[derive(Deserialize, ToSchema)]
struct Login {
    email: String,
    password: String,
    #[serde(flatten)]
    proof: Proof,
}

/// A person with what only they are told.
#[derive(Serialize, ToSchema)]
struct CurrentUser {
    #[serde(flatten)]
    person: Person,
    totp_enabled: bool,
    email_otp_enabled: bool,
    fido_enabled: bool,
    /// The names of the security keys.
    fido_devices: Vec<String>,
    preferred_two_factor_authentication: Option<Kind>,
}

#[derive(Serialize, ToSchema)]
struct Organisation {
    id: &'static str,
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize, ToSchema)]
struct LoggedIn {
    login: bool,
    user: CurrentUser,
    organisation: Organisation,
    access_token: String,
    refresh_token: String,
}

#[derive(Serialize, ToSchema)]
struct Authenticated {
    authenticated: bool,
    user: CurrentUser,
    organisation: Organisation,
}

#[derive(Serialize, ToSchema)]
struct Renewed {
    access_token: String,
}

#[derive(Serialize, ToSchema)]
struct LoggedOut {
    logout: bool,
}

const ORGANISATION: Organisation = Organisation {
    id: "e8a1a2f6-7a55-4a3c-8a41-0d1b0b0f5a10",
    name: "Demo Studio",
    kind: "Organisation",
};

impl CurrentUser {
    fn new(person: &Person, factors: &Factors) -> Self {
        Self {
            person: person.clone(),
            totp_enabled: factors.totp_enabled,
            email_otp_enabled: factors.email_otp_enabled,
            fido_enabled: !factors.devices.is_empty(),
            fido_devices: factors.devices.iter().map(|it| it.name.clone()).collect(),
            preferred_two_factor_authentication: factors.preferred,
        }
    }
}

/// Trades an e-mail address, a password and perhaps a second factor for an access and a refresh token.
#[utoipa::path(post, path = "/auth/login", request_body = Login,
    responses((status = 200, body = LoggedIn), (status = 400), (status = 401), (status = 503)))]
async fn login(
    State(kitsu): State<Kitsu>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(login): Body<Login>,
) -> Result<Json<LoggedIn>, ApiError> {
    let email = normal(&login.email);
    if email.is_empty() {
        return Err(ApiError::validation("email", "Field required."));
    }
    let now = kitsu.clock.now();
    kitsu.begin_guess(&email, from.ip()).await?;
    let account = kitsu.people.by_email(&email).await?;
    let kept = account.as_ref().and_then(|it| it.password.as_deref());
    let is_right = kitsu.passwords.is_right(kept, &login.password).await;
    let Some(account) = account.filter(|_| is_right) else {
        return Err(ApiError::wrong_password());
    };
    let person = account.person;
    if !person.active {
        kitsu.attempts.undecided(&email, from.ip()).await?;
        return Err(ApiError::inactive());
    }
    if kitsu.judge(&person, from.ip(), &login.proof).await? == Outcome::Missing {
        let factors = kitsu.factors.of(&person.id).await?;
        let mut enabled = factors.enabled();
        enabled.push(Kind::RecoveryCode);
        return Err(ApiError::missing_otp(factors.preferred, &enabled));
    }
    let factors = kitsu.factors.of(&person.id).await?;
    let tokens = kitsu.tokens.begin(&person, now)?;
    Ok(Json(LoggedIn {
        login: true,
        user: CurrentUser::new(&person, &factors),
        organisation: ORGANISATION,
        access_token: tokens.access,
        refresh_token: tokens.refresh,
    }))
}

/// Who one is.
#[utoipa::path(get, path = "/auth/authenticated", security(("bearer" = [])),
    responses((status = 200, body = Authenticated), Guarded))]
async fn authenticated(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
) -> Result<Json<Authenticated>, ApiError> {
    let factors = kitsu.factors.of(user.subject()).await?;
    Ok(Json(Authenticated {
        authenticated: true,
        user: CurrentUser::new(person(&user)?, &factors),
        organisation: ORGANISATION,
    }))
}

/// Another access token, for a refresh token.
#[utoipa::path(get, path = "/auth/refresh-token", security(("bearer" = [])),
    responses((status = 200, body = Renewed), Guarded))]
async fn refresh_token(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
) -> Result<Json<Renewed>, ApiError> {
    let access_token = kitsu.tokens.renew(&user, kitsu.clock.now())?;
    Ok(Json(Renewed { access_token }))
}

/// Ends the session, and no other.
#[utoipa::path(get, path = "/auth/logout", security(("bearer" = [])),
    responses((status = 200, body = LoggedOut), Guarded))]
async fn logout(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
) -> Result<Json<LoggedOut>, ApiError> {
    kitsu.tokens.end(&user).await?;
    Ok(Json(LoggedOut { logout: true }))
}

/// Guesses: of passwords, and of second factors.
impl Kitsu {
    /// Counts a guess as wrong until it turns out otherwise.
    pub async fn begin_guess(&self, email: &str, from: IpAddr) -> Result<(), ApiError> {
        match self.attempts.begin(email, from).await? {
            Verdict::Open => Ok(()),
            Verdict::Locked => Err(ApiError::too_many_attempts()),
        }
    }

    /// Judges the second factor of a guess that has begun. A wrong one is an error.
    pub async fn judge(
        &self,
        person: &Person,
        from: IpAddr,
        proof: &Proof,
    ) -> Result<Outcome, ApiError> {
        let now = self.clock.now();
        let outcome = self.factors.check(&person.id, proof, now).await?;
        match outcome {
            Outcome::Wrong => return Err(ApiError::wrong_otp()),
            // That a password was right forgives no wrong code.
            Outcome::Missing => self.attempts.undecided(&person.email, from).await?,
            Outcome::NotNeeded | Outcome::Right => self.attempts.right(&person.email, from).await?,
        }
        Ok(outcome)
    }
}
