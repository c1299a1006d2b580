//! What is told of each request: to listeners, and to tracing.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use http::{HeaderValue, Method};
use tower::ServiceBuilder;
use tower_bearer::middleware::BearerAuthLayerBuilder;
use tower_bearer::observe::{AuthEvent, AuthListener, Outcome};
use tower_bearer::policy::Policy;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Reason, Refusal, RequireLayer};

use support::answers::{bare, grpc_request, request, send, with_token};
use support::clock::{START, clock};
use support::inner::Inner;
use support::verifiers::{Pace, admits, refuses};

/// Writes down each event: outcome, credential, whether a request was at hand.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<Entry>>>);

type Entry = (Outcome, Option<String>, bool);

impl Book {
    fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl AuthListener for Book {
    fn decided(&self, event: &AuthEvent<'_>) {
        assert_eq!(event.at, START);
        match event.outcome {
            Outcome::Refused(reason) => assert_eq!(event.refusal.unwrap().reason(), reason),
            _ => assert!(event.refusal.is_none()),
        }
        let of_identity = event.identity.and_then(|identity| identity.credential_id());
        let of_refusal = event.refusal.and_then(Refusal::credential_id);
        let id = of_identity.or(of_refusal).map(str::to_owned);
        self.0
            .lock()
            .unwrap()
            .push((event.outcome, id, event.head.is_some()));
    }
}

fn with_book(verifier: support::verifiers::Scripted) -> (BearerAuthLayerBuilder, Book) {
    let book = Book::default();
    let builder = BearerAuthLayer::builder(verifier)
        .clock(clock())
        .listener(book.clone());
    (builder, book)
}

fn credential() -> Option<String> {
    Some("cred-7".to_owned())
}

#[tokio::test]
async fn a_listener_hears_of_each_request_once() {
    for pace in Pace::BOTH {
        let (builder, book) = with_book(admits(pace));
        let layer = builder
            .optional_when(|head| head.uri.path() == "/open")
            .allow_cors_preflight()
            .open_grpc_method("/a.B/C")
            .build()
            .unwrap();
        let service = ServiceBuilder::new().layer(layer).service(Inner::default());
        let mut preflight = bare();
        *preflight.method_mut() = Method::OPTIONS;
        let headers = preflight.headers_mut();
        headers.insert("origin", HeaderValue::from_static("https://app.example"));
        headers.insert(
            "access-control-request-method",
            HeaderValue::from_static("PUT"),
        );
        let refused = Outcome::Refused;
        for (request, outcome, id) in [
            (with_token("x"), Outcome::Admitted, credential()),
            (request("/open", &[]), Outcome::Anonymous, None),
            (preflight, Outcome::Exempt, None),
            (grpc_request("/a.B/C", &[]), Outcome::Exempt, None),
            (bare(), refused(Reason::Missing), None),
            (grpc_request("/a.B/D", &[]), refused(Reason::Missing), None),
            (
                request("/", &[b"Basic x"]),
                refused(Reason::OtherScheme),
                None,
            ),
            (request("/", &[b"Bearer"]), refused(Reason::Malformed), None),
            (
                request("/", &[&[b'a'; 9000]]),
                refused(Reason::TooLarge),
                None,
            ),
        ] {
            send(&service, request).await;
            assert_eq!(book.take(), [(outcome, id, true)]);
        }
    }
}

#[tokio::test]
async fn a_listener_hears_why_a_verifier_refused_and_which_credential() {
    for pace in Pace::BOTH {
        for reason in [Reason::Revoked, Reason::Unavailable, Reason::RateLimited] {
            let refusal = Refusal::new(reason, "no").with_credential_id("cred-7");
            let (builder, book) = with_book(refuses(pace, refusal));
            let layer = builder.build().unwrap();
            let service = ServiceBuilder::new().layer(layer).service(Inner::default());
            send(&service, with_token("x")).await;
            assert_eq!(
                book.take(),
                [(Outcome::Refused(reason), credential(), true)]
            );
        }
    }
}

#[tokio::test]
async fn a_listener_hears_of_policies_at_the_layer_the_route_and_in_code() {
    let forbidden = Outcome::Refused(Reason::Forbidden);
    for pace in Pace::BOTH {
        let (builder, book) = with_book(admits(pace));
        let layer = builder.require(Policy::role("admin")).build().unwrap();
        let service = ServiceBuilder::new().layer(layer).service(Inner::default());
        send(&service, with_token("x")).await;
        assert_eq!(book.take(), [(forbidden, credential(), true)]);

        let (builder, book) = with_book(admits(pace));
        let inner = Inner::default();
        let service = ServiceBuilder::new()
            .layer(builder.build().unwrap())
            .layer(RequireLayer::new(Policy::role("admin")).unwrap())
            .service(inner.clone());
        send(&service, with_token("x")).await;
        let admitted = (Outcome::Admitted, credential(), true);
        assert_eq!(
            book.take(),
            [admitted.clone(), (forbidden, credential(), true)]
        );
        assert_eq!(inner.calls(), 0);

        let (builder, book) = with_book(admits(pace));
        let service = ServiceBuilder::new()
            .layer(builder.build().unwrap())
            .service(inner.clone());
        send(&service, with_token("x")).await;
        let user = AuthenticatedUser::from_extensions(&inner.last().extensions).unwrap();
        user.require(&Policy::authenticated()).unwrap();
        assert_eq!(book.take(), [admitted], "a policy that was met is no news");
        user.require(&Policy::role("admin")).unwrap_err();
        assert_eq!(book.take(), [(forbidden, credential(), false)]);
    }
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn a_listener_hears_of_an_anonymous_caller_turned_away_by_an_extractor() {
    let (builder, book) = with_book(admits(Pace::Now));
    let router = axum::Router::new()
        .route("/", axum::routing::get(async |_: AuthenticatedUser| ()))
        .layer(builder.optional().build().unwrap());
    let mut service = router.into_service();
    let response = tower::ServiceExt::<http::Request<String>>::ready(&mut service).await;
    let response = tower::Service::call(response.unwrap(), bare())
        .await
        .unwrap();
    assert_eq!(response.status(), 401);
    let refused = Outcome::Refused(Reason::Anonymous);
    assert_eq!(
        book.take(),
        [(Outcome::Anonymous, None, true), (refused, None, true)]
    );
}

#[tokio::test]
async fn several_listeners_all_hear() {
    let (one, other) = (Book::default(), Book::default());
    let layer = BearerAuthLayer::builder(admits(Pace::Now))
        .clock(clock())
        .listener(one.clone())
        .listener(other.clone())
        .build()
        .unwrap();
    let service = ServiceBuilder::new().layer(layer).service(Inner::default());
    send(&service, with_token("x")).await;
    assert_eq!((one.take().len(), other.take().len()), (1, 1));
}

#[test]
fn every_outcome_has_a_name_of_its_own() {
    let mut names: Vec<_> = Reason::ALL
        .into_iter()
        .map(Outcome::Refused)
        .chain([Outcome::Admitted, Outcome::Anonymous, Outcome::Exempt])
        .map(Outcome::as_str)
        .collect();
    assert_eq!(names.len(), 23);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 23);
}

#[cfg(feature = "tracing")]
mod spans {
    use std::collections::BTreeMap;
    use std::fmt;
    use std::sync::Once;

    use tower_bearer::identity::Identity;
    use tower_bearer::verifier::Presented;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::subscriber::DefaultGuard;
    use tracing::{Event, Metadata, Subscriber};

    use super::*;
    use crate::support::verifiers::{Scripted, alice};

    /// Keeps the fields of the span `bearer_auth`, and of the events of `tower_bearer`.
    #[derive(Clone, Default)]
    struct Spans {
        span: Arc<Mutex<Fields>>,
        events: Arc<Mutex<Vec<Fields>>>,
        opened: Arc<Mutex<usize>>,
        inside: Arc<Mutex<usize>>,
    }

    impl Spans {
        /// Listens on this thread until the guard goes.
        ///
        /// A call site that a thread without a subscriber comes by first would be taken for one that nobody
        /// wants; so there is one for all threads.
        fn listen(&self) -> DefaultGuard {
            static EVERYWHERE: Once = Once::new();
            EVERYWHERE.call_once(|| {
                let nobody = Self::default();
                tracing::subscriber::set_global_default(nobody).unwrap();
            });
            tracing::subscriber::set_default(self.clone())
        }

        fn span(&self) -> Fields {
            self.span.lock().unwrap().clone()
        }

        fn events(&self) -> Vec<Fields> {
            self.events.lock().unwrap().clone()
        }
    }

    type Fields = BTreeMap<String, String>;

    struct Reader<'a>(&'a mut Fields);

    impl Visit for Reader<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            self.0.insert(field.name().to_owned(), format!("{value:?}"));
        }

        fn record_str(&mut self, field: &Field, value: &str) {
            self.0.insert(field.name().to_owned(), value.to_owned());
        }
    }

    impl Subscriber for Spans {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "tower_bearer"
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            assert_eq!(span.metadata().name(), "bearer_auth");
            *self.opened.lock().unwrap() += 1;
            span.record(&mut Reader(&mut self.span.lock().unwrap()));
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, values: &Record<'_>) {
            values.record(&mut Reader(&mut self.span.lock().unwrap()));
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut fields = Fields::new();
            event.record(&mut Reader(&mut fields));
            self.events.lock().unwrap().push(fields);
        }

        fn enter(&self, _: &Id) {
            *self.inside.lock().unwrap() += 1;
        }

        fn exit(&self, _: &Id) {
            *self.inside.lock().unwrap() -= 1;
        }
    }

    async fn traced(verifier: Scripted) -> Spans {
        let spans = Spans::default();
        let _guard = spans.listen();
        let layer = BearerAuthLayer::new(verifier);
        let service = ServiceBuilder::new().layer(layer).service(Inner::default());
        send(&service, with_token("x")).await;
        assert_eq!(*spans.opened.lock().unwrap(), 1);
        assert_eq!(*spans.inside.lock().unwrap(), 0, "a span was left open");
        spans
    }

    fn get<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
        fields.get(name).map(String::as_str)
    }

    #[tokio::test]
    async fn the_span_says_what_became_of_the_request_and_by_which_credential() {
        for pace in Pace::BOTH {
            let spans = traced(admits(pace)).await;
            let span = spans.span();
            assert_eq!(get(&span, "outcome"), Some("admitted"));
            assert_eq!(get(&span, "credential.kind"), Some("session"));
            assert_eq!(get(&span, "credential.id"), Some("cred-7"));
            let events = spans.events();
            assert_eq!(events.len(), 1);
            assert_eq!(get(&events[0], "outcome"), Some("admitted"));
            assert_eq!(get(&events[0], "credential.id"), Some("cred-7"));

            let refusal = Refusal::revoked("ended by its owner").with_credential_id("cred-9");
            let spans = traced(refuses(pace, refusal)).await;
            let span = spans.span();
            assert_eq!(get(&span, "outcome"), Some("revoked"));
            assert_eq!(get(&span, "credential.id"), Some("cred-9"));
            let events = spans.events();
            assert_eq!(events.len(), 1);
            assert_eq!(get(&events[0], "detail"), Some("ended by its owner"));
        }
    }

    #[tokio::test]
    async fn the_cause_of_an_outage_is_in_the_log() {
        for pace in Pace::BOTH {
            let cause = std::io::Error::other("connection reset by the store");
            let refusal = Refusal::unavailable("store is down").with_source(cause);
            let spans = traced(refuses(pace, refusal)).await;
            let events = spans.events();
            assert_eq!(get(&events[0], "outcome"), Some("unavailable"));
            let error = get(&events[0], "error").unwrap();
            assert!(error.contains("connection reset by the store"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_verifier_runs_inside_the_span_and_the_inner_service_outside() {
        for pace in Pace::BOTH {
            let spans = Spans::default();
            let _guard = spans.listen();
            let in_verifier = spans.inside.clone();
            let verifier = Scripted::new(pace, move |_: &Presented| -> Result<Identity, Refusal> {
                assert_eq!(*in_verifier.lock().unwrap(), 1);
                Ok(alice())
            });
            let in_inner = spans.inside.clone();
            let service = ServiceBuilder::new()
                .layer(BearerAuthLayer::new(verifier))
                .map_request(move |request: http::Request<String>| {
                    assert_eq!(*in_inner.lock().unwrap(), 0);
                    request
                })
                .service(Inner::default());
            assert_eq!(send(&service, with_token("x")).await.status, 200);
        }
    }
}
