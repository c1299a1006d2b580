//! Requests with keys that nobody knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::task::JoinSet;
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::{Algorithm, RemoteKeySet};
use tower_bearer::testing::provider::{Endpoint, Fault, Gate, IdentityProvider};

use crate::site::Site;
use crate::tally::{Answers, Tally};

/// How many send at once.
const CLIENTS: usize = 50;
/// Between two good requests beside them.
const PAUSE: Duration = Duration::from_millis(1);
/// How long the provider takes to answer: whoever waits for it is seen to.
const SLOW: Duration = Duration::from_millis(500);
/// The pause between two fetches for unknown keys, unless set.
const COOL_DOWN: Duration = Duration::from_secs(30);

pub(crate) async fn run(tally: &Tally, requests: u32) {
    let provider = IdentityProvider::start();
    let good = provider.token("alice").issue();
    let stranger = SigningKey::generate(Algorithm::EdDSA).expect("a key");
    let junk: Arc<[String]> = (0..requests)
        .map(|number| {
            let token = provider.token("alice").signed_by(&stranger);
            token.kid(&format!("unknown-{number}")).issue()
        })
        .collect();

    let site = site(&provider).await;
    let same = std::iter::repeat_n(good.clone(), junk.len()).collect();
    let (_, mut calm) = send(&site, same, &good).await;
    println!("flood: {requests} requests, {CLIENTS} at once, each with another unknown kid");
    println!(
        "  good requests beside as many good ones (median / p99 / longest): {}",
        calm.spread()
    );

    let gate = Gate::new();
    provider.fail(Fault::Held(gate.clone()));
    tokio::spawn(async move {
        gate.reached(1).await;
        tokio::time::sleep(SLOW).await;
        gate.open();
    });
    let flood = Flood::of(&provider, &site, &junk, &good).await;
    let name = "the provider slow to answer";
    flood.tell(tally, name, StatusCode::UNAUTHORIZED);

    let site = self::site(&provider).await;
    provider.fail(Fault::Status(StatusCode::INTERNAL_SERVER_ERROR));
    let flood = Flood::of(&provider, &site, &junk, &good).await;
    // Nobody knows whether one of them is good.
    let name = "the provider failing";
    flood.tell(tally, name, StatusCode::SERVICE_UNAVAILABLE);
}

async fn site(provider: &IdentityProvider) -> Site {
    provider.recover();
    let keys = RemoteKeySet::builder(provider.url(Endpoint::Jwks));
    Site::start(provider.issuer(), keys).await
}

/// What came of one.
struct Flood {
    junk: Answers,
    good: Answers,
    took: Duration,
    fetches: u64,
}

impl Flood {
    async fn of(
        provider: &IdentityProvider,
        site: &Site,
        junk: &Arc<[String]>,
        good: &str,
    ) -> Self {
        let before = provider.count(Endpoint::Jwks);
        let begun = Instant::now();
        let (junk, good) = send(site, Arc::clone(junk), good).await;
        Self {
            junk,
            good,
            took: begun.elapsed(),
            fetches: provider.count(Endpoint::Jwks) - before,
        }
    }

    fn tell(mut self, tally: &Tally, name: &str, expected: StatusCode) {
        let took = self.took.as_secs_f64();
        println!("  {name}: {} fetched in {took:.1} s", self.fetches);
        println!("    unknown: {}", self.junk.told());
        let good = self.good.told();
        println!("    good beside it: {good}; {}", self.good.spread());
        let allowed = 1 + self.took.as_secs() / COOL_DOWN.as_secs();
        tally.hold(self.fetches <= allowed, || {
            format!("{name}: {} fetches, of {allowed} at most", self.fetches)
        });
        tally.hold(self.fetches > 0, || {
            format!("{name}: nothing was fetched, so nothing was shown")
        });
        let as_expected = self.junk.of(expected);
        tally.hold(as_expected == self.junk.all(), || {
            let others = self.junk.all() - as_expected;
            format!("{name}: {others} unknown ones were not answered {expected}")
        });
        tally.hold(self.good.admitted == self.good.all(), || {
            format!("{name}: a good token was refused")
        });
        tally.hold(self.good.longest() < SLOW, || {
            format!("{name}: a good request took {:?}", self.good.longest())
        });
    }
}

/// Sends them all, and good ones beside them all the while.
async fn send(site: &Site, tokens: Arc<[String]>, good: &str) -> (Answers, Answers) {
    let is_over = Arc::new(AtomicBool::new(false));
    let beside = tokio::spawn({
        let (site, good, is_over) = (site.clone(), good.to_owned(), Arc::clone(&is_over));
        async move {
            let mut answers = Answers::default();
            while !is_over.load(Ordering::Relaxed) {
                site.door.note(&good, &mut answers).await;
                tokio::time::sleep(PAUSE).await;
            }
            answers
        }
    });
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (site, tokens) = (site.clone(), Arc::clone(&tokens));
        clients.spawn(async move {
            let mut answers = Answers::default();
            for token in tokens.iter().skip(client).step_by(CLIENTS) {
                site.door.note(token, &mut answers).await;
                // As between two requests of a connection.
                tokio::task::yield_now().await;
            }
            answers
        });
    }
    let mut answers = Answers::default();
    for of_client in clients.join_all().await {
        answers.join(of_client);
    }
    is_over.store(true, Ordering::Relaxed);
    (answers, beside.await.expect("good requests"))
}
