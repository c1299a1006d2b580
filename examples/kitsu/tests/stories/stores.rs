//! The same story over each store: with a restart in between, and as two processes that share one state.

use crate::servers;
use crate::support::{ADMIN, ARTIST, Kitsu, PASSWORD, text, totp};
use serde_json::{Value, json};

const SECRET: (&str, &str) = ("JWT_SECRET", "a secret that both processes have in common");

/// What somebody has before the restart, or at the first of two processes.
struct Before {
    artist: String,
    refresh: String,
    ended: String,
    bot: String,
    bots_first: String,
    secret: String,
    used: String,
    recovery: Vec<String>,
}

async fn before(kitsu: &Kitsu) -> Before {
    let (admin, _) = kitsu.log_in(ADMIN).await;
    let bot = json!({"first_name": "Farm", "email": "farm@example.com", "is_bot": true});
    let bot = kitsu.post("data/persons", &admin, bot).await.ok();
    let path = format!("data/persons/{}", text(&bot["id"]));
    let again = kitsu
        .put(&path, &admin, json!({"expiration_date": null}))
        .await
        .ok();
    kitsu.get("auth/logout", &admin).await.ok();
    let (artist, refresh) = kitsu.log_in(ARTIST).await;
    let begun = kitsu.put("auth/totp", &artist, json!({})).await.ok();
    let secret = text(&begun["otp_secret"]);
    let used = totp(&secret, 0);
    let enabled = kitsu
        .post("auth/totp", &artist, json!({"totp": used}))
        .await
        .ok();
    let recovery = enabled["otp_recovery_codes"].as_array().unwrap();
    let recovery: Vec<String> = recovery.iter().map(text).collect();
    let proof = json!({"recovery_code": recovery[0]});
    kitsu.log_in_with(ARTIST, PASSWORD, proof).await.is(200);
    Before {
        artist,
        refresh,
        ended: admin,
        bot: text(&again["access_token"]),
        bots_first: text(&bot["access_token"]),
        secret,
        used,
        recovery,
    }
}

/// After it, or at the second.
async fn after(kitsu: &Kitsu, before: &Before) {
    assert!(kitsu.lets_in(&before.artist).await);
    assert!(kitsu.lets_in(&before.bot).await);
    assert!(!kitsu.lets_in(&before.bots_first).await);
    assert!(!kitsu.lets_in(&before.ended).await);
    kitsu
        .get("auth/refresh-token", &before.refresh)
        .await
        .is(200);
    let log_in = async |proof: Value| kitsu.log_in_with(ARTIST, PASSWORD, proof).await;
    assert_eq!(log_in(json!({})).await.is(400)["missing_OTP"], true);
    log_in(json!({"totp": before.used})).await.is(400);
    log_in(json!({"recovery_code": before.recovery[0]}))
        .await
        .is(400);
    log_in(json!({"totp": totp(&before.secret, 30)}))
        .await
        .is(200);
}

async fn outlives_a_restart(store: &str) {
    let kitsu = Kitsu::start_with(&[("STORE", store), SECRET]);
    let had = before(&kitsu).await;
    assert!(kitsu.server.stop().success());
    after(&Kitsu::start_with(&[("STORE", store), SECRET]), &had).await;
}

async fn is_shared_by_two(store: &str) {
    let one = Kitsu::start_with(&[("STORE", store), SECRET]);
    let other = Kitsu::start_with(&[("STORE", store), SECRET]);
    let had = before(&one).await;
    after(&other, &had).await;
    // One recovery code, shown to both at once.
    let proof = || json!({"recovery_code": had.recovery[1]});
    let (here, there) = tokio::join!(
        one.log_in_with(ARTIST, PASSWORD, proof()),
        other.log_in_with(ARTIST, PASSWORD, proof()),
    );
    let mut statuses = [here.0, there.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "one of them was first");
    // What ends at one, has ended at the other.
    other.get("auth/logout", &had.artist).await.ok();
    for _ in 0..100 {
        if !one.lets_in(&had.artist).await {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(!one.lets_in(&had.artist).await);
    // Guesses count at both.
    for server in [&one, &other, &one, &other, &one] {
        server.log_in_with(ADMIN, "wrong", json!({})).await.is(400);
    }
    let locked = other.log_in_with(ADMIN, PASSWORD, json!({})).await.is(400);
    assert_eq!(locked["too_many_failed_login_attemps"], true);
}

#[tokio::test]
async fn on_sqlite() {
    let name = format!("kitsu-test-{}.db", uuid::Uuid::new_v4());
    let path = std::env::temp_dir().join(name);
    let store = format!("sqlite:{}", path.display());
    outlives_a_restart(&store).await;
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}

#[tokio::test]
async fn on_postgres() {
    if let Some(server) = servers::Postgres::start_fast().await {
        is_shared_by_two(&server.url()).await;
    }
}

#[tokio::test]
async fn on_redis() {
    if let Some(server) = servers::Redis::start().await {
        is_shared_by_two(&server.url()).await;
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_a_503_and_never_a_401() {
    if let Some(mut server) = servers::Redis::start().await {
        let kitsu = Kitsu::start_with(&[("STORE", &server.url()), SECRET]);
        let (token, refresh) = kitsu.log_in(ARTIST).await;
        server.kill().await;
        for (path, token) in [
            ("auth/authenticated", &token),
            ("auth/refresh-token", &refresh),
        ] {
            let answer = kitsu.get(path, token).await.is(503);
            assert_eq!(answer["error"], true);
        }
        let login = kitsu.log_in_with(ARTIST, PASSWORD, json!({})).await.is(503);
        assert_eq!(login["error"], true);
    }
}
