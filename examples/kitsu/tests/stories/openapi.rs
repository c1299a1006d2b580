//! The description at `/openapi.json` against what the server answers.

use crate::support::{ADMIN, Kitsu, answer};
use common::testing::operations;
use serde_json::{Value, json};

#[tokio::test]
async fn every_documented_call_answers_with_a_documented_status() {
    let kitsu = Kitsu::start();
    let described = answer(kitsu.request("GET", "/openapi.json")).await.is(200);
    let scheme = &described["components"]["securitySchemes"]["bearer"];
    assert_eq!(scheme["scheme"], "bearer");
    let (admin, _) = kitsu.log_in(ADMIN).await;
    let mut operations = operations(&described);
    assert!(operations.len() > 25, "{}", operations.len());
    // What ends the token comes last.
    operations.sort_by_key(|operation| operation.path.ends_with("/logout"));
    for operation in operations {
        let path = [
            ("{parent}", "shots"),
            ("{children}", "tasks"),
            ("{id}", "x"),
            ("{asset_type}", "x"),
        ]
        .into_iter()
        .fold(operation.path, |path, (name, value)| {
            path.replace(name, value)
        });
        let ask = || kitsu.request(&operation.method, &path).json(&json!({}));
        let (stranger, caller) = (
            answer(ask()).await.0,
            answer(ask().bearer_auth(&admin)).await.0,
        );
        for status in [stranger, caller] {
            let is_documented = operation.statuses.contains(&status);
            assert!(is_documented, "{} {path}: {status}", operation.method);
        }
        assert_eq!(stranger == 401, operation.is_guarded, "{path}");
        let renews = path.ends_with("/refresh-token");
        assert_eq!(caller == 401, renews, "{} {path}", operation.method);
    }
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
