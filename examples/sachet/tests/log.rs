//! What the server logs.
#![allow(clippy::unwrap_used)]

mod client;

use client::{Api, SECRET};

#[tokio::test]
async fn nothing_secret_is_logged_however_much_is() {
    let path = std::env::temp_dir().join(format!("sachet-{}.log", std::process::id()));
    let api = Api::start_logging(std::fs::File::create(&path).unwrap());
    let (user, admin) = (api.user().await, api.admin().await);
    api.try_login("user", "a wrong password")
        .await
        .is_refused(401);
    assert_eq!(api.logout(&admin, &user).await.status, 200);
    api.get("/whoami", &user).await.is_refused(401);
    api.get("/whoami", &format!("{admin}x"))
        .await
        .is_refused(401);
    api.logout(&admin, "no token at all").await.is_refused(400);
    api.stop();
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.contains("request let in"), "it logs: {log}");
    let secrets = [
        &*user,
        &admin,
        "userpassword",
        "a wrong password",
        SECRET,
        "$argon2",
    ];
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
    std::fs::remove_file(path).unwrap();
}
