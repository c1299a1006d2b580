//! What a second core adds, where two share one layer and one cache.
//!
//! ```console
//! $ cargo bench -p tower-bearer-benches --bench cores
//! ```
//!
//! One thread, and then two at the same time, call a bare service within the layer, with tokens that the cache has
//! seen. Rounds of both take turns; each gives how many times as much two do as one, and the median is told: by
//! the clock on the wall, and by CPU time, which leaves out what other programs took, but counts
//! what the cores wait for each other's memory. Two threads with nothing in common show what the machine itself
//! can do.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cpu_time::ThreadTime;
use http::HeaderValue;
use tokio::runtime::Runtime;
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::node::Node;
use tower_bearer::revocation::{MemoryRevocations, Revocations};
use tower_bearer::store::{MemoryStore, TokenFormat};
use tower_bearer::verifier::{CacheSettings, OpaqueTokenVerifier, TokenVerifierExt};
use tower_bearer::{BearerAuthLayer, TokenVerifier};
use tower_bearer_benches::credentials::{jwt_of_800, new_jwt_of_800};
use tower_bearer_benches::stacks::{Stack, with, with_each};
use tower_bearer_benches::{check, median, rounds, verdict};

const ROUNDS: u32 = 101;
const TOKENS: usize = 200;
const CALLS: usize = 100 * TOKENS;
const GOAL: f64 = 1.9;

fn main() {
    println!(
        "| cached, two threads | a request, one thread | times as much, by CPU time | by the wall | goal | |"
    );
    println!("|---|---|---|---|---|---|");
    for service in [Service::jwts as fn() -> Service, Service::sessions] {
        let (one, other) = (service(), service());
        one.check();
        other.check();
        let mine = one.side(&one.tokens[..TOKENS]);
        let apart = other.side(&other.tokens[..TOKENS]);
        let beside = one.side(&one.tokens[TOKENS..]);
        row(one.name, "nothing in common", [mine, apart], false);
        row(one.name, "tokens of their own", [mine, beside], true);
        row(one.name, "the same tokens", [mine, mine], true);
    }
}

/// A layer with a cache, and tokens that it lets in.
struct Service {
    name: &'static str,
    layer: BearerAuthLayer,
    tokens: Vec<HeaderValue>,
    _node: Option<(Runtime, Node)>,
}

impl Service {
    fn jwts() -> Self {
        let (issuer, ballast) = jwt_of_800();
        let revocations = Revocations::new(Arc::new(MemoryRevocations::new()), Duration::MAX);
        let verifier = issuer.verifier().build().expect("a verifier");
        let verifier = verifier.revocable(revocations.expect("a time"));
        let token = |_| {
            let issued = issuer.issue(new_jwt_of_800(ballast)).expect("a token");
            bearer(&issued.token.reveal())
        };
        Self {
            name: "JWT, 800 bytes",
            layer: cached(verifier),
            tokens: (0..2 * TOKENS).map(token).collect(),
            _node: None,
        }
    }

    fn sessions() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let node = runtime.block_on(async {
            let builder = Node::builder(Arc::new(MemoryStore::new()));
            builder.start().expect("a node")
        });
        let format = TokenFormat::new("st_").expect("a prefix");
        let issuer = TokenIssuer::opaque(node.tokens(), format.clone());
        let mint = |number| {
            let session = NewToken::session(format!("user-{number}"));
            let session = session.idle(Duration::from_secs(1800));
            let minted = runtime.block_on(issuer.mint(session));
            bearer(&minted.expect("a token").token.reveal())
        };
        Self {
            name: "session, memory store and node",
            layer: cached(OpaqueTokenVerifier::new(node.tokens(), format)),
            tokens: (0..2 * TOKENS).map(mint).collect(),
            _node: Some((runtime, node)),
        }
    }

    fn side<'s>(&'s self, tokens: &'s [HeaderValue]) -> Side<'s> {
        Side {
            layer: &self.layer,
            tokens,
        }
    }

    fn check(&self) {
        let status = |authorization| with(Stack::Bare, &self.layer, authorization)();
        check(status(None) == 401, "a missing credential is refused");
        let good = self.tokens[0].to_str().expect("a token").to_owned();
        check(status(Some(&good)) == 200, "a good one is let in");
        let forged = format!("{}A", &good[..good.len() - 1]);
        let other = format!("{}B", &good[..good.len() - 1]);
        let forged = if forged == good { other } else { forged };
        check(status(Some(&forged)) == 401, "a forged one is refused");
    }
}

fn cached(verifier: impl TokenVerifier + 'static) -> BearerAuthLayer {
    BearerAuthLayer::new(verifier.cached(CacheSettings::new()).expect("a cache"))
}

/// As hyper makes it.
fn bearer(token: &str) -> HeaderValue {
    let text = Bytes::from(format!("Bearer {token}"));
    HeaderValue::from_maybe_shared(text).expect("a header value")
}

/// What one thread does.
#[derive(Clone, Copy)]
struct Side<'s> {
    layer: &'s BearerAuthLayer,
    tokens: &'s [HeaderValue],
}

impl Side<'_> {
    /// Nanoseconds a request, of the clock on the wall and of CPU time, from when all are there.
    fn run(self, all: &Barrier) -> [f64; 2] {
        // Of this thread alone, so that no counter of a header value is shared.
        let own = self
            .tokens
            .iter()
            .map(|token| bearer(&token.to_str().expect("a token")[7..]));
        let own: Vec<_> = own.collect();
        let mut call = with_each(self.layer, own.into_iter().cycle());
        for _ in 0..self.tokens.len() {
            assert_eq!(call(), 200);
        }
        all.wait();
        let (wall, cpu) = (Instant::now(), ThreadTime::now());
        for _ in 0..CALLS {
            black_box(call());
        }
        let took = [wall.elapsed(), cpu.elapsed()];
        took.map(|took| took.as_nanos() as f64 / CALLS as f64)
    }
}

fn row(name: &str, what: &str, sides: [Side<'_>; 2], has_goal: bool) {
    let mut alone = Vec::new();
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..rounds(ROUNDS) {
        // Either side may be the slower one.
        let one = run(&sides[round as usize % 2..][..1]);
        let two = run(&sides);
        alone.push(one[0][1]);
        for (place, times) in times.iter_mut().enumerate() {
            times.push(one[0][place] / two[0][place] + one[0][place] / two[1][place]);
        }
    }
    let [wall, cpu] = times.map(median);
    let goal = match has_goal {
        true => format!("at least {GOAL} | {}", verdict(cpu >= GOAL)),
        false => "- |".to_owned(),
    };
    println!(
        "| {name}: {what} | {:.0} ns | {cpu:.2} | {wall:.2} | {goal} |",
        median(alone)
    );
}

fn run(sides: &[Side<'_>]) -> Vec<[f64; 2]> {
    let all = Barrier::new(sides.len());
    std::thread::scope(|scope| {
        let threads = sides.iter().map(|side| scope.spawn(|| side.run(&all)));
        let threads: Vec<_> = threads.collect();
        let figures = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        figures.map(|figures| figures.expect("figures")).collect()
    })
}
