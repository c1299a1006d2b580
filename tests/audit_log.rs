//! What the log says of events that a sink dropped. One test in one process, since it reads every line.
#![allow(clippy::unwrap_used)]

#[path = "support/log.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod log;

use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log::Log;
use tower_bearer::async_trait;
use tower_bearer::audit::{
    AuditAction, AuditEvent, AuditTarget, AuditTrail, AuditWriter, BufferedSink,
};
use tower_bearer::clock::Timestamp;
use tower_bearer::identity::CredentialKind;

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
struct Writer {
    hangs: AtomicBool,
}

#[async_trait]
impl AuditWriter for Writer {
    async fn write(&self, _: &[AuditEvent]) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.hangs.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        Ok(())
    }
}

fn tell(trail: &AuditTrail) {
    let target = AuditTarget::new(CredentialKind::ApiKey, "alice");
    trail.record(Timestamp::EPOCH, AuditAction::Issued, target, None);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_drops_is_one_line_that_says_how_many() {
    let (log, _guard) = Log::listen();
    let dropped = || -> Vec<u64> {
        let text = log.text();
        let counts = text.lines().filter_map(|line| line.split_once(" dropped="));
        let counts = counts.map(|(_, rest)| rest.split(' ').next().unwrap().parse().unwrap());
        counts.collect()
    };
    let writer = Arc::new(Writer::default());
    let sink = BufferedSink::spawn(writer.clone(), 10).unwrap();
    let trail = AuditTrail::builder().sink(sink.clone()).build().unwrap();
    for _ in 0..25 {
        tell(&trail);
    }
    assert!(sink.flush(HOUR).await);
    assert_eq!(dropped(), [15]);
    for _ in 0..12 {
        tell(&trail);
    }
    assert!(sink.flush(HOUR).await);
    assert_eq!(dropped(), [15, 2]);

    // While the writer hangs, it is not kept quiet until that is over.
    writer.hangs.store(true, Ordering::SeqCst);
    for _ in 0..13 {
        tell(&trail);
    }
    assert!(!sink.flush(Duration::from_secs(30)).await);
    assert_eq!(dropped(), [15, 2, 3]);

    assert_eq!(sink.shutdown(Duration::from_secs(1)).await, 10);
    assert_eq!(dropped(), [15, 2, 3, 10]);
}
