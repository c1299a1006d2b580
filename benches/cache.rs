//! What a cache of verified tokens holds, how fast it answers, and what a flood of junk does to it.
//!
//! ```console
//! $ cargo bench -p tower-bearer-benches --bench cache
//! ```
//!
//! - **Memory** is counted by the allocator: what is there after as many tokens were judged as the cache takes,
//!   and was not before it was made.
//! - **A million distinct tokens** go through caches that take fewer.
//! - **A lookup** is the verifier's whole answer: digest, shelf, a look at time and epoch, and a copy of the
//!   identity. Tokens are picked at random and written out some at a time, so that their text is warm, as
//!   it is after hyper has read it, and their entries are not.
//! - **Judgements under way** hold nothing up: as many as are told wait for ever, on this one thread, which
//!   would hang if any held a lock.
//! - **Hit rates** are those of good tokens, alone and while ten others come between any two.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use cpu_time::ThreadTime;
use tower_bearer::clock::{Clock, SystemClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::verifier::{Answer, CacheSettings, Cached, Presented, TokenVerifierExt};
use tower_bearer::{Refusal, TokenVerifier, async_trait};
use tower_bearer_benches::entries::{Judged, jwts, sessions, sessions_far};
use tower_bearer_benches::junk::Numbers;
use tower_bearer_benches::{check, median, rounds, verdict};

/// As long as a stored token, and as the JWTs of the other benches.
const LENGTHS: [usize; 2] = [52, 800];
const AT_ONCE: usize = 256;
const PER_ROUND: usize = 10_000;
const ROUNDS: u32 = 100;

fn main() {
    works();
    memory();
    distinct();
    lookups();
    floods();
}

/// Takes whatever begins with `good`, and counts how often it was asked about one that the bench counts.
/// One that begins with `slow` is never answered.
#[derive(Debug, Default)]
struct Anyone {
    judged: AtomicU64,
}

impl Anyone {
    fn judge(&self, text: &str) -> Result<Identity, Refusal> {
        if let Some(rest) = text.strip_prefix("good") {
            self.judged
                .fetch_add(u64::from(!rest.starts_with("once")), Ordering::Relaxed);
            return Ok(Identity::new(text, CredentialKind::Other));
        }
        Err(Refusal::invalid("junk"))
    }
}

#[async_trait]
impl TokenVerifier for Anyone {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.judge(presented.token.expose_secret())
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        let text = presented.token.expose_secret();
        if text.starts_with("slow") {
            return Some(Answer::Later(Box::pin(std::future::pending())));
        }
        Some(Answer::Now(self.judge(text)))
    }
}

fn cached(inner: &Arc<Anyone>, settings: CacheSettings) -> Cached {
    Arc::clone(inner).cached(settings).expect("a cache")
}

fn presented(text: &str, now: Timestamp) -> Presented {
    Presented::new(BearerToken::new(text).expect("a token"), now)
}

/// A text of this length for this number; no two are alike.
fn text(start: &str, number: usize, len: usize) -> String {
    let rest = len - start.len();
    format!("{start}{number:0rest$}")
}

fn is_let_in(cache: &Cached, text: &str, now: Timestamp) -> bool {
    match cache.begin(&presented(text, now)) {
        Some(Answer::Now(answer)) => answer.is_ok(),
        _ => panic!("the cache was to answer at once"),
    }
}

fn works() {
    let (inner, now) = (Arc::new(Anyone::default()), SystemClock.now());
    let cache = cached(&inner, CacheSettings::new());
    for _ in 0..2 {
        check(is_let_in(&cache, "good", now), "a good token is let in");
        check(!is_let_in(&cache, "bad", now), "a bad one is refused");
    }
    check(inner.judged.load(Ordering::Relaxed) == 1, "a hit is a hit");
}

fn memory() {
    println!("| remembered | entries | heap, bytes an entry |");
    println!("|---|---|---|");
    let row = |name: &str, judged: Judged| {
        println!(
            "| {name} | {} | {:.0} |",
            judged.entries,
            judged.bytes as f64 / judged.entries as f64
        );
    };
    let entries = rounds(10) as usize * PER_ROUND;
    row("JWT, 800 bytes, a dozen claims", jwts(entries));
    row("session, memory store", sessions(entries));
    let far = sessions_far(entries / 10);
    if let Some(judged) = far {
        row("session, Redis, with a node", judged);
    }
}

fn distinct() {
    println!(
        "\n| distinct tokens | capacity | remembered | heap, half-way | at the end | goal | |"
    );
    println!("|---|---|---|---|---|---|---|");
    let now = SystemClock.now();
    let all = rounds(ROUNDS) as usize * PER_ROUND;
    let settings = CacheSettings::new().capacity(all / 10);
    let settings = settings.refused_capacity(all / 100);
    for (start, capacity) in [("good", all / 10), ("junk", all / 100)] {
        let (mut cache, mut kept) = (None, 0);
        let mut pass = |numbers: std::ops::Range<usize>| {
            let counted = allocation_counter::measure(|| {
                let new = || cached(&Arc::new(Anyone::default()), settings.clone());
                let cache = cache.get_or_insert_with(new);
                for number in numbers {
                    let is_in = is_let_in(cache, &text(start, number, LENGTHS[0]), now);
                    check(is_in == (start == "good"), "junk alone is refused");
                }
                kept = cache.handle().len();
            });
            counted.bytes_current
        };
        let half = pass(0..all / 2);
        let end = half + pass(all / 2..all);
        let kept_of = if start == "good" {
            kept.to_string()
        } else {
            "-".to_owned()
        };
        println!(
            "| {all}, {start} | {capacity} | {kept_of} | {} KiB | {} KiB | at most a tenth more | {} |",
            half / 1024,
            end / 1024,
            verdict(kept <= all / 10 && end <= half + half / 10)
        );
    }
}

fn lookups() {
    println!("\n| entries | a token of 52 bytes | of 800 bytes | goal | |");
    println!("|---|---|---|---|---|");
    let now = SystemClock.now();
    let most = rounds(ROUNDS) as usize * PER_ROUND;
    for entries in [1_000, 10_000, 100_000, 1_000_000] {
        if entries <= most {
            let nanos = LENGTHS.map(|len| lookup(&filled(entries, len, now), entries, len, now));
            lookup_row(&entries.to_string(), nanos);
        }
    }
    // Some of the judgements belong to one part of the cache, whichever that is.
    let entries = 10_000;
    let nanos = LENGTHS.map(|len| {
        let cache = filled(entries, len, now);
        let mut under_way = Vec::new();
        for number in 0..1_000 {
            let slow = presented(&text("slow", number, len), now);
            let Some(Answer::Later(mut judging)) = cache.begin(&slow) else {
                panic!("it was answered");
            };
            let polled = judging
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            check(matches!(polled, Poll::Pending), "it is under way");
            under_way.push(judging);
        }
        for number in 0..1_000 {
            let new = text("good", entries + number, len);
            check(is_let_in(&cache, &new, now), "others are judged meanwhile");
        }
        lookup(&cache, entries, len, now)
    });
    lookup_row("10000, and 1000 judgements under way", nanos);
}

fn lookup_row(name: &str, nanos: [f64; 2]) {
    let met = verdict(nanos.iter().all(|nanos| *nanos <= 500.0));
    println!(
        "| {name} | {:.0} ns | {:.0} ns | 500 ns | {met} |",
        nanos[0], nanos[1]
    );
}

/// A cache that has room for twice as many, since its parts are not filled evenly.
fn filled(entries: usize, len: usize, now: Timestamp) -> Cached {
    let settings = CacheSettings::new().capacity(2 * entries.max(10_000));
    let cache = cached(&Arc::new(Anyone::default()), settings);
    for number in 0..entries {
        is_let_in(&cache, &text("good", number, len), now);
    }
    check(cache.handle().len() == entries, "all are remembered");
    cache
}

/// Median over batches, in nanoseconds of CPU time.
fn lookup(cache: &Cached, entries: usize, len: usize, now: Timestamp) -> f64 {
    let mut numbers = Numbers::new(len as u64);
    let nanos = (0..rounds(ROUNDS) * 20).map(|_| {
        let batch: Vec<_> = (0..AT_ONCE)
            .map(|_| presented(&text("good", numbers.below(entries), len), now))
            .collect();
        let start = ThreadTime::now();
        for presented in &batch {
            black_box(cache.begin(presented));
        }
        start.elapsed().as_nanos() as f64 / AT_ONCE as f64
    });
    median(nanos.collect())
}

/// Good tokens: how many there are, and whether some come more often than others (by Zipf's law).
#[derive(Clone, Copy)]
struct Crowd {
    name: &'static str,
    tokens: usize,
    is_skewed: bool,
}

fn floods() {
    const TEN: usize = 10;
    println!(
        "\n| good tokens, a cache of 10000 | alone | with junk | goal | | with good ones that come once |"
    );
    println!("|---|---|---|---|---|---|");
    let crowds = [
        Crowd {
            name: "8000, as often",
            tokens: 8_000,
            is_skewed: false,
        },
        Crowd {
            name: "100000, by Zipf's law",
            tokens: 100_000,
            is_skewed: true,
        },
    ];
    for crowd in crowds {
        let alone = hit_rate(crowd, 0, "");
        let junk = hit_rate(crowd, TEN, "junk");
        let once = hit_rate(crowd, TEN, "goodonce");
        println!(
            "| {} | {alone:.2} % | {junk:.2} % | at most 1 point less | {} | {once:.2} % |",
            crowd.name,
            verdict(junk >= alone - 1.0)
        );
    }
}

/// How often a good token is in the cache, in percent, once that is warm.
fn hit_rate(crowd: Crowd, between: usize, others: &str) -> f64 {
    let (inner, now) = (Arc::new(Anyone::default()), SystemClock.now());
    let cache = cached(&inner, CacheSettings::new());
    let (mut numbers, mut came) = (Numbers::new(7), 0);
    let weights: Vec<f64> = (0..crowd.tokens)
        .scan(0.0, |sum, place| {
            *sum += if crowd.is_skewed {
                1.0 / (place + 1) as f64
            } else {
                1.0
            };
            Some(*sum)
        })
        .collect();
    let mut request = || {
        for _ in 0..between {
            came += 1;
            let is_good = is_let_in(&cache, &text(others, came, LENGTHS[0]), now);
            check(is_good == others.starts_with("good"), "junk is refused");
        }
        let at = numbers.below(1 << 40) as f64 / (1_u64 << 40) as f64 * weights[crowd.tokens - 1];
        let token = weights.partition_point(|sum| *sum < at);
        check(
            is_let_in(&cache, &text("good", token, LENGTHS[0]), now),
            "good tokens are let in",
        );
    };
    let requests = rounds(ROUNDS) as usize * PER_ROUND;
    (0..requests.max(100_000)).for_each(|_| request());
    let before = inner.judged.load(Ordering::Relaxed);
    (0..requests).for_each(|_| request());
    let missed = inner.judged.load(Ordering::Relaxed) - before;
    100.0 - missed as f64 / requests as f64 * 100.0
}
