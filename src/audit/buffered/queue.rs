use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::audit::{AuditAction, AuditEvent};
use crate::observe::Outcome;

/// What waits to be written by one task, and the count of what is not.
///
/// The lock is held for a push, a swap or a count, and never across a wait.
pub(super) struct Queue {
    capacity: usize,
    state: Mutex<State>,
    arrived: Notify,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<AuditEvent>,
    being_written: usize,
    is_closed: bool,
    accepted: u64,
    given_up: u64,
    turned_away: u64,
    lost_before: u64,
    unlogged: u64,
}

/// How far the writing got.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    // How many lines that were accepted are written or given up.
    settled: u64,
    given_up: u64,
}

/// What is known when all is over.
pub(super) struct Left {
    pub(super) given_up: u64,
    pub(super) unlogged: u64,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            state: Mutex::default(),
            arrived: Notify::new(),
            progress: watch::Sender::default(),
        }
    }

    pub(super) fn push(&self, event: &AuditEvent) {
        let mut state = self.lock();
        let kept_free = if is_of_a_stranger(event) {
            self.capacity / 4
        } else {
            0
        };
        if state.is_closed || state.waiting.len() >= self.capacity - kept_free {
            state.turned_away += 1;
            state.lose(1);
            return;
        }
        let lost_before = std::mem::take(&mut state.lost_before);
        state.accepted += 1;
        state.waiting.push_back(AuditEvent {
            lost_before,
            ..event.clone()
        });
        drop(state);
        self.arrived.notify_one();
    }

    /// The next lines, `max` at most, or `None` when all are taken and no more will come. For one task.
    pub(super) async fn next(&self, max: usize) -> Option<Vec<AuditEvent>> {
        loop {
            {
                let mut state = self.lock();
                if !state.waiting.is_empty() {
                    let count = state.waiting.len().min(max);
                    state.being_written = count;
                    return Some(state.waiting.drain(..count).collect());
                }
                if state.is_closed {
                    return None;
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Those that were taken are written, or given up.
    pub(super) fn settle(&self, written: bool) {
        let mut state = self.lock();
        let count = std::mem::take(&mut state.being_written) as u64;
        if !written {
            state.give_up(count);
        }
        self.tell(&state);
    }

    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_one();
    }

    /// Gives up all that is left, if any is.
    pub(super) fn abandon(&self) -> Left {
        let mut state = self.lock();
        state.is_closed = true;
        let count = state.waiting.len() + std::mem::take(&mut state.being_written);
        state.waiting.clear();
        state.give_up(count as u64);
        self.tell(&state);
        Left {
            given_up: state.given_up,
            unlogged: std::mem::take(&mut state.unlogged),
        }
    }

    /// Waits until all that was accepted so far is written or given up. Says whether nothing was given up
    /// meanwhile.
    pub(super) async fn settled(&self) -> bool {
        let mut progress = self.progress.subscribe();
        let (target, before) = {
            let state = self.lock();
            (state.accepted, state.given_up)
        };
        let reached = progress.wait_for(|now| now.settled >= target).await;
        reached.is_ok_and(|now| now.given_up == before)
    }

    pub(super) fn dropped(&self) -> u64 {
        let state = self.lock();
        state.turned_away + state.given_up
    }

    pub(super) fn given_up(&self) -> u64 {
        self.lock().given_up
    }

    /// Whether lines were dropped that were not logged, and if so, whether that goes on: some still wait.
    pub(super) fn burst(&self) -> Option<bool> {
        let state = self.lock();
        (state.unlogged > 0).then_some(!state.waiting.is_empty())
    }

    /// How many lines were dropped that were not logged.
    pub(super) fn take_unlogged(&self) -> u64 {
        std::mem::take(&mut self.lock().unlogged)
    }

    fn tell(&self, state: &State) {
        let unsettled = state.waiting.len() + state.being_written;
        self.progress.send_replace(Progress {
            settled: state.accepted - unsettled as u64,
            given_up: state.given_up,
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn give_up(&mut self, count: u64) {
        self.given_up += count;
        self.lose(count);
    }

    fn lose(&mut self, count: u64) {
        self.lost_before += count;
        self.unlogged += count;
    }
}

/// A refusal of somebody unknown: anybody can cause as many as they like.
fn is_of_a_stranger(event: &AuditEvent) -> bool {
    let refused = matches!(
        event.action,
        AuditAction::Request(Outcome::Refused(_)) | AuditAction::NotRenewed(_)
    );
    refused && event.actor.is_none()
}
