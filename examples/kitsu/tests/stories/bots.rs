//! People and bots, and who manages them.

use crate::support::{ADMIN, ARTIST, DAY, Kitsu, PASSWORD, claims, now, text};
use serde_json::{Value, json};

fn farm() -> Value {
    // As gazu makes one.
    json!({
        "first_name": "Farm", "last_name": "", "email": "farm@example.com", "role": "user",
        "departments": [], "active": true, "expiration_date": null, "is_bot": true,
    })
}

/// The id and the token of a new bot.
async fn new_bot(kitsu: &Kitsu, admin: &str) -> (String, String) {
    let bot = kitsu.post("data/persons", admin, farm()).await.is(201);
    (text(&bot["id"]), text(&bot["access_token"]))
}

/// The day of the calendar so many days from now, by the client's own reckoning.
fn day(ahead: u64) -> String {
    let now = i64::try_from(now() + ahead * DAY).unwrap();
    let moment = jiff::Timestamp::from_second(now).unwrap();
    jiff::tz::TimeZone::UTC
        .to_datetime(moment)
        .date()
        .to_string()
}

#[tokio::test]
async fn a_bots_token_is_shown_once_and_never_expires_by_itself() {
    let kitsu = Kitsu::start();
    let (admin, _) = kitsu.log_in(ADMIN).await;
    let (id, token) = new_bot(&kitsu, &admin).await;
    let said = claims(&token);
    assert_eq!(said["identity_type"], "bot");
    assert_eq!(said["type"], "access");
    assert_eq!(said["exp"], Value::Null);
    for path in [format!("data/persons/{id}"), "data/persons".into()] {
        let shown = kitsu.get(&path, &admin).await.ok().to_string();
        for secret in [
            &*token,
            &text(&said["jti"]),
            "password",
            "access_token",
            "argon2",
        ] {
            assert!(!shown.contains(secret), "{path}: {secret}");
        }
    }
    kitsu.advance(1000 * DAY).await;
    assert!(kitsu.lets_in(&token).await);
    assert_eq!(kitsu.get("data/projects", &token).await.is(200), json!([]));
}

#[tokio::test]
async fn a_bots_token_ends_with_the_next_one_and_with_nothing_less() {
    let kitsu = Kitsu::start();
    let (admin, _) = kitsu.log_in(ADMIN).await;
    let (id, first) = new_bot(&kitsu, &admin).await;
    let path = format!("data/persons/{id}");
    let edited = kitsu
        .put(&path, &admin, json!({"first_name": "Barn"}))
        .await
        .ok();
    assert_eq!(edited["full_name"], "Barn");
    assert_eq!(edited["access_token"], Value::Null);
    assert!(kitsu.lets_in(&first).await);

    let second = kitsu
        .put(&path, &admin, json!({"expiration_date": null}))
        .await
        .ok();
    let second = text(&second["access_token"]);
    assert!(!kitsu.lets_in(&first).await);
    assert!(kitsu.lets_in(&second).await);
    // Its own session is not a bot's to end, nor is another token a bot's to make.
    kitsu.get("auth/logout", &second).await.is(403);
    let tried = kitsu
        .put(&path, &second, json!({"expiration_date": null}))
        .await
        .ok();
    assert_eq!(tried["access_token"], Value::Null);
    assert!(kitsu.lets_in(&second).await);
}

#[tokio::test]
async fn an_expiration_date_is_the_last_day() {
    let kitsu = Kitsu::start();
    let (admin, _) = kitsu.log_in(ADMIN).await;
    let (id, _) = new_bot(&kitsu, &admin).await;
    let body = json!({"expiration_date": day(10)});
    let bot = kitsu
        .put(&format!("data/persons/{id}"), &admin, body)
        .await
        .ok();
    assert_eq!(bot["expiration_date"], json!(day(10)));
    let token = text(&bot["access_token"]);
    let end = claims(&token)["exp"].as_u64().unwrap();
    assert_eq!(end % DAY, 0, "midnight");
    kitsu.advance(end - now() - 5).await;
    assert!(kitsu.lets_in(&token).await);
    kitsu.advance(5).await;
    let refused = kitsu.get("data/projects", &token).await.is(401);
    assert_eq!(refused["message"], "Signature has expired");
    let far = json!({"expiration_date": "9999-12-31"});
    let (admin, _) = kitsu.log_in(ADMIN).await;
    let far = kitsu
        .put(&format!("data/persons/{id}"), &admin, far)
        .await
        .ok();
    assert!(kitsu.lets_in(&text(&far["access_token"])).await);
}

#[tokio::test]
async fn who_is_deleted_or_switched_off_is_out_at_once_and_for_good() {
    let kitsu = Kitsu::start();
    let (admin, _) = kitsu.log_in(ADMIN).await;
    let (bot, bots) = new_bot(&kitsu, &admin).await;
    let (artists, refresh) = kitsu.log_in(ARTIST).await;
    let artist = text(&claims(&artists)["sub"]);
    for (id, token) in [(&bot, &bots), (&artist, &artists)] {
        let path = format!("data/persons/{id}");
        kitsu
            .put(&path, &admin, json!({"active": false}))
            .await
            .ok();
        let refused = kitsu.get("data/projects", token).await.is(401);
        assert_eq!(refused["msg"], "Token has been revoked");
        kitsu.put(&path, &admin, json!({"active": true})).await.ok();
        assert!(!kitsu.lets_in(token).await);
    }
    kitsu.get("auth/refresh-token", &refresh).await.is(401);
    let (artists, _) = kitsu.log_in(ARTIST).await;
    kitsu
        .delete(&format!("data/persons/{artist}"), &admin, None)
        .await
        .is(204);
    assert!(!kitsu.lets_in(&artists).await);
    kitsu.log_in_with(ARTIST, PASSWORD, json!({})).await.is(400);
    kitsu
        .delete(&format!("data/persons/{artist}"), &admin, None)
        .await
        .is(404);
    // The address is free again, and the new account is another.
    let again = json!({"first_name": "Art", "email": ARTIST, "password": PASSWORD});
    assert_ne!(
        text(&kitsu.post("data/persons", &admin, again).await.is(201)["id"]),
        artist
    );
    assert!(!kitsu.lets_in(&artists).await);
    kitsu.log_in(ARTIST).await;
}

#[tokio::test]
async fn that_an_account_is_switched_off_is_told_after_the_right_password_alone() {
    let kitsu = Kitsu::start();
    let (admin, _) = kitsu.log_in(ADMIN).await;
    let (artist, _) = kitsu.log_in(ARTIST).await;
    let path = format!("data/persons/{}", text(&claims(&artist)["sub"]));
    kitsu
        .put(&path, &admin, json!({"active": false}))
        .await
        .ok();
    let wrong = kitsu.log_in_with(ARTIST, "wrong", json!({})).await.is(400);
    assert_eq!(wrong["unactive"], Value::Null);
    let right = kitsu.log_in_with(ARTIST, PASSWORD, json!({})).await.is(401);
    assert_eq!(right["unactive"], true);
}

#[tokio::test]
async fn only_administrators_manage_people_and_bots() {
    let kitsu = Kitsu::start();
    let (admin, _) = kitsu.log_in(ADMIN).await;
    let (artist, _) = kitsu.log_in(ARTIST).await;
    let (id, bots) = new_bot(&kitsu, &admin).await;
    let own = format!("data/persons/{}", text(&claims(&artist)["sub"]));
    for token in [&artist, &bots] {
        let person = json!({"first_name": "Eve", "email": "eve@example.com"});
        assert_eq!(
            kitsu.post("data/persons", token, person).await.is(403)["error"],
            true
        );
        kitsu.delete(&own, token, None).await.is(403);
    }
    kitsu
        .put(
            &format!("data/persons/{id}"),
            &artist,
            json!({"first_name": "Eve"}),
        )
        .await
        .is(403);
    let promoted = json!({"role": "admin", "active": false, "email": "x@y", "first_name": "Bart"});
    let changed = kitsu.put(&own, &artist, promoted).await.is(200);
    let expected = json!(["user", true, ARTIST, "Bart"]);
    let fields = ["role", "active", "email", "first_name"].map(|field| &changed[field]);
    assert_eq!(json!(fields), expected);
    // A role is the account's, and not the token's.
    kitsu.put(&own, &admin, json!({"role": "admin"})).await.ok();
    kitsu
        .post(
            "data/persons",
            &artist,
            json!({"first_name": "Eve", "email": "eve@x"}),
        )
        .await
        .is(201);
}

#[tokio::test]
async fn an_address_is_one_accounts() {
    let kitsu = Kitsu::start();
    let (admin, _) = kitsu.log_in(ADMIN).await;
    let (id, _) = new_bot(&kitsu, &admin).await;
    let path = format!("data/persons/{id}");
    kitsu
        .put(&path, &admin, json!({"email": " ARTIST@example.com"}))
        .await
        .is(400);
    kitsu
        .put(&path, &admin, json!({"email": "barn@example.com"}))
        .await
        .ok();
    let found = kitsu
        .get("data/persons?email=barn@example.com&is_bot=True", &admin)
        .await
        .ok();
    assert_eq!(found[0]["id"], json!(id));
    let found = kitsu
        .get("data/persons?email=barn@example.com&is_bot=False", &admin)
        .await
        .ok();
    assert_eq!(found, json!([]));
    new_bot(&kitsu, &admin).await;
}
