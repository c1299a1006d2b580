//! The key-value helper over each store: what is kept, what two writers at once come to.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/support/servers/mod.rs"]
#[allow(missing_debug_implementations)]
mod servers;

use common::{Change, Kv};

async fn keeps_what_it_is_given(kv: Kv) {
    assert_eq!(kv.get::<u32>("ages", "alice").await.unwrap(), None);
    assert!(kv.insert("ages", "alice", &30).await.unwrap());
    assert!(
        !kv.insert("ages", "alice", &31).await.unwrap(),
        "there is one"
    );
    assert!(kv.insert("ages", "O'Brien; \u{0}ü", &40).await.unwrap());
    assert!(kv.insert("agesx", "bob", &99).await.unwrap());
    assert_eq!(kv.get("ages", "alice").await.unwrap(), Some(30));
    assert_eq!(kv.list::<u32>("ages").await.unwrap(), [40, 30]);
    kv.delete("ages", "alice").await.unwrap();
    kv.delete("ages", "alice").await.unwrap();
    assert_eq!(kv.list::<u32>("ages").await.unwrap(), [40]);
    assert!(
        kv.get::<String>("ages", "O'Brien; \u{0}ü").await.is_err(),
        "another type"
    );
}

async fn loses_no_change_of_a_crowd(kv: Kv) {
    let crowd: Vec<_> = (0..16)
        .map(|_| {
            let kv = kv.clone();
            tokio::spawn(async move {
                let add_one = |count: Option<u32>| (Change::Put(count.unwrap_or(0) + 1), ());
                kv.update("counts", "visits", add_one).await.unwrap();
            })
        })
        .collect();
    for visitor in crowd {
        visitor.await.unwrap();
    }
    assert_eq!(kv.get("counts", "visits").await.unwrap(), Some(16));
}

async fn all(store: &str) {
    let kv = Kv::open(store).await.unwrap();
    keeps_what_it_is_given(kv.clone()).await;
    loses_no_change_of_a_crowd(kv).await;
}

#[tokio::test]
async fn in_memory() {
    all("memory").await;
}

#[tokio::test]
async fn in_sqlite() {
    let path = std::env::temp_dir().join(format!("tower-bearer-kv-{}.db", std::process::id()));
    all(&format!("sqlite:{}", path.display())).await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn in_postgres() {
    if let Some(server) = servers::Postgres::start_fast().await {
        all(&server.url()).await;
    }
}

#[tokio::test]
async fn in_redis() {
    if let Some(server) = servers::Redis::start().await {
        all(&server.url()).await;
    }
}
