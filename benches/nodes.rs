//! Three nodes on one store, under load: how soon what one of them ends is over at the others.
//!
//! ```console
//! $ cargo bench -p tower-bearer-benches --bench nodes
//! ```
//!
//! The nodes share this process and its two threads, and nothing else: each has connections, a subscription, a
//! cache and a layer of its own. The servers are this bench's own. A session is used at all three, and then ended
//! at the first. The other two are asked each millisecond. Told is how long after `revoke` had returned the last
//! request was let in there, as of its answer, and how long after it one was refused, each for the slower node. At
//! the first node one request follows at once, which must be refused. Meanwhile other sessions are used at every
//! node, and sessions are issued and ended at the third.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::HeaderValue;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tower_bearer::store::TokenKey;
use tower_bearer_benches::databases::Database;
use tower_bearer_benches::stations::{NODES, Station, sessions, stations};
use tower_bearer_benches::{check, rounds, verdict};

const GOAL: Duration = Duration::from_millis(100);
/// Of load, each so often.
const TICK: Duration = Duration::from_millis(5);
const PER_TICK: usize = 4;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        println!(
            "| revoked at one of three nodes | revocations | requests beside | | median | p99 | longest | goal | |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
        for database in Database::shared().await {
            revoking(&database).await;
        }
    });
}

/// What goes on beside, until it is dropped.
struct Load {
    requests: Arc<AtomicU64>,
    began: Instant,
    tasks: JoinSet<()>,
}

impl Load {
    fn begin(stations: &[Arc<Station>], sessions: &Arc<Vec<HeaderValue>>) -> Self {
        let mut tasks = JoinSet::new();
        let requests = Arc::<AtomicU64>::default();
        for station in stations {
            let (station, sessions) = (Arc::clone(station), Arc::clone(sessions));
            let requests = Arc::clone(&requests);
            tasks.spawn(async move {
                let mut ticks = interval(TICK);
                for place in (0..sessions.len()).cycle() {
                    if place % PER_TICK == 0 {
                        ticks.tick().await;
                    }
                    check(
                        station.lets_in(&sessions[place]).await,
                        "the load is let in",
                    );
                    requests.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let station = Arc::clone(&stations[NODES - 1]);
        tasks.spawn(async move {
            loop {
                let (_, id) = station.mint("passer-by".to_owned()).await;
                let key = TokenKey {
                    subject: "passer-by",
                    id: &id,
                };
                station.issuer.revoke(key).await.expect("an end");
                sleep(Duration::from_millis(20)).await;
            }
        });
        Self {
            requests,
            began: Instant::now(),
            tasks,
        }
    }

    async fn end(mut self) -> f64 {
        let per_second =
            self.requests.load(Ordering::Relaxed) as f64 / self.began.elapsed().as_secs_f64();
        check(self.tasks.try_join_next().is_none(), "the load goes on");
        self.tasks.shutdown().await;
        per_second
    }
}

/// Asks each millisecond until it is refused. Says when the last was let in, and when one was refused.
async fn probe(station: Arc<Station>, session: HeaderValue) -> [Instant; 2] {
    let mut last = Instant::now();
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let is_in = station.lets_in(&session).await;
        let now = Instant::now();
        if !is_in {
            return [last, now];
        }
        last = now;
    }
}

async fn revoking(database: &Database) {
    let stations = stations(database).await;
    let sessions = sessions(&stations[0]).await;
    let load = Load::begin(&stations, &sessions);
    let (mut admitted, mut refused) = (Vec::new(), Vec::new());
    for number in 0..rounds(1_000).max(20) {
        let subject = format!("leaver-{number}");
        let (session, id) = stations[0].mint(subject.clone()).await;
        for station in &stations {
            check(station.lets_in(&session).await, "it is let in before");
        }
        let probes = stations[1..]
            .iter()
            .map(|station| tokio::spawn(probe(Arc::clone(station), session.clone())));
        let probes: Vec<_> = probes.collect();
        sleep(Duration::from_millis(3)).await;
        let key = TokenKey {
            subject: &subject,
            id: &id,
        };
        check(
            stations[0].issuer.revoke(key).await.expect("an end"),
            "it is ended",
        );
        let revoked = Instant::now();
        check(
            !stations[0].lets_in(&session).await,
            "it is over at once where it was ended",
        );
        let mut slowest = [Duration::ZERO; 2];
        for probe in probes {
            for (slowest, at) in slowest.iter_mut().zip(probe.await.expect("it is refused")) {
                *slowest = at.saturating_duration_since(revoked).max(*slowest);
            }
        }
        admitted.push(slowest[0]);
        refused.push(slowest[1]);
    }
    let per_second = load.end().await;
    let goal = |p99| format!("p99 at most 100 ms | {}", verdict(p99 <= GOAL));
    row(
        database.name,
        "last let in",
        per_second,
        &mut admitted,
        goal,
    );
    let none = |_| "- |".to_owned();
    row(
        database.name,
        "first refused",
        per_second,
        &mut refused,
        none,
    );
}

fn row(
    store: &str,
    what: &str,
    per_second: f64,
    took: &mut [Duration],
    goal: impl Fn(Duration) -> String,
) {
    took.sort();
    let percentile = |percent: usize| took[(took.len() - 1) * percent / 100];
    let millis = |took: Duration| format!("{:.1} ms", took.as_secs_f64() * 1e3);
    println!(
        "| {store} | {} | {per_second:.0} per second | {what} after | {} | {} | {} | {} |",
        took.len(),
        millis(percentile(50)),
        millis(percentile(99)),
        millis(percentile(100)),
        goal(percentile(99))
    );
}
