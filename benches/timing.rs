//! Whether the time of a lookup tells how near a key is to one that exists.
//!
//! ```console
//! $ cargo bench -p tower-bearer-benches --bench timing
//! ```
//!
//! After dudect (Reparaz, Balasch and Verbauwhede, 2017): keys of several classes are shown to the verifier in
//! a random order, each is timed alone, and Welch's t says whether two classes differ in their mean. Above
//! 4.5 they do; below, nothing was found in so many samples. Interrupts make long tails, in which a small
//! difference drowns, so each pair is judged again with the slowest 1, 5, 10 and 50 % of all samples left
//! out, and by the greatest |t| of them all.
//!
//! Two pairs are there to be found different or alike: a key that is let in, and unknown keys once more.
//! The last one is for information: keys whose digest differs from a stored one as late as can be arranged, in
//! the same shard and with the same seven bits that the map looks at before it compares.

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use tower_bearer::clock::{Clock, SystemClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::store::{MemoryStore, TokenDigest, TokenFormat};
use tower_bearer::verifier::{Answer, ApiKeyVerifier, Presented};
use tower_bearer::{Reason, TokenVerifier};
use tower_bearer_benches::junk::{self, Numbers, SECRET_LEN};
use tower_bearer_benches::{check, rounds, verdict};

const STORED: usize = 1_000;
const SAMPLES_PER_ROUND: usize = 10_000;
const ROUNDS: u32 = 100;
const LIMIT: f64 = 4.5;
const KEPT: [f64; 5] = [1.0, 0.99, 0.95, 0.9, 0.5];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Unknown,
    UnknownAgain,
    NearMiss,
    WrongSecret,
    LikeDigest,
    Good,
}

impl Class {
    const ALL: [Self; 6] = [
        Self::Unknown,
        Self::UnknownAgain,
        Self::NearMiss,
        Self::WrongSecret,
        Self::LikeDigest,
        Self::Good,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::UnknownAgain => "unknown again",
            Self::NearMiss => "one character off",
            Self::WrongSecret => "begins as one does",
            Self::LikeDigest => "digest alike",
            Self::Good => "let in",
        }
    }
}

fn main() {
    let keys = Keys::new();
    let mut numbers = Numbers::new(1);
    keys.check(&mut numbers);

    let mut samples = Samples::default();
    for _ in 0..rounds(ROUNDS) {
        let presented = keys.batch(&mut numbers);
        for (class, key) in &presented {
            samples.add(*class, keys.time(key));
        }
    }

    println!(
        "| pair | samples | means differ by | t, all | slowest 1 % cut | 5 % | 10 % | 50 % | goal | |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let limit = format!("below {LIMIT}");
    for (a, b, goal) in [
        (Class::Unknown, Class::NearMiss, Some(&limit)),
        (Class::Unknown, Class::WrongSecret, Some(&limit)),
        (Class::NearMiss, Class::WrongSecret, Some(&limit)),
        (Class::Unknown, Class::UnknownAgain, None),
        (Class::Unknown, Class::LikeDigest, None),
        (Class::Unknown, Class::Good, None),
    ] {
        samples.row(a, b, goal.map(String::as_str));
    }
}

/// The verifier, and the secrets that it knows.
struct Keys {
    verifier: ApiKeyVerifier,
    secrets: Vec<String>,
    /// Of each stored digest, what the store looks at before it compares the whole.
    marks: HashSet<(u8, u8)>,
    now: Timestamp,
}

impl Keys {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let format = TokenFormat::new("ak_").expect("a prefix");
        let issuer = TokenIssuer::api_keys(store.clone(), format.clone()).expect("an issuer");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let keys: Vec<String> = (0..STORED)
            .map(|n| {
                let key = NewToken::api_key(format!("user-{n}"));
                let minted = runtime.block_on(issuer.mint(key)).expect("a key");
                minted.token.reveal()
            })
            .collect();
        let prefix = format.prefix().len();
        Self {
            marks: keys.iter().map(|key| mark(key)).collect(),
            secrets: keys
                .iter()
                .map(|key| key[prefix..prefix + SECRET_LEN].to_owned())
                .collect(),
            verifier: ApiKeyVerifier::new(store, format).expect("a verifier"),
            now: SystemClock.now(),
        }
    }

    /// A key of this class.
    fn key(&self, class: Class, numbers: &mut Numbers) -> String {
        let secret = &self.secrets[numbers.below(STORED)];
        let format = self.verifier.format();
        let mut unknown = || junk::token(format, &numbers.secret());
        match class {
            Class::Unknown | Class::UnknownAgain => unknown(),
            Class::LikeDigest => loop {
                let key = unknown();
                if self.marks.contains(&mark(&key)) {
                    return key;
                }
            },
            Class::NearMiss => junk::token(format, &junk::near_miss(secret, numbers)),
            // What a listing shows of a key.
            Class::WrongSecret => {
                let rest = &numbers.secret()[4..];
                junk::token(format, &format!("{}{rest}", &secret[..4]))
            }
            Class::Good => junk::token(format, secret),
        }
    }

    /// As many keys of each class, in a random order.
    fn batch(&self, numbers: &mut Numbers) -> Vec<(Class, String)> {
        let mut batch: Vec<_> = Class::ALL
            .into_iter()
            .flat_map(|class| std::iter::repeat_n(class, SAMPLES_PER_ROUND))
            .map(|class| (class, self.key(class, numbers)))
            .collect();
        for last in (1..batch.len()).rev() {
            batch.swap(last, numbers.below(last + 1));
        }
        batch
    }

    /// How long the verifier takes. The key is copied into a new header value first, for which the allocator
    /// has the room of the one before.
    fn time(&self, key: &str) -> f64 {
        let token = BearerToken::new(key).expect("a token");
        let presented = black_box(Presented::new(token, self.now));
        let start = Instant::now();
        let answer = black_box(self.verifier.begin(&presented));
        let nanos = start.elapsed().as_nanos();
        drop(answer);
        nanos as f64
    }

    fn check(&self, numbers: &mut Numbers) {
        for class in Class::ALL {
            let key = self.key(class, numbers);
            let format = self.verifier.format();
            check(format.matches_shape(key.as_bytes()), "it is well formed");
            let token = BearerToken::new(&key).expect("a token");
            match self.verifier.begin(&Presented::new(token, self.now)) {
                Some(Answer::Now(Ok(_))) => check(class == Class::Good, "a bad key is refused"),
                Some(Answer::Now(Err(refusal))) => {
                    check(class != Class::Good, "a good key is let in");
                    check(refusal.reason() == Reason::Invalid, "it is unknown");
                }
                _ => panic!("the store was not asked at once"),
            }
        }
    }
}

fn mark(key: &str) -> (u8, u8) {
    let digest = TokenDigest::of(key.as_bytes());
    let bytes = digest.as_bytes();
    (bytes[8] % 64, bytes[7] >> 1)
}

#[derive(Default)]
struct Samples {
    nanos: [Vec<f64>; Class::ALL.len()],
}

impl Samples {
    fn add(&mut self, class: Class, nanos: f64) {
        self.nanos[class as usize].push(nanos);
    }

    fn row(&self, a: Class, b: Class, goal: Option<&str>) {
        let (of_a, of_b) = (&self.nanos[a as usize], &self.nanos[b as usize]);
        let mut all = [&of_a[..], &of_b[..]].concat();
        all.sort_by(f64::total_cmp);
        let compared = KEPT.map(|kept| {
            let slowest = all[(all.len() as f64 * kept) as usize - 1];
            Welch::of(of_a, of_b, slowest)
        });
        let greatest = compared.iter().map(|c| c.t.abs()).fold(0.0, f64::max);
        let verdict = goal.map_or("", |_| verdict(greatest < LIMIT));
        let cells = compared
            .each_ref()
            .map(|compared| format!("{:.1}", compared.t))
            .join(" | ");
        println!(
            "| {}, {} | {} | {:.2} ns of {:.0} | {cells} | {} | {verdict} |",
            a.name(),
            b.name(),
            of_a.len(),
            // With the slowest 5 % cut.
            compared[2].difference,
            compared[2].mean,
            goal.unwrap_or("-"),
        );
    }
}

struct Welch {
    mean: f64,
    difference: f64,
    t: f64,
}

impl Welch {
    fn of(a: &[f64], b: &[f64], slowest: f64) -> Self {
        let (mean_a, error_a) = mean_and_error(a, slowest);
        let (mean_b, error_b) = mean_and_error(b, slowest);
        let difference = mean_b - mean_a;
        Self {
            mean: mean_a,
            difference,
            t: difference / (error_a + error_b).sqrt(),
        }
    }
}

/// The mean of the samples up to `slowest`, and its variance.
fn mean_and_error(samples: &[f64], slowest: f64) -> (f64, f64) {
    let kept = || samples.iter().filter(|nanos| **nanos <= slowest);
    let count = kept().count() as f64;
    let mean = kept().sum::<f64>() / count;
    let squares: f64 = kept().map(|nanos| (nanos - mean).powi(2)).sum();
    (mean, squares / (count - 1.0) / count)
}
