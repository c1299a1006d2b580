//! Public keys as JWKs (RFC 7517 §4), and their thumbprints (RFC 7638).

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::material::Material;
use super::verification::VerificationKey;

impl VerificationKey {
    /// This key as a JWK, with `use`, `alg` and, where it has one, `kid`; or `None` for a secret, which
    /// has no public half.
    ///
    /// ```
    /// use tower_bearer::keys::{Algorithm, VerificationKey};
    ///
    /// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
    /// # let pem = "-----BEGIN PUBLIC KEY-----
    /// # MCowBQYDK2VwAyEArfJW5Hnwl3HQKkZnAUnuylRhk4mgo/qCFodsmRi2qec=
    /// # -----END PUBLIC KEY-----";
    /// let key = VerificationKey::from_pem(Algorithm::EdDSA, pem)?.with_kid("2026-01");
    /// let jwk = key.to_jwk().expect("a public key");
    /// assert_eq!(VerificationKey::from_jwk(&jwk)?.kid(), Some("2026-01"));
    /// # }
    /// # Ok::<(), tower_bearer::ConfigError>(())
    /// ```
    #[must_use]
    pub fn to_jwk(&self) -> Option<String> {
        self.jwk().map(|jwk| jwk.to_string())
    }

    /// The SHA-256 thumbprint of the key (RFC 7638; for EdDSA RFC 8037 §2), by which anybody who has the
    /// public key can name it; or `None` for a secret, of which it would tell something.
    #[must_use]
    pub fn thumbprint(&self) -> Option<String> {
        // §3: the required members alone, in the order of their names, without white space.
        let members: Vec<String> = self
            .required_members()?
            .into_iter()
            .map(|(name, value)| format!(r#""{name}":"{value}""#))
            .collect();
        let text = format!("{{{}}}", members.join(","));
        Some(base64url(Sha256::digest(text)))
    }

    pub(crate) fn jwk(&self) -> Option<Value> {
        let mut jwk: Map<String, Value> = self
            .required_members()?
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        jwk.insert("use".to_owned(), "sig".into());
        jwk.insert("alg".to_owned(), self.algorithm().as_str().into());
        if let Some(kid) = self.kid() {
            jwk.insert("kid".to_owned(), kid.into());
        }
        Some(jwk.into())
    }

    /// The members that make the key, in the order of their names. None of the values needs an escape.
    fn required_members(&self) -> Option<Vec<(&'static str, String)>> {
        let kty = ("kty", self.algorithm().family().key_type().to_owned());
        Some(match self.material() {
            Material::Secret(_) => return None,
            Material::Rsa { n, e } => vec![("e", base64url(e)), kty, ("n", base64url(n))],
            Material::Ec(curve, point) => {
                let (x, y) = point[1..].split_at(curve.field_len());
                vec![
                    ("crv", curve.as_str().to_owned()),
                    kty,
                    ("x", base64url(x)),
                    ("y", base64url(y)),
                ]
            }
            Material::Ed25519(x) => {
                vec![("crv", "Ed25519".to_owned()), kty, ("x", base64url(x))]
            }
        })
    }
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}
