//! Round trips to a store's server by the client library alone, to hold the store's own against.

use redis::AsyncCommands;
use redis::aio::ConnectionManager;
use sqlx::AssertSqlSafe;

use crate::databases::Bare;

const TABLE: &str = "CREATE TABLE bench_rows (id BIGINT PRIMARY KEY, text TEXT NOT NULL)";
/// As long as what is kept of a session.
const TEXT: &str = "................................................................................\
                    ................................................................................";
/// The fields of a session, with values as long.
const FIELDS: [(&str, &str); 8] = [
    ("claim", "................"),
    ("digest", "................................"),
    ("kind", "session"),
    ("subject", "user-000"),
    ("created", "............."),
    ("expires", "............."),
    ("idle", "1800000"),
    ("start", "st_...."),
];

impl Bare {
    /// Makes what [`read`](Self::read) reads.
    pub async fn prepare(&self) {
        match self {
            Self::Sqlite([_, pool]) => {
                sqlx::query(TABLE).execute(pool).await.expect("a table");
            }
            Self::Postgres(pool) => {
                sqlx::query(TABLE).execute(pool).await.expect("a table");
            }
            Self::Memory | Self::Redis(_) => {}
        }
        self.write(0).await;
    }

    /// Asks for nothing.
    pub async fn ping(&self) {
        const NOTHING: &str = "SELECT 1";
        match self {
            Self::Memory => {}
            Self::Sqlite([pool, _]) => {
                let row = sqlx::query(NOTHING).fetch_one(pool).await;
                drop(row.expect("a row"));
            }
            Self::Postgres(pool) => {
                let row = sqlx::query(NOTHING).fetch_one(pool).await;
                drop(row.expect("a row"));
            }
            Self::Redis(manager) => {
                let mut manager: ConnectionManager = manager.clone();
                let _: String = manager.ping().await.expect("a pong");
            }
        }
    }

    /// Reads the row of the record of this digest; of Redis, a hash like one.
    pub async fn read(&self, digest: &[u8]) {
        const ROW: &str = "SELECT * FROM tower_bearer_tokens WHERE digest = $1";
        match self {
            Self::Memory => {}
            Self::Sqlite([pool, _]) => {
                let row = sqlx::query(ROW).bind(digest).fetch_one(pool).await;
                drop(row.expect("a row"));
            }
            Self::Postgres(pool) => {
                let row = sqlx::query(ROW).bind(digest).fetch_one(pool).await;
                drop(row.expect("a row"));
            }
            Self::Redis(manager) => {
                let mut manager: ConnectionManager = manager.clone();
                let fields: Vec<(String, String)> =
                    manager.hgetall("bench:0").await.expect("a hash");
                assert_eq!(fields.len(), FIELDS.len());
            }
        }
    }

    /// Writes one row of this key, or one hash.
    pub async fn write(&self, key: i64) {
        const INSERT: &str = "INSERT INTO bench_rows (id, text) VALUES ($1, $2)";
        match self {
            Self::Memory => {}
            Self::Sqlite([_, pool]) => {
                let insert = sqlx::query(INSERT).bind(key).bind(TEXT);
                insert.execute(pool).await.expect("an insert");
            }
            Self::Postgres(pool) => {
                let insert = sqlx::query(INSERT).bind(key).bind(TEXT);
                insert.execute(pool).await.expect("an insert");
            }
            Self::Redis(manager) => {
                let mut manager: ConnectionManager = manager.clone();
                let done = manager.hset_multiple(format!("bench:{key}"), &FIELDS).await;
                let () = done.expect("a hash");
            }
        }
    }

    /// How many bytes the records take: on disk, with their indexes; in Redis, of its memory. `None` for the
    /// store in memory.
    pub async fn bytes(&self) -> Option<i64> {
        const PAGES: &str =
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        const RELATION: &str = "SELECT pg_total_relation_size('tower_bearer_tokens')";
        match self {
            Self::Memory => None,
            Self::Sqlite([pool, _]) => {
                let bytes = sqlx::query_scalar(PAGES).fetch_one(pool).await;
                Some(bytes.expect("a size"))
            }
            Self::Postgres(pool) => {
                let bytes = sqlx::query_scalar(RELATION).fetch_one(pool).await;
                Some(bytes.expect("a size"))
            }
            Self::Redis(_) => {
                let info = self.info("memory").await;
                let bytes = field(&info, "used_memory:").and_then(|bytes| bytes.parse().ok());
                Some(bytes.expect("a size"))
            }
        }
    }

    /// What Redis tells in this section; of another store, nothing.
    pub async fn info(&self, section: &str) -> String {
        let Self::Redis(manager) = self else {
            return String::new();
        };
        let mut info = redis::cmd("INFO");
        info.arg(section);
        let info = info.query_async(&mut manager.clone()).await;
        info.expect("what it tells")
    }

    /// Has an SQL store do something.
    pub async fn execute(&self, sql: String) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Sqlite([_, pool]) => {
                sql.execute(pool).await.expect("it is done");
            }
            Self::Postgres(pool) => {
                sql.execute(pool).await.expect("it is done");
            }
            Self::Memory | Self::Redis(_) => {}
        }
    }
}

/// What stands behind the first `name` in what Redis tells.
#[must_use]
pub fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    let line = info.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim())
}
