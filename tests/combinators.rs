//! What is put around a verifier: a lookup, a deadline, an `Arc`, a wrapper of the user's own.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tower::ServiceBuilder;
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::{Identity, RoleGrant};
use tower_bearer::policy::Policy;
use tower_bearer::verifier::{Answer, Presented, TokenVerifierExt, verify_fn, verify_with};
use tower_bearer::{
    AuthenticatedUser, BearerAuthLayer, Reason, Refusal, TokenVerifier, async_trait,
};

use support::answers::{Told, send, with_token};
use support::clock::START;
use support::inner::Inner;
use support::verifiers::{Pace, admits, alice, refuses};

fn presented() -> Presented {
    Presented::new(BearerToken::new("token").unwrap(), START)
}

async fn judge(verifier: impl TokenVerifier + 'static) -> Result<Identity, Reason> {
    let verifier = Arc::new(verifier);
    let verified = verifier.verify(&presented()).await;
    let begun = Answer::of(&verifier, &presented()).wait().await;
    let reason = |result: &Result<Identity, Refusal>| result.as_ref().err().map(Refusal::reason);
    assert_eq!(reason(&begun), reason(&verified));
    begun.map_err(|refusal| refusal.reason())
}

#[derive(Debug, Clone, PartialEq)]
struct Plan(&'static str);

#[tokio::test]
async fn a_lookup_attaches_data_that_handlers_find_by_type() {
    for pace in Pace::BOTH {
        let inner = Inner::default();
        let verifier = admits(pace).enriched(Plan("gold"), async |plan, identity| {
            Ok(identity.with_data(plan).with_role(RoleGrant::new("admin")))
        });
        let service = ServiceBuilder::new()
            .layer(BearerAuthLayer::new(verifier))
            .service(inner.clone());
        assert_eq!(send(&service, with_token("x")).await.status, 200);
        let user = AuthenticatedUser::from_extensions(&inner.last().extensions).unwrap();
        assert_eq!(user.subject(), "alice");
        assert_eq!(user.data::<Plan>(), Some(&Plan("gold")));
        assert_eq!(user.data::<String>(), None);
        assert!(user.require(&Policy::role("admin")).is_ok());
    }
}

#[tokio::test]
async fn a_lookup_may_refuse_for_a_reason_of_its_own() {
    for pace in Pace::BOTH {
        for (refusal, told) in [
            (Refusal::disabled("deleted"), Told::INVALID),
            (Refusal::forbidden("suspended"), Told::FORBIDDEN),
            (Refusal::unavailable("database is down"), Told::DOWN),
            (
                Refusal::rate_limited(std::time::Duration::from_secs(9)),
                Told::LIMITED,
            ),
        ] {
            let inner = Inner::default();
            let verifier =
                admits(pace).enriched(refusal, async |refusal, _| Err::<Identity, _>(refusal));
            let service = ServiceBuilder::new()
                .layer(BearerAuthLayer::new(verifier))
                .service(inner.clone());
            told.assert_http(&send(&service, with_token("x")).await, None);
            assert_eq!(inner.calls(), 0);
        }
    }
}

#[tokio::test]
async fn a_lookup_runs_once_for_each_request_and_never_for_a_refused_token() {
    for pace in Pace::BOTH {
        let lookups = Arc::new(AtomicUsize::new(0));
        let count = async |lookups: Arc<AtomicUsize>, identity| {
            lookups.fetch_add(1, Ordering::SeqCst);
            Ok(identity)
        };
        let refused = refuses(pace, Refusal::expired("over")).enriched(lookups.clone(), count);
        assert_eq!(judge(refused).await.unwrap_err(), Reason::Expired);
        assert_eq!(lookups.load(Ordering::SeqCst), 0);

        let inner = Inner::default();
        let verifier = admits(pace).enriched(lookups.clone(), count);
        let service = ServiceBuilder::new()
            .layer(BearerAuthLayer::new(verifier))
            .service(inner);
        for at in 1..=3 {
            send(&service, with_token("x")).await;
            assert_eq!(lookups.load(Ordering::SeqCst), at);
        }
    }
}

#[test]
fn a_refusal_at_hand_needs_no_lookup_and_no_waiting() {
    let refused = refuses(Pace::Now, Refusal::invalid("no"));
    let refused = Arc::new(refused.enriched((), async |(), identity| Ok(identity)));
    assert!(matches!(
        refused.begin(&presented()),
        Some(Answer::Now(Err(_)))
    ));
}

#[tokio::test]
async fn a_closure_and_a_closure_with_state_are_verifiers() {
    let by_text = verify_fn(async |presented| match presented.token.expose_secret() {
        "token" => Ok(alice()),
        _ => Err(Refusal::invalid("unknown")),
    });
    assert_eq!(judge(by_text).await.unwrap().subject(), "alice");
    let known: Arc<[&str]> = Arc::from(["other"]);
    let by_state = verify_with(known, async |known, presented| {
        match known.contains(&presented.token.expose_secret()) {
            true => Ok(alice()),
            false => Err(Refusal::invalid("unknown")),
        }
    });
    assert_eq!(judge(by_state).await.unwrap_err(), Reason::Invalid);
}

#[tokio::test]
async fn a_shared_verifier_of_unknown_type_is_one_too() {
    for pace in Pace::BOTH {
        let shared: Arc<dyn TokenVerifier> = Arc::new(admits(pace));
        let twice = Arc::new(Arc::clone(&shared));
        let at_once = matches!(twice.begin(&presented()), Some(Answer::Now(_)));
        assert_eq!(at_once, pace == Pace::Now, "the Arc hides `begin`");
        assert_eq!(judge(Arc::clone(&shared)).await.unwrap().subject(), "alice");
        let service = ServiceBuilder::new()
            .layer(BearerAuthLayer::new(shared))
            .service(Inner::default());
        assert_eq!(send(&service, with_token("x")).await.status, 200);
    }
}

/// A wrapper as a framework's author writes it.
#[derive(Debug)]
struct Audited<V> {
    inner: Arc<V>,
    judged: AtomicUsize,
}

#[async_trait]
impl<V: TokenVerifier + 'static> TokenVerifier for Audited<V> {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.judged.fetch_add(1, Ordering::SeqCst);
        self.inner.verify(presented).await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        self.judged.fetch_add(1, Ordering::SeqCst);
        Some(Answer::of(&self.inner, presented))
    }
}

#[tokio::test]
async fn a_wrapper_that_forwards_begin_keeps_the_answer_at_hand() {
    for pace in Pace::BOTH {
        let verifier = admits(pace);
        let wrapper = Arc::new(Audited {
            inner: Arc::new(verifier.clone()),
            judged: AtomicUsize::new(0),
        });
        let answer = Answer::of(&wrapper, &presented());
        assert_eq!(matches!(answer, Answer::Now(_)), pace == Pace::Now);
        assert_eq!(answer.wait().await.unwrap().subject(), "alice");
        assert_eq!(
            (verifier.begun(), wrapper.judged.load(Ordering::SeqCst)),
            (1, 1)
        );
    }
}

#[cfg(feature = "tokio")]
mod deadline {
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;
    use crate::support::verifiers::Gated;

    const LIMIT: Duration = Duration::from_millis(250);

    #[tokio::test(start_paused = true)]
    async fn a_verifier_that_never_answers_is_an_outage() {
        let gated = Gated::default();
        let inner = Inner::default();
        let service = ServiceBuilder::new()
            .layer(BearerAuthLayer::new(gated.clone().deadline(LIMIT)))
            .service(inner.clone());
        let started = tokio::time::Instant::now();
        let seen = send(&service, with_token("x")).await;
        Told::DOWN.assert_http(&seen, None);
        assert!(seen.header("retry-after").is_some());
        let took = started.elapsed();
        assert!(LIMIT <= took && took < 2 * LIMIT, "{took:?}");
        assert_eq!((inner.calls(), gated.waiting()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_time_is_passed_on() {
        for pace in Pace::BOTH {
            assert_eq!(
                judge(admits(pace).deadline(LIMIT)).await.unwrap().subject(),
                "alice"
            );
            let refused = refuses(pace, Refusal::revoked("ended")).deadline(LIMIT);
            assert_eq!(judge(refused).await.unwrap_err(), Reason::Revoked);
        }
        let slow = verify_fn(async |_| {
            tokio::time::sleep(LIMIT - Duration::from_millis(1)).await;
            Ok(alice())
        });
        assert_eq!(
            judge(slow.deadline(LIMIT)).await.unwrap().subject(),
            "alice"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_limit_there_is_is_no_overflow() {
        let verifier = admits(Pace::Later).deadline(Duration::MAX);
        assert_eq!(judge(verifier).await.unwrap().subject(), "alice");
    }

    #[test]
    fn outside_a_runtime_waiting_is_an_outage_and_no_panic() {
        let mut cx = Context::from_waker(Waker::noop());
        let later = Arc::new(Gated::default().deadline(LIMIT));
        let Answer::Later(mut waiting) = Answer::of(&later, &presented()) else {
            panic!("an answer without waiting")
        };
        let std::task::Poll::Ready(Err(refusal)) = waiting.as_mut().poll(&mut cx) else {
            panic!("no refusal at once")
        };
        assert_eq!(refusal.reason(), Reason::Unavailable);

        let now = Arc::new(admits(Pace::Now).deadline(LIMIT));
        assert!(matches!(now.begin(&presented()), Some(Answer::Now(Ok(_)))));
    }
}
