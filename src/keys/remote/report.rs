//! What is told of fetches, to logs and metrics.

use std::sync::Arc;

use super::status::RemoteKeyStatus;

/// Under which label metrics tell of keys.
#[derive(Debug, Clone)]
pub(super) enum Label {
    /// The name of the set.
    Own(#[cfg_attr(not(feature = "metrics"), allow(dead_code))] Arc<str>),
    /// One for all, where whoever writes tokens has a part in how many sets there are. Then a gauge would
    /// say of one set what was last said of another, so that there is none.
    Many,
}

/// What came of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Changed,
    Unchanged,
    Failed,
}

/// A fetch is over. Logs are told of changes alone.
pub(super) fn fetched(
    name: &Arc<str>,
    label: &Label,
    outcome: Outcome,
    was_failing: bool,
    status: &RemoteKeyStatus,
) {
    log(name, outcome, was_failing, status);
    measure(label, outcome, status);
}

#[cfg(feature = "tracing")]
fn log(name: &Arc<str>, outcome: Outcome, was_failing: bool, status: &RemoteKeyStatus) {
    let name = &**name;
    let (keys, skipped) = (status.keys, status.skipped.len());
    let error = status.last_error.as_deref();
    match outcome {
        Outcome::Failed if !was_failing => tracing::warn!(
            target: "tower_bearer",
            jwks = name,
            keys,
            usable = status.is_usable,
            error,
            "keys could not be fetched; those that are held go on for a while"
        ),
        Outcome::Failed => tracing::debug!(
            target: "tower_bearer",
            jwks = name,
            usable = status.is_usable,
            error,
            "keys could still not be fetched"
        ),
        Outcome::Changed => tracing::info!(
            target: "tower_bearer",
            jwks = name,
            keys,
            skipped,
            "other keys are held now"
        ),
        Outcome::Unchanged if was_failing => tracing::info!(
            target: "tower_bearer",
            jwks = name,
            keys,
            "keys are fetched again"
        ),
        Outcome::Unchanged => {}
    }
}

/// Keys that are skipped now and were not before, or for another reason.
pub(super) fn skipped(name: &Arc<str>, key: &super::published::SkippedKey) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "tower_bearer",
        jwks = &**name,
        position = key.position,
        kid = key.kid.as_deref(),
        problem = key.problem.as_str(),
        "a key was skipped"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = (name, key);
}

/// The issuer's metadata could not be read again.
pub(super) fn not_discovered(name: &Arc<str>, error: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "tower_bearer",
        jwks = &**name,
        error,
        "metadata could not be fetched; keys are fetched from where they were"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = (name, error);
}

#[cfg(not(feature = "tracing"))]
fn log(_: &Arc<str>, _: Outcome, _: bool, _: &RemoteKeyStatus) {}

#[cfg(feature = "metrics")]
fn measure(label: &Label, outcome: Outcome, status: &RemoteKeyStatus) {
    let outcome = match outcome {
        Outcome::Changed => "changed",
        Outcome::Unchanged => "unchanged",
        Outcome::Failed => "failed",
    };
    let labels = [("keys", label.text()), ("outcome", outcome.into())];
    metrics::counter!("tower_bearer_jwks_fetches_total", &labels).increment(1);
    let Label::Own(name) = label else {
        return;
    };
    let gauge = |metric: &'static str, value: f64| {
        metrics::gauge!(metric, "keys" => Arc::clone(name)).set(value);
    };
    let seconds = |at: crate::clock::Timestamp| at.as_unix_millis() as f64 / 1000.0;
    let up = if status.is_failing { 0.0 } else { 1.0 };
    gauge("tower_bearer_jwks_up", up);
    gauge("tower_bearer_jwks_keys", status.keys as f64);
    let skipped = status.skipped.len() as f64;
    gauge("tower_bearer_jwks_skipped_keys", skipped);
    let next = seconds(status.next_refresh);
    gauge("tower_bearer_jwks_next_refresh_timestamp_seconds", next);
    if let Some((age, last)) = status.age.zip(status.last_success) {
        gauge("tower_bearer_jwks_age_seconds", age.as_secs_f64());
        let last = seconds(last);
        gauge("tower_bearer_jwks_last_success_timestamp_seconds", last);
    }
}

#[cfg(not(feature = "metrics"))]
fn measure(_: &Label, _: Outcome, _: &RemoteKeyStatus) {}

/// A token meant an unknown key, and this was the answer.
pub(super) fn unknown_key(label: &Label, answer: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!(
        "tower_bearer_jwks_unknown_keys_total",
        "keys" => label.text(),
        "answer" => answer
    )
    .increment(1);
    #[cfg(not(feature = "metrics"))]
    let _ = (label, answer);
}

#[cfg(feature = "metrics")]
impl Label {
    fn text(&self) -> Arc<str> {
        match self {
            Self::Own(name) => Arc::clone(name),
            Self::Many => "many".into(),
        }
    }
}
