use std::borrow::Cow;

use serde::Serialize;

use super::{Dialect, Sql, args, problem};
use crate::audit::{Actor, AuditAction, AuditEvent};
use crate::clock::Timestamp;
use crate::identity::CredentialKind;
use crate::store::StoreError;

impl<D: Dialect> Sql<D> {
    /// Writes lines of the audit trail, all or none, and each once.
    pub(in crate::store) async fn add_lines(
        &self,
        events: &[AuditEvent],
    ) -> Result<(), StoreError> {
        let lines: Vec<_> = events.iter().map(Line::new).collect();
        let lines = serde_json::to_string(&lines).map_err(|error| problem(D::NAME, error))?;
        self.within(async {
            let mut tx = self.begin(None).await?;
            let added = tx.execute(D::ADD_LINES, &args![&*lines]).await;
            tx.finish(added.map(drop)).await
        })
        .await
    }
}

/// A line by the names of its columns.
#[derive(Serialize)]
struct Line<'a> {
    event: String,
    at: i64,
    action: &'static str,
    ended: Option<u64>,
    outcome: &'static str,
    actor_kind: Option<&'static str>,
    actor: Option<Cow<'a, str>>,
    credential_kind: Option<&'static str>,
    credential_id: Option<Cow<'a, str>>,
    credential_name: Option<Cow<'a, str>>,
    token_kind: Option<&'static str>,
    token_subject: Option<Cow<'a, str>>,
    token_id: Option<Cow<'a, str>>,
    token_name: Option<Cow<'a, str>>,
    token_replaces: Option<Cow<'a, str>>,
    token_issuer: Option<Cow<'a, str>>,
    token_session: Option<Cow<'a, str>>,
    token_client: Option<Cow<'a, str>>,
    token_key: Option<Cow<'a, str>>,
    token_issued_before: Option<i64>,
    method: Option<Cow<'a, str>>,
    resource: Option<Cow<'a, str>>,
    client_addr: Option<String>,
    detail: Option<&'static str>,
    lost_before: u64,
}

impl<'a> Line<'a> {
    fn new(event: &'a AuditEvent) -> Self {
        let credential = event.credential.as_ref();
        let token = event.target.as_ref();
        let actor = event.actor.as_ref();
        Self {
            event: format!("{:032x}", event.id),
            at: event.at.as_unix_millis(),
            action: event.action.as_str(),
            ended: match event.action {
                AuditAction::RevokedAll(ended) => Some(ended),
                _ => None,
            },
            outcome: event.action.outcome(),
            actor_kind: actor.map(|actor| match actor {
                Actor::User(_) => "user",
                Actor::Token(_) => "token",
            }),
            actor: actor.map(|actor| legible(actor.name())),
            credential_kind: credential
                .and_then(|it| it.kind)
                .map(CredentialKind::as_str),
            credential_id: text(credential.and_then(|it| it.id.as_deref())),
            credential_name: text(credential.and_then(|it| it.name.as_deref())),
            token_kind: token.and_then(|it| it.kind).map(CredentialKind::as_str),
            token_subject: text(token.and_then(|it| it.subject.as_deref())),
            token_id: text(token.and_then(|it| it.id.as_deref())),
            token_name: text(token.and_then(|it| it.name.as_deref())),
            token_replaces: text(token.and_then(|it| it.replaces.as_deref())),
            token_issuer: text(token.and_then(|it| it.issuer.as_deref())),
            token_session: text(token.and_then(|it| it.session_id.as_deref())),
            token_client: text(token.and_then(|it| it.client_id.as_deref())),
            token_key: text(token.and_then(|it| it.key_id.as_deref())),
            token_issued_before: token
                .and_then(|it| it.issued_before)
                .map(Timestamp::as_unix_millis),
            method: text(event.method.as_deref()),
            resource: text(event.resource.as_deref()),
            client_addr: event.client_addr.map(|addr| addr.to_string()),
            detail: event.detail,
            lost_before: event.lost_before,
        }
    }
}

fn text(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.map(legible)
}

/// A text that every database can hold: a line must not be refused for what somebody named a token.
fn legible(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}
