//! The same on every store: kept over a restart, and shared by two servers.
#![allow(clippy::unwrap_used)]

mod client;
#[path = "../../../tests/support/servers/mod.rs"]
#[allow(missing_debug_implementations)]
mod servers;

use std::time::{Duration, Instant};

use client::{Api, SECRET, send};
use reqwest::Method;
use serde_json::json;

fn start(store: &str) -> Api {
    Api::start(&[("STORE", store), ("JWT_SECRET", SECRET)])
}

#[tokio::test]
async fn an_sqlite_file_keeps_everything_over_a_restart() {
    let folder = std::env::temp_dir().join(format!("sachet-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let store = format!("sqlite:{}", folder.join("sachet.db").display());
    let api = start(&store);
    let (user, ended, admin) = (api.user().await, api.user().await, api.admin().await);
    assert_eq!(api.logout(&user, &ended).await.status, 200);
    api.set_defaults(&admin, &["READ"]).await;
    let new = json!({ "old": "userpassword", "new": "changed" });
    assert_eq!(api.post("/users/password", &user, new).await.status, 200);
    let url = api.make_file(&user, "kept.txt").await;
    let upload = api.content(Method::POST, &url, b"kept").bearer_auth(&user);
    assert_eq!(send(upload).await.status, 201);
    let gone = json!({ "username": "gone", "password": "x", "permissions": [] });
    assert_eq!(api.post("/users", &admin, gone).await.status, 201);
    let gone = api.login("gone", "x").await;
    let delete = api
        .request(Method::DELETE, "/users/gone")
        .bearer_auth(&admin);
    assert_eq!(send(delete).await.status, 200);
    api.stop();

    let api = start(&store);
    assert_eq!(api.get("/whoami", &user).await.status, 200);
    api.get("/whoami", &ended)
        .await
        .says(401, "Token has expired.");
    api.get("/whoami", &gone)
        .await
        .says(401, "Invalid auth token.");
    api.try_login("user", "userpassword")
        .await
        .says(401, "Invalid credentials.");
    api.login("user", "changed").await;
    let content = api
        .request(Method::GET, &format!("{url}/content"))
        .send()
        .await;
    assert_eq!(
        content.unwrap().text().await.unwrap(),
        "kept",
        "by strangers too"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

async fn two_share(store: &str) {
    let (one, other) = (start(store), start(store));
    let (user, admin) = (one.user().await, other.admin().await);
    assert_eq!(other.get("/whoami", &user).await.status, 200);
    other.set_defaults(&admin, &["LIST"]).await;
    assert_eq!(one.anonymous("/files").await.status, 200, "at once");
    let url = one.make_file(&user, "shared.txt").await;
    let upload = one
        .content(Method::POST, &url, b"shared")
        .bearer_auth(&user);
    assert_eq!(send(upload).await.status, 201);
    let content = other
        .request(Method::GET, &format!("{url}/content"))
        .bearer_auth(&admin);
    assert_eq!(
        content.send().await.unwrap().text().await.unwrap(),
        "shared"
    );

    assert_eq!(other.logout(&admin, &user).await.status, 200);
    until_refused(&one, &user).await;
    let again = one.user().await;
    let delete = other
        .request(Method::DELETE, "/users/user")
        .bearer_auth(&admin);
    assert_eq!(send(delete).await.status, 200);
    one.get("/whoami", &again)
        .await
        .says(401, "Invalid auth token.");
    let new = json!({ "username": "user", "password": "userpassword", "permissions": ["READ"] });
    assert_eq!(other.post("/users", &admin, new).await.status, 201);
    one.get("/whoami", &again)
        .await
        .says(401, "Invalid auth token.");
}

/// One server hears of what another ends by the store's feed.
async fn until_refused(api: &Api, token: &str) {
    let begun = Instant::now();
    while api.get("/whoami", token).await.status != 401 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never heard");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A store that is down is no reason to send anybody back to the login, nor to let strangers in.
async fn is_down(api: &Api, token: &str) {
    for path in ["/whoami", "/files", "/users/user"] {
        api.get(path, token)
            .await
            .says(503, "Temporarily unavailable.");
    }
    for path in ["/whoami", "/files"] {
        api.anonymous(path)
            .await
            .says(503, "Temporarily unavailable.");
    }
    let login = api.try_login("user", "userpassword").await;
    login.says(503, "Temporarily unavailable.");
    let logout = api.logout(token, token).await;
    logout.says(503, "Temporarily unavailable.");
}

#[tokio::test]
async fn two_servers_share_a_postgres_and_say_503_when_it_is_down() {
    let Some(mut server) = servers::Postgres::start_fast().await else {
        return;
    };
    two_share(&server.url()).await;
    let api = start(&server.url());
    let token = api.user().await;
    server.kill().await;
    is_down(&api, &token).await;
}

#[tokio::test]
async fn two_servers_share_a_redis_and_say_503_when_it_is_down() {
    let Some(mut server) = servers::Redis::start().await else {
        return;
    };
    two_share(&server.url()).await;
    let api = start(&server.url());
    let token = api.user().await;
    server.kill().await;
    is_down(&api, &token).await;
}
