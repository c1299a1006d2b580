//! Each token has one verifier, chosen by how it begins.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use tower_bearer::credential::BearerToken;
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::verifier::{Answer, Presented, TokenRouter, TokenRouterBuilder};
use tower_bearer::{ConfigError, Reason, Refusal, TokenVerifier};

use support::clock::START;
use support::verifiers::{Pace, Scripted, admits_as, refuses};

fn named(name: &'static str) -> Scripted {
    admits_as(Pace::Now, Identity::new(name, CredentialKind::Other))
}

fn presented(token: &str) -> Presented {
    Presented::new(BearerToken::new(token).unwrap(), START)
}

/// Who judged the token, or why nobody did; asked in both ways, which agree.
async fn judge(router: &Arc<TokenRouter>, token: &str) -> Result<String, Reason> {
    let tell = |result: Result<Identity, Refusal>| match result {
        Ok(identity) => Ok(identity.subject().to_owned()),
        Err(refusal) => Err(refusal.reason()),
    };
    let begun = tell(Answer::of(router, &presented(token)).wait().await);
    let verified = tell(router.verify(&presented(token)).await);
    assert_eq!(begun, verified);
    begun
}

#[tokio::test]
async fn a_token_goes_to_the_verifier_of_its_prefix() {
    let router = TokenRouter::builder()
        .prefix("ak_", named("keys"))
        .prefix("bot_", named("bots"))
        .otherwise(named("rest"))
        .build();
    let router = Arc::new(router.unwrap());
    for (token, judged_by) in [
        ("ak_123", "keys"),
        ("ak_", "keys"),
        ("ak_bot_", "keys"),
        ("bot_123", "bots"),
        // Prefixes are exact, in spelling and place.
        ("AK_123", "rest"),
        ("ak-123", "rest"),
        ("ak", "rest"),
        ("xak_123", "rest"),
        ("bot", "rest"),
        ("a.b.c", "rest"),
    ] {
        assert_eq!(
            judge(&router, token).await.as_deref(),
            Ok(judged_by),
            "{token}"
        );
    }
}

#[tokio::test]
async fn a_token_of_no_route_is_refused_at_once() {
    let router = TokenRouter::builder().prefix("ak_", named("keys")).build();
    let router = Arc::new(router.unwrap());
    for token in ["bot_1", "a", "aak_", "eyJhbGciOiJub25lIn0.e30.", "...."] {
        assert_eq!(judge(&router, token).await, Err(Reason::Invalid), "{token}");
        let answer = Answer::of(&router, &presented(token));
        assert!(matches!(answer, Answer::Now(Err(_))), "{token}");
    }
}

#[tokio::test]
async fn a_refusal_is_final_and_an_outage_is_not_tried_elsewhere() {
    for reason in [Reason::Invalid, Reason::Expired, Reason::Unavailable] {
        let rest = named("rest");
        let keys = refuses(Pace::Later, Refusal::new(reason, "no"));
        let router = TokenRouter::builder()
            .prefix("ak_", keys.clone())
            .otherwise(rest.clone())
            .build();
        let router = Arc::new(router.unwrap());
        assert_eq!(judge(&router, "ak_1").await, Err(reason));
        assert_eq!((keys.begun(), rest.begun()), (2, 0));
    }
}

#[test]
fn the_routers_answer_is_as_fast_as_the_verifiers() {
    let router = TokenRouter::builder()
        .prefix("now", named("now"))
        .prefix("later", admits_as(Pace::Later, support::verifiers::alice()))
        .build();
    let router = Arc::new(router.unwrap());
    let begin = |token| Answer::of(&router, &presented(token));
    assert!(matches!(begin("now1"), Answer::Now(Ok(_))));
    assert!(matches!(begin("later1"), Answer::Later(_)));
}

#[test]
fn contradictory_routes_are_refused_when_built() {
    let setting = |router: TokenRouterBuilder| {
        let error: ConfigError = router.build().expect_err("a contradiction");
        assert!(error.to_string().contains(error.setting()));
        error.setting().to_owned()
    };
    let new = TokenRouter::builder;
    assert_eq!(setting(new()), "router");
    // Twice the same.
    let twice = new().prefix("ak_", named("a")).prefix("ak_", named("b"));
    assert_eq!(setting(twice), "prefix");
    let twice = new().otherwise(named("a")).otherwise(named("b"));
    assert_eq!(setting(twice), "otherwise");
    // One within the other, in either order.
    let shadowed = new().prefix("ak_", named("a")).prefix("ak_x", named("b"));
    assert_eq!(setting(shadowed), "prefix");
    let shadowed = new().prefix("ak_x", named("a")).prefix("ak_", named("b"));
    assert_eq!(setting(shadowed), "prefix");
    let far_apart = new()
        .prefix("a", named("a"))
        .prefix("b", named("b"))
        .prefix("c", named("c"))
        .prefix("ax", named("d"));
    assert_eq!(setting(far_apart), "prefix");
    // No token begins so.
    for prefix in ["", " ", "ak ", "ak,", "é", "ak\n", "a=b", "="] {
        let never = new().prefix(prefix, named("a"));
        assert_eq!(setting(never), "prefix", "{prefix:?}");
    }
}

#[test]
fn prefixes_that_share_a_start_but_not_a_token_are_fine() {
    let router = TokenRouter::builder()
        .prefix("ak_live_", named("a"))
        .prefix("ak_test_", named("b"))
        .prefix("AK_live_", named("c"))
        .otherwise(named("d"))
        .build();
    assert!(router.is_ok());
}

#[test]
fn a_router_prints_without_asking_anything_of_its_verifiers() {
    let router = TokenRouter::builder().prefix("ak_", named("keys")).build();
    let printed = format!("{:?}", router.unwrap());
    assert!(printed.contains("ak_") && printed.contains("Scripted"));
}
