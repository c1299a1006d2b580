use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::jws;
use super::state::{State, random};
use crate::issue::SigningKey;

/// A token that an [`IdentityProvider`](super::IdentityProvider) is about to give out, right or wrong in
/// whatever way the test needs.
///
/// Unless told otherwise it is an access token as RFC 9068 describes it, good for ten minutes by the
/// provider's clock: `iss`, `sub`, `aud`, `client_id`, `iat`, `exp` and `jti`, under a header with `alg`,
/// `typ` and `kid`.
#[must_use = "it is given out by issue or issue_opaque"]
pub struct ProviderToken<'a> {
    state: &'a State,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    key: Option<SigningKey>,
}

impl<'a> ProviderToken<'a> {
    pub(super) fn new(state: &'a State, subject: &str) -> Self {
        let now = state.now().as_unix_secs();
        let token = Self {
            state,
            header: Map::new(),
            claims: Map::new(),
            key: None,
        };
        token
            .header("typ", "at+jwt")
            .claim("iss", &state.issuer)
            .claim("sub", subject)
            .claim("aud", &state.audience)
            .claim("client_id", "test-client")
            .claim("iat", now)
            .claim("exp", now.saturating_add(600))
            .claim("jti", random())
    }

    /// What it may be used for (`scope`): one or several, with spaces between them.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// For whom it is meant (`aud`), in place of the provider's
    /// [`audience`](super::IdentityProvider::audience).
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// A claim, in place of the one of that name there is: whatever serializes.
    ///
    /// ```
    /// # use tower_bearer::testing::provider::IdentityProvider;
    /// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
    /// # let provider = IdentityProvider::start();
    /// # let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    /// let bound = provider
    ///     .token("alice")
    ///     .claim("groups", ["staff", "admins"])
    ///     .claim("cnf", serde_json::json!({ "jkt": thumbprint }))
    ///     .issue();
    /// # }
    /// ```
    ///
    /// # Panics
    /// If it does not.
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Self {
        self.claims.insert(name.to_owned(), written(value));
        self
    }

    /// Without a claim that it would have.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Good for so long from now on.
    pub fn lifetime(self, lifetime: Duration) -> Self {
        let end = self.state.now().saturating_add(lifetime);
        self.claim("exp", end.as_unix_secs())
    }

    /// Given out two hours ago, and over for one.
    pub fn expired(self) -> Self {
        let now = self.state.now().as_unix_secs();
        self.claim("iat", now.saturating_sub(7200))
            .claim("exp", now.saturating_sub(3600))
    }

    /// Under this `kid`, whichever key signs.
    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", kid)
    }

    /// Without a `kid`.
    pub fn without_kid(self) -> Self {
        self.header("kid", Value::Null)
    }

    /// A member of the header, in place of the one of that name there is: whatever serializes. One that is
    /// null is left out.
    ///
    /// # Panics
    /// If it does not serialize.
    pub fn header(mut self, name: &str, value: impl Serialize) -> Self {
        self.header.insert(name.to_owned(), written(value));
        self
    }

    /// Signed by this key, of which the provider's set may know nothing.
    pub fn signed_by(mut self, key: &SigningKey) -> Self {
        self.key = Some(key.clone());
        self
    }

    /// The token as a JWT. Introspection knows it as long as its key is in the set.
    ///
    /// # Panics
    /// If it cannot be signed.
    #[must_use]
    pub fn issue(mut self) -> String {
        let current;
        let key = match &self.key {
            Some(key) => key,
            None => {
                current = self.state.keys.signer();
                &*current
            }
        };
        let (algorithm, public) = (key.algorithm().as_str(), key.verification_key());
        let header = &mut self.header;
        header.entry("alg").or_insert_with(|| json!(algorithm));
        header.entry("kid").or_insert_with(|| json!(public.kid()));
        header.retain(|_, value| !value.is_null());
        jws::sign(key, &self.header, &self.claims)
    }

    /// The token as a text that says nothing by itself, and that introspection alone knows.
    #[must_use]
    pub fn issue_opaque(self) -> String {
        let token = random();
        self.state.keep(token.clone(), self.claims);
        token
    }
}

impl fmt::Debug for ProviderToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderToken")
            .field("header", &self.header)
            .field("claims", &self.claims)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn written(value: impl Serialize) -> Value {
    serde_json::to_value(value).expect("a value that serializes")
}
