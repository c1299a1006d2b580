//! The three parts of a token, and the step that checks its signature (RFC 7515 §5.2).

use std::mem::MaybeUninit;

use super::header::Header;
use crate::keys::{KeySet, NoKey, VerificationKey, base64url};
use crate::refusal::Refusal;

/// The longest header that is read, in bytes of its decoded text.
pub(super) const MAX_HEADER_LEN: usize = 2048;

/// The longest signature of any key: that of RSA with 8192 bits.
const MAX_SIGNATURE_LEN: usize = 1024;

/// Payloads up to this length are decoded on the stack.
const SHORT_PAYLOAD: usize = 4096;

/// Why a token is not good, as far as the keys that are held say.
pub(super) enum Refused {
    For(Refusal),
    /// It means a key that is not held.
    NoKey,
}

/// A token cut at its dots; nothing is decoded yet.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// Header and payload with the dot between them: what is signed.
    pub(crate) signed: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(crate) fn of(token: &'a [u8]) -> Option<Self> {
        let mut dots = memchr::memchr_iter(b'.', token);
        let (first, second) = (dots.next()?, dots.next()?);
        if dots.next().is_some() {
            return None;
        }
        Some(Self {
            header: &token[..first],
            payload: &token[first + 1..second],
            signature: &token[second + 1..],
            signed: &token[..second],
        })
    }

    /// Decodes and reads the header, and hands it to `then`.
    pub(super) fn with_header<T, E: From<Refusal>>(
        &self,
        then: impl FnOnce(Header<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut buffer = [const { MaybeUninit::uninit() }; MAX_HEADER_LEN];
        let header = base64url::decode(self.header, &mut buffer).ok_or(Refusal::invalid(
            "the header is not canonical base64url, or too long",
        ))?;
        then(Header::parse(header).map_err(Refusal::invalid)?)
    }

    /// Decodes the signature and hands it to `then`.
    pub(super) fn with_signature<T, E: From<Refusal>>(
        &self,
        then: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut buffer = [const { MaybeUninit::uninit() }; MAX_SIGNATURE_LEN];
        let signature = base64url::decode(self.signature, &mut buffer).ok_or(Refusal::invalid(
            "the signature is not canonical base64url, or too long",
        ))?;
        then(signature)
    }

    /// Decodes the payload and hands it to `then`.
    pub(super) fn with_payload<T, E: From<Refusal>>(
        &self,
        then: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut short = [const { MaybeUninit::uninit() }; SHORT_PAYLOAD];
        let mut long = Vec::new();
        // Three bytes come of each four characters.
        let buffer = if self.payload.len() / 4 * 3 + 2 <= SHORT_PAYLOAD {
            &mut short[..]
        } else {
            long.resize(self.payload.len(), MaybeUninit::uninit());
            &mut long[..]
        };
        then(
            base64url::decode(self.payload, buffer)
                .ok_or(Refusal::invalid("the payload is not canonical base64url"))?,
        )
    }

    pub(super) fn check(&self, signature: &[u8], key: &VerificationKey) -> Result<(), Refusal> {
        if key.is_good(self.signed, signature) {
            Ok(())
        } else {
            Err(Refusal::invalid("the signature is not good"))
        }
    }
}

pub(super) const NOT_THREE_PARTS: Refusal =
    Refusal::invalid("the token is not three parts between two dots");

pub(super) const NO_SUCH_KEY: Refusal = Refusal::invalid("the header means no key that is held");

/// The place of the key that the header means.
pub(super) fn choose(keys: &KeySet, header: &Header<'_>) -> Result<usize, Refused> {
    keys.choose(header.kid.as_deref(), header.algorithm)
        .map_err(|problem| {
            Refused::For(Refusal::invalid(match problem {
                NoKey::Unknown => return Refused::NoKey,
                NoKey::Ambiguous => "the header has no kid, and several keys have its alg",
                NoKey::OtherAlgorithm => "the header's alg is not that of the key",
            }))
        })
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::For(refusal)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::For(refusal) => refusal,
            Refused::NoKey => NO_SUCH_KEY,
        }
    }
}
