use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64_simd::STANDARD;
use http::HeaderValue;
use serde_json::json;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::credential::BearerToken;
use crate::error::ConfigError;
use crate::issue::{Header, SigningKey, random_id};

/// How long an assertion is good.
const ASSERTION_LIFETIME: Duration = Duration::from_secs(60);

/// How this service shows an authorization server who it is (RFC 7662 §2.1). Does not print its secret.
///
/// ```
/// use tower_bearer::verifier::introspection::ClientAuthentication;
///
/// let secret = std::env::var("CLIENT_SECRET").unwrap_or_default();
/// let authentication = ClientAuthentication::secret_basic("orders-api", secret);
/// ```
#[derive(Clone)]
pub struct ClientAuthentication {
    means: Means,
}

#[derive(Clone)]
enum Means {
    Basic(Secret),
    Post(Secret),
    Key {
        client_id: Box<str>,
        key: SigningKey,
        audience: Box<str>,
    },
    Token(Zeroizing<String>),
    TokenFrom(TokenSource),
}

#[derive(Clone)]
pub(super) struct Secret {
    client_id: Box<str>,
    secret: Zeroizing<String>,
}

type TokenSource = Arc<dyn Fn() -> Option<String> + Send + Sync>;

impl ClientAuthentication {
    /// By a secret in the `Authorization` header (`client_secret_basic`; RFC 6749 §2.3.1). Both are
    /// form-encoded first, as that section says.
    pub fn secret_basic(client_id: impl Into<Box<str>>, secret: impl Into<String>) -> Self {
        Self::by(Means::Basic(Secret::new(client_id, secret)))
    }

    /// By a secret in the form (`client_secret_post`; RFC 6749 §2.3.1), for servers that take no other.
    pub fn secret_post(client_id: impl Into<Box<str>>, secret: impl Into<String>) -> Self {
        Self::by(Means::Post(Secret::new(client_id, secret)))
    }

    /// By an assertion that is signed with `key` (`private_key_jwt`; RFC 7523 §2.2): a new one for each question,
    /// with a `jti` of 128 random bits, and good for a minute. If the key has a `kid`, it is named.
    ///
    /// `audience` is what the server calls itself there: mostly its issuer, or else its token or introspection
    /// endpoint. A key that is made of the client's secret makes it `client_secret_jwt`.
    pub fn private_key_jwt(
        client_id: impl Into<Box<str>>,
        key: SigningKey,
        audience: impl Into<Box<str>>,
    ) -> Self {
        Self::by(Means::Key {
            client_id: client_id.into(),
            key,
            audience: audience.into(),
        })
    }

    /// By an access token of this service's own (RFC 6750).
    pub fn bearer(token: impl Into<String>) -> Self {
        Self::by(Means::Token(Zeroizing::new(token.into())))
    }

    /// By an access token that changes: `token` is called for each question, and must not block. While it has
    /// none, requests are refused as [`Reason::Unavailable`](crate::Reason::Unavailable).
    pub fn bearer_from(token: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self::by(Means::TokenFrom(Arc::new(token)))
    }

    fn by(means: Means) -> Self {
        Self { means }
    }

    pub(super) fn check(self) -> Result<Credentials, ConfigError> {
        Ok(match self.means {
            Means::Basic(secret) => Credentials::Header(secret.checked()?.basic()?),
            Means::Post(secret) => Credentials::Form(secret.checked()?),
            Means::Key {
                client_id,
                key,
                audience,
            } => {
                not_empty("client_id", &client_id)?;
                not_empty("private_key_jwt", &audience)?;
                Credentials::Assertion(Box::new(Assertion {
                    client_id,
                    audience,
                    header: Header::new(Arc::new(key), "JWT"),
                }))
            }
            Means::Token(token) => {
                let header = bearer(&token);
                let problem = || ConfigError::new("bearer", "it is no bearer token");
                Credentials::Header(header.ok_or_else(problem)?)
            }
            Means::TokenFrom(source) => Credentials::Source(source),
        })
    }
}

impl Secret {
    fn new(client_id: impl Into<Box<str>>, secret: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            secret: Zeroizing::new(secret.into()),
        }
    }

    fn checked(self) -> Result<Self, ConfigError> {
        not_empty("client_id", &self.client_id)?;
        not_empty("client secret", &self.secret)?;
        Ok(self)
    }

    fn basic(&self) -> Result<HeaderValue, ConfigError> {
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let (id, secret): (String, Zeroizing<String>) = (
            encoded(&self.client_id),
            Zeroizing::new(encoded(&self.secret)),
        );
        let pair = Zeroizing::new(format!("{id}:{}", *secret));
        let text = Zeroizing::new(format!("Basic {}", STANDARD.encode_to_string(&*pair)));
        sensitive(&text).ok_or_else(|| ConfigError::new("client secret", "it fits in no header"))
    }
}

/// What is sent along with a question.
pub(super) enum Credentials {
    Header(HeaderValue),
    Form(Secret),
    Assertion(Box<Assertion>),
    Source(TokenSource),
}

pub(super) struct Assertion {
    client_id: Box<str>,
    audience: Box<str>,
    header: Header,
}

impl Credentials {
    /// Adds what goes into the form, and returns what goes into the header; or says what is missing.
    pub(super) fn add_to(
        &self,
        form: &mut form_urlencoded::Serializer<'_, String>,
        now: Timestamp,
    ) -> Result<Option<HeaderValue>, &'static str> {
        match self {
            Self::Header(header) => return Ok(Some(header.clone())),
            Self::Source(source) => {
                let token = source().map(Zeroizing::new);
                let header = token.and_then(|token| bearer(&token));
                return header.map(Some).ok_or("there is no token to ask with");
            }
            Self::Form(secret) => {
                form.append_pair("client_id", &secret.client_id);
                form.append_pair("client_secret", &secret.secret);
            }
            Self::Assertion(assertion) => {
                form.append_pair("client_id", &assertion.client_id);
                form.append_pair("client_assertion_type", ASSERTION_TYPE);
                let text = assertion.sign(now).ok_or("the assertion was not signed")?;
                form.append_pair("client_assertion", &text);
            }
        }
        Ok(None)
    }
}

impl Assertion {
    fn sign(&self, now: Timestamp) -> Option<String> {
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "jti": random_id().ok()?,
            "iat": now.as_unix_secs(),
            "exp": now.saturating_add(ASSERTION_LIFETIME).as_unix_secs(),
        });
        self.header.sign(&claims.to_string()).ok()
    }
}

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn bearer(token: &str) -> Option<HeaderValue> {
    BearerToken::new(token).ok()?;
    sensitive(&Zeroizing::new(format!("Bearer {token}")))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn not_empty(setting: &'static str, text: &str) -> Result<(), ConfigError> {
    if text.is_empty() {
        return Err(ConfigError::new(setting, "it is empty"));
    }
    Ok(())
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ClientAuthentication");
        match &self.means {
            Means::Basic(secret) => out
                .field("method", &"client_secret_basic")
                .field("client_id", &secret.client_id),
            Means::Post(secret) => out
                .field("method", &"client_secret_post")
                .field("client_id", &secret.client_id),
            Means::Key {
                client_id,
                audience,
                ..
            } => out
                .field("method", &"private_key_jwt")
                .field("client_id", client_id)
                .field("audience", audience),
            Means::Token(_) | Means::TokenFrom(_) => out.field("method", &"bearer"),
        };
        out.finish_non_exhaustive()
    }
}
