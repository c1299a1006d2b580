//! The server does as it says of itself.
#![allow(clippy::unwrap_used)]

mod client;

use client::Api;
use common::testing::operations;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn every_documented_path_answers_a_status_that_is_documented_for_it() {
    let api = Api::start(&[]);
    let openapi = api.anonymous("/openapi.json").await.body;
    let scheme = &openapi["components"]["securitySchemes"]["bearer"];
    assert_eq!(
        (&scheme["scheme"], &scheme["bearerFormat"]),
        (&json!("bearer"), &json!("JWT"))
    );
    let good = json!({
        "username": "user", "password": "userpassword", "permissions": [], "token": "x",
        "old": "wrong", "new": "x", "default_permissions": [], "file_name": "x", "owner_name": "user",
    });
    let operations = operations(&openapi);
    assert_eq!(operations.len(), 25);
    for operation in operations {
        let method: Method = operation.method.parse().unwrap();
        let admin = api.admin().await;
        let url = api.make_file(&admin, "a.txt").await;
        let path = operation
            .path
            .replace("{username}", "user")
            .replace("/files/{id}", &url);
        let ask = || api.request(method.clone(), &path);
        let requests = [
            ("nobody", ask().json(&good)),
            ("nothing", ask().bearer_auth(&admin)),
            (
                "an empty object",
                ask().bearer_auth(&admin).json(&json!({})),
            ),
            ("all", ask().bearer_auth(&admin).json(&good)),
        ];
        for (what, request) in requests {
            let status = request.send().await.unwrap().status().as_u16();
            let described = operation.statuses.contains(&status);
            assert!(described, "{method} {path} with {what} answers {status}");
            if what == "nobody" && !operation.is_guarded {
                assert_ne!(status, 401, "{path}");
            }
        }
    }
}
