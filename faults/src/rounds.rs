//! A server that is killed once a round, under load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use tower_bearer::store::{PostgresStore, RedisStore};

use crate::ledger::Standing;
use crate::load::Load;
use crate::nodes::{Site, ask, ask_patiently};
use crate::servers::{Postgres, Redis};
use crate::tally::percentile;

const NODES: usize = 3;
/// Within this, a node is back after its server.
const BACK: Duration = Duration::from_secs(1);
/// For so long a node is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// By which what one node revoked is refused at the others, 99 times of 100.
const HEARD: Duration = Duration::from_millis(100);
/// A smaller share of the requests a second would be another load than was asked for.
const ENOUGH: f64 = 0.9;

/// A server with each write on disk before it answers.
trait Server {
    async fn kill(&mut self);
    /// It answers when this returns.
    async fn restart(&mut self);
}

impl Server for Postgres {
    async fn kill(&mut self) {
        Postgres::kill(self).await;
    }

    async fn restart(&mut self) {
        Postgres::restart(self).await;
    }
}

impl Server for Redis {
    async fn kill(&mut self) {
        Redis::kill(self).await;
    }

    async fn restart(&mut self) {
        Redis::restart(self).await;
    }
}

/// How many promises were broken.
pub(crate) async fn postgres(rounds: u32, rate: u32) -> u64 {
    let Some(server) = Postgres::start().await else {
        return nothing_tried("postgres");
    };
    let mut sites = Vec::new();
    for _ in 0..NODES {
        let store = PostgresStore::connect(&server.url()).await;
        sites.push(Site::new(Arc::new(store.expect("the store"))));
    }
    run(
        "postgres",
        server,
        Load::start(sites, rate).await,
        rounds,
        rate,
    )
    .await
}

/// How many promises were broken.
pub(crate) async fn redis(rounds: u32, rate: u32) -> u64 {
    let Some(server) = Redis::start().await else {
        return nothing_tried("redis");
    };
    let mut sites = Vec::new();
    for _ in 0..NODES {
        let store = RedisStore::connect(&server.url()).await;
        sites.push(Site::new(Arc::new(store.expect("the store"))));
    }
    run(
        "redis",
        server,
        Load::start(sites, rate).await,
        rounds,
        rate,
    )
    .await
}

fn nothing_tried(name: &str) -> u64 {
    println!("BROKEN: {name} is not installed, so nothing was shown");
    1
}

async fn run(name: &str, mut server: impl Server, load: Load, rounds: u32, rate: u32) -> u64 {
    let begun = Instant::now();
    for _ in 0..rounds {
        pause(500..1_200).await;
        server.kill().await;
        pause(100..500).await;
        server.restart().await;
        all_come_back(&load).await;
    }
    load.stop();
    let took = begun.elapsed();
    // Those under way.
    tokio::time::sleep(Duration::from_secs(1)).await;
    hold_to_the_ledger(&load).await;
    tell(name, rounds, took, rate, &load);
    for site in load.sites.iter() {
        let left = site.node.flush().await;
        let lost = site.node.state().lost_uses;
        if left > 0 || lost > 0 {
            load.tally
                .broke(&format!("{left} uses are not written, {lost} are lost"));
        }
    }
    load.tally.broken()
}

async fn pause(millis: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(millis))).await;
}

async fn all_come_back(load: &Load) {
    let mut nodes = tokio::task::JoinSet::new();
    for by in 0..load.sites.len() {
        let load = load.clone();
        nodes.spawn(async move { comes_back(&load, by).await });
    }
    // One that panicked was counted as such.
    while nodes.join_next().await.is_some() {}
}

/// Waits until a node looks tokens up, issues and revokes again, and then until it trusts its cache.
async fn comes_back(load: &Load, by: usize) {
    let begun = Instant::now();
    let (mut reads, mut issues, mut revokes) = (false, false, false);
    while !(reads && issues && revokes) && begun.elapsed() < PATIENCE {
        reads = reads || looks_up(load, by).await;
        issues = issues || load.issue(by, 0).await;
        revokes = revokes || load.revoke_one(by).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = begun.elapsed();
    load.tally.returns.add(took);
    if took > BACK + load.pulse.late_since(begun) {
        let promise = format!(
            "node {by} was back {took:?} after the server: looks up {reads}, issues {issues}, revokes {revokes}"
        );
        load.tally.broke(&promise);
    }
    while !load.sites[by].node.state().is_trusted {
        if begun.elapsed() > PATIENCE {
            load.tally
                .broke(&format!("node {by} does not hear the feed again"));
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    load.tally.trust.add(begun.elapsed());
}

/// Whether a node answers about a session and about a JWT.
async fn looks_up(load: &Load, by: usize) -> bool {
    let plain = &load.sites[by].plain;
    let (mut sessions, mut jwts) = (false, false);
    for _ in 0..20 {
        let Some(place) = load.ledger.draw_good() else {
            break;
        };
        let (token, _) = load.ledger.at(place);
        let is_known = match token.session_of {
            Some(_) => &mut sessions,
            None => &mut jwts,
        };
        if !*is_known {
            *is_known = ask(plain, &token.text).await != StatusCode::SERVICE_UNAVAILABLE;
            if !*is_known {
                return false;
            }
        }
    }
    sessions && jwts
}

/// Holds every promise against what the store says now.
async fn hold_to_the_ledger(load: &Load) {
    const AT_ONCE: usize = 8;
    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..AT_ONCE {
        let load = load.clone();
        readers.spawn(async move {
            for place in (reader..load.ledger.len()).step_by(AT_ONCE) {
                hold(&load, place).await;
            }
        });
    }
    while readers.join_next().await.is_some() {}
}

async fn hold(load: &Load, place: usize) {
    let (token, standing) = load.ledger.at(place);
    let site = &load.sites[place % load.sites.len()];
    let status = ask_patiently(&site.plain, &token.text).await;
    let (is_kept, promise) = match standing {
        Standing::Good => (status == StatusCode::OK, "issued, and is lost"),
        Standing::Revoked { .. } => (status == StatusCode::UNAUTHORIZED, "revoked, and is not"),
        Standing::Unknown => (status != StatusCode::SERVICE_UNAVAILABLE, "never answered"),
    };
    if !is_kept {
        load.tally
            .broke(&format!("{} was {promise}: {status}", token.id));
    }
}

fn tell(name: &str, rounds: u32, took: Duration, asked_for: u32, load: &Load) {
    let tally = &load.tally;
    tally.must_have_happened();
    let rate = tally.sent.get() as f64 / took.as_secs_f64();
    if rate < ENOUGH * f64::from(asked_for) {
        tally.broke(&format!("only {rate:.0} of {asked_for} requests a second"));
    }
    let lags = load.ledger.lags();
    if lags.is_empty() || tally.trust.sorted().is_empty() {
        tally.broke("no cache was trusted, or nothing revoked was tried at another node");
    }
    if percentile(&lags, 99) > HEARD {
        tally.broke("what was revoked is refused too late at other nodes");
    }
    let (refusals, returns, trust) = (
        tally.refusals.sorted(),
        tally.returns.sorted(),
        tally.trust.sorted(),
    );
    let spread = |times: &[Duration]| {
        let millis = |percent| percentile(times, percent).as_secs_f64() * 1000.0;
        format!(
            "{:.1} / {:.1} / {:.1} ms",
            millis(50),
            millis(99),
            millis(100)
        )
    };
    println!("{name}: {rounds} kills in {:.0} s", took.as_secs_f64());
    println!(
        "  requests: {rate:.0} a second, {} let in, {} refused, {} times 503",
        tally.admitted.get(),
        tally.refused.get(),
        tally.unavailable.get()
    );
    println!(
        "  tokens: {} issued, {} revoked, {} calls failed; all kept",
        tally.issued.get(),
        tally.revoked.get(),
        tally.failed.get()
    );
    println!(
        "  a 503 took (median / p99 / longest): {}",
        spread(&refusals)
    );
    println!("  back after the server: {}", spread(&returns));
    println!("  cache trusted after the server: {}", spread(&trust));
    println!(
        "  from a revocation to the last admission at another node: {}, of {}",
        spread(&lags),
        lags.len()
    );
    println!(
        "  the program itself was late by at most {:.0} ms, and held up {} answers past their deadline",
        load.pulse.worst().as_secs_f64() * 1000.0,
        tally.held_up.get()
    );
}
