use serde_json::json;

use crate::servers::{Postgres, Redis};
use crate::support::{Database, GARDEN, OWNER, Zesty, audits, models};

#[tokio::test]
async fn everything_outlives_a_restart_on_sqlite() {
    let database = Database::new("restart");
    let store = database.store();
    let zesty = Zesty::on(&store);
    let session = zesty.login(OWNER).await;
    let ended = zesty.login(OWNER).await;
    assert_eq!(zesty.get(&ended, "/logout").await.0, 200);
    let token = zesty.issue_as(&session, GARDEN, "Contributor").await;
    let (_, made) = zesty
        .post(&token, &models(GARDEN), json!({"name": "x"}))
        .await;
    assert!(zesty.server.stop().success());

    let zesty = Zesty::on(&store);
    assert!(zesty.is_good(&session).await);
    assert!(zesty.is_good(&token).await);
    assert!(!zesty.is_good(&ended).await);
    let (_, models) = zesty.get(&token, &models(GARDEN)).await;
    assert_eq!(models["data"], json!([made["data"]]));
    let (_, trail) = zesty.get(&session, &audits(GARDEN)).await;
    let trail = trail["data"].as_array().unwrap();
    let posted =
        |line: &&serde_json::Value| line["tokenName"] == "Contributor" && line["method"] == "POST";
    assert_eq!(trail.iter().filter(posted).count(), 1);
}

async fn two_processes_share_one_state(store: &str) {
    let (one, other) = (Zesty::on(store), Zesty::on(store));
    let session = one.login(OWNER).await;
    assert!(other.is_good(&session).await);
    let role = one.role(&session, GARDEN, "Read only").await;
    let (zuid, token) = other.issue(&session, &role, "shared").await;
    assert!(one.is_good(&token).await);
    assert_eq!(one.get(&token, &models(GARDEN)).await.0, 200);
    assert_eq!(
        one.delete(&session, &format!("/v1/tokens/{zuid}")).await.0,
        200
    );
    assert!(!other.is_good(&token).await);
    // Both have written all that they know when they were asked.
    assert_eq!(one.get(&session, &audits(GARDEN)).await.0, 200);
    let (_, trail) = other.get(&session, &audits(GARDEN)).await;
    let trail = trail["data"].as_array().unwrap();
    let read = trail
        .iter()
        .any(|line| line["tokenName"] == "shared" && line["method"] == "GET");
    assert!(read, "{trail:?}");

    for (server, times) in [(&one, 3), (&other, 2)] {
        for _ in 0..times {
            assert_eq!(server.try_login(OWNER, "wrong").await.0, 401);
        }
    }
    assert_eq!(one.try_login(OWNER, "password").await.0, 403);
    assert_eq!(other.get(&session, "/logout").await.0, 200);
    assert!(!one.is_good(&session).await);
}

#[tokio::test]
async fn two_processes_share_one_state_in_postgres() {
    let Some(postgres) = Postgres::start_fast().await else {
        return;
    };
    two_processes_share_one_state(&postgres.url()).await;
}

#[tokio::test]
async fn two_processes_share_one_state_in_redis_and_are_503_without_it() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    two_processes_share_one_state(&redis.url()).await;
    let zesty = Zesty::on(&redis.url());
    redis.cli(&["FLUSHALL"]);
    drop(zesty);
    let zesty = Zesty::on(&redis.url());
    let session = zesty.login(OWNER).await;
    drop(redis);
    for path in ["/verify", "/v1/instances", &models(GARDEN)] {
        assert_eq!(zesty.get(&session, path).await.0, 503, "{path}");
    }
    assert_eq!(zesty.try_login(OWNER, "password").await.0, 503);
}
