//! Each example, started as a program and asked over the wire for what it shows.
#![allow(clippy::unwrap_used)]

mod support;

#[cfg(any(feature = "postgres", feature = "redis"))]
#[path = "support/servers/mod.rs"]
mod servers;

use std::process::Command;

use http::StatusCode;
use support::answers::Seen;
use support::example::Example;
use support::wire::Wire;

/// Runs a pasted line and returns what it printed.
fn paste(line: &str) -> String {
    let shell = Command::new("sh").arg("-c").arg(line).output().unwrap();
    String::from_utf8_lossy(&shell.stdout).into_owned()
}

fn curl_is_here() -> bool {
    if Command::new("curl").arg("--version").output().is_ok() {
        return true;
    }
    assert!(std::env::var("CI").is_err(), "curl is not installed");
    eprintln!("NOT RUN: the quickstart's lines need curl, and it is not installed");
    false
}

#[test]
fn every_line_of_the_quickstart_is_answered_as_it_says() {
    if !curl_is_here() {
        return;
    }
    let mut example = Example::start("quickstart");
    for kind in ["JWT", "session", "API key"] {
        assert!(example.value(kind).len() >= 43, "a {kind} is printed");
    }
    let mut told = Vec::new();
    while told.len() < 16 {
        told.push((example.line(), example.line()));
    }
    for (what, line) in &told {
        let printed = paste(&format!("{line} -s"));
        let status = what.split([',', ':']).next().unwrap();
        let as_said = match status.strip_prefix("gRPC status ") {
            Some(code) => printed.contains(&format!("grpc-status: {code}\r")),
            None => printed.starts_with(&format!("HTTP/1.1 {status} ")),
        };
        assert!(as_said, "{what}\n{line}\n{printed}");
    }
    for reason in [
        "200",
        "400",
        "401",
        "403",
        "gRPC status 0",
        "gRPC status 7",
        "gRPC status 16",
    ] {
        assert!(
            told.iter().any(|(what, _)| what.starts_with(reason)),
            "no line is for {reason}"
        );
    }
    assert!(example.interrupt().success(), "it ends well on Ctrl-C");
    assert_eq!(example.line(), "closed");
}

#[tokio::test]
async fn the_jwt_example_takes_access_tokens_alone() {
    let mut example = Example::start("jwt");
    for (kind, status) in [
        ("access", StatusCode::OK),
        ("refresh", StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(example.line(), format!("{kind} token:"));
        let line = example.line();
        let token = line.split("Bearer ").nth(1).unwrap().trim_end_matches('\'');
        let seen = example.ask("GET", "/", token).await;
        assert_eq!(seen.status, status, "{kind}");
        if kind == "access" {
            assert_eq!(&seen.body[..], b"alice is on the plan gold\n");
        }
    }
}

#[tokio::test]
async fn api_keys_are_made_listed_used_and_ended() {
    let mut example = Example::start("api_keys");
    let first = example.value("KEY=");
    let made = example.ask("POST", "/keys/laptop", &first).await.json();
    let (id, second) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());

    let listed = example.ask("GET", "/keys", second).await;
    assert!(!listed.text().contains(second), "a listing shows no key");
    let names: Vec<_> = listed
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].clone())
        .collect();
    assert_eq!(names, ["first", "laptop"]);

    let path = format!("/keys/{id}");
    assert_eq!(example.ask("DELETE", &path, &first).await.status, 204);
    assert_eq!(example.ask("GET", "/keys", second).await.status, 401);
    assert_eq!(example.ask("GET", "/keys", &first).await.status, 200);
    assert_eq!(
        example.ask("DELETE", "/keys/none", &first).await.status,
        404
    );
}

#[tokio::test]
async fn sessions_end_one_by_one_or_all_at_once() {
    let example = Example::start("sessions");
    let login = async || {
        let mut wire = Wire::get("/login");
        wire.method = "POST";
        wire.body = b"alice";
        let seen = example.send(wire).await;
        String::from_utf8(seen.body.to_vec()).unwrap()
    };
    let [one, two, three] = [login().await, login().await, login().await];
    let status = async |token: &str| example.ask("GET", "/", token).await.status;

    assert_eq!(example.ask("POST", "/logout", &one).await.status, 204);
    assert_eq!(status(&one).await, 401);
    assert_eq!(status(&two).await, 200);
    assert_eq!(
        example.ask("POST", "/logout/everywhere", &two).await.status,
        204
    );
    assert_eq!(status(&two).await, 401);
    assert_eq!(status(&three).await, 401);
}

#[tokio::test]
async fn a_custom_verifier_and_its_lookup_decide() {
    let example = Example::start("custom_verifier");
    let good = example.ask("GET", "/", "spring-sale").await;
    assert_eq!(
        &good.body[..],
        b"a coupon of marketing, who have 120 left\n"
    );
    assert_refused(
        &example.ask("GET", "/", "winter-sale").await,
        401,
        Some("invalid_token"),
    );
    assert_refused(
        &example.ask("GET", "/", "staff-sale").await,
        401,
        Some("invalid_token"),
    );
    assert_refused(&example.ask("GET", "/", "").await, 401, None);
}

#[cfg(all(feature = "cache", feature = "introspection", feature = "testing"))]
#[tokio::test]
async fn an_authorization_server_is_asked_and_may_be_down() {
    let mut example = Example::start("introspection");
    let (alice, bob) = (example.value("ALICE="), example.value("BOB="));
    let good = example.ask("GET", "/", &alice).await;
    assert_eq!(&good.body[..], b"hello, alice\n");
    assert_refused(
        &example.ask("GET", "/", "junk").await,
        401,
        Some("invalid_token"),
    );
    assert_eq!(example.ask("POST", "/server/down", "").await.status, 204);
    assert_eq!(example.ask("GET", "/", &alice).await.status, 200);
    assert_eq!(example.ask("GET", "/", &bob).await.status, 503);
    assert_eq!(example.ask("POST", "/server/up", "").await.status, 204);
    let good = example.ask("GET", "/", &bob).await;
    assert_eq!(&good.body[..], b"hello, bob\n");
}

#[tokio::test]
async fn a_wrapping_framework_adds_its_own() {
    let example = Example::start("wrapping_framework");
    let good = example.ask("GET", "/", "blue-alice").await;
    assert_eq!(&good.body[..], b"blue/alice of blue\n");
    let nobody = example.ask("GET", "/", "nobody").await;
    assert_refused(&nobody, 403, Some("insufficient_scope"));
    assert_eq!(nobody.challenge().get("realm"), Some("acme"));
}

#[tokio::test]
async fn policies_hold_where_they_are_put() {
    let example = Example::start("policies");
    let ask = async |method, path, token| example.ask(method, path, token).await;
    assert_eq!(ask("GET", "/sites/7", "alice").await.status, 200);
    assert_eq!(ask("PUT", "/sites/7", "alice").await.status, 200);
    assert_eq!(ask("PUT", "/sites/8", "owner").await.status, 200);
    assert_eq!(ask("DELETE", "/sites/7", "owner").await.status, 200);
    assert_eq!(ask("GET", "/bill", "owner").await.status, 200);

    let scope = Some("insufficient_scope");
    assert_refused(&ask("PUT", "/sites/8", "alice").await, 403, scope);
    assert_refused(&ask("DELETE", "/sites/7", "alice").await, 403, scope);
    assert_refused(&ask("DELETE", "/sites/8", "owner").await, 403, scope);
    let stale = ask("GET", "/bill", "alice").await;
    assert_refused(&stale, 401, Some("insufficient_user_authentication"));
    assert_eq!(stale.challenge().get("max_age"), Some("300"));
}

#[tokio::test]
async fn strangers_may_read_until_the_setting_says_otherwise() {
    let example = Example::start("optional");
    let read = async |token| example.ask("GET", "/", token).await;
    assert_eq!(&read("").await.body[..], b"hello, stranger\n");
    assert_eq!(&read("letmein").await.body[..], b"hello, alice\n");
    assert_refused(&read("wrong").await, 401, Some("invalid_token"));
    assert_refused(&example.ask("POST", "/closed", "").await, 401, None);

    assert_eq!(example.ask("POST", "/closed", "letmein").await.status, 200);
    assert_refused(&read("").await, 401, None);
    assert_eq!(&read("letmein").await.body[..], b"hello, alice\n");
}

#[cfg(feature = "tonic")]
#[tokio::test]
async fn a_grpc_server_guards_each_method() {
    use support::grpc::{channel, client, hello};
    use tonic::Code;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;

    let example = Example::start("tonic");
    let to = example.address;
    let greeted = client(to, "alice").await.hello(hello()).await.unwrap();
    assert_eq!(greeted.get_ref().message, "hello, alice");
    let refused = client(to, "alice").await.count(hello()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let mut counted = client(to, "carl")
        .await
        .count(hello())
        .await
        .unwrap()
        .into_inner();
    let mut messages = Vec::new();
    while let Some(reply) = counted.message().await.unwrap() {
        messages.push(reply.message);
    }
    assert_eq!(messages, ["1", "2", "3"]);
    let unknown = client(to, "mallory")
        .await
        .hello(hello())
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::Unauthenticated);

    let mut health = HealthClient::new(channel(to).await);
    let request = || HealthCheckRequest {
        service: String::new(),
    };
    assert!(health.check(request()).await.is_ok());
    let watched = health.watch(request()).await.unwrap_err();
    assert_eq!(watched.code(), Code::Unauthenticated);
}

fn assert_refused(seen: &Seen, status: u16, error: Option<&str>) {
    assert_eq!(seen.status, status);
    assert_eq!(seen.challenge().get("error"), error);
}

async fn post(example: &Example, path: &str, body: &str) -> Seen {
    let mut wire = Wire::get(path);
    wire.method = "POST";
    wire.body = String::from(body).leak().as_bytes();
    example.send(wire).await
}

#[tokio::test]
async fn a_refresh_token_buys_the_next_and_a_second_tab_the_same() {
    let example = Example::start("refresh");
    let first = post(&example, "/login", "alice").await.json();
    let text = |tokens: &serde_json::Value, name: &str| tokens[name].as_str().unwrap().to_owned();
    let access = text(&first, "access_token");
    let seen = example.ask("GET", "/", &access).await;
    assert_eq!(seen.status, StatusCode::OK);
    let refresh = text(&first, "refresh_token");
    let next = post(&example, "/renew", &refresh).await.json();
    let again = post(&example, "/renew", &refresh).await.json();
    assert_eq!(next["refresh_token"], again["refresh_token"]);
    let seen = post(&example, "/renew", "rt_nonsense").await;
    assert_eq!(seen.status, StatusCode::BAD_REQUEST);
    assert_eq!(seen.json()["error"], "invalid_grant");
    let seen = example.ask("POST", "/logout", &access).await;
    assert_eq!(seen.status, StatusCode::NO_CONTENT);
    for token in [&access, &text(&next, "access_token")] {
        let seen = example.ask("GET", "/", token).await;
        assert_eq!(seen.status, StatusCode::UNAUTHORIZED);
    }
    let seen = post(&example, "/renew", &text(&next, "refresh_token")).await;
    assert_eq!(seen.status, StatusCode::BAD_REQUEST);
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn sessions_in_a_file_outlive_the_server() {
    let name = format!("tower-bearer-example-{}.db", std::process::id());
    let file = std::env::temp_dir().join(name);
    let database = [("DATABASE", file.to_str().unwrap())];
    let mut example = Example::start_with("sqlite_sessions", &database);
    let mut tokens = Vec::new();
    for _ in 0..4 {
        let seen = post(&example, "/login", "alice").await;
        tokens.push(String::from_utf8(seen.body.to_vec()).unwrap());
    }
    let seen = example.ask("GET", "/sessions", &tokens[0]).await;
    assert_eq!(seen.status, StatusCode::UNAUTHORIZED, "three are enough");
    let seen = example.ask("GET", "/sessions", &tokens[3]).await;
    assert_eq!(seen.json().as_array().unwrap().len(), 4);
    assert!(example.interrupt().success());

    let example = Example::start_with("sqlite_sessions", &database);
    let seen = example.ask("GET", "/sessions", &tokens[3]).await;
    assert!(seen.json()[3]["last_used"].is_i64(), "written at the end");
    let seen = example.ask("DELETE", "/sessions/others", &tokens[3]).await;
    assert_eq!(seen.status, StatusCode::NO_CONTENT);
    for token in &tokens[..3] {
        let seen = example.ask("GET", "/sessions", token).await;
        assert_eq!(seen.status, StatusCode::UNAUTHORIZED);
    }
    let seen = example.ask("DELETE", "/sessions/current", &tokens[3]).await;
    assert_eq!(seen.status, StatusCode::NO_CONTENT);
    let seen = example.ask("GET", "/sessions", &tokens[3]).await;
    assert_eq!(seen.status, StatusCode::UNAUTHORIZED);
    drop(example);
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn api_keys_in_postgres_are_rotated_and_switched_off() {
    let Some(server) = servers::Postgres::start_fast().await else {
        return;
    };
    let url = server.url();
    let pepper = [
        ("DATABASE_URL", &*url),
        ("PEPPER", "0123456789abcdef0123456789abcdef"),
    ];
    let mut example = Example::start_with("postgres_api_keys", &pepper);
    let key = example.value("KEY=");
    let made = example.ask("POST", "/keys/laptop", &key).await.json();
    let (id, laptop) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let listed = example.ask("GET", "/keys", laptop).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let rotated = example
        .ask("POST", &format!("/keys/{id}/rotate"), &key)
        .await
        .json();
    let successor = rotated["key"].as_str().unwrap();
    for good in [laptop, successor] {
        assert_eq!(
            example.ask("GET", "/keys", good).await.status,
            StatusCode::OK
        );
    }
    let id = rotated["id"].as_str().unwrap();
    for (act, status) in [
        ("disable", StatusCode::UNAUTHORIZED),
        ("enable", StatusCode::OK),
    ] {
        let seen = example
            .ask("POST", &format!("/keys/{id}/{act}"), &key)
            .await;
        assert_eq!(seen.status, StatusCode::OK);
        assert_eq!(example.ask("GET", "/keys", successor).await.status, status);
    }
    let seen = example.ask("DELETE", &format!("/keys/{id}"), &key).await;
    assert_eq!(seen.status, StatusCode::NO_CONTENT);
    let seen = example.ask("GET", "/keys", successor).await;
    assert_eq!(seen.status, StatusCode::UNAUTHORIZED);
    let dump = server.dump();
    for secret in [&key[8..], &laptop[8..], &successor[8..]] {
        assert!(!dump.contains(secret), "a key is in the database");
    }
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn what_is_ended_at_one_of_three_nodes_is_over_at_all() {
    let Some(server) = servers::Redis::start().await else {
        return;
    };
    let url = server.url();
    let mut example = Example::start_with("three_nodes", &[("REDIS_URL", &url)]);
    let mut nodes = vec![example.address];
    for _ in 0..2 {
        let node = example.value("listening on http://");
        nodes.push(node.parse().unwrap());
    }
    let mut login = Wire::get("/login");
    login.method = "POST";
    login.body = b"alice";
    let seen = login.over_http1(nodes[0]).await;
    let token = String::from_utf8(seen.body.to_vec()).unwrap();
    let ask = async |node: usize, method: &'static str, path: &str| {
        let mut wire = Wire::get(path).header("authorization", format!("Bearer {token}"));
        wire.method = method;
        wire.over_http1(nodes[node]).await.status
    };
    for _ in 0..3 {
        for node in 0..3 {
            assert_eq!(ask(node, "GET", "/").await, StatusCode::OK);
        }
    }
    assert_eq!(ask(1, "POST", "/logout").await, StatusCode::NO_CONTENT);
    assert_eq!(
        ask(1, "GET", "/").await,
        StatusCode::UNAUTHORIZED,
        "at once here"
    );
    for node in [0, 2] {
        let begun = std::time::Instant::now();
        while ask(node, "GET", "/").await == StatusCode::OK {
            assert!(
                begun.elapsed().as_secs() < 5,
                "node {node} did not hear of it"
            );
        }
    }
    assert!(example.interrupt().success());
}
