use common::{Change, Kv};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{DAY, Database, EDITOR, GARDEN, KITCHEN, OWNER, Zesty, answer, models};

#[tokio::test]
async fn the_value_of_a_token_is_visible_only_upon_creation() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let role = zesty.role(&session, GARDEN, "Contributor").await;
    let (status, created) = zesty.try_issue(&session, &role, "deploy").await;
    assert_eq!(status, 201);
    let created = &created["data"];
    let zuid = created["ZUID"].as_str().unwrap();
    let value = created["token"].as_str().unwrap();
    assert_eq!(created["name"], "deploy");
    assert_eq!(created["roleZUID"], role.as_str());
    for date in ["createdAt", "expiry"] {
        assert!(created[date].as_str().unwrap().ends_with('Z'), "{created}");
    }

    let mut shown = created.clone();
    shown.as_object_mut().unwrap().remove("token");
    let (status, one) = zesty.get(&session, &format!("/v1/tokens/{zuid}")).await;
    assert_eq!((status, &one["data"]), (200, &shown));
    let (status, all) = zesty
        .get(&session, &format!("/v1/instances/{GARDEN}/tokens"))
        .await;
    assert_eq!((status, &all["data"]), (200, &json!([shown])));
    for answer in [one, all] {
        assert!(!answer.to_string().contains(value), "{answer}");
    }
}

#[tokio::test]
async fn nothing_can_be_read_from_a_token() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let role = zesty.role(&session, GARDEN, "Contributor").await;
    let (zuid, one) = zesty.issue(&session, &role, "deploy").await;
    let (_, two) = zesty.issue(&session, &role, "deploy").await;
    assert_ne!(one, two);
    let alike = one
        .bytes()
        .zip(two.bytes())
        .take_while(|(one, two)| one == two);
    assert!(
        alike.count() < "zesty_".len() + 8,
        "no more than the prefix"
    );
    for property in [GARDEN, &role, OWNER, "deploy", &zuid] {
        assert!(!one.contains(property), "{property}");
    }
    assert_eq!(one.matches('.').count(), 0, "no JWT");
}

#[tokio::test]
async fn a_token_lasts_ninety_days_from_creation_whatever_its_use() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let used = zesty.issue_as(&session, GARDEN, "Contributor").await;
    let unused = zesty.issue_as(&session, GARDEN, "Read only").await;
    for _ in 0..89 {
        zesty.advance(DAY).await;
        assert!(zesty.is_good(&used).await);
    }
    zesty.advance(DAY - 60).await;
    assert!(zesty.is_good(&used).await);
    assert!(zesty.is_good(&unused).await);
    zesty.advance(60).await;
    assert!(!zesty.is_good(&used).await);
    assert!(!zesty.is_good(&unused).await);
}

#[tokio::test]
async fn only_a_session_of_an_owner_or_admin_issues_tokens() {
    let zesty = Zesty::start();
    let owner = zesty.login(OWNER).await;
    let editor = zesty.login(EDITOR).await;
    let owners_token = zesty.issue_as(&owner, GARDEN, "Owner").await;
    let admins_token = zesty.issue_as(&owner, GARDEN, "Admin").await;
    for name in ["Read only", "Contributor", "Owner"] {
        let here = zesty.role(&owner, GARDEN, name).await;
        let there = zesty.role(&owner, KITCHEN, name).await;
        for nobody in [&editor, &owners_token, &admins_token] {
            for role in [&here, &there] {
                let (status, body) = zesty.try_issue(nobody, role, "more").await;
                assert_eq!(status, 403, "{name}: {body}");
                assert!(body["data"].is_null());
            }
        }
        assert_eq!(zesty.try_issue("", &here, "more").await.0, 401);
    }
    let listed = zesty
        .get(&owner, &format!("/v1/instances/{GARDEN}/tokens"))
        .await;
    assert_eq!(listed.1["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_admin_issues_and_renews_tokens_but_none_of_an_owners() {
    let database = Database::new("admin");
    let store = database.store();
    let zesty = Zesty::on(&store);
    let owner = zesty.login(OWNER).await;
    let owners = zesty.role(&owner, GARDEN, "Owner").await;
    let admins = zesty.role(&owner, GARDEN, "Admin").await;
    let (owners_token, _) = zesty.issue(&owner, &owners, "owner's").await;
    let renewal = format!("/v1/tokens/{owners_token}?action=renew");

    // The editor is made an admin, which no call of these APIs does.
    let admin = zesty.login(EDITOR).await;
    assert_eq!(zesty.try_issue(&admin, &admins, "admin's").await.0, 403);
    let (_, me) = zesty.get(&admin, "/verify").await;
    let me = me["meta"]["userZuid"].as_str().unwrap();
    let accounts = Kv::open(&store).await.unwrap();
    let promote = |user: Option<Value>| {
        let mut user = user.unwrap();
        user["roles"][0]["systemRoleZUID"] = "31-71cfc74-4dm13".into();
        (Change::Put(user), ())
    };
    accounts.update("users", me, promote).await.unwrap();

    let (zuid, _) = zesty.issue(&admin, &admins, "admin's").await;
    let own = format!("/v1/tokens/{zuid}?action=renew");
    assert_eq!(zesty.put(&admin, &own, json!({})).await.0, 200);
    assert_eq!(zesty.try_issue(&admin, &owners, "owner's").await.0, 403);
    assert_eq!(zesty.put(&admin, &renewal, json!({})).await.0, 403);
    assert_eq!(zesty.put(&owner, &renewal, json!({})).await.0, 200);
    let there = zesty.role(&owner, KITCHEN, "Reader").await;
    assert_eq!(zesty.try_issue(&admin, &there, "there").await.0, 403);
}

#[tokio::test]
async fn a_deleted_token_is_dead_at_once_and_nothing_else_is() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let role = zesty.role(&session, GARDEN, "Contributor").await;
    let (leaked_zuid, leaked) = zesty.issue(&session, &role, "leaked").await;
    let (other_zuid, other) = zesty.issue(&session, &role, "other").await;
    let path = format!("/v1/tokens/{leaked_zuid}");

    // Neither by itself or others, nor by those who see to nothing.
    let editor = zesty.login(EDITOR).await;
    let owners_token = zesty.issue_as(&session, GARDEN, "Owner").await;
    for nobody in [&leaked, &editor, &owners_token] {
        assert_eq!(zesty.delete(nobody, &path).await.0, 403);
    }
    assert!(zesty.is_good(&leaked).await);

    assert_eq!(zesty.delete(&session, &path).await.0, 200);
    for api in [
        "/v1/instances",
        &models(GARDEN),
        "/media/v1/files",
        "/verify",
    ] {
        assert_eq!(zesty.get(&leaked, api).await.0, 401, "{api}");
    }
    assert!(zesty.is_good(&other).await);
    assert!(zesty.is_good(&session).await);
    assert_eq!(zesty.delete(&session, &path).await.0, 404);
    assert_eq!(zesty.get(&session, &path).await.0, 404);
    let (_, listed) = zesty
        .get(&session, &format!("/v1/instances/{GARDEN}/tokens"))
        .await;
    let listed = listed["data"].as_array().unwrap();
    let zuids: Vec<_> = listed.iter().map(|row| &row["ZUID"]).collect();
    assert!(zuids.contains(&&Value::from(other_zuid)));
    assert!(!zuids.contains(&&Value::from(leaked_zuid)));
}

#[tokio::test]
async fn a_renewed_token_lasts_ninety_days_from_then_under_the_same_value() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let role = zesty.role(&session, GARDEN, "Owner").await;
    let (zuid, token) = zesty.issue(&session, &role, "nightly").await;
    let path = format!("/v1/tokens/{zuid}?action=renew");
    zesty.advance(80 * DAY).await;

    let editor = zesty.login(EDITOR).await;
    for nobody in [&token, &editor] {
        assert_eq!(
            zesty.put(nobody, &path, json!({"name": "mine"})).await.0,
            403
        );
    }
    let session = zesty.login(OWNER).await;
    let (status, renewed) = zesty.put(&session, &path, json!({"name": "weekly"})).await;
    assert_eq!(status, 200, "{renewed}");
    let renewed = &renewed["data"];
    assert_eq!(
        (&renewed["ZUID"], &renewed["name"]),
        (&json!(zuid), &json!("weekly"))
    );
    assert!(renewed.get("token").is_none());

    zesty.advance(89 * DAY).await;
    assert!(zesty.is_good(&token).await);
    zesty.advance(DAY).await;
    assert!(!zesty.is_good(&token).await);
    let session = zesty.login(OWNER).await;
    let late = zesty.put(&session, &path, json!({"name": "again"})).await;
    assert_eq!(late.0, 404, "what is over is not revived");
}

#[tokio::test]
async fn the_headers_of_old_clients_stand_for_nothing_beside_the_bearer() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let cookie = format!("APP_SID={session}");
    let without = zesty.http.get(zesty.server.url("/v1/instances"));
    let without = without.header("x-auth", &session).header("cookie", &cookie);
    assert_eq!(answer(without).await.0, 401);
    let with = zesty.request(Method::GET, "/v1/instances", &session);
    let with = with
        .header("x-auth", "another")
        .header("cookie", "APP_SID=another");
    assert_eq!(answer(with).await.0, 200);
}
