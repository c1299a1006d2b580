//! A million records in each store: what they take, and what a lookup costs beside one among a thousand.
//!
//! ```console
//! $ cargo bench -p tower-bearer-benches --bench million
//! ```
//!
//! A session in a hundred is over; ten belong to each user. The stores in memory and in Redis are filled by
//! their own `insert`, the others by SQL into the tables that `docs/sql` describes. The same sort of store with a
//! thousand records stands beside each, on a server of its own, and both are asked in turn. `BENCH_ROUNDS` makes
//! it ten thousand records.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use tower_bearer::clock::{Clock, SystemClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::store::{Page, TokenDigest, TokenFilter, TokenFormat, TokenRecord};
use tower_bearer::verifier::{Answer, OpaqueTokenVerifier, Presented};
use tower_bearer::{Reason, Refusal};
use tower_bearer_benches::databases::{Bare, Database};
use tower_bearer_benches::junk::{self, Numbers};
use tower_bearer_benches::{check, median, rounds};

const FEW: usize = 1_000;
const EACH: usize = 10;
/// One in so many is over.
const OVER: usize = 100;
const ROUNDS: u32 = 50;
const CALLS: usize = 100;
const BATCH: usize = 500;
const AT_A_TIME: usize = 1_000;
const ROWS: usize = 5_000;
const A_DAY: Duration = Duration::from_secs(24 * 3600);

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

fn main() {
    let many = match rounds(ROUNDS) {
        ROUNDS => 1_000_000,
        _ => 10_000,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut pruned = Vec::new();
    println!(
        "| store | records | filled in | bytes a record | verify: median, of {FEW} and of all | p99 | list of ten |"
    );
    println!("|---|---|---|---|---|---|---|");
    for start in [Sort::Memory, Sort::Sqlite, Sort::Postgres, Sort::Redis] {
        runtime.block_on(async {
            let (few, all) = (start.start().await, start.start().await);
            let Some((few, all)) = few.zip(all) else {
                return;
            };
            let few = Filled::new(few, FEW).await;
            let all = Filled::new(all, many).await;
            compare(&few, &all).await;
            pruned.push(prune(&all).await);
        });
    }
    println!(
        "\n| store | records | over | a batch of {BATCH}: median | longest | all | once nothing is over |"
    );
    println!("|---|---|---|---|---|---|---|");
    pruned.iter().for_each(|row| println!("{row}"));
}

#[derive(Clone, Copy)]
enum Sort {
    Memory,
    Sqlite,
    Postgres,
    Redis,
}

impl Sort {
    async fn start(self) -> Option<Database> {
        match self {
            Self::Memory => Some(Database::memory()),
            Self::Sqlite => Some(Database::sqlite().await),
            Self::Postgres => Database::postgres().await,
            Self::Redis => Database::redis().await,
        }
    }
}

/// A store with so many records.
struct Filled {
    database: Database,
    verifier: Arc<OpaqueTokenVerifier>,
    len: usize,
    now: Timestamp,
    took: Duration,
    bytes: i64,
}

impl Filled {
    async fn new(database: Database, len: usize) -> Self {
        let verifier = OpaqueTokenVerifier::new(database.tokens.clone(), format());
        let mut filled = Self {
            database,
            verifier: Arc::new(verifier),
            len,
            now: SystemClock.now(),
            took: Duration::ZERO,
            bytes: 0,
        };
        let before = filled.database.bare.bytes().await;
        let start = Instant::now();
        match filled.database.bare {
            Bare::Memory => filled.fill_memory(),
            Bare::Redis(_) => filled.fill_by_insert().await,
            Bare::Sqlite(_) | Bare::Postgres(_) => filled.fill_by_sql().await,
        }
        filled.took = start.elapsed();
        if let Some((before, after)) = before.zip(filled.database.bare.bytes().await) {
            filled.bytes = after - before;
        }
        for number in [0, 1, len - 1] {
            let judged = filled.verify(number).await;
            let expected = number.is_multiple_of(OVER).then_some(Reason::Expired);
            let refused = judged.err().map(|refusal| refusal.reason());
            check(
                refused == expected,
                "what is good is let in, and what is over is not",
            );
        }
        let refused = filled.verify(len).await.err();
        let is_invalid = refused.is_some_and(|refusal| refusal.reason() == Reason::Invalid);
        check(is_invalid, "one that nobody gave out is refused");
        filled
    }

    fn record(&self, number: usize) -> TokenRecord {
        let text = text(number);
        let digest = TokenDigest::of(text.as_bytes());
        let subject = subject(number);
        let (kind, id) = (CredentialKind::Session, format!("s-{number}"));
        let is_over = number.is_multiple_of(OVER);
        let created = if is_over {
            self.now.saturating_sub(2 * A_DAY)
        } else {
            self.now
        };
        let mut record = TokenRecord::new(id, digest, kind, subject, created);
        record.expires = Some(created.saturating_add(A_DAY));
        record.idle = (!is_over).then_some(HALF_AN_HOUR);
        record.display_start = text[..7].into();
        record
    }

    fn fill_memory(&mut self) {
        let counted = allocation_counter::measure(|| {
            for number in 0..self.len {
                let mut insert = self.database.tokens.insert(self.record(number));
                let polled = insert
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()));
                check(matches!(polled, Poll::Ready(Ok(()))), "it is kept at once");
            }
        });
        self.bytes = counted.bytes_current;
    }

    async fn fill_by_insert(&self) {
        for first in (0..self.len).step_by(AT_A_TIME) {
            let mut inserts = JoinSet::new();
            for number in first..self.len.min(first + AT_A_TIME) {
                let (tokens, record) = (self.database.tokens.clone(), self.record(number));
                inserts.spawn(async move { tokens.insert(record).await });
            }
            while let Some(inserted) = inserts.join_next().await {
                inserted.expect("an answer").expect("it is kept");
            }
        }
    }

    async fn fill_by_sql(&self) {
        const INSERT: &str = "INSERT INTO tower_bearer_tokens (subject, id, digest, kind, scopes, \
             roles, created, expires, idle, disabled, display_start, attributes, due) SELECT ";
        for first in (0..self.len).step_by(ROWS) {
            let rows = first..self.len.min(first + ROWS);
            // No text in it has a quote.
            let rows = json!(rows.map(|number| self.row(number)).collect::<Vec<_>>());
            let sql = match self.database.bare {
                Bare::Postgres(_) => format!(
                    "{INSERT} subject, id, decode(digest, 'hex'), 'session', '', '[]', created, \
                     expires, idle, false, shown, '{{}}', due \
                     FROM json_to_recordset('{rows}') AS line (subject text, id text, digest text, \
                     created bigint, expires bigint, idle bigint, shown text, due bigint)"
                ),
                _ => format!(
                    "{INSERT} value->>'subject', value->>'id', unhex(value->>'digest'), 'session', \
                     '', '[]', value->>'created', value->>'expires', value->>'idle', 0, \
                     value->>'shown', '{{}}', value->>'due' FROM json_each('{rows}')"
                ),
            };
            self.database.bare.execute(sql).await;
        }
        // As the server would do by itself, some time later.
        self.database.bare.execute("ANALYZE".to_owned()).await;
    }

    fn row(&self, number: usize) -> serde_json::Value {
        let record = self.record(number);
        let hex = |byte: &u8| format!("{byte:02x}");
        json!({
            "subject": record.subject,
            "id": record.id,
            "digest": record.digest.as_bytes().iter().map(hex).collect::<String>(),
            "created": record.created.as_unix_millis(),
            "expires": record.expires.map(Timestamp::as_unix_millis),
            "idle": record.idle.map(|idle| idle.as_millis() as u64),
            "shown": record.display_start,
            "due": record.ends_at().map(Timestamp::as_unix_millis),
        })
    }

    async fn verify(&self, number: usize) -> Result<Identity, Refusal> {
        let token = BearerToken::new(&text(number)).expect("a token");
        let presented = Presented::new(token, self.now);
        Answer::of(&self.verifier, &presented).wait().await
    }

    /// How long it takes to judge a good token, and to list the sessions of a user.
    async fn sample(&self, numbers: &mut Numbers, took: &mut Took) {
        for _ in 0..CALLS {
            let number = numbers.below(self.len / OVER) * OVER + 1 + numbers.below(OVER - 1);
            let token = BearerToken::new(&text(number)).expect("a token");
            let presented = Presented::new(token, self.now);
            let start = Instant::now();
            let judged = Answer::of(&self.verifier, &presented).wait().await;
            took.verify.push(micros(start));
            assert!(judged.is_ok(), "a good token was refused");
        }
        let subject = subject(numbers.below(self.len));
        let start = Instant::now();
        let (all, page) = (TokenFilter::all(), Page::first(50));
        let listed = self.database.tokens.list(&subject, &all, &page).await;
        took.list.push(micros(start));
        assert_eq!(listed.expect("a list").len(), EACH);
    }
}

/// In microseconds.
#[derive(Default)]
struct Took {
    verify: Vec<f64>,
    list: Vec<f64>,
}

async fn compare(few: &Filled, all: &Filled) {
    let mut numbers = Numbers::new(1);
    let mut took = [Took::default(), Took::default()];
    for _ in 0..rounds(ROUNDS) {
        for (filled, took) in [few, all].iter().zip(&mut took) {
            filled.sample(&mut numbers, took).await;
        }
    }
    let both = |of: &dyn Fn(&Took) -> f64| {
        let [few, all] = took.each_ref().map(of);
        format!("{few:.1} µs, {all:.1} µs ({:.2})", all / few)
    };
    println!(
        "| {} | {} | {:.1} s | {} | {} | {} | {} |",
        all.database.name,
        all.len,
        all.took.as_secs_f64(),
        all.bytes / all.len as i64,
        both(&|took| median(took.verify.clone())),
        both(&|took| percentile(took.verify.clone(), 99)),
        both(&|took| median(took.list.clone())),
    );
}

/// Removes what is over, and says what that took.
async fn prune(filled: &Filled) -> String {
    let tokens = &filled.database.tokens;
    let mut batches = Vec::new();
    let mut removed = 0;
    while removed < filled.len / OVER {
        let start = Instant::now();
        let some = tokens.prune(filled.now, BATCH).await.expect("pruning");
        batches.push(micros(start) / 1e3);
        check(some > 0, "what is over is found");
        removed += some as usize;
    }
    check(removed == filled.len / OVER, "and nothing else");
    let start = Instant::now();
    let none = tokens.prune(filled.now, BATCH).await.expect("pruning");
    let idle = micros(start) / 1e3;
    check(none == 0, "it is done");
    check(
        filled.verify(1).await.is_ok(),
        "what is good is still let in",
    );
    format!(
        "| {} | {} | {removed} | {:.1} ms | {:.1} ms | {:.1} ms | {idle:.1} ms |",
        filled.database.name,
        filled.len,
        median(batches.clone()),
        percentile(batches.clone(), 100),
        batches.iter().sum::<f64>(),
    )
}

fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * percent / 100]
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

fn format() -> TokenFormat {
    TokenFormat::new("st_").expect("a prefix")
}

fn text(number: usize) -> String {
    junk::token(&format(), &Numbers::new(number as u64).secret())
}

fn subject(number: usize) -> String {
    format!("user-{}", number / EACH)
}
