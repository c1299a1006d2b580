//! What was promised about each token.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How a token stands, as far as whoever issued and revoked it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was issued, and nobody tried to revoke it.
    Good,
    /// Somebody tries to revoke it, or tried and was told of an error.
    Unknown,
    /// It was revoked at this node, and the call returned then.
    Revoked { by: usize, at: Instant },
}

#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) id: String,
    /// Whose session it is; a JWT has no record that is found by this.
    pub(crate) session_of: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    entries: Vec<Entry>,
    /// The places of those that nobody tried to revoke.
    good: Vec<usize>,
    /// The places of those that are to be revoked once more, since a call failed.
    again: Vec<usize>,
    /// The places of those that were revoked, in this order.
    revoked: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    token: Arc<Token>,
    standing: Standing,
    /// How long after it was revoked it was let in last at another node; none if it was not tried there.
    lag: Option<Duration>,
}

impl Ledger {
    pub(crate) fn add(&self, token: Token) {
        let mut book = self.lock();
        let place = book.entries.len();
        book.good.push(place);
        book.entries.push(Entry {
            token: Arc::new(token),
            standing: Standing::Good,
            lag: None,
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    pub(crate) fn at(&self, place: usize) -> (Arc<Token>, Standing) {
        let book = self.lock();
        let entry = &book.entries[place];
        (Arc::clone(&entry.token), entry.standing)
    }

    /// A token to be tried: mostly a good one, often one of the last that were revoked, sometimes any.
    pub(crate) fn draw(&self) -> usize {
        let book = self.lock();
        match fastrand::u8(..10) {
            0..6 => one_of_the_last(300, &book.good),
            6..9 => one_of_the_last(50, &book.revoked),
            _ => None,
        }
        .unwrap_or_else(|| fastrand::usize(..book.entries.len()))
    }

    /// A good token, which stays one for now.
    pub(crate) fn draw_good(&self) -> Option<usize> {
        one_of_the_last(usize::MAX, &self.lock().good)
    }

    /// A token to be revoked, whose standing is unknown from now on.
    pub(crate) fn take_to_revoke(&self) -> Option<usize> {
        let mut book = self.lock();
        if let Some(place) = book.again.pop() {
            return Some(place);
        }
        // Some are left, or there would be nothing to let in.
        if book.good.len() < 100 {
            return None;
        }
        let drawn = fastrand::usize(..book.good.len());
        let place = book.good.swap_remove(drawn);
        book.entries[place].standing = Standing::Unknown;
        Some(place)
    }

    /// Whether a token was revoked is not known: it is to be revoked again.
    pub(crate) fn doubt(&self, place: usize) {
        self.lock().again.push(place);
    }

    pub(crate) fn revoked(&self, place: usize, by: usize) {
        let mut book = self.lock();
        book.entries[place].standing = Standing::Revoked {
            by,
            at: Instant::now(),
        };
        book.revoked.push(place);
    }

    /// That a token was tried at another node than that which revoked it, and let in so long after.
    pub(crate) fn tried_elsewhere(&self, place: usize, admitted_after: Option<Duration>) {
        let mut book = self.lock();
        let lag = &mut book.entries[place].lag;
        *lag = (*lag).max(Some(admitted_after.unwrap_or_default()));
    }

    /// How long after they were revoked tokens were let in last at other nodes, from the shortest on.
    pub(crate) fn lags(&self) -> Vec<Duration> {
        let book = self.lock();
        let lags = book.entries.iter().filter_map(|entry| entry.lag);
        let mut lags: Vec<_> = lags.collect();
        lags.sort_unstable();
        lags
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn one_of_the_last(many: usize, places: &[usize]) -> Option<usize> {
    let from = places.len().saturating_sub(many);
    let last = &places[from..];
    (!last.is_empty()).then(|| last[fastrand::usize(..last.len())])
}
