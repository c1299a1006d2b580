use serde_json::{Value, json};

use crate::support::{EDITOR, GARDEN, KITCHEN, OWNER, Zesty, audits, models};

async fn lines(zesty: &Zesty, session: &str, instance: &str) -> Vec<Value> {
    let (status, body) = zesty.get(session, &audits(instance)).await;
    assert_eq!(status, 200);
    body["data"].as_array().unwrap().clone()
}

fn requests(lines: &[Value], by: (&str, &str)) -> Vec<(String, String, String)> {
    let theirs = lines
        .iter()
        .filter(|line| line[by.0] == by.1 && line["action"] == "request");
    let told = theirs.map(|line| {
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("method"), text("resource"), text("outcome"))
    });
    told.collect()
}

#[tokio::test]
async fn every_action_of_a_token_is_noted_under_its_name_and_never_the_persons() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let (_, me) = zesty.get(&session, "/verify").await;
    let me = me["meta"]["userZuid"].as_str().unwrap();
    let role = zesty.role(&session, GARDEN, "Contributor").await;
    let (zuid, token) = zesty.issue(&session, &role, "nightly build").await;

    let (garden, kitchen) = (models(GARDEN), models(KITCHEN));
    zesty
        .post(
            &token,
            &format!("{garden}?secret=hush"),
            json!({"name": "x"}),
        )
        .await;
    zesty.get(&token, &garden).await;
    zesty.get(&token, "/v1/instances").await;
    zesty.get(&token, "/media/v1/files").await;
    zesty.get(&token, &kitchen).await;

    let lines = lines(&zesty, &session, GARDEN).await;
    let mut told = requests(&lines, ("tokenName", "nightly build"));
    let line = |method: &str, path: &str, outcome: &str| {
        (method.to_owned(), path.to_owned(), outcome.to_owned())
    };
    let mut expected = [
        line("POST", &garden, "admitted"),
        line("GET", &garden, "admitted"),
        line("GET", "/v1/instances", "admitted"),
        line("GET", "/media/v1/files", "admitted"),
        line("GET", &kitchen, "admitted"),
        // By the rule of that path, after the token was found to be good.
        line("GET", &kitchen, "forbidden"),
    ];
    // In no order within a millisecond.
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
    for line in lines
        .iter()
        .filter(|line| line["tokenName"] == "nightly build")
    {
        for person in [me, OWNER, "Olive"] {
            assert!(!line.to_string().contains(person), "{line}");
        }
    }
    let all = json!(lines).to_string();
    assert!(!all.contains("hush") && !all.contains(&token));

    // Who issued it is noted too, of the session that did.
    let issued: Vec<_> = lines
        .iter()
        .filter(|line| line["action"] == "issued")
        .collect();
    assert_eq!(issued.len(), 1);
    assert_eq!(
        (&issued[0]["affectedZUID"], &issued[0]["actionByUserZUID"]),
        (&json!(zuid), &json!(me))
    );
}

#[tokio::test]
async fn users_are_noted_by_their_zuid_on_the_instance_that_they_acted_on() {
    let zesty = Zesty::start();
    let owner = zesty.login(OWNER).await;
    let editor = zesty.login(EDITOR).await;
    let (_, them) = zesty.get(&editor, "/verify").await;
    let them = (
        "actionByUserZUID",
        them["meta"]["userZuid"].as_str().unwrap(),
    );
    zesty
        .post(&editor, &models(GARDEN), json!({"name": "x"}))
        .await;
    zesty.get(&owner, &models(KITCHEN)).await;

    let garden = lines(&zesty, &owner, GARDEN).await;
    let told = requests(&garden, them);
    assert!(told.contains(&("POST".into(), models(GARDEN), "admitted".into())));
    assert!(!json!(garden).to_string().contains(&models(KITCHEN)));
    let kitchen = lines(&zesty, &owner, KITCHEN).await;
    assert!(requests(&kitchen, them).is_empty());
    assert!(json!(kitchen).to_string().contains(&models(KITCHEN)));
}

#[tokio::test]
async fn a_token_that_is_refused_elsewhere_tells_that_instance_nothing() {
    let zesty = Zesty::start();
    let session = zesty.login(OWNER).await;
    let role = zesty.role(&session, KITCHEN, "Owner").await;
    let (_, token) = zesty.issue(&session, &role, "kitchen robot").await;
    assert_eq!(zesty.get(&token, &models(GARDEN)).await.0, 403);
    let garden = lines(&zesty, &session, GARDEN).await;
    assert!(!json!(garden).to_string().contains("kitchen robot"));
    let kitchen = lines(&zesty, &session, KITCHEN).await;
    assert!(json!(kitchen).to_string().contains(&models(GARDEN)));
}

#[tokio::test]
async fn a_line_can_be_looked_up_by_whoever_may_read_the_instance() {
    let zesty = Zesty::start();
    let owner = zesty.login(OWNER).await;
    let reader = zesty.issue_as(&owner, GARDEN, "Read only").await;
    let line = lines(&zesty, &reader, GARDEN).await[0].clone();
    let zuid = line["ZUID"].as_str().unwrap();
    let (status, body) = zesty
        .get(&reader, &format!("{}/{zuid}", audits(GARDEN)))
        .await;
    assert_eq!((status, &body["data"]), (200, &line));
    assert_eq!(
        zesty
            .get(&reader, &format!("{}/none", audits(GARDEN)))
            .await
            .0,
        404
    );
    assert_eq!(zesty.get(&reader, &audits(KITCHEN)).await.0, 403);
}
