//! The contract of [`TokenVerifier`], as tests.
//!
//! | of | use |
//! |---|---|
//! | any verifier | [`conformance`] |
//! | a verifier that accepts tokens bound to their holder | [`bound`] |
//! | a verifier whose store or key source is down | [`outage`] |
//! | a verifier that wraps another | [`wrapper`] |
//! | a wrapper that waits for something of its own once a token was accepted | [`lookup`] |
//!
//! ```
//! use std::sync::Arc;
//! use tower_bearer::clock::Timestamp;
//! use tower_bearer::identity::{CredentialKind, Identity};
//! use tower_bearer::testing::verifier;
//! use tower_bearer::verifier::{TokenVerifierExt, verify_fn};
//! use tower_bearer::Refusal;
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let coupons = Arc::new(verify_fn(async |presented| match presented.token.expose_secret() {
//!     "spring-sale" => Ok(Identity::new("visitor", CredentialKind::Other)),
//!     _ => Err(Refusal::invalid("no such coupon")),
//! }));
//! let now = Timestamp::from_unix_secs(1_700_000_000);
//! verifier::conformance(coupons, now, "spring-sale", &["autumn-sale", "spring-sal", "Spring-Sale"]).await;
//! verifier::lookup(|inner| inner.enriched((), async |(), identity| Ok(identity))).await;
//! # });
//! ```

mod bound;
mod probe;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use crate::clock::Timestamp;
use crate::credential::{BearerToken, Scheme};
use crate::identity::Identity;
use crate::refusal::{Reason, Refusal};
use crate::verifier::{Answer, Presented, TokenVerifier};

use probe::{Pace, Probe};

pub use bound::bound;

type Judged = Result<Identity, Refusal>;

/// Holds a verifier against its contract: at `now` it accepts `good` and each of `bad` is refused.
///
/// Good bad tokens are near misses: one character less, one more, another letter case, another's prefix,
/// expired, revoked. Neither list needs to be long; the more kinds, the better.
///
/// - [`begin`](TokenVerifier::begin) and [`verify`](TokenVerifier::verify) say the same.
/// - A bad token is refused, with a reason that is the token's and no outage's.
/// - Nothing that the verifier yields prints the token, nor does the verifier.
/// - A judgement that is dropped, before or while it waits, changes no other.
/// - Judgements that are under way together do not mix.
///
/// # Panics
/// If the contract is broken, with a sentence that says how. Tokens are told by their place in the list
/// and not printed.
pub async fn conformance(
    verifier: Arc<dyn TokenVerifier>,
    now: Timestamp,
    good: &str,
    bad: &[&str],
) {
    assert!(!bad.is_empty(), "conformance needs a bad token at least");
    assert!(!bad.contains(&good), "a token is good or bad, not both");
    let good = Sample::new("the good token", good, now);
    let bad: Vec<_> = (0..)
        .zip(bad)
        .map(|(at, text)| Sample::new(format!("bad token {at}"), text, now))
        .collect();

    assert_good(&verifier, &good).await;
    for sample in &bad {
        assert_bad(&verifier, sample).await;
    }
    for sample in bad.iter().chain([&good]) {
        drop_early(&verifier, &sample.presented);
    }
    let together: Vec<_> = bad
        .iter()
        .flat_map(|sample| [sample, &good])
        .map(|sample| (sample, Answer::of(&verifier, &sample.presented)))
        .collect();
    // The last to begin is the first to be asked.
    for (sample, answer) in together.into_iter().rev() {
        let accepted = answer.wait().await.is_ok();
        let name = &sample.name;
        assert_eq!(
            accepted,
            std::ptr::eq(sample, &raw const good),
            "{name} was judged otherwise while other tokens were being judged"
        );
    }
    assert_good(&verifier, &good).await;
}

/// Holds a verifier that cannot decide against its contract: whatever the token, it is
/// [`Reason::Unavailable`].
///
/// Take a verifier whose store or key source is unreachable, and a token that only that can judge.
///
/// # Panics
/// If the token is accepted, or refused for any other reason.
pub async fn outage(verifier: Arc<dyn TokenVerifier>, now: Timestamp, token: &str) {
    let sample = Sample::new("the token", token, now);
    for judged in in_both_ways(&verifier, &sample.presented).await {
        match judged {
            Ok(_) => panic!("a token that could not be judged was accepted"),
            Err(refusal) => assert_eq!(
                refusal.reason(),
                Reason::Unavailable,
                "an outage was passed off as a refusal of the token"
            ),
        }
    }
}

/// Holds a wrapper against its contract: `wrap` puts it around the verifier that it is given.
///
/// - It forwards [`begin`](TokenVerifier::begin): what the inner verifier answers at once, it does too.
/// - The inner verifier judges each token once, and sees it as it was presented.
/// - What is refused stays refused, for the same reason. An outage stays an outage.
/// - What a token is bound to stays with the identity.
/// - A judgement that is dropped drops the inner one, and changes no other.
///
/// The tokens are `probe-1`, `probe-2` and so on, so a router lets the inner verifier judge the rest.
///
/// # Panics
/// If the contract is broken, with a sentence that says how.
pub async fn wrapper<V>(wrap: impl Fn(Arc<dyn TokenVerifier>) -> V)
where
    V: TokenVerifier + 'static,
{
    wraps(&wrap, true).await;
}

/// As [`wrapper`], for one that waits for something of its own once a token was accepted, as
/// [`enriched`](crate::verifier::TokenVerifierExt::enriched) does: an acceptance may then come later.
///
/// # Panics
/// If the contract is broken, with a sentence that says how.
pub async fn lookup<V>(wrap: impl Fn(Arc<dyn TokenVerifier>) -> V)
where
    V: TokenVerifier + 'static,
{
    wraps(&wrap, false).await;
}

async fn wraps<V>(wrap: &impl Fn(Arc<dyn TokenVerifier>) -> V, is_at_once: bool)
where
    V: TokenVerifier + 'static,
{
    let mut probe_no = 0;
    for pace in [Pace::Now, Pace::Later] {
        for reason in [None].into_iter().chain(INNER_REASONS.map(Some)) {
            let probe = Probe::new(pace, reason);
            let wrapper: Arc<dyn TokenVerifier> = Arc::new(wrap(Arc::new(probe.clone())));
            let mut next = || {
                probe_no += 1;
                Sample::new("a token", &format!("probe-{probe_no}"), PROBE_NOW).with_proof()
            };

            let sample = next();
            let answer = Answer::of(&wrapper, &sample.presented);
            let must_be_at_once = pace == Pace::Now && (is_at_once || reason.is_some());
            if must_be_at_once {
                assert!(
                    matches!(answer, Answer::Now(_)),
                    "the inner verifier answers at once and the wrapper does not: forward `begin`"
                );
            }
            let judged = answer.wait().await;
            let is_free = judged
                .as_ref()
                .is_ok_and(|found| found.confirmation().is_none());
            assert_as_inner(judged, reason);
            probe.assert_judged_once(&sample.presented, "begin");
            assert!(!is_free, "the wrapper lost what the token is bound to");
            assert!(
                probe.was_begun(),
                "the wrapper's `begin` called the inner `verify`: forward `begin`"
            );

            let sample = next();
            assert_as_inner(wrapper.verify(&sample.presented).await, reason);
            probe.assert_judged_once(&sample.presented, "verify");

            drop_early(&wrapper, &next().presented);
            assert_eq!(
                probe.under_way(),
                0,
                "a judgement was dropped and the inner one goes on"
            );
            probe.forget();
            let sample = next();
            let answer = Answer::of(&wrapper, &sample.presented);
            assert_as_inner(answer.wait().await, reason);
            probe.assert_judged_once(&sample.presented, "begin, after one that was dropped,");
        }
    }
}

/// What an inner verifier may say no with.
const INNER_REASONS: [Reason; 7] = [
    Reason::Unavailable,
    Reason::Invalid,
    Reason::Expired,
    Reason::NotYetValid,
    Reason::Revoked,
    Reason::Disabled,
    Reason::RateLimited,
];

const PROBE_NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

fn assert_as_inner(judged: Judged, reason: Option<Reason>) {
    match (judged, reason) {
        (Ok(identity), None) => assert_eq!(
            identity.subject(),
            "probe",
            "the wrapper accepted a token in another's name"
        ),
        (Ok(_), Some(reason)) => {
            panic!("the inner verifier refused a token as {reason} and the wrapper accepted it")
        }
        (Err(refusal), None) => {
            panic!("the inner verifier accepted a token and the wrapper refused it: {refusal}")
        }
        (Err(refusal), Some(Reason::Unavailable)) => assert_eq!(
            refusal.reason(),
            Reason::Unavailable,
            "an outage of the inner verifier was passed off as a refusal of the token"
        ),
        (Err(refusal), Some(reason)) => assert_eq!(
            refusal.reason(),
            reason,
            "the inner verifier's reason was replaced"
        ),
    }
}

/// A token that a verifier is tried with, and what to call it.
struct Sample {
    name: String,
    presented: Presented,
}

impl Sample {
    fn new(name: impl Into<String>, text: &str, now: Timestamp) -> Self {
        let name = name.into();
        let token = BearerToken::new(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self {
            name,
            presented: Presented::new(token, now),
        }
    }

    /// Presented with a proof, to somebody who checks it.
    fn with_proof(mut self) -> Self {
        self.presented.scheme = Scheme::Dpop;
        self.presented.checks_proof = true;
        self
    }

    /// Nothing that is printed holds the token.
    fn assert_unprinted(&self, what: &str, printed: &str) {
        let name = &self.name;
        let text = self.presented.token.expose_secret();
        // A token of a few letters may well be in a word.
        assert!(
            text.len() < 8 || !printed.contains(text),
            "{what} prints {name}"
        );
    }
}

async fn assert_good(verifier: &Arc<dyn TokenVerifier>, sample: &Sample) {
    let name = &sample.name;
    let [begun, verified] = in_both_ways(verifier, &sample.presented).await;
    let [begun, verified] = [("begin", begun), ("verify", verified)].map(|(how, judged)| {
        judged.unwrap_or_else(|refusal| panic!("{name} was refused by `{how}`: {refusal}"))
    });
    assert_eq!(
        told(&begun),
        told(&verified),
        "`begin` and `verify` tell different callers for {name}"
    );
    sample.assert_unprinted("the identity", &format!("{begun:?}"));
    sample.assert_unprinted("the verifier", &format!("{verifier:?}"));
}

async fn assert_bad(verifier: &Arc<dyn TokenVerifier>, sample: &Sample) {
    let name = &sample.name;
    let [begun, verified] = in_both_ways(verifier, &sample.presented).await;
    let [begun, verified] = [("begin", begun), ("verify", verified)].map(|(how, judged)| {
        let Err(refusal) = judged else {
            panic!("{name} was accepted by `{how}`")
        };
        refusal
    });
    assert_eq!(
        begun.reason(),
        verified.reason(),
        "`begin` and `verify` refuse {name} for different reasons"
    );
    assert!(
        !matches!(
            begun.reason(),
            Reason::Unavailable | Reason::Misconfigured | Reason::Missing
        ),
        "{name} was refused as {}, which says nothing about a token",
        begun.reason()
    );
    sample.assert_unprinted("the refusal", &format!("{begun:?} {begun}"));
    sample.assert_unprinted("the verifier", &format!("{verifier:?}"));
}

async fn in_both_ways(verifier: &Arc<dyn TokenVerifier>, presented: &Presented) -> [Judged; 2] {
    [
        Answer::of(verifier, presented).wait().await,
        verifier.verify(presented).await,
    ]
}

/// What is the same each time a credential is presented; a limit that slides is not.
fn told(identity: &Identity) -> impl PartialEq + fmt::Debug {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    (
        identity.subject().to_owned(),
        owned(identity.issuer()),
        owned(identity.client_id()),
        identity.credential_kind(),
        owned(identity.credential_id()),
        identity.scopes().clone(),
        identity.roles().to_vec(),
        (identity.auth_time(), owned(identity.acr())),
        identity.confirmation().cloned(),
    )
}

/// Begins two judgements, and drops one before it was polled and the other after.
fn drop_early(verifier: &Arc<dyn TokenVerifier>, presented: &Presented) {
    drop(Answer::of(verifier, presented));
    if let Answer::Later(mut future) = Answer::of(verifier, presented) {
        let _ = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    }
    let mut verifying: Pin<Box<_>> = verifier.verify(presented);
    let _ = verifying
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
}
