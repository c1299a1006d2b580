//! Logging in, renewing and logging out; what a refusal says.

use std::time::{Duration, Instant};

use crate::support::{ADMIN, ARTIST, DAY, Kitsu, PASSWORD, answer, claims, text};
use serde_json::{Value, json};

#[tokio::test]
async fn a_login_gives_the_tokens_that_the_contract_describes() {
    let kitsu = Kitsu::start();
    for line in ["admin@example.com / mysecretpassword", "mail is written to"] {
        assert!(kitsu.server.greeting.contains(line));
    }
    // As gazu sends it, and as the documentation's curl does.
    let unused = json!({
        "totp": null, "email_otp": null, "fido_authentication_response": null, "recovery_code": null,
    });
    kitsu.log_in_with(ADMIN, PASSWORD, unused).await.ok();
    let all = json!({
        "totp": 123456, "email_otp": 123456, "fido_authentication_response": {},
        "recovery_code": "ABCD-EFGH-IJKL-MNOP",
    });
    let body = kitsu.log_in_with(ADMIN, PASSWORD, all).await.is(200);
    assert_eq!(body["login"], true);
    assert_eq!(body["user"]["email"], ADMIN);
    assert!(body["organisation"]["name"].is_string());

    let access = claims(&text(&body["access_token"]));
    let refresh = claims(&text(&body["refresh_token"]));
    for (token, kind, days) in [(&access, "access", 7), (&refresh, "refresh", 15)] {
        assert_eq!(token["sub"], body["user"]["id"]);
        assert_eq!(token["type"], kind);
        assert_eq!(token["fresh"], false);
        assert_eq!(token["identity_type"], "person");
        let at = |name: &str| token[name].as_u64().unwrap();
        assert_eq!(at("exp") - at("iat"), days * DAY);
        assert!(at("nbf") <= at("iat"));
    }
    assert_eq!(access["refresh_jti"], refresh["jti"]);
    assert_eq!(refresh["refresh_jti"], Value::Null);
    assert_ne!(access["jti"], refresh["jti"]);

    let me = kitsu
        .get("auth/authenticated", &text(&body["access_token"]))
        .await
        .is(200);
    assert_eq!(me["authenticated"], true);
    assert_eq!(me["user"], body["user"]);
}

#[tokio::test]
async fn a_renewed_token_has_the_same_session_and_the_older_one_stays_good() {
    let kitsu = Kitsu::start();
    let (first, refresh) = kitsu.log_in(ARTIST).await;
    let second = text(&kitsu.get("auth/refresh-token", &refresh).await.is(200)["access_token"]);
    assert_eq!(
        claims(&first)["refresh_jti"],
        claims(&second)["refresh_jti"]
    );
    assert_ne!(first, second);
    assert!(kitsu.lets_in(&first).await && kitsu.lets_in(&second).await);
}

#[tokio::test]
async fn logging_out_ends_every_token_of_the_session_and_no_other_session() {
    let kitsu = Kitsu::start();
    let (first, refresh) = kitsu.log_in(ARTIST).await;
    let (other, _) = kitsu.log_in(ARTIST).await;
    let second = text(&kitsu.get("auth/refresh-token", &refresh).await.ok()["access_token"]);
    assert_eq!(
        kitsu.get("auth/logout", &second).await.is(200),
        json!({"logout": true})
    );
    for token in [&first, &second] {
        let refused = kitsu.get("auth/authenticated", token).await.is(401);
        assert_eq!(refused, json!({"msg": "Token has been revoked"}));
    }
    kitsu.get("auth/refresh-token", &refresh).await.is(401);
    assert!(kitsu.lets_in(&other).await);
}

#[tokio::test]
async fn tokens_last_as_long_as_they_say() {
    let kitsu = Kitsu::start();
    let (access, refresh) = kitsu.log_in(ARTIST).await;
    kitsu.advance(7 * DAY - 60).await;
    assert!(kitsu.lets_in(&access).await);
    kitsu.advance(60).await;
    let refused = kitsu.get("auth/authenticated", &access).await.is(401);
    assert_eq!(
        refused,
        json!({"error": true, "message": "Signature has expired"})
    );
    let renewed = text(&kitsu.get("auth/refresh-token", &refresh).await.ok()["access_token"]);
    assert!(kitsu.lets_in(&renewed).await);
    kitsu.advance(8 * DAY).await;
    let refused = kitsu.get("auth/refresh-token", &refresh).await.is(401);
    assert_eq!(refused["message"], "Signature has expired");
}

#[tokio::test]
async fn neither_token_is_taken_for_the_other() {
    let kitsu = Kitsu::start();
    let (access, refresh) = kitsu.log_in(ARTIST).await;
    kitsu.get("data/projects", &refresh).await.is(401);
    kitsu.get("auth/refresh-token", &access).await.is(401);
    kitsu.get("auth/logout", &refresh).await.is(401);
    assert!(kitsu.lets_in(&access).await);
}

#[tokio::test]
async fn two_logins_within_one_second_are_two_sessions() {
    let kitsu = Kitsu::start();
    let ((one, _), (other, _)) = tokio::join!(kitsu.log_in(ARTIST), kitsu.log_in(ARTIST));
    assert_ne!(claims(&one)["jti"], claims(&other)["jti"]);
    kitsu.get("auth/logout", &one).await.ok();
    assert!(kitsu.lets_in(&other).await);
}

#[tokio::test]
async fn what_is_no_good_credential_is_a_401_with_a_challenge() {
    let kitsu = Kitsu::start();
    let (access, _) = kitsu.log_in(ARTIST).await;
    let (other, _) = Kitsu::start().log_in(ARTIST).await;
    let payload = access.split('.').nth(1).unwrap();
    // {"alg":"none","typ":"JWT"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
    let headers = [
        None,
        Some("Basic dXNlcjpwYXNz".to_owned()),
        Some("Bearer".to_owned()),
        Some(format!("Bearer {access} {access}")),
        Some("Bearer abc".to_owned()),
        Some(format!("Bearer {access}x")),
        Some(format!("Bearer {unsigned}")),
        Some(format!("Bearer {other}")),
    ];
    for header in headers {
        let mut request = kitsu.request("GET", "/api/data/projects");
        if let Some(header) = &header {
            request = request.header("authorization", header);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{header:?}");
        assert!(
            response.headers().contains_key("www-authenticate"),
            "{header:?}"
        );
        let body: Value = response.json().await.unwrap();
        assert!(body["msg"].is_string(), "{header:?}: {body}");
    }
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_cannot_be_told_apart() {
    let kitsu = Kitsu::start();
    let mut took = [Duration::ZERO; 2];
    // The shortest of each, on a machine that has other things to do.
    for _ in 0..4 {
        for (email, took) in [ADMIN, "nobody@example.com"].into_iter().zip(&mut took) {
            let begun = Instant::now();
            let refused = kitsu.log_in_with(email, "wrong", json!({})).await.is(400);
            let shortest = if took.is_zero() { Duration::MAX } else { *took };
            *took = begun.elapsed().min(shortest);
            let message = "Wrong email or password.";
            assert_eq!(refused, json!({"login": false, "message": message}));
        }
    }
    // Without the work on a password it would be a hundredth.
    assert!(took[0] < took[1] * 5 && took[1] < took[0] * 5, "{took:?}");
}

#[tokio::test]
async fn five_wrong_passwords_lock_an_account_for_a_minute() {
    let kitsu = Kitsu::start();
    for email in [ADMIN, "nobody@example.com"] {
        for _ in 0..5 {
            kitsu.log_in_with(email, "wrong", json!({})).await.is(400);
        }
        let locked = kitsu.log_in_with(email, PASSWORD, json!({})).await.is(400);
        assert_eq!(locked["too_many_failed_login_attemps"], true);
    }
    // Nobody else is locked out; and guesses at the lock do not keep it.
    kitsu.log_in(ARTIST).await;
    kitsu.advance(59).await;
    kitsu.log_in_with(ADMIN, "wrong", json!({})).await.is(400);
    kitsu.advance(1).await;
    kitsu.log_in(ADMIN).await;
    for _ in 0..4 {
        let wrong = kitsu.log_in_with(ADMIN, "wrong", json!({})).await.is(400);
        assert_eq!(wrong["message"], "Wrong email or password.");
    }
    kitsu.log_in(ADMIN).await;
    kitsu.log_in_with(ADMIN, "wrong", json!({})).await.is(400);
}

#[tokio::test]
async fn bad_input_is_answered_in_kitsus_words() {
    let kitsu = Kitsu::start();
    let missing = kitsu
        .post("auth/login", "", json!({"password": "x"}))
        .await
        .is(400);
    assert_eq!(missing["message"], "Validation error.");
    assert_eq!(missing["data"]["errors"][0]["field"], "email");
    for body in [
        json!({"email": ""}),
        json!({"email": 1, "password": "x"}),
        json!({"email": "a@b", "password": {"$ne": null}}),
        json!({"email": "a@b", "password": "x", "totp": [1]}),
        json!({"email": "a@b", "password": "x", "totp": -1}),
        json!([]),
    ] {
        let refused = kitsu.post("auth/login", "", body.clone()).await;
        assert_eq!(refused.is(400)["error"], true, "{body}");
    }
    let login = || kitsu.request("POST", "/api/auth/login");
    let json = "application/json";
    let broken = login().header("content-type", json).body("{");
    assert_eq!(answer(broken).await.is(400)["error"], true);
    let form = login().header("content-type", "text/plain").body("{}");
    assert_eq!(answer(form).await.is(415)["error"], true);
    let large = login()
        .header("content-type", json)
        .body("x".repeat(2 << 20));
    assert_eq!(answer(large).await.is(413)["error"], true);

    assert_eq!(kitsu.get("nowhere", "").await.is(404)["error"], true);
    assert_eq!(kitsu.get("auth/login", "").await.is(405)["error"], true);
    let (admin, _) = kitsu.log_in(ADMIN).await;
    for path in [
        "data/persons/%00",
        "data/user/shots/x/tasks",
        "data/user/x/x/tasks",
    ] {
        assert_eq!(
            kitsu.get(path, &admin).await.is(404)["error"],
            true,
            "{path}"
        );
    }
    for body in [
        json!({"email": "a@b"}),
        json!({"first_name": "A", "email": "nowhere"}),
        json!({"first_name": "A", "email": "a@b", "role": "king"}),
        json!({"first_name": "A", "email": "a@b", "password": "short"}),
        json!({"first_name": "A", "email": "a@b", "is_bot": true, "expiration_date": "tomorrow"}),
        json!({"first_name": "A", "email": "a@b", "is_bot": true, "expiration_date": "1999-12-31"}),
        json!({"first_name": "A", "email": ADMIN}),
    ] {
        let refused = kitsu.post("data/persons", &admin, body.clone()).await;
        assert_eq!(refused.is(400)["error"], true, "{body}");
    }
}

#[tokio::test]
async fn the_server_says_that_it_is_there() {
    let kitsu = Kitsu::start();
    let head = kitsu.request("HEAD", "/api").send().await.unwrap();
    assert_eq!(head.status(), 200);
    let version = answer(kitsu.request("GET", "/api")).await.is(200);
    assert!(version["api"].is_string() && version["version"].is_string());
}

#[tokio::test]
async fn without_the_setting_nobody_moves_the_clock() {
    let kitsu = Kitsu::start_with(&[("TEST_CLOCK", "")]);
    let moved = kitsu
        .request("POST", "/test-clock")
        .json(&json!({"advance_secs": 1}));
    answer(moved).await.is(404);
}

#[tokio::test]
async fn everybody_sees_what_they_are_assigned_to() {
    let kitsu = Kitsu::start();
    let (artist, _) = kitsu.log_in(ARTIST).await;
    let names = async |path: String| -> Vec<String> {
        let listed = kitsu.get(&path, &artist).await.is(200);
        let listed = listed.as_array().unwrap().iter();
        listed.map(|entry| text(&entry["name"])).collect()
    };
    let first = async |path: &str| text(&kitsu.get(path, &artist).await.ok()[0]["id"]);
    for path in [
        "data/projects",
        "data/projects/open",
        "data/user/projects/open",
    ] {
        assert_eq!(names(path.into()).await, ["The Red Balloon"]);
    }
    let project = format!("data/user/projects/{}", first("data/projects").await);
    assert_eq!(names(format!("{project}/asset-types")).await, ["Character"]);
    assert_eq!(names(format!("{project}/sequences")).await, ["SQ01"]);
    let kind = first(&format!("{project}/asset-types")).await;
    let assets = format!("{project}/asset-types/{kind}/assets");
    assert_eq!(names(assets.clone()).await, ["Boy"]);
    let asset = format!("data/user/assets/{}", first(&assets).await);
    assert_eq!(names(format!("{asset}/tasks")).await, ["main"]);
    assert_eq!(names(format!("{asset}/task-types")).await, ["Modeling"]);
    let sequence = first(&format!("{project}/sequences")).await;
    let sequence = format!("data/user/sequences/{sequence}");
    assert_eq!(names(format!("{sequence}/shots")).await, ["SH02"]);
    assert!(names(format!("{sequence}/scenes")).await.is_empty());
    assert!(names(format!("{sequence}/tasks")).await.is_empty());
    let shot = first(&format!("{sequence}/shots")).await;
    assert_eq!(
        names(format!("data/user/shots/{shot}/task-types")).await,
        ["Animation"]
    );
}
