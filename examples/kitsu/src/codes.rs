//! The codes of second factors: read, checked and made.

use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Secret, Totp};
use utoipa::ToSchema;

use crate::error::ApiError;

const RECOVERY_CODES: usize = 16;
/// 32 signs that are not taken for one another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Six digits, as a text or as a number, which has lost the noughts before it.
#[derive(Clone, PartialEq, ToSchema)]
#[schema(value_type = String, example = "123456")]
pub struct Code(pub String);

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Sent {
            Number(u32),
            Text(String),
        }
        Ok(Self(match Sent::deserialize(from)? {
            Sent::Number(number) => format!("{number:06}"),
            Sent::Text(text) => text.trim().to_owned(),
        }))
    }
}

/// The codes of a secret: those beside the present time step are good too.
pub fn totp(secret: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    Builder::new().with_secret(secret).with_skew(1).build().ok()
}

/// A secret in Base32.
pub fn fresh_secret() -> String {
    Secret::generate().to_base32()
}

/// What an authenticator app reads from a picture.
pub fn provisioning_uri(secret: &str, email: &str) -> Option<String> {
    let secret = Secret::try_from_base32(secret).ok()?;
    let named = Builder::new().with_secret(secret).with_account_name(email);
    named.with_issuer(Some("Kitsu")).build().ok()?.to_url().ok()
}

/// Recovery codes have 80 random bits, so that no slow hash is needed.
pub fn digest(code: &str) -> String {
    let signs: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    let digest = Sha256::digest(signs.to_ascii_uppercase());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn fresh_recovery_codes() -> Result<Vec<String>, ApiError> {
    let one = || {
        let mut code = String::new();
        for (place, byte) in random::<16>()?.into_iter().enumerate() {
            if place > 0 && place % 4 == 0 {
                code.push('-');
            }
            code.push(char::from(ALPHABET[usize::from(byte % 32)]));
        }
        Ok(code)
    };
    (0..RECOVERY_CODES).map(|_| one()).collect()
}

pub fn fresh_email_code() -> Result<String, ApiError> {
    let number = u64::from_be_bytes(random()?) % 1_000_000;
    Ok(format!("{number:06}"))
}

fn random<const N: usize>() -> Result<[u8; N], ApiError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error))?;
    Ok(bytes)
}
