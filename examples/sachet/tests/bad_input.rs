//! What is wrong is refused in Sachet's form, and nothing breaks.
#![allow(clippy::unwrap_used)]

mod client;

use std::time::{Duration, Instant};

use client::{Api, SECRET, send};
use reqwest::Method;
use serde_json::{Value, json};
use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey};
use tower_bearer::keys::Algorithm;

#[tokio::test]
async fn bodies_that_are_wrong_are_refused() {
    let api = Api::start(&[]);
    let admin = api.admin().await;
    let posts = [
        (Method::POST, "/users/login"),
        (Method::POST, "/users/logout"),
        (Method::POST, "/users/password"),
        (Method::POST, "/users"),
        (Method::PATCH, "/users/user"),
        (Method::PUT, "/users/user"),
        (Method::PATCH, "/admin/settings"),
        (Method::PUT, "/admin/settings"),
        (Method::POST, "/files"),
    ];
    let wrong = json!({
        "username": 1, "password": 1, "token": 1, "old": 1, "new": 1,
        "permissions": 1, "default_permissions": 1, "file_name": 1,
    });
    for (method, path) in posts {
        let ask = || api.request(method.clone(), path).bearer_auth(&admin);
        for body in [&wrong, &json!([1]), &json!("text"), &json!(1), &Value::Null] {
            send(ask().json(body)).await.is_refused(400);
        }
        for text in ["", "{", "{,}", "\u{0}", "nonsense"] {
            let as_json = ask().header("content-type", "application/json");
            send(as_json.body(text)).await.is_refused(400);
        }
        let binary = ask().header("content-type", "application/json");
        send(binary.body(vec![0xff])).await.is_refused(400);
        send(ask().body("{}")).await.is_refused(415);
        let form = ask().header("content-type", "application/x-www-form-urlencoded");
        send(form.body("username=user&password=userpassword"))
            .await
            .is_refused(415);
        let large = ask().header("content-type", "application/json");
        let body = format!("\"{}\"", "x".repeat(1024 * 1024));
        send(large.body(body)).await.is_refused(413);
    }
    for path in ["/users/%ff", "/files/%ff", "/files/%ff/content"] {
        api.get(path, &admin).await.is_refused(400);
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused() {
    let api = Api::start(&[("TEST_CLOCK", "")]);
    let clock = api.request(Method::POST, "/test-clock");
    send(clock.json(&json!({ "advance_secs": 1 })))
        .await
        .is_refused(404);
    let admin = api.admin().await;
    api.anonymous("/nowhere").await.is_refused(404);
    api.get("/nowhere", &admin).await.is_refused(404);
    for (method, path) in [
        (Method::DELETE, "/users/login"),
        (Method::PATCH, "/files/x/content"),
        (Method::DELETE, "/users"),
        (Method::POST, "/whoami"),
    ] {
        send(api.request(method, path).bearer_auth(&admin))
            .await
            .is_refused(405);
    }
}

#[tokio::test]
async fn credentials_that_are_missing_unknown_or_wrong_look_alike_and_take_as_long() {
    let api = Api::start(&[]);
    let login = async |body: Value| {
        let begun = Instant::now();
        let answer = send(api.request(Method::POST, "/users/login").json(&body)).await;
        answer.says(401, "Invalid credentials.");
        begun.elapsed()
    };
    login(json!({})).await;
    login(json!({ "username": "user" })).await;
    login(json!({ "password": "userpassword" })).await;
    login(json!({ "username": "user", "password": "" })).await;
    login(json!({ "username": "USER", "password": "userpassword" })).await;
    login(json!({ "username": "a\u{0}b", "password": "userpassword" })).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        known.push(login(json!({ "username": "user", "password": "wrong" })).await);
        unknown.push(login(json!({ "username": "nobody", "password": "wrong" })).await);
    }
    // The quickest of each, which the machine's other work disturbed least.
    let (known, unknown) = (known.iter().min().unwrap(), unknown.iter().min().unwrap());
    let ratio = known.as_secs_f64() / unknown.as_secs_f64();
    assert!((0.4..2.5).contains(&ratio), "{known:?} and {unknown:?}");
}

#[tokio::test]
async fn a_token_of_another_system_is_refused_even_under_the_same_secret() {
    let api = Api::start(&[("JWT_SECRET", SECRET)]);
    let forge = |issuer: &str, session: Option<&str>| {
        let key = SigningKey::from_secret(Algorithm::HS256, SECRET.as_bytes()).unwrap();
        let jwts = JwtIssuer::builder(key).issuer(issuer).audience("sachet");
        let jwts = jwts.token_type("JWT").lifetime(Duration::from_secs(600));
        let new = NewJwt::new("admin");
        let new = session.map_or(new.clone(), |session| new.session_id(session));
        jwts.build().unwrap().issue(new).unwrap().token.reveal()
    };
    api.get("/whoami", &forge("nebula", None))
        .await
        .says(401, "Invalid auth token.");
    api.get("/whoami", &forge("sachet", None))
        .await
        .says(401, "Invalid auth token.");
    api.get("/whoami", &forge("sachet", Some("another")))
        .await
        .says(401, "Invalid auth token.");
    let admin = api.admin().await;
    api.logout(&admin, &forge("nebula", None))
        .await
        .is_refused(400);
}

#[tokio::test]
async fn a_login_does_not_care_for_an_old_token_in_the_header() {
    let api = Api::start(&[]);
    let old = api.user().await;
    api.advance(8 * 24 * 60 * 60).await;
    let body = json!({ "username": "user", "password": "userpassword" });
    let answer = api.post("/users/login", &old, body).await;
    assert_eq!(answer.status, 200);
}
