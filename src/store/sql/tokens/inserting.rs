use super::ending::end;
use crate::clock::Timestamp;
use crate::store::sql::record::{Written, columns, read};
use crate::store::sql::{Dialect, Sql, Tx, args};
use crate::store::{StoreError, SubjectLimit, TokenRecord, WhenFull};

const INSERT: &str = concat!(
    "INSERT INTO tower_bearer_tokens (",
    columns!(),
    ", due) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
     $19, $20, $21, $22, $23) ON CONFLICT DO NOTHING"
);
const UNREVOKED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM tower_bearer_tokens WHERE subject = $1 AND kind = $2 AND revoked IS NULL"
);

impl<D: Dialect> Sql<D> {
    pub(in crate::store) async fn insert(&self, record: &TokenRecord) -> Result<(), StoreError> {
        self.within(D::insert(self, record)).await
    }

    pub(in crate::store) async fn insert_by_steps(
        &self,
        record: &TokenRecord,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin(Some(&record.subject)).await?;
        let inserted = add(&mut tx, record).await;
        tx.finish(inserted).await
    }

    pub(in crate::store) async fn insert_within(
        &self,
        record: &TokenRecord,
        limit: SubjectLimit,
        now: Timestamp,
    ) -> Result<Vec<Box<str>>, StoreError> {
        self.within(async {
            let mut tx = self.begin(Some(&record.subject)).await?;
            let ended = add_within(&mut tx, record, limit, now).await;
            tx.finish(ended).await
        })
        .await
    }
}

pub(super) async fn add<D: Dialect>(
    tx: &mut Tx<'_, D>,
    record: &TokenRecord,
) -> Result<(), StoreError> {
    let written = Written::new::<D>(record)?;
    let added = tx.execute(INSERT, &written.args(record)).await?;
    // The row that was in the way is not told, so that no log has its digest.
    (added == 1).then_some(()).ok_or(StoreError::AlreadyExists)
}

async fn add_within<D: Dialect>(
    tx: &mut Tx<'_, D>,
    record: &TokenRecord,
    limit: SubjectLimit,
    now: Timestamp,
) -> Result<Vec<Box<str>>, StoreError> {
    let args = args![&*record.subject, record.kind.as_str()];
    let rows = tx.fetch(UNREVOKED, &args).await?;
    let held: Result<Vec<_>, _> = rows.iter().map(read::<D>).collect();
    let mut live = held?;
    live.retain(|held| held.is_live(now));
    let surplus = (live.len() + 1).saturating_sub(limit.max.get());
    if surplus > 0 && limit.when_full == WhenFull::Refuse {
        return Err(StoreError::LimitReached);
    }
    add(tx, record).await?;
    live.sort_unstable_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    live.truncate(surplus);
    // Rows are taken in the order of their keys everywhere, or two would wait for one another.
    let mut by_key: Vec<_> = live.iter().map(TokenRecord::key).collect();
    by_key.sort_unstable_by_key(|key| key.id);
    for key in by_key {
        end(tx, key, now).await?;
    }
    Ok(live.into_iter().map(|record| record.id).collect())
}
