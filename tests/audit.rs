//! The audit trail: who did what, by which credential, and how it went.
#![allow(clippy::unwrap_used)]

#[path = "support/tokens.rs"]
mod support;

use std::convert::Infallible;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use support::{Desk, secs};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::audit::{
    Actor, AuditAction, AuditEvent, AuditSink, AuditTarget, AuditTrail, AuditWriter, BufferedSink,
    ChannelSink, ClientAddr,
};
use tower_bearer::clock::Timestamp;
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::issue::{IssueError, NewToken};
use tower_bearer::observe::Outcome;
use tower_bearer::policy::Policy;
use tower_bearer::store::{TokenFilter, TokenKey};
use tower_bearer::verifier::verify_fn;
use tower_bearer::{BearerAuthLayer, Reason, async_trait};

type Body = Full<bytes::Bytes>;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A trail into a channel, and its other end.
fn trail() -> (AuditTrail, Receiver<AuditEvent>) {
    let (sink, events) = ChannelSink::new(100).unwrap();
    let trail = AuditTrail::builder().sink(sink);
    let trail = trail.client_addr(|head| {
        let header = head.headers.get("x-client")?;
        header.to_str().ok()?.parse().ok()
    });
    (trail.build().unwrap(), events)
}

/// Asks once through a layer that tells `trail`, under a policy that access tokens do not meet in `/users`.
async fn ask(desk: &Desk, trail: &AuditTrail, target: &str, token: Option<&str>) -> u16 {
    let policy = Policy::check(|identity, head: Option<&tower_bearer::RequestHead<'_>>| {
        identity.credential_kind() != CredentialKind::AccessToken
            || head.is_none_or(|head| head.uri.path() != "/users")
    });
    let layer = BearerAuthLayer::builder(desk.verifier.clone())
        .clock(desk.clock.clone())
        .require(policy)
        .listener(trail.clone())
        .build()
        .unwrap();
    let inner = service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::default()))
    });
    let mut request = Request::post(target).header("x-client", "192.0.2.7");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Body::default()).unwrap();
    let Ok(response) = layer.layer(inner).oneshot(request).await;
    response.status().as_u16()
}

#[tokio::test]
async fn a_session_acts_in_the_name_of_its_user() {
    let desk = Desk::new();
    let (trail, events) = trail();
    let (token, record) = desk.session("alice").await;
    assert_eq!(
        ask(&desk, &trail, "/items?key=hunter2", Some(&token)).await,
        200
    );
    let event = events.try_recv().unwrap();
    assert_eq!(event.at, secs(1000));
    assert_eq!(event.action, AuditAction::Request(Outcome::Admitted));
    assert_eq!(event.actor, Some(Actor::User("alice".into())));
    let credential = event.credential.clone().unwrap();
    assert_eq!(credential.kind, Some(CredentialKind::Session));
    assert_eq!(credential.id, Some(record.id));
    assert_eq!(event.method.as_deref(), Some("POST"));
    assert_eq!(event.resource.as_deref(), Some("/items"));
    assert_eq!(event.client_addr, Some(IpAddr::from([192, 0, 2, 7])));
    let all = format!("{event:?}");
    assert!(!all.contains("hunter2"), "the query is in it: {all}");
    assert!(!all.contains(&token), "the token is in it");
    assert!(events.try_recv().is_err(), "one event for one request");
}

#[tokio::test]
async fn an_access_token_acts_in_its_own_name_and_the_person_is_not_named() {
    let desk = Desk::new();
    let (trail, events) = trail();
    let named = NewToken::access_token("alice@example.com")
        .name("deploy")
        .lifetime(DAY);
    let (token, _) = desk.mint(named).await;
    let nameless = NewToken::access_token("alice@example.com").lifetime(DAY);
    let (nameless, record) = desk.mint(nameless).await;

    for (token, path, status, name) in [
        (&token, "/items", 200, "deploy"),
        (&token, "/users", 403, "deploy"),
        (&nameless, "/items", 200, &*record.id),
    ] {
        assert_eq!(ask(&desk, &trail, path, Some(token)).await, status);
        let event = events.try_recv().unwrap();
        assert_eq!(event.actor, Some(Actor::Token(name.into())));
        let all = format!("{event:?}");
        assert!(!all.contains("alice"), "the person is named: {all}");
    }
}

#[tokio::test]
async fn a_refusal_says_why_and_by_which_credential() {
    let desk = Desk::new();
    let (trail, events) = trail();
    let (token, record) = desk.session("alice").await;
    desk.issuer.revoke(record.key()).await.unwrap();

    assert_eq!(ask(&desk, &trail, "/", Some(&token)).await, 401);
    let event = events.try_recv().unwrap();
    let revoked = Outcome::Refused(Reason::Revoked);
    assert_eq!(event.action, AuditAction::Request(revoked));
    assert_eq!(event.credential.unwrap().id, Some(record.id));
    assert_eq!(event.detail, Some("token was revoked"));
    assert_eq!(event.actor, None, "nobody was let in");

    assert_eq!(ask(&desk, &trail, "/", None).await, 401);
    let event = events.try_recv().unwrap();
    let missing = Outcome::Refused(Reason::Missing);
    assert_eq!(event.action, AuditAction::Request(missing));
    assert_eq!(event.credential, None);
}

#[tokio::test]
async fn whatever_is_done_to_a_token_is_told_with_who_did_it() {
    let desk = Desk::new();
    let (trail, events) = trail();
    let boss = desk.verify(&desk.session("boss").await.0).await.unwrap();
    let issuer = desk.issuer.clone().with_audit(trail).acting_for(&boss);

    let new = NewToken::access_token("alice").name("ci").lifetime(DAY);
    let minted = issuer.mint(new).await.unwrap();
    let key = minted.record.key();
    issuer.disable(key).await.unwrap();
    issuer.enable(key).await.unwrap();
    let rotated = issuer.rotate(key, Duration::ZERO).await.unwrap();
    assert!(issuer.revoke(rotated.record.key()).await.unwrap());
    assert!(!issuer.revoke(rotated.record.key()).await.unwrap());
    drop(issuer.mint(NewToken::bot_token("alice")).await.unwrap());
    let all = TokenFilter::all();
    assert_eq!(issuer.revoke_all("alice", &all).await.unwrap(), 1);
    assert_eq!(issuer.revoke_all("alice", &all).await.unwrap(), 0);
    let nobody = TokenKey {
        subject: "alice",
        id: "none",
    };
    issuer.revoke(nobody).await.unwrap_err();

    let told: Vec<_> = events.try_iter().collect();
    let actions: Vec<_> = told.iter().map(|event| event.action).collect();
    assert_eq!(
        actions,
        [
            AuditAction::Issued,
            AuditAction::Changed,
            AuditAction::Changed,
            AuditAction::Rotated,
            AuditAction::Revoked,
            AuditAction::Issued,
            AuditAction::RevokedAll(1),
        ]
    );
    for event in &told {
        assert_eq!(event.actor, Some(Actor::User("boss".into())));
        let target = event.target.as_ref().unwrap();
        assert_eq!(target.subject.as_deref(), Some("alice"));
    }
    assert_eq!(
        told[0].target.as_ref().unwrap().id,
        Some(minted.record.id.clone())
    );
    let successor = told[3].target.as_ref().unwrap();
    assert_eq!(successor.id, Some(rotated.record.id));
    assert_eq!(successor.replaces, Some(minted.record.id));
}

#[tokio::test]
async fn what_an_access_token_does_to_tokens_of_its_person_does_not_name_the_person_either() {
    let desk = Desk::new();
    let (trail, events) = trail();
    let new = NewToken::access_token("alice@example.com");
    let (token, own) = desk.mint(new.name("deploy").lifetime(DAY)).await;
    let (_, of_bob) = desk.session("bob").await;
    let deploy = desk.verify(&token).await.unwrap();
    let issuer = desk.issuer.clone().with_audit(trail).acting_for(&deploy);

    let forbidden = NewToken::access_token("alice@example.com").lifetime(DAY);
    let refused = issuer.mint_as(&deploy, forbidden).await.unwrap_err();
    assert!(matches!(refused, IssueError::NotAllowed(_)), "{refused}");
    issuer.disable(own.key()).await.unwrap();
    issuer.revoke(own.key()).await.unwrap();
    let all = TokenFilter::all();
    desk.session("alice@example.com").await;
    assert_eq!(issuer.revoke_all(&own.subject, &all).await.unwrap(), 1);
    issuer.revoke(of_bob.key()).await.unwrap();

    let told: Vec<_> = events.try_iter().collect();
    assert_eq!(told.len(), 5);
    for event in &told {
        assert_eq!(event.actor, Some(Actor::Token("deploy".into())));
        let all = format!("{event:?}");
        assert!(!all.contains("alice"), "the person is named: {all}");
    }
    let target = told[4].target.as_ref().unwrap();
    assert_eq!(target.subject.as_deref(), Some("bob"), "somebody else is");
}

#[tokio::test]
async fn a_caller_who_may_not_have_a_token_is_in_the_trail_with_the_reason() {
    let desk = Desk::new();
    let (trail, events) = trail();
    let alice = desk.verify(&desk.session("alice").await.0).await.unwrap();
    let issuer = desk.issuer.clone().with_audit(trail);
    let for_bob = NewToken::access_token("bob").name("backdoor").lifetime(DAY);
    issuer.mint_as(&alice, for_bob).await.unwrap_err();
    let event = events.try_recv().unwrap();
    assert_eq!(event.action, AuditAction::NotIssued(Reason::Forbidden));
    assert_eq!(event.action.outcome(), "forbidden");
    assert_eq!(event.actor, Some(Actor::User("alice".into())));
    assert!(event.detail.is_some());
    let target = event.target.unwrap();
    assert_eq!(target.kind, Some(CredentialKind::AccessToken));
    assert_eq!(target.subject.as_deref(), Some("bob"));
    assert_eq!(target.name.as_deref(), Some("backdoor"));
    assert_eq!(target.id, None, "there is none");
    assert!(events.try_recv().is_err(), "nothing was issued");
}

#[tokio::test]
async fn ending_all_tokens_of_a_subject_says_of_which_kind_if_it_is_one() {
    let desk = Desk::new();
    let (trail, events) = trail();
    let issuer = desk.issuer.clone().with_audit(trail);
    let kind = || events.try_iter().last().unwrap().target.unwrap().kind;
    let bots = TokenFilter::all().kinds([CredentialKind::BotToken]);
    drop(issuer.mint(NewToken::bot_token("alice")).await.unwrap());
    issuer.revoke_all("alice", &bots).await.unwrap();
    assert_eq!(kind(), Some(CredentialKind::BotToken));
    drop(issuer.mint(NewToken::bot_token("alice")).await.unwrap());
    issuer
        .revoke_all("alice", &TokenFilter::all())
        .await
        .unwrap();
    assert_eq!(kind(), None, "of several");
}

#[cfg(all(feature = "jwt", feature = "aws-lc-rs"))]
#[test]
fn each_jwt_that_is_given_out_or_denied_is_in_the_trail() {
    use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey};
    use tower_bearer::keys::Algorithm;

    let (trail, events) = trail();
    let issuer = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).unwrap())
        .issuer("https://id.example.com")
        .audience("https://api.example.com")
        .lifetime(DAY)
        .clock(tower_bearer::clock::ManualClock::new(secs(1000)))
        .audit(trail)
        .build()
        .unwrap();
    let alice = Identity::new("alice", CredentialKind::Session);
    let issued = issuer.issue(NewJwt::new("carol")).unwrap();
    issuer.issue_as(&alice, NewJwt::new("bob")).unwrap_err();

    let told: Vec<_> = events.try_iter().collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].action, AuditAction::Issued);
    assert_eq!((told[0].at, &told[0].actor), (secs(1000), &None));
    let target = told[0].target.clone().unwrap();
    assert_eq!(target.kind, Some(CredentialKind::Jwt));
    assert_eq!(target.id, Some(issued.id));
    assert_eq!(target.subject.as_deref(), Some("carol"));
    let text = issued.token.reveal();
    let signature = text.rsplit('.').next().unwrap();
    assert!(
        !format!("{told:?}").contains(signature),
        "the token is in it"
    );
    assert_eq!(told[1].action, AuditAction::NotIssued(Reason::Forbidden));
    assert_eq!(told[1].actor, Some(Actor::User("alice".into())));
}

#[tokio::test]
async fn where_a_request_comes_from_is_what_an_outer_layer_left() {
    let verifier = verify_fn(async |_| Ok(Identity::new("alice", CredentialKind::Session)));
    let (sink, events) = ChannelSink::new(10).unwrap();
    let trail = AuditTrail::builder().sink(sink).build().unwrap();
    let layer = BearerAuthLayer::builder(verifier).listener(trail);
    let inner = service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::default()))
    });
    let service = layer.build().unwrap().layer(inner);
    let addr = IpAddr::from([203, 0, 113, 9]);
    let request = || Request::get("/").header("authorization", "Bearer x");
    let known = request().extension(ClientAddr(addr));
    for (request, told) in [(known, Some(addr)), (request(), None)] {
        let request = request.body(Body::default()).unwrap();
        let Ok(_) = service.clone().oneshot(request).await;
        assert_eq!(events.try_recv().unwrap().client_addr, told);
    }
}

#[tokio::test]
async fn a_resource_is_the_path_or_what_the_service_calls_it_cut_to_a_length_and_without_a_query() {
    #[derive(Clone)]
    struct Whole(String);

    let desk = Desk::new();
    let (sink, events) = ChannelSink::new(10).unwrap();
    let trail = AuditTrail::builder()
        .sink(sink)
        .resource(|head| head.extensions.get::<Whole>().map(|it| it.0.clone()))
        .build()
        .unwrap();
    let layer = BearerAuthLayer::builder(desk.verifier.clone()).listener(trail);
    let inner = service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::default()))
    });
    let service = layer.build().unwrap().layer(inner);
    let long = format!("/{}", "a".repeat(5000));
    for (path, whole, told) in [
        ("/7", None, "/7"),
        (
            "/7?key=hunter2",
            Some("/orders/7?key=hunter2#x"),
            "/orders/7",
        ),
        (&long, None, &long[..1024]),
    ] {
        let mut request = Request::get(path).body(Body::default()).unwrap();
        if let Some(whole) = whole {
            request.extensions_mut().insert(Whole(whole.into()));
        }
        let Ok(_) = service.clone().oneshot(request).await;
        let event = events.try_recv().unwrap();
        assert_eq!(event.resource.as_deref(), Some(told));
        assert!(!format!("{event:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn only_requests_that_were_let_in_are_sampled_and_only_of_the_kind_that_is_named() {
    let desk = Desk::new();
    let (sink, events) = ChannelSink::new(100).unwrap();
    let three = NonZeroU32::new(3).unwrap();
    let trail = AuditTrail::builder()
        .sink(sink)
        .sample(CredentialKind::Session, three)
        .build()
        .unwrap();
    let (session, _) = desk.session("alice").await;
    let token = NewToken::access_token("alice").lifetime(DAY);
    let (token, _) = desk.mint(token).await;
    for _ in 0..7 {
        ask(&desk, &trail, "/", Some(&session)).await;
        ask(&desk, &trail, "/", Some(&token)).await;
        ask(&desk, &trail, "/", Some("st_nonsense")).await;
    }
    let told: Vec<_> = events.try_iter().collect();
    let of_kind = |kind| {
        let kinds = told
            .iter()
            .filter_map(|event| event.credential.as_ref()?.kind);
        kinds.filter(|it| *it == kind).count()
    };
    assert_eq!(of_kind(CredentialKind::Session), 3, "the 1st, 4th and 7th");
    assert_eq!(of_kind(CredentialKind::AccessToken), 7);
    assert_eq!(told.len(), 3 + 7 + 7);
}

#[test]
fn a_trail_that_cannot_be_right_is_refused_by_the_name_of_the_setting() {
    let two = NonZeroU32::new(2).unwrap();
    let nowhere = AuditTrail::builder().build().unwrap_err();
    assert!(nowhere.to_string().contains("sink"), "{nowhere}");
    for kind in [
        CredentialKind::AccessToken,
        CredentialKind::ApiKey,
        CredentialKind::BotToken,
    ] {
        let trail = AuditTrail::builder().sink(|_: &AuditEvent| {});
        let refused = trail.sample(kind, two).build().unwrap_err();
        assert!(refused.to_string().contains("sample"), "{refused}");
    }
    ChannelSink::new(0).unwrap_err();
}

#[test]
fn a_full_channel_drops_and_counts() {
    let (sink, events) = ChannelSink::new(2).unwrap();
    let trail = AuditTrail::builder().sink(sink.clone()).build().unwrap();
    for _ in 0..5 {
        tell(&trail);
    }
    assert_eq!(sink.dropped(), 3);
    assert_eq!(events.try_iter().count(), 2);
    drop(events);
    tell(&trail);
    assert_eq!(sink.dropped(), 4, "nobody holds the other end");
}

fn tell(trail: &AuditTrail) {
    let target = AuditTarget::new(CredentialKind::ApiKey, "alice");
    trail.record(Timestamp::EPOCH, AuditAction::Issued, target, None);
}

/// Writes to a list, while it is told to.
#[derive(Debug, Default)]
struct Writer {
    written: Mutex<Vec<u128>>,
    is_down: AtomicBool,
    tries: AtomicUsize,
}

#[async_trait]
impl AuditWriter for Writer {
    async fn write(
        &self,
        events: &[AuditEvent],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err("the table is full".into());
        }
        let mut written = self.written.lock().unwrap();
        written.extend(events.iter().map(|event| event.id));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_writer_that_is_down_is_written_when_it_is_back() {
    let writer = Arc::new(Writer::default());
    writer.is_down.store(true, Ordering::SeqCst);
    let sink = BufferedSink::spawn(writer.clone(), 10).unwrap();
    let trail = AuditTrail::builder().sink(sink.clone()).build().unwrap();
    for _ in 0..3 {
        tell(&trail);
    }
    let a_second = Duration::from_secs(1);
    assert!(!sink.flush(a_second).await, "it is down");
    assert!(writer.tries.load(Ordering::SeqCst) > 1, "tried once alone");
    writer.is_down.store(false, Ordering::SeqCst);
    assert!(sink.flush(Duration::from_secs(10)).await);
    let mut written = writer.written.lock().unwrap().clone();
    assert_eq!(written.len(), 3);
    written.sort_unstable();
    written.dedup();
    assert_eq!(written.len(), 3, "each event has an id of its own");
    assert_eq!(sink.dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_stays_down_makes_nobody_wait_and_what_is_dropped_is_counted() {
    let writer = Arc::new(Writer::default());
    writer.is_down.store(true, Ordering::SeqCst);
    let sink = BufferedSink::spawn(writer.clone(), 10).unwrap();
    let event = {
        let (channel, events) = ChannelSink::new(1).unwrap();
        tell(&AuditTrail::builder().sink(channel).build().unwrap());
        events.try_recv().unwrap()
    };
    for _ in 0..25 {
        sink.record(&event);
    }
    assert_eq!(sink.dropped(), 15, "ten wait");
    assert!(BufferedSink::spawn(writer, 0).is_err());
}

#[test]
fn a_buffered_sink_needs_a_runtime_to_write_on() {
    let refused = BufferedSink::spawn(Arc::new(Writer::default()), 10).unwrap_err();
    assert!(refused.to_string().contains("runtime"), "{refused}");
}
