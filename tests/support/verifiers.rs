//! Verifiers that do as a test says, at once or after a while.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::verifier::{Answer, Presented};
use tower_bearer::{Refusal, TokenVerifier, async_trait};

/// Whether a verifier has to wait for its answer. The door has a way for each, and both must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    Now,
    Later,
}

impl Pace {
    pub const BOTH: [Self; 2] = [Self::Now, Self::Later];
}

type Judge = dyn Fn(&Presented) -> Result<Identity, Refusal> + Send + Sync;

/// A verifier made of a judgement and a pace. Clones share the count of judgements begun.
#[derive(Clone)]
pub struct Scripted {
    pace: Pace,
    judge: Arc<Judge>,
    begun: Arc<AtomicUsize>,
}

impl Scripted {
    pub fn new<F>(pace: Pace, judge: F) -> Self
    where
        F: Fn(&Presented) -> Result<Identity, Refusal> + Send + Sync + 'static,
    {
        Self {
            pace,
            judge: Arc::new(judge),
            begun: Arc::default(),
        }
    }

    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl TokenVerifier for Scripted {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if self.pace == Pace::Later {
            tokio::task::yield_now().await;
        }
        (self.judge)(presented)
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        match self.pace {
            Pace::Now => {
                self.begun.fetch_add(1, Ordering::SeqCst);
                Some(Answer::Now((self.judge)(presented)))
            }
            Pace::Later => None,
        }
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scripted({:?})", self.pace)
    }
}

/// Admits every token as `alice`.
pub fn admits(pace: Pace) -> Scripted {
    admits_as(pace, alice())
}

/// Admits every token as `identity`.
pub fn admits_as(pace: Pace, identity: Identity) -> Scripted {
    Scripted::new(pace, move |_| Ok(identity.clone()))
}

/// Refuses every token.
pub fn refuses(pace: Pace, refusal: Refusal) -> Scripted {
    Scripted::new(pace, move |_| Err(refusal.clone()))
}

pub fn alice() -> Identity {
    Identity::new("alice", CredentialKind::Session).with_credential_id("cred-7")
}

type Waiting = oneshot::Sender<Result<Identity, Refusal>>;

/// A verifier whose answers wait until the test lets them go.
#[derive(Debug, Clone, Default)]
pub struct Gated {
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

impl Gated {
    /// How many judgements wait for an answer that somebody still wants.
    pub fn waiting(&self) -> usize {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.retain(|one| !one.is_closed());
        waiting.len()
    }

    /// Answers all that wait.
    pub fn answer(&self, answer: &Result<Identity, Refusal>) {
        for one in self.waiting.lock().unwrap().drain(..) {
            let _ = one.send(answer.clone());
        }
    }
}

#[async_trait]
impl TokenVerifier for Gated {
    async fn verify(&self, _: &Presented) -> Result<Identity, Refusal> {
        let (tell, told) = oneshot::channel();
        self.waiting.lock().unwrap().push(tell);
        told.await.unwrap()
    }
}
