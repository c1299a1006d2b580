//! How the provider fails.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{Response, StatusCode};
use tower_bearer::testing::provider::{Endpoint, Fault, Gate, IdentityProvider};

use crate::client::{Client, jwks, kids};

#[tokio::test]
async fn down_it_answers_nobody_and_afterwards_it_is_where_it_was() {
    let provider = IdentityProvider::start();
    let url = provider.url(Endpoint::Jwks);
    let client = Client::new();
    client.get(&url).await.unwrap();
    provider.fail(Fault::Down);
    client.get(&url).await.unwrap_err(); // on the connection that was open
    client.get(&url).await.unwrap_err(); // on a new one
    Client::new().get(&url).await.unwrap_err();
    provider.recover();
    client.get(&url).await.unwrap();
    assert_eq!(
        provider.count(Endpoint::Jwks),
        2,
        "those that were answered"
    );
}

#[tokio::test]
async fn one_endpoint_is_down_and_the_others_are_not() {
    let provider = IdentityProvider::start();
    let client = Client::new();
    provider.fail_at(Endpoint::Jwks, Fault::Down);
    client.get(&provider.url(Endpoint::Jwks)).await.unwrap_err();
    let metadata = client.get(&provider.url(Endpoint::OpenIdConfiguration));
    assert_eq!(metadata.await.unwrap().status(), StatusCode::OK);
    assert_eq!(provider.count(Endpoint::Jwks), 1, "it was asked");
}

#[tokio::test]
async fn a_held_answer_is_the_one_of_when_the_request_came() {
    let provider = IdentityProvider::start();
    let old = provider.kid();
    let gate = Gate::new();
    provider.fail_at(Endpoint::Jwks, Fault::Held(gate.clone()));
    let slow = tokio::spawn({
        let provider = provider.clone();
        async move { kids(&provider).await }
    });
    gate.reached(1).await;
    assert_eq!(provider.count(Endpoint::Jwks), 1);
    provider.recover();
    let new = provider.rotate();
    assert_eq!(kids(&provider).await, [&*old, &*new], "overtakes it");
    assert!(!slow.is_finished());
    gate.open();
    assert_eq!(slow.await.unwrap(), [old]);
}

#[tokio::test]
async fn an_open_gate_holds_nobody() {
    let provider = IdentityProvider::start();
    let gate = Gate::new();
    gate.open();
    provider.fail(Fault::Held(gate.clone()));
    assert_eq!(kids(&provider).await, [provider.kid()]);
    gate.reached(1).await;
}

#[tokio::test]
async fn flapping_it_fails_every_other_time() {
    let provider = IdentityProvider::start();
    let (client, url) = (Client::new(), provider.url(Endpoint::Jwks));
    client.get(&url).await.unwrap();
    provider.fail(Fault::Flapping);
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(client.get(&url).await.is_ok());
    }
    assert_eq!(answers, [false, true, false, true]);
}

#[tokio::test]
async fn what_it_answers_is_wrong_in_each_way() {
    let provider = IdentityProvider::start();
    let (client, url) = (Client::new(), provider.url(Endpoint::Jwks));

    provider.fail(Fault::Status(StatusCode::SERVICE_UNAVAILABLE));
    let status = client.get(&url).await.unwrap().status();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);

    provider.fail(Fault::Redirect("http://169.254.169.254/".to_owned()));
    let redirect = client.get(&url).await.unwrap();
    assert_eq!(redirect.status(), StatusCode::FOUND);
    assert_eq!(redirect.headers()[LOCATION], "http://169.254.169.254/");

    provider.fail(Fault::Html);
    let page = client.get(&url).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    assert!(page.body().starts_with(b"<!doctype html>"));

    provider.fail(Fault::BrokenJson);
    let broken = client.get(&url).await.unwrap();
    assert_eq!(broken.headers()[CONTENT_TYPE], "application/json");
    let error = serde_json::from_slice::<serde_json::Value>(broken.body()).unwrap_err();
    assert!(error.is_eof(), "{error}");

    provider.fail(Fault::CutOff);
    let cut = client.get(&url).await.unwrap_err();
    assert!(
        cut.contains("IncompleteMessage") || cut.contains("Body"),
        "{cut}"
    );

    provider.fail(Fault::Oversized);
    let long = client.get(&url).await.unwrap();
    assert!(long.body().len() > 50_000_000);

    provider.fail(Fault::json(r#"{"keys":[]}"#));
    assert_eq!(client.json(&url).await["keys"].as_array().unwrap().len(), 0);

    let teapot = Response::builder().status(418).header("x-brew", "no");
    let teapot = teapot.body(Bytes::from("short and stout")).unwrap();
    provider.fail(Fault::Answer(teapot));
    let answer = client.get(&url).await.unwrap();
    assert_eq!(answer.status(), 418);
    assert_eq!(answer.headers()["x-brew"], "no");
    assert_eq!(answer.body(), "short and stout");

    provider.recover();
    assert_eq!(jwks(&provider).await["keys"][0]["kid"], provider.kid());
}
