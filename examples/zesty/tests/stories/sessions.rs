use std::time::{Duration, Instant};

use common::Kv;
use serde_json::Value;

use crate::support::{Database, EDITOR, GARDEN, MINUTE, OWNER, Zesty, models};

#[tokio::test]
async fn a_session_is_extended_by_an_action_at_any_of_the_apis_and_over_after_thirty_idle_minutes()
{
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let actions = [
        "/v1/instances",
        &models(GARDEN),
        "/media/v1/files",
        "/v1/instances",
    ];
    for action in actions {
        zesty.advance(29 * MINUTE).await;
        assert_eq!(zesty.get(&session, action).await.0, 200, "{action}");
    }
    zesty.advance(30 * MINUTE).await;
    assert!(!zesty.is_good(&session).await);
    assert_eq!(zesty.get(&session, "/verify").await.0, 401);
}

#[tokio::test]
async fn what_is_refused_extends_no_session() {
    let zesty = Zesty::start();
    let session = zesty.login(EDITOR).await;
    zesty.advance(20 * MINUTE).await;
    let tokens = format!("/v1/instances/{GARDEN}/tokens");
    assert_eq!(zesty.get(&session, &tokens).await.0, 403);
    zesty.advance(10 * MINUTE).await;
    assert!(!zesty.is_good(&session).await);
}

#[tokio::test]
async fn logging_out_ends_that_session_and_none_on_another_device() {
    let zesty = Zesty::start();
    let laptop = zesty.login(OWNER).await;
    let phone = zesty.login(OWNER).await;
    assert_ne!(laptop, phone, "though within a second");
    let (status, _) = zesty.get(&laptop, "/logout").await;
    assert_eq!(status, 200);
    for path in [
        "/verify",
        "/v1/instances",
        &models(GARDEN),
        "/media/v1/files",
        "/logout",
    ] {
        assert_eq!(zesty.get(&laptop, path).await.0, 401, "{path}");
    }
    assert!(zesty.is_good(&phone).await);
}

#[tokio::test]
async fn logging_out_leaves_access_tokens_good_and_they_cannot_log_out() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let token = zesty.issue_as(&session, GARDEN, "Owner").await;
    assert_eq!(zesty.get(&token, "/logout").await.0, 403);
    assert_eq!(zesty.get(&session, "/logout").await.0, 200);
    assert!(zesty.is_good(&token).await);
}

#[tokio::test]
async fn verify_tells_whose_session_it_is_and_of_a_token_only_that_it_is_good() {
    let zesty = Zesty::start();
    let (_, login) = zesty.try_login(OWNER, "password").await;
    let session = login["meta"]["token"].as_str().unwrap();
    let (status, body) = zesty.get(session, "/verify").await;
    assert_eq!((status, &body["message"]), (200, &"Session valid".into()));
    assert!(body["meta"]["userZuid"].is_string());
    assert_eq!(body["meta"]["userZuid"], login["meta"]["userZuid"]);

    let token = zesty.issue_as(session, GARDEN, "Read only").await;
    let (status, body) = zesty.get(&token, "/verify").await;
    assert_eq!((status, &body["meta"]["userZuid"]), (200, &Value::Null));
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_are_told_the_same() {
    let zesty = Zesty::start();
    let wrong = zesty.try_login(OWNER, "wrong").await;
    assert_eq!(wrong.0, 401);
    assert_eq!(
        zesty.try_login("nobody@example.com", "password").await,
        wrong
    );
    assert_eq!(zesty.try_login("O'Brien \u{0}", "password").await, wrong);
}

#[tokio::test]
async fn an_unknown_user_takes_no_less_time_than_a_wrong_password() {
    let zesty = Zesty::start();
    let mut quickest = [Duration::MAX; 2];
    for _ in 0..4 {
        for (email, quickest) in ["nobody@example.com", OWNER].into_iter().zip(&mut quickest) {
            let begun = Instant::now();
            assert_eq!(zesty.try_login(email, "wrong").await.0, 401);
            *quickest = begun.elapsed().min(*quickest);
        }
    }
    let [unknown, known] = quickest;
    assert!(unknown > known / 2 && unknown < known * 2, "{quickest:?}");
}

#[tokio::test]
async fn an_account_is_locked_after_five_failures_for_a_quarter_of_an_hour() {
    let zesty = Zesty::start();
    for email in [
        OWNER,
        "OWNER@example.com",
        "Owner@Example.com",
        " owner@example.com",
        OWNER,
    ] {
        assert_eq!(zesty.try_login(email, "wrong").await.0, 401);
    }
    assert_eq!(zesty.try_login(OWNER, "password").await.0, 403);
    assert_eq!(zesty.try_login(EDITOR, "password").await.0, 200);
    zesty.advance(15 * MINUTE).await;
    assert_eq!(zesty.try_login(OWNER, "password").await.0, 200);
    assert_eq!(
        zesty.try_login(OWNER, "wrong").await.0,
        401,
        "it counts anew"
    );
    assert_eq!(zesty.try_login(OWNER, "password").await.0, 200);
}

#[tokio::test]
async fn whoever_is_deleted_or_loses_a_role_is_refused_at_the_next_request() {
    let database = Database::new("deleted");
    let store = database.store();
    let zesty = Zesty::on(&store);
    let session = zesty.login(EDITOR).await;
    let (_, me) = zesty.get(&session, "/verify").await;
    let me = me["meta"]["userZuid"].as_str().unwrap();
    assert_eq!(zesty.get(&session, &models(GARDEN)).await.0, 200);

    let accounts = Kv::open(&store).await.unwrap();
    let mut user: Value = accounts.get("users", me).await.unwrap().unwrap();
    accounts.delete("users", me).await.unwrap();
    user["roles"] = Value::Array(Vec::new());
    assert!(!zesty.is_good(&session).await);
    assert_eq!(zesty.try_login(EDITOR, "password").await.0, 401);

    accounts.insert("users", me, &user).await.unwrap();
    assert!(zesty.is_good(&session).await);
    assert_eq!(zesty.get(&session, &models(GARDEN)).await.0, 403);
}
