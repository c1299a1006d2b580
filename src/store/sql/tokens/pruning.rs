use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::store::sql::{Arg, Dialect, Sql, Tx, args};

impl<D: Dialect> Sql<D> {
    /// Looks at those that are due first. One that was used since it was dated is dated anew, and the next
    /// are looked at.
    pub(in crate::store) async fn prune_tokens(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        // Further in the future than any date, and no sum with it overflows.
        let before = before.as_unix_millis().min(i64::MAX / 4);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut removed = 0;
        while removed < limit {
            let args = args![before, limit - removed];
            let (dated, over) = self
                .within(async {
                    let mut tx = self.begin(None).await?;
                    let looked = look_at_due(&mut tx, &args).await;
                    tx.finish(looked).await
                })
                .await?;
            removed += i64::try_from(over).unwrap_or(i64::MAX);
            if dated == 0 && over == 0 {
                break;
            }
        }
        Ok(u64::try_from(removed).unwrap_or(0))
    }
}

async fn look_at_due<D: Dialect>(
    tx: &mut Tx<'_, D>,
    args: &[Arg<'_>],
) -> Result<(u64, u64), StoreError> {
    let dated = tx.execute(D::DATE_ANEW, args).await?;
    let over = tx.execute(D::REMOVE_OVER, args).await?;
    Ok((dated, over))
}
