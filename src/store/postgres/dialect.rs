use std::borrow::Cow;

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::changes;
use crate::clock::Timestamp;
use crate::revocation::{Ending, FeedMessage, Revocation};
use crate::store::sql::{Arg, Dialect, Sql, Tx, args, calls, problem, rows};
use crate::store::{StoreError, TokenChange, TokenKey, TokenRecord, TokenUse};

/// A notification has room for one byte less than 8,000.
const LONGEST: usize = 7_900;
/// The number under which tables are made.
const MIGRATION_LOCK: i64 = 0x746f_7765_725f_6265;

const TELL: &str = "SELECT pg_notify($1, $2)";

pub(super) struct Postgres {
    /// On which endings are told.
    pub(super) channel: String,
}

impl Dialect for Postgres {
    type Db = sqlx::Postgres;

    const NAME: &'static str = "postgres";
    const MIGRATIONS: &'static [&'static str] = &[
        include_str!("../../../docs/sql/postgres.sql"),
        include_str!("../../../docs/sql/postgres.2.sql"),
        include_str!("../../../docs/sql/postgres.3.sql"),
    ];
    const HAS_MIGRATIONS: &'static str =
        "SELECT 1 WHERE to_regclass('tower_bearer_migrations') IS NOT NULL";
    const REVOKE_ALL: &'static str = "WITH held AS ( \
             SELECT id FROM tower_bearer_tokens \
             WHERE subject = $1 AND revoked IS NULL \
             AND ($3 IS NULL OR ($3 LIKE '%,' || replace(kind, '_', '\\_') || ',%' ESCAPE '\\') = $4) \
             AND ($5 IS NULL OR session_id = $5) AND ($6 IS NULL OR id <> $6) \
             ORDER BY id FOR NO KEY UPDATE \
         ) \
         UPDATE tower_bearer_tokens AS tokens SET revoked = $2, due = least(due, $2) \
         FROM held WHERE tokens.subject = $1 AND tokens.id = held.id";
    // Chosen once, by a CTE: a subquery could be run again, and choose others.
    const DATE_ANEW: &'static str = "WITH first AS MATERIALIZED ( \
             SELECT subject, id FROM tower_bearer_tokens \
             WHERE due <= $1 ORDER BY due LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED \
         ) \
         UPDATE tower_bearer_tokens AS tokens \
         SET due = least(expires, coalesce(last_used, created) + idle) \
         FROM first WHERE tokens.subject = first.subject AND tokens.id = first.id \
         AND revoked IS NULL AND (expires IS NULL OR expires > $1) \
         AND (idle IS NULL OR coalesce(last_used, created) + idle > $1)";
    const REMOVE_OVER: &'static str = "WITH first AS MATERIALIZED ( \
             SELECT subject, id FROM tower_bearer_tokens \
             WHERE due <= $1 ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED \
         ) \
         DELETE FROM tower_bearer_tokens AS tokens USING first \
         WHERE tokens.subject = first.subject AND tokens.id = first.id \
         AND (revoked <= $1 OR expires <= $1 OR coalesce(last_used, created) + idle <= $1)";
    // Passes over what others hold, and so waits for nobody.
    const FORGET_REPLAYS: &'static str = "WITH first AS MATERIALIZED ( \
             SELECT id FROM tower_bearer_replays \
             WHERE keep_until <= $1 ORDER BY keep_until LIMIT $2 FOR UPDATE SKIP LOCKED \
         ) \
         DELETE FROM tower_bearer_replays AS replays USING first WHERE replays.id = first.id";
    const ADD_LINES: &'static str = "INSERT INTO tower_bearer_audit \
         (event, at, action, ended, outcome, actor_kind, actor, credential_kind, \
         credential_id, credential_name, token_kind, token_subject, token_id, \
         token_name, token_replaces, token_issuer, token_session, token_client, token_key, \
         token_issued_before, method, resource, client_addr, detail, lost_before) \
         SELECT event, at, action, ended, outcome, actor_kind, actor, credential_kind, \
         credential_id, credential_name, token_kind, token_subject, token_id, \
         token_name, token_replaces, token_issuer, token_session, token_client, token_key, \
         token_issued_before, method, resource, client_addr, detail, lost_before \
         FROM json_to_recordset($1::json) AS line \
         (event text, at bigint, action text, ended bigint, outcome text, \
         actor_kind text, actor text, credential_kind text, credential_id text, \
         credential_name text, token_kind text, token_subject text, token_id text, \
         token_name text, token_replaces text, token_issuer text, token_session text, \
         token_client text, token_key text, token_issued_before bigint, \
         method text, resource text, \
         client_addr text, detail text, lost_before bigint) \
         ON CONFLICT DO NOTHING";

    fn begin(subject: Option<&str>) -> SqlStr {
        match subject {
            Some(subject) => locked(lock_of(subject)),
            None => SqlStr::from_static("BEGIN"),
        }
    }

    fn begin_migration() -> SqlStr {
        locked(MIGRATION_LOCK)
    }

    fn check(text: &str) -> Result<(), StoreError> {
        if text.contains('\0') {
            return Err(problem(Self::NAME, "a text with a NUL cannot be kept"));
        }
        Ok(())
    }

    fn is_unavailable(code: &str) -> bool {
        // Read-only, as a primary that was demoted; a lock that was not had in time. Then by class:
        // connections, whom the server does not let in, transactions that were in one another's way,
        // resources, intervention and system.
        matches!(code, "25006" | "55P03")
            || matches!(code.get(..2), Some("08" | "28" | "40" | "53" | "57" | "58"))
    }

    async fn tell(&self, tx: &mut Tx<'_, Self>, message: &str) -> Result<(), StoreError> {
        tx.fetch(TELL, &args![&*self.channel, &*that_fits(message)])
            .await?;
        Ok(())
    }

    async fn beat(sql: &Sql<Self>, message: &str) -> Result<(), StoreError> {
        let args = args![&*sql.dialect.channel, message];
        sql.change(TELL, &args).await.map(drop)
    }

    async fn touch(sql: &Sql<Self>, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
        changes::touch(sql, uses).await
    }

    async fn insert(sql: &Sql<Self>, record: &TokenRecord) -> Result<(), StoreError> {
        changes::insert(sql, record).await
    }

    async fn revoke(sql: &Sql<Self>, key: TokenKey<'_>, at: Timestamp) -> Result<bool, StoreError> {
        changes::revoke(sql, key, at).await
    }

    async fn update(
        sql: &Sql<Self>,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError> {
        changes::update(sql, key, change).await
    }

    async fn put(sql: &Sql<Self>, revocation: &Revocation) -> Result<(), StoreError> {
        changes::put(sql, revocation).await
    }

    calls!(sqlx::Postgres);
}

rows!(sqlx::Postgres, sqlx::postgres::PgRow);

/// The message, or one that tells as much and is shorter.
pub(super) fn that_fits(message: &str) -> Cow<'_, str> {
    if message.len() <= LONGEST {
        return message.into();
    }
    FeedMessage::Ending(Ending::Anything).encode().into()
}

/// Begins a transaction, alone among those of this lock.
fn locked(lock: i64) -> SqlStr {
    AssertSqlSafe(format!("BEGIN; SELECT pg_advisory_xact_lock({lock})")).into_sql_str()
}

/// The lock of a subject. Two of the same number wait for one another without need, and no more.
pub(super) fn lock_of(subject: &str) -> i64 {
    let digest: [u8; 32] = Sha256::digest(subject).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}
