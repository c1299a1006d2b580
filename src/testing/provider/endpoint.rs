/// What an [`IdentityProvider`](super::IdentityProvider) serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// The metadata of OpenID Connect Discovery 1.0 §4: the issuer's path, and after it
    /// `/.well-known/openid-configuration`. With the path behind that, it is served too.
    OpenIdConfiguration,
    /// The metadata of RFC 8414 §3: `/.well-known/oauth-authorization-server`, and after it the issuer's
    /// path.
    AuthorizationServerMetadata,
    /// The keys as a JWK Set (RFC 7517 §5).
    Jwks,
    /// What a token is good for (RFC 7662).
    Introspection,
    /// Every other path, where there is nothing. A provider that nobody should ask has no request here.
    Elsewhere,
}

impl Endpoint {
    /// Every endpoint, in the order of declaration.
    pub const ALL: [Self; 5] = [
        Self::OpenIdConfiguration,
        Self::AuthorizationServerMetadata,
        Self::Jwks,
        Self::Introspection,
        Self::Elsewhere,
    ];

    /// Where it is, for an issuer with this path.
    pub(super) fn path(self, issuer_path: &str) -> String {
        let path = issuer_path.trim_end_matches('/');
        match self {
            Self::OpenIdConfiguration => format!("{path}{OPENID}"),
            Self::AuthorizationServerMetadata => format!("{OAUTH}{path}"),
            Self::Jwks => format!("{path}/jwks"),
            Self::Introspection => format!("{path}/introspect"),
            Self::Elsewhere => format!("{path}/elsewhere"),
        }
    }

    /// What a request for this path asks for.
    pub(super) fn asked_for(path: &str, issuer_path: &str) -> Self {
        let with_path_behind = format!("{OPENID}{}", issuer_path.trim_end_matches('/'));
        if path == with_path_behind {
            return Self::OpenIdConfiguration;
        }
        let is_meant = |endpoint: &Self| endpoint.path(issuer_path) == path;
        Self::ALL
            .into_iter()
            .find(is_meant)
            .unwrap_or(Self::Elsewhere)
    }
}

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";
