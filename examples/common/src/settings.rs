use std::env;

use tower_bearer::issue::SigningKey;
use tower_bearer::keys::Algorithm;

use crate::StartError;
use crate::clock::ServerClock;

/// What a server is told by its environment. Nothing has a default that is a secret.
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `LISTEN` | address and port | `127.0.0.1:8080` |
/// | `JWT_SECRET` | the HS256 secret, of 32 bytes at least | a random one for this run |
/// | `STORE` | `memory`, `sqlite:PATH`, `postgres://…` or `redis://…` | `memory` |
/// | `TEST_CLOCK` | `1`: `POST /test-clock` moves the clock | the clock stays the system's |
#[derive(Debug)]
pub struct Settings {
    pub(crate) listen: String,
    pub(crate) store: String,
    jwt_key: SigningKey,
    clock: ServerClock,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// If a variable cannot be used.
    pub fn from_env() -> Result<Self, StartError> {
        let value = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let jwt_key = match value("JWT_SECRET") {
            Some(secret) => SigningKey::from_secret(Algorithm::HS256, secret.as_bytes())
                .map_err(|error| format!("JWT_SECRET: {error}"))?,
            None => SigningKey::generate(Algorithm::HS256)?,
        };
        Ok(Self {
            listen: value("LISTEN").unwrap_or("127.0.0.1:8080".into()),
            store: value("STORE").unwrap_or("memory".into()),
            jwt_key,
            clock: ServerClock::new(value("TEST_CLOCK").as_deref() == Some("1")),
        })
    }

    /// The key that signs JWTs, and checks them.
    #[must_use]
    pub fn jwt_key(&self) -> SigningKey {
        self.jwt_key.clone()
    }

    /// The clock that everything in this server goes by.
    #[must_use]
    pub fn clock(&self) -> ServerClock {
        self.clock.clone()
    }
}
