//! The server does as it says of itself.
#![allow(clippy::unwrap_used)]

mod client;

use client::{Api, FIRST, send};
use common::testing::operations;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn every_documented_path_answers_a_status_that_is_documented_for_it() {
    let api = Api::start(&[]);
    let answer = send(api.outside(Method::GET, "/openapi.json")).await;
    let openapi: Value = answer.body;
    assert_eq!(
        openapi["components"]["securitySchemes"]["bearer"]["scheme"],
        "bearer"
    );
    let jwt = api.login(FIRST).await;
    let (id, _) = api.make_key(&jwt, "key").await;
    let good = json!({ "username": FIRST.0, "password": FIRST.1, "name": "x" });
    let operations = operations(&openapi);
    assert_eq!(operations.len(), 7);
    for operation in operations {
        let method: Method = operation.method.parse().unwrap();
        let path = operation.path.replace("{id}", &id.to_string());
        let ask = || api.outside(method.clone(), &path);
        let answers = [
            ("nobody", send(ask().json(&good)).await),
            ("nothing", send(ask().bearer_auth(&jwt)).await),
            (
                "an empty object",
                send(ask().bearer_auth(&jwt).json(&json!({}))).await,
            ),
            ("all", send(ask().bearer_auth(&jwt).json(&good)).await),
        ];
        for (what, answer) in &answers {
            let status = answer.status.as_u16();
            let described = operation.statuses.contains(&status);
            assert!(described, "{method} {path} with {what} answers {status}");
        }
        assert_eq!(answers[0].1.status == 401, operation.is_guarded, "{path}");
    }
}
