use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::rules::{Rules, Tenant};
use super::shapes::Shapes;
use super::sources::Sources;
use super::value::ClaimValue;
use crate::identity::CredentialKind;
use crate::keys::VerifierKeys;

/// How long clocks may disagree unless set otherwise.
const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

/// Sets up a [`JwtVerifier`](super::JwtVerifier). Strict unless waived, by name.
#[must_use = "nothing is verified until it is built"]
pub struct JwtVerifierBuilder {
    pub(super) keys: VerifierKeys,
    pub(super) token_types: Vec<Box<str>>,
    pub(super) issuer_templates: Vec<Box<str>>,
    pub(super) any_issuer: bool,
    pub(super) any_audience: bool,
    pub(super) shapes: Shapes,
    pub(super) rules: Rules,
}

impl JwtVerifierBuilder {
    pub(super) fn new(keys: VerifierKeys) -> Self {
        Self {
            keys,
            token_types: Vec::new(),
            issuer_templates: Vec::new(),
            any_issuer: false,
            any_audience: false,
            shapes: Shapes::new(),
            rules: Rules {
                issuers: Vec::new(),
                issuer_templates: Vec::new(),
                audiences: Vec::new(),
                other_audience: None,
                present: Vec::new(),
                exp_required: true,
                nbf_required: false,
                iat_required: false,
                jti_required: false,
                client_id_required: false,
                leeway: DEFAULT_LEEWAY,
                max_lifetime: None,
                sources: Sources::default(),
                subject: Vec::new(),
                client_id: Vec::new(),
                tenant: Tenant::None,
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

    /// Trusts the issuers that this template makes: in it, `{tenantid}` stands for the tenant that the token
    /// itself claims, by [`tenant_claim`](Self::tenant_claim). Called again, trusts those of that one too.
    ///
    /// This is for one provider that signs for all its tenants with the same keys. Every tenant that it has
    /// is let in: say which by [`require_claim_in`](Self::require_claim_in), or by a policy. A key whose JWK
    /// names an `issuer`, one or a template, signs for that alone.
    ///
    /// ```
    /// # use tower_bearer::verifier::jwt::JwtVerifierBuilder;
    /// # fn example(builder: JwtVerifierBuilder) -> JwtVerifierBuilder {
    /// builder
    ///     .issuer_template("https://login.microsoftonline.com/{tenantid}/v2.0")
    ///     .tenant_claim("tid")
    /// # }
    /// ```
    pub fn issuer_template(mut self, template: impl Into<Box<str>>) -> Self {
        self.issuer_templates.push(template.into());
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

    /// Demands that `typ` be this, in any letter case and with or without `application/`. Called again, admits
    /// that one too.
    pub fn token_type(mut self, typ: impl Into<Box<str>>) -> Self {
        self.token_types.push(typ.into());
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
    pub fn require_claim(self, name: impl Into<Box<str>>, value: impl Into<ClaimValue>) -> Self {
        self.require_claim_in(name, [value])
    }

    /// Demands that the claim `name` be there with one of these values.
    ///
    /// ```
    /// # use tower_bearer::verifier::jwt::JwtVerifierBuilder;
    /// # fn example(builder: JwtVerifierBuilder) -> JwtVerifierBuilder {
    /// builder.require_claim_in("repository_owner_id", ["65", "1024"])
    /// # }
    /// ```
    pub fn require_claim_in<V: Into<ClaimValue>>(
        mut self,
        name: impl Into<Box<str>>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.shapes.state([name.into()].into(), values);
        self
    }

    /// Demands that the claim at the end of this path of names be there with one of these values.
    ///
    /// ```
    /// # use tower_bearer::verifier::jwt::JwtVerifierBuilder;
    /// # fn example(builder: JwtVerifierBuilder) -> JwtVerifierBuilder {
    /// builder.require_claim_at(["kubernetes.io", "namespace"], ["shop", "billing"])
    /// # }
    /// ```
    pub fn require_claim_at<N: Into<Box<str>>, V: Into<ClaimValue>>(
        mut self,
        path: impl IntoIterator<Item = N>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let path = path.into_iter().map(Into::into).collect();
        let values = values.into_iter().map(Into::into).collect();
        self.shapes.state(path, values);
        self
    }

    /// Demands that the claim `name` be there, whatever its value, be it `null`.
    pub fn require_presence(mut self, name: impl Into<Box<str>>) -> Self {
        let name = name.into();
        if !self.rules.present.contains(&name) {
            self.rules.present.push(name);
        }
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
}

impl fmt::Debug for JwtVerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifierBuilder")
            .field("keys", &self.keys)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
