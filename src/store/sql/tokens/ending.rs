use super::check_key;
use super::filter::Filter;
use super::reading::current;
use crate::clock::Timestamp;
use crate::revocation::Ending;
use crate::store::sql::{Dialect, Sql, Tx, args};
use crate::store::{StoreError, TokenFilter, TokenKey};

const REVOKE: &str = "UPDATE tower_bearer_tokens \
     SET revoked = $3, due = CASE WHEN due < $3 THEN due ELSE $3 END \
     WHERE subject = $1 AND id = $2 AND revoked IS NULL";

impl<D: Dialect> Sql<D> {
    pub(in crate::store) async fn revoke(
        &self,
        key: TokenKey<'_>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        check_key::<D>(key)?;
        self.within(D::revoke(self, key, at)).await
    }

    pub(in crate::store) async fn revoke_by_steps(
        &self,
        key: TokenKey<'_>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin(Some(key.subject)).await?;
        let ended = end(&mut tx, key, at).await;
        tx.finish(ended).await
    }

    pub(in crate::store) async fn revoke_all(
        &self,
        subject: &str,
        filter: &TokenFilter,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        D::check(subject)?;
        let written = Filter::new::<D>(filter)?;
        self.within(async {
            let mut tx = self.begin(Some(subject)).await?;
            let ended = end_all(&mut tx, subject, filter, &written, at).await;
            tx.finish(ended).await
        })
        .await
    }
}

pub(super) async fn end<D: Dialect>(
    tx: &mut Tx<'_, D>,
    key: TokenKey<'_>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let args = args![key.subject, key.id, at.as_unix_millis()];
    let ended = tx.execute(REVOKE, &args).await? > 0;
    if ended {
        tx.tell(token(key)).await?;
    } else {
        current(tx, key).await?;
    }
    Ok(ended)
}

async fn end_all<D: Dialect>(
    tx: &mut Tx<'_, D>,
    subject: &str,
    filter: &TokenFilter,
    written: &Filter,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let [kinds, meant, session, except] = written.args();
    let [whose, at] = args![subject, at.as_unix_millis()];
    let args = [whose, at, kinds, meant, session, except];
    let ended = tx.execute(D::REVOKE_ALL, &args).await?;
    if ended > 0 {
        let ending = Ending::Tokens {
            subject: subject.into(),
            filter: filter.clone(),
        };
        tx.tell(ending).await?;
    }
    Ok(ended)
}

fn token(key: TokenKey<'_>) -> Ending {
    Ending::Token {
        subject: key.subject.into(),
        id: key.id.into(),
    }
}
