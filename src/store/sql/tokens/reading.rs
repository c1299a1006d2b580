use super::check_key;
use super::filter::Filter;
use crate::store::sql::record::{columns, read};
use crate::store::sql::{Dialect, Sql, Tx, args};
use crate::store::{Found, Page, StoreError, TokenDigest, TokenFilter, TokenKey, TokenRecord};

const FIND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM tower_bearer_tokens WHERE digest = $1"
);
const GET: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM tower_bearer_tokens WHERE subject = $1 AND id = $2"
);
/// The conditions of [`Filter::args`]: kinds, whether they are meant or not, session, and exception.
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM tower_bearer_tokens WHERE subject = $1 AND ($2 IS NULL OR id > $2) \
     AND ($3 IS NULL OR ($3 LIKE '%,' || replace(kind, '_', '\\_') || ',%' ESCAPE '\\') = $4) \
     AND ($5 IS NULL OR session_id = $5) AND ($6 IS NULL OR id <> $6) ORDER BY id LIMIT $7"
);

impl<D: Dialect> Sql<D> {
    pub(in crate::store) async fn find(
        &self,
        digest: &TokenDigest,
    ) -> Result<Option<Found>, StoreError> {
        self.within(async {
            let rows = self.read(FIND, &args![digest.as_bytes()]).await?;
            let record = rows.first().map(read::<D>).transpose()?;
            Ok(record.map(Found::new))
        })
        .await
    }

    pub(in crate::store) async fn get(
        &self,
        key: TokenKey<'_>,
    ) -> Result<Option<TokenRecord>, StoreError> {
        check_key::<D>(key)?;
        self.within(async {
            let rows = self.read(GET, &args![key.subject, key.id]).await?;
            rows.first().map(read::<D>).transpose()
        })
        .await
    }

    pub(in crate::store) async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        D::check(subject)?;
        page.start().map_or(Ok(()), D::check)?;
        let filter = Filter::new::<D>(filter)?;
        let [kinds, meant, session, except] = filter.args();
        let limit = i64::try_from(page.limit()).unwrap_or(i64::MAX);
        let [subject, start, limit] = args![subject, page.start(), limit];
        let args = [subject, start, kinds, meant, session, except, limit];
        self.within(async {
            let rows = self.read(LIST, &args).await?;
            rows.iter().map(read::<D>).collect()
        })
        .await
    }
}

pub(super) async fn current<D: Dialect>(
    tx: &mut Tx<'_, D>,
    key: TokenKey<'_>,
) -> Result<TokenRecord, StoreError> {
    let rows = tx.fetch(GET, &args![key.subject, key.id]).await?;
    read::<D>(rows.first().ok_or(StoreError::NotFound)?)
}

pub(super) async fn current_unrevoked<D: Dialect>(
    tx: &mut Tx<'_, D>,
    key: TokenKey<'_>,
) -> Result<TokenRecord, StoreError> {
    let record = current(tx, key).await?;
    match record.revoked {
        Some(_) => Err(StoreError::Ended),
        None => Ok(record),
    }
}
