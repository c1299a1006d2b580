//! A canary token is sent every way there is, and comes out nowhere. One test in one process, since it
//! listens to everything that every thread logs.
#![allow(clippy::unwrap_used)]

mod support;

use std::panic;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use http::Request;
use tower::ServiceBuilder;
use tower_bearer::credential::{self, BearerToken};
use tower_bearer::identity::Identity;
use tower_bearer::observe::AuthEvent;
use tower_bearer::policy::Policy;
use tower_bearer::scope::ScopeSet;
use tower_bearer::verifier::{Presented, TokenVerifierExt};
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Reason, Refusal, RequireLayer};

use support::answers::{Seen, grpc_request, request};
use support::clock::{START, clock};
use support::inner::Inner;
use support::log::Log;
use support::verifiers::{Pace, Scripted, alice};
use support::wire::{Http2, Wire, serve_axum};

const CANARY: &str = "c4n4ry-0f-th3-m1n3";

/// Does as the end of the token says.
fn judge(presented: &Presented) -> Result<Identity, Refusal> {
    let text = presented.token.expose_secret();
    if text.ends_with(".panic") {
        panic!("the verifier is broken");
    }
    if text.ends_with(".scope") {
        let needed = ScopeSet::try_from_iter(["orders:read"]).unwrap();
        return Err(Refusal::insufficient_scope(needed));
    }
    for reason in Reason::ALL {
        if text.ends_with(&format!(".{reason}")) {
            return Err(Refusal::new(reason, "as the token says")
                .with_source(std::io::Error::other("the cause"))
                .with_retry_after(Duration::from_secs(3)));
        }
    }
    Ok(alice())
}

/// Every value to send, with the canary in each.
fn values() -> Vec<Vec<u8>> {
    let text = |before: &str, after: &str| format!("{before}{CANARY}{after}").into_bytes();
    let mut values = vec![
        text("Bearer ", ""),
        text("bearer ", "=="),
        text("Bearer\t", ""),
        text("Bearer ", " second"),
        text("Bearer ", ", Bearer x"),
        text("Bearer \"", "\""),
        text("Bearer: ", ""),
        text("Bearer", ""),
        text("Basic ", ""),
        text("Digest username=", ""),
        text("", ""),
        text("", " x"),
        text("Bearer ", "\u{e9}"),
        text("Bearer ", &"a".repeat(9000)),
        text("Bearer ", ".scope"),
        text("Bearer ", ".panic"),
    ];
    for reason in Reason::ALL {
        values.push(text("Bearer ", &format!(".{reason}")));
    }
    values
}

fn note_event(log: Log) -> impl Fn(&AuthEvent<'_>) + Send + Sync {
    move |event| log.note(event)
}

fn layers(log: &Log, pace: Pace) -> Vec<BearerAuthLayer> {
    let builder = || {
        BearerAuthLayer::builder(Scripted::new(pace, judge))
            .realm("mine")
            .clock(clock())
            .listener(note_event(log.clone()))
    };
    let enriched = Scripted::new(pace, judge).enriched((), async |(), identity| Ok(identity));
    let hook_log = log.clone();
    let layers = vec![
        BearerAuthLayer::new(enriched),
        builder().build().unwrap(),
        builder().optional().ignore_other_schemes().build().unwrap(),
        builder()
            .remove_credential()
            .require(Policy::role("owner"))
            .build()
            .unwrap(),
        builder()
            .require(Policy::max_age(Duration::from_secs(1)))
            .build()
            .unwrap(),
        builder()
            .on_refusal(move |refusal, head, answer| hook_log.note((refusal, head, answer)))
            .build()
            .unwrap(),
    ];
    log.note(&layers);
    log.note(builder());
    layers
}

/// Notes all that a request looks like to the services inside.
fn note_request(log: &Log, head: &http::request::Parts) {
    log.note(head);
    log.note((&head.headers, &head.extensions));
    let Ok(user) = AuthenticatedUser::from_extensions(&head.extensions) else {
        return;
    };
    log.note((&user, user.identity()));
    for policy in [
        Policy::role("owner"),
        Policy::scope("a"),
        Policy::acr(["gold"]),
    ] {
        let denied = user.require(&policy).unwrap_err();
        log.note((&denied, denied.refusal(), denied.to_string()));
        let response = denied.into_response::<http_body_util::Full<bytes::Bytes>>();
        log.note(response);
    }
}

fn note_response(log: &Log, seen: &Seen) {
    log.note(seen.text());
    log.note((&seen.headers, &seen.extensions));
    log.note(seen.extensions.get::<Refusal>());
}

/// Calls a service in a task of its own, since the verifier may panic.
async fn tell(log: &Log, layer: &BearerAuthLayer, request: Request<String>) {
    let inner = Inner::default();
    let service = ServiceBuilder::new()
        .layer(layer)
        .layer(RequireLayer::new(Policy::authenticated()).unwrap())
        .service(inner.clone());
    log.note(&service);
    let task = tokio::spawn(async move { support::answers::send(&service, request).await });
    match task.await {
        Ok(seen) => note_response(log, &seen),
        Err(broken) => log.note(broken),
    }
    if inner.calls() > 0 {
        note_request(log, &inner.last());
    }
}

async fn in_process(log: &Log) {
    for pace in Pace::BOTH {
        for layer in layers(log, pace) {
            for value in values() {
                tell(log, &layer, request("/", &[&value])).await;
                tell(log, &layer, grpc_request("/a.B/C", &[&value])).await;
                tell(log, &layer, request("/", &[&value, b"Bearer x", &value])).await;
            }
        }
    }
}

/// Over a listening server, with a tracing layer inside the door that prints the headers it sees.
async fn over_the_wire(log: &Log) {
    use tower_http::catch_panic::CatchPanicLayer;
    use tower_http::trace::{DefaultMakeSpan, TraceLayer};
    use tracing::Level;

    let prints = DefaultMakeSpan::new()
        .include_headers(true)
        .level(Level::TRACE);
    for pace in Pace::BOTH {
        for layer in layers(log, pace) {
            let router = Router::new()
                .route(
                    "/",
                    any(async |user: AuthenticatedUser| format!("{user:?}")),
                )
                .layer(TraceLayer::new_for_http().make_span_with(prints.clone()))
                .layer(layer)
                .layer(CatchPanicLayer::new());
            let address = serve_axum(router).await;
            let http2 = Http2::connect(address).await;
            for value in values() {
                let wire = Wire::get("/").header("authorization", value);
                note_response(log, &wire.over_http1(address).await);
                note_response(log, &wire.over_http2(&http2).await);
            }
        }
    }
}

/// The crate's own types, with the canary in them as deep as it goes.
fn by_hand(log: &Log) {
    let token = BearerToken::new(CANARY).unwrap();
    log.note((&token, token.clone()));
    log.note(Presented::new(token, START));
    log.note(BearerToken::new(&format!("{CANARY} ")).unwrap_err());
    for value in values() {
        let mut headers = request("/", &[&value]).into_parts().0.headers;
        log.note(credential::from_headers(
            &mut headers,
            credential::DEFAULT_MAX_LEN,
        ));
        if let Err(refusal) = credential::from_headers(&mut headers, 16) {
            log.note((refusal.to_string(), std::error::Error::source(&refusal)));
        }
    }
}

#[test]
fn a_token_that_is_sent_every_way_there_is_comes_out_nowhere() {
    let log = Log::listen_everywhere();
    let panics = log.clone();
    panic::set_hook(Box::new(move |info| panics.note(info.to_string())));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        by_hand(&log);
        in_process(&log).await;
        over_the_wire(&log).await;
    });
    drop(runtime);
    let _ = panic::take_hook();

    let text = log.text();
    let found = text.find(CANARY).map(|at| {
        let start = text[..at].rfind('\n').map_or(0, |line| line + 1);
        text[start..].lines().next().unwrap_or_default().to_owned()
    });
    assert_eq!(found, None, "the token was printed");

    // What proves that the log heard of everything.
    for expected in [
        "BearerToken([REDACTED])",
        "the verifier is broken",
        "as the token says",
        "the cause",
        "Sensitive",
        "alice",
        "invalid_request",
        "h2::",
    ] {
        assert!(text.contains(expected), "{expected} was not printed");
    }
    if cfg!(feature = "tracing") {
        assert!(text.contains("bearer_auth") && text.contains("request refused"));
    }
}
