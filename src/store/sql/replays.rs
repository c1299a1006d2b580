use std::sync::atomic::{AtomicU32, Ordering};

use super::{Dialect, Sql, args};
use crate::clock::Timestamp;
use crate::replay::{ReplayId, SPARE};
use crate::store::StoreError;

/// Of two at once the second waits for the first, and then finds what that one has written.
const REMEMBER: &str = "INSERT INTO tower_bearer_replays AS known (id, keep_until) VALUES ($1, $2) \
     ON CONFLICT (id) DO UPDATE SET keep_until = excluded.keep_until \
     WHERE known.keep_until <= $3 RETURNING 1";

/// After how many that were added some are removed, and how many: more than were added.
const EVERY: u32 = 64;
const AT_ONCE: i64 = 256;

/// When it is time to remove what is long over.
#[derive(Default)]
pub(in crate::store) struct Tidying(AtomicU32);

impl Tidying {
    /// Whether it is time, now that one more was added.
    fn is_due(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(EVERY)
    }
}

impl<D: Dialect> Sql<D> {
    pub(in crate::store) async fn remember_once(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if until <= now {
            return Ok(false);
        }
        let args = args![id.as_bytes(), until.as_unix_millis(), now.as_unix_millis()];
        let added = self.within(self.change(REMEMBER, &args)).await?;
        if added.is_empty() {
            return Ok(false);
        }
        if self.tidying.is_due() {
            self.tidy_up(now);
        }
        Ok(true)
    }

    pub(in crate::store) async fn prune_replays(
        &self,
        before: Timestamp,
        limit: u64,
    ) -> Result<u64, StoreError> {
        if limit == 0 {
            return Ok(0);
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let args = args![long_before(before), limit];
        self.within(async {
            let mut tx = self.begin(None).await?;
            let removed = tx.execute(D::FORGET_REPLAYS, &args).await;
            tx.finish(removed).await
        })
        .await
    }

    /// Removes some, while the answer that is known goes its way. Where it fails, the next will do.
    fn tidy_up(&self, now: Timestamp) {
        let (connections, limit) = (self.writers.clone(), self.timeout);
        tokio::spawn(async move {
            let Ok(mut connection) = connections.acquire().await else {
                return;
            };
            let args = args![long_before(now), AT_ONCE];
            let removing = D::execute(&mut connection, D::FORGET_REPLAYS.into(), &args);
            if !matches!(tokio::time::timeout(limit, removing).await, Ok(Ok(_))) {
                connection.close_on_drop();
            }
        });
    }
}

fn long_before(now: Timestamp) -> i64 {
    now.saturating_sub(SPARE).as_unix_millis()
}
