//! Sinks of the audit trail that are full, slow, hanging or broken: requests never notice, and what was
//! dropped is told.
#![allow(clippy::unwrap_used)]

use std::error::Error;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::audit::{
    AuditAction, AuditEvent, AuditSink, AuditTarget, AuditTrail, AuditWriter, BufferedSink,
    ChannelSink,
};
use tower_bearer::clock::Timestamp;
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::observe::Outcome;
use tower_bearer::verifier::verify_fn;
use tower_bearer::{BearerAuthLayer, Reason, async_trait};

type Failure = Box<dyn Error + Send + Sync>;
type Body = Full<bytes::Bytes>;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, Copy, Default)]
enum Mood {
    #[default]
    Well,
    Failing,
    Hanging,
    Panicking,
}

/// Keeps each event once, by its id, as a table with a primary key does.
#[derive(Debug, Default)]
struct Table {
    rows: Mutex<Vec<AuditEvent>>,
    mood: Mutex<Mood>,
    // Whether a write that fails has been done all the same.
    fails_late: AtomicBool,
    tries: AtomicUsize,
}

impl Table {
    fn in_mood(mood: Mood) -> Arc<Self> {
        let table = Self::default();
        table.turn(mood);
        Arc::new(table)
    }

    fn turn(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn rows(&self) -> Vec<AuditEvent> {
        self.rows.lock().unwrap().clone()
    }

    fn add(&self, events: &[AuditEvent]) {
        let mut rows = self.rows.lock().unwrap();
        for event in events {
            if rows.iter().all(|row| row.id != event.id) {
                rows.push(event.clone());
            }
        }
    }
}

#[async_trait]
impl AuditWriter for Table {
    async fn write(&self, events: &[AuditEvent]) -> Result<(), Failure> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well => self.add(events),
            Mood::Failing => {
                if self.fails_late.load(Ordering::SeqCst) {
                    self.add(events);
                }
                return Err("the table is full".into());
            }
            Mood::Hanging => pending().await,
            Mood::Panicking => panic!("the writer is broken"),
        }
        Ok(())
    }
}

fn trail(sink: impl AuditSink + 'static) -> AuditTrail {
    AuditTrail::builder().sink(sink).build().unwrap()
}

fn tell(trail: &AuditTrail) {
    let target = AuditTarget::new(CredentialKind::ApiKey, "alice");
    trail.record(Timestamp::EPOCH, AuditAction::Issued, target, None);
}

/// Asks once through a layer that tells `trail`; only the token `good` is.
async fn ask(trail: &AuditTrail, token: &str) -> u16 {
    let verifier = verify_fn(async |presented| match presented.token.expose_secret() {
        "good" => Ok(Identity::new("alice", CredentialKind::Session)),
        _ => Err(tower_bearer::Refusal::invalid("unknown")),
    });
    let layer = BearerAuthLayer::builder(verifier);
    let layer = layer.listener(trail.clone()).build().unwrap();
    let inner = service_fn(|_: Request<Body>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Body::default()))
    });
    let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::default()).unwrap();
    let Ok(response) = layer.layer(inner).oneshot(request).await;
    response.status().as_u16()
}

#[tokio::test]
async fn a_sink_that_panics_fails_no_request_and_keeps_no_other_sink_from_the_event() {
    let (channel, events) = ChannelSink::new(10).unwrap();
    let broken = |_: &AuditEvent| panic!("the sink is broken");
    let trail = AuditTrail::builder().sink(broken).sink(channel);
    let trail = trail.build().unwrap();
    assert_eq!(ask(&trail, "good").await, 200);
    assert_eq!(ask(&trail, "bad").await, 401);
    assert_eq!(events.try_iter().count(), 2);
    assert_eq!(trail.panicked(), 2);
}

#[test]
fn the_next_event_that_fits_into_a_channel_says_how_many_did_not() {
    let (sink, events) = ChannelSink::new(2).unwrap();
    let trail = trail(sink.clone());
    for _ in 0..5 {
        tell(&trail);
    }
    let before: Vec<_> = events.try_iter().map(|event| event.lost_before).collect();
    assert_eq!(before, [0, 0]);
    tell(&trail);
    tell(&trail);
    let after: Vec<_> = events.try_iter().map(|event| event.lost_before).collect();
    assert_eq!(after, [3, 0]);
    assert_eq!(sink.dropped(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_next_event_that_is_queued_says_how_many_were_not() {
    let table = Table::in_mood(Mood::Failing);
    let sink = BufferedSink::spawn(table.clone(), 4).unwrap();
    let trail = trail(sink.clone());
    for _ in 0..7 {
        tell(&trail);
    }
    assert_eq!(sink.dropped(), 3);
    table.turn(Mood::Well);
    assert!(sink.flush(HOUR).await);
    tell(&trail);
    assert!(sink.flush(HOUR).await);
    let lost: Vec<_> = table.rows().iter().map(|row| row.lost_before).collect();
    assert_eq!(lost, [0, 0, 0, 0, 3]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_written_again_after_a_late_error_has_the_same_id() {
    let table = Table::in_mood(Mood::Failing);
    table.fails_late.store(true, Ordering::SeqCst);
    let sink = BufferedSink::spawn(table.clone(), 10).unwrap();
    let trail = trail(sink.clone());
    for _ in 0..3 {
        tell(&trail);
    }
    assert!(!sink.flush(SECOND).await, "each try fails");
    table.turn(Mood::Well);
    assert!(sink.flush(HOUR).await);
    assert!(table.tries.load(Ordering::SeqCst) > 2);
    assert_eq!(table.rows().len(), 3);
    assert_eq!(sink.dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_hangs_is_left_and_asked_again() {
    let table = Table::in_mood(Mood::Hanging);
    let sink = BufferedSink::spawn(table.clone(), 10).unwrap();
    let trail = trail(sink.clone());
    assert_eq!(ask(&trail, "good").await, 200);
    assert!(!sink.flush(SECOND).await, "it hangs");
    table.turn(Mood::Well);
    assert!(sink.flush(HOUR).await, "the try that hangs is given up");
    assert_eq!(table.rows().len(), 1);
    assert_eq!(sink.dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_panics_is_asked_again() {
    let table = Table::in_mood(Mood::Panicking);
    let sink = BufferedSink::spawn(table.clone(), 10).unwrap();
    let trail = trail(sink.clone());
    assert_eq!(ask(&trail, "good").await, 200);
    assert!(!sink.flush(SECOND).await);
    table.turn(Mood::Well);
    assert!(sink.flush(HOUR).await);
    assert_eq!(table.rows().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_tried_for_a_bounded_time_and_then_counted_as_dropped() {
    for mood in [Mood::Failing, Mood::Hanging, Mood::Panicking] {
        let table = Table::in_mood(mood);
        let sink = BufferedSink::builder(table.clone())
            .capacity(10)
            .try_for(Duration::from_secs(20))
            .spawn()
            .unwrap();
        let trail = trail(sink.clone());
        for _ in 0..3 {
            tell(&trail);
        }
        let start = tokio::time::Instant::now();
        assert!(!sink.flush(HOUR).await, "{mood:?}: nothing was written");
        assert!(start.elapsed() <= Duration::from_secs(30), "{mood:?}");
        assert_eq!(sink.dropped(), 3, "{mood:?}");
        table.turn(Mood::Well);
        tell(&trail);
        assert!(sink.flush(HOUR).await, "{mood:?}: it goes on with the next");
        assert_eq!(table.rows().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn shutting_down_writes_what_waits_and_says_that_nothing_was_lost() {
    let table = Table::in_mood(Mood::Well);
    let sink = BufferedSink::spawn(table.clone(), 2000).unwrap();
    let trail = trail(sink.clone());
    for _ in 0..1500 {
        tell(&trail);
    }
    assert_eq!(sink.shutdown(SECOND).await, 0);
    assert_eq!(table.rows().len(), 1500);
    tell(&trail);
    assert_eq!(
        sink.dropped(),
        1,
        "what comes later is dropped, and counted"
    );
    assert_eq!(sink.shutdown(SECOND).await, 0, "a second time is no harm");
}

#[tokio::test(start_paused = true)]
async fn shutting_down_ends_by_its_deadline_and_says_what_was_lost() {
    for mood in [Mood::Failing, Mood::Hanging, Mood::Panicking] {
        let table = Table::in_mood(mood);
        let sink = BufferedSink::spawn(table.clone(), 1000).unwrap();
        let trail = trail(sink.clone());
        for _ in 0..700 {
            tell(&trail);
        }
        let start = tokio::time::Instant::now();
        assert_eq!(sink.shutdown(3 * SECOND).await, 700, "{mood:?}");
        assert!(start.elapsed() <= 4 * SECOND, "{mood:?}");
        assert_eq!(sink.dropped(), 700, "{mood:?}");
        assert!(table.rows().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_written_when_the_last_clone_of_a_sink_goes() {
    let table = Table::in_mood(Mood::Well);
    let sink = BufferedSink::spawn(table.clone(), 10).unwrap();
    let trail = trail(sink);
    tell(&trail);
    drop(trail);
    while Arc::strong_count(&table) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(table.rows().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn strangers_cannot_push_out_what_is_done_by_those_who_are_known() {
    let table = Table::in_mood(Mood::Failing);
    let sink = BufferedSink::spawn(table.clone(), 100).unwrap();
    let trail = trail(sink.clone());
    for _ in 0..500 {
        assert_eq!(ask(&trail, "bad").await, 401);
    }
    assert_eq!(sink.dropped(), 425, "a quarter is kept free of strangers");
    for _ in 0..25 {
        assert_eq!(ask(&trail, "good").await, 200);
    }
    assert_eq!(sink.dropped(), 425);
    table.turn(Mood::Well);
    assert!(sink.flush(HOUR).await);
    let rows = table.rows();
    let of = |action| rows.iter().filter(|row| row.action == action).count();
    assert_eq!(of(AuditAction::Request(Outcome::Admitted)), 25);
    let refused = Outcome::Refused(Reason::Invalid);
    assert_eq!(of(AuditAction::Request(refused)), 75);
}

#[tokio::test]
async fn a_buffer_that_cannot_be_right_is_refused_by_the_name_of_the_setting() {
    let table = Table::in_mood(Mood::Well);
    let builder = || BufferedSink::builder(table.clone());
    for (builder, setting) in [
        (builder().capacity(0), "capacity"),
        (builder().attempt(Duration::ZERO), "attempt"),
        (builder().try_for(Duration::ZERO), "try_for"),
    ] {
        assert_eq!(builder.spawn().unwrap_err().setting(), setting);
    }
}
