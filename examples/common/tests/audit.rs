//! The audit log over the key-value helper.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{AuditLog, Filing, Kv, KvError};
use tower_bearer::async_trait;
use tower_bearer::audit::{AuditAction, AuditEvent, AuditTarget, AuditTrail};
use tower_bearer::clock::Timestamp;
use tower_bearer::identity::{CredentialKind, Identity};

/// Files a line with the subject of its target, unless that is `nobody`; and fails once.
#[derive(Debug, Default)]
struct BySubject {
    failed: AtomicBool,
}

#[async_trait]
impl Filing for BySubject {
    async fn folders(&self, event: &AuditEvent) -> Result<Vec<String>, KvError> {
        if !self.failed.swap(true, Ordering::Relaxed) {
            // A value of another type is an error of the store's.
            let kv = Kv::open("memory").await?;
            kv.insert("x", "x", &"text").await?;
            kv.get::<u32>("x", "x").await?;
        }
        let target = event.target.as_ref();
        let subject = target.and_then(|target| target.subject.as_deref());
        let folder = subject.filter(|subject| *subject != "nobody");
        Ok(folder.map(str::to_owned).into_iter().collect())
    }
}

#[tokio::test]
async fn what_was_recorded_is_there_at_once_where_it_was_filed() {
    let kv = Kv::open("memory").await.unwrap();
    let log = AuditLog::spawn(&kv, Arc::new(BySubject::default())).unwrap();
    let trail = AuditTrail::builder().sink(log.sink()).build().unwrap();
    let script = Identity::new("alice", CredentialKind::AccessToken).with_credential_name("ci");
    let alice = Identity::new("alice", CredentialKind::Session);
    for second in 0..600 {
        for subject in ["site-1", "site-2", "nobody"] {
            let at = Timestamp::from_unix_secs(second);
            let target = AuditTarget::new(CredentialKind::AccessToken, subject);
            let by = if second % 2 == 0 { &script } else { &alice };
            trail.record(at, AuditAction::Revoked, target, Some(by));
        }
    }
    for folder in ["site-1", "site-2"] {
        let lines = log.list(folder).await.unwrap();
        let times: Vec<_> = lines.iter().map(|line| line.at).collect();
        assert_eq!(
            times,
            (0..600).map(|second| second * 1000).collect::<Vec<_>>()
        );
        let (first, second) = (&lines[0], &lines[1]);
        assert_eq!(
            (first.token.as_deref(), first.user.as_deref()),
            (Some("ci"), None)
        );
        assert_eq!(
            (second.token.as_deref(), second.user.as_deref()),
            (None, Some("alice"))
        );
        assert_eq!((&*first.action, &*first.outcome), ("revoked", "done"));
    }
    assert!(log.list("nobody").await.unwrap().is_empty());
    log.shutdown().await;
}
