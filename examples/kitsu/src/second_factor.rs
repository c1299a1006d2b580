//! Second factors, as the store keeps them: what an account has, and whether a proof is good.
//!
//! - **Precedence.** Where several proofs arrive at once, the first of TOTP, e-mail code, FIDO and recovery code
//!   that was both sent and enabled decides alone; the others are not looked at, and not used up.
//! - **TOTP** (RFC 6238) is good in its own time step of 30 seconds, the one before and the one after. Once a
//!   code was accepted, be it at a login or to enable or remove a factor, neither it nor an older one is again.
//! - **E-mail codes** are good for five minutes and once; the next one that is sent ends the one before.
//! - **Recovery codes** are good once. Of each a digest is kept.

use common::{Change, Kv, KvError, StartError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_bearer::clock::Timestamp;
use utoipa::ToSchema;

use crate::codes::{Code, digest, fresh_secret, totp};
use crate::error::ApiError;
use crate::fido::{Device, Fido};

const FACTORS: &str = "factors";
const EMAIL_CODE_SECS: i64 = 5 * 60;

/// A kind of second factor, in the order in which they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Totp,
    EmailOtp,
    Fido,
    RecoveryCode,
}

/// Proofs of a second factor. A field that is `null` or empty is none.
#[derive(Default, Deserialize, ToSchema)]
pub struct Proof {
    pub totp: Option<Code>,
    pub email_otp: Option<Code>,
    /// What `navigator.credentials.get` gave, as JSON.
    #[schema(value_type = Option<Object>)]
    pub fido_authentication_response: Option<Value>,
    pub recovery_code: Option<String>,
}

/// What an account has.
#[derive(Default, Clone, Serialize, Deserialize)]
pub struct Factors {
    /// Base32. There before it is enabled.
    pub totp_secret: Option<String>,
    pub totp_enabled: bool,
    /// The last time step whose code was accepted.
    totp_used: Option<u64>,
    pub email_otp_enabled: bool,
    email_code: Option<EmailCode>,
    pub devices: Vec<Device>,
    recovery: Vec<String>,
    pub preferred: Option<Kind>,
}

#[derive(Clone, Serialize, Deserialize)]
struct EmailCode {
    code: String,
    /// In seconds since the epoch.
    until: i64,
}

/// What a proof came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The account has no second factor.
    NotNeeded,
    /// None of those that the account has was sent.
    Missing,
    Wrong,
    Right,
}

/// The factors of everybody.
#[derive(Clone)]
pub struct SecondFactors {
    kv: Kv,
    pub fido: Fido,
}

impl SecondFactors {
    pub fn new(kv: &Kv) -> Result<Self, StartError> {
        Ok(Self {
            kv: kv.clone(),
            fido: Fido::new(kv)?,
        })
    }

    pub async fn of(&self, id: &str) -> Result<Factors, KvError> {
        Ok(self.kv.get(FACTORS, id).await?.unwrap_or_default())
    }

    /// Changes what an account has, and nobody else does in between: a code that two processes are given at
    /// once is accepted by one of them.
    pub async fn change<R>(
        &self,
        id: &str,
        mut edit: impl FnMut(&mut Factors) -> R,
    ) -> Result<R, KvError> {
        let put = |factors: Option<Factors>| {
            let mut factors = factors.unwrap_or_default();
            let result = edit(&mut factors);
            (Change::Put(factors), result)
        };
        self.kv.update(FACTORS, id, put).await
    }

    /// Judges a proof, and uses up what may be used once.
    pub async fn check(
        &self,
        id: &str,
        proof: &Proof,
        now: Timestamp,
    ) -> Result<Outcome, ApiError> {
        let factors = self.of(id).await?;
        if !factors.is_on() {
            return Ok(Outcome::NotNeeded);
        }
        let right = match factors.deciding(proof) {
            None => return Ok(Outcome::Missing),
            Some(Kind::Fido) => {
                let response = proof.fido_authentication_response.as_ref();
                let passed = self.fido.verify(id, response, now).await?;
                let count_on = |factors: &mut Factors| {
                    let passed = passed.as_ref()?;
                    let mut devices = factors.devices.iter_mut();
                    devices.find_map(|device| device.key.update_credential(passed))
                };
                self.change(id, count_on).await?.is_some()
            }
            Some(kind) => {
                let accept = |factors: &mut Factors| match factors.deciding(proof) {
                    Some(now_deciding) if now_deciding == kind => factors.accept(kind, proof, now),
                    _ => false,
                };
                self.change(id, accept).await?
            }
        };
        Ok(if right {
            Outcome::Right
        } else {
            Outcome::Wrong
        })
    }

    pub async fn forget(&self, id: &str) -> Result<(), KvError> {
        self.fido.forget(id).await?;
        self.kv.delete(FACTORS, id).await
    }
}

impl Factors {
    /// Those that are enabled, recovery codes aside.
    pub fn enabled(&self) -> Vec<Kind> {
        let all = [
            (Kind::Totp, self.totp_enabled),
            (Kind::EmailOtp, self.email_otp_enabled),
            (Kind::Fido, !self.devices.is_empty()),
        ];
        let enabled = all.into_iter().filter(|(_, is_on)| *is_on);
        enabled.map(|(kind, _)| kind).collect()
    }

    pub fn is_on(&self) -> bool {
        !self.enabled().is_empty()
    }

    /// Which of the proofs decides.
    fn deciding(&self, proof: &Proof) -> Option<Kind> {
        let sent = |code: &Option<Code>| code.as_ref().is_some_and(|code| !code.0.is_empty());
        let enabled = self.enabled();
        let is_sent = |kind: &Kind| match kind {
            Kind::Totp => sent(&proof.totp),
            Kind::EmailOtp => sent(&proof.email_otp),
            Kind::Fido => proof.fido_authentication_response.is_some(),
            Kind::RecoveryCode => false,
        };
        let recovers = proof
            .recovery_code
            .as_ref()
            .is_some_and(|code| !code.is_empty());
        let deciding = enabled.into_iter().find(is_sent);
        deciding.or(recovers.then_some(Kind::RecoveryCode))
    }

    fn accept(&mut self, kind: Kind, proof: &Proof, now: Timestamp) -> bool {
        match (kind, &proof.totp, &proof.email_otp, &proof.recovery_code) {
            (Kind::Totp, Some(code), _, _) => self.accept_totp(code, now),
            (Kind::EmailOtp, _, Some(code), _) => self.accept_email_code(code, now),
            (Kind::RecoveryCode, _, _, Some(code)) => self.accept_recovery_code(code),
            _ => false,
        }
    }

    pub fn accept_totp(&mut self, code: &Code, now: Timestamp) -> bool {
        let Some(totp) = self.totp_secret.as_deref().and_then(totp) else {
            return false;
        };
        let secs = u64::try_from(now.as_unix_secs()).unwrap_or(0);
        let step = totp.check(&code.0, secs);
        match step.filter(|step| self.totp_used.is_none_or(|used| *step > used)) {
            Some(step) => {
                self.totp_used = Some(step);
                true
            }
            None => false,
        }
    }

    pub fn accept_email_code(&mut self, code: &Code, now: Timestamp) -> bool {
        let is_right = self
            .email_code
            .as_ref()
            .is_some_and(|sent| sent.code == code.0 && now.as_unix_secs() < sent.until);
        if is_right {
            self.email_code = None;
        }
        is_right
    }

    fn accept_recovery_code(&mut self, code: &str) -> bool {
        let digest = digest(code);
        let place = self.recovery.iter().position(|kept| *kept == digest);
        place.map(|place| self.recovery.remove(place)).is_some()
    }

    pub fn begin_totp(&mut self) -> String {
        let secret = fresh_secret();
        self.totp_secret = Some(secret.clone());
        self.totp_used = None;
        secret
    }

    pub fn send_email_code(&mut self, code: &str, now: Timestamp) {
        let until = now.as_unix_secs().saturating_add(EMAIL_CODE_SECS);
        let code = code.to_owned();
        self.email_code = Some(EmailCode { code, until });
    }

    /// After a factor was enabled: recovery codes, if there were none.
    pub fn enabled_one(&mut self, kind: Kind, fresh: &[String]) -> Option<Vec<String>> {
        self.preferred = self.preferred.or(Some(kind));
        self.recovery
            .is_empty()
            .then(|| self.give_recovery_codes(fresh))
    }

    /// New recovery codes, in place of those there were.
    pub fn give_recovery_codes(&mut self, fresh: &[String]) -> Vec<String> {
        self.recovery = fresh.iter().map(|code| digest(code)).collect();
        fresh.to_vec()
    }

    pub fn drop_recovery_codes(&mut self) {
        self.recovery.clear();
    }

    /// After a factor was removed: with the last one the recovery codes go too.
    pub fn removed_one(&mut self) {
        let enabled = self.enabled();
        if enabled.is_empty() {
            *self = Self::default();
        } else if self.preferred.is_none_or(|kind| !enabled.contains(&kind)) {
            self.preferred = enabled.first().copied();
        }
    }

    pub fn remove_totp(&mut self) {
        self.totp_enabled = false;
        self.totp_secret = None;
        self.removed_one();
    }

    pub fn remove_email(&mut self) {
        self.email_otp_enabled = false;
        self.email_code = None;
        self.removed_one();
    }
}
