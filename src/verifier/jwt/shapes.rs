//! The settings for issuers that write things elsewhere than RFC 7519 and RFC 9068 say.

use std::sync::Arc;

use super::JwtVerifierBuilder;
use super::rules::{Rules, Tenant};
use super::sources::{Origin, Sources};
use super::value::ClaimValue;
use crate::error::ConfigError;

type Path = Box<[Box<str>]>;

/// What was asked for; the claims that it takes are found out when the verifier is built.
pub(super) struct Shapes {
    scopes: Vec<Named>,
    roles: Vec<Named>,
    subject: Vec<Named>,
    client_id: Vec<Named>,
    tenants: Vec<Named>,
    audience: Vec<Named>,
    stated: Vec<(Path, Box<[ClaimValue]>)>,
}

/// A claim, and the setting that named it.
struct Named {
    setting: &'static str,
    path: Path,
}

impl Shapes {
    pub(super) fn new() -> Self {
        Self {
            scopes: vec![named("scope_claim", "scope")],
            roles: Vec::new(),
            subject: vec![named("subject_claim", "sub")],
            client_id: vec![named("client_id_claim", "client_id")],
            tenants: Vec::new(),
            audience: Vec::new(),
            stated: Vec::new(),
        }
    }

    pub(super) fn state(&mut self, path: Path, values: Box<[ClaimValue]>) {
        self.stated.push((path, values));
    }

    /// Writes into `rules` what is to be read.
    pub(super) fn settle(self, rules: &mut Rules) -> Result<(), ConfigError> {
        let sources = &mut rules.sources;
        for named in &self.scopes {
            named.tell(sources.add_scopes(&named.path))?;
        }
        for named in &self.roles {
            named.tell(sources.add_roles(&named.path))?;
        }
        rules.subject = keep(sources, &self.subject)?;
        rules.client_id = keep(sources, &self.client_id)?;
        rules.other_audience = single(sources, &self.audience)?;
        if let Some(origin) = single(sources, &self.tenants)? {
            if let Tenant::Fixed(_) = rules.tenant {
                return Err(ConfigError::new(
                    "tenant",
                    "a claim for it is named as well",
                ));
            }
            rules.tenant = Tenant::Claimed(origin);
        }
        for (path, values) in self.stated {
            let name = path.join(".");
            sources
                .state(&path, values)
                .map_err(|problem| ConfigError::new(format!("require_claim {name:?}"), problem))?;
        }
        Ok(())
    }
}

fn named(setting: &'static str, name: impl Into<Box<str>>) -> Named {
    Named {
        setting,
        path: [name.into()].into(),
    }
}

fn at<N: Into<Box<str>>>(setting: &'static str, path: impl IntoIterator<Item = N>) -> Named {
    Named {
        setting,
        path: path.into_iter().map(Into::into).collect(),
    }
}

impl Named {
    fn tell<T>(&self, result: Result<T, &'static str>) -> Result<T, ConfigError> {
        result.map_err(|problem| ConfigError::new(self.setting, problem))
    }
}

fn keep(sources: &mut Sources, all: &[Named]) -> Result<Vec<Origin>, ConfigError> {
    all.iter()
        .map(|named| named.tell(sources.keep(&named.path)))
        .collect()
}

fn single(sources: &mut Sources, all: &[Named]) -> Result<Option<Origin>, ConfigError> {
    match all {
        [_, again, ..] => again.tell(Err("it is named twice")),
        _ => Ok(keep(sources, all)?.pop()),
    }
}

/// Where issuers write what RFC 7519 and RFC 9068 have other claims for, or none.
///
/// A claim that is not there says nothing: no scopes, no roles, no tenant. One of another type than the
/// setting says is refused. `*_at` takes the names of members from the outermost inwards, each as it is: a
/// dot or a slash in it has no meaning.
impl JwtVerifierBuilder {
    /// Reads scopes from this claim instead of `scope`: one string with spaces, or an array of strings.
    pub fn scope_claim(mut self, name: impl Into<Box<str>>) -> Self {
        self.shapes.scopes = vec![named("scope_claim", name)];
        self
    }

    /// Reads scopes from here as well: one string with spaces, or an array of strings.
    ///
    /// ```
    /// # use tower_bearer::verifier::jwt::JwtVerifierBuilder;
    /// # fn example(builder: JwtVerifierBuilder) -> JwtVerifierBuilder {
    /// builder.scopes_at(["permissions"]).scopes_at(["authorization", "scopes"])
    /// # }
    /// ```
    pub fn scopes_at<N: Into<Box<str>>>(mut self, path: impl IntoIterator<Item = N>) -> Self {
        self.shapes.scopes.push(at("scopes_at", path));
        self
    }

    /// Reads roles, each held everywhere, from this claim: an array of strings. Called again, reads that one
    /// too.
    pub fn roles_claim(mut self, name: impl Into<Box<str>>) -> Self {
        self.shapes.roles.push(named("roles_claim", name));
        self
    }

    /// Reads roles, each held everywhere, from here as well: an array of strings.
    ///
    /// ```
    /// # use tower_bearer::verifier::jwt::JwtVerifierBuilder;
    /// # fn example(builder: JwtVerifierBuilder) -> JwtVerifierBuilder {
    /// builder
    ///     .roles_at(["realm_access", "roles"])
    ///     .roles_at(["resource_access", "orders-api", "roles"])
    /// # }
    /// ```
    pub fn roles_at<N: Into<Box<str>>>(mut self, path: impl IntoIterator<Item = N>) -> Self {
        self.shapes.roles.push(at("roles_at", path));
        self
    }

    /// Takes the subject from this claim, a string, instead of `sub`.
    pub fn subject_claim(mut self, name: impl Into<Box<str>>) -> Self {
        self.shapes.subject = vec![named("subject_claim", name)];
        self
    }

    /// Where the subject's claim is missing, takes the subject from this one. Called again, the next to be
    /// tried.
    ///
    /// A client may be called as a person is, unless the issuer sees to it that none is (RFC 9068 §5).
    pub fn subject_fallback(mut self, name: impl Into<Box<str>>) -> Self {
        self.shapes.subject.push(named("subject_fallback", name));
        self
    }

    /// Takes tokens that name nobody: for those that carry something else, and let nobody in.
    #[cfg(feature = "introspection")]
    pub(in crate::verifier) fn allow_nameless(mut self) -> Self {
        self.shapes.subject = Vec::new();
        self
    }

    /// Takes the client from this claim, a string, instead of `client_id`.
    pub fn client_id_claim(mut self, name: impl Into<Box<str>>) -> Self {
        self.shapes.client_id = vec![named("client_id_claim", name)];
        self
    }

    /// Where the client's claim is missing, takes the client from this one, such as `azp`. Called again, the
    /// next to be tried.
    pub fn client_id_fallback(mut self, name: impl Into<Box<str>>) -> Self {
        self.shapes
            .client_id
            .push(named("client_id_fallback", name));
        self
    }

    /// In a token without `aud`, looks for the audience in this claim, a string, such as `client_id`. An `aud`
    /// that is there still counts.
    pub fn audience_fallback(mut self, name: impl Into<Box<str>>) -> Self {
        self.shapes.audience.push(named("audience_fallback", name));
        self
    }

    /// Gives all identities this tenant.
    pub fn tenant(mut self, tenant: impl Into<Arc<str>>) -> Self {
        self.rules.tenant = Tenant::Fixed(tenant.into());
        self
    }

    /// Takes the tenant from this claim: a string, and not empty.
    pub fn tenant_claim(mut self, name: impl Into<Box<str>>) -> Self {
        self.shapes.tenants.push(named("tenant_claim", name));
        self
    }

    /// Takes the tenant from here: a string, and not empty.
    ///
    /// ```
    /// # use tower_bearer::verifier::jwt::JwtVerifierBuilder;
    /// # fn example(builder: JwtVerifierBuilder) -> JwtVerifierBuilder {
    /// builder.tenant_at(["kubernetes.io", "namespace"])
    /// # }
    /// ```
    pub fn tenant_at<N: Into<Box<str>>>(mut self, path: impl IntoIterator<Item = N>) -> Self {
        self.shapes.tenants.push(at("tenant_at", path));
        self
    }
}
