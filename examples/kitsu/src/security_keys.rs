//! `auth/fido`: security keys come and go.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use common::StartError;
use serde::Deserialize;
use serde_json::Value;
use tower_bearer::AuthenticatedUser;
use tower_bearer::clock::Clock;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Kitsu;
use crate::codes::fresh_recovery_codes;
use crate::enrolment::{Address, RecoveryCodes, SUCCESS, Success};
use crate::error::{ApiError, Body, Guarded, Query};
use crate::fido::Device;
use crate::people::normal;
use crate::second_factor::{Factors, Kind, Proof};
use crate::sessions::people_only;
use crate::tokens::person;

pub fn public() -> OpenApiRouter<Kitsu> {
    OpenApiRouter::new().routes(routes!(challenge_fido))
}

pub fn guarded() -> Result<OpenApiRouter<Kitsu>, StartError> {
    let fido = routes!(begin_fido, enable_fido, remove_fido);
    Ok(OpenApiRouter::new()
        .routes(fido)
        .route_layer(people_only()?))
}

#[derive(Deserialize, ToSchema)]
struct NewDevice {
    /// What `navigator.credentials.create` gave, as JSON.
    #[schema(value_type = Object)]
    registration_response: Value,
    device_name: String,
}

#[derive(Deserialize, ToSchema)]
struct OldDevice {
    device_name: String,
    #[serde(flatten)]
    proof: Proof,
}

/// What the browser is to have signed, for somebody who is about to log in.
#[utoipa::path(get, path = "/auth/fido", params(Address),
    responses((status = 200, body = Object), (status = 400), (status = 503)))]
async fn challenge_fido(
    State(kitsu): State<Kitsu>,
    Query(Address { email }): Query<Address>,
) -> Result<Json<Value>, ApiError> {
    let not_enabled = || ApiError::bad_request("FIDO not enabled.");
    let account = kitsu.people.by_email(&normal(&email)).await?;
    let id = account.ok_or_else(not_enabled)?.person.id;
    let devices = kitsu.factors.of(&id).await?.devices;
    if devices.is_empty() {
        return Err(not_enabled());
    }
    let now = kitsu.clock.now();
    Ok(Json(
        kitsu.factors.fido.challenge(&id, &devices, now).await?,
    ))
}

/// What the browser is to make a credential by.
#[utoipa::path(put, path = "/auth/fido", security(("bearer" = [])),
    responses((status = 200, body = Object), (status = 400), Guarded))]
async fn begin_fido(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
) -> Result<Json<Value>, ApiError> {
    let devices = kitsu.factors.of(user.subject()).await?.devices;
    let (fido, now) = (&kitsu.factors.fido, kitsu.clock.now());
    Ok(Json(
        fido.begin_enrolment(person(&user)?, &devices, now).await?,
    ))
}

/// Enrols a security key.
#[utoipa::path(post, path = "/auth/fido", request_body = NewDevice, security(("bearer" = [])),
    responses((status = 200, body = RecoveryCodes), (status = 400), Guarded))]
async fn enable_fido(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
    Body(new): Body<NewDevice>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let (id, now, fresh) = (user.subject(), kitsu.clock.now(), fresh_recovery_codes()?);
    let fido = &kitsu.factors.fido;
    let enrolled = fido.finish_enrolment(id, &new.registration_response, now);
    let key = enrolled.await?;
    let key = key.ok_or_else(|| ApiError::bad_request("No preregistration before."))?;
    let enabled = kitsu.factors.change(id, |factors| {
        let mut devices = factors.devices.iter();
        if devices.any(|device| device.name == new.device_name || device.key == key) {
            return Err(ApiError::bad_request("There is such a device already."));
        }
        let (name, key) = (new.device_name.clone(), key.clone());
        factors.devices.push(Device { name, key });
        Ok(factors.enabled_one(Kind::Fido, &fresh))
    });
    let otp_recovery_codes = enabled.await??;
    kitsu.factors.fido.forget(id).await?;
    Ok(Json(RecoveryCodes { otp_recovery_codes }))
}

/// Removes a security key.
#[utoipa::path(delete, path = "/auth/fido", request_body = OldDevice, security(("bearer" = [])),
    responses((status = 200, body = Success), (status = 400), Guarded))]
async fn remove_fido(
    user: AuthenticatedUser,
    State(kitsu): State<Kitsu>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(old): Body<OldDevice>,
) -> Result<Json<Success>, ApiError> {
    let id = user.subject();
    let devices = kitsu.factors.of(id).await?.devices;
    if !devices.iter().any(|device| device.name == old.device_name) {
        return Err(ApiError::bad_request("FIDO not enabled."));
    }
    kitsu.prove(person(&user)?, from, &old.proof).await?;
    let remove = |factors: &mut Factors| {
        factors
            .devices
            .retain(|device| device.name != old.device_name);
        factors.removed_one();
    };
    kitsu.factors.change(id, remove).await?;
    kitsu.factors.fido.forget(id).await?;
    Ok(SUCCESS)
}
