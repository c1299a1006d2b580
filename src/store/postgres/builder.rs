use std::fmt;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::PostgresStore;
use super::dialect::Postgres;
use crate::error::ConfigError;
use crate::store::StoreError;
use crate::store::sql::{
    CONNECTING, Connections, Dialect as _, Sql, TIMEOUT, Tidying, fault, problem, set_up,
};

const CONNECTIONS: u32 = 10;
/// How long a server may take to be there when the store connects first.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection that was used since so long ago is not tried before it is used again.
const FRESH: Duration = Duration::from_secs(1);

/// Settings of a [`PostgresStore`].
#[derive(Clone)]
#[must_use]
pub struct PostgresStoreBuilder {
    url: Box<str>,
    timeout: Duration,
    connections: u32,
    schema: Option<Box<str>>,
    migrate: bool,
}

impl PostgresStoreBuilder {
    pub(super) fn new(url: Box<str>) -> Self {
        Self {
            url,
            timeout: TIMEOUT,
            connections: CONNECTIONS,
            schema: None,
            migrate: true,
        }
    }

    /// How long a call may take, 200 ms by default. It is unavailable then.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many connections there may be, 10 by default and at least one. Each subscription has one more.
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// The schema in which the tables are, in place of the first of the search path. It must be there. Its
    /// name is of small letters, digits and `_`, 40 at most.
    pub fn schema(mut self, schema: impl Into<Box<str>>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// Leaves the tables alone: whoever runs the service makes them, by `docs/sql/postgres.sql` and then
    /// `docs/sql/postgres.2.sql` and `docs/sql/postgres.3.sql`.
    pub fn without_migrations(mut self) -> Self {
        self.migrate = false;
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// If the URL or the schema's name is malformed; if the server cannot be reached; if the tables cannot
    /// be made, or are of a version that this one cannot work with; or if migrations are switched off and
    /// a table is missing.
    pub async fn connect(self) -> Result<PostgresStore, StoreError> {
        let options: PgConnectOptions = self.url.parse().map_err(fault::<Postgres>)?;
        let mut options = options
            .application_name("tower-bearer")
            .disable_statement_logging();
        let mut channel = "tower_bearer".to_owned();
        if let Some(schema) = &self.schema {
            check_schema(schema)?;
            options = options.options([("search_path", schema)]);
            channel = format!("{channel}_{schema}");
        }
        let dialect = Postgres { channel };

        let patient = PoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT)
            .connect_with(options.clone())
            .await;
        let patient = match patient {
            Ok(patient) => Connections::new(patient),
            Err(error) => return Err(fault::<Postgres>(reason(error, &options).await)),
        };
        set_up(&dialect, &patient, self.migrate).await?;
        patient.close().await;

        let limit = self.timeout.as_millis().max(1).to_string();
        let limited = options.clone().options([("statement_timeout", limit)]);
        let pool = PoolOptions::new()
            .max_connections(self.connections)
            .acquire_timeout(CONNECTING)
            .test_before_acquire(false)
            .before_acquire(|connection: &mut PgConnection, meta| {
                Box::pin(async move {
                    if meta.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(limited);
        let connections = Connections::new(pool);
        let sql = Sql {
            dialect,
            readers: connections.clone(),
            writers: connections,
            timeout: self.timeout,
            tidying: Tidying::default(),
        };
        Ok(PostgresStore(sql, options))
    }
}

/// Why there was no connection in time: the pool tries again where a server refuses, and does not say so.
async fn reason(error: sqlx::Error, options: &PgConnectOptions) -> sqlx::Error {
    if !matches!(error, sqlx::Error::PoolTimedOut) {
        return error;
    }
    match tokio::time::timeout(CONNECT, options.connect()).await {
        Ok(Err(reason)) => reason,
        Ok(Ok(_)) | Err(_) => error,
    }
}

fn check_schema(schema: &str) -> Result<(), StoreError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if schema.is_empty() || schema.len() > 40 || !schema.bytes().all(plain) {
        let detail = "must be 1 to 40 small letters, digits and underscores";
        return Err(problem(Postgres::NAME, ConfigError::new("schema", detail)));
    }
    Ok(())
}

impl fmt::Debug for PostgresStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("PostgresStoreBuilder")
            .field("timeout", &self.timeout)
            .field("connections", &self.connections)
            .field("schema", &self.schema)
            .field("migrate", &self.migrate)
            .finish_non_exhaustive()
    }
}
