use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;

use crate::support::{GARDEN, OWNER, Zesty, answer, models};

#[tokio::test]
async fn what_is_no_good_credential_is_401_with_a_challenge_and_why() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let foreign_jwt =
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyIiwiZXhwIjo0MTAyNDQ0ODAwfQ.c2lnbmF0dXJl";
    let changed = format!("{}x", &session[..session.len() - 1]);
    let headers = [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {session} {session}"),
        format!("Bearer {session}, Bearer {session}"),
        format!("Basic {session}"),
        format!("Bearer {changed}"),
        format!("Bearer {foreign_jwt}"),
        "Bearer ak_000102030405060708090a0b0c0d0e0f".to_owned(),
        format!("Bearer {}", "a".repeat(10_000)),
    ];
    for path in [
        "/verify",
        "/logout",
        "/v1/instances",
        &models(GARDEN),
        "/media/v1/files",
    ] {
        for header in &headers {
            let request = zesty.http.get(zesty.server.url(path));
            let response = request
                .header("authorization", header)
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), 401, "{path} {header}");
            assert!(response.headers().contains_key("www-authenticate"));
            let request = zesty.http.get(zesty.server.url(path));
            answer(request.header("authorization", header)).await;
        }
        assert_eq!(answer(zesty.http.get(zesty.server.url(path))).await.0, 401);
    }
    assert!(zesty.is_good(&session).await);
}

#[tokio::test]
async fn a_login_that_is_no_form_or_lacks_a_field_is_told_so() {
    let zesty = Zesty::start();
    let url = zesty.server.url("/login");
    let login = || zesty.http.post(&url);
    assert_eq!(answer(login()).await.0, 400);
    assert_eq!(
        answer(login().json(&json!({"email": OWNER, "password": "password"})))
            .await
            .0,
        400
    );
    let broken = login().header("content-type", "multipart/form-data; boundary=x");
    assert_eq!(answer(broken.body("--x\r\nnonsense")).await.0, 400);
    let only = |name: &'static str| Form::new().text(name, "x");
    for form in [Form::new(), only("email"), only("password"), only("token")] {
        assert_eq!(answer(login().multipart(form)).await.0, 400);
    }
    let long = format!("{}@example.com", "a".repeat(300));
    assert_eq!(zesty.try_login(&long, "password").await.0, 400);
    assert_eq!(zesty.try_login(OWNER, &"x".repeat(2_000_000)).await.0, 413);
    assert_eq!(zesty.try_login(OWNER, "").await.0, 400);
    assert_eq!(zesty.try_login(OWNER, "password").await.0, 200);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_told_what_is_wrong_with_it() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let role = zesty.role(&session, GARDEN, "Reader").await;
    let (zuid, _) = zesty.issue(&session, &role, "x").await;
    let renew = format!("/v1/tokens/{zuid}?action=renew");
    let models = models(GARDEN);
    let bodies = [
        (Method::POST, "/v1/tokens", json!({"name": "x"})),
        (
            Method::POST,
            "/v1/tokens",
            json!({"name": 1, "roleZUID": role}),
        ),
        (
            Method::POST,
            "/v1/roles",
            json!({"name": "x", "entityZUID": GARDEN}),
        ),
        (Method::PUT, &renew, json!({"name": {}})),
        (Method::POST, &models, json!({"name": 7})),
        (Method::POST, "/media/v1/files", json!({"filename": "x"})),
    ];
    for (method, path, wrong) in &bodies {
        let request = || zesty.request(method.clone(), path, &session);
        assert_eq!(answer(request().json(wrong)).await.0, 422, "{path} {wrong}");
        let nothing = request().header("content-type", "application/json");
        assert_eq!(answer(nothing.body("")).await.0, 400, "{path}");
        let half = request().header("content-type", "application/json");
        assert_eq!(answer(half.body(r#"{"name":"#)).await.0, 400, "{path}");
        assert_eq!(answer(request().body("name=x")).await.0, 415, "{path}");
        let large = json!({ "name": "x".repeat(2_000_000) });
        assert_eq!(answer(request().json(&large)).await.0, 413, "{path}");
    }
}

#[tokio::test]
async fn a_token_needs_a_name_and_a_role_that_is_there() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let role = zesty.role(&session, GARDEN, "Reader").await;
    for name in ["", "  ", &"x".repeat(256)] {
        assert_eq!(zesty.try_issue(&session, &role, name).await.0, 400);
    }
    for role in ["", "30-none", "\u{0}"] {
        assert_eq!(zesty.try_issue(&session, role, "x").await.0, 404);
    }
    let odd = "\"; DROP TABLE \u{0} 🌱";
    let (status, body) = zesty.try_issue(&session, &role, odd).await;
    assert_eq!((status, &body["data"]["name"]), (201, &odd.into()));
    let path = format!("/v1/tokens/{}", body["data"]["ZUID"].as_str().unwrap());
    assert_eq!(zesty.put(&session, &path, json!({})).await.0, 400);
    assert_eq!(
        zesty
            .put(&session, &format!("{path}?action=x"), json!({}))
            .await
            .0,
        400
    );
    let renewed = zesty
        .put(&session, &format!("{path}?action=renew"), json!({}))
        .await;
    assert_eq!((renewed.0, &renewed.1["data"]["name"]), (200, &odd.into()));
}

#[tokio::test]
async fn what_is_not_there_is_404_and_another_method_405() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    for path in [
        "/nothing",
        "/v1",
        "/v1/tokens/none",
        &format!("{}/none", models(GARDEN)),
    ] {
        assert_eq!(zesty.get(&session, path).await.0, 404, "{path}");
    }
    assert_eq!(zesty.delete(&session, "/v1/tokens/%00").await.0, 404);
    assert_eq!(zesty.delete(&session, "/v1/tokens/%ff").await.0, 400);
    assert_eq!(zesty.get(&session, "/login").await.0, 405);
    assert_eq!(zesty.delete(&session, "/v1/instances").await.0, 405);
    assert_eq!(zesty.post(&session, "/logout", json!({})).await.0, 405);
}
