//! What each store costs beside a round trip to its server by the client library alone.
//!
//! ```console
//! $ cargo bench -p tower-bearer-benches --bench stores
//! ```
//!
//! The servers are this bench's own, on this machine, and write each change to disk before they acknowledge
//! it. A node stands in front of each store, as it does in a service. The calls of one store take turns in
//! short rounds: one after another, and then sixteen at a time. Each round gives, for each call, the median of its
//! times, the CPU time of this process, and how many were done in a second; what is told is the median of the
//! rounds. "Beside" is the ratio within a round to the bare call that is named. What a cache
//! answers at once is too fast to be timed alone, so it is called many times for each sample.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use tokio::task::JoinSet;
use tower_bearer::clock::{Clock, SystemClock};
use tower_bearer::credential::BearerToken;
use tower_bearer::issue::{Minted, NewToken, TokenIssuer};
use tower_bearer::node::Node;
use tower_bearer::store::{TokenDigest, TokenFormat};
use tower_bearer::verifier::{
    Answer, CacheSettings, OpaqueTokenVerifier, Presented, TokenVerifierExt, VerifyFuture,
};
use tower_bearer::{Reason, TokenVerifier};
use tower_bearer_benches::databases::{Bare, Database};
use tower_bearer_benches::{check, median, rounds};

const ROUNDS: u32 = 31;
/// One after another in each round; and of those at a time, each.
const CALLS: usize = 40;
const AT_A_TIME: usize = 16;
const EACH: usize = 10;
const SESSIONS: usize = 500;

type Done = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        println!(
            "| store | call | one at a time | beside | CPU here | sixteen at a time | beside |"
        );
        println!("|---|---|---|---|---|---|---|");
        for database in Database::all().await {
            measure(&database).await;
        }
    });
}

/// A store with what stands before it.
struct Desk {
    node: Node,
    issuer: TokenIssuer,
    verifier: Arc<OpaqueTokenVerifier>,
    cached: Arc<dyn TokenVerifier>,
    sessions: Vec<String>,
    /// The sessions that are to be revoked.
    doomed: Mutex<Vec<Minted>>,
}

impl Desk {
    async fn new(database: &Database) -> Arc<Self> {
        let mut node = Node::builder(database.tokens.clone());
        if let Some(feed) = &database.feed {
            node = node.feed(feed.clone());
        }
        let node = node.start().expect("a node");
        while !node.state().is_trusted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let format = TokenFormat::new("st_").expect("a prefix");
        let issuer = TokenIssuer::opaque(node.tokens(), format.clone());
        let verifier = OpaqueTokenVerifier::new(node.tokens(), format);
        let cached = verifier.clone().cached(CacheSettings::new());
        let mut desk = Self {
            node,
            issuer,
            verifier: Arc::new(verifier),
            cached: Arc::new(cached.expect("a cache")),
            sessions: Vec::new(),
            doomed: Mutex::default(),
        };
        desk.check().await;
        let mut minting = JoinSet::new();
        for number in 0..SESSIONS {
            let issuer = desk.issuer.clone();
            minting.spawn(async move { mint(&issuer, number).await.token.reveal() });
        }
        desk.sessions = minting.join_all().await;
        Arc::new(desk)
    }

    async fn check(&self) {
        for verifier in [Arc::clone(&self.verifier) as _, Arc::clone(&self.cached)] {
            let verifier: Arc<dyn TokenVerifier> = verifier;
            let minted = mint(&self.issuer, 0).await;
            let key = minted.record.key();
            let text = minted.token.reveal();
            let forged = text.replace("st_", "st_A")[..text.len()].to_owned();
            check(
                judge(&verifier, &text).await.is_ok(),
                "a good token is let in",
            );
            let refusal = judge(&verifier, &forged).await.err();
            let is_invalid = refusal.is_some_and(|refusal| refusal.reason() == Reason::Invalid);
            check(is_invalid, "a forged one is refused");
            self.issuer.revoke(key).await.expect("an end");
            let refusal = judge(&verifier, &text).await.err();
            let is_revoked = refusal.is_some_and(|refusal| refusal.reason() == Reason::Revoked);
            check(is_revoked, "a revoked one is refused");
        }
    }
}

async fn mint(issuer: &TokenIssuer, number: usize) -> Minted {
    let session = NewToken::session(format!("user-{number}")).idle(Duration::from_secs(1800));
    issuer.mint(session).await.expect("a token")
}

fn judge(verifier: &Arc<dyn TokenVerifier>, text: &str) -> VerifyFuture {
    let token = BearerToken::new(text).expect("a token");
    let presented = Presented::new(token, SystemClock.now());
    let answer = Answer::of(verifier, &presented);
    Box::pin(answer.wait())
}

/// Something to measure, done so many times in a row.
struct Path {
    name: &'static str,
    /// Which of the paths it is held against.
    beside: Option<usize>,
    /// How often it is done for one sample.
    times: usize,
    run: Box<dyn Fn(usize) -> Done>,
}

fn paths(database: &Database, desk: &Arc<Desk>) -> Vec<Path> {
    let mut paths = Vec::new();
    let mut add = |name, beside, times, run| {
        paths.push(Path {
            name,
            beside,
            times,
            run,
        });
    };
    let bare = database.bare.clone();
    let is_far = !matches!(bare, Bare::Memory);
    let times = if is_far { 1 } else { 100 };
    let (read, write) = if is_far {
        (Some(1), Some(5))
    } else {
        (None, None)
    };
    if is_far {
        let ping = bare.clone();
        add(
            "bare: nothing asked",
            Some(1),
            1,
            again(move |()| {
                let ping = ping.clone();
                async move { ping.ping().await }
            }),
        );
        let row = bare.clone();
        let digest = TokenDigest::of(desk.sessions[0].as_bytes());
        add(
            "bare: a row by its digest",
            Some(1),
            1,
            again(move |()| {
                let (row, digest) = (row.clone(), digest);
                async move { row.read(digest.as_bytes()).await }
            }),
        );
    }
    let next = Arc::new(AtomicUsize::new(0));
    let pick =
        move |desk: &Desk| desk.sessions[next.fetch_add(1, Ordering::Relaxed) % SESSIONS].clone();
    let (ours, choose) = (Arc::clone(desk), pick.clone());
    add(
        "`find`",
        read,
        times,
        again(move |()| {
            let (desk, text) = (Arc::clone(&ours), choose(&ours));
            async move {
                let digest = TokenDigest::of(text.as_bytes());
                let found = desk.node.tokens().find(&digest).await;
                assert!(found.expect("an answer").is_some());
            }
        }),
    );
    let (ours, choose) = (Arc::clone(desk), pick.clone());
    add(
        "verify, cold",
        read,
        times,
        again(move |()| {
            let verifier: Arc<dyn TokenVerifier> = ours.verifier.clone();
            let answer = judge(&verifier, &choose(&ours));
            async move { drop(answer.await.expect("it is let in")) }
        }),
    );
    let ours = Arc::clone(desk);
    add(
        "verify, cached",
        read,
        100,
        again(move |()| {
            let answer = judge(&ours.cached, &pick(&ours));
            async move { drop(answer.await.expect("it is let in")) }
        }),
    );
    if is_far {
        let key = Arc::new(AtomicI64::new(1));
        add(
            "bare: a row written",
            Some(5),
            1,
            again(move |()| {
                let (bare, key) = (bare.clone(), key.fetch_add(1, Ordering::Relaxed));
                async move { bare.write(key).await }
            }),
        );
    }
    let ours = Arc::clone(desk);
    let next = Arc::new(AtomicUsize::new(0));
    add(
        "issue",
        write,
        times,
        again(move |()| {
            let (desk, number) = (Arc::clone(&ours), next.fetch_add(1, Ordering::Relaxed));
            async move {
                let minted = mint(&desk.issuer, number % SESSIONS).await;
                desk.doomed.lock().expect("no panic").push(minted);
            }
        }),
    );
    let ours = Arc::clone(desk);
    add(
        "revoke",
        write,
        times,
        again(move |()| {
            let desk = Arc::clone(&ours);
            async move {
                // Those that were issued in this round.
                let minted = desk
                    .doomed
                    .lock()
                    .expect("no panic")
                    .pop()
                    .expect("one more");
                let revoked = desk.issuer.revoke(minted.record.key()).await;
                assert!(revoked.expect("an end"));
            }
        }),
    );
    paths
}

/// So many calls, one after another.
fn again<F: Future<Output = ()> + Send>(
    call: impl Fn(()) -> F + Clone + Send + 'static,
) -> Box<dyn Fn(usize) -> Done> {
    Box::new(move |times| {
        let call = call.clone();
        Box::pin(async move {
            for _ in 0..times {
                call(()).await;
            }
        })
    })
}

/// What one round gave: microseconds, microseconds of CPU, and how many in a second.
#[derive(Clone, Copy)]
struct Slice {
    micros: f64,
    cpu: f64,
    per_second: f64,
}

impl Path {
    async fn slice(&self) -> Slice {
        let per_call = |took: Duration, calls| took.as_secs_f64() * 1e6 / calls as f64;
        let cpu = ProcessTime::now();
        let mut samples = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            let start = Instant::now();
            (self.run)(self.times).await;
            samples.push(per_call(start.elapsed(), self.times));
        }
        let cpu = per_call(cpu.elapsed(), CALLS * self.times);
        let start = Instant::now();
        let each = EACH * self.times;
        let tasks = (0..AT_A_TIME).map(|_| tokio::spawn((self.run)(each)));
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("it is done");
        }
        let took = start.elapsed().as_secs_f64();
        Slice {
            micros: median(samples),
            cpu,
            per_second: (AT_A_TIME * each) as f64 / took,
        }
    }
}

async fn measure(database: &Database) {
    database.bare.prepare().await;
    let desk = Desk::new(database).await;
    let paths = paths(database, &desk);
    let mut slices: Vec<Vec<Slice>> = Vec::new();
    for _ in 0..rounds(ROUNDS) {
        let mut round = Vec::new();
        for path in &paths {
            round.push(path.slice().await);
        }
        slices.push(round);
    }
    for (place, path) in paths.iter().enumerate() {
        let of = |figure: &dyn Fn(&[Slice]) -> f64| {
            median(slices.iter().map(|round| figure(round)).collect())
        };
        let ratio = |figure: fn(&Slice) -> f64| match path.beside {
            Some(beside) => format!(
                "{:.2}",
                of(&|round| figure(&round[place]) / figure(&round[beside]))
            ),
            None => "-".to_owned(),
        };
        println!(
            "| {} | {} | {:.1} µs | {} | {:.1} µs | {:.0} per second | {} |",
            database.name,
            path.name,
            of(&|round| round[place].micros),
            ratio(|slice| slice.micros),
            of(&|round| round[place].cpu),
            of(&|round| round[place].per_second),
            ratio(|slice| slice.per_second),
        );
    }
}
