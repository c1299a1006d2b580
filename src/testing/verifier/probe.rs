use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;

use super::Judged;
use crate::clock::Timestamp;
use crate::credential::Scheme;
use crate::identity::{Confirmation, CredentialKind, Identity};
use crate::refusal::{Reason, Refusal};
use crate::verifier::{Answer, Presented, TokenVerifier};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Now,
    Later,
}

/// An inner verifier that keeps count of how it is asked.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    pace: Pace,
    reason: Option<Reason>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    under_way: AtomicUsize,
    seen: std::sync::Mutex<Vec<Seen>>,
}

/// How a token was presented.
#[derive(PartialEq)]
struct Seen {
    token: String,
    scheme: Scheme,
    checks_proof: bool,
    now: Timestamp,
}

impl Seen {
    fn of(presented: &Presented) -> Self {
        Self {
            token: presented.token.expose_secret().to_owned(),
            scheme: presented.scheme,
            checks_proof: presented.checks_proof,
            now: presented.now,
        }
    }
}

/// What each token is bound to.
const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

impl Probe {
    pub(super) fn new(pace: Pace, reason: Option<Reason>) -> Self {
        Self {
            pace,
            reason,
            counts: Arc::default(),
        }
    }

    pub(super) fn was_begun(&self) -> bool {
        self.counts.begun.load(Ordering::SeqCst) > 0
    }

    pub(super) fn under_way(&self) -> usize {
        self.counts.under_way.load(Ordering::SeqCst)
    }

    pub(super) fn forget(&self) {
        self.seen().clear();
    }

    pub(super) fn assert_judged_once(&self, presented: &Presented, how: &str) {
        let seen = std::mem::take(&mut *self.seen());
        assert_eq!(
            seen.len(),
            1,
            "the wrapper's `{how}` has a token judged {} times",
            seen.len()
        );
        assert!(
            seen[0] == Seen::of(presented),
            "the inner verifier was handed another token or another time, or the token in another way"
        );
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Vec<Seen>> {
        let seen = self.counts.seen.lock();
        seen.unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn judge(&self, presented: &Presented) -> Judged {
        self.seen().push(Seen::of(presented));
        match self.reason {
            None => {
                let bound = Confirmation::key(THUMBPRINT).expect("a thumbprint");
                Ok(Identity::new("probe", CredentialKind::Other).with_confirmation(bound))
            }
            Some(reason) => Err(Refusal::new(reason, "as the conformance test asks")),
        }
    }

    async fn later(self, presented: Presented) -> Judged {
        let _under_way = UnderWay::new(&self.counts);
        let judged = self.judge(&presented);
        if self.pace == Pace::Later {
            YieldOnce::default().await;
        }
        judged
    }
}

#[async_trait]
impl TokenVerifier for Probe {
    async fn verify(&self, presented: &Presented) -> Judged {
        self.clone().later(presented.clone()).await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        self.counts.begun.fetch_add(1, Ordering::SeqCst);
        Some(match self.pace {
            Pace::Now => Answer::Now(self.judge(presented)),
            Pace::Later => Answer::Later(Box::pin(self.clone().later(presented.clone()))),
        })
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counts")
    }
}

/// A judgement that somebody waits for.
struct UnderWay(Arc<Counts>);

impl UnderWay {
    fn new(counts: &Arc<Counts>) -> Self {
        counts.under_way.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(counts))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Lets another task run once, on any runtime.
#[derive(Default)]
struct YieldOnce {
    has_yielded: bool,
}

impl Future for YieldOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_yielded {
            return Poll::Ready(());
        }
        self.has_yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
