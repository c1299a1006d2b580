use super::resource::ResourceMetadata;
use crate::error::ConfigError;
use crate::scope::ScopeSet;
use crate::url::{check_url, is_https};
use crate::write_json::{push_string, push_strings};

/// Describes a resource; ends with [`build`](Self::build). The methods are named as the members of RFC 9728
/// §2; what is not said is not in the document.
///
/// `bearer_methods_supported` is always `["header"]`, since the layer reads tokens from nowhere else.
#[derive(Debug, Clone)]
#[must_use = "metadata is made by `build`"]
pub struct ResourceMetadataBuilder {
    resource: String,
    authorization_servers: Vec<String>,
    jwks_uri: Option<String>,
    scopes: Vec<String>,
    name: Option<String>,
    pages: [Option<String>; 3],
    certificate_bound: bool,
    authorization_details_types: Vec<String>,
    dpop_algorithms: Vec<String>,
    dpop_required: bool,
    plain_http: bool,
    #[cfg(feature = "jwt")]
    extra: Vec<(String, Option<String>)>,
}

impl ResourceMetadataBuilder {
    pub(super) fn new(resource: String) -> Self {
        Self {
            resource,
            authorization_servers: Vec::new(),
            jwks_uri: None,
            scopes: Vec::new(),
            name: None,
            pages: [const { None }; 3],
            certificate_bound: false,
            authorization_details_types: Vec::new(),
            dpop_algorithms: Vec::new(),
            dpop_required: false,
            plain_http: false,
            #[cfg(feature = "jwt")]
            extra: Vec::new(),
        }
    }

    /// Names an authorization server whose tokens are taken, by its issuer identifier (RFC 8414). Several may
    /// be named.
    pub fn authorization_server(mut self, issuer: impl Into<String>) -> Self {
        self.authorization_servers.push(issuer.into());
        self
    }

    /// Where the resource's own public keys are, with which it signs its answers.
    pub fn jwks_uri(mut self, url: impl Into<String>) -> Self {
        self.jwks_uri = Some(url.into());
        self
    }

    /// Scopes that clients may ask for, added to those that were named. Not all need be told.
    pub fn scopes_supported<I>(mut self, scopes: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// A name for people to read. In several languages: by [`extra`](Self::extra), as `resource_name#de`.
    pub fn resource_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A page for developers.
    pub fn resource_documentation(mut self, url: impl Into<String>) -> Self {
        self.pages[0] = Some(url.into());
        self
    }

    /// A page that says how data may be used.
    pub fn resource_policy_uri(mut self, url: impl Into<String>) -> Self {
        self.pages[1] = Some(url.into());
        self
    }

    /// A page with the terms of service.
    pub fn resource_tos_uri(mut self, url: impl Into<String>) -> Self {
        self.pages[2] = Some(url.into());
        self
    }

    /// Says that tokens bound to the client's certificate are taken (RFC 8705).
    pub fn tls_client_certificate_bound_access_tokens(mut self) -> Self {
        self.certificate_bound = true;
        self
    }

    /// The types of `authorization_details` that are understood (RFC 9396).
    pub fn authorization_details_types_supported<I>(mut self, types: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let types = types.into_iter().map(Into::into);
        self.authorization_details_types.extend(types);
        self
    }

    /// The algorithms that DPoP proofs may be signed by (RFC 9449), such as `ES256`.
    pub fn dpop_signing_alg_values_supported<I>(mut self, algorithms: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let algorithms = algorithms.into_iter().map(Into::into);
        self.dpop_algorithms.extend(algorithms);
        self
    }

    /// Says that every token must be bound by DPoP (RFC 9449).
    pub fn dpop_bound_access_tokens_required(mut self) -> Self {
        self.dpop_required = true;
        self
    }

    /// Adds a member of another name: one of another specification, or in another language.
    ///
    /// ```
    /// # use tower_bearer::ConfigError;
    /// # use tower_bearer::metadata::ResourceMetadata;
    /// # fn example() -> Result<ResourceMetadata, ConfigError> {
    /// ResourceMetadata::builder("https://api.example.com/orders")
    ///     .resource_name("Orders")
    ///     .extra("resource_name#de", "Bestellungen")
    ///     .extra("resource_signing_alg_values_supported", ["ES256"])
    ///     .build()
    /// # }
    /// ```
    #[cfg(feature = "jwt")]
    pub fn extra(mut self, name: impl Into<String>, value: impl serde::Serialize) -> Self {
        let value = serde_json::to_string(&value).ok();
        self.extra.push((name.into(), value));
        self
    }

    /// Takes `http` URLs too, for tests and for work on one machine. RFC 9728 §1.2 asks for `https`, and
    /// clients may refuse any other.
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// The metadata.
    ///
    /// # Errors
    /// A [`ConfigError`] that names the member which cannot be right: a URL that is none, is not `https`, or
    /// has a fragment; an issuer with a query, or named twice; a scope that is none; an algorithm for DPoP
    /// that is symmetric or `none`; a text that is empty; an extra member with the name of another.
    pub fn build(self) -> Result<ResourceMetadata, ConfigError> {
        self.check()?;
        let mut members = Members::default();
        members.text("resource", Some(&self.resource));
        members.texts("authorization_servers", &self.authorization_servers);
        members.text("jwks_uri", self.jwks_uri.as_deref());
        members.texts("scopes_supported", &self.scopes);
        members.texts("bearer_methods_supported", &["header".to_owned()]);
        members.text("resource_name", self.name.as_deref());
        for (name, page) in PAGES.into_iter().zip(&self.pages) {
            members.text(name, page.as_deref());
        }
        let name = "tls_client_certificate_bound_access_tokens";
        members.truth(name, self.certificate_bound);
        let name = "authorization_details_types_supported";
        members.texts(name, &self.authorization_details_types);
        let name = "dpop_signing_alg_values_supported";
        members.texts(name, &self.dpop_algorithms);
        members.truth("dpop_bound_access_tokens_required", self.dpop_required);
        #[cfg(feature = "jwt")]
        for (name, value) in &self.extra {
            members.raw(name, value.as_deref().unwrap_or("null"));
        }
        Ok(ResourceMetadata::new(self.resource, members.text))
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.check_protected("resource", &self.resource)?;
        for (place, issuer) in self.authorization_servers.iter().enumerate() {
            self.check_issuer(issuer, &self.authorization_servers[..place])?;
        }
        if let Some(url) = &self.jwks_uri {
            self.check_protected("jwks_uri", url)?;
        }
        for (name, page) in PAGES.into_iter().zip(&self.pages) {
            page.as_ref().map_or(Ok(()), |url| check_url(name, url))?;
        }
        if ScopeSet::try_from_iter(&self.scopes).is_err() {
            let problem = "one of them is no scope (RFC 6749 §3.3)";
            return Err(ConfigError::new("scopes_supported", problem));
        }
        let types = &self.authorization_details_types;
        for (setting, texts) in [
            ("resource_name", self.name.as_slice()),
            ("authorization_details_types_supported", types),
        ] {
            if texts.iter().any(String::is_empty) {
                return Err(ConfigError::new(setting, "it is empty"));
            }
        }
        // RFC 9449 §5.1: digital signatures alone.
        let is_signature =
            |name: &String| !name.is_empty() && name != "none" && !name.starts_with("HS");
        if !self.dpop_algorithms.iter().all(is_signature) {
            let problem = "one of them is no algorithm of digital signatures";
            let setting = "dpop_signing_alg_values_supported";
            return Err(ConfigError::new(setting, problem));
        }
        #[cfg(feature = "jwt")]
        self.check_extra()?;
        Ok(())
    }

    /// That the URL is one, by TLS unless that was waived.
    fn check_protected(&self, setting: &'static str, url: &str) -> Result<(), ConfigError> {
        check_url(setting, url)?;
        if !is_https(url) && !self.plain_http {
            return Err(ConfigError::new(setting, "it is not https"));
        }
        Ok(())
    }

    fn check_issuer(&self, issuer: &String, before: &[String]) -> Result<(), ConfigError> {
        let setting = "authorization_server";
        self.check_protected(setting, issuer)?;
        if issuer.contains('?') {
            let problem = "an issuer identifier has no query (RFC 8414 §2)";
            return Err(ConfigError::new(setting, problem));
        }
        if before.contains(issuer) {
            let problem = format!("{issuer} is named twice");
            return Err(ConfigError::new(setting, problem));
        }
        Ok(())
    }

    #[cfg(feature = "jwt")]
    fn check_extra(&self) -> Result<(), ConfigError> {
        for (place, (name, value)) in self.extra.iter().enumerate() {
            let twice = self.extra[..place].iter().any(|(before, _)| before == name);
            let problem = if name.is_empty() {
                "a member needs a name".to_owned()
            } else if twice {
                format!("{name} is named twice")
            } else if OWN.contains(&&**name) || PAGES.contains(&&**name) {
                format!("{name} is not an extra member, and has another way to be said")
            } else if value.is_none() {
                format!("{name} cannot be written as JSON")
            } else {
                continue;
            };
            return Err(ConfigError::new("extra", problem));
        }
        Ok(())
    }
}

/// The members of a document, being written.
#[derive(Default)]
struct Members {
    text: String,
}

impl Members {
    fn begin(&mut self, name: &str) {
        if !self.text.is_empty() {
            self.text.push(',');
        }
        push_string(&mut self.text, name);
        self.text.push(':');
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.begin(name);
            push_string(&mut self.text, text);
        }
    }

    /// RFC 9728 §3.2: what is empty is left out.
    fn texts(&mut self, name: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.begin(name);
            push_strings(&mut self.text, texts.iter().map(String::as_str));
        }
    }

    fn truth(&mut self, name: &str, truth: bool) {
        if truth {
            self.raw(name, "true");
        }
    }

    fn raw(&mut self, name: &str, json: &str) {
        self.begin(name);
        self.text.push_str(json);
    }
}

const PAGES: [&str; 3] = [
    "resource_documentation",
    "resource_policy_uri",
    "resource_tos_uri",
];

/// The other members that are written here or by whoever signs.
#[cfg(feature = "jwt")]
const OWN: [&str; 11] = [
    "resource",
    "authorization_servers",
    "jwks_uri",
    "scopes_supported",
    "bearer_methods_supported",
    "resource_name",
    "tls_client_certificate_bound_access_tokens",
    "authorization_details_types_supported",
    "dpop_signing_alg_values_supported",
    "dpop_bound_access_tokens_required",
    "signed_metadata",
];
