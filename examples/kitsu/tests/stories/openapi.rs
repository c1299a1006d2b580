//! The description at `/openapi.json` against what the server answers.

use crate::support::{ADMIN, Kitsu, answer};
use serde_json::{Value, json};

#[tokio::test]
async fn every_documented_call_answers_with_a_documented_status() {
    let kitsu = Kitsu::start();
    let described = answer(kitsu.request("GET", "/openapi.json")).await.is(200);
    let scheme = &described["components"]["securitySchemes"]["bearer"];
    assert_eq!(scheme["scheme"], "bearer");
    let (admin, _) = kitsu.log_in(ADMIN).await;
    let mut calls = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let is_guarded = operation["security"].is_array();
            for token in ["", &*admin] {
                let asked = path
                    .replace("{parent}", "shots")
                    .replace("{children}", "tasks");
                let asked = asked.replace("{id}", "x").replace("{asset_type}", "x");
                let mut request = kitsu.request(&method.to_uppercase(), &asked);
                if !token.is_empty() {
                    request = request.bearer_auth(token);
                }
                if !operation["requestBody"].is_null() {
                    request = request.json(&json!({}));
                }
                let status = answer(request).await.0;
                let documented = &operation["responses"][status.to_string()];
                assert!(documented.is_object(), "{method} {path}: {status}");
                let stranger = token.is_empty() && is_guarded;
                assert_eq!(stranger, stranger && status == 401, "{method} {path}");
                calls += 1;
            }
        }
    }
    assert!(calls > 40, "{calls}");
}

#[tokio::test]
async fn the_bodies_are_as_they_are_described() {
    let kitsu = Kitsu::start();
    let described = answer(kitsu.request("GET", "/openapi.json")).await.is(200);
    let body = kitsu
        .log_in_with(ADMIN, crate::support::PASSWORD, json!({}))
        .await
        .ok();
    let fields = |name: &str| -> Vec<String> {
        let schema = &described["components"]["schemas"][name]["properties"];
        schema.as_object().unwrap().keys().cloned().collect()
    };
    let given =
        |body: &Value| -> Vec<String> { body.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(given(&body), fields("LoggedIn"));
    let persons = kitsu
        .get("data/persons", body["access_token"].as_str().unwrap())
        .await
        .ok();
    assert_eq!(given(&persons[0]), fields("Person"));
}
