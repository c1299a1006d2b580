//! Keys as numbers and bytes, checked before any back end sees them.

use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Curve, Family};
use super::roca;
use crate::error::ConfigError;

/// The part of a key that verifies.
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

    /// An Ed25519 key: not one of the few that any signature fits, nor one with a second spelling.
    pub(crate) fn ed25519(bytes: &[u8]) -> Result<Self, ConfigError> {
        let Ok(key) = <[u8; 32]>::try_from(bytes) else {
            return Err(bad("an Ed25519 key has 32 bytes"));
        };
        let mut y = key;
        y[31] &= 0x7f;
        if LOW_ORDER.contains(&y) {
            return Err(bad("the Ed25519 key is a point of low order"));
        }
        if y[31] == 0x7f && y[1..31].iter().all(|byte| *byte == 0xff) && y[0] >= 0xed {
            return Err(bad("the Ed25519 key is not encoded canonically"));
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

/// The y coordinates of the points whose order divides 8, little-endian, the sign bit cleared: 0, 1, -1,
/// and the two of order 8.
const LOW_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];
