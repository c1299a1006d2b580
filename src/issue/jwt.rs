use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::error::IssueError;
use super::jwt_builder::JwtIssuerBuilder;
use super::new_jwt::{End, NewJwt, check_names};
use super::policy::IssuePolicy;
use super::secret::SecretToken;
use super::signing_key::SigningKey;
use super::signing_keys::SigningKeys;
#[cfg(feature = "tokens")]
use crate::audit::{AuditTarget, AuditTrail};
use crate::clock::{Clock, Timestamp};
use crate::error::ConfigError;
#[cfg(feature = "tokens")]
use crate::identity::CredentialKind;
use crate::identity::Identity;
use crate::verifier::jwt::{JwtVerifier, JwtVerifierBuilder};

/// Gives out JSON Web Tokens, signed by the current one of its [`SigningKeys`].
///
/// Every token has `iss`, `sub`, `aud`, `iat`, a `jti` of 128 random bits, and `exp` unless waived. Beside
/// `iat`, which counts whole seconds, stands `iat_ms`: the same moment in whole milliseconds since the
/// epoch, by which two logins within one second can be told apart. A
/// [`JwtVerifier`] reads it, and others pass it over.
///
/// Tokens are of type `at+jwt`, so that nothing else which the keys sign is taken for one. Those of
/// [`rfc9068`](Self::rfc9068) have all that RFC 9068 asks for;
/// [`token_type("JWT")`](JwtIssuerBuilder::token_type) makes plain ones.
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
    pub(super) keys: SigningKeys,
    pub(super) header: Arc<RwLock<Arc<Header>>>,
    pub(super) token_type: Box<str>,
    pub(super) rfc9068: bool,
    pub(super) issuer: Arc<str>,
    pub(super) audience: Box<str>,
    pub(super) lifetime: Duration,
    pub(super) max_lifetime: Duration,
    pub(super) policy: IssuePolicy,
    pub(super) clock: Arc<dyn Clock>,
    #[cfg(feature = "tokens")]
    pub(super) audit: Option<AuditTrail>,
}

/// A header, encoded once for each key, with the dot after it.
#[derive(Debug)]
pub(crate) struct Header {
    pub(super) key: Arc<SigningKey>,
    pub(super) encoded: Box<str>,
}

impl JwtIssuer {
    /// Begins an issuer that signs with a [`SigningKey`], or with the current one of [`SigningKeys`].
    pub fn builder(keys: impl Into<SigningKeys>) -> JwtIssuerBuilder {
        JwtIssuerBuilder::new(keys.into())
    }

    /// Begins an issuer of access tokens by RFC 9068 §2: of type `at+jwt`, and none without `client_id` or
    /// `exp`. Its counterpart is [`JwtVerifier::rfc9068`].
    pub fn rfc9068(keys: impl Into<SigningKeys>) -> JwtIssuerBuilder {
        JwtIssuerBuilder::new(keys.into()).following_rfc9068()
    }

    /// Gives out a token, whoever asks for it: for the service itself, such as at a login.
    ///
    /// # Errors
    /// If the subject is empty, the lifetime is none or longer than this issuer gives, or a claim is
    /// missing that RFC 9068 asks for where that is followed; or if randomness or the signature failed.
    pub fn issue(&self, new: NewJwt) -> Result<IssuedJwt, IssueError> {
        self.give_out(new, None, false)
    }

    /// Gives out a token that `issuer`, the caller of a request, asks for: if the issuer's
    /// [`policy`](JwtIssuerBuilder::policy) lets them.
    ///
    /// # Errors
    /// [`IssueError::NotAllowed`] if it does not, and otherwise as for [`issue`](Self::issue).
    pub fn issue_as(&self, issuer: &Identity, new: NewJwt) -> Result<IssuedJwt, IssueError> {
        let judged = self.policy.judge(issuer, &new.wanted());
        #[cfg(feature = "tokens")]
        if let (Err(refusal), Some(trail)) = (&judged, &self.audit) {
            let target = AuditTarget::new(CredentialKind::Jwt, new.subject.clone());
            trail.not_issued(self.clock.now(), refusal, target, issuer);
        }
        judged.map_err(IssueError::NotAllowed)?;
        self.give_out(new, Some(issuer), false)
    }

    /// Begins a verifier of what this issues: same keys, issuer, audience and type, and no leeway, since
    /// both read the same clock. Where another machine issues, set one.
    ///
    /// The keys are shared: the verifier goes along with each step of [`SigningKeys`].
    pub fn verifier(&self) -> JwtVerifierBuilder {
        let (issuer, audience) = (Arc::clone(&self.issuer), self.audience.clone());
        let verifier = if self.rfc9068 {
            JwtVerifier::rfc9068(&self.keys, issuer, audience)
        } else {
            JwtVerifier::builder(&self.keys)
                .issuer(issuer)
                .audience(audience)
                .token_type(self.token_type.clone())
        };
        verifier.leeway(Duration::ZERO)
    }

    /// The keys, of which the current one signs.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// Gives out a token to the holder of another.
    pub(super) fn renew(&self, holder: &Identity, new: NewJwt) -> Result<IssuedJwt, IssueError> {
        self.give_out(new, Some(holder), true)
    }

    fn give_out(
        &self,
        new: NewJwt,
        by: Option<&Identity>,
        is_renewal: bool,
    ) -> Result<IssuedJwt, IssueError> {
        let lifetime = self.check(&new)?;
        let id = random_id()?;
        let moment = self.clock.now();
        let now = moment.as_unix_secs();
        let end = lifetime.map(|lifetime| Timestamp::from_unix_secs(now).saturating_add(lifetime));
        if end.is_some_and(|end| new.not_before.is_some_and(|start| start >= end)) {
            let problem = "the token would end before it is good";
            return Err(ConfigError::new("not_before", problem).into());
        }
        let mut claims = new.claims;
        claims.insert("iss".into(), json!(&*self.issuer));
        claims.insert("sub".into(), json!(new.subject));
        claims.insert("aud".into(), json!(self.audience));
        claims.insert("iat".into(), json!(now));
        claims.insert("iat_ms".into(), json!(moment.as_unix_millis()));
        claims.insert("jti".into(), json!(id));
        if let Some(start) = new.not_before {
            claims.insert("nbf".into(), json!(start.as_unix_secs()));
        }
        if let Some(end) = end {
            claims.insert("exp".into(), json!(end.as_unix_secs()));
        }
        if let Some(client) = new.client_id {
            claims.insert("client_id".into(), json!(client));
        }
        if let Some(session) = new.session_id {
            claims.insert("sid".into(), json!(session));
        }
        if let Some(login) = new.auth_time {
            claims.insert("auth_time".into(), json!(login.as_unix_secs()));
        }
        if let Some(acr) = new.acr {
            claims.insert("acr".into(), json!(acr));
        }
        if let Some(confirmation) = new.confirmation {
            let mut cnf = Map::new();
            for (name, thumbprint) in [
                ("jkt", confirmation.jkt()),
                ("x5t#S256", confirmation.x5t_s256()),
            ] {
                if let Some(thumbprint) = thumbprint {
                    cnf.insert(name.into(), json!(thumbprint));
                }
            }
            claims.insert("cnf".into(), Value::Object(cnf));
        }
        if !new.scopes.is_empty() {
            claims.insert("scope".into(), json!(new.scopes.as_str()));
        }
        let payload = Value::Object(claims).to_string();
        let token = SecretToken::new(self.header().sign(&payload)?);
        self.tell(moment, new.subject, &id, by, is_renewal);
        Ok(IssuedJwt {
            token,
            id: id.into(),
            expires_at: end,
        })
    }

    /// Who vouches for the tokens (`iss`).
    pub(super) fn issuer_name(&self) -> &str {
        &self.issuer
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(super) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// For how long the token is to be good, if it ends, provided that all is right with it.
    fn check(&self, new: &NewJwt) -> Result<Option<Duration>, ConfigError> {
        if new.subject.is_empty() {
            return Err(ConfigError::new("subject", "it is empty"));
        }
        check_names(&new.claims)?;
        if self.rfc9068 && new.client_id.as_deref().is_none_or(str::is_empty) {
            return Err(ConfigError::new(
                "client_id",
                "it is missing or empty, and RFC 9068 asks for it",
            ));
        }
        match new.end {
            End::Usual => Ok(Some(self.lifetime)),
            End::After(lifetime) if lifetime.as_secs() == 0 => {
                Err(ConfigError::new("lifetime", "less than a second"))
            }
            End::After(lifetime) if lifetime > self.max_lifetime => Err(ConfigError::new(
                "lifetime",
                "longer than the issuer's lifetime and max_lifetime",
            )),
            End::After(lifetime) => Ok(Some(Duration::from_secs(lifetime.as_secs()))),
            End::Never if self.rfc9068 => Err(ConfigError::new(
                "never_expiring",
                "RFC 9068 asks for an end",
            )),
            End::Never => Ok(None),
        }
    }

    /// The header of the key that signs now.
    fn header(&self) -> Arc<Header> {
        let key = self.keys.signer();
        let known = Arc::clone(&self.header.read().unwrap_or_else(PoisonError::into_inner));
        if Arc::ptr_eq(&known.key, &key) {
            return known;
        }
        let header = Arc::new(Header::new(key, &self.token_type));
        let mut slot = self.header.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Arc::clone(&header);
        header
    }
}

impl Header {
    pub(crate) fn new(key: Arc<SigningKey>, token_type: &str) -> Self {
        let mut header = json!({
            "alg": key.algorithm().as_str(),
            "typ": token_type,
        });
        if let Some(kid) = key.verification_key().kid() {
            header["kid"] = json!(kid);
        }
        let mut encoded = URL_SAFE_NO_PAD.encode_to_string(header.to_string());
        encoded.push('.');
        Self {
            key,
            encoded: encoded.into(),
        }
    }

    /// The token with this payload.
    pub(crate) fn sign(&self, payload: &str) -> Result<String, IssueError> {
        let mut token = String::from(&*self.encoded);
        URL_SAFE_NO_PAD.encode_append(payload, &mut token);
        let signature = self
            .key
            .sign(token.as_bytes())
            .ok_or(IssueError::Signature)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(signature, &mut token);
        Ok(token)
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

pub(crate) fn random_id() -> Result<String, IssueError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(IssueError::random)?;
    Ok(URL_SAFE_NO_PAD.encode_to_string(bytes))
}
