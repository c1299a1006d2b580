use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

use super::dialect::Sqlite;
use crate::revocation::{FeedMessage, Subscription};
use crate::store::StoreError;
use crate::store::sql::{Columns, Dialect, args, fault, problem};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_millis(100);

/// Moves whenever another connection, of whatever process, has committed a change.
const VERSION: &str = "PRAGMA data_version";
const LAST: &str = "SELECT seq FROM sqlite_sequence WHERE name = 'tower_bearer_endings'";
const NEXT: &str = "SELECT seq, message FROM tower_bearer_endings WHERE seq > $1 \
     ORDER BY seq LIMIT 500";

/// An ear at a file, which looks for new lines.
pub(super) struct Polled {
    connection: SqliteConnection,
    /// The file's counter of changes when it was last read.
    version: Option<i64>,
    /// The number of the last line that was read.
    last: i64,
    heard: VecDeque<FeedMessage>,
}

impl Polled {
    pub(super) async fn begin(options: &SqliteConnectOptions) -> Result<Self, StoreError> {
        let connection = options.connect().await.map_err(fault::<Sqlite>)?;
        let mut polled = Self {
            connection,
            version: None,
            last: 0,
            heard: VecDeque::new(),
        };
        polled.last = polled.number(LAST).await?.unwrap_or(0);
        Ok(polled)
    }

    /// Reads what is new, if anything is. Whatever is given up on is read again.
    async fn look(&mut self) -> Result<(), StoreError> {
        let version = self.number(VERSION).await?;
        if version == self.version {
            return Ok(());
        }
        let last = self.number(LAST).await?.unwrap_or(0);
        if last == self.last {
            self.version = version;
            return Ok(());
        }
        let rows = Sqlite::fetch(&mut self.connection, NEXT.into(), &args![self.last]).await;
        let rows = rows.map_err(fault::<Sqlite>)?;
        if rows.is_empty() {
            return Err(missed());
        }
        for row in rows {
            let seq = row.int("seq").map_err(fault::<Sqlite>)?;
            if seq != Some(self.last + 1) {
                return Err(missed());
            }
            let message = row.text("message").map_err(fault::<Sqlite>)?;
            self.heard
                .push_back(FeedMessage::decode(&message.unwrap_or_default()));
            self.last += 1;
        }
        Ok(())
    }

    async fn number(&mut self, sql: &'static str) -> Result<Option<i64>, StoreError> {
        let rows = Sqlite::fetch(&mut self.connection, sql.into(), &[]).await;
        let rows = rows.map_err(fault::<Sqlite>)?;
        let number = rows.first().map(|row| sqlx::Row::try_get(row, 0));
        number.transpose().map_err(fault::<Sqlite>)
    }
}

#[async_trait]
impl Subscription for Polled {
    async fn next(&mut self) -> Result<FeedMessage, StoreError> {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return Ok(message);
            }
            self.look().await?;
            if self.heard.is_empty() {
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}

fn missed() -> StoreError {
    problem(
        Sqlite::NAME,
        "endings were removed from the file before they were read",
    )
}
