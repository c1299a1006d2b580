//! The documentation's story, line by line.
#![allow(clippy::unwrap_used)]

mod client;

use base64_simd::URL_SAFE_NO_PAD;
use client::{Api, FIRST, SECOND, send, text};
use reqwest::Method;
use serde_json::{Value, json};

fn claims(jwt: &str) -> (Value, Value) {
    let part = |number| {
        let part = jwt.split('.').nth(number).unwrap();
        let decoded = URL_SAFE_NO_PAD.decode_to_vec(part).unwrap();
        serde_json::from_slice(&decoded).unwrap()
    };
    (part(0), part(1))
}

#[tokio::test]
async fn a_login_by_form_gives_the_documented_answer_and_a_jwt_that_is_good_for_two_hours() {
    let api = Api::start(&[]);
    assert!(api.greeting().contains("testemail@gmail.com / 123456789"));
    assert!(api.greeting().contains("second@example.com / 987654321"));

    let answer = api.try_login(FIRST.0, FIRST.1).await;
    let data = answer.succeeded("Login successful");
    let mut expected = json!({
        "id": 18, "name": "Test User", "email": "testemail@gmail.com",
        "is_staff": false, "is_active": true,
    });
    expected["jwtToken"] = data["jwtToken"].clone();
    assert_eq!(data, &expected);

    let jwt = text(&data["jwtToken"]);
    let (header, payload) = claims(&jwt);
    assert_eq!(header["alg"], "HS256");
    assert_eq!(header["typ"], "JWT");
    assert_eq!(payload["sub"], "testemail@gmail.com");
    assert_eq!(payload["roles"], json!(["GUEST"]));
    assert_eq!(payload["scopes"], json!(["GUEST"]));

    let data = api.credits(&jwt).await;
    let data = data.succeeded("User credit balance successfully retrieved");
    assert!(text(&data["available_balance"]).parse::<f64>().unwrap() > 0.0);
    api.advance(7190).await;
    api.credits(&jwt)
        .await
        .succeeded("User credit balance successfully retrieved");
    api.advance(11).await;
    let answer = api.credits(&jwt).await;
    answer.is_refused(401);
    assert!(answer.challenge.unwrap().starts_with("Bearer"));

    let another = api.login(FIRST).await;
    assert_eq!(api.credits(&another).await.status, 200, "log in again");
}

#[tokio::test]
async fn a_login_by_json_is_one_too_even_as_the_documentation_sends_it() {
    let api = Api::start(&[]);
    let json = json!({ "username": FIRST.0, "password": FIRST.1 });
    let answer = send(api.request(Method::POST, "login").json(&json)).await;
    answer.succeeded("Login successful");

    let documented =
        "{\n    \"username\": \"testemail@gmail.com\",\n    \"password\": \"123456789\",\n}";
    for content_type in [
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-8",
    ] {
        let request = api.request(Method::POST, "login");
        let request = request.header("content-type", content_type);
        let answer = send(request.body(documented)).await;
        answer.succeeded("Login successful");
    }
}

#[tokio::test]
async fn a_key_is_made_shown_once_listed_and_deleted() {
    let api = Api::start(&[]);
    let jwt = api.login(FIRST).await;

    let new = json!({ "name": "test-api-key", "description": "This is a test API key" });
    let request = api.request(Method::POST, "api-keys").bearer_auth(&jwt);
    let answer = send(request.json(&new)).await;
    let data = answer.succeeded("API key successfully created").clone();
    assert_eq!(data.as_object().unwrap().len(), 4);
    assert_eq!(data["name"], "test-api-key");
    assert_eq!(data["description"], "This is a test API key");
    let (id, key) = (data["id"].as_u64().unwrap(), text(&data["key"]));
    let random = key.strip_prefix("ak_").unwrap();
    assert_eq!(random.len(), 43);
    assert_eq!(URL_SAFE_NO_PAD.decode_to_vec(random).unwrap().len(), 32);

    let (other_id, other) = api.make_key(&jwt, "another").await;
    assert_ne!(id, other_id);
    for path in ["api_keys", "api-keys", "keys"] {
        let answer = api.ask(Method::GET, path, &key).await;
        let rows = answer.succeeded("API keys successfully retrieved");
        let expected = json!([
            { "id": id, "name": "test-api-key", "description": "This is a test API key", "partial_key_data": "ak_..." },
            { "id": other_id, "name": "another", "description": "", "partial_key_data": "ak_..." },
        ]);
        assert_eq!(rows, &expected);
        assert!(!answer.body.to_string().contains(random), "shown once");
    }

    let path = format!("api-keys/{id}");
    let answer = api.ask(Method::DELETE, &path, &jwt).await;
    assert_eq!(answer.succeeded("API key successfully deleted"), &json!({}));
    api.credits(&key).await.is_refused(401);
    assert_eq!(api.credits(&other).await.status, 200, "no other");
    assert_eq!(api.credits(&jwt).await.status, 200, "nor the login");
    let answer = api.ask(Method::GET, "api_keys", &jwt).await;
    let rows = answer.succeeded("API keys successfully retrieved");
    assert_eq!(rows.as_array().unwrap().len(), 1);
    api.ask(Method::DELETE, &path, &jwt).await.is_refused(404);
}

#[tokio::test]
async fn a_key_does_not_expire_and_can_do_all_that_a_login_can() {
    let api = Api::start(&[]);
    let jwt = api.login(FIRST).await;
    let (_, key) = api.make_key(&jwt, "for ever").await;
    api.advance(10 * 365 * 24 * 60 * 60).await;
    api.credits(&jwt).await.is_refused(401);
    assert_eq!(api.credits(&key).await.status, 200);
    let (id, made_by_a_key) = api.make_key(&key, "made by a key").await;
    assert_eq!(api.credits(&made_by_a_key).await.status, 200);
    let path = format!("api-keys/{id}");
    let answer = api.ask(Method::DELETE, &path, &made_by_a_key).await;
    answer.succeeded("API key successfully deleted");
    api.credits(&made_by_a_key).await.is_refused(401);
}

#[tokio::test]
async fn the_prefix_alone_tells_keys_from_jwts() {
    let api = Api::start(&[]);
    let jwt = api.login(FIRST).await;
    let (_, key) = api.make_key(&jwt, "key").await;
    api.credits(&format!("ak_{jwt}")).await.is_refused(401);
    api.credits(&key[3..]).await.is_refused(401);
    api.credits(&key.replacen("ak_", "AK_", 1))
        .await
        .is_refused(401);
    api.credits(&format!("ak_{key}")).await.is_refused(401);
}

#[tokio::test]
async fn nobody_sees_or_deletes_the_keys_of_somebody_else() {
    let api = Api::start(&[]);
    let first = api.login(FIRST).await;
    let second = api.login(SECOND).await;
    let (id, key) = api.make_key(&first, "mine").await;
    let (_, others) = api.make_key(&second, "theirs").await;
    let path = format!("api-keys/{id}");
    api.ask(Method::DELETE, &path, &second)
        .await
        .is_refused(404);
    api.ask(Method::DELETE, &path, &others)
        .await
        .is_refused(404);
    let answer = api.ask(Method::GET, "keys", &second).await;
    let rows = answer.succeeded("API keys successfully retrieved");
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["name"], "theirs");
    assert_eq!(api.credits(&key).await.status, 200);
}

#[tokio::test]
async fn two_logins_within_one_second_give_two_tokens_that_are_both_good() {
    let api = Api::start(&[]);
    let (one, other) = (api.login(FIRST).await, api.login(FIRST).await);
    assert_ne!(one, other);
    assert_eq!(api.credits(&one).await.status, 200);
    assert_eq!(api.credits(&other).await.status, 200);
}
