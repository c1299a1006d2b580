//! A client that knows a URL and nothing else finds out whom to ask for a token (RFC 9728).
#![allow(clippy::unwrap_used)]

mod support;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use tower::{Layer, ServiceBuilder};
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::metadata::{ResourceMetadata, ResourceMetadataBuilder, ResourceMetadataService};
use tower_bearer::middleware::BearerAuthLayerBuilder;
use tower_bearer::policy::Policy;
use tower_bearer::scope::ScopeSet;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Reason, Refusal, RequireLayer};

use support::answers::{Seen, Told, bare, grpc_request, request, send, with_token};
use support::inner::Inner;
use support::verifiers::{Pace, admits_as, refuses};

const URL: &str = "https://api.example.com/.well-known/oauth-protected-resource/orders";

fn orders() -> ResourceMetadataBuilder {
    ResourceMetadata::builder("https://api.example.com/orders")
        .authorization_server("https://id.example.com")
}

fn metadata_of(resource: &str) -> ResourceMetadata {
    ResourceMetadata::builder(resource).build().unwrap()
}

fn alice() -> Identity {
    Identity::new("alice", CredentialKind::Jwt).with_scopes(ScopeSet::from_static("profile"))
}

fn layer() -> BearerAuthLayerBuilder {
    BearerAuthLayer::builder(admits_as(Pace::Now, alice())).resource_metadata(URL)
}

fn json(metadata: &ResourceMetadata) -> serde_json::Value {
    serde_json::from_str(&metadata.to_json()).unwrap()
}

// --- the document

#[test]
fn a_document_has_what_was_said_and_nothing_else() {
    let metadata = ResourceMetadata::builder("https://api.example.com/orders")
        .build()
        .unwrap();
    let expected = serde_json::json!({
        "resource": "https://api.example.com/orders",
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(json(&metadata), expected);

    let metadata = orders()
        .authorization_server("https://other.example.com/tenant")
        .jwks_uri("https://api.example.com/jwks.json")
        .scopes_supported(["orders:read", "orders:write"])
        .resource_name("Orders \"and\" \\ more\n")
        .resource_documentation("https://docs.example.com/?page=orders")
        .resource_policy_uri("https://example.com/policy")
        .resource_tos_uri("http://example.com/tos")
        .tls_client_certificate_bound_access_tokens()
        .authorization_details_types_supported(["payment_initiation"])
        .dpop_signing_alg_values_supported(["ES256", "EdDSA"])
        .dpop_bound_access_tokens_required()
        .build()
        .unwrap();
    let expected = serde_json::json!({
        "resource": "https://api.example.com/orders",
        "authorization_servers": ["https://id.example.com", "https://other.example.com/tenant"],
        "jwks_uri": "https://api.example.com/jwks.json",
        "scopes_supported": ["orders:read", "orders:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Orders \"and\" \\ more\n",
        "resource_documentation": "https://docs.example.com/?page=orders",
        "resource_policy_uri": "https://example.com/policy",
        "resource_tos_uri": "http://example.com/tos",
        "tls_client_certificate_bound_access_tokens": true,
        "authorization_details_types_supported": ["payment_initiation"],
        "dpop_signing_alg_values_supported": ["ES256", "EdDSA"],
        "dpop_bound_access_tokens_required": true,
    });
    assert_eq!(json(&metadata), expected);
}

#[cfg(feature = "jwt")]
#[test]
fn members_of_other_specifications_and_languages_are_added() {
    let metadata = orders()
        .resource_name("Orders")
        .extra("resource_name#de", "Bestellungen")
        .extra("x", serde_json::json!({"deep": [1, null, "\u{1}"]}))
        .build()
        .unwrap();
    let json = json(&metadata);
    assert_eq!(json["resource_name"], "Orders");
    assert_eq!(json["resource_name#de"], "Bestellungen");
    assert_eq!(json["x"], serde_json::json!({"deep": [1, null, "\u{1}"]}));

    let unwritable = std::collections::HashMap::from([((1, 2), 3)]);
    for (builder, why) in [
        (orders().extra("", 1), "needs a name"),
        (orders().extra("a", 1).extra("a", 2), "twice"),
        (orders().extra("resource", "x"), "another way"),
        (orders().extra("resource_tos_uri", "x"), "another way"),
        (
            orders().extra("bearer_methods_supported", ["query"]),
            "another way",
        ),
        (orders().extra("signed_metadata", "x"), "another way"),
        (orders().extra("a", unwritable), "JSON"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.setting(), "extra");
        assert!(error.problem().contains(why), "{error}");
    }
}

#[test]
fn the_documents_url_is_made_of_the_identifier() {
    // RFC 9728 §3.1, and its example.
    let well_known = "/.well-known/oauth-protected-resource";
    for (resource, suffix, path) in [
        ("https://a.example", "", ""),
        ("https://a.example/", "", ""),
        ("https://a.example:8443", "", ""),
        ("https://a.example/resource1", "/resource1", "/resource1"),
        ("https://a.example/r/", "/r/", "/r/"),
        ("https://a.example/r%20s/t;u", "/r%20s/t;u", "/r%20s/t;u"),
        ("https://a.example/r?k=v", "/r?k=v", "/r"),
        ("https://a.example/?k=/v", "?k=/v", ""),
        ("https://a.example?k=v", "?k=v", ""),
        ("https://[2001:db8::1]/r", "/r", "/r"),
    ] {
        let metadata = metadata_of(resource);
        let host = resource.split('/').nth(2).unwrap();
        let host = host.split('?').next().unwrap();
        assert_eq!(
            metadata.url(),
            format!("https://{host}{well_known}{suffix}")
        );
        assert_eq!(metadata.path(), format!("{well_known}{path}"));
        assert_eq!(metadata.resource(), resource);
        assert_eq!(json(&metadata)["resource"], resource);
    }
}

#[test]
fn what_cannot_be_right_is_refused_by_the_name_of_the_member() {
    let new = |resource: &str| ResourceMetadata::builder(resource);
    for bad in [
        "",
        "api.example.com",
        "/orders",
        "urn:orders",
        "ftp://api.example.com",
        "HTTPS://api.example.com",
        "http://api.example.com",
        "https://",
        "https:///orders",
        "https://:443/orders",
        "https://api.example.com/#top",
        "https://api.example.com/orders#",
        "https://me:secret@api.example.com",
        "https://me@api.example.com",
        "https://api.example.com:99999",
        "https://api.example.com:x",
        "https://api.example.com/a b",
        "https://api.example.com/ä",
        "https://api.example.com/\"",
        "https://api.example.com/{x}",
        "https://api.example.com/\n",
    ] {
        let error = new(bad).build().unwrap_err();
        assert_eq!(error.setting(), "resource", "{bad:?}");
        let error = orders().authorization_server(bad).build().unwrap_err();
        assert_eq!(error.setting(), "authorization_server", "{bad:?}");
        let error = orders().jwks_uri(bad).build().unwrap_err();
        assert_eq!(error.setting(), "jwks_uri", "{bad:?}");
    }
    for (builder, setting) in [
        (
            orders().authorization_server("https://id.example.com"),
            "authorization_server",
        ),
        (
            orders().authorization_server("https://b.example?x=y"),
            "authorization_server",
        ),
        (orders().scopes_supported(["two words"]), "scopes_supported"),
        (orders().scopes_supported([""]), "scopes_supported"),
        (orders().resource_name(""), "resource_name"),
        (
            orders().resource_documentation("docs"),
            "resource_documentation",
        ),
        (
            orders().resource_policy_uri("javascript:alert(1)"),
            "resource_policy_uri",
        ),
        (orders().resource_tos_uri("https://"), "resource_tos_uri"),
        (
            orders().authorization_details_types_supported([""]),
            "authorization_details_types_supported",
        ),
        (
            orders().dpop_signing_alg_values_supported(["ES256", "none"]),
            "dpop_signing_alg_values_supported",
        ),
        (
            orders().dpop_signing_alg_values_supported(["HS256"]),
            "dpop_signing_alg_values_supported",
        ),
        (
            orders().dpop_signing_alg_values_supported([""]),
            "dpop_signing_alg_values_supported",
        ),
    ] {
        assert_eq!(builder.build().unwrap_err().setting(), setting);
    }
    let none: [&str; 0] = [];
    let empty = orders().scopes_supported(none).build().unwrap();
    assert!(json(&empty).get("scopes_supported").is_none());
}

#[test]
fn plain_http_is_for_whoever_says_so() {
    let metadata = ResourceMetadata::builder("http://127.0.0.1:8080/mcp")
        .authorization_server("http://localhost:3000")
        .allow_plain_http()
        .build()
        .unwrap();
    assert_eq!(
        metadata.url(),
        "http://127.0.0.1:8080/.well-known/oauth-protected-resource/mcp"
    );
    let ftp = ResourceMetadata::builder("ftp://127.0.0.1").allow_plain_http();
    assert_eq!(ftp.build().unwrap_err().setting(), "resource");
}

// --- the service

async fn asked(
    service: &ResourceMetadataService,
    method: Method,
    target: &str,
    headers: &[(&'static str, &str)],
) -> Seen {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(service, request.body(()).unwrap()).await
}

#[tokio::test]
async fn each_resource_of_a_host_is_served_at_its_own_path_exactly() {
    let resources = [
        "https://a.example",
        "https://a.example/orders",
        "https://a.example/orders/",
        "https://a.example/stock?region=eu",
    ]
    .map(metadata_of);
    let service = ResourceMetadataService::new(resources.clone()).unwrap();
    for metadata in &resources {
        for target in [metadata.url(), &metadata.url()["https://a.example".len()..]] {
            let seen = asked(&service, Method::GET, target, &[]).await;
            assert_eq!(seen.status, StatusCode::OK);
            assert_eq!(seen.json()["resource"], metadata.resource());
        }
    }
    let well_known = "/.well-known/oauth-protected-resource";
    for other in [
        "/stock",
        "/Orders",
        "/orders?x",
        "/orders//",
        "/%6frders",
        "/x",
        "?",
        "s",
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let target = format!("{well_known}{other}");
            let seen = asked(&service, method, &target, &[]).await;
            assert_eq!(seen.status, StatusCode::NOT_FOUND, "{other}");
            assert_eq!(seen.header("access-control-allow-origin"), Some("*"));
            assert!(seen.body.is_empty());
        }
    }
    for elsewhere in ["/", "/orders", "https://a.example"] {
        let seen = asked(&service, Method::GET, elsewhere, &[]).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND, "{elsewhere}");
    }
}

#[tokio::test]
async fn it_is_served_with_what_caches_and_browsers_need() {
    let metadata = orders().build().unwrap();
    let service = ResourceMetadataService::new([metadata.clone()])
        .unwrap()
        .max_age(std::time::Duration::from_secs(3600));
    let path = metadata.path();
    let seen = asked(&service, Method::GET, path, &[]).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("cache-control"), Some("public, max-age=3600"));
    assert_eq!(seen.header("access-control-allow-origin"), Some("*"));
    assert_eq!(seen.body, metadata.to_json());
    let etag = seen.header("etag").unwrap().to_owned();

    let head = asked(&service, Method::HEAD, path, &[]).await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(head.header("etag"), Some(&*etag));
    assert_eq!(
        head.header("content-length"),
        Some(&*seen.body.len().to_string())
    );
    assert!(head.body.is_empty());

    let known = asked(&service, Method::GET, path, &[("if-none-match", &etag)]).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    assert_eq!(known.header("access-control-allow-origin"), Some("*"));
    assert!(known.body.is_empty());

    let changed = orders().resource_name("Orders").build().unwrap();
    let changed = ResourceMetadataService::new([changed]).unwrap();
    let seen = asked(&changed, Method::GET, path, &[("if-none-match", &etag)]).await;
    assert_eq!(seen.status, StatusCode::OK, "the document is another");
    assert_eq!(seen.header("cache-control"), Some("public, max-age=300"));
}

#[tokio::test]
async fn other_methods_are_405_and_a_browser_may_ask_first() {
    let metadata = orders().build().unwrap();
    let service = ResourceMetadataService::new([metadata.clone()]).unwrap();
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let seen = asked(&service, method, metadata.path(), &[]).await;
        assert_eq!(seen.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(seen.header("allow"), Some("GET, HEAD, OPTIONS"));
        assert_eq!(seen.header("access-control-allow-origin"), Some("*"));
    }
    // As a browser does for a page that sends a header of MCP's.
    let headers = [
        ("origin", "https://inspector.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "mcp-protocol-version"),
    ];
    let seen = asked(&service, Method::OPTIONS, metadata.path(), &headers).await;
    assert_eq!(seen.status, StatusCode::NO_CONTENT);
    assert_eq!(seen.header("access-control-allow-origin"), Some("*"));
    assert_eq!(seen.header("access-control-allow-headers"), Some("*"));
    let methods = seen.header("access-control-allow-methods").unwrap();
    assert!(methods.split(", ").any(|method| method == "GET"));
}

#[test]
fn a_service_of_nothing_or_of_two_at_one_path_is_refused() {
    let setting = |resources: &[&str]| {
        let resources = resources.iter().map(|resource| metadata_of(resource));
        ResourceMetadataService::new(resources).unwrap_err()
    };
    assert_eq!(setting(&[]).setting(), "resources");
    for two in [
        ["https://a.example/r", "https://b.example/r"],
        ["https://a.example", "https://a.example/"],
    ] {
        let error = setting(&two);
        assert!(error.problem().contains("/.well-known/"), "{error}");
    }
}

#[tokio::test]
async fn bodies_of_other_types_carry_it_too() {
    let metadata = orders().build().unwrap();
    let service = ResourceMetadataService::new([metadata.clone()]).unwrap();
    let boxed = service.with_body::<UnsyncBoxBody<Bytes, std::io::Error>>();
    let request = Request::get(metadata.path()).body(()).unwrap();
    assert_eq!(send(&boxed, request).await.body, metadata.to_json());
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn a_stranger_finds_the_document_from_the_challenge_in_axum() {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;

    let [orders, stock] = ["https://a.example/orders", "https://a.example/stock"].map(metadata_of);
    let guarded = |path: &str, metadata: &ResourceMetadata| {
        let layer = BearerAuthLayer::builder(admits_as(Pace::Now, alice()))
            .resource_metadata(metadata.url())
            .build()
            .unwrap();
        Router::new().route(path, get(async || "in")).layer(layer)
    };
    let service = ResourceMetadataService::new([orders.clone(), stock.clone()]).unwrap();
    let app = guarded("/orders", &orders)
        .merge(guarded("/stock", &stock))
        .route_service("/.well-known/oauth-protected-resource/{*resource}", service)
        .into_service();
    for (path, metadata) in [("/orders", &orders), ("/stock", &stock)] {
        let seen = send(&app, request(path, &[]).map(Body::from)).await;
        Told::NO_CREDENTIAL.assert_http(&seen, None);
        let challenge = seen.challenge();
        let url = challenge.get("resource_metadata").unwrap();
        let seen = send(&app, request(url, &[]).map(Body::from)).await;
        assert_eq!(seen.json()["resource"], metadata.resource());
    }
    let seen = send(
        &app,
        request("/.well-known/oauth-protected-resource/x", &[]).map(Body::from),
    );
    assert_eq!(seen.await.status, StatusCode::NOT_FOUND);
}

// --- the challenge

fn parameter(seen: &Seen, name: &str) -> Option<String> {
    seen.challenge().get(name).map(str::to_owned)
}

#[tokio::test]
async fn every_challenge_names_the_document_and_the_scopes_of_the_layers_policy() {
    for reason in Reason::ALL {
        for refusal in [
            Refusal::new(reason, "no"),
            Refusal::new(reason, "no").with_retry_after(std::time::Duration::from_secs(1)),
        ] {
            let layer = BearerAuthLayer::builder(refuses(Pace::Now, refusal))
                .resource_metadata(URL)
                .require(Policy::scopes(["orders:read", "orders:list"]))
                .build()
                .unwrap();
            let service = layer.layer(Inner::default());
            let http = send(&service, with_token("x")).await;
            let grpc = send(&service, grpc_request("/a.B/C", &[b"Bearer x"])).await;
            if http.header("www-authenticate").is_none() {
                assert!(matches!(http.status.as_u16(), 429 | 500 | 503));
                assert_eq!(grpc.header("www-authenticate"), None);
                assert!(http.json().get("scope").is_none());
                continue;
            }
            for seen in [&http, &grpc] {
                assert_eq!(parameter(seen, "resource_metadata").as_deref(), Some(URL));
                assert_eq!(
                    parameter(seen, "scope").as_deref(),
                    Some("orders:read orders:list")
                );
            }
            assert_eq!(http.json()["scope"], "orders:read orders:list");
        }
    }
}

#[tokio::test]
async fn requests_that_are_refused_before_any_verifier_are_told_the_same() {
    let layer = layer().realm("shop").require(Policy::scope("a"));
    let service = layer.build().unwrap().layer(Inner::default());
    for (request, told) in [
        (bare(), Told::NO_CREDENTIAL),
        (request("/", &[b"Basic eDp5"]), Told::NO_CREDENTIAL),
        (request("/", &[b"Bearer"]), Told::MALFORMED),
        (request("/", &[b"Bearer x", b"Bearer y"]), Told::MALFORMED),
        (with_token("x"), Told::FORBIDDEN),
    ] {
        let seen = send(&service, request).await;
        told.assert_http(&seen, Some("shop"));
        assert_eq!(parameter(&seen, "resource_metadata").as_deref(), Some(URL));
        assert_eq!(parameter(&seen, "scope").as_deref(), Some("a"));
    }
}

#[tokio::test]
async fn a_layer_that_says_nothing_names_nothing() {
    let service = BearerAuthLayer::new(admits_as(Pace::Now, alice())).layer(Inner::default());
    let seen = send(&service, bare()).await;
    assert_eq!(seen.challenge().names(), [""; 0]);
    assert!(seen.json().get("scope").is_none());
}

#[tokio::test]
async fn the_scopes_of_a_route_are_named_with_those_of_the_layer() {
    let outer = || layer().require(Policy::scope("profile"));
    let stack = |outer: BearerAuthLayerBuilder, policy: Policy| {
        ServiceBuilder::new()
            .layer(outer.build().unwrap())
            .layer(RequireLayer::new(policy).unwrap())
            .service(Inner::default())
    };
    // RFC 6750 §3.1: what the resource needs, which is what both of them ask for.
    let service = stack(outer(), Policy::scope("orders:write"));
    let seen = send(&service, with_token("x")).await;
    Told::FORBIDDEN.assert_http(&seen, None);
    assert_eq!(
        parameter(&seen, "scope").as_deref(),
        Some("profile orders:write")
    );
    assert_eq!(seen.json()["scope"], "profile orders:write");

    // An anonymous caller, whom the layer let in and the route does not.
    let service = stack(layer().optional(), Policy::scope("orders:write"));
    for request in [bare(), grpc_request("/a.B/C", &[])] {
        let seen = send(&service, request).await;
        assert_eq!(seen.challenge().get("error"), None);
        assert_eq!(parameter(&seen, "scope").as_deref(), Some("orders:write"));
        assert_eq!(parameter(&seen, "resource_metadata").as_deref(), Some(URL));
    }

    // Who has the scope and not the role is told the scope, and finds nothing in it that is missing.
    let policy = Policy::scope("profile").and(Policy::role("s3cret"));
    let seen = send(&stack(layer(), policy), with_token("x")).await;
    Told::FORBIDDEN.assert_http(&seen, None);
    assert_eq!(parameter(&seen, "scope").as_deref(), Some("profile"));
    assert!(!seen.text().contains("s3cret"));
}

#[tokio::test]
async fn a_layer_may_name_scopes_to_begin_with_and_not_ask_for_them() {
    let outer = layer().challenge_scopes(ScopeSet::from_static("orders:read"));
    let inner = Inner::default();
    let service = ServiceBuilder::new()
        .layer(outer.build().unwrap())
        .layer(RequireLayer::new(Policy::scope("profile")).unwrap())
        .service(inner.clone());
    let seen = send(&service, bare()).await;
    assert_eq!(parameter(&seen, "scope").as_deref(), Some("orders:read"));
    assert_eq!(send(&service, with_token("x")).await.status, StatusCode::OK);

    let user = AuthenticatedUser::from_extensions(&inner.last().extensions).unwrap();
    let denied = user.require(&Policy::scope("orders:write")).unwrap_err();
    let seen = Seen::of(denied.into_response::<Full<Bytes>>()).await;
    assert_eq!(
        parameter(&seen, "scope").as_deref(),
        Some("orders:read orders:write")
    );
}

#[tokio::test]
async fn each_grpc_method_names_its_own_scopes_to_strangers() {
    let by_method = || {
        Policy::by_grpc_method(
            [
                ("/shop.Orders/Get", Policy::scope("orders:read")),
                ("/shop.Orders/List", Policy::scope("orders:read")),
                ("/shop.Orders/Place", Policy::scope("orders:write")),
                ("/shop.Orders/Ping", Policy::authenticated()),
            ],
            Policy::scope("admin"),
        )
    };
    let layer = layer().require(Policy::scope("shop")).require(by_method());
    let service = layer.build().unwrap().layer(Inner::default());
    for (path, scope) in [
        ("/shop.Orders/Get", "shop orders:read"),
        ("/shop.Orders/List", "shop orders:read"),
        ("/shop.Orders/Place", "shop orders:write"),
        ("/shop.Orders/Ping", "shop"),
        ("/shop.Orders/Other", "shop admin"),
        ("/", "shop admin"),
    ] {
        let seen = send(&service, grpc_request(path, &[])).await;
        Told::NO_CREDENTIAL.assert_grpc(&seen, None);
        assert_eq!(parameter(&seen, "scope").as_deref(), Some(scope), "{path}");
        let seen = send(&service, grpc_request(path, &[b"Bearer x"])).await;
        Told::FORBIDDEN.assert_grpc(&seen, None);
        assert_eq!(parameter(&seen, "scope").as_deref(), Some(scope), "{path}");
    }
}

#[tokio::test]
async fn of_several_scopes_that_would_do_the_first_is_named_to_a_stranger() {
    for (policy, scope) in [
        (Policy::scope("a").or(Policy::scope("b")), Some("a")),
        (Policy::role("r").or(Policy::scope("b")), Some("b")),
        (Policy::anonymous().or(Policy::scope("b")), Some("b")),
        (
            Policy::scope("a").and(Policy::scope("b").or(Policy::role("r"))),
            Some("a b"),
        ),
        (Policy::authenticated().or(Policy::scope("b")), None),
        (Policy::scope("b").or(Policy::anyone()), None),
        (Policy::scope("a").negate(), None),
        (Policy::role("r"), None),
    ] {
        let service = layer()
            .require(policy)
            .build()
            .unwrap()
            .layer(Inner::default());
        let seen = send(&service, request("/", &[b"Bearer"])).await;
        assert_eq!(parameter(&seen, "scope").as_deref(), scope);
    }
}

#[tokio::test]
async fn whoever_meets_one_of_several_conditions_is_not_asked_for_the_first() {
    let policy =
        Policy::scope("orders:read").and(Policy::scope("staff").or(Policy::scope("profile")));
    let refusal = policy
        .judge(Some(&alice()), None, tower_bearer::clock::Timestamp::EPOCH)
        .unwrap_err();
    assert_eq!(refusal.scope().unwrap().as_str(), "orders:read");
}

#[tokio::test]
async fn a_hook_that_makes_a_401_challenges_with_the_document_too() {
    let layer = BearerAuthLayer::builder(refuses(Pace::Now, Refusal::unavailable("down")))
        .resource_metadata(URL)
        .on_refusal(|_, _, answer| answer.set_status(StatusCode::UNAUTHORIZED));
    let service = layer.build().unwrap().layer(Inner::default());
    let seen = send(&service, with_token("x")).await;
    assert_eq!(seen.challenge().names(), ["resource_metadata"]);
}

#[tokio::test]
async fn a_hook_that_changes_the_status_leaves_the_scopes_in_the_document() {
    let layer = layer()
        .require(Policy::scope("a"))
        .on_refusal(|_, _, answer| answer.set_status(StatusCode::NOT_FOUND));
    let service = layer.build().unwrap().layer(Inner::default());
    for request in [bare(), with_token("x")] {
        let seen = send(&service, request).await;
        assert_eq!(
            (seen.status.as_u16(), &seen.json()["scope"]),
            (404, &"a".into())
        );
    }
}

#[test]
fn a_url_that_is_none_is_refused_when_the_layer_is_built() {
    for bad in [
        "",
        "orders",
        "/.well-known/oauth-protected-resource",
        "https://a.example/#x",
        "https://a.example/\"",
        "https://a.example/ü",
        "ftp://a.example",
    ] {
        let builder = BearerAuthLayer::builder(admits_as(Pace::Now, alice()));
        let error = builder.resource_metadata(bad).build().unwrap_err();
        assert_eq!(error.setting(), "resource_metadata", "{bad:?}");
    }
}

#[cfg(all(feature = "jwt", feature = "aws-lc-rs"))]
#[tokio::test]
async fn a_layer_that_takes_dpop_names_them_in_the_challenge_of_each_scheme() {
    use std::sync::Arc;
    use tower_bearer::binding::Dpop;
    use tower_bearer::replay::MemoryReplayStore;

    let dpop = Dpop::builder(Arc::new(MemoryReplayStore::default()));
    let dpop = dpop.url("https://api.example.com").build().unwrap();
    let layer = layer().binding(dpop).require(Policy::scope("a"));
    let service = layer.build().unwrap().layer(Inner::default());
    for request in [bare(), grpc_request("/a.B/C", &[])] {
        let seen = send(&service, request).await;
        let challenges: Vec<_> = seen
            .headers
            .get_all("www-authenticate")
            .iter()
            .flat_map(|value| support::challenge::parse(value.as_bytes()).unwrap())
            .collect();
        let schemes: Vec<_> = challenges.iter().map(|one| &*one.scheme).collect();
        assert_eq!(schemes, ["Bearer", "DPoP"]);
        for challenge in &challenges {
            assert_eq!(challenge.get("resource_metadata"), Some(URL));
            assert_eq!(challenge.get("scope"), Some("a"));
        }
    }
}

// --- signed metadata

#[cfg(all(feature = "jwt", feature = "aws-lc-rs"))]
mod signed {
    use base64_simd::URL_SAFE_NO_PAD;
    use tower_bearer::issue::{JwtIssuer, SigningKey};
    use tower_bearer::keys::Algorithm;

    use super::*;

    fn issuer(key: SigningKey) -> JwtIssuer {
        JwtIssuer::builder(key)
            .issuer("https://id.example.com")
            .audience("https://api.example.com/orders")
            .lifetime(std::time::Duration::from_secs(60))
            .build()
            .unwrap()
    }

    #[tokio::test]
    async fn an_issuer_vouches_for_all_that_the_document_says() {
        let plain = orders().scopes_supported(["a"]).build().unwrap();
        let issuer = issuer(SigningKey::generate(Algorithm::EdDSA).unwrap());
        let signed = issuer.sign_metadata(plain.clone()).unwrap();
        let mut document = json(&signed);
        let jwt = document["signed_metadata"].take();
        let parts: Vec<&str> = jwt.as_str().unwrap().split('.').collect();
        let part = |place: usize| {
            let text = URL_SAFE_NO_PAD.decode_to_vec(parts[place]).unwrap();
            serde_json::from_slice::<serde_json::Value>(&text).unwrap()
        };
        let mut claims = part(1);
        assert_eq!(claims["iss"], "https://id.example.com");
        for added in ["iss", "iat"] {
            assert!(claims.as_object_mut().unwrap().remove(added).is_some());
        }
        assert_eq!(claims, json(&plain));
        document.as_object_mut().unwrap().remove("signed_metadata");
        assert_eq!(document, json(&plain));
        assert_eq!(signed.url(), plain.url());

        let message = format!("{}.{}", parts[0], parts[1]);
        let signature = URL_SAFE_NO_PAD.decode_to_vec(parts[2]).unwrap();
        let jwk = key_of(&issuer);
        assert_eq!(part(0)["kid"], jwk["kid"]);
        let x = URL_SAFE_NO_PAD
            .decode_to_vec(jwk["x"].as_str().unwrap())
            .unwrap();
        aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, x)
            .verify(message.as_bytes(), &signature)
            .unwrap();
    }

    fn key_of(issuer: &JwtIssuer) -> serde_json::Value {
        let set = issuer.keys().public_jwks().unwrap();
        let set: serde_json::Value = serde_json::from_str(&set).unwrap();
        set["keys"][0].clone()
    }

    #[tokio::test]
    async fn what_is_signed_is_no_access_token() {
        let issuer = issuer(SigningKey::generate(Algorithm::EdDSA).unwrap());
        let signed = issuer.sign_metadata(orders().build().unwrap()).unwrap();
        let jwt = json(&signed)["signed_metadata"]
            .as_str()
            .unwrap()
            .to_owned();
        let verifier = issuer.verifier().build().unwrap();
        let service = BearerAuthLayer::new(verifier).layer(Inner::default());
        Told::INVALID.assert_http(&send(&service, with_token(&jwt)).await, None);
    }

    #[test]
    fn secrets_and_signed_metadata_are_not_signed() {
        let secret = SigningKey::from_secret(Algorithm::HS256, [7; 32]).unwrap();
        assert!(
            issuer(secret)
                .sign_metadata(orders().build().unwrap())
                .is_err()
        );
        let issuer = issuer(SigningKey::generate(Algorithm::EdDSA).unwrap());
        let once = issuer.sign_metadata(orders().build().unwrap()).unwrap();
        assert!(issuer.sign_metadata(once).is_err());
    }
}

#[test]
fn nothing_in_a_document_is_read_from_a_request() {
    // The URL in the challenge is the configured one, whatever `Host` says.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let service = layer().build().unwrap().layer(Inner::default());
        let mut request = bare();
        let headers: &mut HeaderMap = request.headers_mut();
        headers.insert("host", "evil.example".parse().unwrap());
        headers.insert("x-forwarded-host", "evil.example".parse().unwrap());
        let seen = send(&service, request).await;
        assert!(!seen.text().contains("evil"));
        assert_eq!(parameter(&seen, "resource_metadata").as_deref(), Some(URL));
    });
}
