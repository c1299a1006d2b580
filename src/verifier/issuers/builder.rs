use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::making::{Cause, Make};
use super::new_issuer::{KeySettings, NewIssuer};
use super::set::{Limits, Set};
use super::{Inner, Issuers};
use crate::clock::{Clock, SystemClock};
use crate::error::ConfigError;
use crate::keys::remote::{RemoteKeySetBuilder, SetupError};
use crate::remote::HttpSettings;
use crate::verifier::TokenVerifier;
use crate::verifier::jwt::JwtVerifierBuilder;

/// How long a connection to an issuer's server is kept: from its metadata to its keys. The next fetch is minutes
/// away.
const KEPT_OPEN: Duration = Duration::from_secs(2);

/// Sets up an [`Issuers`].
#[must_use = "nothing is verified until it is built"]
pub struct IssuersBuilder {
    accepts: Box<dyn Fn(&str) -> bool + Send + Sync>,
    make: Option<Make>,
    http: HttpSettings,
    key_settings: KeySettings,
    clock: Arc<dyn Clock>,
    concurrency: usize,
    limits: Limits,
}

impl IssuersBuilder {
    pub(super) fn new(accepts: Box<dyn Fn(&str) -> bool + Send + Sync>) -> Self {
        Self {
            accepts,
            make: None,
            http: HttpSettings::new(),
            key_settings: None,
            clock: Arc::new(SystemClock),
            concurrency: 16,
            limits: Limits {
                capacity: 1000,
                idle: Duration::from_secs(3600),
                refused_age: Duration::from_secs(30),
                cool_down: Duration::from_secs(5),
                deadline: Duration::from_secs(5),
            },
        }
    }

    /// Finds the keys of each issuer by its metadata, and has `set_up` say the rest for the issuer of that name:
    /// the audience, and perhaps the tenant and where its scopes are.
    ///
    /// An issuer without keys to be had is unavailable for the [cool-down](Self::cool_down). One that is no URL
    /// that may be asked is not trusted.
    ///
    /// ```
    /// # use tower_bearer::verifier::Issuers;
    /// # fn example() -> Result<Issuers, tower_bearer::ConfigError> {
    /// Issuers::builder(|issuer| issuer.starts_with("https://id.example.com/"))
    ///     .discover(|jwt, _| jwt.audience("https://api.example.com"))
    ///     .build()
    /// # }
    /// ```
    pub fn discover<F>(self, set_up: F) -> Self
    where
        F: Fn(JwtVerifierBuilder, &str) -> JwtVerifierBuilder + Send + Sync + 'static,
    {
        self.make(Arc::new(set_up), async |set_up, new| {
            let jwt = match new.jwt().await {
                Ok(jwt) => jwt,
                Err(SetupError::Config(error)) if error.setting() == "issuer" => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            Ok(Some(set_up(jwt, new.name()).build()?))
        })
    }

    /// Makes the verifier of each issuer by `make`, which is handed a clone of `state`: `None` for one that is
    /// not trusted after all.
    ///
    /// An error is an outage, and the token is answered 503; a [`Refusal`](crate::Refusal) is answered as it
    /// is, and a [`ConfigError`] as the service's own fault. Each is remembered for a while.
    ///
    /// ```
    /// use tower_bearer::verifier::Issuers;
    ///
    /// # #[derive(Clone)] struct Customers;
    /// # struct Customer { audience: String, id: String }
    /// # impl Customers {
    /// #     async fn of(&self, _: &str) -> Result<Option<Customer>, std::io::Error> { Ok(None) }
    /// # }
    /// # fn example(customers: Customers) -> Result<Issuers, tower_bearer::ConfigError> {
    /// Issuers::builder(|issuer| issuer.starts_with("https://"))
    ///     .make(customers, async |customers, new| {
    ///         let Some(customer) = customers.of(new.name()).await? else {
    ///             return Ok(None);
    ///         };
    ///         let jwt = new.jwt().await?.audience(customer.audience).tenant(customer.id);
    ///         Ok(Some(jwt.build()?))
    ///     })
    ///     .build()
    /// # }
    /// ```
    pub fn make<S, F, Fut, V>(mut self, state: S, make: F) -> Self
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S, NewIssuer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<V>, Cause>> + Send + 'static,
        V: TokenVerifier + 'static,
    {
        self.make = Some(Box::new(move |new| {
            let making = make(state.clone(), new);
            Box::pin(async move {
                let made = making.await?;
                Ok(made.map(|verifier| Arc::new(verifier) as Arc<dyn TokenVerifier>))
            })
        }));
        self
    }

    /// How servers are asked for metadata and keys: two seconds and 256 KiB an answer, by HTTPS, unless set.
    pub fn http(mut self, settings: HttpSettings) -> Self {
        self.http = settings;
        self
    }

    /// Sets up the keys of every issuer: how often they are fetched, for which algorithms they are. The way to
    /// their servers is set by [`http`](Self::http), and the clock by [`clock`](Self::clock).
    pub fn key_settings<F>(mut self, settings: F) -> Self
    where
        F: Fn(RemoteKeySetBuilder) -> RemoteKeySetBuilder + Send + Sync + 'static,
    {
        self.key_settings = Some(Arc::new(settings));
        self
    }

    /// The clock by which issuers and their keys age: the system's unless set. It has to be the layer's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How many issuers are known at once: 1000 unless set. So many are remembered as refused or unavailable,
    /// too.
    pub fn capacity(mut self, issuers: usize) -> Self {
        self.limits.capacity = issuers;
        self
    }

    /// After how long without a good token an issuer is given up: an hour unless set.
    pub fn idle(mut self, time: Duration) -> Self {
        self.limits.idle = time;
        self
    }

    /// For how long it is remembered that an issuer was refused by the making: 30 seconds unless set.
    pub fn refused_age(mut self, age: Duration) -> Self {
        self.limits.refused_age = age;
        self
    }

    /// For how long a making that failed is not tried again: 5 seconds unless set.
    pub fn cool_down(mut self, pause: Duration) -> Self {
        self.limits.cool_down = pause;
        self
    }

    /// How long a making may take, its wait for a place included: 5 seconds unless set.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.limits.deadline = limit;
        self
    }

    /// How many verifiers are made at once: 16 unless set.
    pub fn concurrency(mut self, makings: usize) -> Self {
        self.concurrency = makings;
        self
    }

    /// Builds the verifier.
    ///
    /// # Errors
    /// If nothing says how verifiers are made, a limit is 0, or a setting of [`http`](Self::http) cannot be
    /// right.
    pub fn build(self) -> Result<Issuers, ConfigError> {
        let limits = &self.limits;
        for (setting, is_none) in [
            ("capacity", limits.capacity == 0),
            ("concurrency", self.concurrency == 0),
            ("idle", limits.idle.is_zero()),
            ("refused_age", limits.refused_age.is_zero()),
            ("cool_down", limits.cool_down.is_zero()),
            ("deadline", limits.deadline.is_zero()),
        ] {
            if is_none {
                return Err(ConfigError::new(setting, "it is 0"));
            }
        }
        if self.concurrency > Semaphore::MAX_PERMITS {
            return Err(ConfigError::new("concurrency", "it is too high"));
        }
        let make = self.make.ok_or_else(|| {
            ConfigError::new("make", "say how verifiers are made, by it or by discover")
        })?;
        Ok(Issuers {
            inner: Arc::new(Inner {
                accepts: self.accepts,
                make,
                client: self.http.kept_open(KEPT_OPEN).build()?,
                key_settings: self.key_settings,
                clock: self.clock,
                permits: Semaphore::new(self.concurrency),
                set: Set::new(self.limits),
            }),
        })
    }
}

impl fmt::Debug for IssuersBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuersBuilder")
            .field("http", &self.http)
            .field("limits", &self.limits)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
