use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tower_bearer::clock::{Clock, Timestamp};

use crate::clock::ServerClock;
use crate::kv::{Change, Kv, KvError};

/// Locks an account for a while after too many wrong guesses.
///
/// Guesses are counted by account and address, so that nobody is locked out by what others do elsewhere; and
/// a guess while the lock is on is not counted, so that it ends.
#[derive(Debug, Clone)]
pub struct Attempts {
    kv: Kv,
    clock: ServerClock,
    max: u32,
    locked_for: Duration,
}

/// Whether a guess may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Open,
    /// Not now.
    Locked,
}

#[derive(Serialize, Deserialize)]
struct Guesses {
    wrong: u32,
    /// When the last one was.
    at: i64,
}

const COLLECTION: &str = "attempts";

impl Attempts {
    /// A lock of `locked_for` after `max` wrong guesses.
    #[must_use]
    pub fn new(kv: &Kv, clock: ServerClock, max: u32, locked_for: Duration) -> Self {
        let kv = kv.clone();
        Self {
            kv,
            clock,
            max,
            locked_for,
        }
    }

    /// Counts a guess as wrong before it is looked at, so that many at once are no more than so many;
    /// [`right`](Self::right) takes it back.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn begin(&self, account: &str, from: IpAddr) -> Result<Verdict, KvError> {
        let now = self.clock.now();
        let key = key(account, from);
        self.kv
            .update(COLLECTION, &key, |guesses: Option<Guesses>| {
                let guesses = guesses.filter(|guesses| {
                    now.since(Timestamp::from_unix_millis(guesses.at)) < self.locked_for
                });
                let wrong = guesses.map_or(0, |guesses| guesses.wrong);
                if wrong >= self.max {
                    return (Change::Keep, Verdict::Locked);
                }
                let at = now.as_unix_millis();
                let wrong = wrong + 1;
                (Change::Put(Guesses { wrong, at }), Verdict::Open)
            })
            .await
    }

    /// The guess was neither right nor wrong, such as a right password where a code is still to come: it does
    /// not count, and those before it do.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn undecided(&self, account: &str, from: IpAddr) -> Result<(), KvError> {
        let take_one_back = |guesses: Option<Guesses>| match guesses {
            Some(Guesses { wrong, at }) if wrong > 1 => {
                let wrong = wrong - 1;
                (Change::Put(Guesses { wrong, at }), ())
            }
            _ => (Change::Delete, ()),
        };
        self.kv
            .update(COLLECTION, &key(account, from), take_one_back)
            .await
    }

    /// The guess was right.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn right(&self, account: &str, from: IpAddr) -> Result<(), KvError> {
        self.kv.delete(COLLECTION, &key(account, from)).await
    }
}

fn key(account: &str, from: IpAddr) -> String {
    format!("{from} {account}")
}
