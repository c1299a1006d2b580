//! The audit trail: each instance has one of its own.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use common::{AuditLine, AuditLog, Filing, Kv, KvError, StartError};
use serde_json::{Value, json};
use tower_bearer::audit::{Actor, AuditAction, AuditEvent, AuditTrail};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::{Right, User, instance_in, requires};
use crate::answer::{Answer, ApiError, Envelope, Path};
use crate::tokens;

/// How many lines are shown, of the newest.
const SHOWN: usize = 1000;

pub(crate) fn routes() -> Result<OpenApiRouter<App>, StartError> {
    let routes = OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get));
    Ok(routes.route_layer(requires(Right::Read)?))
}

pub(crate) fn start(kv: &Kv) -> Result<(AuditLog, AuditTrail), StartError> {
    let log = AuditLog::spawn(kv, Arc::new(ByInstance(kv.clone())))?;
    let trail = AuditTrail::builder().sink(log.sink()).build()?;
    Ok((log, trail))
}

/// Files a line with the instance of the token that did it; and what a user did with the instance that it was
/// done to, or with all of theirs if none was named.
#[derive(Debug)]
struct ByInstance(Kv);

#[async_trait]
impl Filing for ByInstance {
    async fn folders(&self, event: &AuditEvent) -> Result<Vec<String>, KvError> {
        let is_request = matches!(event.action, AuditAction::Request(_));
        if is_request && event.method.is_none() {
            // Refused within a handler: that it came there is a line of its own.
            return Ok(Vec::new());
        }
        let credential = event.credential.as_ref();
        if let Some(id) = credential.and_then(|credential| credential.id.as_deref())
            && let Some(instance) = tokens::instance_of(&self.0, id).await?
        {
            return Ok(vec![instance]);
        }
        let Some(Actor::User(zuid)) = &event.actor else {
            return Ok(Vec::new());
        };
        let Some(user) = self.0.get::<User>("users", zuid).await? else {
            return Ok(Vec::new());
        };
        let target = event.target.as_ref();
        let named = match target.and_then(|target| target.subject.as_deref()) {
            Some(subject) => Some(subject),
            None => event.resource.as_deref().and_then(instance_in),
        };
        let theirs: Vec<_> = user.roles.into_iter().map(|role| role.instance).collect();
        Ok(match theirs.iter().find(|it| Some(&***it) == named) {
            Some(named) => vec![named.clone()],
            None => theirs,
        })
    }
}

/// What was done on an instance, the newest first. Tokens are named, and not whose they are.
#[utoipa::path(get, path = "/{instance}/v1/env/audits", tag = "Instances",
    params(("instance" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn list(State(app): State<App>, Path(instance): Path<String>) -> Result<Answer, ApiError> {
    let lines = app.audits.list(&instance).await?;
    let newest = lines.iter().rev().take(SHOWN);
    Ok(Answer::ok(newest.map(row).collect::<Vec<_>>()))
}

/// One line.
#[utoipa::path(get, path = "/{instance}/v1/env/audits/{audit}", tag = "Instances",
    params(("instance" = String, Path), ("audit" = String, Path)),
    responses((status = 200, body = Envelope), ApiError))]
async fn get(
    State(app): State<App>,
    Path((instance, audit)): Path<(String, String)>,
) -> Result<Answer, ApiError> {
    let lines = app.audits.list(&instance).await?;
    let line = lines.iter().find(|line| line.id == audit);
    Ok(Answer::ok(row(line.ok_or_else(ApiError::not_found)?)))
}

fn row(line: &AuditLine) -> Value {
    json!({
        "ZUID": line.id,
        "happenedAt": tokens::date(line.at),
        "action": line.action,
        "outcome": line.outcome,
        "method": line.method,
        "resource": line.resource,
        "tokenName": line.token,
        "actionByUserZUID": line.user,
        "affectedZUID": line.target,
    })
}
