use std::fmt;
use std::time::Duration;

use super::client::HttpClient;
use crate::error::ConfigError;

/// How a server elsewhere is asked. The rules are in the [module's](super) documentation.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::remote::HttpSettings;
///
/// let settings = HttpSettings::new()
///     .connect_timeout(Duration::from_millis(500))
///     .timeout(Duration::from_secs(2));
/// ```
#[derive(Clone)]
#[must_use]
pub struct HttpSettings {
    connect_timeout: Duration,
    timeout: Duration,
    max_body: usize,
    plain_http: bool,
    roots: Vec<String>,
    kept_open: Option<Duration>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpSettings {
    /// Half a second to connect, two seconds in all, and bodies of 256 KiB at most, by HTTPS alone.
    pub fn new() -> Self {
        Self {
            connect_timeout: Duration::from_millis(500),
            timeout: Duration::from_secs(2),
            max_body: 256 * 1024,
            plain_http: false,
            roots: Vec::new(),
            kept_open: None,
        }
    }

    /// How long connecting may take, TLS included: half a second unless set. Not 0.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long an exchange may take in all, from connecting to the last byte of the body: two seconds
    /// unless set. Not 0.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// The longest body that is read, in bytes: 256 KiB unless set. Not 0.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Takes `http` URLs too. What comes by such a URL may come from anybody on the way: for tests, and for
    /// networks that protect it otherwise.
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Trusts these certificates too, beside the system's: one or several in PEM.
    pub fn add_root_certificates(mut self, pem: impl Into<String>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// Closes connections that are not used for so long: for many servers that are asked now and then.
    #[cfg(feature = "jwks")]
    pub(crate) fn kept_open(mut self, limit: Duration) -> Self {
        self.kept_open = Some(limit);
        self
    }

    /// The client.
    ///
    /// # Errors
    /// If a limit is 0, a certificate is none, or TLS cannot be set up.
    pub(crate) fn build(&self) -> Result<HttpClient, ConfigError> {
        for (setting, limit) in [
            ("connect_timeout", self.connect_timeout),
            ("timeout", self.timeout),
        ] {
            if limit.is_zero() {
                return Err(ConfigError::new(setting, "nothing answers in no time"));
            }
        }
        if self.max_body == 0 {
            return Err(ConfigError::new("max_body", "no body is that short"));
        }
        HttpClient::new(self)
    }

    pub(super) fn limits(&self) -> (Duration, Duration, usize) {
        (self.connect_timeout, self.timeout, self.max_body)
    }

    pub(super) fn idle_limit(&self) -> Option<Duration> {
        self.kept_open
    }

    pub(super) fn takes_plain_http(&self) -> bool {
        self.plain_http
    }

    pub(super) fn roots(&self) -> &[String] {
        &self.roots
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("max_body", &self.max_body)
            .field("plain_http", &self.plain_http)
            .field("roots", &self.roots.len())
            .finish()
    }
}
