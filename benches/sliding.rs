//! What sliding costs: how many uses are written for how many requests, at three nodes.
//!
//! ```console
//! $ cargo bench -p tower-bearer-benches --bench sliding
//! ```
//!
//! A thousand sessions are used in turn at three nodes, at a stated pace or as fast as it goes; the nodes share
//! this process and its two threads. What was written is counted by the server: rows or hashes that were changed,
//! and transactions or calls of scripts, the nodes' own beats among them. What is left when time is over
//! is written at once and counted too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::HeaderValue;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower_bearer::store::TokenKey;
use tower_bearer_benches::bare::field;
use tower_bearer_benches::databases::{CONNECTIONS, Database};
use tower_bearer_benches::stations::{NODES, SESSIONS, Station, sessions, stations};
use tower_bearer_benches::{check, rounds};

const LASTS: Duration = Duration::from_secs(5);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let paces = [Some(1_000), None, Some(100), Some(10_000)];
    let paces = &paces[..if rounds(10) < 10 { 2 } else { 4 }];
    runtime.block_on(async {
        println!(
            "| store | asked for per second | requests per second | uses written per second | transactions or calls per second |"
        );
        println!("|---|---|---|---|---|");
        for database in Database::shared().await {
            for pace in paces {
                sliding(&database, *pace).await;
            }
        }
    });
}

async fn sliding(database: &Database, pace: Option<u32>) {
    let stations = stations(database).await;
    let sessions = sessions(&stations[0]).await;
    for station in &stations {
        for session in &*sessions {
            check(station.lets_in(session).await, "it is let in");
        }
        station.node.flush().await;
    }
    let before = Written::now(database, &stations).await;
    let began = Instant::now();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for (number, station) in stations.iter().enumerate() {
        let (station, sessions) = (Arc::clone(station), Arc::clone(&sessions));
        let is_over = Arc::clone(&is_over);
        tasks.spawn(async move { slide(&station, &sessions, number, pace, &is_over).await });
    }
    sleep(LASTS * rounds(10).min(10) / 10).await;
    is_over.store(true, Ordering::Relaxed);
    let mut requests = 0;
    while let Some(done) = tasks.join_next().await {
        requests += done.expect("it is let in");
    }
    let seconds = began.elapsed().as_secs_f64();
    for station in &stations {
        station.node.flush().await;
    }
    let after = Written::now(database, &stations).await;
    println!(
        "| {} | {} | {:.0} | {:.0} | {:.0} |",
        database.name,
        pace.map_or("all that goes".to_owned(), |pace| pace.to_string()),
        f64::from(requests) / seconds,
        (after.uses - before.uses) as f64 / seconds,
        (after.calls - before.calls) as f64 / seconds,
    );
}

/// Uses sessions in turn, a third of the pace, and says how often.
async fn slide(
    station: &Station,
    sessions: &[HeaderValue],
    first: usize,
    pace: Option<u32>,
    is_over: &AtomicBool,
) -> u32 {
    let per_second = |pace: u32| f64::from(pace) / NODES as f64;
    let (began, mut done) = (Instant::now(), 0);
    for session in sessions.iter().cycle().skip(first * SESSIONS / NODES) {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let due = pace.map_or(f64::MAX, |pace| {
            began.elapsed().as_secs_f64() * per_second(pace)
        });
        if f64::from(done) >= due {
            sleep(Duration::from_millis(1)).await;
            continue;
        }
        check(station.lets_in(session).await, "it is let in");
        done += 1;
        if done % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    done
}

/// What the server has counted: uses that it wrote, and calls or transactions.
struct Written {
    uses: u64,
    calls: u64,
}

impl Written {
    async fn now(database: &Database, stations: &[Arc<Station>]) -> Self {
        const ROWS: &str = "SELECT n_tup_upd FROM pg_stat_user_tables \
             WHERE relname = 'tower_bearer_tokens'";
        const COMMITS: &str = "SELECT xact_commit FROM pg_stat_database \
             WHERE datname = current_database()";
        let looked = look_at_every_connection(stations).await;
        if let Some(rows) = database.psql(ROWS) {
            let commits = database.psql(COMMITS).unwrap_or_default();
            let commits: u64 = commits.parse().expect("a number");
            return Self {
                uses: rows.parse().expect("a number"),
                calls: commits - looked,
            };
        }
        let told = database.bare.info("commandstats").await;
        let calls = |command| {
            let name = format!("cmdstat_{command}:calls=");
            let calls = field(&told, &name).and_then(|rest| rest.split(',').next()?.parse().ok());
            calls.unwrap_or(0)
        };
        Self {
            uses: calls("hset"),
            calls: calls("evalsha"),
        }
    }
}

/// PostgreSQL's processes tell what they counted when they are done with something and a second is over. Says how
/// many transactions that were.
async fn look_at_every_connection(stations: &[Arc<Station>]) -> u64 {
    sleep(Duration::from_millis(1_200)).await;
    let mut looks = JoinSet::new();
    for station in stations {
        for _ in 0..CONNECTIONS {
            let tokens = station.node.tokens();
            looks.spawn(async move {
                let nobody = TokenKey {
                    subject: "nobody",
                    id: "",
                };
                tokens.get(nobody).await.expect("an answer")
            });
        }
    }
    let looked = looks.len() as u64;
    while let Some(looked) = looks.join_next().await {
        check(
            looked.expect("an answer").is_none(),
            "there is no such session",
        );
    }
    looked
}
