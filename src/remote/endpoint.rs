use std::fmt;

use reqwest::Url;

use crate::error::ConfigError;

/// An absolute URL that may be asked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

impl Endpoint {
    /// Reads `text`, the value of `setting`.
    ///
    /// # Errors
    /// If it is no absolute URL by HTTPS (or by HTTP, where `plain_http` allows that), or has user information
    /// or a fragment.
    pub(super) fn parse(
        setting: &'static str,
        text: &str,
        plain_http: bool,
    ) -> Result<Self, ConfigError> {
        let bad = |problem| Err(ConfigError::new(setting, problem));
        let Ok(url) = Url::parse(text) else {
            return bad("it is no absolute URL");
        };
        match url.scheme() {
            "https" => {}
            "http" if plain_http => {}
            "http" => return bad("it is not https, and plain http was not allowed"),
            _ => return bad("it is not https"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return bad("it has user information");
        }
        if url.fragment().is_some() {
            return bad("it has a fragment");
        }
        Ok(Self(url))
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// The path, which begins with a slash.
    #[cfg(feature = "jwks")]
    pub(crate) fn path(&self) -> &str {
        self.0.path()
    }

    #[cfg(feature = "jwks")]
    pub(crate) fn has_query(&self) -> bool {
        self.0.query().is_some()
    }

    /// Another path on the same host.
    #[cfg(feature = "jwks")]
    pub(crate) fn with_path(&self, path: &str) -> Self {
        let mut url = self.0.clone();
        url.set_path(path);
        url.set_query(None);
        Self(url)
    }

    /// The URL without its query, for logs.
    #[cfg(feature = "jwks")]
    pub(crate) fn shown(&self) -> &str {
        let text = self.0.as_str();
        text.split_once('?').map_or(text, |(shown, _)| shown)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
