//! One JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).

use std::borrow::Cow;

use serde::de::MapAccess;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Curve, Family};
use super::base64url;
use super::material::Material;
use super::verification::VerificationKey;
use crate::error::ConfigError;
use crate::json::{self, Members, Shape, Value};

/// A JWK's members, read but not yet judged.
#[derive(Default)]
pub(crate) struct Jwk<'a> {
    kty: Option<Cow<'a, str>>,
    usage: Option<Cow<'a, str>>,
    key_ops: Option<Vec<Cow<'a, str>>>,
    alg: Option<Cow<'a, str>>,
    pub(crate) kid: Option<Cow<'a, str>>,
    crv: Option<Cow<'a, str>>,
    x: Option<Cow<'a, str>>,
    y: Option<Cow<'a, str>>,
    n: Option<Cow<'a, str>>,
    e: Option<Cow<'a, str>>,
    k: Option<Cow<'a, str>>,
    issuer: Option<&'a RawValue>,
    private: bool,
}

impl<'a> Jwk<'a> {
    pub(crate) fn parse(json: &'a str) -> Result<Self, ConfigError> {
        let mut jwk = Self::default();
        json::read_object(
            json,
            &mut jwk,
            "it is not one JSON object with unique members",
        )
        .map_err(bad)?;
        Ok(jwk)
    }

    /// Whether it is a secret, which nobody publishes (RFC 7518 §6.4).
    #[cfg(feature = "jwks")]
    pub(crate) fn is_secret(&self) -> bool {
        self.kty.as_deref() == Some("oct") || self.k.is_some()
    }

    /// Whether it leaves open which of the algorithms of RSA it is for.
    #[cfg(feature = "jwks")]
    pub(crate) fn is_rsa_for_any(&self) -> bool {
        self.kty.as_deref() == Some("RSA") && self.alg.is_none()
    }

    /// The key, for the algorithm that the JWK names, or else for the one that its curve implies, or else
    /// for `default`.
    pub(crate) fn into_key(
        self,
        default: Option<Algorithm>,
    ) -> Result<VerificationKey, ConfigError> {
        self.check_purpose()?;
        if self.private {
            return Err(bad("it has private members where a public key belongs"));
        }
        let algorithm = self.algorithm(default)?;
        if self.kty.as_deref() != Some(algorithm.family().key_type()) {
            return Err(bad("its alg works with another kty"));
        }
        let material = match algorithm.family() {
            Family::Hmac => Material::secret(algorithm, &bytes(self.k.as_deref(), "k")?)?,
            _ if self.k.is_some() => {
                return Err(bad("it has private members where a public key belongs"));
            }
            Family::Rsa => Material::rsa(
                &number(self.n.as_deref(), "n")?,
                &number(self.e.as_deref(), "e")?,
            )?,
            Family::Ec(curve) => {
                if self.crv.as_deref() != Some(curve.as_str()) {
                    return Err(bad("its alg works with another crv"));
                }
                Material::ec(curve, &self.point(curve)?)?
            }
            Family::Ed25519 => {
                if self.crv.as_deref() != Some("Ed25519") {
                    return Err(bad("of the crv of OKP, Ed25519 alone is supported"));
                }
                Material::ed25519(&bytes(self.x.as_deref(), "x")?)?
            }
        };
        let key = VerificationKey::from_material(algorithm, material)?;
        // Not registered, so that anything else than a text says nothing.
        let issuer = self
            .issuer
            .and_then(|issuer| serde_json::from_str(issuer.get()).ok());
        let key = key.for_issuer(issuer);
        Ok(match self.kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        })
    }

    /// RFC 7517 §4.2 and §4.3: the key is for signatures, and the two members agree.
    fn check_purpose(&self) -> Result<(), ConfigError> {
        if self.usage.as_ref().is_some_and(|usage| usage != "sig") {
            return Err(bad("its use is not sig"));
        }
        let Some(operations) = &self.key_ops else {
            return Ok(());
        };
        let mut verify = false;
        let mut sign = false;
        for operation in operations {
            let seen = match &**operation {
                "verify" => &mut verify,
                "sign" => &mut sign,
                _ => return Err(bad("its key_ops name more than signatures")),
            };
            if std::mem::replace(seen, true) {
                return Err(bad("its key_ops name an operation twice"));
            }
        }
        if verify {
            Ok(())
        } else {
            Err(bad("its key_ops lack verify"))
        }
    }

    fn algorithm(&self, default: Option<Algorithm>) -> Result<Algorithm, ConfigError> {
        if let Some(name) = self.alg.as_deref() {
            return name
                .parse()
                .map_err(|_| bad("its alg is no signature algorithm that is supported"));
        }
        let implied = match (self.kty.as_deref(), self.crv.as_deref()) {
            (Some("EC"), Some("P-256")) => Some(Algorithm::ES256),
            (Some("EC"), Some("P-384")) => Some(Algorithm::ES384),
            (Some("EC"), Some("P-521")) => Some(Algorithm::ES512),
            (Some("OKP"), Some("Ed25519")) => Some(Algorithm::EdDSA),
            (Some("EC" | "OKP"), _) => return Err(bad("its crv is missing or not supported")),
            (Some("RSA" | "oct"), _) => None,
            _ => return Err(bad("its kty is missing or not supported")),
        };
        implied.or(default).ok_or_else(|| {
            bad("it has no alg, and several would fit: state the algorithm when importing it")
        })
    }

    fn point(&self, curve: Curve) -> Result<Vec<u8>, ConfigError> {
        let x = bytes(self.x.as_deref(), "x")?;
        let y = bytes(self.y.as_deref(), "y")?;
        // RFC 7518 §6.2.1.2: as long as the field's elements, leading zeros included.
        if x.len() != curve.field_len() || y.len() != curve.field_len() {
            return Err(bad("its x or y is not as long as its curve asks"));
        }
        Ok([&[4][..], &x[..], &y[..]].concat())
    }
}

impl<'de> Members<'de> for Jwk<'de> {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        let slot = match name {
            "kty" => &mut self.kty,
            "use" => &mut self.usage,
            "alg" => &mut self.alg,
            "kid" => &mut self.kid,
            "crv" => &mut self.crv,
            "x" => &mut self.x,
            "y" => &mut self.y,
            "n" => &mut self.n,
            "e" => &mut self.e,
            "k" => &mut self.k,
            "key_ops" => {
                let mut operations = Vec::new();
                return match value.texts(|operation| operations.push(operation)) {
                    Ok(Shape::Array) => {
                        self.key_ops = Some(operations);
                        Ok(())
                    }
                    _ => Err("its key_ops are no array of strings"),
                };
            }
            "issuer" => {
                self.issuer = Some(value.raw().map_err(|_| "it is no JSON")?);
                return Ok(());
            }
            // RFC 7518 §6.2.2 and §6.3.2
            "d" | "p" | "q" | "dp" | "dq" | "qi" | "oth" => {
                self.private = true;
                return value.skip().map_err(|_| "it is no JSON");
            }
            _ => return value.skip().map_err(|_| "it is no JSON"),
        };
        *slot = Some(
            value
                .text()
                .map_err(|_| "a member that is a string is none")?,
        );
        Ok(())
    }
}

/// Base64urlUInt of RFC 7518 §2: in the fewest bytes that hold it (for `n` see also §6.3.1.1).
fn number(text: Option<&str>, name: &str) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    let number = bytes(text, name)?;
    if number.first() == Some(&0) {
        return Err(bad(format!("its {name} has leading zeros")));
    }
    Ok(number)
}

fn bytes(text: Option<&str>, name: &str) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    let text = text.ok_or_else(|| bad(format!("it has no {name}")))?;
    base64url::decode_to_vec(text.as_bytes())
        .map(Zeroizing::new)
        .ok_or_else(|| bad(format!("its {name} is not canonical base64url")))
}

fn bad(problem: impl Into<Cow<'static, str>>) -> ConfigError {
    ConfigError::new("JWK", problem)
}
