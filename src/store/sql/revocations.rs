use sha2::{Digest, Sha256};

use super::{Arg, Columns, Dialect, Sql, args, fault};
use crate::clock::Timestamp;
use crate::revocation::{Ending, Revocation, Target};
use crate::store::StoreError;

/// How many targets are looked up by one statement.
const AT_ONCE: usize = 100;

macro_rules! put {
    () => {
        "INSERT INTO tower_bearer_revocations AS known \
     (key, target, issued_before, keep_until) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (key) DO UPDATE SET \
     issued_before = CASE WHEN excluded.issued_before > known.issued_before \
     THEN excluded.issued_before ELSE known.issued_before END, \
     keep_until = CASE WHEN excluded.keep_until > known.keep_until \
     THEN excluded.keep_until ELSE known.keep_until END"
    };
}

#[cfg(feature = "postgres")]
pub(in crate::store) use put;

const PRUNE: &str = "DELETE FROM tower_bearer_revocations WHERE keep_until <= $1 AND key IN \
     (SELECT key FROM tower_bearer_revocations WHERE keep_until <= $1 LIMIT $2)";

impl<D: Dialect> Sql<D> {
    pub(in crate::store) async fn put(&self, revocation: &Revocation) -> Result<(), StoreError> {
        self.within(D::put(self, revocation)).await
    }

    pub(in crate::store) async fn put_by_steps(
        &self,
        revocation: &Revocation,
    ) -> Result<(), StoreError> {
        let key = key(&revocation.target);
        let mut tx = self.begin(None).await?;
        let put = match tx.execute(put!(), &put_args(&key, revocation)).await {
            Ok(_) => tx.tell(Ending::Revocation(revocation.clone())).await,
            Err(error) => Err(error),
        };
        tx.finish(put).await
    }

    pub(in crate::store) async fn latest_before(
        &self,
        targets: &[Target],
    ) -> Result<Option<Timestamp>, StoreError> {
        let keys: Vec<_> = targets.iter().map(key).collect();
        self.within(async {
            let mut latest = None;
            for keys in keys.chunks(AT_ONCE) {
                let args: Vec<_> = keys.iter().map(Arg::from).collect();
                let rows = self.read(lookup(keys.len()), &args).await?;
                for row in &rows {
                    let before = row.int("latest").map_err(fault::<D>)?;
                    latest = latest.max(before.map(Timestamp::from_unix_millis));
                }
            }
            Ok(latest)
        })
        .await
    }

    pub(in crate::store) async fn prune_revocations(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let args = args![now.as_unix_millis(), limit];
        self.within(async {
            let mut tx = self.begin(None).await?;
            let removed = tx.execute(PRUNE, &args).await;
            tx.finish(removed).await
        })
        .await
    }
}

pub(in crate::store) fn key(target: &Target) -> [u8; 32] {
    Sha256::digest(target.as_str()).into()
}

/// The parameters of `put!`.
pub(in crate::store) fn put_args<'a>(
    key: &'a [u8; 32],
    revocation: &'a Revocation,
) -> [Arg<'a>; 4] {
    args![
        key,
        revocation.target.as_str().as_bytes(),
        revocation.before.as_unix_millis(),
        revocation.until.as_unix_millis(),
    ]
}

fn lookup(keys: usize) -> String {
    let places: Vec<_> = (1..=keys).map(|place| format!("${place}")).collect();
    format!(
        "SELECT max(issued_before) AS latest FROM tower_bearer_revocations WHERE key IN ({})",
        places.join(", ")
    )
}
