//! A clock that is set back and forth by an hour: by whatever it says, nothing is let in after its end, and
//! what is good goes on.
#![allow(clippy::unwrap_used)]

#[path = "support/tokens.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{present, shape, verify};
use tokio::time::sleep;
use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::identity::Identity;
use tower_bearer::issue::{
    JwtIssuer, Login, NewJwt, NewToken, RefreshTokens, SigningKey, TokenIssuer,
};
use tower_bearer::keys::Algorithm;
use tower_bearer::node::Node;
use tower_bearer::revocation::{MemoryRevocations, Revocations};
use tower_bearer::store::{MemoryStore, TokenStore};
use tower_bearer::verifier::{CacheSettings, OpaqueTokenVerifier, TokenVerifierExt};
use tower_bearer::{Reason, Refusal, TokenVerifier};

const START: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A walk of the clock between three hours before [`START`] and eight hours after it: mostly onwards by
/// seconds and minutes, and often by an hour, forth or back.
struct Walk {
    clock: ManualClock,
    state: u32,
}

impl Walk {
    fn new(clock: &ManualClock) -> Self {
        Self {
            clock: clock.clone(),
            state: 7,
        }
    }

    /// The next moment, to which the clock is set.
    fn step(&mut self) -> Timestamp {
        self.state = self
            .state
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let now = self.clock.now();
        let next = match self.state >> 29 {
            0 | 1 => now.saturating_add(HOUR),
            2 => now.saturating_sub(HOUR),
            3 => now.saturating_sub(2 * SECOND),
            4 => now.saturating_add(20 * MINUTE),
            _ => now.saturating_add(SECOND),
        };
        let next = if next > START.saturating_add(8 * HOUR) {
            START.saturating_sub(3 * HOUR)
        } else {
            next
        };
        self.clock.set(next);
        next
    }
}

/// Verifies a token and lets the request in, as the layer does.
async fn admit(by: &dyn TokenVerifier, token: &str, now: Timestamp) -> Result<Identity, Refusal> {
    let identity = verify(by, token, now).await?;
    identity.admitted(now)?;
    Ok(identity)
}

#[tokio::test(start_paused = true)]
async fn a_session_is_let_in_exactly_while_it_is_good_by_the_stepped_clock() {
    let (idle, lifetime) = (90 * MINUTE, 5 * HOUR);
    for (is_cached, is_node) in [(false, false), (true, false), (false, true), (true, true)] {
        let clock = ManualClock::new(START);
        let memory: Arc<MemoryStore> = Arc::default();
        let node = Node::builder(memory.clone()).clock(clock.clone());
        let node = node.start().unwrap();
        let store: Arc<dyn TokenStore> = if is_node {
            node.tokens()
        } else {
            memory.clone()
        };
        let issuer = TokenIssuer::opaque(store.clone(), shape("st_")).with_clock(clock.clone());
        let verifier = OpaqueTokenVerifier::new(store.clone(), shape("st_"));
        let verifier: Box<dyn TokenVerifier> = if is_cached {
            Box::new(verifier.cached(CacheSettings::new()).unwrap())
        } else {
            Box::new(verifier)
        };
        let new = NewToken::session("alice").idle(idle).lifetime(lifetime);
        let minted = issuer.mint(new).await.unwrap();
        let (token, record) = (minted.token.reveal(), minted.record);

        let mut walk = Walk::new(&clock);
        let (mut used, mut admitted, mut refused) = (START, 0, 0);
        for step in 0..2_000 {
            let now = walk.step();
            let is_good = now < START.saturating_add(lifetime) && now < used.saturating_add(idle);
            match admit(&*verifier, &token, now).await {
                Ok(_) => {
                    assert!(is_good, "{now:?} in step {step}: {is_cached} {is_node}");
                    used = used.max(now);
                    admitted += 1;
                }
                Err(refusal) => {
                    assert!(!is_good, "{refusal:?} at {now:?} in step {step}");
                    assert_eq!(refusal.reason(), Reason::Expired);
                    refused += 1;
                }
            }
        }
        assert!(admitted > 100 && refused > 100, "{admitted} {refused}");
        assert_eq!(node.flush().await, 0);
        let stored = memory.get(record.key()).await.unwrap().unwrap();
        assert_eq!(stored.last_used, Some(used), "the latest use counts");
    }
}

/// JWTs of an hour and a half, that can be revoked.
fn jwts(clock: &ManualClock) -> (JwtIssuer, Revocations) {
    let issuer = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).unwrap())
        .issuer("https://id.example.com")
        .audience("https://api.example.com")
        .lifetime(90 * MINUTE)
        .clock(clock.clone())
        .build();
    let revocations = Revocations::new(Arc::new(MemoryRevocations::new()), 2 * HOUR).unwrap();
    (issuer.unwrap(), revocations.with_clock(clock.clone()))
}

#[tokio::test]
async fn a_jwt_is_let_in_exactly_until_its_end_by_the_stepped_clock() {
    let clock = ManualClock::new(START);
    let (issuer, revocations) = jwts(&clock);
    let verifier = || issuer.verifier().build().unwrap();
    let cached = verifier().cached(CacheSettings::new()).unwrap();
    let revocable = verifier().revocable(revocations.clone());
    let both = verifier().revocable(revocations);
    let both = both.cached(CacheSettings::new()).unwrap();
    let verifiers: [Box<dyn TokenVerifier>; 4] = [
        Box::new(verifier()),
        Box::new(cached),
        Box::new(revocable),
        Box::new(both),
    ];
    let token = issuer.issue(NewJwt::new("alice")).unwrap().token.reveal();

    let mut walk = Walk::new(&clock);
    let (mut admitted, mut refused, mut early) = (0, 0, 0);
    for _ in 0..2_000 {
        let now = walk.step();
        for verifier in &verifiers {
            match admit(&**verifier, &token, now).await {
                Ok(_) => {
                    assert!(now < START.saturating_add(90 * MINUTE), "{now:?}");
                    admitted += 1;
                }
                Err(refusal) if now < START => {
                    // It is issued in the future, by this clock.
                    assert_eq!(refusal.reason(), Reason::NotYetValid);
                    early += 1;
                }
                Err(refusal) => {
                    assert_eq!(refusal.reason(), Reason::Expired, "{now:?}");
                    assert!(now >= START.saturating_add(90 * MINUTE), "{now:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(admitted > 100 && refused > 100 && early > 100);
}

#[tokio::test]
async fn refresh_tokens_and_their_access_tokens_end_by_the_stepped_clock() {
    let clock = ManualClock::new(START);
    let (access, revocations) = jwts(&clock);
    let verifier = access.verifier().build().unwrap();
    let verifier = verifier.revocable(revocations.clone());
    let store: Arc<MemoryStore> = Arc::default();
    let lifetime = 5 * HOUR;
    let tokens = RefreshTokens::new(store, shape("rt_"), access, lifetime).unwrap();
    let tokens = tokens
        .with_clock(clock.clone())
        .with_revocations(revocations);
    let first = tokens.login(Login::new("alice")).await.unwrap();
    let mut refresh = first.refresh.reveal();
    let mut given_out = vec![(
        first.access.token.reveal(),
        first.access.expires_at.unwrap(),
    )];

    let mut walk = Walk::new(&clock);
    let (mut renewed, mut refused, mut over) = (0, 0, 0);
    for _ in 0..400 {
        let now = walk.step();
        match tokens.renew(&present(&refresh)).await {
            Ok(pair) => {
                assert!(now < START.saturating_add(lifetime), "{now:?}");
                refresh = pair.refresh.reveal();
                given_out.push((pair.access.token.reveal(), pair.access.expires_at.unwrap()));
                renewed += 1;
            }
            Err(error) => {
                assert!(
                    now >= START.saturating_add(lifetime),
                    "{error:?} at {now:?}"
                );
                refused += 1;
            }
        }
        for (token, end) in given_out.iter().rev().take(20) {
            match admit(&verifier, token, now).await {
                Ok(_) => assert!(now < *end, "{now:?}, and the end was {end:?}"),
                Err(refusal) => {
                    let is_over = refusal.reason() == Reason::Expired && now >= *end;
                    let is_early = refusal.reason() == Reason::NotYetValid;
                    assert!(is_over || is_early, "{refusal:?} at {now:?}");
                    over += usize::from(is_over);
                }
            }
        }
    }
    assert!(renewed > 50 && refused > 50 && over > 50);
}

#[tokio::test]
async fn a_spent_refresh_token_gets_no_second_session_by_a_step_back() {
    let clock = ManualClock::new(START);
    let (access, _) = jwts(&clock);
    let store: Arc<MemoryStore> = Arc::default();
    let tokens = RefreshTokens::new(store, shape("rt_"), access, DAY).unwrap();
    let tokens = tokens.with_clock(clock.clone());
    let login = tokens.login(Login::new("alice")).await.unwrap();
    let spent = present(&login.refresh.reveal());
    let successor = tokens.renew(&spent).await.unwrap().refresh.reveal();

    // Its spending lies an hour ahead now, and it can only be answered by the successor that there is.
    clock.set(START.saturating_sub(HOUR));
    if let Ok(again) = tokens.renew(&spent).await {
        assert_eq!(again.refresh.reveal(), successor);
    }
    clock.set(START.saturating_add(HOUR));
    tokens.renew(&spent).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_revocation_outlives_a_clock_that_was_an_hour_ahead_for_a_while() {
    let clock = ManualClock::new(START);
    let (issuer, revocations) = jwts(&clock);
    let node = Node::builder(Arc::new(MemoryStore::new()))
        .revocations(revocations.clone())
        .clock(clock.clone())
        .prune(MINUTE, DAY);
    let _node = node.start().unwrap();
    let verifier = issuer.verifier().build().unwrap();
    let verifier = verifier.revocable(revocations.clone());
    let token = issuer.issue(NewJwt::new("alice").lifetime(10 * MINUTE));
    let token = token.unwrap().token.reveal();
    let alice = verify(&verifier, &token, START).await.unwrap();
    revocations.revoke_credential(&alice).await.unwrap();

    clock.advance(HOUR);
    sleep(5 * MINUTE).await;
    clock.set(START.saturating_add(MINUTE));
    let refused = verify(&verifier, &token, clock.now()).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Revoked);
}
