use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::super::algorithm::Algorithm;
use super::super::backend::CryptoBackend;
use super::super::discovery::{Finder, WellKnown};
use super::error::SetupError;
use super::fetcher::Fetcher;
use super::handle::{Life, RemoteKeySet};
use super::pace::Pace;
use super::place::{Discovered, Metadata, Place};
use super::published::Wanted;
use super::report::Label;
use super::shared::Shared;
use crate::clock::{Clock, SystemClock};
use crate::error::ConfigError;
use crate::remote::{HttpClient, HttpSettings};

/// Sets up a [`RemoteKeySet`]. The rules are in the [module's](super) documentation.
#[derive(Debug, Clone)]
#[must_use = "nothing is fetched until it is started"]
pub struct RemoteKeySetBuilder {
    source: Source,
    well_known: WellKnown,
    http: HttpSettings,
    client: Option<HttpClient>,
    interval: Duration,
    min: Option<Duration>,
    max: Option<Duration>,
    cool_down: Duration,
    max_stale: Duration,
    discovery_interval: Duration,
    algorithms: Option<Vec<Algorithm>>,
    backend: Option<CryptoBackend>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Clone)]
enum Source {
    Url(String),
    Issuer(String),
}

impl RemoteKeySetBuilder {
    pub(super) fn stated(url: String) -> Self {
        Self::new(Source::Url(url))
    }

    pub(super) fn discovered(issuer: String) -> Self {
        Self::new(Source::Issuer(issuer))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            well_known: WellKnown::default(),
            http: HttpSettings::new(),
            client: None,
            interval: Duration::from_secs(300),
            min: None,
            max: None,
            cool_down: Duration::from_secs(30),
            max_stale: Duration::from_secs(3600),
            discovery_interval: Duration::from_secs(3600),
            algorithms: None,
            backend: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// How servers are asked: two seconds and 256 KiB an answer, by HTTPS, unless set.
    pub fn http(mut self, settings: HttpSettings) -> Self {
        self.http = settings;
        self
    }

    /// Is one of many that share a client, whatever [`http`](Self::http) says.
    pub(crate) fn client(mut self, client: HttpClient) -> Self {
        self.client = Some(client);
        self
    }

    /// For how long keys are good whose answer does not say it: five minutes unless set. Not below the
    /// shortest and not above the longest interval.
    pub fn refresh_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// For how long keys are good at least, whatever their answer says: 30 seconds unless set, or the refresh
    /// interval where that is shorter. At least 50 milliseconds.
    pub fn min_refresh_interval(mut self, min: Duration) -> Self {
        self.min = Some(min);
        self
    }

    /// For how long keys are good at most, whatever their answer says: the refresh interval unless set. So long
    /// may a key go on that was withdrawn.
    pub fn max_refresh_interval(mut self, max: Duration) -> Self {
        self.max = Some(max);
        self
    }

    /// The pause between two fetches for keys that are not held, and between two attempts while they fail: 30
    /// seconds unless set. At least 50 milliseconds.
    pub fn cool_down(mut self, pause: Duration) -> Self {
        self.cool_down = pause;
        self
    }

    /// Until how long after they were last known to be right keys are gone by, while they cannot be fetched: an
    /// hour unless set. Not below the longest refresh interval.
    pub fn max_stale(mut self, limit: Duration) -> Self {
        self.max_stale = limit;
        self
    }

    /// After how long an issuer's metadata are read again: an hour unless set.
    pub fn discovery_interval(mut self, interval: Duration) -> Self {
        self.discovery_interval = interval;
        self
    }

    /// Where an issuer's metadata are: at either place unless set.
    pub fn well_known(mut self, form: WellKnown) -> Self {
        self.well_known = form;
        self
    }

    /// The algorithms for which keys are taken: every one with a public key unless set.
    ///
    /// An RSA key that names none is for [`RS256`](Algorithm::RS256) unless this is set, and then for each of
    /// those of RSA that are named here. Keys on a curve are for the one algorithm of that curve.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// The back end that verifies: the one of [`CryptoBackend::compiled`] unless set. A key that it does not
    /// work with is skipped.
    pub fn backend(mut self, backend: CryptoBackend) -> Self {
        self.backend = Some(backend);
        self
    }

    /// The clock by which keys age: the system's unless set. It has to be the layer's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Starts, and waits until keys are held. Has to be called on a tokio runtime with I/O and a timer.
    ///
    /// # Errors
    /// If a setting cannot be right, or the first fetch brings no usable key. Nothing is left running then.
    pub async fn start(self) -> Result<RemoteKeySet, SetupError> {
        let keys = self.start_lazily()?;
        keys.first().await?;
        Ok(keys)
    }

    /// Starts, and comes back at once. Requests wait for the first fetch, and are answered 503 if it fails,
    /// until one succeeds. Has to be called on a tokio runtime with I/O and a timer.
    ///
    /// # Errors
    /// If a setting cannot be right, or there is no runtime.
    pub fn start_lazily(self) -> Result<RemoteKeySet, ConfigError> {
        let pace = Pace {
            interval: self.interval,
            min: self
                .min
                .unwrap_or(Duration::from_secs(30).min(self.interval)),
            max: self.max.unwrap_or(self.interval),
            cool_down: self.cool_down,
            max_stale: self.max_stale,
        };
        pace.check()?;
        if self.discovery_interval.is_zero() {
            return Err(ConfigError::new("discovery_interval", "it is no time"));
        }
        let wanted = Wanted::new(self.algorithms, self.backend)?;
        let is_one_of_many = self.client.is_some();
        let client = match self.client {
            Some(client) => client,
            None => self.http.build()?,
        };
        let metadata = Arc::new(Metadata::default());
        let (name, place): (Arc<str>, _) = match self.source {
            Source::Url(url) => {
                let endpoint = client.endpoint("url", &url)?;
                (endpoint.shown().into(), Place::Stated(endpoint))
            }
            Source::Issuer(issuer) => {
                let finder = Finder::new(&client, &issuer, self.well_known)?;
                let told = Arc::clone(&metadata);
                let discovered = Discovered::new(finder, self.discovery_interval, told);
                (issuer.into(), Place::Discovered(discovered))
            }
        };
        let runtime = Handle::try_current().map_err(|_| {
            ConfigError::new("remote keys", "there is no tokio runtime to start them on")
        })?;
        let (settled, over) = watch::channel(0);
        let label = match is_one_of_many {
            true => Label::Many,
            false => Label::Own(Arc::clone(&name)),
        };
        let shared = Arc::new(Shared::new(name, pace, self.clock, over, label));
        let fetcher = Fetcher {
            shared: Arc::clone(&shared),
            settled,
            client,
            place,
            wanted,
            known: None,
        };
        let task = runtime.spawn(fetcher.run());
        Ok(RemoteKeySet::new(
            shared,
            metadata,
            Life(task.abort_handle()),
        ))
    }
}
