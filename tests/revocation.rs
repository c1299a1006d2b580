//! What was ended before its time: JWTs by what they have in common, and whatever is under way.
#![allow(clippy::unwrap_used)]

#[path = "support/tokens.rs"]
mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use support::{secs, verify};
use tokio::sync::Notify;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey};
use tower_bearer::keys::Algorithm;
use tower_bearer::revocation::{
    Ending, MemoryRevocations, Revocation, RevocationStore, Revocations, Target,
};
use tower_bearer::store::StoreError;
use tower_bearer::verifier::{CacheSettings, TokenVerifierExt, verify_fn};
use tower_bearer::{BearerAuthLayer, Reason, Refusal, TokenVerifier, async_trait};

const ISSUER: &str = "https://id.example.com";
const HOUR: Duration = Duration::from_secs(3600);
const START: i64 = 1_700_000_000;

/// JWTs of an hour, that can be revoked.
struct Desk {
    clock: ManualClock,
    issuer: JwtIssuer,
    store: Arc<Remote>,
    revocations: Revocations,
    verifier: Arc<dyn TokenVerifier>,
}

impl Desk {
    fn new() -> Self {
        let clock = ManualClock::new(secs(START));
        let issuer = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).unwrap())
            .issuer(ISSUER)
            .audience("https://api.example.com")
            .lifetime(HOUR)
            .clock(clock.clone())
            .build()
            .unwrap();
        let store = Arc::new(Remote::default());
        let revocations = Revocations::new(store.clone(), HOUR).unwrap();
        let revocations = revocations.with_clock(clock.clone());
        let verifier = issuer.verifier().build().unwrap();
        Self {
            verifier: Arc::new(verifier.revocable(revocations.clone())),
            clock,
            issuer,
            store,
            revocations,
        }
    }

    fn token(&self, new: NewJwt) -> String {
        self.issuer.issue(new).unwrap().token.reveal()
    }

    async fn verify(&self, token: &str) -> Result<Identity, Refusal> {
        verify(&*self.verifier, token, self.clock.now()).await
    }

    async fn is_revoked(&self, token: &str) -> bool {
        match self.verify(token).await {
            Ok(_) => false,
            Err(refusal) => {
                assert_eq!(refusal.reason(), Reason::Revoked);
                assert!(refusal.credential_id().is_some());
                true
            }
        }
    }
}

/// Revocations that have to be waited for, and may be out of reach.
#[derive(Debug, Default)]
struct Remote {
    inner: MemoryRevocations,
    is_down: AtomicBool,
}

impl Remote {
    async fn reach(&self) -> Result<&MemoryRevocations, StoreError> {
        tokio::task::yield_now().await;
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable {
                store: "remote",
                source: "no route to host".into(),
            });
        }
        Ok(&self.inner)
    }
}

#[async_trait]
impl RevocationStore for Remote {
    async fn put(&self, revocation: &Revocation) -> Result<(), StoreError> {
        self.reach().await?.put(revocation).await
    }

    async fn latest_before(&self, targets: &[Target]) -> Result<Option<Timestamp>, StoreError> {
        self.reach().await?.latest_before(targets).await
    }

    async fn prune(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.reach().await?.prune(now, limit).await
    }
}

#[tokio::test]
async fn one_token_is_ended_and_no_other() {
    let desk = Desk::new();
    let (one, two) = (
        desk.token(NewJwt::new("alice")),
        desk.token(NewJwt::new("alice")),
    );
    let identity = desk.verify(&one).await.unwrap();
    desk.revocations.revoke_credential(&identity).await.unwrap();
    assert!(desk.is_revoked(&one).await);
    assert!(!desk.is_revoked(&two).await);
}

#[tokio::test]
async fn what_tokens_have_in_common_ends_them_all() {
    let desk = Desk::new();
    let key = desk.issuer.keys().current();
    let key = key.kid().unwrap();
    let alice = desk.token(NewJwt::new("alice").session_id("s-1").client_id("web"));
    let bob = desk.token(NewJwt::new("bob").session_id("s-2").client_id("cli"));
    for (target, ends_alice, ends_bob) in [
        (Target::session(ISSUER, "s-1"), true, false),
        (Target::subject(ISSUER, "alice"), true, false),
        (Target::client(ISSUER, "web"), true, false),
        (Target::key(ISSUER, key), true, true),
        (Target::all(ISSUER), true, true),
        (
            Target::session("https://other.example.com", "s-1"),
            false,
            false,
        ),
        (Target::token(ISSUER, "s-1"), false, false),
        (Target::subject(ISSUER, "web"), false, false),
        (Target::key(ISSUER, "another"), false, false),
    ] {
        let desk = Desk {
            revocations: Revocations::new(Arc::new(MemoryRevocations::new()), HOUR).unwrap(),
            store: desk.store.clone(),
            clock: desk.clock.clone(),
            issuer: desk.issuer.clone(),
            verifier: desk.verifier.clone(),
        };
        let verifier = desk.issuer.verifier().build().unwrap();
        let verifier = verifier.revocable(desk.revocations.clone());
        desk.revocations.revoke(target.clone()).await.unwrap();
        for (token, is_ended) in [(&alice, ends_alice), (&bob, ends_bob)] {
            let verified = verify(&verifier, token, desk.clock.now()).await;
            assert_eq!(verified.is_err(), is_ended, "{target:?}");
        }
    }
}

#[tokio::test]
async fn an_issuer_and_a_name_do_not_run_into_one_another() {
    let texts = [
        Target::subject("a", "b:c"),
        Target::subject("a:b", "c"),
        Target::subject("", "a:b:c"),
        Target::session("a", "b:c"),
        Target::all("a"),
        Target::all("a:"),
    ];
    for (place, one) in texts.iter().enumerate() {
        for other in &texts[place + 1..] {
            assert_ne!(one.as_str(), other.as_str());
        }
        assert_eq!(*one, Target::from_stored(one.as_str()));
    }
}

#[tokio::test]
async fn logging_in_again_within_the_same_second_is_not_undone() {
    let desk = Desk::new();
    desk.clock.advance(Duration::from_millis(200));
    let old = desk.token(NewJwt::new("alice"));
    desk.clock.advance(Duration::from_millis(300));
    let alice = Target::subject(ISSUER, "alice");
    let now = desk.clock.now();
    desk.revocations
        .revoke_issued_before(alice, now)
        .await
        .unwrap();
    let same_moment = desk.token(NewJwt::new("alice"));
    desk.clock.advance(Duration::from_millis(200));
    let new = desk.token(NewJwt::new("alice"));
    assert!(desk.is_revoked(&old).await);
    assert!(!desk.is_revoked(&same_moment).await);
    assert!(!desk.is_revoked(&new).await);
}

#[tokio::test]
async fn a_token_that_counts_seconds_alone_is_ended_with_its_second() {
    let revocations = Revocations::new(Arc::new(MemoryRevocations::new()), HOUR).unwrap();
    let before = Timestamp::from_unix_millis(START * 1000 + 500);
    let alice = Target::subject("", "alice");
    revocations
        .revoke_issued_before(alice, before)
        .await
        .unwrap();
    for (issued, is_ended) in [
        (Some(secs(START - 1)), true),
        (Some(secs(START)), true),
        (Some(secs(START + 1)), false),
        (None, true),
    ] {
        let verifier = verify_fn(move |_| async move {
            let identity = Identity::new("alice", CredentialKind::Jwt);
            Ok(match issued {
                Some(at) => identity.with_issued_at(at),
                None => identity,
            })
        });
        let verifier = verifier.revocable(revocations.clone());
        let verified = verify(&verifier, "t", secs(START)).await;
        assert_eq!(verified.is_err(), is_ended, "{issued:?}");
    }
}

#[tokio::test]
async fn a_jwt_without_an_id_is_named_by_what_was_signed() {
    let desk = Desk::new();
    // The verifier is the user's own, and knows of no `jti`.
    let own = verify_fn(|_| async { Ok(Identity::new("alice", CredentialKind::Jwt)) });
    let own = own.revocable(desk.revocations.clone());
    let now = desk.clock.now();
    let identity = verify(&own, "aaa.bbb.ccc", now).await.unwrap();
    let id = identity.credential_id().unwrap().to_owned();
    let digest = id.strip_prefix("sha256:").unwrap();
    assert_eq!(digest.len(), 64);
    assert!(!id.contains("aaa"));
    desk.revocations.revoke_credential(&identity).await.unwrap();
    for (token, is_ended) in [
        ("aaa.bbb.ccc", true),
        // An ECDSA signature has a valid twin.
        ("aaa.bbb.ddd", true),
        ("aaa.bbx.ccc", false),
        ("opaque", false),
        ("opaque.2", false),
    ] {
        let verified = verify(&own, token, now).await;
        assert_eq!(verified.is_err(), is_ended, "{token}");
    }
}

#[tokio::test]
async fn while_the_store_is_down_nobody_passes_unless_that_was_asked_for() {
    let desk = Desk::new();
    let token = desk.token(NewJwt::new("alice"));
    desk.store.is_down.store(true, Ordering::SeqCst);
    let refusal = desk.verify(&token).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Unavailable);
    let jwts = desk.issuer.verifier().build().unwrap();
    let open = jwts.revocable(desk.revocations.clone()).fail_open();
    let now = desk.clock.now();
    assert_eq!(verify(&open, &token, now).await.unwrap().subject(), "alice");
    let forged = format!("{token}x");
    let refusal = verify(&open, &forged, now).await.unwrap_err();
    assert_ne!(
        refusal.reason(),
        Reason::Unavailable,
        "it is judged all the same"
    );
    let alice = Target::subject(ISSUER, "alice");
    desk.revocations.revoke(alice).await.unwrap_err();
}

#[tokio::test]
async fn what_could_not_be_written_leaves_nothing_remembered_in_trust() {
    let desk = Desk::new();
    let cached = desk.verifier.clone().cached(CacheSettings::new()).unwrap();
    let (token, now) = (desk.token(NewJwt::new("alice")), desk.clock.now());
    verify(&cached, &token, now).await.unwrap();
    desk.store.is_down.store(true, Ordering::SeqCst);
    verify(&cached, &token, now)
        .await
        .expect("it is remembered");
    let revoked = desk.revocations.revoke(Target::all(ISSUER)).await;
    revoked.unwrap_err();
    // Nobody knows whether that took place: so it is looked up, as far as it can be.
    let refusal = verify(&cached, &token, now).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Unavailable);
    desk.store.is_down.store(false, Ordering::SeqCst);
    verify(&cached, &token, now).await.unwrap();
}

#[tokio::test]
async fn a_remembered_token_is_over_when_the_call_returned() {
    let desk = Desk::new();
    let cached = desk.verifier.clone().cached(CacheSettings::new()).unwrap();
    let new = || desk.token(NewJwt::new("alice").session_id("s-1"));
    let (token, now) = (new(), desk.clock.now());
    let other = desk.token(NewJwt::new("alice").session_id("s-2"));
    for token in [&token, &other] {
        verify(&cached, token, now).await.unwrap();
    }
    let session = Target::session(ISSUER, "s-1");
    desk.revocations.revoke(session).await.unwrap();
    let refusal = verify(&cached, &token, now).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Revoked);
    verify(&cached, &other, now).await.unwrap();
}

#[tokio::test]
async fn what_another_node_ended_is_looked_up_again() {
    let desk = Desk::new();
    let cached = desk.verifier.clone().cached(CacheSettings::new()).unwrap();
    let (token, now) = (desk.token(NewJwt::new("alice")), desk.clock.now());
    verify(&cached, &token, now).await.unwrap();
    let revocation = Revocation::new(
        Target::subject(ISSUER, "alice"),
        Timestamp::MAX,
        Timestamp::MAX,
    );
    // Another node's write, and then the word of it.
    desk.store.inner.put(&revocation).await.unwrap();
    verify(&cached, &token, now)
        .await
        .expect("not heard of yet");
    desk.revocations.note(Ending::Revocation(revocation));
    let refusal = verify(&cached, &token, now).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Revoked);
}

/// Sends a request whose verification is over and that waits for a lookup, and ends something meanwhile.
async fn ended_under_way(desk: &Desk, token: &str, target: Target) -> u16 {
    let (waits, goes_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let gates = (waits.clone(), goes_on.clone());
    let verifier = desk
        .verifier
        .clone()
        .enriched(gates, async |gates, identity| {
            gates.0.notify_one();
            gates.1.notified().await;
            Ok(identity)
        });
    let layer = BearerAuthLayer::builder(verifier)
        .clock(desk.clock.clone())
        .build()
        .unwrap();
    let inner = service_fn(|_: Request<Full<bytes::Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::default()))
    });
    let request = Request::builder()
        .header("authorization", format!("Bearer {token}"))
        .body(Full::default())
        .unwrap();
    let response = tokio::spawn(layer.layer(inner).oneshot(request));
    waits.notified().await;
    desk.revocations.revoke(target).await.unwrap();
    goes_on.notify_one();
    let Ok(response) = response.await.unwrap();
    response.status().as_u16()
}

#[tokio::test]
async fn a_request_under_way_is_not_let_in_once_the_call_has_returned() {
    let desk = Desk::new();
    let token = desk.token(NewJwt::new("alice").session_id("s-1"));
    let target = Target::session(ISSUER, "s-1");
    assert_eq!(ended_under_way(&desk, &token, target).await, 401);
}

#[tokio::test]
async fn what_is_ended_of_others_does_not_touch_a_request_under_way() {
    let desk = Desk::new();
    let token = desk.token(NewJwt::new("alice").session_id("s-1"));
    let target = Target::session(ISSUER, "s-2");
    assert_eq!(ended_under_way(&desk, &token, target).await, 200);
    let target = Target::subject(ISSUER, "bob");
    assert_eq!(ended_under_way(&desk, &token, target).await, 200);
}

#[tokio::test]
async fn revocations_are_kept_no_longer_than_the_tokens_could_live() {
    let desk = Desk::new();
    let token = desk.token(NewJwt::new("alice"));
    let identity = desk.verify(&token).await.unwrap();
    desk.revocations.revoke_credential(&identity).await.unwrap();
    let bob = Target::subject(ISSUER, "bob");
    desk.revocations.revoke(bob).await.unwrap();
    // An hour, and the greatest leeway that a verifier may have.
    desk.clock.advance(HOUR + Duration::from_secs(299));
    assert_eq!(desk.revocations.prune(10).await.unwrap(), 0);
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(desk.revocations.prune(1).await.unwrap(), 1);
    assert_eq!(desk.revocations.prune(10).await.unwrap(), 1);
    assert_eq!(desk.revocations.prune(10).await.unwrap(), 0);
    Revocations::new(desk.store.clone(), Duration::ZERO).unwrap_err();
}

#[tokio::test]
async fn the_later_moment_counts_whatever_order_they_come_in() {
    let desk = Desk::new();
    let alice = Target::subject(ISSUER, "alice");
    let token = desk.token(NewJwt::new("alice"));
    desk.clock.advance(Duration::from_secs(10));
    let now = desk.clock.now();
    let earlier = secs(START - 100);
    let revocations = &desk.revocations;
    revocations
        .revoke_issued_before(alice.clone(), now)
        .await
        .unwrap();
    revocations
        .revoke_issued_before(alice, earlier)
        .await
        .unwrap();
    assert!(desk.is_revoked(&token).await);
}

#[tokio::test]
async fn a_request_that_too_much_has_happened_during_is_to_be_tried_again() {
    let desk = Desk::new();
    let token = desk.token(NewJwt::new("alice"));
    let identity = desk.verify(&token).await.unwrap();
    let end = |number: u32| {
        desk.revocations.note(Ending::Token {
            subject: "bob".into(),
            id: number.to_string().into(),
        });
    };
    (0..65_536).for_each(end);
    identity.admitted(desk.clock.now()).expect("all are known");
    assert!(identity.is_current());

    let identity = desk.verify(&token).await.unwrap();
    (0..65_537).for_each(end);
    assert!(!identity.is_current());
    let refusal = identity.admitted(desk.clock.now()).unwrap_err();
    assert_eq!(refusal.reason(), Reason::Unavailable);
    let fresh = desk.verify(&token).await.unwrap();
    fresh.admitted(desk.clock.now()).unwrap();
}
