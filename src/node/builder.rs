use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Node;
use super::follower::{Follower, Pace};
use super::health::Health;
use super::housekeeping::Housekeeping;
use super::store::NodeStore;
use super::uses::{Uses, write_on};
use crate::clock::{Clock, SystemClock};
use crate::error::ConfigError;
use crate::revocation::{Feed, Recent, Revocations};
use crate::store::TokenStore;

const MAX_LAG: Duration = Duration::from_secs(60);
const MAX_BATCH: usize = 100_000;

/// Sets up a [`Node`].
#[derive(Debug)]
#[must_use = "nothing is noticed until it is started"]
pub struct NodeBuilder {
    tokens: Arc<dyn TokenStore>,
    revocations: Option<Revocations>,
    feed: Option<Arc<dyn Feed>>,
    clock: Arc<dyn Clock>,
    lag: Duration,
    pending: usize,
    silence: Duration,
    prune: Option<(Duration, Duration)>,
    prune_batch: usize,
}

impl NodeBuilder {
    pub(super) fn new(tokens: Arc<dyn TokenStore>) -> Self {
        Self {
            tokens,
            revocations: None,
            feed: None,
            clock: Arc::new(SystemClock),
            lag: Duration::from_secs(1),
            pending: 100_000,
            silence: Duration::from_secs(3),
            prune: None,
            prune_batch: 500,
        }
    }

    /// The revocations of this process: what is heard is noted there too, and housekeeping prunes them.
    pub fn revocations(mut self, revocations: Revocations) -> Self {
        self.revocations = Some(revocations);
        self
    }

    /// How this node hears of what others end. Without one, it is taken to be the only one.
    pub fn feed(mut self, feed: Arc<dyn Feed>) -> Self {
        self.feed = Some(feed);
        self
    }

    /// The clock by which housekeeping knows what is over: the system's unless set.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How often uses are written: each second unless set, each minute at most. By so much may another node
    /// take a session to be idle for too long.
    pub fn lag(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }

    /// For how many tokens a use may wait to be written: 100,000 unless set. Where there are more, the
    /// use goes whose loss hurts the least: first of a token without an idle limit, then the one that moves
    /// its token's end by the smallest share of that limit. [`NodeState`](super::NodeState) says how many
    /// were lost.
    pub fn max_pending_uses(mut self, tokens: usize) -> Self {
        self.pending = tokens;
        self
    }

    /// After how long a silence of the feed this node no longer trusts what it remembers: 3 seconds unless
    /// set. Three beats are given in that time.
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Removes, so often, what has been over for so long: tokens and revocations. Not done unless set; one
    /// node of several is enough, and more do no harm.
    ///
    /// A revocation that was removed by a clock that was ahead does not come back when the clock is set
    /// right, so `kept_for` should be longer than any clock may be wrong: a day, rather than a minute.
    pub fn prune(mut self, every: Duration, kept_for: Duration) -> Self {
        self.prune = Some((every, kept_for));
        self
    }

    /// How much is removed at once: 500 unless set, and 100,000 at most. Less holds a database's locks for a
    /// shorter time; a round goes on until nothing is left.
    pub fn prune_batch(mut self, batch: usize) -> Self {
        self.prune_batch = batch;
        self
    }

    /// Starts the node's tasks. Has to be called on a tokio runtime with a timer.
    ///
    /// # Errors
    /// If a setting cannot be right, or there is no runtime.
    pub fn start(self) -> Result<Node, ConfigError> {
        self.check()?;
        let runtime = Handle::try_current()
            .map_err(|_| ConfigError::new("node", "there is no tokio runtime to start it on"))?;
        let recent = match &self.revocations {
            Some(revocations) => Arc::clone(revocations.recent()),
            None => Arc::new(Recent::new()),
        };
        if self.feed.is_some() {
            // Before the first request is judged by it.
            recent.trust(false);
        }
        let health = Arc::new(Health::new(Arc::clone(&self.clock)));
        let uses = Arc::new(Uses::new(self.pending));
        let store = NodeStore::new(
            Arc::clone(&self.tokens),
            Arc::clone(&recent),
            Arc::clone(&uses),
        );
        let mut tasks = vec![runtime.spawn(write_on(
            Arc::clone(&uses),
            Arc::clone(&self.tokens),
            Arc::clone(&health),
            self.lag,
        ))];
        if let Some(feed) = self.feed {
            let pace = Pace::of_silence(self.silence);
            let follower = Follower::new(feed, Arc::clone(&recent), Arc::clone(&health), pace)?;
            tasks.push(runtime.spawn(follower.follow()));
        }
        if let Some((every, kept_for)) = self.prune {
            let housekeeping = Housekeeping {
                tokens: self.tokens,
                revocations: self.revocations,
                clock: self.clock,
                every,
                kept_for,
                batch: self.prune_batch,
                health: Arc::clone(&health),
            };
            tasks.push(runtime.spawn(housekeeping.go_on()));
        }
        Ok(Node {
            store: Arc::new(store),
            recent,
            uses,
            health,
            tasks,
        })
    }

    fn check(&self) -> Result<(), ConfigError> {
        let (setting, problem) = if self.lag < Duration::from_millis(1) {
            (
                "lag",
                "less than a millisecond: uses would be written all the time",
            )
        } else if self.lag > MAX_LAG {
            ("lag", "more than a minute")
        } else if self.pending == 0 {
            ("max_pending_uses", "no use could wait to be written")
        } else if self.silence < Duration::from_millis(30) {
            (
                "silence",
                "less than 30 milliseconds: every hiccup would be a silence",
            )
        } else if self.silence > MAX_LAG {
            ("silence", "more than a minute")
        } else if self.prune.is_some_and(|(every, _)| every.is_zero()) {
            ("prune", "it would never pause")
        } else if self.prune_batch == 0 {
            ("prune_batch", "nothing would be removed")
        } else if self.prune_batch > MAX_BATCH {
            ("prune_batch", "more than a hundred thousand")
        } else {
            return Ok(());
        };
        Err(ConfigError::new(setting, problem))
    }
}
