use std::sync::Arc;

use super::{Judged, Sample, in_both_ways};
use crate::clock::Timestamp;
use crate::credential::Scheme;
use crate::refusal::Reason;
use crate::verifier::TokenVerifier;

/// Holds a verifier against the rule for bound tokens, of which `token` is a good one: it is refused as
/// [`Reason::Unproved`] where nobody [checks the proof](crate::verifier::Presented::checks_proof), and otherwise accepted with
/// its [confirmation](crate::identity::Identity::confirmation). Neither is changed by the other.
///
/// # Panics
/// If the rule is broken, with a sentence that says how.
pub async fn bound(verifier: Arc<dyn TokenVerifier>, now: Timestamp, token: &str) {
    let sample = |scheme, checks_proof| {
        let mut sample = Sample::new("the bound token", token, now);
        (sample.presented.scheme, sample.presented.checks_proof) = (scheme, checks_proof);
        sample.presented
    };
    // Under the same scheme too: a verifier that remembers must tell them apart by the check alone.
    let unchecked = [Scheme::Bearer, Scheme::Dpop].map(|scheme| sample(scheme, false));
    let checked = [Scheme::Bearer, Scheme::Dpop].map(|scheme| sample(scheme, true));
    for _ in 0..2 {
        for presented in &unchecked {
            for judged in in_both_ways(&verifier, presented).await {
                assert_unproved(judged);
            }
        }
        for presented in &checked {
            for judged in in_both_ways(&verifier, presented).await {
                assert_bound(judged);
            }
        }
    }
}

fn assert_unproved(judged: Judged) {
    match judged {
        Ok(_) => panic!("a bound token was accepted where nobody checks the proof"),
        Err(refusal) => assert_eq!(
            refusal.reason(),
            Reason::Unproved,
            "a bound token was refused for another reason than the proof that is missing"
        ),
    }
}

fn assert_bound(judged: Judged) {
    match judged {
        Ok(identity) => assert!(
            identity.confirmation().is_some(),
            "a bound token was accepted without saying what it is bound to"
        ),
        Err(refusal) => panic!("a bound token was refused where the proof is checked: {refusal}"),
    }
}
