//! Requests through the layers of all nodes, and what they were answered; beside them, tokens that are
//! issued and revoked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::time::MissedTickBehavior;

use crate::ledger::{Ledger, Standing};
use crate::nodes::{DEADLINE, Site, ask};
use crate::pulse::Pulse;
use crate::tally::Tally;

/// How many clients share the requests.
const CLIENTS: u32 = 20;
/// Between two tokens that one node issues and revokes.
const CHURN: Duration = Duration::from_millis(25);
/// Within this, what one node revoked is refused at another that lost the feed.
const BOUND: Duration = Duration::from_secs(5);

/// Everything that goes on beside the killing.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) sites: Arc<Vec<Site>>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) pulse: Pulse,
    is_over: Arc<AtomicBool>,
}

impl Load {
    /// Issues some tokens, and goes on from there until [`stop`](Self::stop).
    pub(crate) async fn start(sites: Vec<Site>, rate: u32) -> Self {
        let load = Self {
            sites: Arc::new(sites),
            ledger: Arc::default(),
            tally: Arc::default(),
            pulse: Pulse::start(),
            is_over: Arc::default(),
        };
        for number in 0..300 {
            let by = number % load.sites.len();
            while !load.issue(by, number).await {
                tokio::time::sleep(CHURN).await;
            }
        }
        for _ in 0..CLIENTS {
            tokio::spawn(
                load.clone()
                    .requests(CLIENTS * Duration::from_secs(1) / rate),
            );
        }
        for by in 0..load.sites.len() {
            tokio::spawn(load.clone().churn(by));
        }
        load
    }

    pub(crate) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// One client of several: a request each `pause`, whatever became of the last. While the program itself
    /// is held up it sends none, and sends no more afterwards.
    async fn requests(self, pause: Duration) {
        let mut tick = tokio::time::interval(pause);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while !self.is_over.load(Ordering::Relaxed) {
            tick.tick().await;
            let load = self.clone();
            tokio::spawn(async move { load.request().await });
        }
    }

    async fn request(&self) {
        let at = fastrand::usize(..self.sites.len());
        self.ask(at, self.ledger.draw()).await;
        self.tally.sent.add();
    }

    /// Tries what was just revoked at the other nodes, until none lets it in.
    async fn hunt(self, place: usize, by: usize) {
        for at in (0..self.sites.len()).filter(|at| *at != by) {
            while self.ask(at, place).await == StatusCode::OK {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Asks once, and holds the answer against the ledger.
    async fn ask(&self, at: usize, place: usize) -> StatusCode {
        let (token, before) = self.ledger.at(place);
        let begun = Instant::now();
        let status = ask(&self.sites[at].door, &token.text).await;
        let took = begun.elapsed();
        let (_, after) = self.ledger.at(place);
        let tally = &self.tally;
        match status {
            StatusCode::OK => tally.admitted.add(),
            StatusCode::UNAUTHORIZED => tally.refused.add(),
            StatusCode::SERVICE_UNAVAILABLE => {
                tally.unavailable.add();
                tally.refusals.add(took);
            }
            other => tally.broke(&format!("an answer of {other}")),
        }
        if status == StatusCode::UNAUTHORIZED && after == Standing::Good {
            tally.broke(&format!("{} is good and was refused", token.id));
        }
        if let Standing::Revoked { by, at: revoked } = before {
            let lag = begun.saturating_duration_since(revoked);
            self.judge_revoked(place, status, (by == at).then_some(at), lag);
        }
        if took > DEADLINE {
            if took > DEADLINE + self.pulse.late_since(begun) {
                tally.broke(&format!("an answer of {status} took {took:?}"));
            } else {
                tally.held_up.add();
            }
        }
        status
    }

    /// Holds an answer against a revocation whose call had returned before the request began.
    fn judge_revoked(&self, place: usize, status: StatusCode, own: Option<usize>, lag: Duration) {
        let is_admitted = status == StatusCode::OK;
        if let (Some(node), true) = (own, is_admitted) {
            let promise = format!("node {node} let in what it had revoked itself {lag:?} before");
            self.tally.broke(&promise);
        }
        if own.is_none() && status != StatusCode::SERVICE_UNAVAILABLE {
            self.ledger
                .tried_elsewhere(place, is_admitted.then_some(lag));
            if is_admitted && lag > BOUND {
                let promise = format!("another node let in what was revoked {lag:?} before");
                self.tally.broke(&promise);
            }
        }
    }

    /// Issues one token at a node and revokes another there, again and again.
    async fn churn(self, by: usize) {
        let mut number = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            tokio::time::sleep(CHURN).await;
            number += 1;
            if !self.issue(by, number).await {
                self.tally.failed.add();
            }
            self.revoke_one(by).await;
        }
    }

    /// Issues a token at a node, every other a JWT. Says whether it was issued.
    pub(crate) async fn issue(&self, by: usize, number: usize) -> bool {
        let (site, subject) = (&self.sites[by], format!("user-{}", number % 97));
        let token = match number / 3 % 2 {
            0 => site.issue_session(&subject).await,
            _ => Some(site.issue_jwt(&subject)),
        };
        let Some(token) = token else {
            return false;
        };
        self.ledger.add(token);
        self.tally.issued.add();
        true
    }

    /// Revokes some token at a node. Says whether it was revoked.
    pub(crate) async fn revoke_one(&self, by: usize) -> bool {
        let Some(place) = self.ledger.take_to_revoke() else {
            return false;
        };
        let (token, _) = self.ledger.at(place);
        let revoked = self.sites[by].revoke(&token.id, token.session_of.as_deref());
        let is_revoked = revoked.await.is_ok();
        if is_revoked {
            self.ledger.revoked(place, by);
            self.tally.revoked.add();
            tokio::spawn(self.clone().hunt(place, by));
        } else {
            self.ledger.doubt(place);
            self.tally.failed.add();
        }
        is_revoked
    }
}
