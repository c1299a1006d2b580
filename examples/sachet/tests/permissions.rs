//! Permissions are the account's at each request; those of strangers are a setting.
#![allow(clippy::unwrap_used)]

mod client;

use client::{Api, send};
use reqwest::Method;
use serde_json::json;

const MISSING: &str = "Missing permissions to access this page.";

#[tokio::test]
async fn whoami_tells_a_caller_with_a_name_and_one_without() {
    let api = Api::start(&[]);
    let (user, admin) = (api.user().await, api.admin().await);
    let expected = json!({ "username": null, "permissions": [] });
    assert_eq!(api.anonymous("/whoami").await.body, expected);
    api.set_defaults(&admin, &["READ", "LIST"]).await;
    let expected = json!({ "username": null, "permissions": ["LIST", "READ"] });
    assert_eq!(api.anonymous("/whoami").await.body, expected);
    let expected =
        json!({ "username": "user", "permissions": ["CREATE", "DELETE", "LIST", "READ"] });
    assert_eq!(api.get("/whoami", &user).await.body, expected);
    assert_eq!(api.logout(&user, &user).await.status, 200);
    api.get("/whoami", &user)
        .await
        .says(401, "Token has expired.");
    api.get("/whoami", "nonsense")
        .await
        .says(401, "Invalid auth token.");
}

#[tokio::test]
async fn each_endpoint_is_open_to_strangers_by_the_setting_and_only_then() {
    let api = Api::start(&[]);
    let admin = api.admin().await;
    api.anonymous("/files")
        .await
        .says(401, "Missing auth token");
    send(api.request(Method::POST, "/files"))
        .await
        .says(401, "Missing auth token");

    api.set_defaults(&admin, &["CREATE"]).await;
    let create = || {
        api.request(Method::POST, "/files")
            .json(&json!({ "file_name": "content.bin" }))
    };
    let answer = send(create()).await;
    assert_eq!(answer.status, 201);
    let url = client::text(&answer.body["url"]);
    let uploaded = send(api.content(Method::POST, &url, b"hello")).await;
    assert_eq!(uploaded.status, 201);
    api.anonymous("/files")
        .await
        .says(401, "Missing auth token");
    api.anonymous(&url).await.says(401, "Missing auth token");

    api.set_defaults(&admin, &["READ"]).await;
    send(create()).await.says(401, "Missing auth token");
    assert_eq!(api.anonymous(&url).await.body["owner_name"], json!(null));
    let content = api
        .request(Method::GET, &format!("{url}/content"))
        .send()
        .await;
    assert_eq!(content.unwrap().bytes().await.unwrap(), "hello");

    api.set_defaults(&admin, &["MODIFY"]).await;
    let uploaded = send(api.content(Method::PUT, &url, b"hello again")).await;
    assert_eq!(uploaded.status, 200);
    let rename = api
        .request(Method::PATCH, &url)
        .json(&json!({ "file_name": "new.bin" }));
    assert_eq!(send(rename).await.status, 200);

    api.set_defaults(&admin, &["LIST"]).await;
    let answer = api.anonymous("/files").await;
    assert_eq!(answer.body["data"][0]["file_name"], "new.bin");
    assert_eq!(answer.body["data"][0]["initialized"], true);

    api.set_defaults(&admin, &["LOCK"]).await;
    let lock = api.request(Method::POST, &format!("{url}/lock"));
    assert_eq!(send(lock).await.status, 200);
    api.set_defaults(&admin, &["DELETE"]).await;
    send(api.request(Method::DELETE, &url))
        .await
        .is_refused(423);
    let unlock = api
        .request(Method::POST, &format!("{url}/unlock"))
        .bearer_auth(&admin);
    assert_eq!(send(unlock).await.status, 200);
    assert_eq!(send(api.request(Method::DELETE, &url)).await.status, 200);
    api.get(&url, &admin).await.is_refused(404);
}

#[tokio::test]
async fn a_bad_token_is_refused_where_none_would_do() {
    let api = Api::start(&[]);
    let (user, admin) = (api.user().await, api.admin().await);
    api.set_defaults(&admin, &["LIST"]).await;
    assert_eq!(api.anonymous("/files").await.status, 200);
    let with = async |header: String| {
        let request = api.request(Method::GET, "/files");
        send(request.header("authorization", header)).await
    };
    with("Bearer nonsense".into())
        .await
        .says(401, "Invalid auth token.");
    with(format!("Bearer {user}x"))
        .await
        .says(401, "Invalid auth token.");
    for header in [
        "",
        "Bearer",
        "Bearer  ",
        &user,
        &format!("Basic {user}"),
        &format!("Bearer {user} {user}"),
    ] {
        with(header.into())
            .await
            .says(401, "Malformed Authorization header.");
    }
    assert_eq!(api.logout(&user, &user).await.status, 200);
    with(format!("Bearer {user}"))
        .await
        .says(401, "Token has expired.");
    assert_eq!(
        with(format!("bearer {admin}")).await.status,
        200,
        "RFC 9110: in any letters"
    );
}

#[tokio::test]
async fn a_user_without_a_permission_does_not_fall_back_to_what_strangers_may() {
    let api = Api::start(&[]);
    let (user, admin) = (api.user().await, api.admin().await);
    api.set_defaults(&admin, &["LIST", "READ"]).await;
    assert_eq!(api.get("/files", &user).await.status, 200);
    let none = json!({ "permissions": [] });
    let answer = api.ask(Method::PATCH, "/users/user", &admin, none).await;
    assert_eq!(answer.status, 200);
    api.get("/files", &user).await.says(403, MISSING);
    assert_eq!(api.anonymous("/files").await.status, 200);
    let expected = json!({ "username": "user", "permissions": [] });
    assert_eq!(
        api.get("/whoami", &user).await.body,
        expected,
        "of the same token"
    );
}

#[tokio::test]
async fn administration_is_for_administrators_whatever_strangers_may_do() {
    let api = Api::start(&[]);
    let (user, admin) = (api.user().await, api.admin().await);
    api.set_defaults(
        &admin,
        &[
            "CREATE", "MODIFY", "DELETE", "LOCK", "LIST", "ADMIN", "READ",
        ],
    )
    .await;
    let asks = [
        (Method::GET, "/users"),
        (Method::POST, "/users"),
        (Method::PATCH, "/users/user"),
        (Method::PUT, "/users/user"),
        (Method::DELETE, "/users/user"),
        (Method::GET, "/admin/settings"),
        (Method::PATCH, "/admin/settings"),
        (Method::PUT, "/admin/settings"),
    ];
    for (method, path) in asks {
        let ask = || api.request(method.clone(), path);
        send(ask()).await.says(401, "Missing auth token");
        send(ask().bearer_auth(&user)).await.says(403, MISSING);
    }
    let answer = api.get("/users/admin", &user).await;
    answer.says(403, "You are not authorized to view this page.");
}

#[tokio::test]
async fn administrators_make_change_and_delete_users() {
    let api = Api::start(&[]);
    let admin = api.admin().await;
    let new = json!({ "username": "dave", "password": "secret", "permissions": ["READ"] });
    let answer = api.post("/users", &admin, new.clone()).await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.body,
        json!({ "status": "success", "url": "/users/dave" })
    );
    api.post("/users", &admin, new).await.is_refused(409);
    for name in ["login", "", "a/b", "a b", "a\u{0}b", &"x".repeat(65)] {
        let new = json!({ "username": name, "password": "secret", "permissions": [] });
        api.post("/users", &admin, new).await.is_refused(400);
    }
    let unknown = json!({ "username": "eve", "password": "secret", "permissions": ["ROOT"] });
    api.post("/users", &admin, unknown).await.is_refused(400);
    let answer = api.get("/users", &admin).await;
    let names: Vec<_> = answer.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| &user["username"])
        .collect();
    assert_eq!(names, ["admin", "dave", "user"]);
    assert!(!answer.body.to_string().contains("argon2"), "no password");

    let dave = api.login("dave", "secret").await;
    let all = json!({ "username": "dave", "password": "other", "permissions": ["LIST"] });
    let answer = api.ask(Method::PUT, "/users/dave", &admin, all).await;
    assert_eq!(answer.status, 200);
    assert_eq!(api.get("/files", &dave).await.status, 200);
    api.login("dave", "other").await;
    let part = json!({ "username": "dave", "permissions": [] });
    api.ask(Method::PUT, "/users/dave", &admin, part)
        .await
        .is_refused(400);
    let another = json!({ "username": "eve", "password": "other", "permissions": [] });
    api.ask(Method::PUT, "/users/dave", &admin, another)
        .await
        .is_refused(400);
    api.ask(Method::PATCH, "/users/eve", &admin, json!({}))
        .await
        .is_refused(404);

    let delete = || {
        api.request(Method::DELETE, "/users/dave")
            .bearer_auth(&admin)
    };
    assert_eq!(send(delete()).await.status, 200);
    send(delete()).await.is_refused(404);
    api.get("/whoami", &dave)
        .await
        .says(401, "Invalid auth token.");
    api.try_login("dave", "other")
        .await
        .says(401, "Invalid credentials.");
    let again = json!({ "username": "dave", "password": "third", "permissions": ["ADMIN"] });
    assert_eq!(api.post("/users", &admin, again).await.status, 201);
    api.get("/whoami", &dave)
        .await
        .says(401, "Invalid auth token.");
    api.login("dave", "third").await;
}

#[tokio::test]
async fn settings_are_read_and_changed_by_administrators() {
    let api = Api::start(&[]);
    let admin = api.admin().await;
    let settings = async || api.get("/admin/settings", &admin).await.body;
    assert_eq!(settings().await, json!({ "default_permissions": [] }));
    api.set_defaults(&admin, &["READ"]).await;
    assert_eq!(settings().await, json!({ "default_permissions": ["READ"] }));
    let path = "/admin/settings";
    for bad in [
        json!({ "default_permissions": ["ROOT"] }),
        json!({ "default_permissions": "READ" }),
        json!([]),
    ] {
        api.ask(Method::PATCH, path, &admin, bad.clone())
            .await
            .is_refused(400);
        api.ask(Method::PUT, path, &admin, bad)
            .await
            .is_refused(400);
    }
    assert_eq!(
        api.ask(Method::PATCH, path, &admin, json!({})).await.status,
        200
    );
    assert_eq!(settings().await, json!({ "default_permissions": ["READ"] }));
    api.ask(Method::PUT, path, &admin, json!({}))
        .await
        .is_refused(400);
    let all = json!({ "default_permissions": [] });
    assert_eq!(api.ask(Method::PUT, path, &admin, all).await.status, 200);
    assert_eq!(settings().await, json!({ "default_permissions": [] }));
}
