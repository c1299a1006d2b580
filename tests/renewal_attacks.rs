//! What somebody with a token of their own tries to make of renewal, and what time does to it.

#[path = "support/tokens.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{Desk, present, secs, shape, verify};
use tower_bearer::Reason;
use tower_bearer::clock::{Clock, ManualClock};
use tower_bearer::identity::Identity;
use tower_bearer::issue::{
    Extension, IssueError, JwtIssuer, Login, NewJwt, NewToken, RefreshTokens, RenewError,
    SigningKey,
};
use tower_bearer::keys::Algorithm;
use tower_bearer::revocation::{MemoryRevocations, Revocations};
use tower_bearer::store::{MemoryStore, StoreError};
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::verifier::{Revocable, TokenVerifierExt};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const START: i64 = 1_700_000_000;

#[tokio::test]
async fn a_jwt_of_another_issuer_is_not_turned_into_one_of_ours() {
    let clock = ManualClock::new(secs(START));
    let (ours, theirs) = (jwts("https://ours", &clock), jwts("https://theirs", &clock));
    // A service that trusts both. Their alice is not our alice.
    let token = theirs.issue(NewJwt::new("alice")).expect("a token");
    let verifier = theirs.verifier().build().expect("a verifier");
    let alice = verify(&verifier, &token.token.reveal(), clock.now()).await;
    let alice = alice.expect("their alice");

    let extension = Extension::leaving_the_old_one_valid(ours);
    let refused = extension.extend(&alice).expect_err("a foreign token");
    let IssueError::NotAllowed(refusal) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refusal.reason(), Reason::Forbidden);
    let nobodys = Identity::new("alice", alice.credential_kind());
    let refused = extension.extend(&nobodys).expect_err("nobody's token");
    assert!(matches!(refused, IssueError::NotAllowed(_)));
}

#[tokio::test]
async fn nobody_ends_a_session_of_somebody_else_by_its_id() {
    let house = House::new(HOUR);
    let alices = house.tokens.login(Login::new("alice")).await;
    let alices = alices.expect("a session of alice");
    let access = alices.access.token.reveal();
    let ended = house.tokens.end("mallory", &alices.session_id).await;
    assert!(matches!(ended, Err(StoreError::NotFound)), "{ended:?}");
    verify(&house.verifier, &access, house.clock.now())
        .await
        .expect("alice goes on");

    let ended = house.tokens.end("alice", &alices.session_id).await;
    ended.expect("her own session");
    let refusal = verify(&house.verifier, &access, house.clock.now()).await;
    assert_eq!(refusal.expect_err("logged out").reason(), Reason::Revoked);
    // Once more, as a logout is tried again.
    let again = house.tokens.end("alice", &alices.session_id).await;
    again.expect("ended already");
}

#[tokio::test]
async fn a_spent_token_from_a_session_that_is_long_over_raises_no_alarm() {
    let house = House::new(HOUR);
    let first = house.tokens.login(Login::new("alice")).await;
    let spent = present(&first.expect("a session").refresh.reveal());
    let _next = house.tokens.renew(&spent).await.expect("the next pair");
    house.clock.advance(HOUR);
    let refused = house.tokens.renew(&spent).await;
    assert!(matches!(refused, Err(RenewError::Invalid)), "{refused:?}");
}

#[tokio::test]
async fn no_access_token_outlives_its_session() {
    let house = House::new(HOUR);
    let first = house.tokens.login(Login::new("alice")).await;
    let first = first.expect("a session");
    assert_eq!(first.access.expires_at, Some(secs(START + 600)));
    assert_eq!(first.session_ends, Some(secs(START + 3600)));
    house.clock.set(secs(START + 3600 - 90));
    let refresh = present(&first.refresh.reveal());
    let last = house.tokens.renew(&refresh).await.expect("90 seconds left");
    assert_eq!(last.access.expires_at, Some(secs(START + 3600)));
}

#[tokio::test]
async fn a_key_that_is_over_is_not_rotated_back_to_life() {
    let desk = Desk::new();
    let limits = [
        NewToken::api_key("alice").lifetime(HOUR),
        NewToken::api_key("alice").idle(HOUR),
    ];
    for new in limits {
        let minted = desk.keys.mint(new).await.expect("minting").record;
        desk.clock.advance(HOUR);
        let rotated = desk.keys.rotate(minted.key(), Duration::ZERO).await;
        let refused = rotated.expect_err("a key that is over");
        assert!(matches!(refused, IssueError::Store(StoreError::Ended)));
    }
}

/// Access tokens of ten minutes, which a logout ends.
struct House {
    clock: ManualClock,
    tokens: RefreshTokens,
    verifier: Revocable,
}

impl House {
    fn new(lifetime: Duration) -> Self {
        let clock = ManualClock::new(secs(START));
        let access = jwts("https://ours", &clock);
        let revocations = Revocations::new(Arc::new(MemoryRevocations::new()), HOUR);
        let revocations = revocations.expect("revocations").with_clock(clock.clone());
        let verifier: JwtVerifier = access.verifier().build().expect("a verifier");
        let store = Arc::new(MemoryStore::new());
        let tokens = RefreshTokens::new(store, shape("rt_"), access, lifetime);
        Self {
            tokens: tokens
                .expect("refresh tokens")
                .with_clock(clock.clone())
                .with_revocations(revocations.clone()),
            verifier: verifier.revocable(revocations),
            clock,
        }
    }
}

fn jwts(issuer: &str, clock: &ManualClock) -> JwtIssuer {
    JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).expect("a key"))
        .issuer(issuer)
        .audience("https://api.example.com")
        .lifetime(10 * MINUTE)
        .clock(clock.clone())
        .build()
        .expect("an issuer")
}
