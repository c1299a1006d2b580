//! `auth/totp`, `auth/email-otp` and `auth/recovery-codes`: second factors come and go.
//!
//! One is removed only against a proof of a second factor, be it another.

#![allow(unused_qualifications, reason = "in what utoipa writes")]

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use common::StartError;
use serde::{Deserialize, Serialize};
use tower_bearer::AuthenticatedUser;
use tower_bearer::clock::Clock;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Kitsu;
use crate::codes::{Code, fresh_email_code, fresh_recovery_codes, provisioning_uri};
use crate::error::{ApiError, Body, Guarded, Query};
use crate::people::{Person, normal};
use crate::second_factor::{Factors, Kind, Outcome, Proof};
use crate::sessions::people_only;
use crate::tokens::person;

/// What somebody who is about to log in asks for.
pub fn public() -> OpenApiRouter<Kitsu> {
    OpenApiRouter::new().routes(routes!(send_email_otp))
}

pub fn guarded() -> Result<OpenApiRouter<Kitsu>, StartError> {
    Ok(OpenApiRouter::new()
        .routes(routes!(begin_totp, enable_totp, remove_totp))
        .routes(routes!(begin_email_otp, enable_email_otp, remove_email_otp))
        .routes(routes!(renew_recovery_codes, remove_recovery_codes))
        .route_layer(people_only()?))
}

#[derive(Serialize, ToSchema)]
pub struct Success {
    success: bool,
}

pub const SUCCESS: Json<Success> = Json(Success { success: true });

#[derive(Serialize, ToSchema)]
struct TotpSecret {
    totp_provisionning_uri: Option<String>,
    otp_secret: String,
}

#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Shown once; `null` where there are some already.
    pub otp_recovery_codes: Option<Vec<String>>,
}

#[derive(Deserialize, ToSchema)]
struct Totp {
    totp: Code,
}

#[derive(Deserialize, ToSchema)]
struct EmailOtp {
    email_otp: Code,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Address {
    pub email: String,
}

/// A secret for an authenticator app, which is not asked for until it is enabled.
#[utoipa::path(put, path = "/auth/totp", security(("bearer" = [])),
    responses((status = 200, body = TotpSecret), (status = 400), Guarded))]
async fn begin_totp(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
) -> Result<Json<TotpSecret>, ApiError> {
    let begin = |factors: &mut Factors| (!factors.totp_enabled).then(|| factors.begin_totp());
    let secret = kitsu.factors.change(user.subject(), begin).await?;
    let otp_secret = secret.ok_or_else(|| ApiError::bad_request("TOTP already enabled."))?;
    Ok(Json(TotpSecret {
        totp_provisionning_uri: provisioning_uri(&otp_secret, &person(&user)?.email),
        otp_secret,
    }))
}

/// Enables TOTP, against a code of the secret.
#[utoipa::path(post, path = "/auth/totp", request_body = Totp, security(("bearer" = [])),
    responses((status = 200, body = RecoveryCodes), (status = 400), Guarded))]
async fn enable_totp(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
    Body(Totp { totp }): Body<Totp>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let (now, fresh) = (kitsu.clock.now(), fresh_recovery_codes()?);
    let enabled = kitsu.factors.change(user.subject(), |factors| {
        if factors.totp_enabled {
            return Err(ApiError::bad_request("TOTP already enabled."));
        }
        if !factors.accept_totp(&totp, now) {
            return Err(ApiError::wrong_otp());
        }
        factors.totp_enabled = true;
        Ok(factors.enabled_one(Kind::Totp, &fresh))
    });
    let otp_recovery_codes = enabled.await??;
    Ok(Json(RecoveryCodes { otp_recovery_codes }))
}

/// Removes TOTP.
#[utoipa::path(delete, path = "/auth/totp", request_body = Proof, security(("bearer" = [])),
    responses((status = 200, body = Success), (status = 400), Guarded))]
async fn remove_totp(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(proof): Body<Proof>,
) -> Result<Json<Success>, ApiError> {
    if !kitsu.factors.of(user.subject()).await?.totp_enabled {
        return Err(ApiError::bad_request("TOTP not enabled."));
    }
    kitsu.prove(person(&user)?, from, &proof).await?;
    let remove = Factors::remove_totp;
    kitsu.factors.change(user.subject(), remove).await?;
    Ok(SUCCESS)
}

/// Sends a code to somebody who is about to log in. Whether there is such an account is not told.
#[utoipa::path(get, path = "/auth/email-otp", params(Address),
    responses((status = 200, body = Success), (status = 400), (status = 503)))]
async fn send_email_otp(
    State(kitsu): State<Kitsu>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Query(Address { email }): Query<Address>,
) -> Result<Json<Success>, ApiError> {
    let email = normal(&email);
    // A mailbox is not to be flooded.
    kitsu
        .begin_guess(&format!("mail to {email}"), from.ip())
        .await?;
    if let Some(account) = kitsu.people.by_email(&email).await? {
        let factors = kitsu.factors.of(&account.person.id).await?;
        if factors.email_otp_enabled {
            kitsu.send_code(&account.person).await?;
        }
    }
    Ok(SUCCESS)
}

/// Sends a first code.
#[utoipa::path(put, path = "/auth/email-otp", security(("bearer" = [])),
    responses((status = 200, body = Success), (status = 400), Guarded))]
async fn begin_email_otp(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
) -> Result<Json<Success>, ApiError> {
    if kitsu.factors.of(user.subject()).await?.email_otp_enabled {
        return Err(ApiError::bad_request("OTP by email already enabled."));
    }
    kitsu.send_code(person(&user)?).await?;
    Ok(SUCCESS)
}

/// Enables codes by e-mail, against the first one.
#[utoipa::path(post, path = "/auth/email-otp", request_body = EmailOtp, security(("bearer" = [])),
    responses((status = 200, body = RecoveryCodes), (status = 400), Guarded))]
async fn enable_email_otp(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(EmailOtp { email_otp }): Body<EmailOtp>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let (now, fresh) = (kitsu.clock.now(), fresh_recovery_codes()?);
    let email = &person(&user)?.email;
    kitsu.begin_guess(email, from.ip()).await?;
    let enabled = kitsu.factors.change(user.subject(), |factors| {
        if factors.email_otp_enabled {
            return Err(ApiError::bad_request("OTP by email already enabled."));
        }
        if !factors.accept_email_code(&email_otp, now) {
            return Err(ApiError::wrong_otp());
        }
        factors.email_otp_enabled = true;
        Ok(factors.enabled_one(Kind::EmailOtp, &fresh))
    });
    let otp_recovery_codes = enabled.await??;
    kitsu.attempts.right(email, from.ip()).await?;
    Ok(Json(RecoveryCodes { otp_recovery_codes }))
}

/// Removes codes by e-mail.
#[utoipa::path(delete, path = "/auth/email-otp", request_body = Proof, security(("bearer" = [])),
    responses((status = 200, body = Success), (status = 400), Guarded))]
async fn remove_email_otp(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(proof): Body<Proof>,
) -> Result<Json<Success>, ApiError> {
    if !kitsu.factors.of(user.subject()).await?.email_otp_enabled {
        return Err(ApiError::bad_request("OTP by email not enabled."));
    }
    kitsu.prove(person(&user)?, from, &proof).await?;
    let remove = Factors::remove_email;
    kitsu.factors.change(user.subject(), remove).await?;
    Ok(SUCCESS)
}

/// New recovery codes, in place of those there were.
#[utoipa::path(put, path = "/auth/recovery-codes", request_body = Proof, security(("bearer" = [])),
    responses((status = 200, body = RecoveryCodes), (status = 400), Guarded))]
async fn renew_recovery_codes(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(proof): Body<Proof>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    kitsu.prove(person(&user)?, from, &proof).await?;
    let fresh = fresh_recovery_codes()?;
    let give = |factors: &mut Factors| factors.give_recovery_codes(&fresh);
    let otp_recovery_codes = Some(kitsu.factors.change(user.subject(), give).await?);
    Ok(Json(RecoveryCodes { otp_recovery_codes }))
}

/// Removes the recovery codes.
#[utoipa::path(delete, path = "/auth/recovery-codes", request_body = Proof, security(("bearer" = [])),
    responses((status = 200, body = Success), (status = 400), Guarded))]
async fn remove_recovery_codes(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(proof): Body<Proof>,
) -> Result<Json<Success>, ApiError> {
    kitsu.prove(person(&user)?, from, &proof).await?;
    let drop = Factors::drop_recovery_codes;
    kitsu.factors.change(user.subject(), drop).await?;
    Ok(SUCCESS)
}

impl Kitsu {
    /// Asks for a second factor of somebody who is logged in.
    pub async fn prove(
        &self,
        person: &Person,
        from: SocketAddr,
        proof: &Proof,
    ) -> Result<(), ApiError> {
        if !self.factors.of(&person.id).await?.is_on() {
            return Err(ApiError::bad_request(
                "No two factor authentication enabled.",
            ));
        }
        self.begin_guess(&person.email, from.ip()).await?;
        match self.judge(person, from.ip(), proof).await? {
            Outcome::Right => Ok(()),
            _ => Err(ApiError::wrong_otp()),
        }
    }

    async fn send_code(&self, person: &Person) -> Result<(), ApiError> {
        let (code, now) = (fresh_email_code()?, self.clock.now());
        let keep = |factors: &mut Factors| factors.send_email_code(&code, now);
        self.factors.change(&person.id, keep).await?;
        let text = format!("Your verification code is {code}. It is good for five minutes, once.");
        let sent = self
            .mail
            .send(&person.email, "Your verification code", &text);
        sent.await.map_err(|error| ApiError::internal(&error))
    }
}
