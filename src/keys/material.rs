//! Keys as numbers and bytes, checked before any back end sees them.

use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Curve, Family};
use super::{ed25519, roca};
use crate::error::ConfigError;

/// The part of a key that verifies. Two of them are compared when keys change, never with what comes from
/// outside.
#[derive(PartialEq, Eq)]
pub(crate) enum Material {
    Secret(Zeroizing<Vec<u8>>),
    Rsa {
        n: Box<[u8]>,
        e: Box<[u8]>,
    },
    /// The point as SEC 1 §2.3.3 writes it, uncompressed.
    Ec(Curve, Box<[u8]>),
    Ed25519([u8; 32]),
}

impl Material {
    /// An HMAC secret, at least as long as the hash (RFC 7518 §3.2) and no PEM: everybody may know that one.
    pub(crate) fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, ConfigError> {
        if memchr::memmem::find(secret, b"-----BEGIN ").is_some() {
            return Err(bad(
                "it is a key or certificate in PEM where a secret belongs",
            ));
        }
        if secret.len() < algorithm.hash_len() {
            return Err(bad(format!(
                "a secret for {algorithm} has at least {} bytes",
                algorithm.hash_len()
            )));
        }
        Ok(Self::Secret(Zeroizing::new(secret.to_vec())))
    }

    /// An RSA key, from big-endian numbers without leading zeros.
    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, ConfigError> {
        let Some((first, last)) = n.first().zip(n.last()) else {
            return Err(bad("the RSA modulus is zero"));
        };
        let bits = n.len() * 8 - first.leading_zeros() as usize;
        if bits < 2048 {
            // RFC 7518 §3.3 and §3.5
            return Err(bad("an RSA modulus has at least 2048 bits"));
        }
        if bits > 8192 {
            return Err(bad("an RSA modulus has at most 8192 bits"));
        }
        if last & 1 == 0 {
            return Err(bad("the RSA modulus is even"));
        }
        let exponent = e.iter().try_fold(0_u64, |sum, &byte| {
            Some(sum.checked_mul(256)? | u64::from(byte))
        });
        // The upper end is that of both back ends.
        if !exponent.is_some_and(|e| (3..1 << 33).contains(&e) && e & 1 == 1) {
            return Err(bad("an RSA exponent is odd, at least 3 and below 2^33"));
        }
        if roca::is_fingerprinted(n) {
            return Err(bad(
                "the RSA key comes from a faulty generator and can be broken (ROCA, CVE-2017-15361)",
            ));
        }
        Ok(Self::Rsa {
            n: n.into(),
            e: e.into(),
        })
    }

    /// A point of `curve`, uncompressed. That it lies on the curve is for the back end to check.
    pub(crate) fn ec(curve: Curve, point: &[u8]) -> Result<Self, ConfigError> {
        if point.first() != Some(&4) || point.len() != 1 + 2 * curve.field_len() {
            return Err(bad(format!(
                "a point of {} is uncompressed and has {} bytes to a coordinate",
                curve.as_str(),
                curve.field_len()
            )));
        }
        Ok(Self::Ec(curve, point.into()))
    }

    /// An Ed25519 key: a point, not one of the few that any signature fits, nor one with a second spelling.
    pub(crate) fn ed25519(bytes: &[u8]) -> Result<Self, ConfigError> {
        let Ok(key) = <[u8; 32]>::try_from(bytes) else {
            return Err(bad("an Ed25519 key has 32 bytes"));
        };
        if let Some(problem) = ed25519::problem(&key) {
            return Err(bad(problem));
        }
        Ok(Self::Ed25519(key))
    }

    /// Whether `algorithm` works with this sort of key.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        match (self, algorithm.family()) {
            (Self::Secret(_), Family::Hmac)
            | (Self::Rsa { .. }, Family::Rsa)
            | (Self::Ed25519(_), Family::Ed25519) => true,
            (Self::Ec(curve, _), Family::Ec(wanted)) => *curve == wanted,
            _ => false,
        }
    }

    /// Whether `signature` has the length of those by this key and, for RSA, is below the modulus, without
    /// which it would have a second spelling (RFC 8017 §5.2.2; the `rsa` crate leaves that out for PSS).
    pub(crate) fn is_in_range(&self, algorithm: Algorithm, signature: &[u8]) -> bool {
        match self {
            Self::Secret(_) => signature.len() == algorithm.hash_len(),
            Self::Rsa { n, .. } => signature.len() == n.len() && signature < &**n,
            Self::Ec(curve, _) => signature.len() == 2 * curve.field_len(),
            Self::Ed25519(_) => signature.len() == 64,
        }
    }
}

fn bad(problem: impl Into<std::borrow::Cow<'static, str>>) -> ConfigError {
    ConfigError::new("key", problem)
}
