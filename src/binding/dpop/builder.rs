use std::sync::Arc;
use std::time::Duration;

use super::Dpop;
use super::nonce::{NonceKey, Nonces};
use super::url::{Sites, Url};
use crate::binding::proxy::TrustedProxy;
use crate::error::ConfigError;
use crate::keys::Algorithm;
use crate::replay::ReplayStore;

const DEFAULT_MAX_AGE: Duration = Duration::from_secs(60);
const LONGEST_MAX_AGE: Duration = Duration::from_secs(600);
const DEFAULT_LEEWAY: Duration = Duration::from_secs(5);
const LONGEST_LEEWAY: Duration = Duration::from_secs(60);
const DEFAULT_NONCE_LIFETIME: Duration = Duration::from_secs(60);
const LONGEST_NONCE_LIFETIME: Duration = Duration::from_secs(3600);

/// Sets up a [`Dpop`]; ends with [`build`](Self::build).
#[derive(Debug)]
#[must_use = "nothing is checked until it is built"]
pub struct DpopBuilder {
    replays: Arc<dyn ReplayStore>,
    urls: Vec<Box<str>>,
    sites: Sites,
    algorithms: Vec<Algorithm>,
    max_age: Duration,
    leeway: Duration,
    nonce_key: Option<NonceKey>,
    nonce_lifetime: Option<Duration>,
}

impl DpopBuilder {
    pub(super) fn new(replays: Arc<dyn ReplayStore>) -> Self {
        Self {
            replays,
            urls: Vec::new(),
            sites: Sites::default(),
            algorithms: vec![Algorithm::ES256, Algorithm::EdDSA, Algorithm::PS256],
            max_age: DEFAULT_MAX_AGE,
            leeway: DEFAULT_LEEWAY,
            nonce_key: None,
            nonce_lifetime: None,
        }
    }

    /// Where clients reach what the layer sees as `/`, whatever proxies stand between:
    /// `https://api.example.com`. It has a path where a proxy, or a router that nests, takes one off before
    /// the layer: `https://api.example.com/orders`. Called again, they reach it there, too.
    ///
    /// URLs are compared in the spelling of RFC 3986 §6.2.2 and §6.2.3: scheme and host without letter case,
    /// without the scheme's own port, and escapes undone where they are not needed. Dots in the proof's path
    /// are resolved; those in the request's are not, so that what has some is never proved.
    pub fn url(mut self, url: impl Into<Box<str>>) -> Self {
        self.urls.push(url.into());
        self
    }

    /// Clients also reach it as the proxy says which a request came from, in `X-Forwarded-Proto` and
    /// `X-Forwarded-Host`. Each stands once and has one value; the proxy sets both on each request.
    pub fn url_from_proxy(mut self, proxy: TrustedProxy) -> Self {
        self.sites.proxy = Some(proxy);
        self
    }

    /// Clients also reach it by `https` at whatever host a request names (`:authority` or `Host`).
    ///
    /// Whoever stole a proof for another host can name that host. Where the hosts are known, state them by
    /// [`url`](Self::url).
    pub fn believe_host(mut self) -> Self {
        self.sites.own_scheme = Some("https");
        self
    }

    /// The same without TLS, for a machine of one's own.
    pub fn believe_host_without_tls(mut self) -> Self {
        self.sites.own_scheme = Some("http");
        self
    }

    /// The algorithms that proofs may be signed by: ES256, EdDSA and PS256 unless set, which are those of
    /// FAPI 2.0 (§5.4). Clients are told of them in the challenge.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// How old a proof may be: 60 seconds unless set, 600 at most. For as long its `jti` is remembered.
    pub fn max_age(mut self, max: Duration) -> Self {
        self.max_age = max;
        self
    }

    /// How far a client's clock may be ahead: 5 seconds unless set, 60 at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Asks each proof for a nonce that this service gave out (RFC 9449 §9), by which its age is known
    /// whatever the client's clock says, and which nobody can have signed in advance.
    ///
    /// A client without one is told it with its first refusal, and of a new one in time: with a good answer
    /// (`DPoP-Nonce`), which is then not to be cached.
    pub fn require_nonce(mut self, key: NonceKey) -> Self {
        self.nonce_key = Some(key);
        self
    }

    /// For how long a nonce is given out, in whole seconds: 60 unless set, 3600 at most. It is good for as long
    /// again, and for so long a `jti` is remembered: with an hour, a store in memory of 500,000 ids is full at
    /// some 50 proofs a second.
    pub fn nonce_lifetime(mut self, lifetime: Duration) -> Self {
        self.nonce_lifetime = Some(lifetime);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// If no URL is known or one is none, if there is no algorithm or one of shared secrets, or if a time is
    /// out of range.
    pub fn build(self) -> Result<Dpop, ConfigError> {
        self.check_algorithms()?;
        self.check_times()?;
        let mut sites = self.sites;
        for url in &self.urls {
            sites.stated.push(site(url)?);
        }
        if sites.stated.is_empty() && sites.proxy.is_none() && sites.own_scheme.is_none() {
            return Err(ConfigError::new(
                "url",
                "state where clients reach the service, or have it told by the proxy or the request",
            ));
        }
        let lifetime = self.nonce_lifetime.unwrap_or(DEFAULT_NONCE_LIFETIME);
        Ok(Dpop {
            replays: self.replays,
            sites,
            algorithms: self.algorithms.into(),
            max_age: self.max_age,
            leeway: self.leeway,
            nonces: self.nonce_key.map(|key| Nonces::new(key, lifetime)),
        })
    }

    fn check_algorithms(&self) -> Result<(), ConfigError> {
        if self.algorithms.is_empty() {
            return Err(ConfigError::new("algorithms", "there is none"));
        }
        match self.algorithms.iter().find(|alg| alg.is_symmetric()) {
            Some(alg) => Err(ConfigError::new(
                "algorithms",
                format!("{alg} proves possession of a secret that both have"),
            )),
            None => Ok(()),
        }
    }

    fn check_times(&self) -> Result<(), ConfigError> {
        let second = Duration::from_secs(1);
        let (setting, problem) = if self.max_age < second {
            ("max_age", "less than a second")
        } else if self.max_age > LONGEST_MAX_AGE {
            ("max_age", "longer than 600 seconds")
        } else if self.leeway > LONGEST_LEEWAY {
            ("leeway", "longer than 60 seconds")
        } else if self.nonce_lifetime.is_some_and(|time| time < second) {
            ("nonce_lifetime", "less than a second")
        } else if self
            .nonce_lifetime
            .is_some_and(|time| time > LONGEST_NONCE_LIFETIME)
        {
            ("nonce_lifetime", "longer than an hour")
        } else if self.nonce_lifetime.is_some() && self.nonce_key.is_none() {
            ("nonce_lifetime", "no nonce is asked for: see require_nonce")
        } else {
            return Ok(());
        };
        Err(ConfigError::new(setting, problem))
    }
}

fn site(text: &str) -> Result<Url, ConfigError> {
    let bad = |problem: &str| ConfigError::new("url", format!("{text:?} {problem}"));
    if text.contains(['?', '#']) {
        return Err(bad("has a query or fragment"));
    }
    Url::parse(text).ok_or_else(|| bad("is no http or https URL with a host and without a user"))
}
