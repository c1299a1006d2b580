//! What the audit trail says of tokens that no store knows, of renewals, and of what may have been done.
#![allow(clippy::unwrap_used)]

#[path = "support/tokens.rs"]
mod support;

use std::future::pending;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use support::{Desk, present, secs, shape};
use tower_bearer::audit::{
    Actor, Attempt, AuditAction, AuditEvent, AuditTarget, AuditTrail, ChannelSink, Common,
};
use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::issue::{
    Extension, IssueError, JwtIssuer, Login, NewJwt, NewToken, RefreshTokens, RenewError,
    SigningKey, TokenIssuer,
};
use tower_bearer::keys::Algorithm;
use tower_bearer::revocation::{
    MemoryRevocations, Revocation, RevocationStore, Revocations, Revoker, Target,
};
use tower_bearer::store::{
    Found, MemoryStore, Page, StoreError, SubjectLimit, TokenChange, TokenDigest, TokenFilter,
    TokenKey, TokenRecord, TokenStore, TokenUse, WhenFull,
};
use tower_bearer::{Reason, async_trait};

const ISSUER: &str = "https://id.example.com";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn trail() -> (AuditTrail, Receiver<AuditEvent>) {
    let (sink, events) = ChannelSink::new(100).unwrap();
    (AuditTrail::builder().sink(sink).build().unwrap(), events)
}

fn actions(events: &Receiver<AuditEvent>) -> Vec<AuditAction> {
    events.try_iter().map(|event| event.action).collect()
}

/// The one line that is there.
fn only(events: &Receiver<AuditEvent>) -> (AuditEvent, AuditTarget) {
    let event = events.try_recv().expect("a line");
    assert!(events.try_recv().is_err(), "one line");
    let target = event.target.clone().expect("a target");
    (event, target)
}

/// How a store takes what is to be changed.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Mood {
    Well,
    /// It does so, and the answer is lost.
    Lossy,
    /// It does not answer.
    Hanging,
    /// It finds nothing by a digest.
    NoFind,
    /// It reads nothing by an id.
    NoGet,
}

/// A store of tokens, and of revocations, across a network.
#[derive(Debug, Default)]
struct Remote {
    tokens: MemoryStore,
    revocations: MemoryRevocations,
    mood: AtomicU8,
}

impl Remote {
    fn turn(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    async fn answer<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        match self.mood.load(Ordering::SeqCst) {
            0 => answer,
            1 => Err(lost()),
            2 => pending().await,
            _ => answer,
        }
    }

    fn reads_not(&self, mood: Mood) -> Result<(), StoreError> {
        match self.mood.load(Ordering::SeqCst) == mood as u8 {
            true => Err(lost()),
            false => Ok(()),
        }
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable {
        store: "remote",
        source: "the connection was lost".into(),
    }
}

#[async_trait]
impl TokenStore for Remote {
    async fn insert(&self, record: TokenRecord) -> Result<(), StoreError> {
        self.answer(self.tokens.insert(record).await).await
    }
    async fn insert_within(
        &self,
        record: TokenRecord,
        limit: SubjectLimit,
        now: Timestamp,
    ) -> Result<Vec<Box<str>>, StoreError> {
        let added = self.tokens.insert_within(record, limit, now).await;
        self.answer(added).await
    }
    async fn find(&self, digest: &TokenDigest) -> Result<Option<Found>, StoreError> {
        self.reads_not(Mood::NoFind)?;
        self.tokens.find(digest).await
    }
    async fn get(&self, key: TokenKey<'_>) -> Result<Option<TokenRecord>, StoreError> {
        self.reads_not(Mood::NoGet)?;
        self.tokens.get(key).await
    }
    async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        self.tokens.list(subject, filter, page).await
    }
    async fn touch(&self, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
        self.tokens.touch(uses).await
    }
    async fn revoke(&self, key: TokenKey<'_>, at: Timestamp) -> Result<bool, StoreError> {
        self.answer(self.tokens.revoke(key, at).await).await
    }
    async fn revoke_all(
        &self,
        subject: &str,
        filter: &TokenFilter,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let ended = self.tokens.revoke_all(subject, filter, at).await;
        self.answer(ended).await
    }
    async fn update(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError> {
        self.answer(self.tokens.update(key, change).await).await
    }
    async fn replace(
        &self,
        id: &str,
        successor: TokenRecord,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let replaced = self.tokens.replace(id, successor, overlap, now).await;
        self.answer(replaced).await
    }
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.tokens.prune(before, limit).await
    }
}

#[async_trait]
impl RevocationStore for Remote {
    async fn put(&self, revocation: &Revocation) -> Result<(), StoreError> {
        self.answer(self.revocations.put(revocation).await).await
    }
    async fn latest_before(&self, targets: &[Target]) -> Result<Option<Timestamp>, StoreError> {
        self.revocations.latest_before(targets).await
    }
    async fn prune(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.revocations.prune(now, limit).await
    }
}

fn revocations(store: Arc<dyn RevocationStore>, trail: &AuditTrail) -> Revocations {
    let revocations = Revocations::new(store, DAY).unwrap();
    let clock = ManualClock::new(secs(1000));
    revocations.with_clock(clock).with_audit(trail.clone())
}

fn jwts(clock: &ManualClock) -> tower_bearer::issue::JwtIssuerBuilder {
    JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).unwrap())
        .issuer(ISSUER)
        .audience("https://api.example.com")
        .lifetime(10 * MINUTE)
        .clock(clock.clone())
}

// --- tokens that no store knows

#[tokio::test]
async fn what_is_ended_of_jwts_is_told_by_what_they_have_in_common_and_who_did_it() {
    let (trail, events) = trail();
    let boss = Identity::new("boss", CredentialKind::Session);
    let all = revocations(Arc::new(MemoryRevocations::new()), &trail);
    let revocations = all.acting_for(&boss);
    let issued_before = secs(900);
    let subject = Target::subject(ISSUER, "alice");
    revocations
        .revoke_issued_before(subject, issued_before)
        .await
        .unwrap();
    let (event, target) = only(&events);
    assert_eq!(event.at, secs(1000));
    assert_eq!(event.actor, Some(Actor::User("boss".into())));
    assert_eq!(event.action, AuditAction::RevokedBy(Common::Subject));
    assert_eq!(event.action.as_str(), "revoked_subject");
    assert_eq!(event.action.outcome(), "done");
    assert_eq!(target.subject.as_deref(), Some("alice"));
    assert_eq!(target.issuer.as_deref(), Some(ISSUER));
    assert_eq!(target.issued_before, Some(issued_before));

    type Field = fn(&AuditTarget) -> Option<&str>;
    let targets: [(Target, AuditAction, Field); 4] = [
        (
            Target::session(ISSUER, "name:1"),
            AuditAction::RevokedBy(Common::Session),
            |target| target.session_id.as_deref(),
        ),
        (
            Target::client(ISSUER, "name:1"),
            AuditAction::RevokedBy(Common::Client),
            |target| target.client_id.as_deref(),
        ),
        (
            Target::key(ISSUER, "name:1"),
            AuditAction::RevokedBy(Common::Key),
            |target| target.key_id.as_deref(),
        ),
        (
            Target::token(ISSUER, "name:1"),
            AuditAction::Revoked,
            |target| target.id.as_deref(),
        ),
    ];
    for (target, action, field) in targets {
        revocations.revoke(target).await.unwrap();
        let (event, target) = only(&events);
        assert_eq!(event.action, action);
        assert_eq!(field(&target), Some("name:1"), "{action:?}");
        assert_eq!(target.issuer.as_deref(), Some(ISSUER));
        assert_eq!(target.issued_before, None, "all of them");
    }
    revocations.revoke(Target::all(ISSUER)).await.unwrap();
    let (event, target) = only(&events);
    assert_eq!(event.action, AuditAction::RevokedBy(Common::Issuer));
    assert_eq!((target.subject, target.id), (None, None));
    assert_eq!(target.issuer.as_deref(), Some(ISSUER));
}

#[tokio::test]
async fn an_access_token_that_logs_its_person_out_everywhere_does_not_name_the_person() {
    let (trail, events) = trail();
    let deploy = Identity::new("alice@example.com", CredentialKind::AccessToken);
    let deploy = deploy.with_credential_name("deploy");
    let revocations = revocations(Arc::new(MemoryRevocations::new()), &trail);
    let target = Target::subject(ISSUER, "alice@example.com");
    let acting = revocations.acting_for(&deploy);
    acting.revoke(target).await.unwrap();
    let (event, _) = only(&events);
    assert_eq!(event.action, AuditAction::RevokedBy(Common::Subject));
    assert_eq!(event.actor, Some(Actor::Token("deploy".into())));
    let all = format!("{event:?}");
    assert!(!all.contains("alice"), "the person is named: {all}");
}

#[tokio::test]
async fn a_logout_is_one_line_be_the_credential_stored_or_not_and_whoever_has_the_trail() {
    let desk = Desk::new();
    let (trail, events) = trail();
    let clock = desk.clock.clone();
    let issuer = jwts(&clock).build().unwrap();
    let verifier = issuer.verifier().build().unwrap();
    for has_revoker in [true, false] {
        let revocations = revocations(Arc::new(MemoryRevocations::new()), &trail);
        let mut revoker = Revoker::new()
            .with_tokens(desk.store.clone())
            .with_clock(clock.clone())
            .with_revocations(revocations);
        if has_revoker {
            revoker = revoker.with_audit(trail.clone());
        }
        let jwt = issuer.issue(NewJwt::new("alice")).unwrap().token.reveal();
        let alice = support::verify(&verifier, &jwt, clock.now()).await.unwrap();
        revoker.acting_for(&alice).revoke(&alice).await.unwrap();
        let (event, target) = only(&events);
        assert_eq!(event.action, AuditAction::Revoked);
        assert_eq!(event.actor, Some(Actor::User("alice".into())));
        assert_eq!(target.kind, Some(CredentialKind::Jwt));
        assert_eq!(target.id.as_deref(), alice.credential_id());
        assert_eq!(target.subject.as_deref(), Some("alice"));

        let (token, record) = desk.session("alice").await;
        let alice = desk.verify(&token).await.unwrap();
        revoker.revoke(&alice).await.unwrap();
        if has_revoker {
            let (event, target) = only(&events);
            assert_eq!((event.action, event.actor), (AuditAction::Revoked, None));
            assert_eq!(target.id, Some(record.id));
            revoker.revoke(&alice).await.unwrap();
            assert!(events.try_recv().is_err(), "it was over already");
        }
    }
}

// --- renewal

struct Renewals {
    clock: ManualClock,
    store: Arc<Remote>,
    tokens: RefreshTokens,
    events: Receiver<AuditEvent>,
}

impl Renewals {
    fn new() -> Self {
        let clock = ManualClock::new(secs(1_700_000_000));
        let (trail, events) = trail();
        let store = Arc::new(Remote::default());
        let access = jwts(&clock).build().unwrap();
        let tokens = RefreshTokens::new(store.clone(), shape("rt_"), access, 30 * DAY).unwrap();
        Self {
            tokens: tokens.with_clock(clock.clone()).with_audit(trail),
            clock,
            store,
            events,
        }
    }

    /// Logs in; the refresh token and the session.
    async fn login(&self) -> (String, Box<str>) {
        let pair = self.tokens.login(Login::new("alice")).await.unwrap();
        let (event, target) = only(&self.events);
        assert_eq!(event.action, AuditAction::Issued);
        assert_eq!(target.session_id, Some(pair.session_id.clone()));
        (pair.refresh.reveal(), pair.session_id)
    }

    async fn renew(&self, refresh: &str) -> Result<String, RenewError> {
        let pair = self.tokens.renew(&present(refresh)).await?;
        Ok(pair.refresh.reveal())
    }
}

#[tokio::test]
async fn a_renewal_that_is_refused_is_told_with_the_reason_that_the_client_is_not_told() {
    let desk = Renewals::new();
    let junk = desk.renew("rt_nonsense").await.unwrap_err();
    assert!(matches!(junk, RenewError::Invalid));
    let (event, target) = only(&desk.events);
    assert_eq!(event.action, AuditAction::NotRenewed(Reason::Invalid));
    assert_eq!(event.action.as_str(), "not_renewed");
    assert_eq!(event.action.outcome(), "invalid");
    assert_eq!(target, AuditTarget::default(), "nothing is known of it");

    let (refresh, session) = desk.login().await;
    desk.tokens.end("alice", &session).await.unwrap();
    let (event, target) = only(&desk.events);
    assert_eq!(event.action, AuditAction::RevokedAll(1));
    assert_eq!(target.session_id, Some(session.clone()));
    desk.renew(&refresh).await.unwrap_err();
    let (event, target) = only(&desk.events);
    assert_eq!(event.action, AuditAction::NotRenewed(Reason::Revoked));
    assert_eq!(target.session_id, Some(session));
    assert_eq!(target.subject.as_deref(), Some("alice"));
    assert!(!format!("{event:?}").contains(&refresh[8..40]));

    let (refresh, _) = desk.login().await;
    desk.clock.advance(30 * DAY);
    desk.renew(&refresh).await.unwrap_err();
    let (event, _) = only(&desk.events);
    assert_eq!(event.action, AuditAction::NotRenewed(Reason::Expired));
}

#[tokio::test]
async fn a_renewal_that_could_not_be_judged_is_told_as_such() {
    let desk = Renewals::new();
    let (refresh, session) = desk.login().await;
    desk.store.turn(Mood::NoFind);
    desk.renew(&refresh).await.unwrap_err();
    let (event, target) = only(&desk.events);
    assert_eq!(event.action, AuditAction::NotRenewed(Reason::Unavailable));
    assert_eq!(target, AuditTarget::default());

    desk.store.turn(Mood::Well);
    desk.renew(&refresh).await.unwrap();
    assert_eq!(actions(&desk.events), [AuditAction::Renewed]);
    desk.store.turn(Mood::NoGet);
    desk.renew(&refresh).await.unwrap_err();
    let (event, target) = only(&desk.events);
    assert_eq!(event.action, AuditAction::NotRenewed(Reason::Unavailable));
    assert_eq!(target.session_id, Some(session));
}

#[tokio::test]
async fn a_spent_token_that_comes_again_is_told_as_such_once_with_the_end_of_its_family() {
    let desk = Renewals::new();
    let (stolen, session) = desk.login().await;
    desk.renew(&stolen).await.unwrap();
    let (event, target) = only(&desk.events);
    assert_eq!(event.action, AuditAction::Renewed);
    assert!(target.replaces.is_some());
    desk.renew(&stolen).await.unwrap();
    let (event, again) = only(&desk.events);
    assert_eq!(event.action, AuditAction::Renewed);
    assert_eq!(again.id, target.id, "the same successor");
    assert_eq!(event.detail, Some("once more, within the grace"));

    desk.clock.advance(MINUTE);
    desk.renew(&stolen).await.unwrap_err();
    let told: Vec<_> = desk.events.try_iter().collect();
    let [ended, reused] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(ended.action, AuditAction::RevokedAll(1));
    assert_eq!(reused.action, AuditAction::Reused);
    assert_eq!(reused.action.as_str(), "reused");
    for event in [ended, reused] {
        let target = event.target.as_ref().unwrap();
        assert_eq!(target.session_id, Some(session.clone()));
        assert_eq!(target.subject.as_deref(), Some("alice"));
    }
    desk.renew(&stolen).await.unwrap_err();
    let told = actions(&desk.events);
    assert_eq!(told, [AuditAction::NotRenewed(Reason::Revoked)]);
}

#[tokio::test]
async fn a_theft_is_told_even_if_it_is_not_known_whether_the_family_ended() {
    let desk = Renewals::new();
    let (stolen, _) = desk.login().await;
    desk.renew(&stolen).await.unwrap();
    desk.clock.advance(MINUTE);
    desk.events.try_iter().for_each(drop);
    desk.store.turn(Mood::Lossy);
    let failed = desk.renew(&stolen).await.unwrap_err();
    assert!(matches!(failed, RenewError::Issue(IssueError::Store(_))));
    let told = actions(&desk.events);
    let uncertain = AuditAction::Uncertain(Attempt::RevokeAll);
    assert_eq!(told, [uncertain, AuditAction::Reused]);
}

#[tokio::test]
async fn an_extended_jwt_is_a_renewal_by_its_holder_and_a_refusal_is_told() {
    let clock = ManualClock::new(secs(1_700_000_000));
    let (trail, events) = trail();
    let issuer = jwts(&clock).audit(trail).build().unwrap();
    let verifier = issuer.verifier().build().unwrap();
    let login = NewJwt::new("alice").auth_time(clock.now());
    let old = issuer.issue(login).unwrap();
    let token = old.token.reveal();
    let holder = support::verify(&verifier, &token, clock.now())
        .await
        .unwrap();
    assert_eq!(actions(&events), [AuditAction::Issued]);

    let extension = Extension::leaving_the_old_one_valid(issuer).within(60 * MINUTE);
    let new = extension.extend(&holder).unwrap();
    let (event, target) = only(&events);
    assert_eq!(event.action, AuditAction::Renewed);
    assert_eq!(event.actor, Some(Actor::User("alice".into())));
    assert_eq!(event.credential.unwrap().id, Some(old.id));
    assert_eq!(target.id, Some(new.id));

    clock.advance(60 * MINUTE);
    extension.extend(&holder).unwrap_err();
    let (event, target) = only(&events);
    assert_eq!(event.action, AuditAction::NotRenewed(Reason::Forbidden));
    assert_eq!(event.detail, Some("login is too long ago"));
    assert_eq!(target.id.as_deref(), holder.credential_id());
}

// --- changes and limits

#[tokio::test]
async fn a_change_says_which() {
    let desk = Desk::new();
    let (trail, events) = trail();
    let issuer = desk.issuer.clone().with_audit(trail);
    let (_, record) = desk.session("alice").await;
    let new = TokenChange::new;
    for (change, detail) in [
        (new().name("laptop"), "renamed"),
        (new().without_name(), "renamed"),
        (new().disabled(true), "disabled"),
        (new().disabled(false), "enabled"),
        (new().expires_at(secs(2000)), "new end"),
        (
            new().name("x").disabled(true).without_expiry(),
            "renamed, disabled, new end",
        ),
    ] {
        issuer.update(record.key(), &change).await.unwrap();
        let (event, target) = only(&events);
        assert_eq!(event.action, AuditAction::Changed);
        assert_eq!(event.detail, Some(detail));
        assert_eq!(target.id, Some(record.id.clone()));
    }
}

#[tokio::test]
async fn one_token_too_many_is_a_refusal() {
    let desk = Desk::new();
    let (trail, events) = trail();
    let limit = SubjectLimit {
        max: std::num::NonZeroUsize::MIN,
        when_full: WhenFull::Refuse,
    };
    let issuer = desk.issuer.clone().with_audit(trail).with_limit(limit);
    let new = || NewToken::session("alice").lifetime(DAY);
    drop(issuer.mint(new()).await.unwrap());
    issuer.mint(new()).await.unwrap_err();
    let told = actions(&events);
    let refused = AuditAction::NotIssued(Reason::Forbidden);
    assert_eq!(told, [AuditAction::Issued, refused]);
}

// --- what may have been done

/// Begins what does not come to an end, and goes away.
fn give_up<T>(begun: impl Future<Output = T>) {
    let mut begun = Box::pin(begun);
    let polled = begun.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending), "it hangs");
}

#[tokio::test]
async fn what_may_have_been_done_is_told_as_unknown() {
    let store = Arc::new(Remote::default());
    let (trail, events) = trail();
    let boss = Identity::new("boss", CredentialKind::Session);
    let issuer = TokenIssuer::opaque(store.clone(), shape("st_"));
    let issuer = issuer.with_audit(trail.clone()).acting_for(&boss);
    let new = || NewToken::session("alice").lifetime(DAY);
    let record = issuer.mint(new()).await.unwrap().record;
    let key = record.key();
    let revocations = revocations(store.clone(), &trail).acting_for(&boss);
    events.try_iter().for_each(drop);

    let session = || Target::session(ISSUER, "s-1");
    let filter = TokenFilter::all();
    let expected = [
        (Attempt::Issue, "issued"),
        (Attempt::Change, "changed"),
        (Attempt::Rotate, "rotated"),
        (Attempt::Revoke, "revoked"),
        (Attempt::RevokeAll, "revoked_all"),
        (Attempt::RevokeBy(Common::Session), "revoked_session"),
    ];
    for mood in [Mood::Hanging, Mood::Lossy] {
        store.turn(mood);
        if let Mood::Hanging = mood {
            give_up(issuer.mint(new()));
            give_up(issuer.disable(key));
        } else {
            issuer.mint(new()).await.unwrap_err();
            issuer.disable(key).await.unwrap_err();
        }
        store.turn(Mood::Well);
        let record = issuer.clone().mint(new()).await.unwrap().record;
        let (other, key) = (issuer.mint(new()).await.unwrap().record, record.key());
        let issued = [AuditAction::Issued; 2];
        let told: Vec<_> = events.try_iter().collect();
        let uncertain = told[..2].to_vec();
        assert_eq!(
            told[2..].iter().map(|it| it.action).collect::<Vec<_>>(),
            issued
        );
        store.turn(mood);
        if let Mood::Hanging = mood {
            give_up(issuer.rotate(key, Duration::ZERO));
            give_up(issuer.revoke(other.key()));
            give_up(issuer.revoke_all("alice", &filter));
            give_up(revocations.revoke(session()));
        } else {
            issuer.rotate(key, Duration::ZERO).await.unwrap_err();
            issuer.revoke(other.key()).await.unwrap_err();
            issuer.revoke_all("alice", &filter).await.unwrap_err();
            revocations.revoke(session()).await.unwrap_err();
        }
        store.turn(Mood::Well);
        let told: Vec<_> = uncertain.into_iter().chain(events.try_iter()).collect();
        assert_eq!(told.len(), expected.len(), "{mood:?}");
        for (event, (attempt, name)) in told.iter().zip(expected) {
            assert_eq!(event.action, AuditAction::Uncertain(attempt), "{mood:?}");
            assert_eq!(event.action.as_str(), name);
            assert_eq!(event.action.outcome(), "unknown");
            assert_eq!(event.actor, Some(Actor::User("boss".into())));
        }
    }
}

#[tokio::test]
async fn what_failed_for_certain_is_not_told_as_begun() {
    let desk = Desk::new();
    let (trail, events) = trail();
    let issuer = desk.issuer.clone().with_audit(trail);
    let (_, record) = desk.session("alice").await;
    drop(issuer.rotate(record.key(), Duration::ZERO).await.unwrap());
    assert_eq!(actions(&events), [AuditAction::Rotated]);
    issuer
        .rotate(record.key(), Duration::ZERO)
        .await
        .unwrap_err();
    issuer.disable(record.key()).await.unwrap_err();
    assert!(events.try_recv().is_err());
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_told_as_unknown_and_as_a_renewal_when_it_is_repeated() {
    let desk = Renewals::new();
    let (refresh, _) = desk.login().await;
    desk.store.turn(Mood::Lossy);
    desk.renew(&refresh).await.unwrap_err();
    let uncertain = AuditAction::Uncertain(Attempt::Renew);
    assert_eq!(actions(&desk.events), [uncertain]);
    desk.store.turn(Mood::Well);
    desk.renew(&refresh).await.unwrap();
    assert_eq!(actions(&desk.events), [AuditAction::Renewed]);
}

// --- a login that fails half-way

/// Revocations that cannot be written while told so.
#[derive(Debug, Default)]
struct Broken {
    inner: MemoryRevocations,
    is_broken: AtomicU8,
    tried: Mutex<usize>,
}

#[async_trait]
impl RevocationStore for Broken {
    async fn put(&self, revocation: &Revocation) -> Result<(), StoreError> {
        *self.tried.lock().unwrap() += 1;
        if self.is_broken.load(Ordering::SeqCst) > 0 {
            return Err(StoreError::Unavailable {
                store: "broken",
                source: "read-only".into(),
            });
        }
        self.inner.put(revocation).await
    }
    async fn latest_before(&self, targets: &[Target]) -> Result<Option<Timestamp>, StoreError> {
        self.inner.latest_before(targets).await
    }
    async fn prune(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.inner.prune(now, limit).await
    }
}

#[tokio::test]
async fn a_login_that_fails_leaves_no_session_that_lives_whichever_store_failed() {
    let limit = SubjectLimit {
        max: std::num::NonZeroUsize::MIN,
        when_full: WhenFull::EndOldest,
    };
    let desk = Renewals::new();
    let broken = Arc::new(Broken::default());
    let revocations = Revocations::new(broken.clone(), DAY).unwrap();
    let tokens = desk.tokens.clone().with_limit(limit);
    let tokens = tokens.with_revocations(revocations.clone());
    let live = async || {
        let (all, page) = (TokenFilter::all(), Page::first(10));
        let listed = tokens.list("alice", &all, &page).await.unwrap();
        let live = |record: &&TokenRecord| record.is_live(desk.clock.now());
        listed.iter().filter(live).count()
    };
    drop(tokens.login(Login::new("alice")).await.unwrap());
    assert_eq!(live().await, 1);

    // The first ends for the second, whose login fails as the access tokens of the first cannot be ended.
    broken.is_broken.store(1, Ordering::SeqCst);
    tokens.login(Login::new("alice")).await.unwrap_err();
    assert_eq!(*broken.tried.lock().unwrap(), 1);
    assert_eq!(live().await, 0, "nobody has the token of the second");
    broken.is_broken.store(0, Ordering::SeqCst);
    drop(tokens.login(Login::new("alice")).await.unwrap());
    assert_eq!(live().await, 1);
}

#[tokio::test]
async fn a_family_ends_though_its_access_tokens_cannot_be_ended_and_the_other_way_round() {
    let desk = Renewals::new();
    let broken = Arc::new(Broken::default());
    let revocations = Revocations::new(broken.clone(), DAY).unwrap();
    let tokens = desk.tokens.clone().with_revocations(revocations);
    let pair = tokens.login(Login::new("alice")).await.unwrap();
    let target = Target::session(ISSUER, &pair.session_id);
    let ended = async || {
        let known = broken.latest_before(std::slice::from_ref(&target)).await;
        known.unwrap().is_some()
    };
    // The store of tokens loses its answer: the access tokens are ended all the same.
    desk.store.turn(Mood::Lossy);
    tokens.end("alice", &pair.session_id).await.unwrap_err();
    assert!(ended().await);

    desk.store.turn(Mood::Well);
    let pair = tokens.login(Login::new("alice")).await.unwrap();
    broken.is_broken.store(1, Ordering::SeqCst);
    tokens.end("alice", &pair.session_id).await.unwrap_err();
    let refresh = present(&pair.refresh.reveal());
    let refused = tokens.renew(&refresh).await.unwrap_err();
    assert!(matches!(refused, RenewError::Invalid), "{refused:?}");
}
