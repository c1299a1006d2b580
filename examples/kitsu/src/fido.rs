//! Security keys, by the ceremonies of WebAuthn.

use std::env;
use std::sync::Arc;

use common::{Change, Kv, KvError, StartError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower_bearer::clock::Timestamp;
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    AuthenticationResult, SecurityKey, SecurityKeyAuthentication, SecurityKeyRegistration,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::error::ApiError;
use crate::people::Person;

const CEREMONIES: &str = "ceremonies";
/// For so long a challenge is good.
const GOOD_SECS: i64 = 5 * 60;
/// For so long it is given again, so that nobody who asks for another ends a ceremony that is under way.
const SAME_SECS: i64 = 4 * 60;

/// A security key that somebody has enrolled.
#[derive(Clone, Serialize, Deserialize)]
pub struct Device {
    pub name: String,
    pub key: SecurityKey,
}

/// A ceremony that has begun.
#[derive(Clone, Serialize, Deserialize)]
struct Begun<S> {
    /// What the browser was told.
    options: Value,
    state: S,
    /// In seconds since the epoch.
    at: i64,
}

#[derive(Clone)]
pub struct Fido {
    webauthn: Arc<Webauthn>,
    kv: Kv,
}

impl Fido {
    /// For pages of `ORIGIN`, on any port: `http://localhost` unless set.
    ///
    /// # Errors
    /// If `ORIGIN` is none.
    pub fn new(kv: &Kv) -> Result<Self, StartError> {
        let origin = env::var("ORIGIN").unwrap_or("http://localhost".into());
        let url: Url = origin
            .parse()
            .map_err(|error| format!("ORIGIN {origin}: {error}"))?;
        let id = url.domain().ok_or("ORIGIN: it has no domain")?;
        let builder = WebauthnBuilder::new(id, &url)?;
        let webauthn = builder.rp_name("Kitsu").allow_any_port(true).build()?;
        Ok(Self {
            webauthn: Arc::new(webauthn),
            kv: kv.clone(),
        })
    }

    /// What the browser is to make a credential by.
    pub async fn begin_enrolment(
        &self,
        person: &Person,
        devices: &[Device],
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        let id: Uuid = person.id.parse().map_err(|e| ApiError::internal(&e))?;
        let known = devices.iter().map(|device| device.key.cred_id().clone());
        let known = Some(known.collect());
        let (email, name) = (&person.email, &person.full_name);
        let begun = self
            .webauthn
            .start_securitykey_registration(id, email, name, known, None, None);
        let (mut options, state) = begun.map_err(|error| ApiError::internal(&error))?;
        // Browsers refuse to protect a credential by more than the verification that is asked for.
        options.public_key.extensions = None;
        let begun = Begun {
            options: json!(options.public_key),
            state,
            at: now.as_unix_secs(),
        };
        let put = |_: Option<Value>| (Change::Put(json!(begun)), ());
        self.kv
            .update(CEREMONIES, &enrolment(&person.id), put)
            .await?;
        Ok(begun.options)
    }

    /// The key that the browser made. `None` if no ceremony has begun.
    pub async fn finish_enrolment(
        &self,
        id: &str,
        response: &Value,
        now: Timestamp,
    ) -> Result<Option<SecurityKey>, ApiError> {
        let begun = self
            .take::<SecurityKeyRegistration>(&enrolment(id), now)
            .await?;
        let Some(state) = begun else { return Ok(None) };
        let wrong = || ApiError::validation("registration_response", "It is not good.");
        let response = serde_json::from_value(response.clone()).map_err(|_| wrong())?;
        let key = self
            .webauthn
            .finish_securitykey_registration(&response, &state);
        Ok(Some(key.map_err(|error| {
            tracing::info!("a security key was not enrolled: {error}");
            wrong()
        })?))
    }

    /// What the browser is to have signed.
    pub async fn challenge(
        &self,
        id: &str,
        devices: &[Device],
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        let keys: Vec<_> = devices.iter().map(|device| device.key.clone()).collect();
        let begun = self.webauthn.start_securitykey_authentication(&keys);
        let (options, state) = begun.map_err(|error| ApiError::internal(&error))?;
        let fresh = Begun {
            options: json!(options.public_key),
            state,
            at: now.as_unix_secs(),
        };
        let put = |begun: Option<Begun<SecurityKeyAuthentication>>| match begun {
            Some(begun) if is_within(&begun, SAME_SECS, now) => (Change::Keep, begun.options),
            _ => (Change::Put(fresh.clone()), fresh.options.clone()),
        };
        Ok(self.kv.update(CEREMONIES, &login(id), put).await?)
    }

    /// Whether the response to the last challenge is good. The challenge is used up.
    pub async fn verify(
        &self,
        id: &str,
        response: Option<&Value>,
        now: Timestamp,
    ) -> Result<Option<AuthenticationResult>, ApiError> {
        let Some(response) = response.and_then(|it| serde_json::from_value(it.clone()).ok()) else {
            return Ok(None);
        };
        let begun = self
            .take::<SecurityKeyAuthentication>(&login(id), now)
            .await?;
        let Some(state) = begun else { return Ok(None) };
        let passed = self
            .webauthn
            .finish_securitykey_authentication(&response, &state);
        Ok(passed
            .inspect_err(|error| tracing::info!("a security key was refused: {error}"))
            .ok())
    }

    /// Ends what has begun for somebody.
    pub async fn forget(&self, id: &str) -> Result<(), KvError> {
        self.kv.delete(CEREMONIES, &enrolment(id)).await?;
        self.kv.delete(CEREMONIES, &login(id)).await
    }

    /// Ends a ceremony, here and in every other process. Its state, if it is not too old.
    async fn take<S>(&self, key: &str, now: Timestamp) -> Result<Option<S>, ApiError>
    where
        S: Serialize + serde::de::DeserializeOwned,
    {
        let take = |begun: Option<Begun<S>>| (Change::Delete, begun);
        let begun = self.kv.update(CEREMONIES, key, take).await?;
        let begun = begun.filter(|begun| is_within(begun, GOOD_SECS, now));
        Ok(begun.map(|begun| begun.state))
    }
}

fn is_within<S>(begun: &Begun<S>, secs: i64, now: Timestamp) -> bool {
    now.as_unix_secs() < begun.at.saturating_add(secs)
}

fn enrolment(id: &str) -> String {
    format!("{id} enrolment")
}

fn login(id: &str) -> String {
    format!("{id} login")
}
