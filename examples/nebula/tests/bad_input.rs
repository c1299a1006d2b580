//! What is wrong is refused in the envelope, and nothing breaks.
#![allow(clippy::unwrap_used)]

mod client;

use std::time::{Duration, Instant};

use base64_simd::URL_SAFE_NO_PAD;
use client::{Api, FIRST, SECRET, send};
use reqwest::Method;
use serde_json::{Value, json};
use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey};
use tower_bearer::keys::Algorithm;

#[tokio::test]
async fn bodies_that_are_wrong_are_refused_in_the_envelope() {
    let api = Api::start(&[]);
    let jwt = api.login(FIRST).await;
    for path in ["login", "api-keys"] {
        let post = || api.request(Method::POST, path).bearer_auth(&jwt);
        let form = "application/x-www-form-urlencoded";
        for json in [
            json!({}),
            json!({ "username": 1, "password": "123456789", "name": 1 }),
            json!({ "username": FIRST.0, "password": null, "name": null }),
            json!({ "username": [FIRST.0], "password": {}, "name": ["x"] }),
            json!(["username", "password"]),
            json!("text"),
            Value::Null,
        ] {
            send(post().json(&json)).await.is_refused(422);
            let as_a_form = post().header("content-type", form);
            send(as_a_form.body(json.to_string())).await.is_refused(422);
        }
        for text in [
            "",
            "{",
            "{,}",
            "{\"username\"",
            "}",
            "\u{0}",
            "=&=",
            "%ff=%",
            ",}",
            "{}}",
        ] {
            send(post().header("content-type", form).body(text))
                .await
                .is_refused(422);
            let as_json = post().header("content-type", "application/json");
            send(as_json.body(text)).await.is_refused(422);
        }
        let deep = "[".repeat(100_000);
        send(post().header("content-type", "application/json").body(deep))
            .await
            .is_refused(422);
        let binary = post().header("content-type", form).body(vec![0xff, 0xfe]);
        send(binary).await.is_refused(400);
        let large = post()
            .header("content-type", form)
            .body("x".repeat(1024 * 1024 + 1));
        send(large).await.is_refused(413);
        for content_type in [
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/xml",
        ] {
            let other = post().header("content-type", content_type);
            send(other.body("username=a&password=b&name=c"))
                .await
                .is_refused(415);
        }
        send(post().body("username=a&password=b&name=c"))
            .await
            .is_refused(415);
    }
    for name in ["", " ", &"x".repeat(101), "a\u{0}b", "a\nb"] {
        let request = api.request(Method::POST, "api-keys").bearer_auth(&jwt);
        send(request.json(&json!({ "name": name })))
            .await
            .is_refused(422);
    }
    for id in [
        "0",
        "-1",
        "1e3",
        "x",
        "18446744073709551616",
        "%00",
        "..%2Fkeys",
        "1%20",
        "%ff",
    ] {
        let path = format!("api-keys/{id}");
        api.ask(Method::DELETE, &path, &jwt).await.is_refused(404);
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_in_the_envelope() {
    let api = Api::start(&[("TEST_CLOCK", "")]);
    let clock = api.outside(Method::POST, "/test-clock");
    send(clock.json(&json!({ "advance_secs": 1 })))
        .await
        .is_refused(404);
    send(api.outside(Method::GET, "/nowhere"))
        .await
        .is_refused(404);
    send(api.request(Method::GET, "nowhere"))
        .await
        .is_refused(404);
    send(api.request(Method::GET, "login"))
        .await
        .is_refused(405);
    send(api.request(Method::DELETE, "login"))
        .await
        .is_refused(405);
    let jwt = api.login(FIRST).await;
    api.ask(Method::PUT, "api-keys", &jwt).await.is_refused(405);
}

#[tokio::test]
async fn credentials_that_are_missing_or_bad_are_401_with_a_challenge() {
    let api = Api::start(&[]);
    let jwt = api.login(FIRST).await;
    let (_, key) = api.make_key(&jwt, "key").await;
    let (head, signature) = jwt.rsplit_once('.').unwrap();
    let (_, payload) = head.split_once('.').unwrap();
    let none = URL_SAFE_NO_PAD.encode_to_string(r#"{"alg":"none","typ":"JWT"}"#);
    let headers = [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        format!("Basic {jwt}"),
        format!("Basic {key}"),
        jwt.clone(),
        key.clone(),
        format!("Bearer {jwt} {key}"),
        format!("Bearer {jwt},{key}"),
        format!(
            "Bearer {head}.{}",
            signature.chars().rev().collect::<String>()
        ),
        format!("Bearer {head}."),
        format!("Bearer {none}.{payload}."),
        format!("Bearer {none}.{payload}.{signature}"),
        format!("Bearer {}", &key[..45]),
        format!("Bearer {key}x"),
        format!("Bearer ak_{}", "x".repeat(10_000)),
        "Bearer ak_".into(),
        "Bearer ak_0123456789012345678901234567890123456789012".into(),
    ];
    for header in &headers {
        let request = api.request(Method::GET, "users/credits");
        let answer = send(request.header("authorization", header)).await;
        answer.is_refused(401);
        assert!(answer.challenge.unwrap().starts_with("Bearer"));
    }
    let answer = send(api.request(Method::GET, "users/credits")).await;
    answer.is_refused(401);
    assert!(answer.challenge.unwrap().starts_with("Bearer"));
    let request = api.request(Method::GET, "users/credits");
    let lower = request.header("authorization", format!("bearer {key}"));
    assert_eq!(send(lower).await.status, 200, "RFC 9110: in any letters");
}

#[tokio::test]
async fn a_token_of_another_system_is_refused_even_under_the_same_secret() {
    let api = Api::start(&[("JWT_SECRET", SECRET)]);
    let key = || SigningKey::from_secret(Algorithm::HS256, SECRET.as_bytes()).unwrap();
    let forge = |issuer: &str, audience: &str, typ: &str| {
        let jwts = JwtIssuer::builder(key()).issuer(issuer).audience(audience);
        let jwts = jwts.token_type(typ).lifetime(Duration::from_secs(600));
        let issued = jwts.build().unwrap().issue(NewJwt::new(FIRST.0));
        issued.unwrap().token.reveal()
    };
    assert_eq!(
        api.credits(&forge("nebula", "nebula", "JWT")).await.status,
        200
    );
    api.credits(&forge("sachet", "nebula", "JWT"))
        .await
        .is_refused(401);
    api.credits(&forge("nebula", "sachet", "JWT"))
        .await
        .is_refused(401);
    api.credits(&forge("nebula", "nebula", "refresh+jwt"))
        .await
        .is_refused(401);
}

#[tokio::test]
async fn an_unknown_user_is_told_what_a_wrong_password_is_told_and_as_late() {
    let api = Api::start(&[]);
    let time = async |username: &str| {
        let begun = Instant::now();
        let answer = api.try_login(username, "wrong").await;
        answer.is_refused(401);
        (begun.elapsed(), answer.body)
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let (took, told) = time(FIRST.0).await;
        known.push(took);
        let (took, the_same) = time("nobody@example.com").await;
        unknown.push(took);
        assert_eq!(told, the_same);
    }
    // The quickest of each, which the machine's other work disturbed least.
    let (known, unknown) = (known.iter().min().unwrap(), unknown.iter().min().unwrap());
    let ratio = known.as_secs_f64() / unknown.as_secs_f64();
    assert!((0.4..2.5).contains(&ratio), "{known:?} and {unknown:?}");
    api.try_login("", "").await.is_refused(401);
    api.try_login("a\u{0}b", "x").await.is_refused(401);
}
