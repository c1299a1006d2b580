//! The documentation's story, line by line.
#![allow(clippy::unwrap_used)]

mod client;

use base64_simd::URL_SAFE_NO_PAD;
use client::{Api, send, text};
use reqwest::Method;
use serde_json::{Value, json};

const A_DAY: u64 = 24 * 60 * 60;

fn claims(jwt: &str) -> Value {
    let payload = jwt.split('.').nth(1).unwrap();
    let decoded = URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap();
    serde_json::from_slice(&decoded).unwrap()
}

#[tokio::test]
async fn a_login_gives_a_token_of_seven_days() {
    let api = Api::start(&[]);
    assert!(api.greeting().contains("user / userpassword"));
    assert!(api.greeting().contains("admin / adminpassword"));
    let answer = api.try_login("user", "userpassword").await;
    let token = text(&answer.body["auth_token"]);
    let expected = json!({
        "auth_token": token, "message": "Logged in.", "status": "success", "username": "user",
    });
    assert_eq!(answer.body, expected);

    let claims = claims(&token);
    assert_eq!(claims["sub"], "user");
    let (issued, ends) = (
        claims["iat"].as_u64().unwrap(),
        claims["exp"].as_u64().unwrap(),
    );
    assert_eq!(ends - issued, 7 * A_DAY);
    assert!(!text(&claims["jti"]).is_empty());

    let answer = api.get("/users/user", &token).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body.as_object().unwrap().len(), 3);
    assert_eq!(answer.body["username"], "user");
    assert_eq!(
        answer.body["permissions"],
        json!(["CREATE", "DELETE", "LIST", "READ"])
    );
    let registered = text(&answer.body["register_date"]);
    assert!(
        registered.starts_with("20") && registered.contains('T'),
        "{registered}"
    );

    api.advance(7 * A_DAY - 10).await;
    assert_eq!(api.get("/users/user", &token).await.status, 200);
    api.advance(11).await;
    api.get("/users/user", &token)
        .await
        .says(401, "Token has expired.");
}

#[tokio::test]
async fn an_extension_gives_another_token_and_leaves_the_old_one_good() {
    let api = Api::start(&[]);
    let old = api.user().await;
    api.advance(6 * A_DAY).await;
    let request = api.request(Method::POST, "/users/extend").bearer_auth(&old);
    let answer = send(request).await;
    let new = text(&answer.body["auth_token"]);
    let expected = json!({
        "auth_token": new, "message": "Renewed token.", "status": "success", "username": "user",
    });
    assert_eq!(answer.body, expected);
    assert_ne!(new, old);
    assert_ne!(claims(&new)["jti"], claims(&old)["jti"]);
    assert_eq!(api.get("/users/user", &old).await.status, 200);
    assert_eq!(api.get("/users/user", &new).await.status, 200);
    api.advance(A_DAY + 1).await;
    api.get("/users/user", &old)
        .await
        .says(401, "Token has expired.");
    assert_eq!(api.get("/users/user", &new).await.status, 200);
    let answer = send(api.request(Method::POST, "/users/extend").bearer_auth(&old)).await;
    answer.says(401, "Token has expired.");
}

#[tokio::test]
async fn a_logout_revokes_the_token_in_the_body_and_no_other() {
    let api = Api::start(&[]);
    let (one, other) = (api.user().await, api.user().await);
    let answer = api.logout(&one, &other).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        json!({ "status": "success", "message": "Token revoked." })
    );
    api.get("/users/user", &other)
        .await
        .says(401, "Token has expired.");
    assert_eq!(api.get("/users/user", &one).await.status, 200);

    let extension = api.post("/users/extend", &one, json!({})).await;
    let extension = text(&extension.body["auth_token"]);
    api.logout(&one, &other).await.is_refused(400);
    assert_eq!(api.logout(&one, &one).await.status, 200, "one's own");
    api.get("/users/user", &one)
        .await
        .says(401, "Token has expired.");
    api.logout(&one, &extension)
        .await
        .says(401, "Token has expired.");
    assert_eq!(api.get("/users/user", &extension).await.status, 200);
}

#[tokio::test]
async fn a_logout_takes_ones_own_tokens_and_an_administrators_takes_anybodys() {
    let api = Api::start(&[]);
    let (user, admin) = (api.user().await, api.admin().await);
    api.logout(&user, &admin).await.is_refused(403);
    assert_eq!(api.get("/users/admin", &admin).await.status, 200);
    assert_eq!(api.logout(&admin, &user).await.status, 200);
    api.get("/users/user", &user)
        .await
        .says(401, "Token has expired.");

    let answer = api.post("/users/logout", &admin, json!({})).await;
    answer.is_refused(400);
    api.logout(&admin, "nonsense").await.is_refused(400);
    api.logout(&admin, "no token at all").await.is_refused(400);
    api.logout(&admin, "").await.is_refused(400);
    api.logout(&admin, &format!("{admin}x"))
        .await
        .is_refused(400);
    let old = api.user().await;
    api.advance(4 * A_DAY).await;
    let admin = api.admin().await;
    api.advance(4 * A_DAY).await;
    api.logout(&admin, &old).await.is_refused(400);
}

#[tokio::test]
async fn who_asks_by_get_asks_for_a_user_that_nobody_is() {
    let api = Api::start(&[]);
    let (user, admin) = (api.user().await, api.admin().await);
    for name in [
        "login", "extend", "logout", "nobody", "admin", "%00", "a%2Fb",
    ] {
        let path = format!("/users/{name}");
        let answer = api.get(&path, &user).await;
        answer.says(403, "You are not authorized to view this page.");
        api.anonymous(&path).await.says(401, "Missing auth token");
    }
    let answer = api.get("/users/nobody", &admin).await;
    answer.says(403, "You are not authorized to view this page.");
    assert_eq!(api.get("/users/user", &admin).await.status, 200);
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_the_old_one() {
    let api = Api::start(&[]);
    let token = api.user().await;
    let change = async |body| api.post("/users/password", &token, body).await;
    change(json!({ "old": "wrong", "new": "new" }))
        .await
        .is_refused(403);
    change(json!({ "old": "userpassword" }))
        .await
        .is_refused(400);
    change(json!({ "new": "new" })).await.is_refused(400);
    change(json!({ "old": "userpassword", "new": "" }))
        .await
        .is_refused(400);
    let answer = change(json!({ "old": "userpassword", "new": "another" })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["status"], "success");
    assert_eq!(
        api.get("/users/user", &token).await.status,
        200,
        "tokens stay"
    );
    api.try_login("user", "userpassword")
        .await
        .says(401, "Invalid credentials.");
    api.login("user", "another").await;
}

#[tokio::test]
async fn two_logins_within_one_second_give_two_tokens_and_one_logout_ends_one() {
    let api = Api::start(&[]);
    let (one, other) = (api.user().await, api.user().await);
    assert_ne!(one, other);
    assert_eq!(api.logout(&one, &one).await.status, 200);
    api.get("/users/user", &one)
        .await
        .says(401, "Token has expired.");
    assert_eq!(api.get("/users/user", &other).await.status, 200);
}
