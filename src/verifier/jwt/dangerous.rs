//! A part of the check by itself. Whoever uses this has the rest to do.

use super::jws::{BAD_PAYLOAD, NOT_THREE_PARTS, Parts, choose};
use crate::keys::{KeySet, base64url};
use crate::refusal::Refusal;

/// Checks the shape of `token`, its header and its signature, and returns the payload's bytes.
///
/// **This says nothing of claims.** The token may be over, meant for another service, issued by anyone
/// who shares a key, or no JWT at all; `typ` is not looked at. To let a caller in, use
/// [`JwtVerifier`](super::JwtVerifier). This is for payloads that are no claims, and for test vectors.
///
/// # Errors
/// [`Reason::Invalid`](crate::Reason::Invalid), with the failed step in its detail.
pub fn verify_signature_only(keys: &KeySet, token: &[u8]) -> Result<Vec<u8>, Refusal> {
    let parts = Parts::of(token).ok_or(NOT_THREE_PARTS)?;
    let place = parts.with_header(|header| choose(keys, &header))?;
    parts.check_signature(keys.key(place))?;
    base64url::decode_to_vec(parts.payload).ok_or(BAD_PAYLOAD)
}
