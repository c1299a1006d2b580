use std::time::Duration;

use redis::aio::{ConnectionManagerConfig, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    ProtocolVersion, PushInfo,
};

use super::builder::RedisStoreBuilder;
use super::error::{fault, generic};
use super::link::Link;
use super::topology::Node;
use crate::error::ConfigError;
use crate::store::StoreError;

/// Attempts to connect follow one another no faster and no slower than this.
const RETRY: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(100)];
/// How long what was sent may go without being acknowledged before a connection counts as lost.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const LOST_AFTER: Duration = Duration::from_secs(2);
/// How often a cluster's client sends a call again, to another node or over a new connection.
const CLUSTER_RETRIES: u32 = 4;

/// What new connections are made from.
pub(super) struct Origin {
    info: ConnectionInfo,
    cluster: Option<ClusterClient>,
    #[cfg(feature = "redis-tls")]
    root_certificates: Option<Box<[u8]>>,
}

impl Origin {
    pub(super) fn new(builder: &RedisStoreBuilder) -> Result<Self, StoreError> {
        let urls = builder.urls.iter().map(|url| read_url(url));
        let infos = urls.collect::<Result<Vec<_>, _>>()?;
        let info = infos[0].clone();
        let is_tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
        if builder.root_certificates.is_some() && !is_tls {
            let problem = "given, and the URL is none of rediss://";
            return Err(generic(ConfigError::new("root_certificates", problem)));
        }
        if is_tls {
            provide_tls();
        }
        let cluster = builder.is_cluster.then(|| cluster(infos, builder));
        let cluster = cluster.transpose()?;
        let origin = Self {
            info,
            cluster,
            #[cfg(feature = "redis-tls")]
            root_certificates: builder.root_certificates.clone(),
        };
        origin.client(origin.info.clone())?;
        Ok(origin)
    }

    /// A connection that is made anew when it is lost.
    pub(super) async fn link(&self, timeout: Duration) -> Result<Link, StoreError> {
        if let Some(cluster) = &self.cluster {
            let cluster = cluster.get_async_connection().await.map_err(fault)?;
            return Ok(Link::Cluster(cluster));
        }
        let config = ConnectionManagerConfig::new()
            .set_min_delay(RETRY[0])
            .set_max_delay(RETRY[1])
            .set_connection_timeout(Some(connect_within(timeout)))
            // The whole call is timed, and an answer that is late must not be taken for another's.
            .set_response_timeout(None);
        let client = self.client(self.info.clone())?;
        let manager = client.get_connection_manager_with_config(config).await;
        Ok(Link::Single(manager.map_err(fault)?))
    }

    /// A connection of its own to the server, or to a node of the cluster, for what is pushed.
    pub(super) async fn ear(
        &self,
        node: Option<&Node>,
        timeout: Duration,
        push: impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, StoreError> {
        let info = match node {
            Some(node) => self.info.clone().set_addr(self.address(node)),
            None => self.info.clone(),
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect_within(timeout)))
            .set_response_timeout(Some(connect_within(timeout)))
            .set_push_sender(push);
        let client = self.client(info)?;
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        connection.await.map_err(fault)
    }

    fn address(&self, node: &Node) -> ConnectionAddr {
        match self.info.addr().clone() {
            ConnectionAddr::TcpTls {
                insecure,
                tls_params,
                ..
            } => ConnectionAddr::TcpTls {
                host: node.host.clone(),
                port: node.port,
                insecure,
                tls_params,
            },
            _ => ConnectionAddr::Tcp(node.host.clone(), node.port),
        }
    }

    fn client(&self, info: ConnectionInfo) -> Result<Client, StoreError> {
        #[cfg(feature = "redis-tls")]
        if let Some(pem) = &self.root_certificates {
            return Client::build_with_tls(info, certificates(pem)).map_err(bad_certificates);
        }
        Client::open(info).map_err(bad_url)
    }
}

fn read_url(url: &str) -> Result<ConnectionInfo, StoreError> {
    let info = url.into_connection_info().map_err(bad_url)?;
    let redis = info.redis_settings().clone();
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let settings = settings.set_user_timeout(LOST_AFTER);
    // RESP3, so that a lost connection is noticed at once and flushes are told.
    let redis = redis.set_protocol(ProtocolVersion::RESP3);
    Ok(info.set_redis_settings(redis).set_tcp_settings(settings))
}

fn cluster(
    infos: Vec<ConnectionInfo>,
    builder: &RedisStoreBuilder,
) -> Result<ClusterClient, StoreError> {
    let [min, max] = RETRY.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
    let settings = infos[0].tcp_settings().clone();
    let cluster = ClusterClientBuilder::new(infos)
        .tcp_settings(settings)
        .connection_timeout(connect_within(builder.timeout))
        .response_timeout(connect_within(builder.timeout))
        .retries(CLUSTER_RETRIES)
        .min_retry_wait(min)
        .max_retry_wait(max);
    #[cfg(feature = "redis-tls")]
    if let Some(pem) = &builder.root_certificates {
        let cluster = cluster.certs(certificates(pem)).build();
        return cluster.map_err(bad_certificates);
    }
    cluster.build().map_err(bad_url)
}

#[cfg(feature = "redis-tls")]
fn certificates(pem: &[u8]) -> redis::TlsCertificates {
    redis::TlsCertificates {
        client_tls: None,
        root_cert: Some(pem.to_vec()),
    }
}

/// Has TLS use the same cryptography as the rest, unless the program has chosen already.
fn provide_tls() {
    #[cfg(feature = "redis-tls")]
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been faster, and then theirs is as good.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    }
}

/// An attempt that is slower would not be back within a second.
fn connect_within(timeout: Duration) -> Duration {
    timeout.max(Duration::from_millis(500))
}

#[cfg(feature = "redis-tls")]
fn bad_certificates(_: redis::RedisError) -> StoreError {
    let problem = "they are no certificates in PEM";
    generic(ConfigError::new("root_certificates", problem))
}

/// The reason may be a part of the URL, and so a password.
fn bad_url(_: redis::RedisError) -> StoreError {
    let problem = "not redis://user:password@host:port/database, or rediss:// with the feature \
                   redis-tls; those of a cluster have the same user, password and database";
    generic(ConfigError::new("url", problem))
}
