//! A verifier that remembers: what is judged again, what is not, and what is never remembered.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_bearer::clock::Timestamp;
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::{Confirmation, Identity, OnAdmitted};
use tower_bearer::verifier::{Answer, CacheSettings, Cached, Presented, TokenVerifierExt};
use tower_bearer::{Reason, Refusal, TokenVerifier, async_trait};

use support::clock::START;
use support::verifiers::{Gated, Pace, Scripted, alice};

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);
const MAX_AGE: Duration = Duration::from_secs(30);

type Judged = Result<Identity, Refusal>;

fn at(now: Timestamp, token: &str) -> Presented {
    Presented::new(BearerToken::new(token).unwrap(), now)
}

fn cached(inner: impl TokenVerifier + 'static) -> Arc<Cached> {
    let settings = CacheSettings::new().max_age(MAX_AGE);
    Arc::new(inner.cached(settings).unwrap())
}

async fn ask(verifier: &Arc<Cached>, now: Timestamp, token: &str) -> Result<Identity, Reason> {
    let judged = Answer::of(verifier, &at(now, token)).wait().await;
    judged.map_err(|refusal| refusal.reason())
}

/// A verifier that says what the test has last set, and counts.
fn told(pace: Pace, first: Judged) -> (Arc<Mutex<Judged>>, Scripted) {
    let says = Arc::new(Mutex::new(first));
    let judge = {
        let says = says.clone();
        Scripted::new(pace, move |_| says.lock().unwrap().clone())
    };
    (says, judge)
}

#[tokio::test]
async fn a_bound_token_that_is_remembered_lets_in_nobody_whose_proof_is_not_checked() {
    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let bound = alice().with_confirmation(Confirmation::key(thumbprint).unwrap());
    for pace in Pace::BOTH {
        let inner = {
            let bound = bound.clone();
            Scripted::new(pace, move |presented| {
                presented.unless_unproved(bound.clone())
            })
        };
        let verifier = cached(inner.clone());
        let mut with_proof = at(START, "one");
        with_proof.checks_proof = true;
        for _ in 0..2 {
            let judged = Answer::of(&verifier, &with_proof).wait().await;
            assert!(judged.unwrap().confirmation().is_some());
            assert_eq!(
                ask(&verifier, START, "one").await.unwrap_err(),
                Reason::Unproved
            );
        }
        // Once with, and each time without: what is unproved is not remembered.
        assert_eq!(inner.begun(), 3);
    }
}

#[tokio::test]
async fn a_token_seen_before_is_not_judged_again() {
    for pace in Pace::BOTH {
        let (_, inner) = told(pace, Ok(alice()));
        let verifier = cached(inner.clone());
        for _ in 0..3 {
            let identity = ask(&verifier, START, "one").await.unwrap();
            assert_eq!(identity.subject(), "alice");
            assert!(verifier.verify(&at(START, "one")).await.is_ok());
        }
        assert_eq!(inner.begun(), 1);
        ask(&verifier, START, "two").await.unwrap();
        assert_eq!(inner.begun(), 2, "another token is another judgement");
        assert!(matches!(
            verifier.begin(&at(START, "one")),
            Some(Answer::Now(Ok(_)))
        ));
    }
}

#[tokio::test]
async fn the_end_of_a_token_leads_to_a_fresh_look_at_the_millisecond() {
    let end = START.saturating_add(10 * SEC);
    for pace in Pace::BOTH {
        let (says, inner) = told(pace, Ok(alice().with_expires_at(end)));
        let verifier = cached(inner.clone());
        ask(&verifier, START, "one").await.unwrap();
        ask(&verifier, end.saturating_sub(MS), "one").await.unwrap();
        assert_eq!(inner.begun(), 1);

        // A session that slid meanwhile is not refused by what was remembered.
        let later = end.saturating_add(10 * SEC);
        *says.lock().unwrap() = Ok(alice().with_expires_at(later));
        ask(&verifier, end, "one").await.unwrap();
        assert_eq!(inner.begun(), 2);
        *says.lock().unwrap() = Err(Refusal::expired("over"));
        let refused = ask(&verifier, later, "one").await;
        assert_eq!(refused.unwrap_err(), Reason::Expired);
        assert_eq!(inner.begun(), 3);
    }
}

#[tokio::test]
async fn a_verifier_may_ask_to_be_asked_again() {
    let (_, inner) = told(
        Pace::Now,
        Ok(alice().with_recheck_at(START.saturating_add(SEC))),
    );
    let verifier = cached(inner.clone());
    for (after, begun) in [(Duration::ZERO, 1), (SEC - MS, 1), (SEC, 2)] {
        ask(&verifier, START.saturating_add(after), "one")
            .await
            .unwrap();
        assert_eq!(inner.begun(), begun);
    }
}

#[tokio::test]
async fn an_identity_is_taken_for_its_maximal_age_and_no_longer() {
    let (_, inner) = told(Pace::Now, Ok(alice()));
    let verifier = cached(inner.clone());
    for (after, begun) in [
        (Duration::ZERO, 1),
        (MAX_AGE - MS, 1),
        (MAX_AGE, 2),
        // A hit makes nothing younger.
        (2 * MAX_AGE - MS, 2),
        (2 * MAX_AGE, 3),
    ] {
        ask(&verifier, START.saturating_add(after), "one")
            .await
            .unwrap();
        assert_eq!(inner.begun(), begun);
    }
}

#[tokio::test]
async fn a_clock_that_steps_back_brings_nothing_back() {
    let end = START.saturating_add(10 * SEC);
    let (says, inner) = told(Pace::Now, Ok(alice().with_expires_at(end)));
    let verifier = cached(inner.clone());
    ask(&verifier, START, "one").await.unwrap();
    ask(&verifier, START.saturating_sub(MS), "one")
        .await
        .unwrap();
    assert_eq!(inner.begun(), 2, "judged before it was judged");

    *says.lock().unwrap() = Err(Refusal::revoked("ended"));
    let refused = ask(&verifier, end, "one").await;
    assert_eq!(refused.unwrap_err(), Reason::Revoked);
    let refused = ask(&verifier, START, "one").await;
    assert_eq!(
        refused.unwrap_err(),
        Reason::Revoked,
        "an old yes came back"
    );
    assert_eq!(inner.begun(), 4);
}

#[tokio::test]
async fn a_refusal_is_repeated_for_seconds_only() {
    for reason in [Reason::Invalid, Reason::Expired, Reason::Revoked] {
        for pace in Pace::BOTH {
            let refusal = Refusal::new(reason, "no")
                .with_credential_id("cred-7")
                .with_source(std::io::Error::other("why"));
            let (says, inner) = told(pace, Err(refusal));
            let verifier = cached(inner.clone());
            for _ in 0..2 {
                let judged = Answer::of(&verifier, &at(START, "one")).wait().await;
                let refusal = judged.unwrap_err();
                assert_eq!(refusal.reason(), reason);
                assert_eq!(refusal.detail(), "no");
                assert_eq!(refusal.credential_id(), Some("cred-7"));
            }
            assert_eq!(inner.begun(), 1);
            assert!(verifier.handle().is_empty(), "a refusal among identities");

            *says.lock().unwrap() = Ok(alice());
            let later = START.saturating_add(3 * SEC);
            assert!(
                ask(&verifier, later.saturating_sub(MS), "one")
                    .await
                    .is_err()
            );
            ask(&verifier, later, "one").await.unwrap();
            ask(&verifier, later, "one").await.unwrap();
            assert_eq!(inner.begun(), 2);
        }
    }
}

#[tokio::test]
async fn what_may_change_by_itself_is_never_remembered() {
    for reason in Reason::ALL {
        if matches!(reason, Reason::Invalid | Reason::Expired | Reason::Revoked) {
            continue;
        }
        for pace in Pace::BOTH {
            let (says, inner) = told(pace, Err(Refusal::new(reason, "not now")));
            let verifier = cached(inner.clone());
            for begun in 1..=3 {
                let refused = ask(&verifier, START, "one").await;
                assert_eq!(refused.unwrap_err(), reason);
                assert_eq!(inner.begun(), begun, "{reason}");
            }
            *says.lock().unwrap() = Ok(alice());
            ask(&verifier, START, "one").await.unwrap();
        }
    }
}

#[tokio::test]
async fn no_refusal_is_remembered_where_none_is_wanted() {
    let (_, inner) = told(Pace::Now, Err(Refusal::invalid("no")));
    let settings = CacheSettings::new().refused_capacity(0);
    let verifier = Arc::new(inner.clone().cached(settings).unwrap());
    for begun in 1..=3 {
        assert!(ask(&verifier, START, "one").await.is_err());
        assert_eq!(inner.begun(), begun);
    }
}

#[tokio::test]
async fn whoever_has_the_last_word_keeps_it() {
    #[derive(Default)]
    struct Ended(AtomicUsize, AtomicBool);
    impl OnAdmitted for Ended {
        fn admitted(&self, _: Timestamp) -> Result<(), Refusal> {
            self.0.fetch_add(1, Ordering::SeqCst);
            match self.1.load(Ordering::SeqCst) {
                true => Err(Refusal::revoked("ended")),
                false => Ok(()),
            }
        }
    }
    let ended = Arc::new(Ended::default());
    let (_, inner) = told(Pace::Now, Ok(alice().with_on_admitted(ended.clone())));
    let verifier = cached(inner.clone());
    for uses in 1..=3 {
        let identity = ask(&verifier, START, "one").await.unwrap();
        identity.admitted(START).unwrap();
        assert_eq!(ended.0.load(Ordering::SeqCst), uses);
    }
    ended.1.store(true, Ordering::SeqCst);
    let identity = ask(&verifier, START, "one").await.unwrap();
    assert!(identity.admitted(START).is_err());
    assert_eq!(inner.begun(), 1);
}

#[tokio::test]
async fn a_hit_is_looked_at_again_and_judged_afresh_once_it_is_in_doubt() {
    /// What a key that was withdrawn, or an ending that was heard of, does to an identity.
    #[derive(Default)]
    struct Doubt(AtomicUsize, AtomicBool);
    impl OnAdmitted for Doubt {
        fn admitted(&self, _: Timestamp) -> Result<(), Refusal> {
            Ok(())
        }
        fn is_current(&self) -> bool {
            self.0.fetch_add(1, Ordering::SeqCst);
            !self.1.load(Ordering::SeqCst)
        }
    }
    for pace in Pace::BOTH {
        let doubt = Arc::new(Doubt::default());
        let (says, inner) = told(pace, Ok(alice().with_on_admitted(doubt.clone())));
        let verifier = cached(inner.clone());
        ask(&verifier, START, "one").await.unwrap();
        for _ in 0..3 {
            let looked = doubt.0.load(Ordering::SeqCst);
            ask(&verifier, START, "one").await.unwrap();
            assert!(doubt.0.load(Ordering::SeqCst) > looked, "on each hit");
        }
        assert_eq!(inner.begun(), 1);
        doubt.1.store(true, Ordering::SeqCst);
        *says.lock().unwrap() = Err(Refusal::revoked("ended"));
        let refused = ask(&verifier, START, "one").await;
        assert_eq!(refused.unwrap_err(), Reason::Revoked);
        assert_eq!(inner.begun(), 2);
    }
}

#[tokio::test]
async fn an_enrichment_outside_runs_on_each_request() {
    let (_, inner) = told(Pace::Now, Ok(alice()));
    let lookups = Arc::new(AtomicUsize::new(0));
    let verifier = inner.clone().cached(CacheSettings::new()).unwrap();
    let verifier = Arc::new(
        verifier.enriched(lookups.clone(), async |lookups, identity| {
            match lookups.fetch_add(1, Ordering::SeqCst) {
                0..3 => Ok(identity),
                _ => Err(Refusal::disabled("account was deleted")),
            }
        }),
    );
    for _ in 0..3 {
        Answer::of(&verifier, &at(START, "one"))
            .wait()
            .await
            .unwrap();
    }
    let judged = Answer::of(&verifier, &at(START, "one")).wait().await;
    assert_eq!(judged.unwrap_err().reason(), Reason::Disabled);
    assert_eq!(inner.begun(), 1);
}

// --- junk

#[tokio::test]
async fn a_million_bad_tokens_push_no_good_one_out() {
    const GOOD: usize = 1_000;
    let judged = Arc::new(AtomicUsize::new(0));
    let inner = {
        let judged = judged.clone();
        Scripted::new(Pace::Now, move |presented: &Presented| {
            if presented.token.expose_bytes().starts_with(b"good") {
                judged.fetch_add(1, Ordering::SeqCst);
                return Ok(alice());
            }
            Err(Refusal::invalid("junk"))
        })
    };
    let settings = CacheSettings::new().capacity(2 * GOOD);
    let verifier = Arc::new(inner.cached(settings).unwrap());
    for no in 0..GOOD {
        ask(&verifier, START, &format!("good-{no}")).await.unwrap();
    }
    for no in 0..1_000_000 {
        let junk = at(START, &format!("junk-{no}"));
        assert!(matches!(verifier.begin(&junk), Some(Answer::Now(Err(_)))));
    }
    for no in 0..GOOD {
        ask(&verifier, START, &format!("good-{no}")).await.unwrap();
    }
    assert_eq!(judged.load(Ordering::SeqCst), GOOD);
    assert_eq!(verifier.handle().len(), GOOD);
}

#[tokio::test]
async fn no_more_refusals_are_remembered_than_were_allowed() {
    let (_, inner) = told(Pace::Now, Err(Refusal::invalid("junk")));
    let settings = CacheSettings::new().refused_capacity(100);
    let verifier = Arc::new(inner.clone().cached(settings).unwrap());
    for _ in 0..2 {
        for no in 0..10_000 {
            ask(&verifier, START, &format!("junk-{no}"))
                .await
                .unwrap_err();
        }
    }
    // The parts are of equal size, rounded up.
    let forgotten = inner.begun() - 10_000;
    assert!(forgotten >= 10_000 - 164, "{forgotten} forgotten");
    assert!(forgotten < 10_000, "some are remembered");
}

#[tokio::test]
async fn no_more_is_remembered_than_was_allowed() {
    let (_, inner) = told(Pace::Now, Ok(alice()));
    let settings = CacheSettings::new().capacity(1_000);
    let verifier = Arc::new(inner.cached(settings).unwrap());
    for no in 0..50_000 {
        ask(&verifier, START, &format!("token-{no}")).await.unwrap();
    }
    let len = verifier.handle().len();
    // The parts are of equal size, rounded up.
    assert!((500..=1_064).contains(&len), "{len} remembered");
}

// --- a crowd

fn crowd(verifier: &Arc<Cached>, size: usize) -> Vec<tokio::task::JoinHandle<Judged>> {
    (0..size)
        .map(|_| {
            let verifier = verifier.clone();
            tokio::spawn(async move { Answer::of(&verifier, &at(START, "one")).wait().await })
        })
        .collect()
}

async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_crowd_with_one_token_waits_for_one_judgement() {
    for answer in [
        Ok(alice()),
        Err(Refusal::revoked("ended")),
        Err(Refusal::unavailable("down")),
    ] {
        let inner = Gated::default();
        let verifier = cached(inner.clone());
        let requests = crowd(&verifier, 100);
        settle().await;
        assert_eq!(inner.waiting(), 1);
        inner.answer(&answer);
        for request in requests {
            let judged = request.await.unwrap();
            assert_eq!(
                judged.map_err(|refusal| refusal.reason()).map(|_| ()),
                answer
                    .clone()
                    .map_err(|refusal| refusal.reason())
                    .map(|_| ())
            );
        }
        let again = verifier.begin(&at(START, "one")).unwrap();
        let remembered = matches!(again, Answer::Now(_));
        let is_outage = matches!(&answer, Err(refusal) if refusal.reason() == Reason::Unavailable);
        assert_eq!(remembered, !is_outage);
    }
}

#[tokio::test]
async fn tokens_wait_apart() {
    let inner = Gated::default();
    let verifier = cached(inner.clone());
    let asked = ["one", "two"].map(|token| {
        let verifier = verifier.clone();
        tokio::spawn(async move { ask(&verifier, START, token).await })
    });
    settle().await;
    assert_eq!(inner.waiting(), 2);
    inner.answer(&Ok(alice()));
    for one in asked {
        one.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn whoever_came_first_may_go_and_the_others_are_answered() {
    let inner = Gated::default();
    let verifier = cached(inner.clone());
    let mut requests = crowd(&verifier, 3);
    settle().await;
    requests.remove(0).abort();
    settle().await;
    assert_eq!(inner.waiting(), 1, "the judgement goes on");
    inner.answer(&Ok(alice()));
    for request in requests {
        request.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn whoever_is_woken_and_goes_leaves_nobody_waiting() {
    let inner = Gated::default();
    let verifier = cached(inner.clone());
    let mut requests = crowd(&verifier, 3);
    settle().await;
    // Woken by the answer, and gone before its turn.
    inner.answer(&Ok(alice()));
    requests.remove(0).abort();
    for request in requests {
        request.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn when_all_have_gone_the_judgement_ends() {
    let inner = Gated::default();
    let verifier = cached(inner.clone());
    for request in crowd(&verifier, 3) {
        settle().await;
        request.abort();
    }
    settle().await;
    assert_eq!(inner.waiting(), 0);
    let requests = crowd(&verifier, 2);
    settle().await;
    assert_eq!(inner.waiting(), 1);
    inner.answer(&Ok(alice()));
    for request in requests {
        request.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_judgement_that_hangs_is_waited_for_for_a_second() {
    let inner = Gated::default();
    let verifier = cached(inner.clone());
    let hanging = crowd(&verifier, 1);
    settle().await;
    for (after, waiting) in [(SEC - MS, 1), (SEC, 2), (SEC + MS, 2)] {
        let verifier = verifier.clone();
        let now = START.saturating_add(after);
        tokio::spawn(async move { ask(&verifier, now, "one").await });
        settle().await;
        assert_eq!(inner.waiting(), waiting);
    }
    drop(hanging);
}

#[tokio::test]
async fn an_answer_that_others_waited_for_must_hold_at_their_time_too() {
    let inner = Gated::default();
    let verifier = cached(inner.clone());
    let end = START.saturating_add(10 * MS);
    let first = crowd(&verifier, 1).remove(0);
    settle().await;
    let second = {
        let verifier = verifier.clone();
        tokio::spawn(async move { ask(&verifier, end, "one").await })
    };
    settle().await;
    assert_eq!(inner.waiting(), 1);
    inner.answer(&Ok(alice().with_expires_at(end)));
    first.await.unwrap().unwrap();
    settle().await;
    assert_eq!(inner.waiting(), 1, "it is judged by itself");
    inner.answer(&Err(Refusal::expired("over")));
    assert_eq!(second.await.unwrap().unwrap_err(), Reason::Expired);
}

#[tokio::test]
async fn a_verifier_that_panics_leaves_nobody_waiting() {
    let inner = Scripted::new(Pace::Later, |_| panic!("on a bad day"));
    let verifier = cached(inner);
    let mut outcomes = Vec::new();
    for request in crowd(&verifier, 3) {
        outcomes.push(request.await.map(|judged| judged.map_err(|r| r.reason())));
    }
    assert!(outcomes.iter().any(Result::is_err));
    for outcome in outcomes.into_iter().flatten() {
        assert_eq!(outcome.unwrap_err(), Reason::Unavailable);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_on_several_threads_is_answered_to_the_last() {
    #[derive(Debug)]
    struct Slow;
    #[async_trait]
    impl TokenVerifier for Slow {
        async fn verify(&self, _: &Presented) -> Judged {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            Ok(alice())
        }
    }
    for round in 0..200 {
        let verifier = cached(Slow);
        let requests = crowd(&verifier, 16);
        for (at, request) in requests.iter().enumerate() {
            if (at + round) % 3 == 0 {
                request.abort();
            }
        }
        let all = async {
            for request in requests {
                if let Ok(judged) = request.await {
                    judged.unwrap();
                }
            }
        };
        tokio::time::timeout(20 * SEC, all).await.unwrap();
    }
}

// --- forgetting

#[tokio::test]
async fn what_was_forgotten_is_judged_again() {
    let (says, inner) = told(Pace::Now, Ok(alice()));
    let verifier = cached(inner.clone());
    let handle = verifier.handle();
    ask(&verifier, START, "one").await.unwrap();
    handle.forget_where(|identity| identity.subject() != "alice");
    ask(&verifier, START, "one").await.unwrap();
    assert_eq!(inner.begun(), 1);
    handle.forget_where(|identity| identity.subject() == "alice");
    assert!(handle.is_empty());
    *says.lock().unwrap() = Err(Refusal::invalid("no"));
    assert!(ask(&verifier, START, "one").await.is_err());
    *says.lock().unwrap() = Ok(alice());
    assert!(ask(&verifier, START, "one").await.is_err());
    handle.forget_all();
    ask(&verifier, START, "one").await.unwrap();
    assert_eq!(inner.begun(), 3);
}

#[tokio::test]
async fn what_was_being_judged_when_all_was_forgotten_is_not_remembered() {
    for answer in [Ok(alice()), Err(Refusal::invalid("no"))] {
        let inner = Gated::default();
        let verifier = cached(inner.clone());
        let old = crowd(&verifier, 2);
        settle().await;
        verifier.handle().forget_all();
        let new = crowd(&verifier, 2);
        settle().await;
        assert_eq!(
            inner.waiting(),
            2,
            "no new request waits for the old judgement"
        );
        inner.answer(&answer);
        for request in old.into_iter().chain(new) {
            assert_eq!(request.await.unwrap().is_ok(), answer.is_ok());
        }
        // The new one is.
        assert!(matches!(
            verifier.begin(&at(START, "one")),
            Some(Answer::Now(_))
        ));

        let old = crowd(&verifier, 1);
        let before = Answer::of(&verifier, &at(START, "two"));
        verifier.handle().forget_all();
        let other = tokio::spawn(before.wait());
        settle().await;
        inner.answer(&answer);
        assert_eq!(other.await.unwrap().is_ok(), answer.is_ok());
        assert!(matches!(
            verifier.begin(&at(START, "two")),
            Some(Answer::Later(_))
        ));
        drop(old);
    }
}

// --- secrets, settings, contract

#[tokio::test]
async fn nothing_prints_a_token() {
    let (_, inner) = told(Pace::Now, Ok(alice()));
    let verifier = cached(inner);
    ask(&verifier, START, "canary-token").await.unwrap();
    let printed = format!("{verifier:?} {:?}", verifier.handle());
    assert!(!printed.contains("canary"), "{printed}");
}

#[test]
fn settings_that_cannot_be_right_are_named() {
    let new = CacheSettings::new;
    for (setting, settings) in [
        ("capacity", new().capacity(0)),
        ("capacity", new().capacity(usize::MAX)),
        ("max_age", new().max_age(Duration::ZERO)),
        ("max_age", new().max_age(Duration::MAX)),
        ("refused_capacity", new().refused_capacity(usize::MAX)),
        ("refused_age", new().refused_age(Duration::ZERO)),
        ("refused_age", new().refused_age(Duration::MAX)),
    ] {
        let inner = Scripted::new(Pace::Now, |_| Ok(alice()));
        assert_eq!(inner.cached(settings).unwrap_err().setting(), setting);
    }
    let inner = Scripted::new(Pace::Now, |_| Ok(alice()));
    assert!(inner.cached(new().capacity(1).refused_capacity(1)).is_ok());
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn it_keeps_the_contract_of_a_verifier_and_of_a_wrapper() {
    use tower_bearer::testing::verifier::{conformance, outage, wrapper};

    for pace in Pace::BOTH {
        let inner = Scripted::new(pace, |presented: &Presented| {
            match presented.token.expose_secret() {
                "good-token" => Ok(alice()),
                "expired-token" => Err(Refusal::expired("over")),
                _ => Err(Refusal::invalid("unknown")),
            }
        });
        let bad = ["good-toke", "good-token2", "Good-token", "expired-token"];
        conformance(cached(inner), START, "good-token", &bad).await;
        let inner = Scripted::new(pace, |_| Err(Refusal::unavailable("down")));
        outage(cached(inner), START, "good-token").await;
    }
    wrapper(|inner| inner.cached(CacheSettings::new()).unwrap()).await;
}

#[cfg(feature = "tokens")]
mod stored {
    use super::{CacheSettings, SEC, START, TokenVerifierExt};

    use std::sync::Arc;
    use std::time::Duration;

    use tower::ServiceBuilder;
    use tower_bearer::BearerAuthLayer;
    use tower_bearer::clock::ManualClock;
    use tower_bearer::issue::{NewToken, TokenIssuer};
    use tower_bearer::policy::Policy;
    use tower_bearer::store::{MemoryStore, TokenFilter, TokenFormat, TokenStore};
    use tower_bearer::verifier::OpaqueTokenVerifier;

    use crate::support::answers::{Told, send, with_token};
    use crate::support::clock::clock;
    use crate::support::inner::Inner;

    const IDLE: Duration = Duration::from_secs(60);

    struct Story {
        store: Arc<MemoryStore>,
        clock: ManualClock,
        token: String,
    }

    impl Story {
        async fn new() -> Self {
            let (store, clock) = (Arc::new(MemoryStore::new()), clock());
            let issuer = TokenIssuer::opaque(store.clone(), format()).with_clock(clock.clone());
            let session = NewToken::session("alice").idle(IDLE);
            let token = issuer.mint(session).await.unwrap().token.reveal();
            Self {
                store,
                clock,
                token,
            }
        }

        /// How a request is answered, behind a layer with `policy`.
        fn layer(&self, policy: Policy) -> BearerAuthLayer {
            let settings = CacheSettings::new().max_age(Duration::from_secs(3600));
            let verifier = OpaqueTokenVerifier::new(self.store.clone(), format());
            BearerAuthLayer::builder(verifier.cached(settings).unwrap())
                .clock(self.clock.clone())
                .require(policy)
                .build()
                .unwrap()
        }
    }

    fn format() -> TokenFormat {
        TokenFormat::new("st_").unwrap()
    }

    #[tokio::test]
    async fn a_stored_token_that_was_revoked_is_refused_on_a_hit() {
        let story = Story::new().await;
        let service = ServiceBuilder::new()
            .layer(story.layer(Policy::anyone()))
            .service(Inner::default());
        for _ in 0..2 {
            assert_eq!(send(&service, with_token(&story.token)).await.status, 200);
        }
        story
            .store
            .revoke_all("alice", &TokenFilter::default(), START)
            .await
            .unwrap();
        let answer = send(&service, with_token(&story.token)).await;
        Told::INVALID.assert_http(&answer, None);
    }

    #[tokio::test]
    async fn a_session_slides_by_hits_and_ends_by_idleness_to_the_second() {
        let story = Story::new().await;
        let service = ServiceBuilder::new()
            .layer(story.layer(Policy::anyone()))
            .service(Inner::default());
        for _ in 0..10 {
            story.clock.advance(IDLE - SEC);
            assert_eq!(send(&service, with_token(&story.token)).await.status, 200);
        }
        story.clock.advance(IDLE);
        assert_eq!(send(&service, with_token(&story.token)).await.status, 401);
    }

    #[tokio::test]
    async fn a_request_that_a_policy_refused_keeps_no_remembered_session_alive() {
        let story = Story::new().await;
        let service = ServiceBuilder::new()
            .layer(story.layer(Policy::role("admin")))
            .service(Inner::default());
        story.clock.advance(IDLE - SEC);
        assert_eq!(send(&service, with_token(&story.token)).await.status, 403);
        story.clock.advance(SEC);
        assert_eq!(send(&service, with_token(&story.token)).await.status, 401);
    }
}
