//! Changes that are one statement each, and so one round trip: the subject's lock, the change, and what is
//! told of it. A statement without `BEGIN` is a transaction by itself.
//!
//! The lock is had while the statement runs, so that it may see the tables as they were before. A row that
//! others changed meanwhile is looked at anew when it is locked, and one that is in the way of an insert is
//! always seen; that is enough where one row is meant. What means several has the lock first.

use super::dialect::{Postgres, lock_of, that_fits};
use crate::clock::Timestamp;
use crate::revocation::{Ending, FeedMessage, Revocation};
use crate::store::sql::{
    Arg, Columns as _, Dialect as _, Sql, Tx, Written, args, columns, fault, millis, put, put_args,
    read, revocation_key,
};
use crate::store::{StoreError, TokenChange, TokenKey, TokenRecord, TokenUse};

const INSERT: &str = concat!(
    "WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock($24)) \
     INSERT INTO tower_bearer_tokens (",
    columns!(),
    ", due) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
     $19, $20, $21, $22, $23 FROM held ON CONFLICT DO NOTHING RETURNING 1"
);
const REVOKE: &str = "WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock($1)), \
     ended AS ( \
         UPDATE tower_bearer_tokens SET revoked = $4, due = least(due, $4) FROM held \
         WHERE subject = $2 AND id = $3 AND revoked IS NULL RETURNING 1 \
     ), \
     told AS MATERIALIZED (SELECT pg_notify($5, $6) FROM ended) \
     SELECT (SELECT count(*) FROM told) AS ended, \
     (SELECT count(*) FROM tower_bearer_tokens WHERE subject = $2 AND id = $3) AS known";
/// Each value is preceded by whether it is meant. The sum is one of any size.
const UPDATE: &str = concat!(
    "WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock($1)), \
     changed AS ( \
         UPDATE tower_bearer_tokens SET \
         name = CASE WHEN $4 THEN $5 ELSE name END, \
         disabled = CASE WHEN $6 THEN $7 ELSE disabled END, \
         expires = CASE WHEN $8 THEN $9 ELSE expires END, \
         digest = CASE WHEN $10 THEN $11 ELSE digest END, \
         pepper = CASE WHEN $10 THEN $12 ELSE pepper END, \
         due = least(CASE WHEN $8 THEN $9 ELSE expires END, CASE WHEN idle IS NOT NULL THEN \
             least(coalesce(last_used, created)::numeric + idle, 9223372036854775807)::bigint END) \
         FROM held WHERE subject = $2 AND id = $3 AND revoked IS NULL RETURNING ",
    columns!(),
    "), told AS MATERIALIZED (SELECT pg_notify($13, $14) FROM changed) SELECT ",
    columns!(),
    " FROM changed, told"
);
const PUT: &str = concat!(
    "WITH added AS (",
    put!(),
    " RETURNING 1) SELECT pg_notify($5, $6) FROM added"
);
/// Rows are locked in the order of their keys, as everywhere, or two would wait for one another.
const TOUCH: &str = "WITH uses AS ( \
         SELECT subject, id, max(at) AS at \
         FROM unnest($1::text[], $2::text[], $3::bigint[]) AS used (subject, id, at) \
         GROUP BY subject, id \
     ), held AS ( \
         SELECT tokens.subject, tokens.id, uses.at \
         FROM tower_bearer_tokens AS tokens JOIN uses \
         ON tokens.subject = uses.subject AND tokens.id = uses.id \
         WHERE tokens.last_used IS NULL OR tokens.last_used < uses.at \
         ORDER BY tokens.subject, tokens.id FOR NO KEY UPDATE OF tokens \
     ) \
     UPDATE tower_bearer_tokens AS tokens \
     SET last_used = greatest(tokens.last_used, held.at) FROM held \
     WHERE tokens.subject = held.subject AND tokens.id = held.id";

pub(super) async fn insert(sql: &Sql<Postgres>, record: &TokenRecord) -> Result<(), StoreError> {
    let written = Written::new::<Postgres>(record)?;
    let lock = args![lock_of(&record.subject)];
    let args = [&written.args(record)[..], &lock].concat();
    let added = sql.change(INSERT, &args).await?;
    // The row that was in the way is not told, so that no log has its digest.
    if added.is_empty() {
        return Err(StoreError::AlreadyExists);
    }
    Ok(())
}

pub(super) async fn revoke(
    sql: &Sql<Postgres>,
    key: TokenKey<'_>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let message = told(Ending::Token {
        subject: key.subject.into(),
        id: key.id.into(),
    });
    let args = args![
        lock_of(key.subject),
        key.subject,
        key.id,
        at.as_unix_millis(),
        &*sql.dialect.channel,
        &*message,
    ];
    let rows = sql.change(REVOKE, &args).await?;
    let is_any = |column| {
        let count = rows.first().map(|row| row.int(column)).transpose();
        Ok(count.map_err(fault::<Postgres>)?.flatten() > Some(0))
    };
    match (is_any("ended")?, is_any("known")?) {
        (true, _) => Ok(true),
        (false, true) => Ok(false),
        (false, false) => Err(StoreError::NotFound),
    }
}

pub(super) async fn update(
    sql: &Sql<Postgres>,
    key: TokenKey<'_>,
    change: &TokenChange,
) -> Result<TokenRecord, StoreError> {
    let name = change.name.as_ref().and_then(Option::as_deref);
    let digest = change.digest.as_ref();
    let pepper = digest.and_then(|(_, pepper)| pepper.as_deref());
    for text in [name, pepper].into_iter().flatten() {
        Postgres::check(text)?;
    }
    let message = told(Ending::Changed {
        subject: key.subject.into(),
        id: key.id.into(),
    });
    let args = args![
        lock_of(key.subject),
        key.subject,
        key.id,
        change.name.is_some(),
        name,
        change.disabled.is_some(),
        change.disabled.unwrap_or_default(),
        change.expires.is_some(),
        millis(change.expires.flatten()),
        digest.is_some(),
        digest.map(|(digest, _)| digest.as_bytes()),
        pepper,
        &*sql.dialect.channel,
        &*message,
    ];
    let rows = sql.change(UPDATE, &args).await?;
    if let Some(row) = rows.first() {
        return read::<Postgres>(row);
    }
    match sql.get(key).await? {
        Some(record) if record.revoked.is_some() => Err(StoreError::Ended),
        _ => Err(StoreError::NotFound),
    }
}

pub(super) async fn put(sql: &Sql<Postgres>, revocation: &Revocation) -> Result<(), StoreError> {
    let key = revocation_key(&revocation.target);
    let message = told(Ending::Revocation(revocation.clone()));
    let feed = args![&*sql.dialect.channel, &*message];
    let args: Vec<Arg<'_>> = [&put_args(&key, revocation)[..], &feed].concat();
    sql.change(PUT, &args).await.map(drop)
}

pub(super) async fn touch(sql: &Sql<Postgres>, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
    let subjects: Vec<_> = uses.iter().map(|used| used.key.subject).collect();
    let ids: Vec<_> = uses.iter().map(|used| used.key.id).collect();
    let times: Vec<_> = uses.iter().map(|used| used.at.as_unix_millis()).collect();
    let touch = sqlx::query::<sqlx::Postgres>(TOUCH)
        .bind(subjects)
        .bind(ids)
        .bind(times);
    let mut tx = Tx::without_begin(&sql.dialect, &sql.writers).await?;
    let touched = touch.execute(tx.connection()?).await;
    tx.finish_without_commit(touched.map(drop).map_err(fault::<Postgres>))
}

fn told(ending: Ending) -> String {
    that_fits(&FeedMessage::Ending(ending).encode()).into_owned()
}
