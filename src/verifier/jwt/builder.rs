use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::JwtVerifier;
use super::header::{TokenType, without_application};
use super::known::Keys;
use super::rules::Rules;
use super::value::ClaimValue;
use crate::error::ConfigError;
use crate::identity::CredentialKind;
use crate::keys::VerifierKeys;

/// How long clocks may disagree unless set otherwise.
const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
const MAX_LEEWAY: Duration = Duration::from_secs(300);

/// Sets up a [`JwtVerifier`]. Strict unless waived, by name.
#[must_use = "nothing is verified until it is built"]
pub struct JwtVerifierBuilder {
    keys: VerifierKeys,
    token_type: Option<Box<str>>,
    any_issuer: bool,
    any_audience: bool,
    rules: Rules,
}

impl JwtVerifierBuilder {
    pub(super) fn new(keys: VerifierKeys) -> Self {
        Self {
            keys,
            token_type: None,
            any_issuer: false,
            any_audience: false,
            rules: Rules {
                issuers: Vec::new(),
                audiences: Vec::new(),
                stated: Vec::new(),
                exp_required: true,
                nbf_required: false,
                iat_required: false,
                jti_required: false,
                client_id_required: false,
                leeway: DEFAULT_LEEWAY,
                max_lifetime: None,
                scope_claim: "scope".into(),
                roles_claim: None,
                kind: CredentialKind::Jwt,
                typed: None,
            },
        }
    }

    /// Trusts this issuer (`iss`). Called again, trusts that one too.
    ///
    /// Each of the keys may then sign for each of the issuers. Issuers that must not speak for one another
    /// have a verifier each, behind [`TokenRouter::jwt_issuer`](crate::verifier::TokenRouterBuilder::jwt_issuer)
    /// (RFC 8725 §3.8).
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.rules.issuers.push(issuer.into());
        self
    }

    /// Trusts whoever signs with one of the keys, whatever `iss` says, if anything.
    pub fn allow_any_issuer(mut self) -> Self {
        self.any_issuer = true;
        self
    }

    /// Admits tokens whose `aud` names this. Called again, admits those that name the other, too.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.rules.audiences.push(audience.into());
        self
    }

    /// Admits tokens that were meant for other services, or for none in particular.
    pub fn allow_any_audience(mut self) -> Self {
        self.any_audience = true;
        self
    }

    /// Admits tokens without `exp`, which never end by themselves. One that is there still counts.
    pub fn allow_missing_exp(mut self) -> Self {
        self.rules.exp_required = false;
        self
    }

    /// Demands that `typ` be this, in any letter case and with or without `application/`.
    pub fn token_type(mut self, typ: impl Into<Box<str>>) -> Self {
        self.token_type = Some(typ.into());
        self
    }

    /// Demands `nbf`.
    pub fn require_nbf(mut self) -> Self {
        self.rules.nbf_required = true;
        self
    }

    /// Demands `iat`.
    pub fn require_iat(mut self) -> Self {
        self.rules.iat_required = true;
        self
    }

    /// Demands `jti`, by which a token can be revoked.
    pub fn require_jti(mut self) -> Self {
        self.rules.jti_required = true;
        self
    }

    /// Demands `client_id` (RFC 9068 §2.2).
    pub fn require_client_id(mut self) -> Self {
        self.rules.client_id_required = true;
        self
    }

    /// Demands that the claim `name` be there with this value, such as `type` with `access`.
    pub fn require_claim(
        mut self,
        name: impl Into<Box<str>>,
        value: impl Into<ClaimValue>,
    ) -> Self {
        self.rules.stated.push((name.into(), value.into()));
        self
    }

    /// How far the issuer's clock may be off: 30 seconds unless set, 300 at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway;
        self
    }

    /// Refuses tokens that were given out for longer than this, from `iat` to `exp`; demands both.
    pub fn max_lifetime(mut self, max: Duration) -> Self {
        self.rules.max_lifetime = Some(max);
        self.rules.iat_required = true;
        self
    }

    /// Reads scopes from this claim instead of `scope`: one string with spaces, or an array of strings.
    pub fn scope_claim(mut self, name: impl Into<Box<str>>) -> Self {
        self.rules.scope_claim = name.into();
        self
    }

    /// Reads roles, each held everywhere, from this claim: an array of strings.
    pub fn roles_claim(mut self, name: impl Into<Box<str>>) -> Self {
        self.rules.roles_claim = Some(name.into());
        self
    }

    /// What identities say they were known by: [`CredentialKind::Jwt`] unless set.
    pub fn credential_kind(mut self, kind: CredentialKind) -> Self {
        self.rules.kind = kind;
        self
    }

    /// Reads the claims as a `C` as well, to be found by [`Identity::data`](crate::identity::Identity::data). A token whose
    /// claims do not fit is refused.
    ///
    /// ```
    /// # use tower_bearer::verifier::jwt::JwtVerifierBuilder;
    /// #[derive(serde::Deserialize)]
    /// struct Claims {
    ///     tenant: String,
    /// }
    ///
    /// # fn example(builder: JwtVerifierBuilder) -> Result<(), tower_bearer::ConfigError> {
    /// let verifier = builder.claims::<Claims>().build()?;
    /// // and in a handler: identity.data::<Claims>().map(|claims| &claims.tenant)
    /// # Ok(())
    /// # }
    /// ```
    pub fn claims<C: DeserializeOwned + Send + Sync + 'static>(mut self) -> Self {
        self.rules.typed = Some(|payload| {
            let claims: C = serde_json::from_str(payload).ok()?;
            Some(Arc::new(claims))
        });
        self
    }

    /// Builds the verifier.
    ///
    /// # Errors
    /// If issuer or audience is neither stated nor waived, or both; if an empty text was given; if the
    /// leeway is over 300 seconds; or if a claim was given a stated value that has a setting of its own,
    /// or cannot have that value.
    pub fn build(self) -> Result<JwtVerifier, ConfigError> {
        self.check_issuers_and_audiences()?;
        self.check_times()?;
        self.check_claims()?;
        let token_type = match self.token_type.as_deref().map(without_application) {
            None => TokenType::Usual,
            Some(typ) if typ.is_empty() || typ.contains('/') => {
                return Err(ConfigError::new(
                    "token_type",
                    "it is no media type below application/",
                ));
            }
            Some(typ) => TokenType::Exactly(typ.into()),
        };
        Ok(JwtVerifier {
            keys: Keys::new(self.keys),
            token_type,
            rules: self.rules,
        })
    }

    fn check_issuers_and_audiences(&self) -> Result<(), ConfigError> {
        let rules = &self.rules;
        for (setting, waiver, stated, waived) in [
            (
                "issuer",
                "allow_any_issuer",
                !rules.issuers.is_empty(),
                self.any_issuer,
            ),
            (
                "audience",
                "allow_any_audience",
                !rules.audiences.is_empty(),
                self.any_audience,
            ),
        ] {
            let problem = match (stated, waived) {
                (false, false) => format!("state one, or waive it with {waiver}"),
                (true, true) => format!("one is stated, and waived with {waiver}"),
                _ => continue,
            };
            return Err(ConfigError::new(setting, problem));
        }
        if rules.issuers.iter().any(|issuer| issuer.is_empty()) {
            return Err(ConfigError::new("issuer", "it is empty"));
        }
        if rules.audiences.iter().any(|audience| audience.is_empty()) {
            return Err(ConfigError::new("audience", "it is empty"));
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), ConfigError> {
        if self.rules.leeway > MAX_LEEWAY {
            return Err(ConfigError::new("leeway", "it is over 300 seconds"));
        }
        if self.rules.max_lifetime.is_some() && !self.rules.exp_required {
            return Err(ConfigError::new(
                "max_lifetime",
                "tokens without exp are allowed and have no end",
            ));
        }
        Ok(())
    }

    fn check_claims(&self) -> Result<(), ConfigError> {
        const WITH_A_SETTING: [&str; 9] = [
            "iss",
            "aud",
            "exp",
            "nbf",
            "iat",
            "iat_ms",
            "jti",
            "auth_time",
            "cnf",
        ];
        const STRINGS: [&str; 4] = ["sub", "client_id", "acr", "sid"];
        let rules = &self.rules;
        let reserved = |name: &str| WITH_A_SETTING.contains(&name) || STRINGS.contains(&name);
        if reserved(&rules.scope_claim) {
            return Err(ConfigError::new(
                "scope_claim",
                "that claim has a meaning of its own",
            ));
        }
        if let Some(roles) = rules.roles_claim.as_deref()
            && (reserved(roles) || roles == &*rules.scope_claim)
        {
            return Err(ConfigError::new(
                "roles_claim",
                "that claim has a meaning of its own",
            ));
        }
        for (place, (name, value)) in rules.stated.iter().enumerate() {
            let problem = if WITH_A_SETTING.contains(&&**name) || *name == rules.scope_claim {
                "that claim is checked by a setting of its own"
            } else if rules.roles_claim.as_ref() == Some(name) {
                "that claim holds the roles"
            } else if STRINGS.contains(&&**name) && !matches!(value, ClaimValue::Text(_)) {
                "that claim is a string"
            } else if rules.stated[..place].iter().any(|(other, _)| other == name) {
                "that claim has two stated values"
            } else {
                continue;
            };
            return Err(ConfigError::new(format!("require_claim {name:?}"), problem));
        }
        Ok(())
    }
}

impl fmt::Debug for JwtVerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifierBuilder")
            .field("keys", &self.keys)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
