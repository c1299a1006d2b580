use serde::Deserialize;
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::super::algorithm::Algorithm;
use crate::error::ConfigError;
use crate::json::{self, Members, Value};
use crate::remote::RemoteError;

/// The metadata of an authorization server (RFC 8414 §2, OpenID Connect Discovery 1.0 §3), as far as they are of
/// use here. Its issuer is the one that was asked for; everything else is what it says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthorizationServer {
    issuer: String,
    jwks_uri: Option<String>,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    introspection_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    registration_endpoint: Option<String>,
    signing_algorithms: Vec<Algorithm>,
    introspection_auth_methods: Vec<String>,
    scopes: Vec<String>,
}

impl AuthorizationServer {
    /// The issuer (`issuer`).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where its keys are (`jwks_uri`).
    #[must_use]
    pub fn jwks_uri(&self) -> Option<&str> {
        self.jwks_uri.as_deref()
    }

    /// Where users give their consent (`authorization_endpoint`).
    #[must_use]
    pub fn authorization_endpoint(&self) -> Option<&str> {
        self.authorization_endpoint.as_deref()
    }

    /// Where tokens are issued (`token_endpoint`).
    #[must_use]
    pub fn token_endpoint(&self) -> Option<&str> {
        self.token_endpoint.as_deref()
    }

    /// Where tokens are asked about (`introspection_endpoint`, RFC 7662).
    #[must_use]
    pub fn introspection_endpoint(&self) -> Option<&str> {
        self.introspection_endpoint.as_deref()
    }

    /// Where tokens are ended (`revocation_endpoint`, RFC 7009).
    #[must_use]
    pub fn revocation_endpoint(&self) -> Option<&str> {
        self.revocation_endpoint.as_deref()
    }

    /// Where clients are registered (`registration_endpoint`, RFC 7591).
    #[must_use]
    pub fn registration_endpoint(&self) -> Option<&str> {
        self.registration_endpoint.as_deref()
    }

    /// Which algorithms it signs ID tokens by (`id_token_signing_alg_values_supported`), of those that are known
    /// here. They allow nothing: which are taken is set where keys are.
    #[must_use]
    pub fn signing_algorithms(&self) -> &[Algorithm] {
        &self.signing_algorithms
    }

    /// How clients say who they are when they ask about tokens
    /// (`introspection_endpoint_auth_methods_supported`).
    pub fn introspection_auth_methods(&self) -> impl Iterator<Item = &str> {
        self.introspection_auth_methods.iter().map(String::as_str)
    }

    /// The scopes that it knows (`scopes_supported`).
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(String::as_str)
    }

    /// Reads the metadata of `issuer`.
    pub(super) fn read(body: &[u8], issuer: &str) -> Result<Self, RemoteError> {
        let malformed = "it is not one JSON object with unique members";
        let no_metadata = |problem| {
            let error = RemoteError::content("the answer is no server's metadata");
            error.with_source(ConfigError::new("metadata", problem))
        };
        let text = std::str::from_utf8(body).map_err(|_| no_metadata("they are not UTF-8"))?;
        let mut server = Self::default();
        json::read_object(text, &mut server, malformed).map_err(no_metadata)?;
        if server.issuer == issuer {
            Ok(server)
        } else {
            Err(RemoteError::content(
                "the issuer in the metadata is not the one that was asked for",
            ))
        }
    }
}

impl<'de> Members<'de> for AuthorizationServer {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        let value = value.raw().map_err(|_| "they are no JSON")?;
        match name {
            "issuer" => self.issuer = read(value).ok_or("their issuer is no string")?,
            "jwks_uri" => {
                self.jwks_uri = Some(read(value).ok_or("their jwks_uri is no string")?);
            }
            // What these are does not matter to who needs none of them.
            "authorization_endpoint" => self.authorization_endpoint = read(value),
            "token_endpoint" => self.token_endpoint = read(value),
            "introspection_endpoint" => self.introspection_endpoint = read(value),
            "revocation_endpoint" => self.revocation_endpoint = read(value),
            "registration_endpoint" => self.registration_endpoint = read(value),
            "id_token_signing_alg_values_supported" => {
                let names: Vec<String> = read(value).unwrap_or_default();
                let known = names.iter().filter_map(|name| name.parse().ok());
                self.signing_algorithms = known.collect();
            }
            "introspection_endpoint_auth_methods_supported" => {
                self.introspection_auth_methods = read(value).unwrap_or_default();
            }
            "scopes_supported" => self.scopes = read(value).unwrap_or_default(),
            _ => {}
        }
        Ok(())
    }
}

fn read<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}
