use std::time::Duration;

use super::check_key;
use super::inserting::add;
use super::reading::{current, current_unrevoked};
use crate::clock::Timestamp;
use crate::revocation::Ending;
use crate::store::sql::record::{Written, due, millis};
use crate::store::sql::{Dialect, Sql, Tx, args};
use crate::store::{StoreError, TokenChange, TokenKey, TokenRecord, TokenUse};

const HAS_DIGEST: &str = "SELECT subject FROM tower_bearer_tokens WHERE digest = $1";
const CHANGE: &str = "UPDATE tower_bearer_tokens \
     SET name = $3, disabled = $4, expires = $5, digest = $6, pepper = $7, due = $8 \
     WHERE subject = $1 AND id = $2";
const GIVE_WAY: &str = "UPDATE tower_bearer_tokens \
     SET replaced_by = $3, revoked = $4, expires = $5, due = $6 \
     WHERE subject = $1 AND id = $2";

impl<D: Dialect> Sql<D> {
    pub(in crate::store) async fn touch(&self, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        for used in uses {
            check_key::<D>(used.key)?;
        }
        self.within(D::touch(self, uses)).await
    }

    pub(in crate::store) async fn update(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError> {
        check_key::<D>(key)?;
        self.within(D::update(self, key, change)).await
    }

    pub(in crate::store) async fn update_by_steps(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError> {
        let mut tx = self.begin(Some(key.subject)).await?;
        let changed = apply(&mut tx, key, change).await;
        tx.finish(changed).await
    }

    pub(in crate::store) async fn replace(
        &self,
        id: &str,
        successor: &TokenRecord,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = TokenKey {
            subject: &successor.subject,
            id,
        };
        check_key::<D>(key)?;
        self.within(async {
            let mut tx = self.begin(Some(key.subject)).await?;
            let replaced = give_way(&mut tx, key, successor, overlap, now).await;
            tx.finish(replaced).await
        })
        .await
    }
}

async fn apply<D: Dialect>(
    tx: &mut Tx<'_, D>,
    key: TokenKey<'_>,
    change: &TokenChange,
) -> Result<TokenRecord, StoreError> {
    let old = current_unrevoked(tx, key).await?;
    let mut record = old.clone();
    change.apply(&mut record);
    if record.digest != old.digest {
        let digest = args![record.digest.as_bytes()];
        let taken = tx.fetch(HAS_DIGEST, &digest).await?;
        if !taken.is_empty() {
            return Err(StoreError::AlreadyExists);
        }
    }
    Written::new::<D>(&record)?;
    let args = args![
        key.subject,
        key.id,
        record.name.as_deref(),
        record.disabled,
        millis(record.expires),
        record.digest.as_bytes(),
        record.pepper.as_deref(),
        due(&record),
    ];
    if tx.execute(CHANGE, &args).await? == 0 {
        return Err(StoreError::NotFound);
    }
    tx.tell(Ending::of_update(&record)).await?;
    Ok(record)
}

async fn give_way<D: Dialect>(
    tx: &mut Tx<'_, D>,
    key: TokenKey<'_>,
    successor: &TokenRecord,
    overlap: Duration,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut record = current(tx, key).await?;
    if !record.is_replaceable() {
        return Err(StoreError::Ended);
    }
    add(tx, successor).await?;
    record.give_way_to(successor.id.clone(), overlap, now);
    let args = args![
        key.subject,
        key.id,
        record.replaced_by.as_deref(),
        millis(record.revoked),
        millis(record.expires),
        due(&record),
    ];
    if tx.execute(GIVE_WAY, &args).await? == 0 {
        return Err(StoreError::NotFound);
    }
    tx.tell(Ending::of_replacement(key.subject, key.id, overlap))
        .await
}
