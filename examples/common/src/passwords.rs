use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::StartError;

/// Each check takes 19 MiB for a while, so a flood of logins must not have them all at once.
const AT_ONCE: usize = 4;

/// Passwords under Argon2id, with the parameters that OWASP names first.
#[derive(Debug, Clone)]
pub struct Passwords {
    at_once: Arc<Semaphore>,
    /// Of nobody's password: checked where there is no account, so that this takes as long.
    nobodys: Arc<str>,
}

impl Passwords {
    /// # Errors
    /// If the system has no randomness to give.
    pub fn new() -> Result<Self, StartError> {
        Ok(Self {
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            nobodys: hash("nobody's")?.into(),
        })
    }

    /// What to keep of a password.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub async fn hash(&self, password: &str) -> Result<String, StartError> {
        let _place = self.at_once.acquire().await?;
        let password = password.to_owned();
        spawn_blocking(move || hash(&password)).await?
    }

    /// Whether this is the password of the account whose hash was kept; `None` is no account, and never is.
    pub async fn is_right(&self, kept: Option<&str>, password: &str) -> bool {
        let Ok(_place) = self.at_once.acquire().await else {
            return false;
        };
        let is_somebodys = kept.is_some();
        let kept = kept.unwrap_or(&self.nobodys).to_owned();
        let password = password.to_owned();
        let is_right = spawn_blocking(move || {
            PasswordHash::new(&kept).is_ok_and(|kept| {
                let verified = Argon2::default().verify_password(password.as_bytes(), &kept);
                verified.is_ok()
            })
        });
        is_right.await.unwrap_or(false) && is_somebodys
    }
}

fn hash(password: &str) -> Result<String, StartError> {
    let hashed = Argon2::default().hash_password(password.as_bytes());
    Ok(hashed.map_err(|error| error.to_string())?.to_string())
}
