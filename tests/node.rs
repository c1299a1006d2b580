//! A node in front of a shared store: uses in batches, endings from elsewhere, a feed that is lost.
#![allow(clippy::unwrap_used)]

#[path = "support/remote.rs"]
mod remote;
#[path = "support/tokens.rs"]
mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use remote::Remote;
use support::{secs, shape, verify};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::identity::Identity;
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::node::{Node, NodeBuilder};
use tower_bearer::revocation::{
    Beat, Ending, Feed, FeedMessage, MemoryRevocations, Revocations, Subscription, Target,
};
use tower_bearer::store::{
    Digests, MemoryStore, Page, Pepper, StoreError, SubjectLimit, TokenChange, TokenFilter,
    TokenRecord, TokenStore,
};
use tower_bearer::verifier::{CacheSettings, OpaqueTokenVerifier, TokenVerifierExt};
use tower_bearer::{Reason, Refusal, TokenVerifier, async_trait, testing};

const MINUTE: Duration = Duration::from_secs(60);
const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Longer than the lag of a node.
const A_WHILE: Duration = Duration::from_millis(1_500);

/// A node with what stands before it.
struct Desk {
    clock: ManualClock,
    node: Node,
    issuer: TokenIssuer,
    verifier: OpaqueTokenVerifier,
    cached: Box<dyn TokenVerifier>,
}

impl Desk {
    fn of(store: &Arc<Remote>, clock: &ManualClock) -> Self {
        Self::start(Node::builder(store.clone()), clock)
    }

    fn start(node: NodeBuilder, clock: &ManualClock) -> Self {
        let node = node.clock(clock.clone()).start().unwrap();
        let issuer = TokenIssuer::opaque(node.tokens(), shape("st_"));
        let verifier = OpaqueTokenVerifier::new(node.tokens(), shape("st_"));
        let cached = verifier.clone().cached(CacheSettings::new()).unwrap();
        Self {
            clock: clock.clone(),
            issuer: issuer.with_clock(clock.clone()),
            cached: Box::new(cached),
            verifier,
            node,
        }
    }

    async fn session(&self) -> (String, TokenRecord) {
        let new = NewToken::session("alice").idle(HALF_AN_HOUR);
        self.mint(new.lifetime(A_DAY)).await
    }

    async fn mint(&self, new: NewToken) -> (String, TokenRecord) {
        let minted = self.issuer.mint(new).await.unwrap();
        (minted.token.reveal(), minted.record)
    }

    /// Verifies a token and lets the request in, as the layer does.
    async fn admit(&self, token: &str) -> Result<Identity, Refusal> {
        self.admit_by(&self.verifier, token).await
    }

    async fn admit_cached(&self, token: &str) -> Result<Identity, Refusal> {
        self.admit_by(&*self.cached, token).await
    }

    async fn admit_by(&self, by: &dyn TokenVerifier, token: &str) -> Result<Identity, Refusal> {
        let now = self.clock.now();
        let identity = verify(by, token, now).await?;
        identity.admitted(now)?;
        Ok(identity)
    }
}

fn shared() -> (Arc<Remote>, ManualClock) {
    (Arc::default(), ManualClock::new(secs(1_700_000_000)))
}

#[tokio::test(start_paused = true)]
async fn a_node_keeps_the_contract_of_a_store() {
    let (store, clock) = shared();
    let desk = Desk::of(&store, &clock);
    testing::store::conformance(&*desk.node.tokens()).await;
    let local = Node::builder(Arc::new(MemoryStore::new())).start().unwrap();
    testing::store::conformance(&*local.tokens()).await;
}

#[tokio::test(start_paused = true)]
async fn uses_count_at_once_and_are_written_in_batches() {
    let (store, clock) = shared();
    let (desk, other) = (Desk::of(&store, &clock), Desk::of(&store, &clock));
    let (token, record) = desk.session().await;
    for _ in 0..100 {
        clock.advance(Duration::from_millis(10));
        desk.admit(&token).await.unwrap();
        desk.admit_cached(&token).await.unwrap();
    }
    let used = desk.node.tokens().get(record.key()).await.unwrap().unwrap();
    assert_eq!(used.last_used, Some(clock.now()), "exact on this node");
    let (all, page) = (TokenFilter::all(), Page::first(9));
    let listed = desk.issuer.list("alice", &all, &page).await.unwrap();
    assert_eq!(listed[0].last_used, Some(clock.now()));
    assert_eq!(desk.node.state().pending_uses, 1);
    assert!(store.touches().is_empty(), "nothing is written yet");

    sleep(A_WHILE).await;
    assert_eq!(store.touches(), [1], "two hundred uses, one write");
    assert_eq!(desk.node.state().pending_uses, 0);
    let seen = other
        .node
        .tokens()
        .get(record.key())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(seen.last_used, Some(clock.now()), "and on the other");
}

#[tokio::test(start_paused = true)]
async fn uses_of_many_sessions_are_written_by_one_call() {
    let (store, clock) = shared();
    let desk = Desk::of(&store, &clock);
    for _ in 0..100 {
        let (token, _) = desk.session().await;
        desk.admit(&token).await.unwrap();
    }
    sleep(A_WHILE).await;
    assert_eq!(store.touches(), [100]);

    let (token, _) = desk.session().await;
    desk.admit(&token).await.unwrap();
    assert_eq!(desk.node.flush().await, 0);
    assert_eq!(store.touches(), [100, 1], "the others are written");
}

#[tokio::test(start_paused = true)]
async fn a_session_slides_by_each_use_and_never_past_its_absolute_limit() {
    let (store, clock) = shared();
    let desk = Desk::of(&store, &clock);
    let (token, _) = desk.session().await;
    let (idle, _) = desk.session().await;
    // 24 hours, less one step.
    for step in 0..49 {
        clock.advance(29 * MINUTE);
        if step % 2 == 0 {
            desk.admit(&token).await.unwrap();
        } else {
            desk.admit_cached(&token).await.unwrap();
        }
        if step % 5 == 0 {
            sleep(A_WHILE).await;
        }
    }
    clock.set(secs(1_700_000_000 + 24 * 3600 - 1));
    desk.admit(&token).await.unwrap();
    clock.advance(Duration::from_secs(1));
    for refused in [desk.admit(&token).await, desk.admit_cached(&token).await] {
        assert_eq!(refused.unwrap_err().reason(), Reason::Expired);
    }
    let refused = desk.admit(&idle).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Expired);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_verified_but_not_let_in_does_not_slide() {
    let (store, clock) = shared();
    let desk = Desk::of(&store, &clock);
    let (token, record) = desk.session().await;
    clock.advance(MINUTE);
    verify(&desk.verifier, &token, clock.now()).await.unwrap();
    desk.node.flush().await;
    let stored = desk.node.tokens().get(record.key()).await.unwrap().unwrap();
    assert_eq!(stored.last_used, None);
}

#[tokio::test(start_paused = true)]
async fn uses_that_could_not_be_written_are_written_later() {
    let (store, clock) = shared();
    let desk = Desk::of(&store, &clock);
    let (token, record) = desk.session().await;
    desk.admit(&token).await.unwrap();
    store.set_down(true);
    sleep(A_WHILE).await;
    assert_eq!(desk.node.flush().await, 1, "one is left");
    store.set_down(false);
    sleep(A_WHILE).await;
    assert_eq!(store.touches(), [1]);
    let stored = store.rows.get(record.key()).await.unwrap().unwrap();
    assert_eq!(stored.last_used, Some(clock.now()));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_shut_down_writes_what_waits() {
    let (store, clock) = shared();
    let desk = Desk::of(&store, &clock);
    let (token, record) = desk.session().await;
    desk.admit(&token).await.unwrap();
    desk.node.shutdown(MINUTE).await.unwrap();
    let stored = store.rows.get(record.key()).await.unwrap().unwrap();
    assert_eq!(stored.last_used, Some(clock.now()));

    let desk = Desk::of(&store, &clock);
    desk.admit(&token).await.unwrap();
    store.set_down(true);
    let lost = desk.node.shutdown(MINUTE).await.unwrap_err();
    assert!(lost.to_string().starts_with("1 use"), "{lost}");
}

/// When the shared store has the token used, once all that waits is written.
async fn written(store: &Remote, desk: &Desk, record: &TokenRecord) -> Option<Timestamp> {
    assert_eq!(desk.node.flush().await, 0);
    let stored = store.rows.get(record.key()).await.unwrap().unwrap();
    stored.last_used
}

#[tokio::test(start_paused = true)]
async fn where_too_many_uses_wait_some_are_lost_and_that_is_told() {
    let (store, clock) = shared();
    let desk = Desk::start(Node::builder(store).max_pending_uses(2), &clock);
    for _ in 0..5 {
        let (token, _) = desk.session().await;
        desk.admit(&token).await.unwrap();
    }
    let state = desk.node.state();
    assert_eq!((state.pending_uses, state.lost_uses), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn where_too_many_uses_wait_a_token_without_an_idle_limit_loses_its_first() {
    let (store, clock) = shared();
    let desk = Desk::start(Node::builder(store.clone()).max_pending_uses(2), &clock);
    let new = NewToken::access_token("alice").lifetime(A_DAY);
    let (token, endless) = desk.mint(new).await;
    let (one, first) = desk.session().await;
    let (two, second) = desk.session().await;
    clock.advance(MINUTE);
    for token in [&token, &one, &two, &token] {
        desk.admit(token).await.unwrap();
    }
    let state = desk.node.state();
    assert_eq!((state.pending_uses, state.lost_uses), (2, 2));
    assert_eq!(written(&store, &desk, &endless).await, None);
    assert_eq!(written(&store, &desk, &first).await, Some(clock.now()));
    assert_eq!(written(&store, &desk, &second).await, Some(clock.now()));
}

#[tokio::test(start_paused = true)]
async fn where_too_many_uses_wait_the_one_is_lost_that_moves_an_end_the_least() {
    let (store, clock) = shared();
    let desk = Desk::start(Node::builder(store.clone()).max_pending_uses(2), &clock);
    let (one, first) = desk.session().await;
    let (two, second) = desk.session().await;
    // A minute of thirty days is less than a minute of half an hour.
    let new = NewToken::session("alice").idle(30 * A_DAY);
    let (long, lasting) = desk.mint(new.lifetime(60 * A_DAY)).await;
    clock.advance(Duration::from_secs(30));
    desk.admit(&one).await.unwrap();
    clock.advance(20 * MINUTE);
    desk.admit(&two).await.unwrap();
    desk.admit(&long).await.unwrap();
    assert_eq!(desk.node.state().lost_uses, 1, "the one that came");
    // A token that waits already loses nothing: its later use takes the place of the earlier.
    clock.advance(MINUTE);
    desk.admit(&two).await.unwrap();
    assert_eq!(desk.node.state().lost_uses, 1);
    let (three, third) = desk.session().await;
    clock.advance(5 * MINUTE);
    desk.admit(&three).await.unwrap();
    assert_eq!(desk.node.state().lost_uses, 2, "the early one went");
    assert_eq!(written(&store, &desk, &lasting).await, None);
    assert_eq!(written(&store, &desk, &first).await, None);
    assert_eq!(written(&store, &desk, &third).await, Some(clock.now()));
    let of_two = clock.now().saturating_sub(5 * MINUTE);
    assert_eq!(written(&store, &desk, &second).await, Some(of_two));
}

#[tokio::test(start_paused = true)]
async fn what_is_written_makes_room_and_nothing_is_lost_by_that() {
    let (store, clock) = shared();
    let desk = Desk::start(Node::builder(store.clone()).max_pending_uses(2), &clock);
    let mut records = Vec::new();
    for _ in 0..3 {
        for _ in 0..2 {
            let (token, record) = desk.session().await;
            clock.advance(Duration::from_secs(1));
            desk.admit(&token).await.unwrap();
            records.push((record, clock.now()));
        }
        assert_eq!(desk.node.flush().await, 0);
    }
    assert_eq!(desk.node.state().lost_uses, 0);
    for (record, used) in records {
        let stored = store.rows.get(record.key()).await.unwrap().unwrap();
        assert_eq!(stored.last_used, Some(used));
    }
}

#[tokio::test(start_paused = true)]
async fn a_use_that_waits_is_known_though_the_digest_was_renewed_meanwhile() {
    let (store, clock) = shared();
    let desk = Desk::start(Node::builder(store.clone()).lag(MINUTE), &clock);
    let (token, record) = desk.session().await;
    clock.advance(29 * MINUTE);
    desk.admit(&token).await.unwrap();

    // Another node renews the digest; this one knows the pepper too.
    let digests = Digests::peppered(Pepper::new("2026", vec![7; 32]).unwrap());
    let digests = digests.also_plain().unwrap();
    let elsewhere = OpaqueTokenVerifier::new(store.clone(), shape("st_"));
    let elsewhere = elsewhere.with_digests(digests.clone());
    verify(&elsewhere, &token, clock.now()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let renewed = store.rows.get(record.key()).await.unwrap().unwrap();
    assert_ne!(renewed.digest, record.digest);
    assert_eq!(renewed.last_used, None, "the use still waits");

    clock.advance(29 * MINUTE);
    let here = desk.verifier.clone().with_digests(digests);
    desk.admit_by(&here, &token).await.unwrap();
    let used = desk.node.tokens().get(record.key()).await.unwrap().unwrap();
    assert_eq!(used.last_used, Some(clock.now()));
    assert_eq!(desk.node.state().pending_uses, 1, "of one token");
    assert_eq!(written(&store, &desk, &record).await, Some(clock.now()));
}

#[tokio::test(start_paused = true)]
async fn a_limit_does_not_take_a_session_for_idle_that_was_used_here() {
    let (store, clock) = shared();
    let desk = Desk::of(&store, &clock);
    let (token, _) = desk.session().await;
    clock.advance(29 * MINUTE);
    desk.admit(&token).await.unwrap();
    clock.advance(29 * MINUTE);
    let limit = SubjectLimit {
        max: std::num::NonZeroUsize::MIN,
        when_full: tower_bearer::store::WhenFull::Refuse,
    };
    let issuer = desk.issuer.clone().with_limit(limit);
    let new = NewToken::session("alice").lifetime(A_DAY);
    issuer.mint(new).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn whatever_is_ended_here_is_over_here_when_the_call_has_returned() {
    let (store, clock) = shared();
    let desk = Desk::of(&store, &clock);
    for way in 0..5 {
        let (token, record) = desk.session().await;
        let key = record.key();
        desk.admit_cached(&token).await.unwrap();
        // Verified, and not let in yet.
        let under_way = verify(&desk.verifier, &token, clock.now()).await.unwrap();
        let from_memory = verify(&*desk.cached, &token, clock.now()).await.unwrap();
        match way {
            0 => drop(desk.issuer.revoke(key).await.unwrap()),
            1 => drop(
                desk.issuer
                    .revoke_all("alice", &TokenFilter::all())
                    .await
                    .unwrap(),
            ),
            2 => drop(desk.issuer.rotate(key, Duration::ZERO).await.unwrap()),
            3 => drop(desk.issuer.disable(key).await.unwrap()),
            _ => {
                let new = NewToken::session("alice").lifetime(A_DAY);
                drop(desk.issuer.regenerate(new).await.unwrap());
            }
        }
        for identity in [under_way, from_memory] {
            let refused = identity.admitted(clock.now()).unwrap_err();
            assert_eq!(refused.reason(), Reason::Revoked, "way {way}");
            assert_eq!(refused.credential_id(), Some(&*record.id));
        }
        let refused = desk.admit_cached(&token).await.unwrap_err();
        let expected = if way == 3 {
            Reason::Disabled
        } else {
            Reason::Revoked
        };
        assert_eq!(refused.reason(), expected, "way {way}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_sessions_of_the_subject_go_on_meanwhile() {
    let (store, clock) = shared();
    let desk = Desk::of(&store, &clock);
    let (token, record) = desk.session().await;
    let (_, other) = desk.session().await;
    let under_way = verify(&desk.verifier, &token, clock.now()).await.unwrap();
    desk.issuer.revoke(other.key()).await.unwrap();
    let others = TokenFilter::all().except(record.id.clone());
    desk.issuer.revoke_all("alice", &others).await.unwrap();
    under_way.admitted(clock.now()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_with_a_new_end_is_looked_up_again_and_goes_on() {
    let (store, clock) = shared();
    let desk = Desk::of(&store, &clock);
    let (token, record) = desk.session().await;
    desk.admit_cached(&token).await.unwrap();
    let under_way = verify(&*desk.cached, &token, clock.now()).await.unwrap();
    let end = clock.now().saturating_add(MINUTE);
    let change = TokenChange::new().expires_at(end);
    desk.issuer.update(record.key(), &change).await.unwrap();
    under_way.admitted(clock.now()).unwrap();
    let again = desk.admit_cached(&token).await.unwrap();
    assert_eq!(again.expires_at(), Some(end));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_failed_leaves_nothing_remembered_in_trust() {
    let (store, clock) = shared();
    let desk = Desk::of(&store, &clock);
    let (token, record) = desk.session().await;
    desk.admit_cached(&token).await.unwrap();
    let before = store.lookups();
    desk.admit_cached(&token).await.unwrap();
    assert_eq!(store.lookups(), before, "remembered");
    store.set_down(true);
    let tokens = desk.node.tokens();
    tokens.revoke(record.key(), clock.now()).await.unwrap_err();
    let refused = desk.admit_cached(&token).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Unavailable);
}

/// A feed that says what the test says, and is deaf when it says so.
#[derive(Debug, Default)]
struct Scripted {
    ears: Mutex<Vec<mpsc::UnboundedSender<FeedMessage>>>,
    is_deaf: AtomicBool,
    is_late: AtomicBool,
    is_closed: AtomicBool,
    held_back: Mutex<Vec<FeedMessage>>,
    subscribed: AtomicUsize,
}

impl Scripted {
    fn say(&self, message: &FeedMessage) {
        if self.is_late.load(Ordering::SeqCst) {
            self.held_back.lock().unwrap().push(message.clone());
        } else if !self.is_deaf.load(Ordering::SeqCst) {
            self.deliver(message);
        }
    }

    fn deliver(&self, message: &FeedMessage) {
        for ear in self.ears.lock().unwrap().iter() {
            let _ = ear.send(message.clone());
        }
    }

    fn cut(&self) {
        self.ears.lock().unwrap().clear();
    }
}

#[async_trait]
impl Feed for Scripted {
    async fn subscribe(&self) -> Result<Box<dyn Subscription>, StoreError> {
        self.subscribed.fetch_add(1, Ordering::SeqCst);
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable {
                store: "scripted",
                source: "no route to host".into(),
            });
        }
        let (ear, messages) = mpsc::unbounded_channel();
        self.ears.lock().unwrap().push(ear);
        Ok(Box::new(Ear(messages)))
    }

    async fn beat(&self, beat: Beat) -> Result<(), StoreError> {
        self.say(&FeedMessage::Beat(beat));
        Ok(())
    }
}

struct Ear(mpsc::UnboundedReceiver<FeedMessage>);

#[async_trait]
impl Subscription for Ear {
    async fn next(&mut self) -> Result<FeedMessage, StoreError> {
        let next = self.0.recv().await;
        next.ok_or_else(|| StoreError::Unavailable {
            store: "scripted",
            source: "the connection was lost".into(),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_node_ends_is_over_here_once_it_is_heard() {
    let (store, clock) = shared();
    let feed = Arc::new(Scripted::default());
    let desk = Desk::start(Node::builder(store.clone()).feed(feed.clone()), &clock);
    sleep(Duration::from_millis(10)).await;
    assert!(desk.node.state().is_trusted);
    let (token, record) = desk.session().await;
    desk.admit_cached(&token).await.unwrap();
    let under_way = verify(&*desk.cached, &token, clock.now()).await.unwrap();

    store.rows.revoke(record.key(), clock.now()).await.unwrap();
    desk.admit_cached(&token)
        .await
        .expect("it was not heard of yet");
    feed.say(&FeedMessage::Ending(Ending::Token {
        subject: "alice".into(),
        id: record.id.clone(),
    }));
    sleep(Duration::from_millis(1)).await;
    let refused = desk.admit_cached(&token).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Revoked);
    let refused = under_way.admitted(clock.now()).unwrap_err();
    assert_eq!(refused.reason(), Reason::Revoked);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_hear_itself_trusts_nothing_until_it_does() {
    let (store, clock) = shared();
    let feed = Arc::new(Scripted::default());
    let desk = Desk::start(Node::builder(store.clone()).feed(feed.clone()), &clock);
    assert!(!desk.node.state().is_trusted, "nothing was heard yet");
    let (token, record) = desk.session().await;
    sleep(Duration::from_millis(10)).await;
    desk.admit_cached(&token).await.unwrap();
    let lookups = || store.lookups();
    let before = lookups();
    sleep(20 * MINUTE).await;
    assert!(desk.node.state().is_trusted, "beats are heard");
    desk.admit_cached(&token).await.unwrap();
    assert_eq!(lookups(), before, "remembered");

    // The connection stands, and nothing comes.
    feed.is_deaf.store(true, Ordering::SeqCst);
    sleep(Duration::from_millis(3_100)).await;
    assert!(!desk.node.state().is_trusted);
    desk.admit_cached(&token).await.unwrap();
    desk.admit_cached(&token).await.unwrap();
    assert_eq!(lookups(), before + 2, "looked up each time");
    // What is ended now is never heard of.
    store.rows.revoke(record.key(), clock.now()).await.unwrap();
    let refused = desk.admit_cached(&token).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Revoked);

    feed.is_deaf.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(3)).await;
    assert!(desk.node.state().is_trusted);
    assert!(feed.subscribed.load(Ordering::SeqCst) >= 2, "listened anew");
}

#[tokio::test(start_paused = true)]
async fn trust_comes_back_only_by_a_beat_that_was_given_and_heard_by_the_new_subscription() {
    let (store, clock) = shared();
    let feed = Arc::new(Scripted::default());
    let desk = Desk::start(Node::builder(store).feed(feed.clone()), &clock);
    sleep(Duration::from_millis(10)).await;
    let is_trusted = || desk.node.state().is_trusted;
    // A beat of the first subscription that stays on its way.
    feed.is_late.store(true, Ordering::SeqCst);
    sleep(Duration::from_secs(1)).await;
    let old = feed.held_back.lock().unwrap()[0].clone();
    assert!(is_trusted());

    let subscribed = feed.subscribed.load(Ordering::SeqCst);
    feed.cut();
    sleep(Duration::from_millis(1)).await;
    assert!(!is_trusted(), "noticed at once");
    sleep(Duration::from_millis(200)).await;
    assert!(feed.subscribed.load(Ordering::SeqCst) > subscribed, "anew");
    assert!(!is_trusted(), "to have subscribed is not enough");
    let of_another = FeedMessage::Beat(Beat { node: 7, number: 1 });
    let nothing = FeedMessage::Ending(Ending::Anything);
    for message in [old, of_another, nothing] {
        feed.deliver(&message);
        sleep(Duration::from_millis(1)).await;
        assert!(!is_trusted(), "{message:?}");
    }
    let new = feed.held_back.lock().unwrap().last().cloned().unwrap();
    feed.deliver(&new);
    sleep(Duration::from_millis(1)).await;
    assert!(is_trusted(), "its own");
}

#[tokio::test(start_paused = true)]
async fn while_no_subscription_can_be_made_nothing_is_trusted() {
    let (store, clock) = shared();
    let feed = Arc::new(Scripted::default());
    let desk = Desk::start(Node::builder(store).feed(feed.clone()), &clock);
    sleep(Duration::from_millis(10)).await;
    assert!(desk.node.state().is_trusted);
    feed.is_closed.store(true, Ordering::SeqCst);
    feed.cut();
    for _ in 0..60 {
        sleep(Duration::from_secs(1)).await;
        assert!(!desk.node.state().is_trusted);
    }
    feed.is_closed.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(2)).await;
    assert!(desk.node.state().is_trusted);
}

#[tokio::test(start_paused = true)]
async fn a_node_says_when_it_was_last_trusted_and_wrote_and_pruned() {
    let (store, clock) = shared();
    let feed = Arc::new(Scripted::default());
    let builder = Node::builder(store.clone()).feed(feed.clone());
    let builder = builder.prune(10 * MINUTE, A_DAY).prune_batch(7);
    let start = clock.now();
    let desk = Desk::start(builder, &clock);
    let state = desk.node.state();
    assert_eq!((state.is_trusted, state.trust_changed_at), (false, start));
    assert_eq!((state.uses_written_at, state.pruned_at), (None, None));

    clock.advance(MINUTE);
    let trusted = clock.now();
    sleep(Duration::from_millis(10)).await;
    clock.advance(MINUTE);
    sleep(20 * Duration::from_secs(1)).await;
    let state = desk.node.state();
    assert_eq!((state.is_trusted, state.trust_changed_at), (true, trusted));
    assert_eq!(state.uses_written_at, Some(clock.now()), "none waited");

    let written = clock.now();
    let (token, _) = desk.session().await;
    desk.admit(&token).await.unwrap();
    store.set_down(true);
    clock.advance(MINUTE);
    feed.is_deaf.store(true, Ordering::SeqCst);
    sleep(20 * Duration::from_secs(1)).await;
    let state = desk.node.state();
    let lost = (false, written.saturating_add(MINUTE));
    assert_eq!((state.is_trusted, state.trust_changed_at), lost);
    assert_eq!(state.uses_written_at, Some(written), "not since");

    store.set_down(false);
    for _ in 0..20 {
        let new = NewToken::session("alice").lifetime(MINUTE);
        desk.mint(new).await;
    }
    clock.advance(2 * A_DAY);
    sleep(10 * MINUTE).await;
    let state = desk.node.state();
    assert_eq!((state.pruned_at, state.pruned), (Some(clock.now()), 21));
    let rounds = store.prunes();
    assert_eq!(rounds, [7; 4], "three full ones, and what is left");
    sleep(10 * MINUTE).await;
    assert_eq!(desk.node.state().pruned, 0, "nothing was over");
}

#[tokio::test(start_paused = true)]
async fn what_was_remembered_before_a_gap_is_not_trusted_after_it() {
    let (store, clock) = shared();
    let feed = Arc::new(Scripted::default());
    let desk = Desk::start(Node::builder(store.clone()).feed(feed.clone()), &clock);
    sleep(Duration::from_millis(10)).await;
    let (token, record) = desk.session().await;
    desk.admit_cached(&token).await.unwrap();
    feed.cut();
    store.rows.revoke(record.key(), clock.now()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(desk.node.state().is_trusted, "it is back");
    let refused = desk.admit_cached(&token).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Revoked);
}

#[tokio::test(start_paused = true)]
async fn a_beat_that_comes_late_vouches_for_no_later_time_than_it_was_given_at() {
    let (store, clock) = shared();
    let feed = Arc::new(Scripted::default());
    let desk = Desk::start(Node::builder(store).feed(feed.clone()), &clock);
    sleep(Duration::from_millis(10)).await;
    assert!(desk.node.state().is_trusted);
    // Given after one second, and heard only after 2.9.
    feed.is_late.store(true, Ordering::SeqCst);
    sleep(Duration::from_millis(2_890)).await;
    let late = feed.held_back.lock().unwrap()[0].clone();
    feed.deliver(&late);
    sleep(Duration::from_millis(1_000)).await;
    assert!(desk.node.state().is_trusted, "2.9 seconds after it");
    sleep(Duration::from_millis(200)).await;
    assert!(!desk.node.state().is_trusted, "3.1 seconds after it");
}

#[tokio::test(start_paused = true)]
async fn a_late_echo_does_not_refuse_a_token_that_was_switched_on_again() {
    let (store, clock) = shared();
    let feed = Arc::new(Scripted::default());
    let desk = Desk::start(Node::builder(store.clone()).feed(feed.clone()), &clock);
    sleep(Duration::from_millis(10)).await;
    let (token, record) = desk.session().await;
    let disabled = desk.issuer.disable(record.key()).await.unwrap();
    desk.issuer.enable(record.key()).await.unwrap();
    desk.admit_cached(&token).await.unwrap();
    let under_way = verify(&desk.verifier, &token, clock.now()).await.unwrap();

    feed.say(&FeedMessage::Ending(Ending::of_update(&disabled)));
    sleep(Duration::from_millis(1)).await;
    under_way.admitted(clock.now()).unwrap();
    let before = store.lookups();
    desk.admit_cached(&token).await.unwrap();
    let looked_up = store.lookups() - before;
    assert_eq!(looked_up, 1, "what is remembered is looked up again");
}

#[tokio::test(start_paused = true)]
async fn once_nobody_follows_the_feed_nothing_remembered_is_trusted() {
    let (store, clock) = shared();
    for is_shut_down in [true, false] {
        let revocations = Revocations::new(Arc::new(MemoryRevocations::new()), A_DAY).unwrap();
        let node = Node::builder(store.clone()).feed(Arc::new(Scripted::default()));
        let desk = Desk::start(node.revocations(revocations.clone()), &clock);
        sleep(Duration::from_millis(10)).await;
        assert!(revocations.is_trusted());
        if is_shut_down {
            desk.node.shutdown(MINUTE).await.unwrap();
        } else {
            drop(desk);
            sleep(Duration::from_millis(1)).await;
        }
        assert!(!revocations.is_trusted(), "{is_shut_down}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_removed_after_a_while() {
    let (store, clock) = shared();
    let revocations = Revocations::new(Arc::new(MemoryRevocations::new()), MINUTE).unwrap();
    let revocations = revocations.with_clock(clock.clone());
    let builder = Node::builder(store.clone()).prune(10 * MINUTE, A_DAY);
    let desk = Desk::start(builder.revocations(revocations.clone()), &clock);
    let mut records = Vec::new();
    for _ in 0..1_200 {
        let new = NewToken::session("alice").lifetime(MINUTE);
        let minted = desk.issuer.mint(new).await.unwrap();
        records.push(minted.record);
    }
    revocations
        .revoke(Target::subject("", "bob"))
        .await
        .unwrap();
    let is_there = async || {
        let got = desk.node.tokens().get(records[0].key()).await;
        got.unwrap().is_some()
    };
    clock.advance(A_DAY + MINUTE - Duration::from_millis(1));
    sleep(11 * MINUTE).await;
    assert!(is_there().await, "kept for a day after its end");
    clock.advance(Duration::from_millis(1));
    sleep(11 * MINUTE).await;
    assert!(!is_there().await);
    // A revocation is over when no verifier could take the tokens any more, whatever its leeway.
    clock.advance(5 * MINUTE);
    sleep(11 * MINUTE).await;
    let (all, page) = (TokenFilter::all(), Page::first(9));
    let left = desk.issuer.list("alice", &all, &page).await.unwrap();
    assert!(left.is_empty(), "all 1,200 are gone");
    assert_eq!(
        revocations.prune(10).await.unwrap(),
        0,
        "and the revocation"
    );
}

#[tokio::test]
async fn a_node_that_cannot_be_right_is_refused_by_the_name_of_the_setting() {
    let builder = || Node::builder(Arc::new(MemoryStore::new()));
    for (builder, setting) in [
        (builder().lag(Duration::ZERO), "lag"),
        (builder().lag(2 * MINUTE), "lag"),
        (builder().max_pending_uses(0), "max_pending_uses"),
        (builder().silence(Duration::ZERO), "silence"),
        (builder().silence(2 * MINUTE), "silence"),
        (builder().prune(Duration::ZERO, A_DAY), "prune"),
        (builder().prune_batch(0), "prune_batch"),
        (builder().prune_batch(usize::MAX), "prune_batch"),
    ] {
        let error = builder.start().unwrap_err().to_string();
        assert!(error.contains(setting), "{error}");
    }
}

#[test]
fn a_node_needs_a_runtime() {
    let error = Node::builder(Arc::new(MemoryStore::new()))
        .start()
        .unwrap_err();
    assert!(error.to_string().contains("runtime"), "{error}");
}
