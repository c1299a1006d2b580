//! What the server logs.
#![allow(clippy::unwrap_used)]

mod client;

use client::{Api, FIRST, SECRET};

#[tokio::test]
async fn nothing_secret_is_logged_however_much_is() {
    let path = std::env::temp_dir().join(format!("nebula-{}.log", std::process::id()));
    let api = Api::start_logging(std::fs::File::create(&path).unwrap());
    let jwt = api.login(FIRST).await;
    let (_, key) = api.make_key(&jwt, "key").await;
    api.try_login(FIRST.0, "a wrong password")
        .await
        .is_refused(401);
    assert_eq!(api.credits(&key).await.status, 200);
    let changed = format!("{jwt}x");
    api.credits(&changed).await.is_refused(401);
    api.credits(&key[..20]).await.is_refused(401);
    api.stop();
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.contains("request let in"), "it logs: {log}");
    for secret in [
        &*jwt,
        &key,
        &key[3..20],
        FIRST.1,
        "a wrong password",
        SECRET,
        "$argon2",
    ] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
    std::fs::remove_file(path).unwrap();
}
