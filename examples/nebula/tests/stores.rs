//! The same on every store: kept over a restart, and shared by two servers.
#![allow(clippy::unwrap_used)]

mod client;
#[path = "../../../tests/support/servers/mod.rs"]
#[allow(missing_debug_implementations)]
mod servers;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use client::{Api, FIRST, SECOND, SECRET, send};
use common::{Change, Kv};
use reqwest::Method;
use serde_json::Value;

fn start(store: &str) -> Api {
    Api::start(&[("STORE", store), ("JWT_SECRET", SECRET)])
}

/// A folder of its own, and the store in it.
fn folder(name: &str) -> (PathBuf, String) {
    let folder = std::env::temp_dir().join(format!("nebula-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let store = format!("sqlite:{}", folder.join("nebula.db").display());
    (folder, store)
}

#[tokio::test]
async fn an_sqlite_file_keeps_everything_over_a_restart() {
    let (folder, store) = folder("restart");
    let api = start(&store);
    let jwt = api.login(FIRST).await;
    let (_, key) = api.make_key(&jwt, "kept").await;
    let (id, ended) = api.make_key(&jwt, "ended").await;
    let path_of_ended = format!("api-keys/{id}");
    let answer = api.ask(Method::DELETE, &path_of_ended, &jwt).await;
    answer.succeeded("API key successfully deleted");
    api.stop();

    let api = start(&store);
    assert_eq!(api.credits(&jwt).await.status, 200);
    assert_eq!(api.credits(&key).await.status, 200);
    api.credits(&ended).await.is_refused(401);
    let (next, _) = api.make_key(&key, "next").await;
    assert!(next > id, "no number is used twice");
    api.stop();
    let mut kept = Vec::new();
    for file in std::fs::read_dir(&folder).unwrap() {
        kept.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains(FIRST.0) && kept.contains("next"));
    assert!(!kept.contains(&key[3..]), "a digest, and not the key");
    assert!(!kept.contains(FIRST.1), "a hash, and not the password");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn an_account_that_is_switched_off_or_deleted_has_no_good_token() {
    let (folder, store) = folder("accounts");
    let api = start(&store);
    let jwt = api.login(FIRST).await;
    let (_, key) = api.make_key(&jwt, "key").await;
    let kv = Kv::open(&store).await.unwrap();
    let set_active = async |active: bool| {
        let change = |account: Option<Value>| {
            let mut account = account.unwrap();
            account["is_active"] = active.into();
            (Change::Put(account), ())
        };
        kv.update("nebula_accounts", FIRST.0, change).await.unwrap();
    };
    set_active(false).await;
    api.credits(&jwt).await.is_refused(401);
    api.credits(&key).await.is_refused(401);
    api.try_login(FIRST.0, FIRST.1).await.is_refused(401);
    set_active(true).await;
    assert_eq!(api.credits(&jwt).await.status, 200);
    assert_eq!(api.credits(&key).await.status, 200);
    kv.delete("nebula_accounts", FIRST.0).await.unwrap();
    api.credits(&jwt).await.is_refused(401);
    api.credits(&key).await.is_refused(401);
    api.try_login(FIRST.0, FIRST.1).await.is_refused(401);
    let second = api.login(SECOND).await;
    assert_eq!(api.credits(&second).await.status, 200);
    std::fs::remove_dir_all(folder).unwrap();
}

async fn two_share(store: &str) {
    let (one, other) = (start(store), start(store));
    let jwt = one.login(FIRST).await;
    assert_eq!(other.credits(&jwt).await.status, 200);
    let (id, key) = other.make_key(&jwt, "shared").await;
    assert_eq!(one.credits(&key).await.status, 200);
    let answer = one
        .ask(Method::DELETE, &format!("api-keys/{id}"), &key)
        .await;
    answer.succeeded("API key successfully deleted");
    // The other hears of it by the store's feed.
    let begun = Instant::now();
    while other.credits(&key).await.status != 401 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never heard");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(other.credits(&jwt).await.status, 200);
}

/// A store that is down is no reason to send anybody back to the login.
async fn is_down(api: &Api, jwt: &str, key: &str) {
    for token in [jwt, key] {
        let answer = api.credits(token).await;
        answer.is_refused(503);
        assert_eq!(answer.challenge, None);
    }
    let form = [("username", FIRST.0), ("password", FIRST.1)];
    let login = api.request(Method::POST, "login").form(&form);
    send(login.timeout(Duration::from_secs(20)))
        .await
        .is_refused(503);
}

#[tokio::test]
async fn two_servers_share_a_postgres_and_say_503_when_it_is_down() {
    let Some(mut server) = servers::Postgres::start_fast().await else {
        return;
    };
    two_share(&server.url()).await;
    let api = start(&server.url());
    let jwt = api.login(FIRST).await;
    let (_, key) = api.make_key(&jwt, "key").await;
    server.kill().await;
    is_down(&api, &jwt, &key).await;
}

#[tokio::test]
async fn two_servers_share_a_redis_and_say_503_when_it_is_down() {
    let Some(mut server) = servers::Redis::start().await else {
        return;
    };
    two_share(&server.url()).await;
    let api = start(&server.url());
    let jwt = api.login(FIRST).await;
    let (_, key) = api.make_key(&jwt, "key").await;
    server.kill().await;
    is_down(&api, &jwt, &key).await;
}
