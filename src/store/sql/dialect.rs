use sqlx::error::BoxDynError;
use sqlx::{AssertSqlSafe, Database, SqlSafeStr, SqlStr};

use super::{Sql, Tx};
use crate::clock::Timestamp;
use crate::revocation::Revocation;
use crate::store::{StoreError, TokenChange, TokenKey, TokenRecord, TokenUse};

/// What sets the databases apart. Everything else is written once, in SQL that both understand: parameters
/// are `$1`, `$2` and so on.
pub(in crate::store) trait Dialect: Send + Sync + Sized + 'static {
    /// Of `sqlx`.
    type Db: Database<Row: Columns>;

    /// The store's name in errors.
    const NAME: &'static str;
    /// The migrations, of which the first is version 1.
    const MIGRATIONS: &'static [&'static str];
    /// Says whether there is a table of migrations.
    const HAS_MIGRATIONS: &'static str;
    /// Ends those of subject `$1` at `$2` that a filter means, `$3` to `$6`.
    const REVOKE_ALL: &'static str;
    /// Of the `$2` tokens that are due first by `$1`, dates anew those that are not over.
    const DATE_ANEW: &'static str;
    /// Of the `$2` tokens that are due first by `$1`, removes those that are over.
    const REMOVE_OVER: &'static str;
    /// Removes the `$2` of what may be presented once that have been over for longest at `$1`.
    const FORGET_REPLAYS: &'static str;
    /// Adds the lines of an audit trail, an array of JSON, that are not there.
    const ADD_LINES: &'static str;

    /// Begins a transaction, alone among those of `subject`.
    fn begin(subject: Option<&str>) -> SqlStr;

    /// Begins a transaction in which tables are made, alone on the database.
    fn begin_migration() -> SqlStr;

    /// Refuses a text that the database cannot hold.
    fn check(text: &str) -> Result<(), StoreError>;

    /// Whether an error of this code says that the database cannot do its work for now.
    fn is_unavailable(code: &str) -> bool;

    /// Tells every subscription, once the transaction is committed.
    fn tell(
        &self,
        tx: &mut Tx<'_, Self>,
        message: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives a sign of life to every subscription.
    fn beat(sql: &Sql<Self>, message: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Records uses, all of them or none.
    fn touch(
        sql: &Sql<Self>,
        uses: &[TokenUse<'_>],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    // What follows is a transaction of a few statements. Where each is a round trip, it may be one instead.

    /// Adds a record.
    fn insert(
        sql: &Sql<Self>,
        record: &TokenRecord,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        sql.insert_by_steps(record)
    }

    /// Ends a token, and tells of it.
    fn revoke(
        sql: &Sql<Self>,
        key: TokenKey<'_>,
        at: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        sql.revoke_by_steps(key, at)
    }

    /// Changes a record, and tells of it.
    fn update(
        sql: &Sql<Self>,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> impl Future<Output = Result<TokenRecord, StoreError>> + Send {
        sql.update_by_steps(key, change)
    }

    /// Adds a revocation, and tells of it.
    fn put(
        sql: &Sql<Self>,
        revocation: &Revocation,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        sql.put_by_steps(revocation)
    }

    /// The rows of a statement.
    fn fetch(
        conn: &mut <Self::Db as Database>::Connection,
        sql: Statement,
        args: &[Arg<'_>],
    ) -> impl Future<Output = Result<Vec<<Self::Db as Database>::Row>, sqlx::Error>> + Send;

    /// How many rows a statement changed.
    fn execute(
        conn: &mut <Self::Db as Database>::Connection,
        sql: Statement,
        args: &[Arg<'_>],
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Runs a script without parameters.
    fn script(
        conn: &mut <Self::Db as Database>::Connection,
        sql: SqlStr,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// A statement: one of ours, never with a value in its text.
pub(in crate::store) struct Statement(pub(in crate::store) SqlStr);

impl From<&'static str> for Statement {
    fn from(sql: &'static str) -> Self {
        Self(SqlStr::from_static(sql))
    }
}

impl From<String> for Statement {
    fn from(sql: String) -> Self {
        Self(AssertSqlSafe(sql).into_sql_str())
    }
}

/// A parameter.
#[derive(Clone, Copy)]
pub(in crate::store) enum Arg<'a> {
    Text(Option<&'a str>),
    Int(Option<i64>),
    Bytes(Option<&'a [u8]>),
    Bool(bool),
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Arg<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl<'a> From<&'a [u8; 32]> for Arg<'a> {
    fn from(bytes: &'a [u8; 32]) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl<'a> From<Option<&'a [u8; 32]>> for Arg<'a> {
    fn from(bytes: Option<&'a [u8; 32]>) -> Self {
        Self::Bytes(bytes.map(|bytes| &bytes[..]))
    }
}

impl From<bool> for Arg<'_> {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

macro_rules! args {
    ($($value:expr),* $(,)?) => { [$($crate::store::sql::Arg::from($value)),*] };
}

pub(in crate::store) use args;

/// A row, read by the names of its columns.
pub(in crate::store) trait Columns {
    fn text(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    fn int(&self, column: &str) -> Result<Option<i64>, sqlx::Error>;
    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, sqlx::Error>;
    fn bool(&self, column: &str) -> Result<bool, sqlx::Error>;

    fn required<T>(column: &str, value: Option<T>) -> Result<T, sqlx::Error> {
        value.ok_or_else(|| malformed(column, "is missing".into()))
    }
}

/// That a column holds what it should not.
pub(super) fn malformed(column: &str, source: BoxDynError) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source,
    }
}

/// The functions of a [`Dialect`] that only call `sqlx`, and [`Columns`] for its rows.
macro_rules! calls {
    ($db:ty) => {
        async fn fetch(
            conn: &mut <$db as sqlx::Database>::Connection,
            sql: $crate::store::sql::Statement,
            args: &[Arg<'_>],
        ) -> Result<Vec<<$db as sqlx::Database>::Row>, sqlx::Error> {
            bind(sql, args).fetch_all(conn).await
        }

        async fn execute(
            conn: &mut <$db as sqlx::Database>::Connection,
            sql: $crate::store::sql::Statement,
            args: &[Arg<'_>],
        ) -> Result<u64, sqlx::Error> {
            Ok(bind(sql, args).execute(conn).await?.rows_affected())
        }

        async fn script(
            conn: &mut <$db as sqlx::Database>::Connection,
            sql: sqlx::SqlStr,
        ) -> Result<(), sqlx::Error> {
            sqlx::raw_sql(sql).execute(conn).await.map(drop)
        }
    };
}

macro_rules! rows {
    ($db:ty, $row:ty) => {
        fn bind<'a>(
            sql: $crate::store::sql::Statement,
            args: &[Arg<'_>],
        ) -> sqlx::query::Query<'a, $db, <$db as sqlx::Database>::Arguments> {
            let mut query = sqlx::query::<$db>(sql.0);
            for arg in args {
                query = match *arg {
                    Arg::Text(text) => query.bind(text.map(str::to_owned)),
                    Arg::Int(number) => query.bind(number),
                    Arg::Bytes(bytes) => query.bind(bytes.map(<[u8]>::to_vec)),
                    Arg::Bool(yes) => query.bind(yes),
                };
            }
            query
        }

        impl $crate::store::sql::Columns for $row {
            fn text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn int(&self, column: &str) -> Result<Option<i64>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn bool(&self, column: &str) -> Result<bool, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }
        }
    };
}

pub(in crate::store) use {calls, rows};
