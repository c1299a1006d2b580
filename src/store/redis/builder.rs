use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};

use super::error::{fault, generic};
use super::keys::Keys;
use super::link::{Link, within};
use super::origin::Origin;
use super::prune::Walks;
use super::{Inner, RedisStore};
use crate::error::ConfigError;
use crate::store::StoreError;

const PREFIX: &str = "tower_bearer";
const TIMEOUT: Duration = Duration::from_millis(200);
/// How long connecting may take.
const SET_UP: Duration = Duration::from_secs(5);

/// Settings of a [`RedisStore`].
#[derive(Clone)]
#[must_use]
pub struct RedisStoreBuilder {
    pub(super) urls: Vec<Box<str>>,
    pub(super) is_cluster: bool,
    pub(super) timeout: Duration,
    pub(super) root_certificates: Option<Box<[u8]>>,
    key_prefix: Box<str>,
}

impl RedisStoreBuilder {
    pub(super) fn new(url: Box<str>) -> Self {
        Self {
            urls: vec![url],
            is_cluster: false,
            timeout: TIMEOUT,
            root_certificates: None,
            key_prefix: PREFIX.into(),
        }
    }

    /// The server is a node of a cluster, and so are these. Any that answers tells of the others. User,
    /// password and TLS are the same for all.
    pub fn cluster<U: Into<Box<str>>>(mut self, others: impl IntoIterator<Item = U>) -> Self {
        self.urls.extend(others.into_iter().map(Into::into));
        self.is_cluster = true;
        self
    }

    /// What the names of all keys begin with, `tower_bearer` by default: 1 to 64 letters, digits and
    /// characters of `_-.:`. Stores of different prefixes know nothing of each other, also where one prefix
    /// is the beginning of the other. A Redis user who may use the keys of the shorter may use those of both
    /// then.
    pub fn key_prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// How long a call may take, 200 ms by default. It is unavailable then.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The certificates, in PEM, of those who sign the servers'. Without them, the system's are trusted. For
    /// `rediss://` alone.
    #[cfg(feature = "redis-tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis-tls")))]
    pub fn root_certificates(mut self, pem: impl Into<Box<[u8]>>) -> Self {
        self.root_certificates = Some(pem.into());
        self
    }

    /// Connects.
    ///
    /// With TLS, the process uses aws-lc-rs for it unless another provider of rustls is installed before.
    ///
    /// # Errors
    /// If a URL, the prefix or a certificate is malformed; if no server can be reached; or if one may throw
    /// keys away when its memory is full.
    pub async fn connect(self) -> Result<RedisStore, StoreError> {
        let keys = Keys::new(self.key_prefix.clone()).map_err(generic)?;
        if self.timeout.is_zero() {
            return Err(generic(ConfigError::new("timeout", "must not be zero")));
        }
        let origin = Origin::new(&self)?;
        let link = within(SET_UP, async {
            let link = origin.link(self.timeout).await?;
            refuse_eviction(&link).await?;
            Ok(link)
        });
        Ok(RedisStore {
            inner: Arc::new(Inner {
                link: link.await?,
                channel: keys.channel(),
                origin,
                keys,
                timeout: self.timeout,
                walks: Walks::default(),
            }),
        })
    }
}

/// Refuses a server that would throw tokens and revocations away. One that does not tell is trusted.
async fn refuse_eviction(link: &Link) -> Result<(), StoreError> {
    let mut command = redis::cmd("INFO");
    command.arg("memory");
    let answer = match link.clone() {
        Link::Cluster(mut cluster) => {
            let routing = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
            let answer = cluster.route_command(command, routing).await;
            answer.map_err(fault)
        }
        Link::Single(_) => link.ask(&command).await,
    };
    match answer {
        Ok(answer) if may_evict(&answer) => Err(generic(ConfigError::new(
            "maxmemory-policy",
            "the server may throw keys away when its memory is full: set it to noeviction there",
        ))),
        Err(error @ StoreError::Unavailable { .. }) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn may_evict(answer: &Value) -> bool {
    let says = |info: &str| {
        let of = |name| info.lines().find_map(|line| line.strip_prefix(name));
        let is_limited = of("maxmemory:").is_some_and(|max| max.trim() != "0");
        let evicts = of("maxmemory_policy:").is_some_and(|policy| policy.trim() != "noeviction");
        is_limited && evicts
    };
    match answer {
        Value::BulkString(info) => says(&String::from_utf8_lossy(info)),
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => says(text),
        Value::Array(nodes) => nodes.iter().any(may_evict),
        Value::Map(nodes) => nodes.iter().any(|(_, info)| may_evict(info)),
        _ => false,
    }
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // URLs may hold a password.
        f.debug_struct("RedisStoreBuilder")
            .field("cluster", &self.is_cluster)
            .field("key_prefix", &self.key_prefix)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
