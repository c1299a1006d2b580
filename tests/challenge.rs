//! What a refused client is told, and that nothing in it can be broken out of.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert_eq, proptest};
use tower::{Layer, ServiceBuilder};
use tower_bearer::challenge::{Challenge, ErrorCode};
use tower_bearer::middleware::{BearerAuth, BearerAuthLayerBuilder};
use tower_bearer::policy::Policy;
use tower_bearer::scope::ScopeSet;
use tower_bearer::verifier::TokenRouter;
use tower_bearer::{BearerAuthLayer, ConfigError, Reason, Refusal, RequireLayer};

use support::answers::{Seen, Told, bare, grpc_request, request, send, with_token};
use support::challenge::parse;
use support::inner::Inner;
use support::verifiers::{Pace, admits, refuses};

fn guarded(builder: BearerAuthLayerBuilder) -> BearerAuth<Inner> {
    builder.build().unwrap().layer(Inner::default())
}

fn refusing(refusal: Refusal) -> BearerAuthLayerBuilder {
    BearerAuthLayer::builder(refuses(Pace::Now, refusal))
}

/// The table of RFC 6750 §3.1, RFC 9470 §3 and the gRPC status codes, reason by reason.
fn told(reason: Reason) -> Told {
    match reason {
        Reason::Missing | Reason::OtherScheme | Reason::Anonymous => Told::NO_CREDENTIAL,
        Reason::Malformed | Reason::TooLarge => Told::MALFORMED,
        Reason::Invalid | Reason::Expired | Reason::NotYetValid => Told::INVALID,
        Reason::Revoked | Reason::Disabled | Reason::Unproved => Told::INVALID,
        Reason::InvalidProof | Reason::Replayed => Told::BAD_PROOF,
        Reason::NonceRequired => Told::NONCE,
        Reason::InsufficientScope | Reason::Forbidden => Told::FORBIDDEN,
        Reason::InsufficientAuthentication => Told::WEAK_LOGIN,
        Reason::RateLimited => Told::LIMITED,
        Reason::Unavailable => Told::DOWN,
        Reason::Misconfigured => Told::MISWIRED,
        other => panic!("no row for {other}"),
    }
}

#[tokio::test]
async fn every_reason_has_its_row_in_http_and_in_grpc() {
    for reason in Reason::ALL {
        let service = guarded(refusing(Refusal::new(reason, "no")).realm("table"));
        let seen = send(&service, with_token("x")).await;
        told(reason).assert_http(&seen, Some("table"));
        let seen = send(&service, grpc_request("/a.B/C", &[b"Bearer x"])).await;
        told(reason).assert_grpc(&seen, Some("table"));
    }
}

#[tokio::test]
async fn what_is_said_for_the_log_is_not_said_to_the_client() {
    for reason in Reason::ALL {
        let refusal = Refusal::new(reason, "s3cret detail")
            .with_credential_id("s3cret-id")
            .with_source(std::io::Error::other("s3cret source"));
        let service = guarded(refusing(refusal));
        for request in [with_token("x"), grpc_request("/a.B/C", &[b"Bearer x"])] {
            let text = send(&service, request).await.text();
            assert!(!text.contains("s3cret"), "{text}");
            assert!(reason == Reason::InsufficientScope || !text.contains("scope\"=\""));
        }
    }
}

// --- the challenge's grammar

fn names(challenge: &support::challenge::Challenge) -> Vec<&str> {
    challenge.names()
}

/// What a quoted string of printable ASCII can carry of `text`.
fn carried(text: &str) -> String {
    let keep = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
    text.chars().map(keep).collect()
}

/// What RFC 6750 §3 lets an `error_description` carry: no quote and no backslash either.
fn described(text: &str) -> String {
    carried(text).replace(['"', '\\'], "?")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_breaks_out_of_its_quotes(
        realm in any::<String>(),
        url in any::<String>(),
        description in any::<String>(),
        acr in prop::collection::vec(any::<String>(), 1..4),
        age in any::<u64>(),
    ) {
        let value = Challenge::new()
            .realm(&realm)
            .resource_metadata(&url)
            .error(ErrorCode::InvalidToken)
            .error_description(&description)
            .acr_values(acr.iter().map(String::as_str))
            .max_age(age)
            .to_header_value();
        let challenges = parse(value.as_bytes()).unwrap();
        prop_assert_eq!(challenges.len(), 1);
        let challenge = &challenges[0];
        prop_assert_eq!(&*challenge.scheme, "Bearer");
        let expected = [
            "realm",
            "resource_metadata",
            "error",
            "error_description",
            "acr_values",
            "max_age",
        ];
        prop_assert_eq!(names(challenge), expected);
        prop_assert_eq!(challenge.get("realm").unwrap(), carried(&realm));
        prop_assert_eq!(challenge.get("resource_metadata").unwrap(), carried(&url));
        prop_assert_eq!(challenge.get("error_description").unwrap(), described(&description));
        prop_assert_eq!(challenge.get("acr_values").unwrap(), carried(&acr.join(" ")));
        prop_assert_eq!(challenge.get("max_age").unwrap(), age.to_string());
    }

    #[test]
    fn no_ascii_value_is_lost(realm in "[ -~]*", scope in prop::collection::vec("[!#-\\[\\]-~]{1,8}", 1..4)) {
        let scopes = ScopeSet::try_from_iter(&scope).unwrap();
        let value = Challenge::new().realm(&realm).scope(&scopes).to_header_value();
        let challenges = parse(value.as_bytes()).unwrap();
        prop_assert_eq!(challenges.len(), 1);
        prop_assert_eq!(challenges[0].get("realm").unwrap(), realm);
        prop_assert_eq!(challenges[0].get("scope").unwrap(), scopes.as_str());
    }

    #[test]
    fn a_layers_realm_arrives_whole_in_every_answer(realm in "[ -~]{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let layer = BearerAuthLayer::builder(admits(Pace::Now)).realm(&*realm);
            let service = guarded(layer);
            for request in [bare(), request("/", &[b"Bearer"]), grpc_request("/a.B/C", &[])] {
                let challenge = send(&service, request).await.challenge();
                assert_eq!(challenge.get("realm"), Some(&*realm));
            }
        });
    }
}

#[test]
fn the_strict_reader_is_strict() {
    for broken in [
        "",
        "Bearer realm",
        "Bearer realm=",
        "Bearer realm=\"x",
        "Bearer realm=\"x\" error=\"y\"",
        "Bearer realm=\"x\\",
        "Bearer realm=\"x\"y\"",
        "Bearer realm=\"x\ny\"",
        "Bearer realm=\"é\"",
        "Bearer realm=\"x\",",
        "realm=\"x\"",
    ] {
        assert!(parse(broken.as_bytes()).is_err(), "{broken:?}");
    }
    let two = parse(b"Bearer realm=\"a, b\", Basic realm=\"c\"").unwrap();
    assert_eq!((two.len(), two[0].get("realm")), (2, Some("a, b")));
}

#[test]
fn parameters_are_parted_by_commas_in_the_order_given() {
    let text = Challenge::new()
        .realm("a")
        .error(ErrorCode::InsufficientScope)
        .scope(&"x y".parse().unwrap())
        .to_string();
    assert_eq!(
        text,
        r#"Bearer realm="a", error="insufficient_scope", scope="x y""#
    );
    assert_eq!(Challenge::new().to_header_value(), "Bearer");
}

#[test]
fn a_parameter_that_is_said_twice_stands_once() {
    // RFC 9110 §11.2: each parameter name occurs only once.
    let value = Challenge::new()
        .realm("a")
        .error(ErrorCode::InvalidToken)
        .realm("b");
    let challenges = parse(value.to_header_value().as_bytes()).unwrap();
    assert_eq!(challenges[0].get("realm"), Some("a"));
    assert_eq!(challenges[0].names().len(), 2);
}

// --- the hook

#[tokio::test]
async fn a_hook_never_makes_a_refusal_a_success() {
    for status in [
        200, 201, 204, 206, 299, 300, 301, 302, 304, 307, 399, 100, 101, 199, 600, 999,
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        for reason in Reason::ALL {
            let layer = refusing(Refusal::new(reason, "no"))
                .on_refusal(move |_, _, answer| answer.set_status(status));
            let seen = send(&guarded(layer), with_token("x")).await;
            told(reason).assert_http(&seen, None);
        }
    }
}

#[tokio::test]
async fn a_hook_may_choose_any_other_refusal_and_the_challenge_stays() {
    for status in [
        400, 401, 403, 404, 410, 418, 422, 429, 451, 499, 500, 503, 599,
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        for reason in Reason::ALL {
            let layer = refusing(Refusal::new(reason, "no"))
                .realm("hooked")
                .on_refusal(move |_, _, answer| answer.set_status(status));
            let seen = send(&guarded(layer), with_token("x")).await;
            assert_eq!(seen.status, status);
            assert_eq!(seen.header("cache-control"), Some("no-store"));
            let told = told(reason);
            let challenged = matches!(told.status, 400 | 401 | 403);
            if challenged || status == StatusCode::UNAUTHORIZED {
                let challenge = seen.challenge();
                assert_eq!(challenge.get("realm"), Some("hooked"));
                assert_eq!(challenge.get("error"), told.bearer_error());
            } else {
                assert_eq!(seen.header("www-authenticate"), None);
            }
        }
    }
}

#[tokio::test]
async fn the_problem_document_says_the_status_that_is_sent() {
    // RFC 9457 §3.1.2: a generator must use the status of the response itself.
    let layer = refusing(Refusal::invalid("no"))
        .on_refusal(|_, _, answer| answer.set_status(StatusCode::UNPROCESSABLE_ENTITY));
    let seen = send(&guarded(layer), with_token("x")).await;
    assert_eq!(seen.status, 422);
    assert_eq!(seen.json()["status"], 422);
    assert_eq!(seen.json()["title"], "Unprocessable Entity");
    assert_eq!(seen.json()["error"], "invalid_token");
}

#[tokio::test]
async fn a_hook_may_speak_another_systems_words() {
    let layer = BearerAuthLayer::builder(admits(Pace::Now)).on_refusal(|refusal, head, answer| {
        let head = head.expect("a request is at hand");
        assert_eq!(head.method, Method::GET);
        assert_eq!(answer.status(), 401);
        assert!(answer.body().starts_with(b"{"));
        if refusal.reason() == Reason::Missing && head.uri.path() == "/v1" {
            answer.set_status(StatusCode::UNPROCESSABLE_ENTITY);
            answer.set_body(
                "application/json",
                r#"{"msg":"Missing Authorization Header"}"#,
            );
        }
    });
    let service = guarded(layer);
    let seen = send(&service, request("/v1", &[])).await;
    assert_eq!(seen.status, 422);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.body, r#"{"msg":"Missing Authorization Header"}"#);
    assert_eq!(seen.challenge().get("error"), None);
    assert_eq!(
        seen.extensions.get::<Refusal>().unwrap().reason(),
        Reason::Missing
    );
    Told::NO_CREDENTIAL.assert_http(&send(&service, request("/v2", &[])).await, None);
}

#[tokio::test]
async fn a_hook_is_not_shown_what_is_answered_as_grpc() {
    let layer = refusing(Refusal::invalid("no")).on_refusal(|_, _, answer| {
        answer.set_status(StatusCode::NOT_FOUND);
        answer.set_body("text/plain", "gone");
    });
    let seen = send(&guarded(layer), grpc_request("/a.B/C", &[b"Bearer x"])).await;
    Told::INVALID.assert_grpc(&seen, None);
}

#[tokio::test]
async fn a_body_without_a_media_type_that_a_header_can_hold_is_bytes() {
    let layer = refusing(Refusal::invalid("no"))
        .on_refusal(|_, _, answer| answer.set_body("text/plain\r\nx-evil: 1", "no"));
    let seen = send(&guarded(layer), with_token("x")).await;
    assert_eq!(
        seen.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(seen.header("x-evil"), None);
}

// --- when to come back

async fn when(refusal: Refusal) -> (Option<String>, Option<String>) {
    let service = guarded(refusing(refusal).retry_after(Duration::from_millis(2500)));
    let http = send(&service, with_token("x")).await;
    let grpc = send(&service, grpc_request("/a.B/C", &[b"Bearer x"])).await;
    (
        http.header("retry-after").map(str::to_owned),
        grpc.header("grpc-retry-pushback-ms").map(str::to_owned),
    )
}

#[tokio::test]
async fn nobody_is_told_to_come_back_too_early() {
    let limited = |after| when(Refusal::rate_limited(after));
    let told = |seconds: &str, millis: &str| (Some(seconds.to_owned()), Some(millis.to_owned()));
    assert_eq!(limited(Duration::ZERO).await, told("0", "0"));
    assert_eq!(limited(Duration::from_nanos(1)).await, told("1", "1"));
    assert_eq!(limited(Duration::from_millis(999)).await, told("1", "999"));
    assert_eq!(limited(Duration::from_secs(1)).await, told("1", "1000"));
    assert_eq!(
        limited(Duration::from_micros(1_000_001)).await,
        told("2", "1001")
    );
    assert_eq!(limited(Duration::from_secs(90)).await, told("90", "90000"));
}

#[tokio::test]
async fn the_longest_wait_there_is_is_no_overflow() {
    // gRPC proposal A6: the wait is a signed 32-bit integer.
    let (seconds, millis) = when(Refusal::rate_limited(Duration::MAX)).await;
    assert_eq!(seconds, Some(u64::MAX.to_string()));
    assert_eq!(millis, Some(i32::MAX.to_string()));
    let month = Duration::from_secs(30 * 24 * 3600);
    let (_, millis) = when(Refusal::rate_limited(month)).await;
    assert_eq!(millis, Some(i32::MAX.to_string()));
}

#[tokio::test]
async fn an_outage_that_names_no_time_has_the_layers() {
    let told = |seconds: &str, millis: &str| (Some(seconds.to_owned()), Some(millis.to_owned()));
    let down = Refusal::unavailable("down");
    assert_eq!(when(down.clone()).await, told("3", "2500"));
    assert_eq!(
        when(down.with_retry_after(Duration::from_secs(9))).await,
        told("9", "9000")
    );
    let seen = send(
        &guarded(refusing(Refusal::unavailable("down"))),
        with_token("x"),
    )
    .await;
    assert_eq!(seen.header("retry-after"), Some("1"));
    assert_eq!(when(Refusal::invalid("no")).await, (None, None));
}

// --- gRPC

async fn asked_as(content_type: &'static str) -> Seen {
    let mut request = with_token("x");
    let value = HeaderValue::from_static(content_type);
    request.headers_mut().insert("content-type", value);
    send(&guarded(refusing(Refusal::invalid("no"))), request).await
}

#[tokio::test]
async fn every_way_to_write_the_grpc_type_is_answered_as_grpc() {
    for (asked, answered) in [
        ("application/grpc", "application/grpc"),
        ("application/grpc+proto", "application/grpc"),
        ("application/grpc+json", "application/grpc"),
        ("application/grpc;charset=utf-8", "application/grpc"),
        ("application/grpc; x=y", "application/grpc"),
        ("application/grpc ; x=y", "application/grpc"),
        ("APPLICATION/GRPC", "application/grpc"),
        ("Application/gRPC+Proto", "application/grpc"),
        ("application/grpc-web", "application/grpc-web"),
        ("application/grpc-web+proto", "application/grpc-web"),
        ("application/grpc-web;x=y", "application/grpc-web"),
        ("application/grpc-web-text", "application/grpc-web-text"),
        (
            "application/grpc-web-text+proto",
            "application/grpc-web-text",
        ),
        ("APPLICATION/GRPC-WEB-TEXT", "application/grpc-web-text"),
    ] {
        let seen = asked_as(asked).await;
        assert_eq!(seen.status, 200, "{asked}");
        assert_eq!(seen.header("grpc-status"), Some("16"), "{asked}");
        assert_eq!(seen.header("content-type"), Some(answered), "{asked}");
        assert!(seen.body.is_empty());
    }
}

#[tokio::test]
async fn what_only_looks_like_grpc_is_answered_as_http() {
    for asked in [
        "application/grpcx",
        "application/grpc_web",
        "application/grpc/proto",
        "application/grp",
        "application/json",
        "xapplication/grpc",
        " application/grpc",
        "text/plain; application/grpc",
        "application/json+grpc",
        "",
    ] {
        Told::INVALID.assert_http(&asked_as(asked).await, None);
    }
    Told::INVALID.assert_http(
        &send(&guarded(refusing(Refusal::invalid("no"))), with_token("x")).await,
        None,
    );
}

#[cfg(feature = "tonic")]
mod over_tonic {
    use tonic::Code;
    use tower_bearer::identity::Identity;
    use tower_bearer::verifier::Presented;

    use super::*;
    use crate::support::grpc::{GreeterServer, Polite, client, hello};
    use crate::support::verifiers::{Scripted, alice};

    fn judge(presented: &Presented) -> Result<Identity, Refusal> {
        match presented.token.expose_secret() {
            "good" => Ok(alice()),
            "bad" => Err(Refusal::invalid("no")),
            "may-not" => Err(Refusal::forbidden("no")),
            "too-often" => Err(Refusal::rate_limited(Duration::from_secs(2))),
            _ => Err(Refusal::unavailable("down")),
        }
    }

    #[tokio::test]
    async fn a_real_client_sees_the_codes_on_unary_and_streaming_calls() {
        for pace in Pace::BOTH {
            let layer = BearerAuthLayer::builder(Scripted::new(pace, judge)).realm("greeter");
            let (listener, address) = support::wire::listener().await;
            let server = tonic::transport::Server::builder()
                .layer(layer.build().unwrap())
                .add_service(GreeterServer::new(Polite))
                .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
            tokio::spawn(server);

            let mut greeter = client(address, "good").await;
            let greeted = greeter.hello(hello()).await.unwrap().into_inner();
            assert_eq!(greeted.message, "hello alice");
            let mut stream = greeter.count(hello()).await.unwrap().into_inner();
            let mut count = 0;
            while let Some(reply) = stream.message().await.unwrap() {
                assert_eq!(reply.message, "hello alice");
                count += 1;
            }
            assert_eq!(count, 3);

            for (token, code) in [
                ("", Code::Unauthenticated),
                ("bad", Code::Unauthenticated),
                ("two words", Code::Unauthenticated),
                ("may-not", Code::PermissionDenied),
                ("too-often", Code::ResourceExhausted),
                ("down", Code::Unavailable),
            ] {
                let mut greeter = client(address, token).await;
                let unary = greeter.hello(hello()).await.unwrap_err();
                let streaming = greeter.count(hello()).await.unwrap_err();
                for status in [unary, streaming] {
                    assert_eq!(status.code(), code, "{token}");
                    assert!(!status.message().is_empty());
                    let challenge = status.metadata().get("www-authenticate");
                    let expected = matches!(code, Code::Unauthenticated | Code::PermissionDenied);
                    assert_eq!(challenge.is_some(), expected, "{token}");
                }
            }
        }
    }
}

// --- settings that cannot be right

fn complaint(builder: BearerAuthLayerBuilder) -> ConfigError {
    let error = builder.build().expect_err("a mistake");
    assert!(error.to_string().contains(error.setting()), "{error}");
    assert!(!error.problem().is_empty());
    error
}

fn new() -> BearerAuthLayerBuilder {
    BearerAuthLayer::builder(admits(Pace::Now))
}

#[test]
fn a_realm_that_no_header_can_hold_is_refused_when_built() {
    for realm in ["a\nb", "a\r\nx-evil: 1", "\t", "\0", "\x7f", "käse", "🔑"] {
        assert_eq!(complaint(new().realm(realm)).setting(), "realm");
    }
    for realm in ["", "orders", "say \"friend\"", "back\\slash", "a, b=c"] {
        assert!(new().realm(realm).build().is_ok());
    }
}

#[test]
fn a_cap_under_which_no_token_fits_is_refused_when_built() {
    for cap in [0, 1, 7] {
        assert_eq!(
            complaint(new().max_header_len(cap)).setting(),
            "max_header_len"
        );
    }
    assert!(new().max_header_len(8).build().is_ok());
}

#[test]
fn a_waiver_that_waives_nothing_is_refused_when_built() {
    let setting = complaint(new().ignore_other_schemes());
    assert_eq!(setting.setting(), "ignore_other_schemes");
    assert!(new().ignore_other_schemes().optional().build().is_ok());
    assert!(
        new()
            .ignore_other_schemes()
            .optional_when(|_| true)
            .build()
            .is_ok()
    );
}

#[test]
fn a_grpc_method_that_no_client_can_call_is_refused_when_built() {
    for path in [
        "",
        "/",
        "//",
        "a.B/C",
        "/a.B",
        "/a.B/",
        "//C",
        "/a.B/C/",
        "/a.B/C/D",
        "/a.B/ü",
        "/a.B/C?x=y",
        "/a.B/C#x",
        "/a.B/C D",
        "/a.B/C\n",
        "/a.B/%43",
        "/a.B/*",
        "http://host/a.B/C",
    ] {
        let error = complaint(new().open_grpc_method(path));
        assert_eq!(error.setting(), "open_grpc_method", "{path:?}");
        let by_method = Policy::by_grpc_method([(path, Policy::anyone())], Policy::anyone());
        let error = complaint(new().require(by_method));
        assert_eq!(error.setting(), "by_grpc_method", "{path:?}");
    }
    assert!(
        new()
            .open_grpc_method("/grpc.health.v1.Health/Check")
            .build()
            .is_ok()
    );
    assert!(
        new()
            .open_grpc_method("/my_pkg.v1.My_Service2/Do_It")
            .build()
            .is_ok()
    );
}

#[test]
fn a_policy_that_cannot_be_right_is_refused_by_both_layers() {
    let none: [Policy; 0] = [];
    for (policy, setting) in [
        (Policy::scope("two words"), "scopes"),
        (Policy::scope(""), "scopes"),
        (Policy::scope("quo\"te"), "scopes"),
        (Policy::scopes(["fine", "käse"]), "scopes"),
        (Policy::scopes([] as [&str; 0]), "scopes"),
        (Policy::kinds([]), "kinds"),
        (Policy::acr([] as [&str; 0]), "acr"),
        (Policy::acr(["two words"]), "acr"),
        (Policy::acr([""]), "acr"),
        (Policy::all(none.clone()), "all"),
        (Policy::any(none), "any"),
        (
            Policy::by_grpc_method(
                [("/a.B/C", Policy::anyone()), ("/a.B/C", Policy::role("x"))],
                Policy::anyone(),
            ),
            "by_grpc_method",
        ),
    ] {
        // Wherever in a policy it stands.
        let fine = Policy::authenticated;
        for policy in [
            policy.clone(),
            fine().and(policy.clone()),
            fine().or(policy.clone()),
            policy.clone().negate(),
            Policy::by_grpc_method([("/x.Y/Z", policy.clone())], fine()),
            Policy::by_grpc_method([("/x.Y/Z", fine())], policy),
        ] {
            assert_eq!(complaint(new().require(policy.clone())).setting(), setting);
            assert_eq!(
                complaint(new().require(fine()).require(policy.clone())).setting(),
                setting
            );
            assert_eq!(RequireLayer::new(policy).unwrap_err().setting(), setting);
        }
    }
}

#[test]
fn a_mistake_never_prints_the_verifier_or_anything_secret() {
    let router = TokenRouter::builder()
        .prefix("ak ", admits(Pace::Now))
        .build();
    let error = router.unwrap_err().to_string();
    assert_eq!(error, r#"invalid prefix: no token begins with "ak ""#);
}

#[tokio::test]
async fn a_body_of_any_supported_kind_carries_the_refusal() {
    use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
    use http_body_util::{BodyExt, Either, Empty, Full};

    async fn told_by<B>(body: impl Fn() -> B + Clone + Send + 'static) -> Seen
    where
        B: tower_bearer::challenge::ResponseBody + http_body::Body + Send + 'static,
        B::Error: std::fmt::Debug,
    {
        let service = ServiceBuilder::new()
            .layer(BearerAuthLayer::new(admits(Pace::Now)))
            .map_response(move |_: http::Response<Full<bytes::Bytes>>| http::Response::new(body()))
            .service(Inner::default());
        assert_eq!(send(&service, with_token("x")).await.status, 200);
        send(&service, bare()).await
    }
    type Never = std::convert::Infallible;
    let told = Told::NO_CREDENTIAL;
    told.assert_http(&told_by(Full::default).await, None);
    let boxed = || -> BoxBody<bytes::Bytes, Never> { Full::default().boxed() };
    told.assert_http(&told_by(boxed).await, None);
    let unsync = || -> UnsyncBoxBody<bytes::Bytes, Never> { Full::default().boxed_unsync() };
    told.assert_http(&told_by(unsync).await, None);
    let either =
        || -> Either<Full<bytes::Bytes>, Empty<bytes::Bytes>> { Either::Right(Empty::new()) };
    told.assert_http(&told_by(either).await, None);
}

#[test]
fn a_response_has_no_more_headers_than_it_needs() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let seen = runtime.block_on(send(&guarded(new()), bare()));
    let names = |headers: &HeaderMap| {
        let mut names: Vec<_> = headers
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(
        names(&seen.headers),
        ["cache-control", "content-type", "www-authenticate"]
    );
}

#[tokio::test]
async fn a_layer_without_grpc_answers_a_status_that_a_proxy_understands() {
    let layer = BearerAuthLayer::builder(admits(Pace::Now)).without_grpc();
    let service = ServiceBuilder::new()
        .layer(layer.build().unwrap())
        .service(Inner::default());
    let seen = send(&service, grpc_request("/", &[])).await;
    assert_eq!(seen.status, 401);
    assert_eq!(seen.grpc_status(), None);
    assert_eq!(seen.challenge().get("error"), None);
}
