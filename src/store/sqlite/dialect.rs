use std::time::Duration;

use sqlx::SqlStr;

use crate::clock::{Clock as _, SystemClock};
use crate::store::sql::{Arg, Dialect, Sql, Tx, args, calls, rows};
use crate::store::{StoreError, TokenUse};

/// For how long an ending is kept for other processes to read.
const KEPT: Duration = Duration::from_secs(10 * 60);

const TELL: &str = "INSERT INTO tower_bearer_endings (at, message) VALUES ($1, $2)";
/// Some of the oldest, so that no call has to remove many.
const FORGET: &str = "DELETE FROM tower_bearer_endings WHERE seq IN (SELECT seq FROM \
     (SELECT seq, at FROM tower_bearer_endings ORDER BY seq LIMIT 100) WHERE at < $1)";
const TOUCH: &str = "UPDATE tower_bearer_tokens SET last_used = $3 \
     WHERE subject = $1 AND id = $2 AND (last_used IS NULL OR last_used < $3)";

/// How many uses are recorded by one statement, if there are as many.
const AT_ONCE: usize = 50;

pub(super) struct Sqlite;

impl Dialect for Sqlite {
    type Db = sqlx::Sqlite;

    const NAME: &'static str = "sqlite";
    const MIGRATIONS: &'static [&'static str] = &[
        include_str!("../../../docs/sql/sqlite.sql"),
        include_str!("../../../docs/sql/sqlite.2.sql"),
        include_str!("../../../docs/sql/sqlite.3.sql"),
    ];
    const HAS_MIGRATIONS: &'static str = "SELECT name FROM sqlite_master \
         WHERE type = 'table' AND name = 'tower_bearer_migrations'";
    const REVOKE_ALL: &'static str = "UPDATE tower_bearer_tokens \
         SET revoked = $2, due = CASE WHEN due < $2 THEN due ELSE $2 END \
         WHERE subject = $1 AND revoked IS NULL \
         AND ($3 IS NULL OR ($3 LIKE '%,' || replace(kind, '_', '\\_') || ',%' ESCAPE '\\') = $4) \
         AND ($5 IS NULL OR session_id = $5) AND ($6 IS NULL OR id <> $6)";
    const DATE_ANEW: &'static str = "UPDATE tower_bearer_tokens \
         SET due = min(coalesce(expires, coalesce(last_used, created) + idle), \
             coalesce(coalesce(last_used, created) + idle, expires)) \
         WHERE rowid IN (SELECT rowid FROM tower_bearer_tokens \
             WHERE due <= $1 ORDER BY due LIMIT $2) \
         AND revoked IS NULL AND (expires IS NULL OR expires > $1) \
         AND (idle IS NULL OR coalesce(last_used, created) + idle > $1)";
    const REMOVE_OVER: &'static str = "DELETE FROM tower_bearer_tokens \
         WHERE rowid IN (SELECT rowid FROM tower_bearer_tokens \
             WHERE due <= $1 ORDER BY due LIMIT $2) \
         AND (revoked <= $1 OR expires <= $1 OR coalesce(last_used, created) + idle <= $1)";
    const FORGET_REPLAYS: &'static str = "DELETE FROM tower_bearer_replays WHERE id IN \
         (SELECT id FROM tower_bearer_replays WHERE keep_until <= $1 ORDER BY keep_until LIMIT $2)";
    const ADD_LINES: &'static str = "INSERT INTO tower_bearer_audit \
         (event, at, action, ended, outcome, actor_kind, actor, credential_kind, \
         credential_id, credential_name, token_kind, token_subject, token_id, \
         token_name, token_replaces, token_issuer, token_session, token_client, token_key, \
         token_issued_before, method, resource, client_addr, detail, lost_before) \
         SELECT value->>'event', value->>'at', value->>'action', value->>'ended', \
         value->>'outcome', value->>'actor_kind', value->>'actor', \
         value->>'credential_kind', value->>'credential_id', \
         value->>'credential_name', value->>'token_kind', value->>'token_subject', \
         value->>'token_id', value->>'token_name', value->>'token_replaces', \
         value->>'token_issuer', value->>'token_session', value->>'token_client', \
         value->>'token_key', value->>'token_issued_before', \
         value->>'method', \
         value->>'resource', value->>'client_addr', value->>'detail', \
         value->>'lost_before' \
         FROM json_each($1) WHERE true ON CONFLICT DO NOTHING";

    fn begin(_subject: Option<&str>) -> SqlStr {
        SqlStr::from_static("BEGIN IMMEDIATE")
    }

    fn begin_migration() -> SqlStr {
        SqlStr::from_static("BEGIN IMMEDIATE")
    }

    fn check(_text: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn is_unavailable(code: &str) -> bool {
        // Busy, locked, out of memory, read-only, interrupted, input or output failed, full, cannot be
        // opened. The rest of an extended code says which way.
        let code = code.parse().map_or(0, |code: u32| code & 0xff);
        matches!(code, 5 | 6 | 7 | 8 | 9 | 10 | 13 | 14)
    }

    async fn tell(&self, tx: &mut Tx<'_, Self>, message: &str) -> Result<(), StoreError> {
        let now = SystemClock.now();
        tx.execute(TELL, &args![now.as_unix_millis(), message])
            .await?;
        let old = now.saturating_sub(KEPT);
        tx.execute(FORGET, &args![old.as_unix_millis()]).await?;
        Ok(())
    }

    async fn beat(sql: &Sql<Self>, message: &str) -> Result<(), StoreError> {
        let mut tx = sql.begin(None).await?;
        let told = sql.dialect.tell(&mut tx, message).await;
        tx.finish(told).await
    }

    async fn touch(sql: &Sql<Self>, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
        let mut tx = sql.begin(None).await?;
        let touched = touch_in(&mut tx, uses).await;
        tx.finish(touched).await
    }

    calls!(sqlx::Sqlite);
}

rows!(sqlx::Sqlite, sqlx::sqlite::SqliteRow);

async fn touch_in(tx: &mut Tx<'_, Sqlite>, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
    let (many, few) = uses.as_chunks::<AT_ONCE>();
    for uses in many {
        let args: Vec<_> = uses.iter().flat_map(columns).collect();
        tx.execute(touch_many(), &args).await?;
    }
    for used in few {
        tx.execute(TOUCH, &columns(used)).await?;
    }
    Ok(())
}

fn columns<'a>(used: &TokenUse<'a>) -> [Arg<'a>; 3] {
    let TokenUse { key, at } = used;
    args![key.subject, key.id, at.as_unix_millis()]
}

fn touch_many() -> String {
    let row = |row: usize| format!("(${}, ${}, ${})", 3 * row + 1, 3 * row + 2, 3 * row + 3);
    let rows: Vec<_> = (0..AT_ONCE).map(row).collect();
    format!(
        "WITH used (subject, id, at) AS (VALUES {}) \
         UPDATE tower_bearer_tokens AS tokens SET last_used = latest.at \
         FROM (SELECT subject, id, max(at) AS at FROM used GROUP BY subject, id) AS latest \
         WHERE tokens.subject = latest.subject AND tokens.id = latest.id \
         AND (tokens.last_used IS NULL OR tokens.last_used < latest.at)",
        rows.join(", ")
    )
}
