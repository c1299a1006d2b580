//! Renewal: refresh tokens that are spent one after another, and JWTs that are extended.
#![allow(clippy::unwrap_used)]

#[path = "support/remote.rs"]
mod remote;
#[path = "support/tokens.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use remote::Remote;
use support::{present, secs, shape, verify};
use tower_bearer::clock::{Clock, ManualClock};
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::issue::{
    Extension, IssueError, JwtIssuer, Login, NewJwt, RefreshTokens, RenewError, SigningKey,
    TokenPair,
};
use tower_bearer::keys::Algorithm;
use tower_bearer::revocation::{MemoryRevocations, Revocations};
use tower_bearer::store::{MemoryStore, Page, TokenFilter, TokenRecord, TokenStore};
use tower_bearer::verifier::{OpaqueTokenVerifier, TokenVerifierExt};
use tower_bearer::{Reason, Refusal, TokenVerifier};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Access tokens of ten minutes, sessions of thirty days, a grace of ten seconds.
struct Renewals {
    clock: ManualClock,
    store: Arc<MemoryStore>,
    tokens: RefreshTokens,
    verifier: Box<dyn TokenVerifier>,
}

impl Renewals {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        Self::over(store.clone(), store)
    }

    fn over(tokens: Arc<dyn TokenStore>, store: Arc<MemoryStore>) -> Self {
        let clock = ManualClock::new(secs(1_700_000_000));
        let access = jwts(&clock);
        let revocations = Revocations::new(Arc::new(MemoryRevocations::new()), DAY).unwrap();
        let revocations = revocations.with_clock(clock.clone());
        let verifier = access.verifier().build().unwrap();
        let tokens = RefreshTokens::new(tokens, shape("rt_"), access, 30 * DAY).unwrap();
        Self {
            tokens: tokens
                .with_clock(clock.clone())
                .with_revocations(revocations.clone()),
            verifier: Box::new(verifier.revocable(revocations)),
            clock,
            store,
        }
    }

    async fn login(&self) -> Tokens {
        let login = Login::new("alice").scopes("orders:read".parse().unwrap());
        Tokens::of(self.tokens.login(login.client_id("web")).await.unwrap())
    }

    async fn renew(&self, tokens: &Tokens) -> Result<Tokens, RenewError> {
        let refresh = present(&tokens.refresh);
        self.tokens.renew(&refresh).await.map(Tokens::of)
    }

    async fn access(&self, tokens: &Tokens) -> Result<Identity, Refusal> {
        verify(&*self.verifier, &tokens.access, self.clock.now()).await
    }

    async fn records(&self) -> Vec<TokenRecord> {
        let page = Page::first(100);
        self.store
            .list("alice", &TokenFilter::all(), &page)
            .await
            .unwrap()
    }
}

fn jwts(clock: &ManualClock) -> JwtIssuer {
    JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).unwrap())
        .issuer("https://id.example.com")
        .audience("https://api.example.com")
        .lifetime(10 * MINUTE)
        .clock(clock.clone())
        .build()
        .unwrap()
}

#[derive(Debug, Clone, PartialEq)]
struct Tokens {
    access: String,
    refresh: String,
    session: String,
}

impl Tokens {
    fn of(pair: TokenPair) -> Self {
        Self {
            access: pair.access.token.reveal(),
            refresh: pair.refresh.reveal(),
            session: pair.session_id.into(),
        }
    }
}

#[tokio::test]
async fn each_refresh_token_buys_the_next_until_the_session_is_over() {
    let desk = Renewals::new();
    let mut tokens = desk.login().await;
    let first = tokens.clone();
    for _ in 0..29 {
        desk.clock.advance(DAY);
        let refused = desk.access(&tokens).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::Expired, "after ten minutes");
        let next = desk.renew(&tokens).await.unwrap();
        assert_ne!(next.refresh, tokens.refresh);
        assert_eq!(next.session, first.session);
        let alice = desk.access(&next).await.unwrap();
        assert_eq!(alice.subject(), "alice");
        assert_eq!(alice.client_id(), Some("web"));
        assert!(alice.has_scope("orders:read"));
        assert_eq!(alice.session_id(), Some(&*first.session));
        assert_eq!(alice.auth_time(), Some(secs(1_700_000_000)), "of the login");
        tokens = next;
    }
    desk.clock.advance(DAY - Duration::from_millis(1));
    let last = desk.renew(&tokens).await.unwrap();
    desk.clock.advance(Duration::from_millis(1));
    let refused = desk.renew(&last).await.unwrap_err();
    assert!(matches!(refused, RenewError::Invalid), "{refused:?}");
}

#[tokio::test]
async fn two_tabs_that_renew_at_once_get_the_same_successor() {
    let desk = Renewals::new();
    let tokens = desk.login().await;
    let one = desk.renew(&tokens).await.unwrap();
    desk.clock.advance(Duration::from_millis(9_999));
    let two = desk.renew(&tokens).await.unwrap();
    assert_eq!(one.refresh, two.refresh);
    assert_ne!(one.access, two.access);
    desk.access(&two).await.unwrap();
    desk.renew(&two).await.unwrap();
}

#[tokio::test]
async fn many_that_race_all_get_the_same_successor() {
    let desk = Arc::new(Renewals::new());
    let tokens = desk.login().await;
    let racers = (0..8).map(|_| {
        let (desk, tokens) = (Arc::clone(&desk), tokens.clone());
        tokio::spawn(async move { desk.renew(&tokens).await.unwrap() })
    });
    let racers: Vec<_> = racers.collect();
    let mut successors = Vec::new();
    for racer in racers {
        successors.push(racer.await.unwrap().refresh);
    }
    successors.dedup();
    assert_eq!(successors.len(), 1);
    assert_eq!(desk.records().await.len(), 2, "the spent one and the next");
}

#[tokio::test]
async fn a_spent_token_that_comes_again_ends_the_family() {
    let desk = Renewals::new();
    let other_session = desk.login().await;
    let stolen = desk.login().await;
    let next = desk.renew(&stolen).await.unwrap();
    desk.clock.advance(Duration::from_secs(10));

    let refused = desk.renew(&stolen).await.unwrap_err();
    let RenewError::Reused {
        subject,
        session_id,
    } = &refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!((&**subject, &**session_id), ("alice", &*stolen.session));
    for tokens in [&stolen, &next] {
        let refused = desk.access(tokens).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::Revoked, "access tokens too");
    }
    let refused = desk.renew(&next).await.unwrap_err();
    assert!(matches!(refused, RenewError::Invalid), "the family is over");
    let again = desk.renew(&stolen).await.unwrap_err();
    assert!(matches!(again, RenewError::Invalid), "one alarm is enough");

    desk.access(&other_session).await.unwrap();
    desk.renew(&other_session).await.unwrap();
}

#[tokio::test]
async fn within_the_grace_a_token_whose_successor_is_spent_was_stolen() {
    let desk = Renewals::new();
    let first = desk.login().await;
    let second = desk.renew(&first).await.unwrap();
    let third = desk.renew(&second).await.unwrap();
    let refused = desk.renew(&first).await.unwrap_err();
    assert!(matches!(refused, RenewError::Reused { .. }), "{refused:?}");
    desk.renew(&third).await.unwrap_err();
}

#[tokio::test]
async fn without_a_grace_the_second_use_is_the_end() {
    let desk = Renewals::new();
    let tokens = desk.tokens.clone().with_grace(Duration::ZERO);
    let pair = Tokens::of(tokens.login(Login::new("alice")).await.unwrap());
    let refresh = present(&pair.refresh);
    drop(tokens.renew(&refresh).await.unwrap());
    let refused = tokens.renew(&refresh).await.unwrap_err();
    assert!(matches!(refused, RenewError::Reused { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_logout_ends_the_session_and_raises_no_alarm() {
    let desk = Renewals::new();
    let first = desk.login().await;
    let second = desk.renew(&first).await.unwrap();
    let other = desk.login().await;
    let of = desk
        .tokens
        .session_of(&present(&second.refresh))
        .await
        .unwrap();
    assert_eq!((&*of.0, &*of.1), ("alice", &*first.session));
    desk.tokens.end("alice", &first.session).await.unwrap();
    for tokens in [&first, &second] {
        assert_eq!(
            desk.access(tokens).await.unwrap_err().reason(),
            Reason::Revoked
        );
        let refused = desk.renew(tokens).await.unwrap_err();
        assert!(matches!(refused, RenewError::Invalid), "{refused:?}");
    }
    desk.access(&other).await.unwrap();
}

#[tokio::test]
async fn the_other_sessions_end_or_all_and_nobody_elses() {
    let renewals = Renewals::new();
    let (phone, laptop) = (renewals.login().await, renewals.login().await);
    let mut kiosk = renewals.login().await;
    // More refresh tokens than are read at once.
    for _ in 0..120 {
        renewals.clock.advance(Duration::from_secs(1));
        kiosk = renewals.renew(&kiosk).await.unwrap();
    }
    let bob = renewals.tokens.login(Login::new("bob")).await;
    let bob = Tokens::of(bob.unwrap());

    let phones = renewals.access(&phone).await.unwrap();
    let kept = phones.session_id().unwrap();
    assert_eq!(renewals.tokens.end_others("alice", kept).await.unwrap(), 2);
    for ended in [&laptop, &kiosk] {
        let refusal = renewals.access(ended).await.unwrap_err();
        assert_eq!(refusal.reason(), Reason::Revoked);
        let refused = renewals.renew(ended).await.unwrap_err();
        assert!(matches!(refused, RenewError::Invalid), "{refused:?}");
    }
    let phone = renewals.renew(&phone).await.unwrap();
    assert_eq!(renewals.tokens.end_all("alice").await.unwrap(), 1);
    assert_eq!(renewals.tokens.end_all("alice").await.unwrap(), 0);
    renewals.access(&phone).await.unwrap_err();
    renewals.access(&bob).await.unwrap();
    renewals.renew(&bob).await.unwrap();
}

#[tokio::test]
async fn a_family_that_is_not_renewed_for_too_long_ends() {
    let desk = Renewals::new();
    let tokens = desk.tokens.clone().with_idle(7 * DAY);
    let pair = Tokens::of(tokens.login(Login::new("alice")).await.unwrap());
    desk.clock.advance(7 * DAY - Duration::from_millis(1));
    let next = tokens.renew(&present(&pair.refresh)).await.unwrap();
    desk.clock.advance(7 * DAY);
    let next = present(&next.refresh.reveal());
    let refused = tokens.renew(&next).await.unwrap_err();
    assert!(matches!(refused, RenewError::Invalid), "{refused:?}");
}

#[tokio::test]
async fn a_refresh_token_lets_nobody_in_and_strangers_buy_nothing() {
    let desk = Renewals::new();
    let tokens = desk.login().await;
    let door = OpaqueTokenVerifier::new(desk.store.clone(), shape("rt_"));
    let refused = verify(&door, &tokens.refresh, desk.clock.now()).await;
    assert_eq!(refused.unwrap_err().reason(), Reason::Invalid);
    for junk in ["rt_", "nonsense", &tokens.access, &tokens.refresh[..40]] {
        let refused = desk.tokens.renew(&present(junk)).await.unwrap_err();
        assert!(matches!(refused, RenewError::Invalid), "{junk}");
    }
}

#[tokio::test]
async fn what_is_kept_and_printed_gives_no_token_away() {
    let desk = Renewals::new();
    let first = desk.login().await;
    let second = desk.renew(&first).await.unwrap();
    let kept = format!("{:?} {:?}", desk.records().await, desk.tokens);
    let signature = second.access.rsplit('.').next().unwrap();
    for secret in [&first.refresh[8..40], &second.refresh[8..40], signature] {
        assert!(!kept.contains(secret), "{kept}");
    }
    assert!(kept.contains("[REDACTED]"));
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_tried_again_with_the_same_token() {
    let lossy = Arc::new(Remote::default());
    let desk = Renewals::over(lossy.clone(), lossy.rows.clone());
    let tokens = desk.login().await;
    lossy.lose_next_answer();
    let failed = desk.renew(&tokens).await.unwrap_err();
    assert!(matches!(failed, RenewError::Issue(IssueError::Store(_))));
    let refusal = Refusal::from(failed);
    assert_eq!(
        refusal.reason(),
        Reason::Unavailable,
        "no word of a bad token"
    );
    let next = desk.renew(&tokens).await.unwrap();
    desk.access(&next).await.unwrap();
    desk.renew(&next).await.unwrap();
}

#[tokio::test]
async fn an_extended_jwt_leaves_the_old_one_good_and_may_be_bounded_by_the_login() {
    let clock = ManualClock::new(secs(1_700_000_000));
    let issuer = jwts(&clock);
    let verifier = issuer.verifier().build().unwrap();
    let login = NewJwt::new("alice")
        .auth_time(clock.now())
        .session_id("s-1");
    let old = issuer.issue(login).unwrap().token.reveal();

    clock.advance(5 * MINUTE);
    let holder = verify(&verifier, &old, clock.now()).await.unwrap();
    let hour = 60 * MINUTE;
    let extension = Extension::leaving_the_old_one_valid(issuer.clone()).within(hour);
    let new = extension.extend(&holder).unwrap();
    assert_eq!(new.expires_at, Some(secs(1_700_000_000 + 15 * 60)));
    let new = new.token.reveal();
    let extended = verify(&verifier, &new, clock.now()).await.unwrap();
    assert_eq!(extended.session_id(), Some("s-1"));
    assert_eq!(extended.auth_time(), Some(secs(1_700_000_000)));
    verify(&verifier, &old, clock.now()).await.unwrap();

    clock.set(secs(1_700_000_000 + 55 * 60));
    let last = extension.extend(&extended).unwrap();
    assert_eq!(last.expires_at, Some(secs(1_700_000_000 + 3600)));
    clock.advance(5 * MINUTE);
    let refused = extension.extend(&extended).unwrap_err();
    assert!(matches!(refused, IssueError::NotAllowed(_)), "{refused:?}");
    let session = Identity::new("alice", CredentialKind::Session);
    let refused = extension.extend(&session).unwrap_err();
    assert!(matches!(refused, IssueError::NotAllowed(_)), "{refused:?}");
}
