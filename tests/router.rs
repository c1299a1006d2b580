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

#[cfg(feature = "jwt")]
mod jwts {
    use super::*;

    /// The example of RFC 7519 §3.1: three parts, and `joe` for an issuer.
    const OF_JOE: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\
        .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
        .dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    /// The example of RFC 7519 §6.1: it says that it has no signature.
    const UNSIGNED: &str = "eyJhbGciOiJub25lIn0\
        .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
    /// `{"alg":"HS256"}`, and `{}`: a JWT of no issuer.
    const OF_NOBODY: &str = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";

    #[tokio::test]
    async fn a_jwt_goes_to_the_verifier_of_its_issuer_or_to_that_of_other_jwts() {
        let router = TokenRouter::builder()
            .prefix("ak_", named("keys"))
            .jwt_issuer("joe", named("joe"))
            .jwt(named("others"))
            .otherwise(named("rest"))
            .build();
        let router = Arc::new(router.unwrap());
        for (token, judged_by) in [
            (OF_JOE, "joe"),
            (UNSIGNED, "joe"),
            (OF_NOBODY, "others"),
            ("ak_1", "keys"),
            ("opaque", "rest"),
            // Not three parts of which the first is an object with an algorithm.
            ("a.b.c", "rest"),
            ("e30.e30.c2ln", "rest"),
            ("eyJhbGciOiJIUzI1NiJ9.e30", "rest"),
            ("eyJhbGciOiJIUzI1NiJ9.e30.c2ln.x", "rest"),
        ] {
            assert_eq!(
                judge(&router, token).await.as_deref(),
                Ok(judged_by),
                "{token}"
            );
        }
    }

    #[tokio::test]
    async fn a_jwt_of_a_foreign_issuer_falls_through_to_nobody() {
        let router = TokenRouter::builder()
            .jwt_issuer("jo", named("jo"))
            .otherwise(named("rest"))
            .build();
        let router = Arc::new(router.unwrap());
        for token in [OF_JOE, UNSIGNED, OF_NOBODY] {
            assert_eq!(judge(&router, token).await, Err(Reason::Invalid));
        }
        let no_route_for_jwts = TokenRouter::builder().otherwise(named("rest")).build();
        let router = Arc::new(no_route_for_jwts.unwrap());
        assert_eq!(judge(&router, OF_JOE).await.as_deref(), Ok("rest"));
    }

    #[test]
    fn routes_of_jwts_that_contradict_others_are_refused_when_built() {
        let new = TokenRouter::builder;
        let setting = |builder: TokenRouterBuilder| match builder.build() {
            Err(error) => error.setting().to_owned(),
            Ok(_) => panic!("it was built"),
        };
        for prefix in ["e", "ey", "eyJ", "eyJhbGciOi", "ewog"] {
            let claims_jwts = new().prefix(prefix, named("a")).jwt(named("b"));
            assert_eq!(setting(claims_jwts), "prefix", "{prefix}");
            let claims_jwts = new()
                .jwt_issuer("joe", named("b"))
                .prefix(prefix, named("a"));
            assert_eq!(setting(claims_jwts), "prefix", "{prefix}");
            assert!(new().prefix(prefix, named("a")).build().is_ok());
        }
        assert_eq!(setting(new().jwt(named("a")).jwt(named("b"))), "jwt");
        let twice = new()
            .jwt_issuer("a", named("a"))
            .jwt_issuer("a", named("b"));
        assert_eq!(setting(twice), "jwt_issuer");
        assert_eq!(setting(new().jwt_issuer("", named("a"))), "jwt_issuer");
    }
}
