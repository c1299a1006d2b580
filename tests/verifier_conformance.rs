//! The conformance test of verifiers accepts what keeps the contract, and fails what breaks it.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tower_bearer::identity::{Confirmation, CredentialKind, Identity};
use tower_bearer::testing::verifier::{bound, conformance, lookup, outage, wrapper};
use tower_bearer::verifier::{Answer, Presented, TokenRouter, TokenVerifierExt, verify_fn};
use tower_bearer::{Reason, Refusal, TokenVerifier, async_trait};

use support::clock::START;
use support::verifiers::{Pace, Scripted, admits, alice, refuses};

const GOOD: &str = "good-token";

fn judge(presented: &Presented) -> Result<Identity, Refusal> {
    match presented.token.expose_secret() {
        GOOD => Ok(alice()),
        "expired-token" => Err(Refusal::expired("over")),
        _ => Err(Refusal::invalid("unknown")),
    }
}

async fn conforms(verifier: impl TokenVerifier + 'static) {
    let bad = ["good-toke", "good-token2", "Good-token", "expired-token"];
    conformance(Arc::new(verifier), START, GOOD, &bad).await;
}

#[tokio::test]
async fn good_verifiers_pass() {
    for pace in Pace::BOTH {
        conforms(Scripted::new(pace, judge)).await;
    }
    conforms(verify_fn(async |presented| judge(&presented))).await;
    let router = TokenRouter::builder()
        .prefix("good-", Scripted::new(Pace::Now, judge))
        .otherwise(Scripted::new(Pace::Later, judge));
    conforms(router.build().unwrap()).await;
    outage(
        Arc::new(refuses(Pace::Now, Refusal::unavailable("down"))),
        START,
        GOOD,
    )
    .await;
    outage(
        Arc::new(refuses(Pace::Later, Refusal::unavailable("down"))),
        START,
        GOOD,
    )
    .await;
}

#[tokio::test]
async fn the_crates_own_combinators_pass() {
    wrapper(|inner| inner).await;
    wrapper(Arc::new).await;
    wrapper(|inner| TokenRouter::builder().otherwise(inner).build().unwrap()).await;
    wrapper(|inner| {
        TokenRouter::builder()
            .prefix("probe-", inner)
            .build()
            .unwrap()
    })
    .await;
    lookup(|inner| inner.enriched((), async |(), identity| Ok(identity))).await;
    #[cfg(feature = "tokio")]
    wrapper(|inner| inner.deadline(std::time::Duration::from_secs(9))).await;
}

// --- broken verifiers

/// Judges by one rule when begun and by another when asked to verify.
#[derive(Debug)]
struct TwoMinds {
    begun: Scripted,
    verified: Scripted,
}

#[async_trait]
impl TokenVerifier for TwoMinds {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.verified.verify(presented).await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        self.begun.begin(presented)
    }
}

fn two_minds(
    begun: impl Fn(&Presented) -> Result<Identity, Refusal> + Send + Sync + 'static,
    verified: impl Fn(&Presented) -> Result<Identity, Refusal> + Send + Sync + 'static,
) -> TwoMinds {
    TwoMinds {
        begun: Scripted::new(Pace::Now, begun),
        verified: Scripted::new(Pace::Now, verified),
    }
}

#[tokio::test]
#[should_panic(expected = "bad token 0 was accepted by `verify`")]
async fn one_whose_verify_accepts_what_begin_refuses_fails() {
    conforms(two_minds(judge, |_| Ok(alice()))).await;
}

#[tokio::test]
#[should_panic(expected = "bad token 0 was accepted by `begin`")]
async fn one_whose_begin_accepts_what_verify_refuses_fails() {
    conforms(two_minds(|_| Ok(alice()), judge)).await;
}

#[tokio::test]
#[should_panic(expected = "`begin` and `verify` refuse bad token 0 for different reasons")]
async fn one_whose_two_ways_give_different_reasons_fails() {
    let expired = |presented: &Presented| judge(presented).map_err(|_| Refusal::expired("over"));
    conforms(two_minds(judge, expired)).await;
}

#[tokio::test]
#[should_panic(expected = "`begin` and `verify` tell different callers")]
async fn one_whose_two_ways_name_different_callers_fails() {
    let bob = |presented: &Presented| {
        judge(presented).map(|_| Identity::new("bob", CredentialKind::Session))
    };
    conforms(two_minds(judge, bob)).await;
}

#[tokio::test]
#[should_panic(expected = "the good token was refused by `begin`")]
async fn one_that_refuses_what_is_good_fails() {
    conforms(refuses(Pace::Now, Refusal::invalid("no"))).await;
}

#[tokio::test]
#[should_panic(expected = "bad token 0 was accepted")]
async fn one_that_accepts_what_is_bad_fails() {
    conforms(admits(Pace::Later)).await;
}

#[tokio::test]
#[should_panic(expected = "says nothing about a token")]
async fn one_that_takes_a_bad_token_for_an_outage_fails() {
    conforms(Scripted::new(Pace::Now, |presented| {
        judge(presented).map_err(|_| Refusal::unavailable("unknown"))
    }))
    .await;
}

#[tokio::test]
#[should_panic(expected = "the identity prints the good token")]
async fn one_that_puts_the_token_into_the_identity_fails() {
    conforms(Scripted::new(Pace::Now, |presented| {
        judge(presented).map(|id| id.with_credential_id(presented.token.expose_secret()))
    }))
    .await;
}

#[tokio::test]
#[should_panic(expected = "the refusal prints bad token 0")]
async fn one_that_puts_the_token_into_the_refusal_fails() {
    conforms(Scripted::new(Pace::Now, |presented| {
        judge(presented).map_err(|no| no.with_credential_id(presented.token.expose_secret()))
    }))
    .await;
}

/// Is never the same again once a judgement was dropped half way.
#[derive(Debug, Default)]
struct Fragile {
    is_busy: Arc<AtomicBool>,
}

#[async_trait]
impl TokenVerifier for Fragile {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        if self.is_busy.swap(true, Ordering::SeqCst) {
            return Err(Refusal::invalid("busy"));
        }
        tokio::task::yield_now().await;
        self.is_busy.store(false, Ordering::SeqCst);
        judge(presented)
    }
}

#[tokio::test]
#[should_panic(expected = "was judged otherwise while other tokens were being judged")]
async fn one_that_a_dropped_judgement_breaks_fails() {
    conforms(Fragile::default()).await;
}

#[tokio::test]
#[should_panic(expected = "an outage was passed off as a refusal")]
async fn one_that_turns_an_outage_into_invalid_fails() {
    outage(
        Arc::new(refuses(Pace::Later, Refusal::invalid("down"))),
        START,
        GOOD,
    )
    .await;
}

#[tokio::test]
#[should_panic(expected = "a token that could not be judged was accepted")]
async fn one_that_lets_everybody_in_during_an_outage_fails() {
    outage(Arc::new(admits(Pace::Now)), START, GOOD).await;
}

// --- broken wrappers

/// A wrapper that does as its function says.
struct Wrapped<F> {
    inner: Arc<dyn TokenVerifier>,
    answer: F,
}

impl<F> std::fmt::Debug for Wrapped<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wrapped")
    }
}

#[async_trait]
impl<F> TokenVerifier for Wrapped<F>
where
    F: Fn(&Arc<dyn TokenVerifier>, &Presented) -> Answer + Send + Sync + 'static,
{
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        (self.answer)(&self.inner, presented).wait().await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some((self.answer)(&self.inner, presented))
    }
}

async fn wraps<F>(answer: F)
where
    F: Fn(&Arc<dyn TokenVerifier>, &Presented) -> Answer + Clone + Send + Sync + 'static,
{
    wrapper(move |inner| Wrapped {
        inner,
        answer: answer.clone(),
    })
    .await;
}

fn begin(inner: &Arc<dyn TokenVerifier>, presented: &Presented) -> Answer {
    Answer::of(inner, presented)
}

/// Does to the inner verifier's refusals as `change` says.
fn refusing(
    inner: &Arc<dyn TokenVerifier>,
    presented: &Presented,
    change: fn(Refusal) -> Result<Identity, Refusal>,
) -> Answer {
    match begin(inner, presented) {
        Answer::Now(judged) => Answer::Now(judged.or_else(change)),
        Answer::Later(future) => {
            Answer::Later(Box::pin(async move { future.await.or_else(change) }))
        }
    }
}

#[tokio::test]
async fn a_wrapper_that_only_forwards_passes() {
    wraps(begin).await;
}

/// Leaves `begin` as the trait provides it.
#[derive(Debug)]
struct Forgetful(Arc<dyn TokenVerifier>);

#[async_trait]
impl TokenVerifier for Forgetful {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.0.verify(presented).await
    }
}

#[tokio::test]
#[should_panic(expected = "forward `begin`")]
async fn a_wrapper_that_does_not_forward_begin_fails() {
    wrapper(Forgetful).await;
}

#[tokio::test]
#[should_panic(expected = "forward `begin`")]
async fn nor_does_a_lookup_pass_that_does_not_forward_begin() {
    lookup(Forgetful).await;
}

#[tokio::test]
#[should_panic(expected = "answers at once and the wrapper does not")]
async fn a_wrapper_that_waits_for_nothing_fails() {
    wraps(|inner, presented| {
        let answer = begin(inner, presented);
        Answer::Later(Box::pin(async move { answer.wait().await }))
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "judged 2 times")]
async fn a_wrapper_that_judges_twice_fails() {
    wraps(|inner, presented| {
        let _ = begin(inner, presented);
        begin(inner, presented)
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "judged 0 times")]
async fn a_wrapper_that_judges_by_itself_fails() {
    wraps(|_, _| Answer::Now(Ok(Identity::new("probe", CredentialKind::Other)))).await;
}

#[tokio::test]
#[should_panic(expected = "handed another token or another time")]
async fn a_wrapper_that_asks_about_another_time_fails() {
    wraps(|inner, presented| {
        let mut presented = presented.clone();
        presented.now = START.saturating_add(std::time::Duration::from_secs(1));
        begin(inner, &presented)
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "or the token in another way")]
async fn a_wrapper_that_vouches_for_proofs_itself_fails() {
    wraps(|inner, presented| {
        let mut presented = presented.clone();
        presented.checks_proof = !presented.checks_proof;
        begin(inner, &presented)
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "lost what the token is bound to")]
async fn a_wrapper_that_frees_a_bound_token_fails() {
    wraps(|inner, presented| match begin(inner, presented) {
        Answer::Now(judged) => {
            Answer::Now(judged.map(|found| Identity::new(found.subject(), CredentialKind::Other)))
        }
        later => later,
    })
    .await;
}

/// Accepts a bound token as it says.
fn bound_by(
    judge: impl Fn(&Presented, Identity) -> Result<Identity, Refusal> + Send + Sync + 'static,
) -> Arc<dyn TokenVerifier> {
    let key = Confirmation::key("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").unwrap();
    Arc::new(Scripted::new(Pace::Now, move |presented| {
        judge(presented, alice().with_confirmation(key.clone()))
    }))
}

#[tokio::test]
async fn a_verifier_that_keeps_the_rule_for_bound_tokens_passes() {
    let verifier = bound_by(Presented::unless_unproved);
    bound(verifier, START, GOOD).await;
}

#[tokio::test]
#[should_panic(expected = "a bound token was accepted where nobody checks the proof")]
async fn a_verifier_that_takes_bound_tokens_from_anybody_fails() {
    bound(bound_by(|_, identity| Ok(identity)), START, GOOD).await;
}

#[tokio::test]
#[should_panic(expected = "without saying what it is bound to")]
async fn a_verifier_that_keeps_the_binding_to_itself_fails() {
    let verifier =
        bound_by(|presented, identity| presented.unless_unproved(identity).map(|_| alice()));
    bound(verifier, START, GOOD).await;
}

#[tokio::test]
#[should_panic(expected = "for another reason than the proof that is missing")]
async fn a_verifier_that_calls_bound_tokens_invalid_fails() {
    let verifier = bound_by(|presented, identity| match presented.checks_proof {
        true => Ok(identity),
        false => Err(Refusal::invalid("bound")),
    });
    bound(verifier, START, GOOD).await;
}

#[tokio::test]
#[should_panic(expected = "an outage of the inner verifier was passed off as a refusal")]
async fn a_wrapper_that_turns_an_outage_into_invalid_fails() {
    wraps(|inner, presented| refusing(inner, presented, |_| Err(Refusal::invalid("no")))).await;
}

#[tokio::test]
#[should_panic(expected = "refused a token as unavailable and the wrapper accepted it")]
async fn a_wrapper_that_lets_everybody_in_during_an_outage_fails() {
    wraps(|inner, presented| {
        refusing(inner, presented, |refusal| match refusal.reason() {
            Reason::Unavailable => Ok(Identity::new("probe", CredentialKind::Other)),
            _ => Err(refusal),
        })
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "the inner verifier's reason was replaced")]
async fn a_wrapper_that_replaces_reasons_fails() {
    wraps(|inner, presented| {
        refusing(inner, presented, |refusal| match refusal.reason() {
            Reason::Expired => Err(Refusal::invalid("no")),
            _ => Err(refusal),
        })
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "accepted a token in another's name")]
async fn a_wrapper_that_names_another_caller_fails() {
    wraps(|inner, presented| match begin(inner, presented) {
        Answer::Now(judged) => Answer::Now(judged.map(|_| alice())),
        later => later,
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "a judgement was dropped and the inner one goes on")]
async fn a_wrapper_that_judges_in_the_background_fails() {
    let begun = Arc::new(AtomicUsize::new(0));
    wraps(move |inner, presented| match begin(inner, presented) {
        Answer::Now(judged) => Answer::Now(judged),
        Answer::Later(future) => {
            begun.fetch_add(1, Ordering::SeqCst);
            // Polled once here, and then kept by somebody who is not the request.
            let mut future = future;
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            let _ = future.as_mut().poll(&mut cx);
            let task = tokio::spawn(future);
            Answer::Later(Box::pin(async move { task.await.unwrap() }))
        }
    })
    .await;
}
