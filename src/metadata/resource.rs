use std::fmt;

use super::builder::ResourceMetadataBuilder;
use crate::url::split_origin;

/// The metadata of a protected resource (RFC 9728 §2). The [module](super) shows what to do with it.
#[derive(Clone)]
pub struct ResourceMetadata {
    resource: Box<str>,
    url: Box<str>,
    // The members as they are written, without the braces around them.
    members: String,
    #[cfg(feature = "jwt")]
    signed: bool,
}

impl ResourceMetadata {
    /// Begins to describe the resource with this identifier: an `https` URL without a fragment, which is what
    /// tokens for it have as their audience. It is compared as it is written, so write it as clients do.
    pub fn builder(resource: impl Into<String>) -> ResourceMetadataBuilder {
        ResourceMetadataBuilder::new(resource.into())
    }

    pub(super) fn new(resource: String, members: String) -> Self {
        let (origin, target) = split_origin(&resource);
        // RFC 9728 §3.1: a slash that ends the host is taken away.
        let suffix = match target.strip_prefix('/') {
            Some(rest) if rest.is_empty() || rest.starts_with('?') => rest,
            _ => target,
        };
        Self {
            url: [origin, WELL_KNOWN, suffix].concat().into(),
            resource: resource.into(),
            members,
            #[cfg(feature = "jwt")]
            signed: false,
        }
    }

    /// The resource's identifier.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Where the document is: the identifier with `/.well-known/oauth-protected-resource` between host and
    /// path (RFC 9728 §3).
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path of [`url`](Self::url), without a query: where a router has the service.
    #[must_use]
    pub fn path(&self) -> &str {
        let target = self.target();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> String {
        ["{", &*self.members, "}"].concat()
    }

    /// The path of the URL, with its query.
    pub(super) fn target(&self) -> &str {
        split_origin(&self.url).1
    }

    /// The members, without the braces around them.
    #[cfg(feature = "jwt")]
    pub(crate) fn members(&self) -> &str {
        &self.members
    }

    #[cfg(feature = "jwt")]
    pub(crate) fn is_signed(&self) -> bool {
        self.signed
    }

    /// Adds the JWT of the members.
    #[cfg(feature = "jwt")]
    pub(crate) fn add_signed(&mut self, jwt: &str) {
        self.signed = true;
        self.members.push_str(r#","signed_metadata":"#);
        crate::write_json::push_string(&mut self.members, jwt);
    }
}

impl fmt::Debug for ResourceMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceMetadata")
            .field("resource", &self.resource)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
