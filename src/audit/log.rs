use super::{Actor, AuditAction, AuditEvent, AuditSink};
use crate::clock::Timestamp;
use crate::identity::CredentialKind;

/// Writes the trail to tracing, as events at `INFO` of the target `tower_bearer::audit`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingSink;

impl AuditSink for TracingSink {
    fn record(&self, event: &AuditEvent) {
        let credential = event.credential.as_ref();
        let token = event.target.as_ref();
        tracing::info!(
            target: "tower_bearer::audit",
            id = format_args!("{:032x}", event.id),
            at = event.at.as_unix_millis(),
            action = event.action.as_str(),
            outcome = event.action.outcome(),
            actor = event.actor.as_ref().map(Actor::name),
            credential.kind = credential.and_then(|it| it.kind).map(CredentialKind::as_str),
            credential.id = credential.and_then(|it| it.id.as_deref()),
            credential.name = credential.and_then(|it| it.name.as_deref()),
            token.kind = token.and_then(|it| it.kind).map(CredentialKind::as_str),
            token.subject = token.and_then(|it| it.subject.as_deref()),
            token.id = token.and_then(|it| it.id.as_deref()),
            token.name = token.and_then(|it| it.name.as_deref()),
            token.replaces = token.and_then(|it| it.replaces.as_deref()),
            token.issuer = token.and_then(|it| it.issuer.as_deref()),
            token.session = token.and_then(|it| it.session_id.as_deref()),
            token.client = token.and_then(|it| it.client_id.as_deref()),
            token.key = token.and_then(|it| it.key_id.as_deref()),
            token.issued_before = token.and_then(|it| it.issued_before).map(Timestamp::as_unix_millis),
            ended = ended(event.action),
            method = event.method.as_deref(),
            resource = event.resource.as_deref(),
            client_addr = event.client_addr.map(tracing::field::display),
            detail = event.detail,
            "audit"
        );
    }
}

fn ended(action: AuditAction) -> Option<u64> {
    match action {
        AuditAction::RevokedAll(ended) => Some(ended),
        _ => None,
    }
}
