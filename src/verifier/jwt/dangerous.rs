//! A part of the check by itself. Whoever uses this has the rest to do.

use super::jws::{NOT_THREE_PARTS, Parts, Refused, choose};
use crate::keys::KeySet;
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
    let checked: Result<_, Refused> = parts.with_payload(|payload| {
        parts.with_signature(|signature| {
            let place = parts.with_header(|header| choose(keys, &header))?;
            parts.check(signature, keys.key(place))?;
            Ok(payload.to_vec())
        })
    });
    Ok(checked?)
}
