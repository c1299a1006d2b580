use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::health::Health;
use crate::error::ConfigError;
use crate::revocation::{Beat, Ending, Feed, FeedMessage, Recent};
use crate::store::StoreError;

const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// After how long without a beat of its own a node is deaf.
    silence: Duration,
    /// How often it gives one.
    beat: Duration,
}

impl Pace {
    pub(super) fn of_silence(silence: Duration) -> Self {
        Self {
            silence,
            beat: silence / 3,
        }
    }
}

/// Follows the feed, and says when what this node remembers is to be trusted.
pub(super) struct Follower {
    feed: Arc<dyn Feed>,
    recent: Arc<Recent>,
    health: Arc<Health>,
    pace: Pace,
    node: u64,
    /// The number of the last beat.
    beats: u64,
    /// When those beats were given that were not heard yet, by this subscription.
    given: VecDeque<(u64, Instant)>,
}

impl Follower {
    pub(super) fn new(
        feed: Arc<dyn Feed>,
        recent: Arc<Recent>,
        health: Arc<Health>,
        pace: Pace,
    ) -> Result<Self, ConfigError> {
        let mut node = [0; 8];
        getrandom::fill(&mut node)
            .map_err(|_| ConfigError::new("node", "the system has no randomness to give"))?;
        Ok(Self {
            feed,
            recent,
            health,
            pace,
            node: u64::from_le_bytes(node),
            beats: 0,
            given: VecDeque::new(),
        })
    }

    pub(super) async fn follow(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let was_trusted = self.listen().await;
            self.health.trust(&self.recent, false);
            if was_trusted {
                pause = FIRST_PAUSE;
            }
            sleep(self.jittered(pause)).await;
            pause = (pause * 2).min(self.pace.beat);
        }
    }

    /// Listens until something may have been missed. Says whether the feed was heard at all.
    async fn listen(&mut self) -> bool {
        let subscribed = timeout(self.pace.silence, self.feed.subscribe()).await;
        let Ok(Ok(mut subscription)) = subscribed else {
            return false;
        };
        self.given.clear();
        let mut is_heard = false;
        let mut deaf_at = Instant::now() + self.pace.silence;
        let mut next_beat = Instant::now();
        loop {
            if Instant::now() >= next_beat {
                next_beat = Instant::now() + self.pace.beat;
                self.give_beat(deaf_at).await;
            }
            if Instant::now() >= deaf_at {
                warn("the feed of what other nodes end is silent", None);
                return is_heard;
            }
            let until = next_beat.min(deaf_at);
            match timeout_at(until, subscription.next()).await {
                Ok(Ok(FeedMessage::Ending(ending))) => self.recent.note(ending),
                Ok(Ok(FeedMessage::Beat(beat))) => {
                    let Some(given_at) = self.hear(beat) else {
                        continue;
                    };
                    // What was ended before it was given was heard before it, and no more is known.
                    deaf_at = given_at + self.pace.silence;
                    if !is_heard && Instant::now() < deaf_at {
                        // What was missed meanwhile may be anything.
                        self.recent.note(Ending::Anything);
                        self.health.trust(&self.recent, true);
                        is_heard = true;
                    }
                }
                Ok(Err(error)) => {
                    warn("lost the feed of what other nodes end", Some(&error));
                    return is_heard;
                }
                // It is time for the next beat, or to stop.
                Err(_) => {}
            }
        }
    }

    /// Gives a beat. One that is not given is not heard, which is noticed by the silence.
    async fn give_beat(&mut self, deaf_at: Instant) {
        self.beats += 1;
        let beat = Beat {
            node: self.node,
            number: self.beats,
        };
        self.given.push_back((self.beats, Instant::now()));
        let _ = timeout_at(deaf_at, self.feed.beat(beat)).await;
    }

    /// When a beat that is heard was given, if this node gave it since it subscribed.
    fn hear(&mut self, beat: Beat) -> Option<Instant> {
        if beat.node != self.node {
            return None;
        }
        let given = &mut self.given;
        let place = given
            .iter()
            .position(|(number, _)| *number == beat.number)?;
        given.drain(..=place).next_back().map(|(_, at)| at)
    }

    /// So that nodes that lost the feed together do not come back together.
    fn jittered(&self, pause: Duration) -> Duration {
        let share = (self.node.wrapping_add(self.beats) % 100) as u32;
        pause / 2 + pause * share / 200
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Nobody hears anything any more.
        self.health.trust(&self.recent, false);
    }
}

fn warn(what: &'static str, error: Option<&StoreError>) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "tower_bearer",
        error = error.map(|error| error as &(dyn std::error::Error + 'static)),
        "{what}; nothing that is remembered is trusted until it is back"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = (what, error);
}
