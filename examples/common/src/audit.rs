use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tower_bearer::audit::{Actor, AuditEvent, AuditTarget, AuditWriter, BufferedSink};

use crate::StartError;
use crate::kv::{Kv, KvError};

/// How many lines may wait to be written.
const WAITING: usize = 10_000;
/// How long whoever reads waits for those.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps the audit trail in the key-value store, in folders that can be listed. A clone is the same.
#[derive(Debug, Clone)]
pub struct AuditLog {
    kv: Kv,
    sink: BufferedSink,
}

/// Says which folders a line belongs into.
#[async_trait]
pub trait Filing: fmt::Debug + Send + Sync {
    /// The folders of this line; if there are none, it is not kept.
    ///
    /// # Errors
    /// If that cannot be told now. It is asked again.
    async fn folders(&self, event: &AuditEvent) -> Result<Vec<String>, KvError>;
}

/// A line as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditLine {
    /// The line's own number.
    pub id: String,
    /// When it was, in milliseconds since the epoch.
    pub at: i64,
    /// What was done.
    pub action: String,
    /// How it went.
    pub outcome: String,
    /// The user who did it.
    pub user: Option<String>,
    /// The name of the token that it was done by, where that is no user's session.
    pub token: Option<String>,
    /// The id of the token that it was done to.
    pub target: Option<String>,
    /// The request's method.
    pub method: Option<String>,
    /// What the request was for.
    pub resource: Option<String>,
}

#[derive(Debug)]
struct Writer {
    kv: Kv,
    filing: Arc<dyn Filing>,
}

impl AuditLog {
    /// Begins to write, on this tokio runtime.
    ///
    /// # Errors
    /// If there is none.
    pub fn spawn(kv: &Kv, filing: Arc<dyn Filing>) -> Result<Self, StartError> {
        let kv = kv.clone();
        let writer = Arc::new(Writer {
            kv: kv.clone(),
            filing,
        });
        let sink = BufferedSink::spawn(writer, WAITING)?;
        Ok(Self { kv, sink })
    }

    /// What an [`AuditTrail`](tower_bearer::audit::AuditTrail) is to write to.
    #[must_use]
    pub fn sink(&self) -> BufferedSink {
        self.sink.clone()
    }

    /// The lines of a folder, oldest first: all that this process recorded, and what others wrote.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn list(&self, folder: &str) -> Result<Vec<AuditLine>, KvError> {
        self.sink.flush(PATIENCE).await;
        self.kv.list(&collection(folder)).await
    }

    /// Writes what waits, and ends.
    pub async fn shutdown(&self) {
        self.sink.shutdown(PATIENCE).await;
    }
}

#[async_trait]
impl AuditWriter for Writer {
    async fn write(&self, events: &[AuditEvent]) -> Result<(), Box<dyn Error + Send + Sync>> {
        for event in events {
            let line = AuditLine::of(event);
            let key = format!("{:020} {}", line.at, line.id);
            for folder in self.filing.folders(event).await? {
                // One that comes a second time is there.
                self.kv.insert(&collection(&folder), &key, &line).await?;
            }
        }
        Ok(())
    }
}

impl AuditLine {
    fn of(event: &AuditEvent) -> Self {
        let (user, token) = match &event.actor {
            Some(Actor::User(name)) => (Some(name.to_string()), None),
            Some(Actor::Token(name)) => (None, Some(name.to_string())),
            _ => (None, None),
        };
        let target = |target: &AuditTarget| target.id.as_deref().map(str::to_owned);
        Self {
            id: format!("{:032x}", event.id),
            at: event.at.as_unix_millis(),
            action: event.action.to_string(),
            outcome: event.action.outcome().to_owned(),
            user,
            token,
            target: event.target.as_ref().and_then(target),
            method: event.method.as_deref().map(str::to_owned),
            resource: event.resource.as_deref().map(str::to_owned),
        }
    }
}

fn collection(folder: &str) -> String {
    format!("audit {folder}")
}
