use serde_json::{Value, json};

use crate::support::{EDITOR, GARDEN, KITCHEN, OWNER, Zesty, audits, models, text};

/// What each right lets a caller do on an instance.
async fn may(zesty: &Zesty, token: &str, right: &str, instance: &str, model: &str) -> bool {
    let models = models(instance);
    let model = format!("{models}/{model}");
    let named = json!({ "name": "x" });
    let status = match right {
        "create" => zesty.post(token, &models, named).await.0,
        "read" => zesty.get(token, &models).await.0,
        "update" => zesty.put(token, &model, named).await.0,
        "publish" => {
            zesty
                .post(token, &format!("{model}/publishings"), json!({}))
                .await
                .0
        }
        "delete" => {
            // Of one that is not there, so that the others still have theirs.
            let status = zesty.delete(token, &format!("{models}/none")).await.0;
            if status == 404 { 200 } else { status }
        }
        "grant" => {
            zesty
                .get(token, &format!("/v1/instances/{instance}/tokens"))
                .await
                .0
        }
        _ => unreachable!(),
    };
    assert!([200, 201, 403].contains(&status), "{right}: {status}");
    status != 403
}

async fn a_model(zesty: &Zesty, session: &str, instance: &str) -> String {
    let (status, body) = zesty
        .post(session, &models(instance), json!({"label": "Page"}))
        .await;
    assert_eq!(status, 201);
    text(&body["data"]["ZUID"])
}

#[tokio::test]
async fn a_token_does_what_its_role_says_on_its_instance_and_nothing_elsewhere() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let (here, there) = (
        a_model(&zesty, &session, GARDEN).await,
        a_model(&zesty, &session, KITCHEN).await,
    );
    let (_, roles) = zesty
        .get(&session, &format!("/v1/instances/{GARDEN}/roles"))
        .await;
    let roles = roles["data"].as_array().unwrap();
    assert_eq!(roles.len(), 8);
    let mut seen = Vec::new();
    for role in roles {
        let name = role["name"].as_str().unwrap();
        let (_, token) = zesty
            .issue(&session, role["ZUID"].as_str().unwrap(), name)
            .await;
        for right in ["create", "read", "update", "delete", "publish", "grant"] {
            let granted = role["systemRole"][right].as_bool().unwrap();
            seen.push((right, granted));
            let allowed = may(&zesty, &token, right, GARDEN, &here).await;
            assert_eq!(allowed, granted, "{name} {right}");
            assert!(
                !may(&zesty, &token, right, KITCHEN, &there).await,
                "{name} {right}"
            );
        }
    }
    for right in ["create", "update", "delete", "publish", "grant"] {
        assert!(
            seen.contains(&(right, true)) && seen.contains(&(right, false)),
            "{right}"
        );
    }
}

#[tokio::test]
async fn a_token_is_taken_at_all_three_apis_for_its_instance_alone() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let token = zesty.issue_as(&session, GARDEN, "Contributor").await;
    let reader = zesty.issue_as(&session, GARDEN, "Read only").await;

    let (_, instances) = zesty.get(&token, "/v1/instances").await;
    let instances = instances["data"].as_array().unwrap();
    assert_eq!(instances.len(), 1);
    assert_eq!(instances[0]["ZUID"], GARDEN);
    assert!(instances[0]["ID"].is_number() && instances[0]["name"].is_string());
    for path in ["", "/users/roles", "/roles"] {
        let here = format!("/v1/instances/{GARDEN}{path}");
        assert_eq!(zesty.get(&token, &here).await.0, 200, "{here}");
        let there = format!("/v1/instances/{KITCHEN}{path}");
        assert_eq!(zesty.get(&token, &there).await.0, 403, "{there}");
    }

    let file = |instance: &str| json!({ "filename": "a.png", "instanceZUID": instance });
    let (status, made) = zesty.post(&token, "/media/v1/files", file(GARDEN)).await;
    assert_eq!(status, 201);
    assert_eq!(made["data"]["filename"], "a.png");
    assert_eq!(
        zesty.post(&token, "/media/v1/files", file(KITCHEN)).await.0,
        403
    );
    assert_eq!(
        zesty.post(&reader, "/media/v1/files", file(GARDEN)).await.0,
        403
    );
    assert_eq!(
        zesty
            .post(&session, "/media/v1/files", file(KITCHEN))
            .await
            .0,
        201
    );
    let files = zesty.get(&reader, "/media/v1/files").await.1;
    assert_eq!(files["data"], json!([made["data"]]));
    let files = zesty.get(&session, "/media/v1/files").await.1;
    assert_eq!(files["data"].as_array().unwrap().len(), 2);

    let percent = "/%38-f48cf3a682-7fthvk/v1/content/models";
    assert_eq!(
        zesty.get(&token, percent).await.0,
        403,
        "a path is as it was sent"
    );
    assert_eq!(zesty.get(&session, &models("8-nowhere")).await.0, 403);
}

#[tokio::test]
async fn a_user_has_the_role_of_theirs_on_each_instance() {
    let zesty = Zesty::start();
    let editor = zesty.login(EDITOR).await;
    assert_eq!(
        zesty
            .post(&editor, &models(GARDEN), json!({"name": "x"}))
            .await
            .0,
        201
    );
    assert_eq!(zesty.get(&editor, &models(KITCHEN)).await.0, 403);
    assert_eq!(zesty.get(&editor, &audits(KITCHEN)).await.0, 403);
    let (_, users) = zesty
        .get(&editor, &format!("/v1/instances/{GARDEN}/users/roles"))
        .await;
    let users = users["data"].as_array().unwrap();
    let of = |email| users.iter().find(|user| user["email"] == email).unwrap();
    assert_eq!(of(OWNER)["role"]["name"], "Owner");
    assert_eq!(of(EDITOR)["role"]["name"], "Contributor");
    assert!(of(EDITOR)["ZUID"].is_string() && of(EDITOR)["role"]["ZUID"].is_string());
    assert!(!json!(users).to_string().contains("argon2"));
}

#[tokio::test]
async fn a_custom_role_is_made_by_owners_and_admins_and_given_to_a_token() {
    let zesty = Zesty::start();
    let owner = zesty.login(OWNER).await;
    let editor = zesty.login(EDITOR).await;
    let wish = |instance: &str, system_role: &str| json!({ "name": "Robots", "entityZUID": instance, "systemRoleZUID": system_role });
    let contributor = "31-71cfc74-c0ntr1b9t0r";
    assert_eq!(
        zesty
            .post(&editor, "/v1/roles", wish(GARDEN, contributor))
            .await
            .0,
        403
    );
    assert_eq!(
        zesty
            .post(&owner, "/v1/roles", wish("8-nowhere", contributor))
            .await
            .0,
        403
    );
    assert_eq!(
        zesty
            .post(&owner, "/v1/roles", wish(GARDEN, "31-none"))
            .await
            .0,
        400
    );
    let (status, made) = zesty
        .post(&owner, "/v1/roles", wish(GARDEN, contributor))
        .await;
    assert_eq!(status, 201);
    let made = &made["data"];
    assert_eq!(made["systemRole"]["create"], true);
    let zuid = zesty.role(&owner, GARDEN, "Robots").await;
    assert_eq!(made["ZUID"], Value::from(zuid.as_str()));

    let (_, token) = zesty.issue(&owner, &zuid, "robot").await;
    assert_eq!(
        zesty
            .post(&token, &models(GARDEN), json!({"name": "x"}))
            .await
            .0,
        201
    );
    assert_eq!(
        zesty
            .delete(&token, &format!("{}/x", models(GARDEN)))
            .await
            .0,
        403
    );
}
