use std::sync::Arc;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::error::IssueError;
use super::new_jwt::NewJwt;
use super::secret::SecretToken;
use super::signing_key::SigningKey;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::ConfigError;
use crate::verifier::jwt::{JwtVerifier, JwtVerifierBuilder};

/// Gives out JSON Web Tokens, signed by one key.
///
/// Every token has `iss`, `sub`, `aud`, `iat`, a `jti` of 128 random bits, and `exp` unless waived.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey};
/// use tower_bearer::keys::Algorithm;
///
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// let issuer = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA)?)
///     .issuer("https://id.example.com")
///     .audience("https://api.example.com")
///     .lifetime(Duration::from_secs(600))
///     .build()?;
/// let verifier = issuer.verifier().build()?;
///
/// let issued = issuer.issue(NewJwt::new("alice").scopes("orders:read".parse()?))?;
/// let answer = issued.token.reveal(); // to the client, and nowhere else
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct JwtIssuer {
    key: SigningKey,
    // Encoded once, with the dot after it.
    header: Box<str>,
    token_type: Box<str>,
    issuer: Arc<str>,
    audience: Box<str>,
    lifetime: Duration,
    clock: Arc<dyn Clock>,
}

impl JwtIssuer {
    /// Begins an issuer that signs with `key`.
    pub fn builder(key: SigningKey) -> JwtIssuerBuilder {
        JwtIssuerBuilder {
            key,
            token_type: "at+jwt".into(),
            issuer: None,
            audience: None,
            lifetime: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Gives out a token.
    ///
    /// # Errors
    /// If the subject is empty, or if randomness or the signature failed.
    pub fn issue(&self, new: NewJwt) -> Result<IssuedJwt, IssueError> {
        if new.subject.is_empty() {
            return Err(ConfigError::new("subject", "it is empty").into());
        }
        let id = random_id()?;
        let now = self.clock.now().as_unix_secs();
        let mut claims = new.claims;
        claims.insert("iss".into(), json!(&*self.issuer));
        claims.insert("sub".into(), json!(new.subject));
        claims.insert("aud".into(), json!(self.audience));
        claims.insert("iat".into(), json!(now));
        claims.insert("jti".into(), json!(id));
        let end = new
            .expires
            .then(|| Timestamp::from_unix_secs(now).saturating_add(self.lifetime));
        if let Some(end) = end {
            claims.insert("exp".into(), json!(end.as_unix_secs()));
        }
        if let Some(client) = new.client_id {
            claims.insert("client_id".into(), json!(client));
        }
        if !new.scopes.is_empty() {
            claims.insert("scope".into(), json!(new.scopes.as_str()));
        }
        let payload = Value::Object(claims).to_string();
        Ok(IssuedJwt {
            token: self.sign(&payload)?,
            id: id.into(),
            expires_at: end,
        })
    }

    /// Begins a verifier of what this issues: same key, issuer, audience and type, and no leeway, since
    /// both read the same clock. Where another machine issues, set one.
    pub fn verifier(&self) -> JwtVerifierBuilder {
        JwtVerifier::builder(self.key.verification_key().clone())
            .issuer(Arc::clone(&self.issuer))
            .audience(self.audience.clone())
            .token_type(self.token_type.clone())
            .leeway(Duration::ZERO)
    }

    /// The key that signs.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    fn sign(&self, payload: &str) -> Result<SecretToken, IssueError> {
        let mut token = String::from(&*self.header);
        URL_SAFE_NO_PAD.encode_append(payload, &mut token);
        let signature = self
            .key
            .sign(token.as_bytes())
            .ok_or(IssueError::Signature)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(signature, &mut token);
        Ok(SecretToken::new(token))
    }
}

/// Sets up a [`JwtIssuer`].
#[derive(Debug)]
#[must_use = "nothing is issued until it is built"]
pub struct JwtIssuerBuilder {
    key: SigningKey,
    token_type: Box<str>,
    issuer: Option<Arc<str>>,
    audience: Option<Box<str>>,
    lifetime: Option<Duration>,
    clock: Arc<dyn Clock>,
}

impl JwtIssuerBuilder {
    /// Who vouches for the tokens (`iss`).
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// For whom the tokens are meant (`aud`).
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// How long a token is good, in whole seconds.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// The header's `typ`: `at+jwt` (RFC 9068) unless set.
    pub fn token_type(mut self, typ: impl Into<Box<str>>) -> Self {
        self.token_type = typ.into();
        self
    }

    /// The clock that `iat` and `exp` are read from: the system's unless set.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the issuer.
    ///
    /// # Errors
    /// If issuer, audience or lifetime is missing or empty.
    pub fn build(self) -> Result<JwtIssuer, ConfigError> {
        let missing = |setting: &'static str| ConfigError::new(setting, "it is missing or empty");
        let lifetime = self.lifetime.filter(|lifetime| lifetime.as_secs() > 0);
        let mut header = json!({
            "alg": self.key.algorithm().as_str(),
            "typ": self.token_type,
        });
        if let Some(kid) = self.key.verification_key().kid() {
            header["kid"] = json!(kid);
        }
        let mut encoded = URL_SAFE_NO_PAD.encode_to_string(header.to_string());
        encoded.push('.');
        Ok(JwtIssuer {
            key: self.key,
            header: encoded.into(),
            token_type: self.token_type,
            issuer: self
                .issuer
                .filter(|issuer| !issuer.is_empty())
                .ok_or_else(|| missing("issuer"))?,
            audience: self
                .audience
                .filter(|audience| !audience.is_empty())
                .ok_or_else(|| missing("audience"))?,
            lifetime: Duration::from_secs(lifetime.ok_or_else(|| missing("lifetime"))?.as_secs()),
            clock: self.clock,
        })
    }
}

/// A token that was given out.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "a token that is not revealed is lost"]
pub struct IssuedJwt {
    /// The token, to be read once.
    pub token: SecretToken,
    /// Its `jti`, which may be logged.
    pub id: Box<str>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

fn random_id() -> Result<String, IssueError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(IssueError::random)?;
    Ok(URL_SAFE_NO_PAD.encode_to_string(bytes))
}
