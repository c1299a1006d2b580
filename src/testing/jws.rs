//! JSON Web Signatures in compact form (RFC 7515 §7.1), written and read.

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::issue::SigningKey;
use crate::keys::VerificationKey;

/// Signs `claims`, whatever they are, under `header`, whatever it says.
pub(super) fn sign(
    key: &SigningKey,
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
) -> String {
    let [header, claims] = [header, claims].map(|part| {
        let text = serde_json::to_string(part).expect("an object");
        URL_SAFE_NO_PAD.encode_to_string(text)
    });
    let mut token = format!("{header}.{claims}");
    let signature = key.sign(token.as_bytes()).expect("a signature");
    token.push('.');
    URL_SAFE_NO_PAD.encode_append(signature, &mut token);
    token
}

/// The claims of a token that one of these keys signed.
pub(super) fn open(token: &str, keys: &[VerificationKey]) -> Option<Map<String, Value>> {
    let (message, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).ok()?;
    let is_good = |key: &VerificationKey| key.is_good(message.as_bytes(), &signature);
    if !keys.iter().any(is_good) {
        return None;
    }
    let (_, claims) = message.split_once('.')?;
    let claims = URL_SAFE_NO_PAD.decode_to_vec(claims).ok()?;
    serde_json::from_slice(&claims).ok()
}
