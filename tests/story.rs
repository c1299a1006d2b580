//! One table of what may stand in the `Authorization` header, told to axum, plain tower and tonic, over
//! HTTP/1.1 and HTTP/2, as a web request and as a gRPC call: they agree, the service behind the door is
//! not called, and no part of a token comes back.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use http::{HeaderValue, Request};
use tower::ServiceBuilder;
use tower_bearer::identity::Identity;
use tower_bearer::middleware::BearerAuthLayerBuilder;
use tower_bearer::scope::ScopeSet;
use tower_bearer::verifier::Presented;
use tower_bearer::{BearerAuthLayer, Reason, Refusal};

use support::answers::{Seen, Told, grpc_request, request, send};
use support::clock::clock;
use support::grpc::{GreeterServer, HELLO, Polite};
use support::inner::{Counter, Inner};
use support::verifiers::{Pace, Scripted, alice};
use support::wire::{Http2, Wire, serve_axum, serve_tower};

/// In every token of the table, and in no answer.
const CANARY: &str = "c4n4ry";

/// RFC 9110 §11.2, without the `=` that may only end it.
const TOKEN68: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";

/// The longest `Authorization` value that is read by default.
const CAP: usize = 8192;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    LetIn,
    Refused(Told),
}

use End::{LetIn, Refused};

const MALFORMED: End = Refused(Told::MALFORMED);
const NO_CREDENTIAL: End = Refused(Told::NO_CREDENTIAL);

struct Row {
    name: String,
    sent: Vec<Vec<u8>>,
    end: End,
    /// HTTP/1.1 takes white space off both ends of a value before anybody sees it (RFC 9112 §5.1).
    over_http1: End,
    /// Where HTTP/2 cannot carry it: a header list over 16 KiB is answered by the server itself.
    not_over_http2: bool,
    /// What becomes of it where callers may be anonymous.
    optional: End,
}

impl Row {
    fn new(name: impl Into<String>, sent: &[&[u8]], end: End) -> Self {
        Self {
            name: name.into(),
            sent: sent.iter().map(|value| value.to_vec()).collect(),
            end,
            over_http1: end,
            not_over_http2: false,
            optional: end,
        }
    }

    fn over_http1(mut self, end: End) -> Self {
        self.over_http1 = end;
        self
    }

    fn not_over_http2(mut self) -> Self {
        self.not_over_http2 = true;
        self
    }

    fn optional(mut self, end: End) -> Self {
        self.optional = end;
        self
    }

    fn values(&self) -> Vec<&[u8]> {
        self.sent.iter().map(Vec::as_slice).collect()
    }
}

/// Everything that may stand in the header, and what becomes of it.
fn table() -> Vec<Row> {
    let mut rows = vec![
        row("no header", &[], NO_CREDENTIAL).optional(LetIn),
        // The scheme.
        row("Bearer", &[b"Bearer c4n4ry"], LetIn),
        row("bearer", &[b"bearer c4n4ry"], LetIn),
        row("BEARER", &[b"BEARER c4n4ry"], LetIn),
        row("bEaReR", &[b"bEaReR c4n4ry"], LetIn),
        row("basic", &[b"Basic c4n4ry"], NO_CREDENTIAL),
        row(
            "digest",
            &[b"Digest username=\"c4n4ry\", uri=\"/\""],
            NO_CREDENTIAL,
        ),
        row("a longer scheme", &[b"Bearerx c4n4ry"], NO_CREDENTIAL),
        row(
            "a scheme run together with a token",
            &[b"Bearerc4n4ry"],
            NO_CREDENTIAL,
        ),
        row("a shorter scheme", &[b"Beare c4n4ry"], NO_CREDENTIAL),
        row("a scheme with a colon", &[b"Bearer: c4n4ry"], MALFORMED),
        row(
            "a scheme with an equals sign",
            &[b"Bearer=c4n4ry"],
            MALFORMED,
        ),
        row("a quoted scheme", &[b"\"Bearer\" c4n4ry"], MALFORMED),
        row(
            "a scheme of letters that only look like it",
            &["Веarer c4n4ry".as_bytes()],
            MALFORMED,
        ),
        row(
            "another scheme that is no token",
            &[b"Ba(sic c4n4ry"],
            MALFORMED,
        ),
        // What stands between scheme and token.
        row("two spaces", &[b"Bearer  c4n4ry"], LetIn),
        row("a hundred spaces", &[&spaced(100)], LetIn),
        row("a tab", &[b"Bearer\tc4n4ry"], MALFORMED),
        row("a space and a tab", &[b"Bearer \tc4n4ry"], MALFORMED),
        row("a no-break space", &[b"Bearer\xa0c4n4ry"], MALFORMED),
        row("nothing after the scheme", &[b"Bearer"], MALFORMED),
        row("a space after the scheme", &[b"Bearer "], MALFORMED),
        row("many spaces after the scheme", &[b"Bearer     "], MALFORMED),
        row("a tab after the scheme", &[b"Bearer\t"], MALFORMED),
        row("an empty header", &[b""], MALFORMED),
        row("a header of spaces", &[b"   "], MALFORMED),
        row("a comma alone", &[b","], MALFORMED),
        // White space at the ends.
        row("a leading space", &[b" Bearer c4n4ry"], MALFORMED).over_http1(LetIn),
        row("a leading tab", &[b"\tBearer c4n4ry"], MALFORMED).over_http1(LetIn),
        row("a trailing space", &[b"Bearer c4n4ry "], MALFORMED).over_http1(LetIn),
        row("a trailing tab", &[b"Bearer c4n4ry\t"], MALFORMED).over_http1(LetIn),
        // More than a token.
        row("a second word", &[b"Bearer c4n4ry c4n4ry"], MALFORMED),
        row("a parameter", &[b"Bearer c4n4ry realm=c4n4ry"], MALFORMED),
        row("a comma after the token", &[b"Bearer c4n4ry,"], MALFORMED),
        row(
            "two credentials in one header",
            &[b"Bearer c4n4ry, Bearer c4n4ry"],
            MALFORMED,
        ),
        row(
            "a bearer and a basic credential in one header",
            &[b"Bearer c4n4ry, Basic x"],
            MALFORMED,
        ),
        row(
            "a basic and a bearer credential in one header",
            &[b"Basic x, Bearer c4n4ry"],
            MALFORMED,
        ),
        row(
            "a bearer credential folded behind others, in capitals",
            &[b"Digest a=\"b\",c=d,\tBEARER c4n4ry"],
            MALFORMED,
        ),
        row(
            "a parameter that begins like the scheme",
            &[b"Digest a=\"c4n4ry\", bearer=x, bearerx y"],
            NO_CREDENTIAL,
        ),
        row("a quoted token", &[b"Bearer \"c4n4ry\""], MALFORMED),
        row(
            "a parameter for a token",
            &[b"Bearer token=\"c4n4ry\""],
            MALFORMED,
        ),
        row("the scheme twice", &[b"Bearer Bearer c4n4ry"], MALFORMED),
        // More than a header.
        row(
            "the same header twice",
            &[b"Bearer c4n4ry", b"Bearer c4n4ry"],
            MALFORMED,
        ),
        row(
            "two tokens",
            &[b"Bearer c4n4ry-1", b"Bearer c4n4ry-2"],
            MALFORMED,
        ),
        row(
            "bearer and basic",
            &[b"Bearer c4n4ry", b"Basic c4n4ry"],
            MALFORMED,
        ),
        row(
            "basic and bearer",
            &[b"Basic c4n4ry", b"Bearer c4n4ry"],
            MALFORMED,
        ),
        row(
            "basic twice",
            &[b"Basic c4n4ry", b"Basic c4n4ry"],
            MALFORMED,
        ),
        row(
            "an empty header beside a good one",
            &[b"", b"Bearer c4n4ry"],
            MALFORMED,
        ),
        row(
            "a good header beside an empty one",
            &[b"Bearer c4n4ry", b""],
            MALFORMED,
        ),
        row(
            "nine good headers",
            &[b"Bearer c4n4ry" as &[u8]; 9],
            MALFORMED,
        ),
        // Padding.
        row("padding", &[b"Bearer c4n4ry=="], LetIn),
        row("much padding", &[b"Bearer c4n4ry=================="], LetIn),
        row("padding in the middle", &[b"Bearer c4n4=ry"], MALFORMED),
        row("padding at the start", &[b"Bearer =c4n4ry"], MALFORMED),
        row("padding alone", &[b"Bearer ="], MALFORMED),
        row("much padding alone", &[b"Bearer ===="], MALFORMED),
        // Sizes.
        row("one character", &[b"Bearer x"], LetIn),
        row("the longest that is read", &[&sized(CAP)], LetIn),
        row("one byte more", &[&sized(CAP + 1)], MALFORMED),
        row("twice as much", &[&sized(2 * CAP)], MALFORMED).not_over_http2(),
        row("far more", &[&sized(20 * CAP)], MALFORMED).not_over_http2(),
        row(
            "too long and of another scheme",
            &[&[b"Basic ", &*sized(CAP)].concat()],
            MALFORMED,
        ),
        row("too long, and all spaces", &[&spaced(CAP)], MALFORMED),
        // What a verifier may say.
        row(
            "invalid",
            &[b"Bearer c4n4ry-invalid"],
            Refused(Told::INVALID),
        ),
        row(
            "expired",
            &[b"Bearer c4n4ry-expired"],
            Refused(Told::INVALID),
        ),
        row(
            "not yet valid",
            &[b"Bearer c4n4ry-early"],
            Refused(Told::INVALID),
        ),
        row(
            "revoked",
            &[b"Bearer c4n4ry-revoked"],
            Refused(Told::INVALID),
        ),
        row(
            "disabled",
            &[b"Bearer c4n4ry-disabled"],
            Refused(Told::INVALID),
        ),
        row(
            "unproved",
            &[b"Bearer c4n4ry-unproved"],
            Refused(Told::INVALID),
        ),
        row(
            "forbidden",
            &[b"Bearer c4n4ry-forbidden"],
            Refused(Told::FORBIDDEN),
        ),
        row(
            "without a scope",
            &[b"Bearer c4n4ry-scope"],
            Refused(Told::FORBIDDEN),
        ),
        row(
            "a login too old",
            &[b"Bearer c4n4ry-login"],
            Refused(Told::WEAK_LOGIN),
        ),
        row(
            "too many requests",
            &[b"Bearer c4n4ry-limited"],
            Refused(Told::LIMITED),
        ),
        row("an outage", &[b"Bearer c4n4ry-down"], Refused(Told::DOWN)),
    ];
    for byte in (b' '..=0xff).chain([b'\t']).filter(|byte| *byte != 0x7f) {
        let end = match TOKEN68.contains(&byte) {
            true => LetIn,
            false => MALFORMED,
        };
        let value = [b"Bearer c4n4ry", &[byte][..], b"ry"].concat();
        rows.push(row(
            &format!("byte {byte:#04x} in the token"),
            &[&value],
            end,
        ));
    }
    rows
}

fn row(name: &str, sent: &[&[u8]], end: End) -> Row {
    Row::new(name, sent, end)
}

fn spaced(spaces: usize) -> Vec<u8> {
    [b"Bearer", &*b" ".repeat(spaces), b"c4n4ry"].concat()
}

/// A good value of `length` bytes.
fn sized(length: usize) -> Vec<u8> {
    let mut value = b"Bearer c4n4ry-".to_vec();
    value.resize(length, b'a');
    value
}

/// Refuses the tokens that say so, and admits every other.
fn judge(presented: &Presented) -> Result<Identity, Refusal> {
    let refuse = |reason| Err(Refusal::new(reason, "as the token says"));
    match presented.token.expose_secret().rsplit('-').next() {
        Some("invalid") => refuse(Reason::Invalid),
        Some("expired") => refuse(Reason::Expired),
        Some("early") => refuse(Reason::NotYetValid),
        Some("revoked") => refuse(Reason::Revoked),
        Some("disabled") => refuse(Reason::Disabled),
        Some("unproved") => refuse(Reason::Unproved),
        Some("forbidden") => refuse(Reason::Forbidden),
        Some("scope") => {
            let needed = ScopeSet::try_from_iter(["orders:read"]).unwrap();
            Err(Refusal::insufficient_scope(needed))
        }
        Some("login") => {
            let age = Duration::from_secs(300);
            Err(Refusal::insufficient_authentication(["gold"], Some(age)))
        }
        Some("limited") => Err(Refusal::rate_limited(Duration::from_secs(7))),
        Some("down") => refuse(Reason::Unavailable),
        _ => Ok(alice()),
    }
}

fn builder(pace: Pace) -> BearerAuthLayerBuilder {
    BearerAuthLayer::builder(Scripted::new(pace, judge))
        .realm("story")
        .clock(clock())
}

/// A listening server, and what counts the calls that its door lets through.
struct Stack {
    name: &'static str,
    address: SocketAddr,
    http2: Http2,
    passed: Counter,
}

impl Stack {
    async fn all(layer: BearerAuthLayer) -> Vec<Self> {
        vec![
            Self::axum(layer.clone()).await,
            Self::tower(layer.clone()).await,
            Self::tonic(layer).await,
        ]
    }

    async fn axum(layer: BearerAuthLayer) -> Self {
        let passed = Counter::default();
        let router = Router::new()
            .route(HELLO, axum::routing::any(async || "inner"))
            .layer(passed.clone())
            .layer(layer);
        Self::at("axum", serve_axum(router).await, passed).await
    }

    async fn tower(layer: BearerAuthLayer) -> Self {
        let inner = Inner::default();
        let passed = inner.counter.clone();
        let service = ServiceBuilder::new().layer(layer).service(inner);
        Self::at("tower", serve_tower(service).await, passed).await
    }

    async fn tonic(layer: BearerAuthLayer) -> Self {
        let passed = Counter::default();
        let (listener, address) = support::wire::listener().await;
        let server = tonic::transport::Server::builder()
            .accept_http1(true)
            .layer(layer)
            .layer(passed.clone())
            .add_service(GreeterServer::new(Polite))
            .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
        tokio::spawn(server);
        Self::at("tonic", address, passed).await
    }

    async fn at(name: &'static str, address: SocketAddr, passed: Counter) -> Self {
        Self {
            name,
            address,
            http2: Http2::connect(address).await,
            passed,
        }
    }
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tongue {
    Http,
    Grpc,
}

fn assert_told(what: &str, end: End, tongue: Tongue, passed: usize, seen: &Seen) {
    eprintln!("{what}"); // shown when the row fails
    match end {
        LetIn => {
            assert_eq!(passed, 1, "{}", seen.text());
            assert_eq!(seen.header("www-authenticate"), None);
            assert_eq!(seen.status, 200);
        }
        Refused(told) => {
            assert_eq!(passed, 0, "the inner service was called");
            match tongue {
                Tongue::Http => told.assert_http(seen, Some("story")),
                Tongue::Grpc => told.assert_grpc(seen, Some("story")),
            }
        }
    }
    let text = seen.text();
    assert!(!text.contains(CANARY), "the token came back: {text}");
}

async fn tell_over_the_wire(layer: BearerAuthLayer, is_optional: bool) {
    let stacks = Stack::all(layer).await;
    for row in table() {
        let (over_http1, over_http2) = match is_optional && row.end != row.optional {
            true => (row.optional, row.optional),
            false => (row.over_http1, row.end),
        };
        for stack in &stacks {
            for (tongue, wire) in [
                (Tongue::Http, Wire::get(HELLO)),
                (Tongue::Grpc, Wire::grpc(HELLO)),
            ] {
                let wire = row
                    .sent
                    .iter()
                    .fold(wire, |wire, value| wire.header("authorization", &**value));
                let what = format!("{}: {tongue:?} over {}", row.name, stack.name);

                let before = stack.passed.calls();
                let seen = wire.over_http1(stack.address).await;
                let passed = stack.passed.calls() - before;
                assert_told(
                    &format!("{what}, HTTP/1.1"),
                    over_http1,
                    tongue,
                    passed,
                    &seen,
                );

                let before = stack.passed.calls();
                if row.not_over_http2 {
                    continue;
                }
                let seen = wire.over_http2(&stack.http2).await;
                let passed = stack.passed.calls() - before;
                assert_told(
                    &format!("{what}, HTTP/2"),
                    over_http2,
                    tongue,
                    passed,
                    &seen,
                );
            }
        }
    }
}

async fn tell_in_process(layer: BearerAuthLayer, is_optional: bool) {
    for row in table() {
        let end = if is_optional { row.optional } else { row.end };
        for (tongue, request) in [
            (Tongue::Http, request(HELLO, &row.values())),
            (Tongue::Grpc, grpc_request(HELLO, &row.values())),
        ] {
            let inner = Inner::default();
            let service = ServiceBuilder::new().layer(&layer).service(inner.clone());
            let seen = send(&service, request).await;
            assert_told(&row.name, end, tongue, inner.calls(), &seen);
        }
    }
}

#[tokio::test]
async fn every_stack_and_wire_agrees_when_the_answer_is_at_hand() {
    tell_over_the_wire(builder(Pace::Now).build().unwrap(), false).await;
}

#[tokio::test]
async fn every_stack_and_wire_agrees_when_the_verifier_has_to_wait() {
    tell_over_the_wire(builder(Pace::Later).build().unwrap(), false).await;
}

#[tokio::test]
async fn in_optional_mode_only_the_absence_of_any_header_is_anonymous() {
    tell_over_the_wire(builder(Pace::Now).optional().build().unwrap(), true).await;
}

#[tokio::test]
async fn a_service_called_in_process_sees_what_no_wire_carries() {
    for pace in Pace::BOTH {
        tell_in_process(builder(pace).build().unwrap(), false).await;
        tell_in_process(builder(pace).optional().build().unwrap(), true).await;
    }
}

#[tokio::test]
async fn a_layer_that_never_heard_of_settings_tells_the_same_without_a_realm() {
    let inner = Inner::default();
    let service = ServiceBuilder::new()
        .layer(BearerAuthLayer::new(Scripted::new(Pace::Now, judge)))
        .service(inner.clone());
    for row in table() {
        let before = inner.calls();
        let seen = send(&service, request("/", &row.values())).await;
        match row.end {
            LetIn => assert_eq!(inner.calls() - before, 1, "{}", row.name),
            Refused(told) => told.assert_http(&seen, None),
        }
    }
}

#[tokio::test]
async fn control_characters_are_turned_away_before_the_layer() {
    for byte in (0..b' ').chain([0x7f]).filter(|byte| *byte != b'\t') {
        let value = [b"Bearer c4n4ry", &[byte][..], b"ry"].concat();
        assert!(HeaderValue::from_bytes(&value).is_err(), "{byte:#04x}");
    }
    for stack in Stack::all(builder(Pace::Now).build().unwrap()).await {
        for byte in [0x00, 0x01, 0x08, 0x0b, 0x1b, 0x7f] {
            let value = [b"Bearer c4n4ry", &[byte][..], b"ry"].concat();
            let wire = Wire::get(HELLO).header("authorization", value);
            let seen = wire.over_http1(stack.address).await;
            assert_eq!(seen.status, 400, "{} let {byte:#04x} by", stack.name);
            assert_eq!(stack.passed.calls(), 0);
            assert!(!seen.text().contains(CANARY));
        }
    }
}

#[tokio::test]
async fn a_header_list_that_http2_will_not_carry_calls_nothing() {
    for stack in Stack::all(builder(Pace::Now).build().unwrap()).await {
        let wire = Wire::get(HELLO).header("authorization", sized(3 * CAP));
        let seen = wire.over_http2(&stack.http2).await;
        assert!(seen.status.is_client_error(), "{}", seen.status);
        assert_eq!(stack.passed.calls(), 0);
    }
}

#[tokio::test]
async fn the_verifier_is_not_asked_about_what_is_no_token() {
    for row in table() {
        let verifier = Scripted::new(Pace::Now, judge);
        let layer = BearerAuthLayer::new(verifier.clone());
        let service = ServiceBuilder::new().layer(layer).service(Inner::default());
        send(&service, request("/", &row.values())).await;
        let is_token = !matches!(row.end, MALFORMED | NO_CREDENTIAL);
        assert_eq!(verifier.begun(), usize::from(is_token), "{}", row.name);
    }
}

#[tokio::test]
async fn the_verifier_is_handed_the_token_and_nothing_else() {
    for (value, token) in [
        ("Bearer abc", "abc"),
        ("bearer    abc==", "abc=="),
        ("BEARER Bearer", "Bearer"),
        ("Bearer A-Z._~+/9=", "A-Z._~+/9="),
    ] {
        let verifier = Scripted::new(Pace::Now, move |presented| {
            assert_eq!(presented.token.expose_secret(), token);
            assert_eq!(presented.token.expose_bytes(), token.as_bytes());
            assert_eq!(presented.now, support::clock::START);
            Ok(alice())
        });
        let layer = BearerAuthLayer::builder(verifier.clone()).clock(clock());
        let service = ServiceBuilder::new()
            .layer(layer.build().unwrap())
            .service(Inner::default());
        send(&service, request("/", &[value.as_bytes()])).await;
        assert_eq!(verifier.begun(), 1);
    }
}

#[tokio::test]
async fn the_cap_is_where_it_was_set() {
    let inner = Inner::default();
    let layer = builder(Pace::Now).max_header_len(20).build().unwrap();
    let service = ServiceBuilder::new().layer(layer).service(inner.clone());
    let seen = send(&service, request("/", &[&sized(20)])).await;
    assert_eq!((seen.status.as_u16(), inner.calls()), (200, 1));
    let seen = send(&service, request("/", &[&sized(21)])).await;
    Told::MALFORMED.assert_http(&seen, Some("story"));
    assert_eq!(inner.calls(), 1);
    let refusal = seen.extensions.get::<Refusal>().unwrap();
    assert_eq!(refusal.reason(), Reason::TooLarge);
}

#[tokio::test]
async fn the_typed_reason_is_left_for_outer_layers() {
    let layer = builder(Pace::Now).build().unwrap();
    let service = ServiceBuilder::new().layer(layer).service(Inner::default());
    for (sent, reason) in [
        (&[][..], Reason::Missing),
        (&[&b"Basic x"[..]], Reason::OtherScheme),
        (&[&b"Bearer x y"[..]], Reason::Malformed),
        (&[&sized(CAP + 1)[..]], Reason::TooLarge),
        (&[&b"Bearer x-invalid"[..]], Reason::Invalid),
        (&[&b"Bearer x-expired"[..]], Reason::Expired),
        (&[&b"Bearer x-early"[..]], Reason::NotYetValid),
        (&[&b"Bearer x-revoked"[..]], Reason::Revoked),
        (&[&b"Bearer x-disabled"[..]], Reason::Disabled),
        (&[&b"Bearer x-unproved"[..]], Reason::Unproved),
        (&[&b"Bearer x-forbidden"[..]], Reason::Forbidden),
        (&[&b"Bearer x-scope"[..]], Reason::InsufficientScope),
        (
            &[&b"Bearer x-login"[..]],
            Reason::InsufficientAuthentication,
        ),
        (&[&b"Bearer x-limited"[..]], Reason::RateLimited),
        (&[&b"Bearer x-down"[..]], Reason::Unavailable),
    ] {
        for request in [request("/", sent), grpc_request("/", sent)] {
            let seen = send(&service, request).await;
            assert_eq!(seen.extensions.get::<Refusal>().unwrap().reason(), reason);
        }
    }
}

#[tokio::test]
async fn from_outside_one_bad_token_looks_like_another() {
    let layer = builder(Pace::Now).build().unwrap();
    let service = ServiceBuilder::new().layer(layer).service(Inner::default());
    let told = async |request: Request<String>| send(&service, request).await.text();
    let invalid: &[&[u8]] = &[b"Bearer x-invalid"];
    let http = told(request("/", invalid)).await;
    let grpc = told(grpc_request("/", invalid)).await;
    for why in ["expired", "early", "revoked", "disabled", "unproved"] {
        let value = format!("Bearer x-{why}");
        assert_eq!(told(request("/", &[value.as_bytes()])).await, http, "{why}");
        assert_eq!(
            told(grpc_request("/", &[value.as_bytes()])).await,
            grpc,
            "{why}"
        );
    }
}

#[tokio::test]
async fn the_header_is_marked_sensitive_and_stays_unless_it_is_to_be_removed() {
    for pace in Pace::BOTH {
        let inner = Inner::default();
        let layer = builder(pace).build().unwrap();
        let service = ServiceBuilder::new().layer(layer).service(inner.clone());
        send(&service, request("/", &[b"Bearer c4n4ry"])).await;
        let head = inner.last();
        assert_eq!(head.headers["authorization"], "Bearer c4n4ry");
        assert!(head.headers["authorization"].is_sensitive());

        let layer = builder(pace).remove_credential().build().unwrap();
        let service = ServiceBuilder::new().layer(layer).service(inner.clone());
        send(&service, request("/", &[b"Bearer c4n4ry"])).await;
        assert!(!inner.last().headers.contains_key("authorization"));
    }
}
