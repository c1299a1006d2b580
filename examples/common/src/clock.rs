use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use tower_bearer::clock::{Clock, SystemClock, Timestamp};

/// The system's clock, which a test may move forward.
#[derive(Debug, Clone)]
pub struct ServerClock {
    /// By how many seconds, or `None` where nobody may.
    ahead: Option<Arc<AtomicU64>>,
}

impl ServerClock {
    pub(crate) fn new(may_be_moved: bool) -> Self {
        Self {
            ahead: may_be_moved.then(Arc::default),
        }
    }

    /// `POST /test-clock`, where the clock may be moved, and no route otherwise.
    pub(crate) fn routes(&self) -> Router {
        let Some(ahead) = &self.ahead else {
            return Router::new();
        };
        Router::new()
            .route("/test-clock", post(advance))
            .with_state(Arc::clone(ahead))
    }
}

impl Clock for ServerClock {
    fn now(&self) -> Timestamp {
        let ahead = self.ahead.as_ref();
        let secs = ahead.map_or(0, |ahead| ahead.load(Ordering::Relaxed));
        SystemClock.now().saturating_add(Duration::from_secs(secs))
    }
}

#[derive(Deserialize)]
struct Advance {
    advance_secs: u64,
}

async fn advance(
    State(ahead): State<Arc<AtomicU64>>,
    Json(Advance { advance_secs }): Json<Advance>,
) -> StatusCode {
    ahead.fetch_add(advance_secs, Ordering::Relaxed);
    StatusCode::NO_CONTENT
}
